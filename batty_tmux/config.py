"""batty.toml -> Config. A key that does not exist, or a wrong value, is refused by file, line and key.

The classes of config_tables are the one description of the file: defaults, kinds and meanings come from them.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from batty_tmux import toml_lines
from batty_tmux.config_rules import director_problem, hosts_problem, shown, supervisor_problem, text_problem
from batty_tmux.config_tables import MATCHERS, Config
from batty_tmux.errors import BattyError
from batty_tmux.toml_lines import Lines, Path

FILE: Final = "batty.toml"
BUILT_IN: Final = ("claude", "codex")
"""Agents that need no entry in the file."""
MAX_SIZE: Final = 256 * 1024
"""In characters. Nobody writes such a file by hand, and parsing must stay quick for every command."""

_MOST_PROBLEMS = 20
_AT = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class ConfigError(BattyError):
    """A batty.toml that cannot be used. `line` counts from 1; `key` is dotted, empty for a syntax error."""

    def __init__(self, source: str, line: int, key: str, problem: str, *, evidence: tuple[str, ...] = ()) -> None:
        where = f"{source}:{line}: {key}: " if key else f"{source}:{line}: "
        super().__init__("bad-config", where + problem, evidence=evidence, next="batty doctor")
        self.source = source
        self.line = line
        self.key = key
        self.problem = problem


class Key(Struct, frozen=True):
    """One key of the file. `default` is written as in TOML, and empty where there is none."""

    key: str
    default: str
    meaning: str


def parse(text: str, source: str = FILE) -> Config:
    """Read a batty.toml. Raises ConfigError with the first problem; its evidence has the others."""
    tables, lines = _tables(text, source)
    found = sorted(_problems(tables, lines), key=lambda problem: problem[0])
    if found:
        rest = tuple(f"{source}:{line}: {key}: {what}" for line, key, what in found[1:_MOST_PROBLEMS])
        line, key, what = found[0]
        raise ConfigError(source, line, key, what, evidence=rest)
    return msgspec.convert(_plain(tables), Config)


def peek_base(text: str, source: str = FILE) -> str:
    """Return run.base alone, "" when it is not given; whatever else the file holds does not matter.

    Raises ConfigError when the text is no TOML, or when this key is not a branch's name.
    """
    tables, lines = _tables(text, source)
    run = tables.get("run")
    base = run.get("base", "") if isinstance(run, dict) else ""
    problem = _value_problem(("run", "base"), str, base)
    if problem:
        raise ConfigError(source, lines.line(("run", "base")), "run.base", problem)
    return str(base)


def peek_remote(text: str, source: str = FILE) -> str:
    """Return queue.remote alone, "" where it is not given or whatever else is no name of a remote.

    Where the rest of the file cannot be used, this says whose branch that is to be told of. Raises ConfigError when
    the text is no TOML.
    """
    tables, _ = _tables(text, source)
    queue = tables.get("queue")
    remote = queue.get("remote", "") if isinstance(queue, dict) else ""
    return str(remote) if not _value_problem(("queue", "remote"), str, remote) else ""


def describe() -> tuple[Key, ...]:
    """Return every key of the file, in its order; NAME and [] stand for an agent's name and for a rule."""
    return tuple(_described(Config, ""))


def values(config: Config) -> Iterator[tuple[str, object]]:
    """Yield every key with its effective value, in the order of the file."""
    for section in msgspec.structs.fields(Config):
        table = getattr(config, section.name)
        several = isinstance(table, dict)
        tables = {f"{section.name}.{name}": one for name, one in table.items()} if several else {section.name: table}
        for prefix, struct in tables.items():
            if isinstance(struct, Struct):
                yield from ((f"{prefix}.{name}", value) for name, value in msgspec.structs.asdict(struct).items())


def given(text: str) -> frozenset[str]:
    """Return the dotted keys that a valid text sets itself."""
    return frozenset(".".join(path) for path in toml_lines.scan(text).at)


