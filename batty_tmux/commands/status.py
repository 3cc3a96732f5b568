"""batty status: one line a phase, and what needs you."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batty_tmux.commands.show import as_json, say
from batty_tmux.commands.tables import console, table
from batty_tmux.core import radar
from batty_tmux.core.attention import Hold, hold, hold_line, waiting, waiting_lines
from batty_tmux.core.queue_report import standstill_lines
from batty_tmux.core.report import HEADINGS, collision_lines, status_row
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive import neighbours
from batty_tmux.drive.keys import Keys, bound
from batty_tmux.drive.overview import overview
from batty_tmux.drive.project import WALL, Project
from batty_tmux.drive.resume import look_after
from batty_tmux.host.clock import now
from batty_tmux.names import PhaseId, clean

_WIDE = 100
"""Columns from which a table has room for the commands too."""


@click.command()
@click.option("--json", "json_", is_flag=True, help="For programs; the keys are a contract.")
@click.option("--watch", "watch_", is_flag=True, help="Go on showing it, as `batty dashboard` does.")
@click.pass_obj
def command(repo: Path, json_: bool, watch_: bool) -> None:
    """Show what every phase is doing, asking, or waiting for.

    \b
    Example:
      batty status --json | jq '.phases[] | select(.state == "asking")'
    """
    project = Project.around(repo)
    if watch_:
        watch(project)
        return
    look_after(project)
    if json_:
        as_json(overview(project))
    else:
        once(project)


def watch(project: Project) -> None:
    """Show the dashboard until a person leaves it; without a terminal, the status once."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        look_after(project)
        once(project)
        return
    # 117 ms that only who watches pays for
    from batty_tmux.screens.dashboard import show  # noqa: PLC0415

    show(project)
    say("the phases go on without this\n↳ to see them again, run: batty dashboard   to end them: batty stop")


def once(project: Project) -> None:
    out = console()
    out.print(screen(project, out.width))


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
    window = run.window.words(now(), WALL)
    head = f"{project.place.name}  run {run.id or '-'}  {run.parallel} at once  base {project.base} {queue.tip[:9]}"
    parts: list[RenderableType] = [
        Text(f"{head}  {window}" if window else head),
        Text(""),
        overview_table(statuses, width),
    ]
    parts += [Text(line) for line in standstill_lines(queue)]
    parts += [Text(line) for line in neighbours.lines(project)]
    seen = radar.fold(project.place.records.events)
    parts += [Text(line) for line in collision_lines({p: radar.of(seen, p) for p in seen.told}, str(project.base))]
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
