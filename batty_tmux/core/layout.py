"""Phases and a Jinja template give a tmuxp workspace: plain YAML that tmuxp alone could load.

A value passes through YAML, tmuxp's expansion of `$NAME` and `~`, tmux's expansion of formats, and tmux's
cutting of a trailing `;`. tmuxp has no escape for its part, so each kind of value is written here in the one
form that comes out as it went in, and a template only places it.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import yaml

from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, RunId, clean, phase_id, slug

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

LAYOUTS = ("even-horizontal", "even-vertical", "main-horizontal", "main-vertical", "tiled")
"""The names that every supported tmux knows; another name ends a 3.3a server with all its sessions."""

REFUSED = ("before_script", "global_options", "plugins", "workspace_builder", "workspace_builder_paths")
"""Keys that reach beyond batty's own windows: into other sessions, or into Python."""

_CUSTOM = re.compile(r"([0-9a-f]{4}),([0-9x,\[\]{}]+)")
_HASHES = re.compile(r"#+(?![#\[])")
_EXPANDS = re.compile(r"\$(?=[A-Za-z_{])")


class Quoted(str):
    """A value as the file has it: quoted, on one line."""

    __slots__ = ()


@dataclass(frozen=True)
class Window:
    """What a phase's window shows. `start` is its worktree; the commands are argument vectors."""

    phase: PhaseId
    title: str
    start: str
    executor: tuple[str, ...]
    orchestrator: tuple[str, ...]
    run: RunId
    repo: str


@dataclass(frozen=True)
class Home:
    """The window of the whole run."""

    start: str
    command: tuple[str, ...]
    run: RunId
    repo: str


@dataclass(frozen=True)
class Pane:
    """A pane of a workspace: its own command, or text that is typed into a shell."""

    shell: str | None
    typed: tuple[str, ...]


@dataclass(frozen=True)
class WindowPlan:
    """A window of a workspace as the file has it: directory and options still in their escaped form."""

    name: str
    directory: str | None
    layout: str | None
    phase: PhaseId | None
    options: tuple[tuple[str, str], ...]
    panes: tuple[Pane, ...]


@dataclass(frozen=True)
class Workspace:
    """A tmuxp workspace, checked."""

    session: str
    windows: tuple[WindowPlan, ...]


def session_name(text: str) -> str:
    """Reduce text to what tmux keeps unchanged as a session's name: it rewrites dots and colons."""
    return slug(text).replace(".", "_")


def workspace(template: str, session: str, windows: Sequence[Window], home: Home | None = None) -> str:
    """Render a workspace file. Raises BattyError `layout-template` when the template is at fault."""
    # 7 MB that every supervisor would hold: only what opens windows pays for them
    from jinja2 import TemplateError  # noqa: PLC0415

    values = {
        "session": session_name(session),
        "home": _home_values(home) if home else None,
        "windows": [_window_values(window) for window in windows],
    }
    try:
        return _environment().from_string(template).render(values) + "\n"
    except (TemplateError, TypeError, ValueError) as problem:
        line = getattr(problem, "lineno", None)
        where = f"line {line}: " if line else ""
        raise _refusal("layout-template", "The layout template does not render", where + str(problem)) from None


