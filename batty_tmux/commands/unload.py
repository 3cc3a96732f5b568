"""`batty unload`: the running tmux server without the plugin, as it was before."""

import json

import click

from batty_tmux.errors import BattyError
from batty_tmux.host import files, process

TIMEOUT = 20
"""Seconds for the script, which calls tmux about eight times."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def command(*, as_json: bool) -> None:
    """Take back what the tmux plugin set: its key, its part of the status line, its options.

    Phases that are at work go on.

    \b
    Example:
      batty unload       then take the plugin's line out of tmux.conf, or the next tmux loads it again
    """
    done = process.run(["sh", str(files.share() / "tmux" / "scripts" / "unload.sh")], timeout=TIMEOUT)
    if not done.ok:
        raise BattyError(
            "not-unloaded",
            "the plugin could not be taken out of the tmux server",
            evidence=tuple(done.stderr.strip().splitlines()[-6:]),
            next="tmux list-sessions",
        )
    if as_json:
        click.echo(json.dumps({"unloaded": True}))
    else:
        click.echo("✓ the plugin is out of this tmux server; phases at work go on", err=True)
