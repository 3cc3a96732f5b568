"""batty clean: remove what is proved to be landed."""

from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.drive.cleanup import clean, cleanable
from batty_tmux.drive.project import Project


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and why not the rest.")
@click.option("--ignored", is_flag=True, help="Ignored files of the worktrees may go too.")
@click.pass_obj
def command(repo: Path, dry_run: bool, ignored: bool) -> None:
    """Remove windows, worktrees and branches of landed phases, after proof. Nothing is ever forced.

    \b
    Example:
      batty clean --dry-run
    """
    project = Project.around(repo)
    if not cleanable(project):
        say("nothing to clean: no phase has a window or a worktree")
    for phase, reason in cleanable(project, ignored=ignored):
        if reason:
            say(f"! {phase} stays: {reason}")
        elif dry_run:
            click.echo(f"{phase}: its window, worktree and branch can go")
        else:
            clean(project, phase)
            click.echo(f"{phase}: removed")
