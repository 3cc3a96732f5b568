"""batty land: land what is approved."""

from pathlib import Path

import click

from batty_tmux.commands.show import say, tell
from batty_tmux.drive.lander_log import keep_secrets_out
from batty_tmux.drive.landing import land_all
from batty_tmux.drive.project import Project


@click.command()
@click.option("--detached", is_flag=True, hidden=True, help="What it prints goes to a file.")
@click.pass_obj
def command(repo: Path, *, detached: bool) -> None:
    """Land what is approved, one after another; leave at once if another lander is at it.

    Started by tmux when a phase is approved; safe to run by hand, as often as you like.
    """
    if detached:
        keep_secrets_out()
    if not land_all(Project.around(repo), tell):
        say("another lander is at work; it will see to everything that is approved")
