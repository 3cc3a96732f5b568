"""batty dashboard: the home window."""

from pathlib import Path

import click

from batty_tmux.commands.status import watch
from batty_tmux.drive.project import Project


@click.command()
@click.pass_obj
def command(repo: Path) -> None:
    """Show phases, queue and what needs you, until you leave with q. Closing it stops nothing.

    Where there is no terminal, the status is printed once.

    \b
    Example:
      batty dashboard
    """
    watch(Project.around(repo))
