"""batty log: what happened, in order."""

import json
from pathlib import Path

import click

from batty_tmux.commands.naming import PHASE
from batty_tmux.core.report import log_line
from batty_tmux.drive.place import Place
from batty_tmux.drive.records import encode
from batty_tmux.errors import BattyError


@click.command()
@click.argument("phase", required=False, type=PHASE)
@click.option("--json", "json_", is_flag=True, help="The journal's own lines.")
@click.pass_obj
def command(repo: Path, phase: str | None, json_: bool) -> None:
    """Show what happened, in order, of everything or of one phase.

    \b
    Example:
      batty log phase-2
    """
    events = Place.around(repo).records.events
    known = {str(getattr(event, "phase", "")) for event in events}
    if phase and phase not in known:
        raise BattyError("no-phase", f"nothing has happened to a phase called {phase}", next="batty log")
    if not events:
        click.echo("nothing has happened yet", err=True)
    for event in events:
        if phase and getattr(event, "phase", None) != phase:
            continue
        if json_:
            at = event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            click.echo(json.dumps({"at": at, "seq": event.seq, **encode(event)}, ensure_ascii=False))
        elif line := log_line(event):
            click.echo(line)