def literal(value: object) -> str:
    """Write a value as TOML does, on one line."""
    if isinstance(value, Struct):
        return "{" + ", ".join(f"{k} = {literal(v)}" for k, v in msgspec.structs.asdict(value).items() if v) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(literal(part) for part in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described(table: type[Struct], prefix: str) -> Iterator[Key]:
    for info in msgspec.structs.fields(table):
        key, inner = prefix + info.name, _inner(info.type)
        if inner is not None and not isinstance(inner, tuple):
            yield from _described(inner, f"{key}.")
        elif inner is not None:
            yield from _described(inner[1], f"{key}.NAME." if inner[0] is dict else f"{key}[].")
        else:
            default = "" if info.default is msgspec.NODEFAULT else literal(info.default)
            yield Key(key, default, _meta(info.type).description or "")


def _inner(kind: Any) -> type[Struct] | tuple[type, type[Struct]] | None:  # noqa: ANN401 - a type expression
    """Return the table that a field holds, with dict or tuple where it holds several; None for plain values."""
    bare = _bare(kind)
    if isinstance(bare, type) and issubclass(bare, Struct):
        return bare
    several = get_origin(bare)
    if several not in {dict, tuple}:
        return None
    last = next(part for part in reversed(get_args(bare)) if part is not ...)
    return (several, last) if isinstance(last, type) and issubclass(last, Struct) else None


def _bare(kind: Any) -> Any:  # noqa: ANN401 - a type expression
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _meta(kind: Any) -> Meta:  # noqa: ANN401 - a type expression
    return next((part for part in get_args(kind)[1:] if isinstance(part, Meta)), Meta())


def _tables(text: str, source: str) -> tuple[dict[str, Any], Lines]:
    """Parse the syntax. Raises ConfigError; what would exhaust the parser is refused before it is tried."""
    if len(text) > MAX_SIZE:
        line = text.count("\n", 0, MAX_SIZE) + 1
        last = next(reversed(toml_lines.scan(text[:MAX_SIZE]).at), ())
        dotted = ".".join(last[:3])[:60]
        raise ConfigError(source, line, dotted, f"the file is longer than {MAX_SIZE // 1024} KiB at this line")
    lines = toml_lines.scan(text)
    if lines.too_deep is not None:
        key = ".".join(lines.too_deep[:2])[:60]
        raise ConfigError(source, lines.line(lines.too_deep), key, "is nested too deep")
    try:
        return tomllib.loads(text), lines
    except ValueError as error:
        line = _error_line(str(error), text)
        raise _syntax(source, line, text, _AT.sub("", str(error))) from error
    except RecursionError as error:
        raise ConfigError(source, 1, "", "is nested too deep") from error


def _error_line(message: str, text: str) -> int:
    found = _AT.search(message)
    if found is not None:
        return int(found[1]) if found[1] else len(text.rstrip("\n").split("\n"))
    digits = re.search(r"\d{1000}", text)
    return text.count("\n", 0, digits.start()) + 1 if digits else 1


def _syntax(source: str, line: int, text: str, message: str) -> ConfigError:
    rows = text.split("\n")
    row = rows[line - 1] if line <= len(rows) else ""
    key = re.match(r"\s*\[*\s*([A-Za-z0-9_.-]{1,60})", row)
    twice = message.startswith(("Cannot overwrite", "Cannot declare"))
    problem = "is given twice" if twice else f"is not valid TOML: {shown(message)}"
    return ConfigError(source, line, key[1] if key else "", problem, evidence=(f"{line} | {shown(row)}",))


_Problem = tuple[int, str, str]


def _problems(tables: dict[str, Any], lines: Lines) -> Iterator[_Problem]:
    yield from _table_problems((), Config, tables, lines)
    agents = tables.get("agents", {})
    names = agents if isinstance(agents, dict) else {}
    for name, agent in names.items():
        if name not in BUILT_IN and isinstance(agent, dict) and not agent.get("command"):
            yield (
                lines.line(("agents", name)),
                f"agents.{shown(name)}",
                "has no command; only claude and codex need none",
            )
    hosts = tables.get("hosts")
    if isinstance(hosts, dict):
        key, problem = hosts_problem(hosts)
        if problem:
            yield lines.line(("hosts", key)), f"hosts.{shown(key)}", problem
    policy = tables.get("policy")
    rules = policy.get("rule") if isinstance(policy, dict) else None
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict) and not any(rule.get(key) for key in MATCHERS) and "match" not in rule:
            path = ("policy", "rule", str(number))
            several = ", ".join(MATCHERS)
            yield lines.line(path), _dotted(path), f"names nothing that it is for: give one of {several}"
    run = tables.get("run")
    chosen = run.get("agent") if isinstance(run, dict) else None
    if isinstance(chosen, str) and chosen and chosen not in {*BUILT_IN, *names}:
        near = _near(chosen, (*BUILT_IN, *names))
        yield lines.line(("run", "agent")), "run.agent", f'no agent is called "{shown(chosen)}"{near}'
    asked = tables.get("supervisor")
    if isinstance(asked, dict):
        key, problem = supervisor_problem(asked.get("by", ""), asked.get("command"))
        if problem:
            yield lines.line(("supervisor", key)), f"supervisor.{key}", problem
    read = tables.get("review")
    if isinstance(read, dict):
        key, problem = director_problem(read.get("by", ""), read.get("director", "claude"), read.get("command"))
        if problem:
            yield lines.line(("review", key)), f"review.{key}", problem


