"""batty executor: the executor pane of a phase."""

from pathlib import Path

import click

from batty_tmux.drive.executor import start
from batty_tmux.drive.looking import keep_showing
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.names import RunId


@click.command()
@click.argument("phase")
@click.option("--run", metavar="NNN", help="The run it belongs to.  [the newest]")
@click.pass_obj
def command(repo: Path, phase: str, run: str | None) -> None:
    """Become a phase's agent, in its worktree and with its brief; refuse if one is alive already."""
    project = Project.around(repo)
    name, number = named_phase(phase), RunId(run or project.run.id)
    if project.watch(name).host:
        keep_showing(project, name)
    else:
        start(project, name, number)
