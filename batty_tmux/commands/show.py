"""How commands print: answers on stdout, narration on stderr. Tables are in tables.py: what tmux runs prints none."""

import json

import click
import msgspec

from batty_tmux.core.activity import Activity
from batty_tmux.core.events import AnyEvent
from batty_tmux.core.report import narrate
from batty_tmux.core.supervision_report import activity_line


def tell(event: AnyEvent) -> None:
    """Narrate an event on stderr."""
    line = narrate(event)
    if line:
        click.echo(line, err=True)


def note(done: Activity) -> None:
    """Tell on stderr one thing that an executor did."""
    click.echo(activity_line(done), err=True)


def say(line: str) -> None:
    """Narrate on stderr."""
    click.echo(line, err=True)


def as_json(value: object) -> None:
    """Print an answer for programs."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))
