"""batty resume: go on from wherever everything was left."""

import os
from dataclasses import asdict
from pathlib import Path

import click

from batty_tmux.commands.show import as_json, say
from batty_tmux.core.coming_back import found_lines
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import come_back
from batty_tmux.errors import BattyError


@click.command()
@click.option("--base", metavar="NAME", help="What the base branch is called now, if it was renamed.")
@click.option("--json", "json_", is_flag=True, help="For programs: what was found and done.")
@click.pass_obj
def command(repo: Path, base: str | None, json_: bool) -> int:
    """Go on from where everything was left, after a kill, a reboot or a stop: windows, supervision, landing.

    Says in three lines what it found. Safe to run at any time, and as often as you like: nothing is done twice.

    \b
    Example:
      batty resume && batty attach
    """
    project = Project.around(repo, base)
    run = project.run
    if not run.id:
        raise BattyError("no-run", "there is no run to resume", next="batty work all")
    found = come_back(project, os.environ, base or "")
    if json_:
        as_json({"version": 1, "run": run.id, **asdict(found)})
    else:
        for line in found_lines(run.id, found):
            say(line)
        terms = project.terms()
        if terms.closed:
            say(f"! {terms.closed}{'   ↳ next: batty work all' if terms.stage == 'over' else ''}")
        say(f"↳ next: {found.next}")
    return 1 if found.stays else 0
