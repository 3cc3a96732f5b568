"""The YAML block at the head of a board's Markdown files, read as kanban-md's typed decoder reads it.

Every value is first a piece of text with a place; what it means depends on who asks. So a title of `yes` is
the word, `012` is a title or the number ten, and no tag can construct anything. Edits replace single values
in the text and leave every other byte alone.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

import yaml

_T = TypeVar("_T")
_D = TypeVar("_D")

OPENING = "---\n"
MAX_CHARACTERS = 64 * 1024
"""A longer block is refused before it is parsed: people write twenty lines."""
MAX_DEPTH = 32
"""libyaml's composer recurses in C and takes the process with it on deep nesting, so depth is counted first."""

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE = frozenset({"false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"([-+]?)0o?([0-7]+)")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[-.][A-Za-z0-9_]+)*")
_STAMP = re.compile(
    r"(?P<y>\d{4})-(?P<mo>\d{1,2})-(?P<d>\d{1,2})"
    r"(?:(?:[Tt](?P<h>\d{1,2}):(?P<mi>\d{1,2}):(?P<s>\d{1,2})(?P<f>\.\d+)?(?P<z>Z|[+-]\d\d:\d\d))"
    r"|(?: +(?P<h2>\d{1,2}):(?P<mi2>\d{1,2}):(?P<s2>\d{1,2})(?P<f2>\.\d+)?))?"
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class UnreadableError(ValueError):
    """Why a text cannot be read, and where. Never leaves core: parsers turn it into a `Broken`."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


@dataclass(frozen=True)
class Parts:
    """A file split at its fences. `head` starts at character `start` of the file."""

    head: str
    start: int
    body: str


def split(text: str) -> Parts:
    """Split a task file into its front matter and its body, where kanban-md would; raise UnreadableError."""
    if not text.startswith(OPENING):
        raise UnreadableError(1, _why_unopened(text))
    rest = text[len(OPENING) :]
    end = rest.find("\n---\n")
    if end < 0:
        if not rest.endswith("\n---"):
            raise UnreadableError(1, "the front matter is not closed by a line ---")
        return Parts(rest[:-3], len(OPENING), "")
    return Parts(rest[:end], len(OPENING), rest[end + 5 :].lstrip("\n"))


def _why_unopened(text: str) -> str:
    if not text:
        return "the file is empty, may not be read, or is larger than 1 MiB"
    if text.startswith("\ufeff"):
        return "the file starts with a byte order mark; kanban-md reads only files that start with ---"
    if text.startswith("---\r\n"):
        return "the lines end in CRLF; kanban-md reads only lines that end in LF"
    return "the file does not start with a line ---"


@dataclass(frozen=True)
class Fields:
    """The keys of one YAML mapping, each read as the type that the caller expects.

    Every getter returns the type's empty value for a missing key or a null, and raises UnreadableError with
    the value's line when it is of another type.
    """

    text: str
    lines_before: int
    nodes: Mapping[str, yaml.Node] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.nodes

    def line(self, key: str) -> int:
        """Return the line of the key's value in the file, counted from 1."""
        node = self.nodes.get(key)
        return self.lines_before + 1 if node is None else self._line(node)

    def string(self, key: str) -> str:
        return self._one(key, self._string, "")

    def integer(self, key: str) -> int | None:
        return self._one(key, self._integer, None)

    def flag(self, key: str) -> bool:
        return self._one(key, self._flag, False)

    def day(self, key: str) -> date | None:
        return self._one(key, self._day, None)

    def moment(self, key: str) -> str:
        """Return a time as RFC 3339 with all its digits, or ""."""
        return self._one(key, self._moment, "")

    def strings(self, key: str) -> tuple[str, ...]:
        return tuple(self._string(node) for node in self.sequence(key) if not _is_null(node))

    def integers(self, key: str) -> tuple[int, ...]:
        return tuple(self._integer(node) for node in self.sequence(key) if not _is_null(node))

    def sequence(self, key: str) -> tuple[yaml.Node, ...]:
        node = self.nodes.get(key)
        if node is None or _is_null(node):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            raise UnreadableError(self._line(node), f"{key} is not a list")
        return tuple(node.value)

    def section(self, key: str) -> "Fields":
        """Return a nested mapping, without keys where it is missing."""
        node = self.nodes.get(key)
        if node is None or _is_null(node):
            return Fields(self.text, self.lines_before)
        return self.inside(node)

    def inside(self, node: yaml.Node) -> "Fields":
        """Return the keys of a nested mapping; raise UnreadableError for another kind of value or a doubled key."""
        if not isinstance(node, yaml.MappingNode):
            raise UnreadableError(self._line(node), "not a mapping of keys to values")
        nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in nodes:
                raise UnreadableError(self._line(key), f"the key {name[:40]} is there twice")
            nodes[name] = value
        return Fields(self.text, self.lines_before, nodes)

    def _one(self, key: str, read: Callable[[yaml.Node], _T], empty: _D) -> _T | _D:
        node = self.nodes.get(key)
        if node is None or _is_null(node):
            return empty
        return read(node)

    def _line(self, node: yaml.Node) -> int:
        return self.lines_before + 1 + self.text.count("\n", 0, node.start_mark.index)

    def _scalar(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise UnreadableError(self._line(node), "a list or a mapping stands where one value belongs")
        return str(node.value)

    def _string(self, node: yaml.Node) -> str:
        return "" if _is_null(node) else self._scalar(node)

    def _integer(self, node: yaml.Node) -> int:
        written = self._scalar(node)
        number = None if _is_quoted(node) else whole_number(written)
        if number is None:
            raise UnreadableError(self._line(node), f"{written[:40]!r} is not a whole number")
        return number

    def _flag(self, node: yaml.Node) -> bool:
        written = self._scalar(node)
        if written not in _TRUE | _FALSE:
            raise UnreadableError(self._line(node), f"{written[:40]!r} is neither true nor false")
        return written in _TRUE

    def _day(self, node: yaml.Node) -> date:
        written = self._scalar(node)
        try:
            if _DAY.fullmatch(written):
                return date.fromisoformat(written)
        except ValueError:
            pass
        raise UnreadableError(self._line(node), f"{written[:40]!r} is not a date such as 2026-01-31")

    def _moment(self, node: yaml.Node) -> str:
        written = self._scalar(node)
        stamp = rfc3339(written)
        if stamp is None or (_is_quoted(node) and "T" not in written):
            raise UnreadableError(self._line(node), f"{written[:40]!r} is not a time such as 2026-01-31T12:00:00Z")
        return stamp


def fields(text: str, lines_before: int = 0) -> Fields:
    """Read a YAML mapping, of which `lines_before` lines of the file come first; raise UnreadableError."""
    if len(text) > MAX_CHARACTERS:
        raise UnreadableError(lines_before + 1, f"more than {MAX_CHARACTERS} characters of YAML")
    odd = _UNPRINTABLE.search(text)
    if odd is not None:
        line = lines_before + 1 + text.count("\n", 0, odd.start())
        raise UnreadableError(line, f"holds the character U+{ord(odd.group()):04X}, or bytes that are not UTF-8")
    node = _compose(text, lines_before)
    empty = Fields(text, lines_before)
    return empty if node is None or _is_null(node) else empty.inside(node)


def _compose(text: str, lines_before: int) -> yaml.Node | None:
    try:
        _count_depth(text, lines_before)
        return yaml.compose(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise _from_yaml(error, text, lines_before) from error


def whole_number(written: str) -> int | None:
    """Read a number as kanban-md's decoder does: 012 is ten, 08 is eight, 0x1f, 1_000 and 2.0 are numbers."""
    digits = written.replace("_", "")
    octal = _OCTAL.fullmatch(digits)
    try:
        if octal is not None:
            number = int(octal[1] + octal[2], 8)
        elif _FLOAT.fullmatch(digits) and not digits.lstrip("+-").isdigit():
            number = int(float(digits))
        else:
            number = int(digits, 10 if digits.lstrip("+-").isdecimal() else 0)
    except (ValueError, OverflowError):
        return None
    return number if digits.isascii() and -(2**63) <= number < 2**63 else None


def rfc3339(written: str) -> str | None:
    """Return a time in RFC 3339, its fraction to the nanosecond without trailing zeros; None if it is no time."""
    match = _STAMP.fullmatch(written)
    if match is None or not written.isascii():
        return None
    hour, minute, second = (int(match[name] or match[f"{name}2"] or 0) for name in ("h", "mi", "s"))
    day = (int(match["y"]), int(match["mo"]), int(match["d"]))
    try:
        moment = datetime(*day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    fraction = (match["f"] or match["f2"] or "")[:10].rstrip("0").rstrip(".")
    zone = match["z"] or "Z"
    plain = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return plain + fraction + ("Z" if zone in {"+00:00", "-00:00"} else zone)


def instant(stamp: str) -> datetime | None:
    """Return the moment of a time that `rfc3339` wrote, to the microsecond; None for ""."""
    if not stamp:
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", stamp))
    except ValueError:
        return None


def stamp(moment: datetime) -> str:
    """Write a moment the way kanban-md does: UTC, without trailing zeros."""
    written = rfc3339(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep="T") + "Z")
    return written or ""


def patched(text: str, changes: Mapping[str, str | None], order: Iterable[str]) -> str:
    """Set or remove (None) top-level keys of a file's front matter and leave every other byte as it was.

    A key that is not there yet goes behind those that precede it in `order`. The result is parsed again, and
    UnreadableError raised where a change would not be read back or would touch another value, as it can with
    aliases and with mappings in braces.
    """
    before = _values(text)
    result = text
    ranks = list(order)
    for key, value in changes.items():
        result = _patched_one(result, key, value, ranks)
    wanted = {key: value for key, value in before.items() if key not in changes}
    wanted |= {key: value for key, value in changes.items() if value is not None}
    if _values(result) != wanted or split(result).body != split(text).body:
        raise UnreadableError(1, "its front matter is written in a way that cannot be edited line by line")
    return result


def _patched_one(text: str, key: str, value: str | None, ranks: list[str]) -> str:
    parts = split(text)
    node = _compose(parts.head, 1)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise UnreadableError(2, "its front matter is not one key a line")
    pairs = {k.value: (k, v) for k, v in node.value if isinstance(k, yaml.ScalarNode)}
    if key in pairs:
        head = _replaced(parts.head, *pairs[key], value)
    elif value is None:
        head = parts.head
    else:
        head = _inserted(parts.head, pairs, key, value, ranks)
    return text[: parts.start] + head + text[parts.start + len(parts.head) :]


def _replaced(head: str, key: yaml.Node, node: yaml.Node, value: str | None) -> str:
    start, end = node.start_mark.index, _end(node)
    if value is None:
        first = head.rfind("\n", 0, key.start_mark.index) + 1
        last = _line_end(head, end)
        # the last line of the block has no newline of its own: take the one before it
        return head[:first].removesuffix("\n") if last > len(head) else head[:first] + head[last:]
    if start == end:
        return head[:start] + " " * (head[start - 1] == ":") + scalar(value) + head[end:]
    return head[:start] + scalar(value) + "\n" * head[start:end].endswith("\n") + head[end:]


def _inserted(
    head: str, pairs: Mapping[str, tuple[yaml.Node, yaml.Node]], key: str, value: str, ranks: list[str]
) -> str:
    known = {name: ranks.index(name) for name in pairs if name in ranks}
    before = [name for name, rank in known.items() if rank < ranks.index(key)]
    anchor_key, anchor = pairs[max(before, key=known.__getitem__)] if before else next(iter(pairs.values()))
    indent = head[head.rfind("\n", 0, anchor_key.start_mark.index) + 1 : anchor_key.start_mark.index]
    at = _line_end(head, _end(anchor))
    line = f"{indent}{key}: {scalar(value)}"
    return f"{head}\n{line}" if at > len(head) else f"{head[:at]}{line}\n{head[at:]}"


def _end(node: yaml.Node) -> int:
    """Return where a value really ends: block collections end, for YAML, only at the next key."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _line_end(head: str, index: int) -> int:
    """Return the start of the line after `index`; one past the end where there is none."""
    if index and head[index - 1 : index] == "\n":
        return index
    newline = head.find("\n", index)
    return len(head) + 1 if newline < 0 else newline + 1


def scalar(value: str) -> str:
    """Write a string as one YAML value that every YAML reader takes for that string."""
    reserved = _NULLS | _TRUE | _FALSE | {"nan", "inf"}
    if (_PLAIN.fullmatch(value) and value not in reserved) or rfc3339(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _values(text: str) -> dict[str, object]:
    head = split(text).head
    return {key: _plain(node) for key, node in fields(head, 1).nodes.items()}


def _plain(node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    # aliases may share or even contain a collection: its written form is what must not change
    return (node.tag, yaml.serialize(node))


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not _is_quoted(node) and node.value in _NULLS


def _is_quoted(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style in {"'", '"', "|", ">"}


def _count_depth(text: str, lines_before: int) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark = event.start_mark
            line = lines_before + 1 + (mark.line if mark is not None else 0)
            raise UnreadableError(line, f"nested more than {MAX_DEPTH} deep")


def _from_yaml(error: Exception, text: str, lines_before: int) -> UnreadableError:
    # an unclosed bracket or quote is noticed far behind the place to mend
    unclosed = any(word in (getattr(error, "context", None) or "") for word in ("flow", "quoted"))
    mark = getattr(error, "context_mark" if unclosed else "problem_mark", None)
    place = 0 if mark is None else int(mark.index)
    problem = getattr(error, "problem", None) or "it is not YAML"
    return UnreadableError(lines_before + 1 + text.count("\n", 0, place), f"not YAML: {problem}")
