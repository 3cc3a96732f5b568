"""batty pause, batty unpause: supervision holds still, and goes on."""

import os
from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.drive import pausing
from batty_tmux.drive.project import Project
from batty_tmux.names import PhaseId


@click.command()
@click.argument("phase", required=False)
@click.pass_obj
def command(repo: Path, phase: str | None) -> None:
    """Have supervision type nothing into a phase: no answer, no nudge. Its agent goes on, and so does the queue.

    Without a name, the phase of the tmux window you are in. `batty unpause` lets supervision go on.

    \b
    Example:
      batty pause phase-2
    """
    project, name = _meant(repo, phase)
    changed = pausing.pause(project, name)
    say(f"✓ {name} is paused{'' if changed else ' already'}\n↳ to let it go on: batty unpause {name}")


@click.command()
@click.argument("phase", required=False)
@click.pass_obj
def unpause(repo: Path, phase: str | None) -> None:
    """Let supervision of a phase go on, after `batty pause` or after keys that you pressed in its window.

    Without a name, the phase of the tmux window you are in.

    \b
    Example:
      batty unpause phase-2
    """
    project, name = _meant(repo, phase)
    changed = pausing.unpause(project, name)
    say(f"✓ {name} is supervised{' again' if changed else ' already: nothing was on hold'}")


def _meant(repo: Path, phase: str | None) -> tuple[Project, PhaseId]:
    if phase is None:
        return pausing.here(os.environ)
    project = Project.around(repo)
    return project, project.phase(phase).id
