"""batty clean: remove what is proved to be landed."""

from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.drive.cleanup import clean, cleanable
from batty_tmux.drive.project import Project
from batty_tmux.drive.retention import Pins, drop, outlived


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and why not the rest.")
@click.option("--ignored", is_flag=True, help="Ignored files of the worktrees may go too.")
@click.pass_obj
def command(repo: Path, dry_run: bool, ignored: bool) -> None:
    """Remove windows, worktrees and branches of landed phases, after proof, and old pins. Nothing is ever forced.

    \b
    Example:
      batty clean --dry-run
    """
    project = Project.around(repo)
    found = cleanable(project, ignored=ignored)
    for phase, reason in found:
        if reason:
            say(f"! {phase} stays: {reason}")
        elif dry_run:
            click.echo(f"{phase}: its window, worktree and branch can go: all of it is on {project.base}")
        else:
            clean(project, phase, ignored=ignored)
            click.echo(f"{phase}: removed")
    pins = outlived(project)
    if pins:
        _clean_pins(project, pins, dry_run=dry_run)
    elif not found:
        say("nothing to clean: no phase has a window or a worktree")


def _clean_pins(project: Project, pins: Pins, *, dry_run: bool) -> None:
    age = f"pins of what was over more than {project.config.queue.retention} ago"
    if dry_run:
        click.echo(f"{len(pins)} {age} can go: nothing waits for them, and no unlanded commit needs them")
        for ref, commit in sorted(pins.items()):
            click.echo(f"  {ref} {commit[:9]}")
        return
    dropped = drop(project)
    if dropped is None:
        say("! pins stay: a lander is at work\n↳ next: batty clean")
    else:
        click.echo(f"{len(dropped)} {age}: removed")
