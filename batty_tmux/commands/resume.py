"""batty resume: go on from wherever everything was left."""

import os
from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.core.events import RunResumed
from batty_tmux.drive.fill import fill
from batty_tmux.drive.hooks import remember_environment
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import bring_back
from batty_tmux.drive.runs import start_stopped
from batty_tmux.drive.windows import ensure_session
from batty_tmux.errors import BattyError


@click.command()
@click.pass_obj
def command(repo: Path) -> None:
    """Go on from where everything was left, after a kill or a reboot: windows, supervision, landing.

    \b
    Example:
      batty resume
    """
    project = Project.around(repo)
    run = project.run
    if not run.id:
        raise BattyError("no-run", "there is no run to resume", next="batty work all")
    if run.stopped:
        project.place.records.append(RunResumed(run=run.id))
        start_stopped(project)
    session = ensure_session(project, run.id, os.environ)
    remember_environment(project.terminal, session, os.environ)
    mended = bring_back(project)
    launched = fill(project)
    moving = [s for s in project.statuses() if s.watch.launching is not None]
    say(f"run {run.id}: {len(moving)} phases launched, {sum(s.state == 'landed' for s in moving)} landed")
    opened = (*mended.windows, *launched.launched)
    say(f"opened {', '.join(opened) if opened else 'no window: all were there'}")
    say("the lander is at work" if mended.lander else "the queue waits for nothing")
