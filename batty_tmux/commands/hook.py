"""batty hook: what tmux calls. Returns at once; imports nothing that is slow."""

import sys
from pathlib import Path

import click

from batty_tmux.host.process import detach, run


@click.group()
def command() -> None:
    """What tmux calls; safe to run by hand."""


@command.command()
@click.pass_obj
def land(repo: Path) -> None:
    """Start a lander that outlives tmux: tmux ends its own jobs when its server exits."""
    common = run(("git", "rev-parse", "--path-format=absolute", "--git-common-dir"), cwd=repo).check().stdout.strip()
    state = Path(common) / "batty"
    state.mkdir(exist_ok=True)
    argv = (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(repo), "land", "--detached")
    detach(argv, cwd=repo, log=state / "lander.log")


@command.command()
@click.pass_obj
def settle(repo: Path) -> None:
    """End, on hosts that answer again, what goes on elsewhere by now."""
    # only who has phases on other hosts pays for it
    from batty_tmux.commands.show import tell  # noqa: PLC0415
    from batty_tmux.drive.displacing import settle as end_leftovers  # noqa: PLC0415
    from batty_tmux.drive.project import Project  # noqa: PLC0415

    for event in end_leftovers(Project.around(repo)):
        tell(event)
