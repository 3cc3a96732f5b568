"""batty attach: go and look."""

from pathlib import Path

import click

from batty_tmux.commands.naming import PHASE
from batty_tmux.commands.wait import attach
from batty_tmux.drive.project import Project, named_phase


@click.command()
@click.argument("phase", required=False, type=PHASE)
@click.pass_obj
def command(repo: Path, phase: str | None) -> None:
    """Go to the session, or to a phase's window.

    \b
    Example:
      batty attach phase-2
    """
    project = Project.around(repo)
    attach(project, named_phase(phase) if phase else None)
