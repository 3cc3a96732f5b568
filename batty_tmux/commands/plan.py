"""batty plan: the phases and what they wait for."""

from pathlib import Path

import click

from batty_tmux.core.report import GLYPHS
from batty_tmux.drive.project import Project
from batty_tmux.names import clean


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
    for line in project.broken_words():
        click.echo(f"! {clean(line, 300)}")
    for status in project.statuses():
        phase = status.phase
        after = f"  after {', '.join(phase.depends_on)}" if phase.depends_on else ""
        says = f": {clean(status.says, 120)}" if status.says else ""
        told = "can start" if status.state == "ready" else f"{status.state}{says}"
        progress = f"{status.done}/{status.total}"
        click.echo(f"{GLYPHS[status.state]} {phase.id}  {progress}  {clean(phase.title, 80)}{after}  {told}")
