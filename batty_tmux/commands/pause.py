"""batty pause: supervision holds still."""

import os
from pathlib import Path

import click

from batty_tmux.commands.naming import AT_WORK
from batty_tmux.commands.show import say
from batty_tmux.drive import pausing
from batty_tmux.drive.project import Project
from batty_tmux.names import PhaseId


@click.command()
@click.argument("phase", required=False, type=AT_WORK)
@click.pass_obj
def command(repo: Path, phase: str | None) -> None:
    """Have supervision type nothing into a phase: no answer, no nudge. Its agent goes on, and so does the queue.

    Without a name, the phase of the tmux window you are in. `batty unpause` lets supervision go on.

    \b
    Example:
      batty pause phase-2
    """
    project, name = meant(repo, phase)
    changed = pausing.pause(project, name)
    say(f"✓ {name} is paused{'' if changed else ' already'}\n↳ to let it go on: batty unpause {name}")


def meant(repo: Path, phase: str | None) -> tuple[Project, PhaseId]:
    """Return the phase that a person means: the one that is named, else that of the tmux window they are in."""
    if phase is None:
        return pausing.here(os.environ)
    project = Project.around(repo)
    return project, project.phase(phase).id
