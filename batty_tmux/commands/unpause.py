"""batty unpause: supervision goes on."""

from pathlib import Path

import click

from batty_tmux.commands.naming import AT_WORK
from batty_tmux.commands.pause import meant
from batty_tmux.commands.show import say
from batty_tmux.drive import pausing


@click.command()
@click.argument("phase", required=False, type=AT_WORK)
@click.pass_obj
def command(repo: Path, phase: str | None) -> None:
    """Let supervision of a phase go on, after `batty pause` or after keys that you pressed in its window.

    Without a name, the phase of the tmux window you are in.

    \b
    Example:
      batty unpause phase-2
    """
    project, name = meant(repo, phase)
    changed = pausing.unpause(project, name)
    say(f"✓ {name} is supervised{' again' if changed else ' already: nothing was on hold'}")
