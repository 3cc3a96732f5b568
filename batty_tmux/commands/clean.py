"""batty clean: remove what is proved to be landed."""

from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.commands.wait import interactive
from batty_tmux.core.dependencies import Kept
from batty_tmux.core.space import size
from batty_tmux.drive.cleanup import clean, cleanable, why_safe
from batty_tmux.drive.dependencies import clear, folder_of, kept
from batty_tmux.drive.project import Project
from batty_tmux.drive.retention import Pins, drop, outlived
from batty_tmux.names import PhaseId
from batty_tmux.names import clean as plain


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and why not the rest.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask first, also on a terminal.")
@click.option("--ignored", is_flag=True, help="Ignored files of the worktrees may go too.")
@click.option("--cache", is_flag=True, help="Dependencies that run.cache keeps go too.")
@click.pass_obj
def command(repo: Path, dry_run: bool, yes: bool, ignored: bool, cache: bool) -> None:
    """Remove windows, worktrees and branches of landed phases, after proof, and old pins. Nothing is ever forced.

    Shows what can go and why that loses nothing. On a terminal it asks once; elsewhere it does it.

    \b
    Examples:
      batty clean --dry-run
      batty clean --yes
    """
    project = Project.around(repo)
    found = cleanable(project, ignored=ignored)
    going = [phase for phase, reason in found if not reason]
    pins = outlived(project)
    for phase, reason in found:
        if reason:
            say(f"! {phase} stays: {plain(reason, 300)}")
    stored = kept(folder_of(project.worktrees, project.place.state)) if cache else ()
    _show(project, going, pins, stored, dry_run=dry_run)
    if not found and not pins and not stored:
        say("nothing to clean: no phase has a window or a worktree")
    if dry_run or not (going or pins or stored):
        return
    if interactive() and not yes and not click.confirm("remove this?", default=False, err=True):
        say("nothing was removed")
        return
    for phase in going:
        clean(project, phase, ignored=ignored)
        click.echo(f"{phase}: removed")
    if stored:
        _clear_cache(project, stored)
    if pins:
        _drop_pins(project)


def _show(project: Project, going: list[PhaseId], pins: Pins, stored: tuple[Kept, ...], *, dry_run: bool) -> None:
    """Tell what can go, with the proof: as the answer of a dry run, else beside it."""

    def tell(line: str) -> None:
        click.echo(line, err=not dry_run)

    for phase in going:
        tell(f"{phase}: its window, worktree and branch can go: all of it is on {project.base}")
        for reason in why_safe(project, phase):
            tell(f"  {plain(reason, 300)}")
    if stored:
        tell(f"{_dependencies(stored)} can go: the next setup fetches its own")
    if pins:
        tell(f"{len(pins)} {_age(project)} can go: nothing waits for them, and no unlanded commit needs them")
        for ref, commit in sorted(pins.items()):
            tell(f"  {ref} {commit[:9]}")


def _dependencies(stored: tuple[Kept, ...]) -> str:
    return f"dependencies kept for {len(stored)} states of lock files, {size(sum(each.size for each in stored))}"


def _clear_cache(project: Project, stored: tuple[Kept, ...]) -> None:
    gone = clear(project)
    click.echo(f"{_dependencies(gone)}: removed")
    if len(gone) < len(stored):
        say(f"! {len(stored) - len(gone)} stay: a setup uses them\n↳ next: batty clean --cache")


def _drop_pins(project: Project) -> None:
    dropped = drop(project)
    if dropped is None:
        say("! pins stay: a lander is at work\n↳ next: batty clean")
    else:
        click.echo(f"{len(dropped)} {_age(project)}: removed")


def _age(project: Project) -> str:
    return f"pins of what was over more than {project.config.queue.retention} ago"
