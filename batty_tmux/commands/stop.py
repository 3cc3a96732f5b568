"""batty stop: end the executors; everything they did stays."""

from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.drive.project import Project
from batty_tmux.drive.runs import stop
from batty_tmux.errors import BattyError


@click.command()
@click.pass_obj
def command(repo: Path) -> None:
    """End the executors and launch nothing more. Worktrees, branches, queue and journal stay as they are.

    \b
    Example:
      batty stop && batty status
    """
    project = Project.around(repo)
    if not project.run.id:
        raise BattyError("no-run", "nothing is running", next="batty work all")
    ended = stop(project)
    say(f"✓ stopped{': ' + ', '.join(ended) if ended else ''}; nothing was removed\n↳ to go on, run: batty resume")
