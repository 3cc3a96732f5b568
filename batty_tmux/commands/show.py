"""How commands print: answers on stdout, narration on stderr, tables that fit."""

import json
import sys
from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from batty_tmux.core.events import AnyEvent
from batty_tmux.core.report import narrate

_NEVER_BROKEN = 4
"""How many columns of a table keep their words whole on a narrow screen: names, states, ages, numbers."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table without lines: it reads in a pipe as on a screen. Nothing in a cell is markup."""
    made = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        made.add_column(heading, overflow="fold", no_wrap=number < _NEVER_BROKEN)
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def console() -> Console:
    """Return where answers go; wide enough in a pipe that no line is cut."""
    plain = not sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=plain, width=200 if plain else None)


def tell(event: AnyEvent) -> None:
    """Narrate an event on stderr."""
    line = narrate(event)
    if line:
        click.echo(line, err=True)


def say(line: str) -> None:
    """Narrate on stderr."""
    click.echo(line, err=True)


def as_json(value: object) -> None:
    """Print an answer for programs."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))
