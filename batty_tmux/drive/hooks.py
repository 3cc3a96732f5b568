"""What batty leaves in a tmux session: whose it is, how to start the lander, the caller's environment."""

import json
import os
import shlex
from collections.abc import Mapping

from batty_tmux.core.layout import LAYOUTS, packed_path, parse
from batty_tmux.drive.project import Project, program
from batty_tmux.host.files import share
from batty_tmux.host.process import detach, scrubbed
from batty_tmux.host.quoting import line, q_format
from batty_tmux.host.terminal import CAME, Terminal
from batty_tmux.names import PaneId, SessionId, WindowId

LAND = "@batty-land"
ATTENTION = "@batty-attention"
LANDED = "@batty-landed"
ENVIRONMENT = "BATTY_ENVIRONMENT"
"""Hidden variable of the session: the environment `batty work` was called in. In tmux's memory, on no disk."""

_COMINGS = ("client-attached", "client-session-changed", "session-window-changed", "window-pane-changed")
_PLACE = 1848
"""Where ours stand in tmux's arrays of hooks. A user's own, at other places, stay and run as before."""

_PLAIN = {
    "window-status-format": "#I:#W#{?window_flags,#{window_flags}, }",
    "window-status-current-format": "#I:#W#{?window_flags,#{window_flags}, }",
}
"""tmux's own formats of the window list, which show no state. Whoever has others has a theme, and puts it there."""

_SHORT = "10"
_OF_THE_TERMINAL = frozenset({"TMUX", "TMUX_PANE", "PWD", "OLDPWD", "SHLVL", "_", "TERM", "COLUMNS", "LINES"})


def install(project: Project, terminal: Terminal, session: SessionId) -> None:
    """Mark the session as this repository's and set its hook that starts the lander."""
    repo = packed_path(str(project.place.state))
    job = line("run-shell", "-b", land_job(project))
    terminal.source(
        [
            line("set-option", "-t", session, "@batty_session_repo", repo),
            line("set-hook", "-t", session, LAND, job),
        ]
    ).check()
    mark_comings(terminal)


def mark_comings(terminal: Terminal) -> None:
    """Have tmux note when a client comes to a phase's window, so that its next key is known to be for the pane.

    In the server's own arrays: a session's would hide all that the user has there. In other windows they do nothing.
    """
    note = line("set-option", "-w", "-F", CAME, "#{T:#{l:%s}}")
    where = line("if-shell", "-F", "#{@batty_phase}", note)
    terminal.source([line("set-hook", "-g", f"{name}[{_PLACE}]", where) for name in _COMINGS])


def dress(terminal: Terminal, session: SessionId) -> None:
    """Show phase, task and progress in the status line of a session that batty made.

    Where the plugin is loaded its placeholder does that, in every session and where the user put it.
    """
    terminal.source(_segments())
    told = terminal.run("show-options", "-g", "-v", "status-right").stdout.removesuffix("\n")
    if "@batty_segment" not in told:
        terminal.source(
            [
                line("set-option", "-t", session, "status-right", "#{E:@batty_segment}  " + told),
                line("set-option", "-t", session, "status-right-length", "60"),
            ]
        )
    if terminal.run("show-options", "-g", "-v", "status-left-length").stdout.strip() == _SHORT:
        # tmux's own, which cuts off the names of most repositories
        terminal.source([line("set-option", "-t", session, "status-left-length", "32")])


def dress_window(terminal: Terminal, window: WindowId) -> None:
    """Show a phase's state in the list of windows too, where that is tmux's own."""
    names = tuple(_PLAIN)
    shown = {name: terminal.run("show-options", "-gwv", name).stdout.removesuffix("\n") for name in names}
    if shown == _PLAIN:
        marked = (line("set-option", "-w", "-t", window, name, _PLAIN[name] + "#{E:@batty_window}") for name in names)
        terminal.source(list(marked))


def _segments() -> list[str]:
    """Return the plugin's own file of what the status line shows, a command each."""
    text = (share() / "tmux" / "segments.conf").read_text("utf-8").replace("\\\n", "")
    return [row for row in text.splitlines() if row.startswith("set-option")]


def watch_pane(project: Project, terminal: Terminal, pane: PaneId) -> None:
    """Start the lander when the pane's process ends. Below tmux 3.6 this is often lost: see `wake_server`."""
    job = line("run-shell", "-b", land_job(project))
    terminal.source([line("set-hook", "-p", "-t", pane, "pane-died", job)])


def keep_shape(terminal: Terminal, window: WindowId, rendered: str) -> None:
    """Lay the window out again whenever its size changes.

    It is made at a size that no client has yet; shrunk by tmux alone, the lower pane is left with two rows.
    """
    layout = parse(rendered).windows[0].layout
    if layout in LAYOUTS:
        again = line("select-layout", "-t", window, layout)
        terminal.source([line("set-hook", "-w", "-t", window, "window-resized", again)])


def land_job(project: Project) -> str:
    """Return the shell line that starts a lander. Nothing of a title or branch is in it."""
    argv = (*program(), "--repo", str(project.place.home), "hook", "land")
    return q_format("exec " + shlex.join(argv))


def summon_lander(project: Project, session: SessionId | None) -> None:
    """Start a lander: through tmux where the session has the hook, else directly. Several may start at once."""
    terminal = project.terminal
    hooked = session is not None and terminal.run("show-options", "-v", "-t", session, LAND).stdout.strip()
    if not hooked or not terminal.run("set-hook", "-R", "-t", str(session), LAND).ok:
        start_lander(project)


def start_lander(project: Project) -> None:
    argv = (*program(), "--repo", str(project.place.home), "land", "--detached")
    detach(argv, cwd=project.place.home, log=project.place.state / "lander.log")


def fire(project: Project, session: SessionId | None, hook: str) -> None:
    """Run a hook that belongs to the user; empty by default."""
    if session is not None:
        project.terminal.run("set-hook", "-R", "-t", session, hook)


def remember_environment(terminal: Terminal, session: SessionId, environ: Mapping[str, str]) -> None:
    """Keep the caller's environment with the session, for phases and gates that start later."""
    kept = {key: value for key, value in scrubbed(environ).items() if key not in _OF_THE_TERMINAL}
    terminal.remember(session, ENVIRONMENT, json.dumps(kept))


def caller_environment(terminal: Terminal, session: SessionId | None) -> dict[str, str]:
    """Return the environment `batty work` was called in, on top of this process's own terminal variables."""
    told = terminal.recall(session, ENVIRONMENT) if session is not None else None
    if told is None:
        return scrubbed()
    here = {key: value for key, value in os.environ.items() if key in _OF_THE_TERMINAL}
    return {**here, **json.loads(told)}
