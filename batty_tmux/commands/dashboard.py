"""batty dashboard: the home window."""

from pathlib import Path

import click

from batty_tmux.commands.status import follow
from batty_tmux.drive.project import Project


@click.command()
@click.pass_obj
def command(repo: Path) -> None:
    """Show the run, the queue and what needs you, until ^C. Closing it stops nothing."""
    follow(Project.around(repo), mends=True)
