"""The one place that knows libtmux and tmuxp: opens the windows of a tmuxp workspace.

tmuxp reads the file; the windows are made here, because its own builder starts some twenty tmux processes
a window, lets tmux run `#(...)` in names it does not quote, loses commands that end at once, and can end
the user's session. Here one `source-file` makes all windows in one turn of the server's loop.
"""

import copy
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# while they are imported they ask stdout for its encoding, and what a screen puts in its place has none
with redirect_stdout(sys.__stdout__):
    import libtmux
    from tmuxp._internal.config_reader import ConfigReader
    from tmuxp.workspace import loader

from batty_tmux.errors import BattyError
from batty_tmux.host.process import Done
from batty_tmux.host.quoting import line, q_format
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId, PhaseId, SessionId, WindowId, phase_id

COLUMNS, ROWS = 220, 50
"""Size of a session that nobody has attached to yet: wide enough that no dialog wraps."""

ROLES = ("executor", "orchestrator")
"""What the panes of a phase's window are for, from the first on."""

_LAYOUT = re.compile(
    r"(?:even-horizontal|even-vertical|main-horizontal|main-vertical|tiled|[0-9a-f]{4},[0-9x,\[\]{}]+)"
)
_MADE = re.compile(r"(window|pane) ([@%]\d+)")
_SECONDS = 60
"""For all windows at once; 50 of them take a fifth of a second."""

Config = Mapping[str, Any]
"""A workspace as tmuxp hands it over, expanded; checked here before anything is used."""


@dataclass(frozen=True)
class Opened:
    """A window that is there now. `phase` is None for one that is no phase's."""

    window: WindowId
    panes: tuple[PaneId, ...]
    phase: PhaseId | None


@dataclass(frozen=True)
class Loaded:
    """The session, and the windows that were opened in it, in the file's order."""

    session: SessionId
    windows: tuple[Opened, ...]


class SourceFileBuilder:
    """A workspace builder for tmuxp, registered under the name `batty`.

    Honours session_name, start_directory, options and environment of the session (only when it creates
    one); window_name, layout, start_directory, options, options_after, environment, window_shell, focus of
    windows; shell, shell_command, start_directory, environment, focus of panes. Runs no before_script, sets
    no global options, waits nowhere. Names and directories mean what they mean in tmuxp: tmux formats.
    """

    def __init__(
        self,
        session_config: dict[str, Any],
        server: libtmux.Server,
        plugins: list[Any] | None = None,
        on_progress: Callable[[str], None] | None = None,
        on_before_script: Callable[[], None] | None = None,
        on_script_output: Callable[[str], None] | None = None,
        on_build_event: Callable[[dict[str, Any]], None] | None = None,
        *,
        terminal: Terminal | None = None,
    ) -> None:
        self.session_config = session_config
        self.server = server
        self.plugins = plugins or []
        self.on_progress = on_progress
        self.on_before_script = on_before_script
        self.on_script_output = on_script_output
        self.on_build_event = on_build_event
        self.opened: tuple[Opened, ...] = ()
        self._terminal = terminal or _terminal_of(server)
        self._session: SessionId | None = None

    @property
    def session(self) -> libtmux.Session:
        """Return the session that `build` made or added to, or the one that has its name already."""
        return libtmux.Session.from_session_id(server=self.server, session_id=self.session_id)

    @property
    def session_id(self) -> SessionId:
        """Return that session's id, without the listing that libtmux would do."""
        found = self._session or self._terminal.session_named(self.session_config["session_name"])
        if found is None:
            raise BattyError("no-session", "The tmux session does not exist", next="batty work all")
        return found

    def session_exists(self, session_name: str) -> bool:
        """Tell whether a session has exactly this name."""
        return self._terminal.session_named(session_name) is not None

    def find_current_attached_session(self) -> libtmux.Session:
        """Return the session of the pane that this process runs in."""
        pane = os.environ.get("TMUX_PANE")
        found = next((facts.session for facts in self._terminal.panes() if facts.pane == pane), None)
        if found is None:
            raise BattyError("no-session", "This is not a pane of the tmux server", next="batty attach")
        return libtmux.Session.from_session_id(server=self.server, session_id=found)

    def build(self, session: libtmux.Session | None = None, append: bool = False) -> None:  # noqa: ARG002 -- the protocol's; a given session is only ever added to
        """Make the windows, in a new session or added to the given one. All or none.

        Raises BattyError `windows-failed` with what tmux said, and then nothing has changed.
        """
        windows = self.session_config["windows"]
        _check_layouts(windows)
        given = SessionId(session.session_id or "") if session else None
        self._tell({"event": "session_created", "name": self.session_config["session_name"], **_totals(windows)})
        self.opened = self._create(windows) if given is None else self._append(given, windows)
        self._session = self._session or given
        self._tell({"event": "workspace_built"})

    def _create(self, windows: Sequence[Config]) -> tuple[Opened, ...]:
        session, placeholder = _new_session(self._terminal, self.session_config)
        self._session = session
        after = [line("kill-window", "-t", placeholder), line("move-window", "-r", "-t", session)]
        try:
            self._terminal.source(list(_session_lines(session, self.session_config))).check()
            opened = _open(self._terminal, session, windows, after)
        except BattyError:
            self._terminal.run("kill-session", "-t", session)
            self._session = None
            raise
        focused = [one.window for one, config in zip(opened, windows, strict=True) if config.get("focus")]
        self._terminal.run("select-window", "-t", (focused or [opened[0].window])[-1]).check()
        return opened

    def _append(self, session: SessionId, windows: Sequence[Config]) -> tuple[Opened, ...]:
        return _open(self._terminal, session, windows, [])

    def _tell(self, event: dict[str, Any]) -> None:
        if self.on_build_event:
            self.on_build_event(event)


