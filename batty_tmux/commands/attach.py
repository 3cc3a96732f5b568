"""batty attach: go and look."""

import os
import shlex
from pathlib import Path

import click

from batty_tmux.commands.naming import PHASE
from batty_tmux.commands.show import say
from batty_tmux.commands.wait import interactive
from batty_tmux.core.attention import Waiting, waiting
from batty_tmux.core.coming_back import listed
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.windows import find_window, session_id, session_of
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.process import become, scrubbed
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PhaseId, RunId, WindowId

CLIENT = "BATTY_CLIENT"
"""Names the tmux client of whoever looks on, where that is a popup, which belongs to no session."""


@click.command()
@click.argument("phase", required=False, type=PHASE)
@click.option("--waiting", "oldest", is_flag=True, help="Go to what has waited for you longest.")
@click.pass_obj
def command(repo: Path, phase: str | None, oldest: bool) -> None:
    """Go to the session, or to a phase's window; inside of tmux the client you are in is switched.

    \b
    Examples:
      batty attach phase-2
      batty attach --waiting
    """
    project = Project.around(repo)
    name = named_phase(phase) if phase else None
    found = [one for one in waiting(project.statuses(), now()) if one.phase is not None] if name is None else []
    if oldest and name is None:
        name = _oldest(project, found)
    elif found:
        many = f"{listed([one.name for one in found])} {'needs' if len(found) == 1 else 'need'} you"
        say(f"! {many}   ↳ the one that has waited longest: batty attach --waiting")
    attach(project, name)


def attach(project: Project, phase: PhaseId | None) -> None:
    """Become a tmux client on the repository's session, or switch the one we are in. Does not return."""
    terminal = project.terminal
    session = session_id(project, terminal)
    if session is None:
        then = "batty resume" if project.run.id else "batty work all"
        raise BattyError("no-session", "no tmux session of this repository is open", next=then)
    window = _window(project, phase) if phase is not None else None
    inside = Terminal.from_environment(os.environ).socket
    if inside is not None and not _is_same(terminal, inside):
        what = f"the session {session_of(project, terminal)} is on another tmux server than the one you are in"
        nested = ("env", "TMUX=", *terminal.argv("attach-session", "-t", session))
        evidence = (f"it is on {terminal.socket}, you are in {inside}", "this nests one in the other; or detach first")
        raise BattyError("other-server", what, evidence=evidence, next=shlex.join(nested))
    if window is not None and not terminal.run("select-window", "-t", window).ok:
        raise BattyError("no-window", f"the window of {phase} has gone just now", next="batty resume")
    if not interactive():
        raise BattyError("no-terminal", "there is no terminal to attach", next="batty status")
    verb = "switch-client" if inside is not None else "attach-session"
    environ = {**scrubbed(), **{k: os.environ[k] for k in ("TMUX", "TMUX_PANE") if k in os.environ}}
    if verb == "attach-session":
        environ.pop("TMUX", None)
    client = os.environ.get(CLIENT, "") if verb == "switch-client" else ""
    become(terminal.argv(verb, *(("-c", client) if client else ()), "-t", session), environ)


def _oldest(project: Project, found: list[Waiting]) -> PhaseId:
    """Return the phase that has waited longest and has a window to look at."""
    for one in found:
        watch = project.watch(one.phase) if one.phase is not None else None
        if watch is not None and find_window(project.terminal, project, watch.phase, RunId(watch.run)) is not None:
            return watch.phase
    raise BattyError("nothing-waits", "no phase with a window waits for you", next="batty status")


def _window(project: Project, phase: PhaseId) -> WindowId:
    """Return the phase's window, by what batty wrote on it: a number may be another window's by now."""
    project.phase(phase)
    status = project.status(phase)
    watch = status.watch
    there = find_window(project.terminal, project, phase, RunId(watch.run)) if watch.launching is not None else None
    if there is not None:
        return there.window
    then = status.next or "batty status"
    if watch.launching is None:
        raise BattyError("no-window", f"{phase} has no window yet: it is {status.state}", next=then)
    if status.state == "landed":
        raise BattyError("no-window", f"{phase} has landed, and its window is gone", next="batty log")
    raise BattyError("no-window", f"{phase} has no window", next="batty resume")


def _is_same(terminal: Terminal, inside: Path) -> bool:
    return terminal.socket is None or terminal.socket == inside or terminal.identity() == Terminal(inside).identity()
