"""batty plan: the phases and what they wait for."""

from pathlib import Path

import click

from batty_tmux.core.plan import waits_for
from batty_tmux.drive.project import Project


@click.command()
@click.pass_obj
def command(repo: Path) -> None:
    """Draw the phases and what they wait for.

    \b
    Example:
      batty plan
    """
    project = Project.around(repo)
    project.refuse_bad_order()
    landed = project.landed(project.queue())
    for phase in project.board.phases:
        mark = "✓" if phase.id in landed else "·"
        after = f"  after {', '.join(phase.depends_on)}" if phase.depends_on else ""
        waiting = waits_for(phase, landed)
        note = "" if phase.id in landed else ("  waits for " + ", ".join(waiting) if waiting else "  can start")
        click.echo(f"{mark} {phase.id}  {phase.done}/{phase.total}  {phase.title}{after}{note}")
