"""batty status: one line a phase, and what needs you."""

import selectors
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from batty_tmux.commands.show import as_json
from batty_tmux.commands.tables import console, table
from batty_tmux.core import radar
from batty_tmux.core.attention import Hold, hold, hold_line, waiting, waiting_lines
from batty_tmux.core.queue_report import standstill_lines
from batty_tmux.core.report import HEADINGS, collision_lines, status_row
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.keys import Keys, bound
from batty_tmux.drive.overview import overview
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.host.clock import now
from batty_tmux.names import PhaseId, clean

_WIDE = 100
"""Columns from which a table has room for the commands too."""


@click.command()
@click.option("--json", "json_", is_flag=True, help="For programs; the keys are a contract.")
@click.option("--watch", is_flag=True, help="Go on showing it, until ^C.")
@click.pass_obj
def command(repo: Path, json_: bool, watch: bool) -> None:
    """Show what every phase is doing, asking, or waiting for.

    \b
    Example:
      batty status --json | jq '.phases[] | select(.state == "asking")'
    """
    project = Project.around(repo)
    look_after(project)
    if json_:
        as_json(overview(project))
    elif watch:
        follow(project)
    else:
        out = console()
        out.print(screen(project, out.width))


def follow(project: Project, *, mends: bool = False) -> None:
    """Show the status until interrupted; redrawn when the journal grows, and every ten seconds for the ages.

    With `mends` it also sees to what is owed: a landing that waits for the user's checkout, a dead supervisor.
    """
    with Live(console=console(), auto_refresh=False, screen=True) as live, selectors.DefaultSelector() as nothing:
        while True:
            project = Project.around(project.place.home, project.base)
            if mends:
                look_after(project)
            live.update(screen(project, live.console.width), refresh=True)
            offset, size = project.place.records.offset, live.console.size
            for _ in range(20):
                nothing.select(0.5)
                project.place.records.refresh()
                if project.place.records.offset != offset or live.console.size != size:
                    break


def overview_table(statuses: Sequence[PhaseStatus], width: int) -> Table:
    """Return one line a phase; where that is narrow, without the commands: they stand under "needs you"."""
    rows = [status_row(status, now()) for status in statuses]
    if width < _WIDE:
        return table(HEADINGS[:-1], [row[:-1] for row in rows])
    return table(HEADINGS, rows)


def screen(project: Project, width: int = 200) -> RenderableType:
    statuses = project.statuses()
    run = project.run
    queue = project.queue()
    parts: list[RenderableType] = [
        Text(f"{project.place.name}  run {run.id or '-'}  {run.parallel} at once  base {project.base} {queue.tip[:9]}"),
        Text(""),
        overview_table(statuses, width),
    ]
    parts += [Text(line) for line in standstill_lines(queue)]
    seen = radar.fold(project.place.records.events)
    parts += [Text(line) for line in collision_lines({p: radar.of(seen, p) for p in seen.told}, project.base)]
    parts += [Text(line) for line in project.uncommitted_words()]
    parts += [Text(f"! {clean(broken, 300)}") for broken in project.broken_words()]
    found = waiting(statuses, now(), queue)
    held = holds(statuses)
    keys = bound(project.terminal) if found or held else Keys()
    parts += [Text(hold_line(phase, by, keys.unpause)) for phase, by in held]
    if found:
        parts += [Text(""), Text("needs you", style="bold")]
        parts += [Text(line) for one in found for line in waiting_lines(one, ages=True, menu=keys.menu)]
    if not statuses:
        parts.append(Text(f"{project.base} has no phases in kanban/\n↳ next: batty init"))
    return Group(*parts)


def holds(statuses: Sequence[PhaseStatus]) -> list[tuple[PhaseId, Hold]]:
    """Return the phases at work into which supervision types nothing, and why."""
    held = ((s.phase.id, hold(s.watch)) for s in statuses if s.holds_a_slot)
    return [(phase, by) for phase, by in held if by]
