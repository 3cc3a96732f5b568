"""Waiting for a run, and going to look at it."""

import selectors
import sys
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.live import Live

from batty_tmux.commands.show import say, tell
from batty_tmux.commands.status import overview_table
from batty_tmux.core.attention import waiting, waiting_lines
from batty_tmux.core.events import AnyEvent
from batty_tmux.core.sequence import wanted
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.horizon import Horizon
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.host.clock import now

_LOOK = 0.5
"""Seconds between two looks at the journal's size."""
_LOOK_AFTER = 20
"""Looks between two checks that supervisors and lander are alive."""


def interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def wait(project: Project) -> int:
    """Show the run until no phase can move without a person; 0 when all that was wanted has landed."""
    try:
        return _wait(project)
    except KeyboardInterrupt:
        say("the phases go on without this\n↳ to see them, run: batty status   to end them: batty stop")
        raise


def _wait(project: Project) -> int:
    screen = Console(stderr=True)
    with Live(console=screen, auto_refresh=False, transient=True) if screen.is_terminal else _Narrator() as live:
        looks, told, first = 0, len(project.place.records.events), True
        horizon = Horizon()
        while True:
            moved = horizon.changed(project)
            if moved or looks % _LOOK_AFTER == 0:
                look_after(project)
            project.place.records.refresh()
            if len(project.place.records.events) != told or moved or first:
                first = False
                project = Project.around(project.place.home, project.base.name)
                statuses = _wanted(project)
                _show(live, project.place.records.events[told:], statuses)
                told = len(project.place.records.events)
                if is_over(project, statuses):
                    break
            looks += 1
            with selectors.DefaultSelector() as nothing:
                nothing.select(_LOOK)
    return conclude(statuses)


def is_over(project: Project, statuses: list[PhaseStatus]) -> bool:
    """Tell whether nothing moves any more: what is left waits for a decision, or for what does."""
    if any(status.is_awaited for status in statuses):
        return False
    return project.run.stopped or not any(status.state == "ready" and status.kept != "over" for status in statuses)


def conclude(statuses: list[PhaseStatus]) -> int:
    """Say how it ended, and what is left for a person."""
    open_ones = [status for status in statuses if status.state != "landed"]
    for status in open_ones:
        say(f"! {status.phase.id} is {status.state}{': ' + status.says if status.says else ''}")
        if status.next:
            say(f"  ↳ next: {status.next}")
    if not open_ones:
        say(f"✓ all {len(statuses)} phases have landed")
    return 1 if open_ones else 0


def _wanted(project: Project) -> list[PhaseStatus]:
    return [status for status in project.statuses() if wanted(status.phase.id, project.run)]


class _Narrator:
    """Stands in for the live table where there is no terminal: events are told line by line."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


def _show(live: "Live | _Narrator", news: Sequence[AnyEvent], statuses: list[PhaseStatus]) -> None:
    if isinstance(live, Live):
        live.update(overview_table(statuses, live.console.width), refresh=True)
        return
    for event in news:
        tell(event)
    lines = [line for one in waiting(statuses, now()) for line in waiting_lines(one)]
    if lines != live.told and not any(status.moves_alone for status in statuses):
        for line in ("waits for you", *lines) if lines else ():
            say(line)
        live.told = lines
