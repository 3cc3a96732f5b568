"""batty policy: the rules by which prompts are answered."""

from pathlib import Path

import click

from batty_tmux.commands.tables import console, table
from batty_tmux.drive.answers import policy_of
from batty_tmux.drive.project import Project


@click.command()
@click.pass_obj
def command(repo: Path) -> None:
    """Show the mode and the rules by which prompts are answered; the first that matches decides.

    \b
    Example:
      batty policy
    """
    policy = policy_of(Project.around(repo))
    click.echo(f"mode {policy.mode}")
    console().print(table(("rule", "matches", "answers"), [(r.name, str(r.match), r.answer) for r in policy.rules]))
