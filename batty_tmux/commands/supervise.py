"""batty supervise: the orchestrator pane of a phase."""

import os
import sys
from pathlib import Path

import click

from batty_tmux.commands.show import note, tell
from batty_tmux.drive.follow import Follower
from batty_tmux.drive.post import Post
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.setting_up import failure
from batty_tmux.drive.watch import Supervisor
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import attempt
from batty_tmux.names import RunId


@click.command()
@click.argument("phase")
@click.option("--run", metavar="NNN", help="The run it belongs to.  [the newest]")
@click.pass_obj
def command(repo: Path, phase: str, run: str | None) -> None:
    """Supervise one phase: print what happens, answer within the policy, prove that it is done.

    Runs in its orchestrator pane. A line typed there answers the executor's question.
    """
    project = Project.around(repo)
    name = named_phase(phase)
    number = RunId(run or project.run.id)
    with attempt(project.place.phase_folder(number, name) / "supervise.lock") as held:
        if held is None:
            raise BattyError("supervised", f"{name} has a supervisor already", next=f"batty attach {name}")
        sys.stdout.write(f"batty supervises {name}. A line typed here answers its question.\n")
        sys.stdout.flush()
        post = Post(project, name, number, [tell])
        if post.watch.host:
            Follower(post).follow(0 if os.isatty(0) else None)
            click.echo(f"{name} is over here.")
            return
        failed = failure(project, post.watch)
        if failed is not None:
            # it came before this pane could tell it
            tell(failed)
        Supervisor(post, note).supervise(0 if os.isatty(0) else None)
    click.echo(f"{name} is over. batty clean removes its window when it has landed.")
