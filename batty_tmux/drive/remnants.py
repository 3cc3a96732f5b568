"""Windows of batty's that somebody else restored, as tmux-resurrect does: our names and places, and idle shells.

None of them has batty's options, so none is ever taken for one of ours. What proves whose it was is the title of
its lower pane. One that is proved, and in which nothing runs, gives its place to the window that batty opens; one
in which something runs is left alone and named.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batty_tmux.core import marks
from batty_tmux.core.marks import Mark
from batty_tmux.drive.project import Project
from batty_tmux.host.offspring import is_in_front, programs
from batty_tmux.host.quoting import line
from batty_tmux.host.terminal import Terminal, TitledPane
from batty_tmux.names import PhaseId, RunId, SessionId, WindowId, clean

_HELPERS: Final = ("gitstatus",)
"""What shells keep beside themselves to draw their prompt; others of it are shells."""
_SHELLS: Final = frozenset("sh bash dash zsh fish ksh mksh tcsh csh nu elvish xonsh".split())


@dataclass(frozen=True)
class Remnant:
    """One such window. `runs` names what is at work in it, "" where that is nothing."""

    session: SessionId
    window: WindowId
    phase: PhaseId | None
    run: RunId
    name: str
    runs: str = ""


def remnants(project: Project) -> tuple[Remnant, ...]:
    """Return the windows of this repository that were restored without what ran in them."""
    own = marks.mark(None, RunId("000"), str(project.place.state)).repo
    panes = project.terminal.titled_panes()
    found: dict[WindowId, Mark] = {}
    for pane in panes:
        read = None if pane.ours else marks.read(pane.title)
        if read is not None and read.repo == own:
            found[pane.window] = read
    return tuple(_remnant(mark, [p for p in panes if p.window == window]) for window, mark in found.items())


def give_place(terminal: Terminal, old: Remnant, new: WindowId | None) -> bool:
    """Close a remnant in which nothing runs, `new` taking its place; tell whether it was closed.

    The last window of a session stays: with it a client that looks at it would go.
    """
    if old.runs:
        return False
    windows = terminal.windows()
    there = next((facts.session for facts in windows if facts.window == new), None)
    if there == old.session:
        # whoever looks at that place goes on looking there; -d would take everybody to it
        terminal.source([line("swap-window", "-s", str(new), "-t", old.window)])
    if sum(facts.session == old.session for facts in windows) < 2:  # noqa: PLR2004 -- itself alone
        return False
    return terminal.kill_window(old.window).ok


def why_it_stays(old: Remnant) -> str:
    """Say why a phase is not brought back beside a restored window of its own in which something runs."""
    return (
        f"{old.runs} runs in the window {old.name} ({old.window}) that was restored for it, and two agents in one "
        f"worktree overwrite each other; end it, then: batty resume"
    )


def _remnant(mark: Mark, panes: list[TitledPane]) -> Remnant:
    first = panes[0]
    runs = next((what for pane in panes if (what := _runs(pane))), "")
    return Remnant(first.session, first.window, mark.phase, mark.run, clean(first.name, 40), runs)


def _runs(pane: TitledPane) -> str:
    """Name what is at work in a pane; "" for a shell that waits for a command."""
    if pane.dead:
        return ""
    names = [Path(name).name.lstrip("-") for name in (pane.program, *programs(pane.pid))]
    stranger = next((name for name in names if name not in _SHELLS and not name.startswith(_HELPERS)), "")
    # a script is a shell by its name too, but it has the terminal
    return clean(stranger, 40) or ("" if is_in_front(pane.pid) else clean(names[0], 40))