def parse(text: str) -> Workspace:
    """Read a rendered workspace. Raises BattyError `layout-invalid` naming the window and the key."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise _invalid(" ".join(str(problem).split())) from None
    root = _mapping(data, "the file")
    windows = root.get("windows")
    if not isinstance(windows, list) or not windows:
        raise _invalid("`windows` must be a list of at least one window")
    return Workspace(
        session=_text(root, "session_name", "the file"),
        windows=tuple(_window_plan(window, f"window {number}") for number, window in enumerate(windows, 1)),
    )


def missing(parsed: Workspace, windows: Sequence[Window]) -> tuple[PhaseId, ...]:
    """Return the phases that a template left without a window of their own."""
    present = {window.phase for window in parsed.windows}
    return tuple(window.phase for window in windows if window.phase not in present)


def check_layout(name: str) -> str | None:
    """Return what is wrong with a layout, None when every supported tmux takes it.

    A custom layout is what `#{window_layout}` prints: a checksum and the arrangement.
    """
    if name in LAYOUTS:
        return None
    custom = _CUSTOM.fullmatch(name)
    if custom is None:
        return f"layout {json.dumps(name[:40])} is none of {', '.join(LAYOUTS)}"
    if int(custom[1], 16) != _checksum(custom[2]):
        return f"layout {name[:40]} has a wrong checksum"
    return None


def tmuxp_directory(path: str) -> str:
    """Write a path so that tmuxp and then tmux make that very path of it.

    tmuxp expands `$NAME` and cannot be told not to; tmux expands formats after it, so a `$` is hidden in one.
    Where `[` follows them, tmux takes any number of `#` as they are.
    """
    hidden = _HASHES.sub(r"\g<0>\g<0>", path.replace("\0", "")).replace("$", "#{l:$}")
    return hidden[:-1] + "#{l:;}" if hidden.endswith(";") else hidden


def tmuxp_text(text: str) -> str:
    """Make text for people inert wherever a template may put it: one line, nothing that expands.

    What tmuxp or tmux would rewrite becomes its full-width form, as `clean` does for `#`.
    """
    shown = _EXPANDS.sub("\N{FULLWIDTH DOLLAR SIGN}", clean(text))
    if shown.startswith("~"):
        shown = "\N{FULLWIDTH TILDE}" + shown[1:]
    if shown.startswith("."):
        shown = "\N{FULLWIDTH FULL STOP}" + shown[1:]
    if shown.startswith("-"):
        shown = "\N{FULLWIDTH HYPHEN-MINUS}" + shown[1:]
    return shown[:-1] + "\N{FULLWIDTH SEMICOLON}" if shown.endswith(";") else shown


def packed_path(path: str) -> str:
    """Write a path for an option, percent-encoded: nothing in it can expand or end a line."""
    return quote(path, safe="/+,=@ ", errors="surrogateescape")


def shell_line(argv: Sequence[str]) -> str:
    """Write a command for `shell:`; exec makes the program, not a shell, the pane's process."""
    return "exec " + shlex.join(word.replace("\0", "") for word in argv)


def to_yaml(value: object) -> Quoted:
    """Write a value so that it is JSON and YAML at once, on one line.

    json.dumps would split an emoji into two surrogates, which YAML does not put together again.
    """
    if isinstance(value, str):
        return Quoted('"' + "".join(_yaml_char(c) for c in value) + '"')
    if value is None or isinstance(value, bool | int):
        return Quoted(json.dumps(value))
    if isinstance(value, Mapping):
        return Quoted("{" + ", ".join(f"{to_yaml(str(k))}: {to_yaml(v)}" for k, v in value.items()) + "}")
    if isinstance(value, Sequence):
        return Quoted("[" + ", ".join(to_yaml(item) for item in value) + "]")
    raise TypeError(f"a {type(value).__name__} has no place in a workspace")


def _environment() -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined  # noqa: PLC0415 -- as in workspace
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=_only_quoted)
    environment.filters["tojson"] = _tojson
    return environment


def _tojson(value: object) -> Quoted:
    from jinja2 import StrictUndefined  # noqa: PLC0415 -- as in workspace

    if isinstance(value, StrictUndefined):
        str(value)  # raises, with the name that the template has wrong
    return to_yaml(value)


def _only_quoted(value: object) -> object:
    """Refuse raw text: a title with a colon or a bracket would change the file's shape."""
    if isinstance(value, str) and not isinstance(value, Quoted) and value:
        raise ValueError(f"write {{{{ ... | tojson }}}} for the value {to_yaml(value[:40])}")
    return value


