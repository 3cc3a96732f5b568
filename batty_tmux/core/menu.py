"""The menu at the bottom of a screen: options, and where the caret is. Knows no prompt's words.

A menu is the lowest thing on a screen: two or more option rows, one of them with the caret, and below them
nothing but key hints. Whatever has live text under it (a composer, a status row) is a quotation or was answered.
"""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from batty_tmux.core.screen import RULE, SOLID_RULE, above_hints, indent

_MAX_DESCRIPTION: Final = 8
_MAX_OPTIONS: Final = 60

_Found = tuple[int, re.Match[str]]
"""An option's row number and its parts."""


@dataclass(frozen=True)
class Option:
    """One choice. `key` is its number or letter as shown, "" where it has none.

    `more` is what stands behind or under the label: a description, or the rest of a label that has wrapped.
    `wrapped` says that it may be the latter, `cut` that the label may go on beyond the edge of the screen.
    """

    key: str
    label: str
    more: str = ""
    wrapped: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Menu:
    """Options on a screen.

    `first` and `last` are the rows it takes; `caret` is an index into `options`, None when several carets are
    seen; `column` is where the caret is. `boxes` says that options are ticked, not chosen.
    """

    first: int
    last: int
    options: tuple[Option, ...]
    caret: int | None
    column: int
    boxes: bool


_NUMBERED = re.compile(r"^( *)([❯›»>]?)( *)([0-9]{1,2})[.)] +(\S.*)$")
_POINTED = re.compile(r"^( *)([❯›»]) +(\S.*)$")
_CELLS = re.compile(r" {2,}")
_BOX = re.compile(r"^[\[(][ x✔✓*•]?[\])] ?")


def menu_of(rows: Sequence[str], family: str) -> Menu | None:
    """Return the menu at the bottom of the screen, or None. Only Codex writes descriptions in a second column."""
    last = above_hints(rows)
    if last < 0:
        return None
    menu = _numbered(rows, last, family) or _pointed(rows, last, family)
    return None if menu is None or _in_composer(rows, menu) else menu


def _numbered(rows: Sequence[str], last: int, family: str) -> Menu | None:
    """Read options numbered 1 to n, from the last up; whatever stands between two of them is indented further."""
    found: list[_Found] = []
    told: list[list[str]] = []
    between: list[str] = []
    for at in range(last, -1, -1):
        match = _NUMBERED.match(rows[at])
        if match is None or (found and not _precedes(match, found[-1][1])):
            between.append(rows[at])
            if len(between) > _MAX_DESCRIPTION:
                return None
            continue
        if not _describes(between, match.start(4), below_all=not found):
            return None
        found.append((at, match))
        told.append(between[::-1])
        between = []
        if match.group(4) == "1":
            return _built(rows, found[::-1], told[::-1], last, family)
        if len(found) > _MAX_OPTIONS:
            return None
    return None


def _precedes(match: re.Match[str], below: re.Match[str]) -> bool:
    return match.start(4) == below.start(4) and int(match.group(4)) == int(below.group(4)) - 1


def _describes(between: Sequence[str], column: int, *, below_all: bool) -> bool:
    """Tell whether rows between options only describe them; below the last one no gap is allowed either."""
    told = [row for row in between if row and not RULE.match(row)]
    return all(indent(row) > column for row in told) and not (below_all and len(told) < len(between))


def _built(rows: Sequence[str], found: list[_Found], told: list[list[str]], last: int, family: str) -> Menu | None:
    carets = [index for index, (_, match) in enumerate(found) if match.group(2)]
    if len(found) < 2 or not carets:  # noqa: PLR2004 -- one row is not a choice
        return None
    edge = max(map(len, rows))
    options = tuple(_option(match, below, edge, family) for (_, match), below in zip(found, told, strict=True))
    caret = carets[0] if len(carets) == 1 else None
    column = found[carets[0]][1].start(2)
    return Menu(found[0][0], last, options, caret, column, any(_BOX.match(option.label) for option in options))


def _option(match: re.Match[str], below: Sequence[str], edge: int, family: str) -> Option:
    label, *cells = _cells(match.group(5), family)
    rest = [row for row in below if row and not RULE.match(row)]
    more = " ".join(cells + [row.strip() for row in rest])
    wrapped = bool(rest) and not cells and indent(rest[0]) <= match.start(5)
    return Option(match.group(4), label, more, wrapped, not cells and _is_cut(match.string, edge, family))


def _pointed(rows: Sequence[str], last: int, family: str) -> Menu | None:
    """Read options without numbers: neighbouring rows that start in one column, one of them behind a caret."""
    top = last
    while top > 0 and last - top < _MAX_OPTIONS and rows[top - 1] and not RULE.match(rows[top - 1]):
        top -= 1
    carets = [(at, match) for at in range(top, last + 1) if (match := _POINTED.match(rows[at]))]
    if len(carets) != 1:
        return None
    row, match = carets[0]
    column = match.start(3)
    first = row
    while first > top and indent(rows[first - 1]) == column:
        first -= 1
    if any(indent(rows[at]) < column for at in range(row + 1, last + 1)):
        return None
    at = [n for n in range(first, last + 1) if n == row or indent(rows[n]) == column]
    edge = max(map(len, rows))
    below = [_below(rows, n, at, last) for n in at]
    options = tuple(_plain(rows[n], told, edge, family) for n, told in zip(at, below, strict=True))
    boxes = any(_BOX.match(option.label) for option in options)
    return Menu(first, last, options, at.index(row), match.start(2), boxes) if len(at) > 1 else None


def _below(rows: Sequence[str], option: int, at: Sequence[int], last: int) -> Sequence[str]:
    end = next((n for n in at if n > option), last + 1)
    return [row for row in rows[option + 1 : end] if row]


def _plain(row: str, below: Sequence[str], edge: int, family: str) -> Option:
    label, *cells = _cells(row.strip().lstrip("❯›» "), family)
    return Option("", label, " ".join([*cells, *map(str.strip, below)]), cut=not cells and _is_cut(row, edge, family))


def _is_cut(row: str, edge: int, family: str) -> bool:
    """Tell whether a label may go on beyond the edge. A blank there is not seen; Codex ends each with its shortcut."""
    return len(row) >= edge - 1 and not (family == "codex" and row.endswith(")"))


def _cells(text: str, family: str) -> list[str]:
    return _CELLS.split(text, maxsplit=1) if family == "codex" else [text]


def _in_composer(rows: Sequence[str], menu: Menu) -> bool:
    """Tell whether these rows are a list somebody typed: a composer has a full-width rule right above and below."""
    above = rows[menu.first - 1] if menu.first else ""
    below = rows[menu.last + 1] if menu.last + 1 < len(rows) else ""
    return bool(SOLID_RULE.match(above)) and (not below or bool(SOLID_RULE.match(below)))
