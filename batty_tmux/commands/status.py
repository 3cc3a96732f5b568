"""batty status: one line a phase, and what needs you."""

import selectors
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from batty_tmux.commands.show import as_json, console, table
from batty_tmux.core.report import HEADINGS, needs_you, status_row, waiting_lines
from batty_tmux.drive.overview import overview
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.host.clock import now
from batty_tmux.names import clean


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
        console().print(screen(project))


def follow(project: Project, *, mends: bool = False) -> None:
    """Show the status until interrupted; redrawn when the journal grows, and every ten seconds for the ages.

    With `mends` it also sees to what is owed: a landing that waits for the user's checkout, a dead supervisor.
    """
    with Live(console=console(), auto_refresh=False, screen=True) as live, selectors.DefaultSelector() as nothing:
        while True:
            project = Project.around(project.place.home, project.base)
            if mends:
                look_after(project)
            live.update(screen(project), refresh=True)
            offset, size = project.place.records.offset, live.console.size
            for _ in range(20):
                nothing.select(0.5)
                project.place.records.refresh()
                if project.place.records.offset != offset or live.console.size != size:
                    break


def screen(project: Project) -> RenderableType:
    statuses = project.statuses()
    run = project.run
    tip = project.queue().tip
    parts: list[RenderableType] = [
        Text(f"{project.place.name}  run {run.id or '-'}  {run.parallel} at once  base {project.base} {tip[:9]}"),
        Text(""),
        table(HEADINGS, [status_row(status, now()) for status in statuses]),
    ]
    parts += [Text(line) for line in project.uncommitted_words()]
    parts += [Text(f"! {clean(broken, 300)}") for broken in project.broken_words()]
    waiting = needs_you(statuses)
    if waiting:
        parts += [Text(""), Text("needs you", style="bold")]
        parts += [Text(line) for status in waiting for line in waiting_lines(status)]
    if not statuses:
        parts.append(Text(f"{project.base} has no phases in kanban/\n↳ next: batty init"))
    return Group(*parts)