def load(
    source: Path | str | dict[str, Any],
    terminal: Terminal,
    session: str,
    *,
    append_to: SessionId | None = None,
) -> Loaded:
    """Open the windows of a workspace (a file, its text, or its data), in a session of this name or added to one.

    A new session is detached. What is added takes no focus and leaves the session's own options alone.
    Raises BattyError `windows-failed` when tmux refuses; then no window of the file is left.
    """
    folder = source.parent if isinstance(source, Path) else Path.cwd()
    expanded = loader.trickle(loader.expand(_read(source), cwd=folder))
    server = libtmux.Server(socket_path=terminal.socket)
    builder = SourceFileBuilder(expanded | {"session_name": session}, server, terminal=terminal)
    builder.build(libtmux.Session(server=server, session_id=append_to) if append_to else None)
    return Loaded(builder.session_id, builder.opened)


def _read(source: Path | str | dict[str, Any]) -> dict[str, Any]:
    """Read as tmuxp does, which has no public reader. JSON is YAML too."""
    if isinstance(source, dict):
        return copy.deepcopy(source)
    text = source.read_text("utf-8") if isinstance(source, Path) else source
    return dict(ConfigReader._load("yaml", text))  # noqa: SLF001


def _terminal_of(server: libtmux.Server) -> Terminal:
    if server.socket_path:
        return Terminal(Path(server.socket_path))
    if server.socket_name:
        folder = Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{os.getuid()}"  # noqa: S108 -- where tmux looks
        return Terminal(folder / server.socket_name)
    return Terminal.from_environment(os.environ)


def _check_layouts(windows: Sequence[Config]) -> None:
    """Refuse what would end a 3.3a server; what is merely wrong, tmux refuses itself."""
    for window in windows:
        layout = window.get("layout")
        if layout is not None and _LAYOUT.fullmatch(str(layout)) is None:
            raise BattyError("layout-invalid", f"tmux has no layout {str(layout)[:40]!r}", next="batty config")


def _new_session(terminal: Terminal, config: Config) -> tuple[SessionId, WindowId]:
    """Create a detached session whose one window only holds it open."""
    words = ["new-session", "-d", "-P", "-F", "#{session_id} #{window_id}", "-x", str(COLUMNS), "-y", str(ROWS)]
    directory = _directory(config)
    name = ("-s", q_format(str(config["session_name"])))
    done = terminal.run(*words, *name, *directory, *_environment(config), "--", "exec cat")
    if not done.ok:
        raise _failed(done)
    session, window = done.stdout.split()
    return SessionId(session), WindowId(window)


def _session_lines(session: SessionId, config: Config) -> Iterator[str]:
    for key, value in (config.get("options") or {}).items():
        yield line("set-option", "-t", session, "--", key, _value(value))
    for key, value in (config.get("environment") or {}).items():
        yield line("set-environment", "-t", session, "--", key, str(value))


