"""Pause the supervision of a phase, and let it go on: a person's word, which stands until a person takes it back."""

from collections.abc import Mapping
from pathlib import Path

from batty_tmux.core.attention import Hold, hold
from batty_tmux.core.events import Paused, Unpaused
from batty_tmux.drive.bar import HOLD
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError, UsageError
from batty_tmux.host.plumbing import Git
from batty_tmux.host.terminal import Terminal, WindowFacts
from batty_tmux.names import PhaseId, RunId, WindowId


def pause(project: Project, phase: PhaseId) -> bool:
    """Have supervision type nothing into the phase. False when a person had paused it already."""
    return _say(project, phase, Paused(run=_run(project, phase), phase=phase, by="person"), unless="paused")


def unpause(project: Project, phase: PhaseId) -> bool:
    """Let supervision go on, whatever held it. False when nothing did."""
    return _say(project, phase, Unpaused(run=_run(project, phase), phase=phase, by="person"), unless="")


def _say(project: Project, phase: PhaseId, event: Paused | Unpaused, *, unless: Hold) -> bool:
    changes = hold(project.watch(phase)) != unless
    if changes:
        project.place.records.append(event)
    _show(project, phase)
    return changes


def _run(project: Project, phase: PhaseId) -> RunId:
    watch = project.watch(phase)
    if watch.launching is None or watch.closed:
        raise BattyError("not-at-work", f"{phase} is not at work, so nothing supervises it", next="batty status")
    return RunId(watch.run)


def _show(project: Project, phase: PhaseId) -> None:
    """Show it in the phase's window now; its supervisor shows the same when it has read the journal."""
    launched = project.watch(phase).launched
    if launched is not None and project.terminal.identity() == launched.server:
        seen: dict[str, str | None] = {HOLD: hold(project.watch(phase))}
        project.terminal.set_window(WindowId(launched.window), seen)


def here(environ: Mapping[str, str]) -> tuple[Project, PhaseId]:
    """Return the phase that works in the tmux window we are in, and its repository, wherever its panes have gone.

    Raises UsageError outside of such a window.
    """
    window = _window(environ)
    if window is None or window.phase is None or window.repo is None:
        what = "no phase works in this tmux window, so the phase must be named"
        raise UsageError("no-phase-here", what, next="batty status")
    home = Git(Path(window.repo).parent).worktrees()[0].path
    return Project.around(home), window.phase


def _window(environ: Mapping[str, str]) -> WindowFacts | None:
    pane = environ.get("TMUX_PANE", "")
    if not environ.get("TMUX") or not pane:
        return None
    terminal = Terminal.from_environment(environ)
    window = next((facts.window for facts in terminal.panes() if facts.pane == pane), None)
    return next((facts for facts in terminal.windows() if facts.window == window), None)