def _table_problems(path: Path, table: type[Struct], given_: object, lines: Lines) -> Iterator[_Problem]:
    if not isinstance(given_, dict):
        yield lines.line(path), _dotted(path), f"must be a table, not {_kind(given_)}"
        return
    fields = {info.name: info for info in msgspec.structs.fields(table)}
    for name, value in given_.items():
        if name in fields:
            yield from _field_problems((*path, name), fields[name].type, value, lines)
        else:
            yield lines.line((*path, name)), _dotted((*path, name)), "no such key" + _nearest(path, name, tuple(fields))
    for name, info in fields.items():
        if name not in given_ and info.required:
            yield lines.line(path), _dotted((*path, name)), "is missing"


def _field_problems(path: Path, kind: Any, value: object, lines: Lines) -> Iterator[_Problem]:  # noqa: ANN401
    inner = _inner(kind)
    if inner is None:
        problem = _value_problem(path, kind, value)
        if problem:
            yield _value_line(path, value, lines), _dotted(path), problem
    elif not isinstance(inner, tuple):
        yield from _table_problems(path, inner, value, lines)
    elif isinstance(value, dict if inner[0] is dict else list):
        yield from _entries_problems(path, inner[1], value, lines)
    else:
        several = "a table of tables" if inner[0] is dict else "a list of tables"
        yield lines.line(path), _dotted(path), f"must be {several}, not {_kind(value)}"


def _entries_problems(path: Path, table: type[Struct], value: Any, lines: Lines) -> Iterator[_Problem]:  # noqa: ANN401
    for name, entry in value.items() if isinstance(value, dict) else enumerate(value):
        inner = (*path, str(name))
        if isinstance(value, dict) and not _AGENT.fullmatch(str(name)):
            yield lines.line(inner), _dotted(inner), "a name has up to 32 of the characters A-Z a-z 0-9 _ -"
        yield from _table_problems(inner, table, entry, lines)


def _value_line(path: Path, value: object, lines: Lines) -> int:
    """Return the line of the entry that is wrong, where a list has one entry a line."""
    if isinstance(value, list):
        for number, entry in enumerate(value):
            if _value_problem(path, tuple[str, ...], [entry]):
                return lines.line((*path, str(number)))
    return lines.line(path)


def _value_problem(path: Path, kind: Any, value: object) -> str:  # noqa: ANN401 - a type expression
    """Return what is wrong with one value, or nothing."""
    if path == ("gate", "timeout") and type(value) is int:
        value = str(value)
    try:
        known = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        shown = _kind(value) if isinstance(value, (dict, list)) else f"{_kind(value)} {_brief(value)}"
        return f"must be {_wanted(_bare(kind), _meta(kind))}, not {shown.strip()}"
    texts = (known,) if isinstance(known, str) else known if isinstance(known, tuple) else ()
    return next(filter(None, (text_problem(path, text) for text in texts)), "")


def _wanted(kind: Any, meta: Meta) -> str:  # noqa: ANN401 - a type expression
    if kind is int:
        return f"a whole number from {meta.ge} to {meta.le}"
    if kind is float:
        return f"a number from {meta.ge} to {meta.le}"
    if get_origin(kind) is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of texts"
    options = get_args(kind)
    return " or ".join(_wanted(_bare(option), _meta(option)) for option in options) if options else "a text"


def _kind(value: object) -> str:
    names = {bool: "the truth value", int: "the number", float: "the number", str: "the text"}
    return (
        "a table"
        if isinstance(value, dict)
        else "a list"
        if isinstance(value, list)
        else names.get(type(value), "a date or time")
    )


def _brief(value: object) -> str:
    try:
        return shown(literal(value) if isinstance(value, str) else str(value).lower())[:40]
    except ValueError:
        # an integer of more than 4300 digits, given in hexadecimal, cannot be written in decimal
        return "that is far too large"


def _dotted(path: Path) -> str:
    return shown(".".join(part[:40] for part in path))


def _nearest(path: Path, name: str, siblings: tuple[str, ...]) -> str:
    """Name the nearest key in the same table, else a key of that name or nearly so in another one."""
    near = difflib.get_close_matches(name[:60], siblings, n=1)
    if near:
        return f'; did you mean "{_dotted((*path, near[0]))}"?'
    everywhere = {entry.key.rsplit(".", 1)[-1]: entry.key for entry in reversed(describe())}
    near = difflib.get_close_matches(name[:60], everywhere, n=1)
    return f'; did you mean "{everywhere[near[0]]}"?' if near else f"; there are {', '.join(siblings)}"


def _near(name: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name[:60], names, n=1)
    return f'; did you mean "{near[0]}"?' if near else f"; there are {', '.join(names[:9])}"


def _plain(tables: dict[str, Any]) -> dict[str, Any]:
    """Return the tables with a timeout of plain seconds as text."""
    gate = tables.get("gate", {})
    return tables | ({"gate": gate | {"timeout": str(gate["timeout"])}} if "timeout" in gate else {})