def _open(
    terminal: Terminal, session: SessionId, windows: Sequence[Config], after: Sequence[str]
) -> tuple[Opened, ...]:
    lines = [_window_line(f"{session}:{{end}}", window) for window in windows]
    done = terminal.source(lines, timeout=_SECONDS)
    opened = _opened(done, windows)
    if not done.ok or len(opened) != len(windows):
        for one in opened:
            terminal.kill_window(one.window)
        raise _failed(done)
    pairs = list(zip(opened, windows, strict=True))
    terminal.source([*after, *(text for one, config in pairs for text in _finish_lines(one, config))]).check()
    return opened


def _window_line(target: str, window: Config) -> str:
    """Write all of a window's commands as one group: when one fails, tmux drops the rest of its group.

    So a window that cannot be made never lets its options or its panes fall upon the user's last window,
    which is what `{end}` would then name. Nothing else can come between: tmux runs the group in one turn.
    """
    panes = _panes(window)
    named = ("-n", str(window["window_name"])) if window.get("window_name") else ()
    made = ("new-window", "-d", "-a", "-P", "-F", "window #{window_id}\npane #{pane_id}", "-t", target)
    commands = [line(*made, *named, *_pane_words(panes[0], window))]
    commands += _options(target, window.get("options"))
    commands += _role(target, window, 0)
    commands += _layout(target, window)
    for number, pane in enumerate(panes[1:], 1):
        split = ("split-window", "-v", "-P", "-F", "pane #{pane_id}", "-t", target)
        commands.append(line(*split, *_pane_words(pane, window)))
        commands += _role(target, window, number)
        commands += _layout(target, window)
    return " ; ".join(commands)


def _panes(window: Config) -> Sequence[Config]:
    return window["panes"] or [{}]


def _pane_words(pane: Config, window: Config) -> tuple[str, ...]:
    shell = pane.get("shell") or window.get("window_shell")
    directory = _directory(pane) or _directory(window)
    environment = _environment(pane) or _environment(window)
    return (*directory, *environment, *(("--", str(shell)) if shell else ()))


def _directory(config: Config) -> tuple[str, ...]:
    return ("-c", str(config["start_directory"])) if config.get("start_directory") else ()


def _environment(config: Config) -> tuple[str, ...]:
    return tuple(w for key, value in (config.get("environment") or {}).items() for w in ("-e", f"{key}={value}"))


def _options(target: str, options: Mapping[str, object] | None) -> list[str]:
    return [line("set-option", "-w", "-t", target, "--", key, _value(v)) for key, v in (options or {}).items()]


def _role(target: str, window: Config, number: int) -> list[str]:
    """Mark a pane of a phase's window; a new pane is its window's active one, which is what target names."""
    if number >= len(ROLES) or _phase(window) is None:
        return []
    return [line("set-option", "-p", "-t", target, "@batty_role", ROLES[number])]


def _layout(target: str, window: Config) -> list[str]:
    return [line("select-layout", "-t", target, str(window["layout"]))] if window.get("layout") else []


def _finish_lines(opened: Opened, window: Config) -> Iterator[str]:
    """Type what is to be typed, then set the options that wait for it, and the focus inside the window."""
    focus = opened.panes[0]
    for pane, config in zip(opened.panes, _panes(window), strict=True):
        for command in config.get("shell_command") or ():
            yield line("send-keys", "-t", pane, "-l", "--", str(command["cmd"]))
            if command.get("enter", config.get("enter", True)):
                yield line("send-keys", "-t", pane, "Enter")
        focus = pane if config.get("focus") else focus
    yield from _options(opened.window, window.get("options_after"))
    yield line("select-pane", "-t", focus)


def _opened(done: Done, windows: Sequence[Config]) -> tuple[Opened, ...]:
    made: list[tuple[WindowId, list[PaneId]]] = []
    for kind, ident in _MADE.findall(done.stdout):
        if kind == "window":
            made.append((WindowId(ident), []))
        else:
            made[-1][1].append(PaneId(ident))
    phases = [_phase(window) for window in windows]
    return tuple(Opened(window, tuple(panes), phase) for (window, panes), phase in zip(made, phases, strict=False))


def _phase(window: Config) -> PhaseId | None:
    return phase_id(str((window.get("options") or {}).get("@batty_phase", "")))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _totals(windows: Sequence[Config]) -> dict[str, int]:
    return {"window_total": len(windows), "session_pane_total": sum(len(_panes(window)) for window in windows)}


def _failed(done: Done) -> BattyError:
    said = tuple((done.stderr.strip() or done.stdout.strip()).splitlines()[-12:])
    return BattyError("windows-failed", "tmux could not open the windows", evidence=said, next="batty doctor")