def _home_values(home: Home) -> dict[str, object]:
    return {
        "name": "batty",
        "directory": tmuxp_directory(home.start),
        "command": shell_line(home.command),
        "options": {"@batty_run": home.run, "@batty_repo": packed_path(home.repo), "remain-on-exit": "on"},
    }


def _window_values(window: Window) -> dict[str, object]:
    title = tmuxp_text(window.title)
    return {
        "name": slug(window.phase),
        "directory": tmuxp_directory(window.start),
        "executor": shell_line(window.executor),
        "orchestrator": shell_line(window.orchestrator),
        "phase": window.phase,
        "title": title,
        "run": window.run,
        "options": {
            "@batty_phase": window.phase,
            "@batty_title": title,
            "@batty_state": "working",
            "@batty_task": "",
            "@batty_progress": "",
            "@batty_says": "",
            "@batty_run": window.run,
            "@batty_repo": packed_path(window.repo),
            "remain-on-exit": "on",
        },
    }


def _yaml_char(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char == "\0":
        return ""
    raw = char.isprintable() or ord(char) > 0xFFFF  # noqa: PLR2004 -- beyond \uXXXX both take it as it is
    return char if raw else f"\\u{ord(char):04x}"


def _checksum(layout: str) -> int:
    """Compute the 16-bit rotating sum of layout-custom.c in tmux."""
    total = 0
    for char in layout:
        total = ((total >> 1) + ((total & 1) << 15) + ord(char)) & 0xFFFF
    return total


def _window_plan(data: object, where: str) -> WindowPlan:
    window = _mapping(data, where)
    layout = window.get("layout")
    problem = check_layout(layout if isinstance(layout, str) else repr(layout)) if layout is not None else None
    if problem:
        raise _invalid(f"{where}: {problem}")
    options = _mapping(window.get("options") or {}, f"{where}: `options`")
    panes = window.get("panes", [None])
    if not isinstance(panes, list) or not panes:
        raise _invalid(f"{where}: `panes` must be a list of at least one pane")
    return WindowPlan(
        name=_text(window, "window_name", where),
        directory=_text(window, "start_directory", where) if "start_directory" in window else None,
        layout=str(layout) if layout is not None else None,
        phase=phase_id(str(options.get("@batty_phase", ""))),
        options=tuple((key, _option(value, f"{where}: option {key}")) for key, value in options.items()),
        panes=tuple(_pane(pane, f"{where}, pane {number}") for number, pane in enumerate(panes, 1)),
    )


def _pane(data: object, where: str) -> Pane:
    if data is None or isinstance(data, str):
        return Pane(None, (data,) if data else ())
    pane = _mapping({"shell_command": data} if isinstance(data, list) else data, where)
    shell = _text(pane, "shell", where) if "shell" in pane else None
    typed = pane.get("shell_command") or []
    commands = typed if isinstance(typed, list) else [typed]
    return Pane(shell, tuple(_typed(command, where) for command in commands))


def _typed(data: object, where: str) -> str:
    return data if isinstance(data, str) else _text(_mapping(data, where), "cmd", where)


def _mapping(data: object, where: str) -> Mapping[str, object]:
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise _invalid(f"{where} must be a mapping of keys to values")
    refused = next((key for key in REFUSED if key in data), None)
    if refused:
        raise _invalid(f"{where}: `{refused}` is not for batty's windows")
    return data


def _text(data: Mapping[str, object], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{where}: `{key}` must be text")
    return value


def _option(value: object, where: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int):
        return str(value)
    raise _invalid(f"{where} must be text, a number, or yes or no")


def _invalid(evidence: str) -> BattyError:
    return _refusal("layout-invalid", "The layout is not a tmuxp workspace that batty can open", evidence)


def _refusal(code: str, what: str, evidence: str) -> BattyError:
    return BattyError(code, what, evidence=(evidence,), next="batty config")
