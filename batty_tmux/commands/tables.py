"""Answers as tables that fit the terminal, and go whole into a pipe."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

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
