"""batty report: the proof of what landed."""

from pathlib import Path

import click

from batty_tmux.commands.show import as_json
from batty_tmux.core.report import proof_lines
from batty_tmux.drive.evidence import evidence
from batty_tmux.drive.project import Project


@click.command()
@click.option("--json", "json_", is_flag=True, help="For programs.")
@click.pass_obj
def command(repo: Path, json_: bool) -> None:
    """Prove what landed: the base's history, the gate run of every landed tree, what is held and why.

    \b
    Example:
      batty report
    """
    proof = evidence(Project.around(repo))
    if json_:
        as_json(proof)
        return
    for line in proof_lines(proof):
        click.echo(line)
