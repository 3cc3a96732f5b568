"""The geometry of a terminal screen: its rows, and the menu at its bottom. Knows no prompt's words.

A menu is the lowest thing on a screen: two or more option rows, one of them with the caret, and below them
nothing but key hints. Whatever has live text under it (a composer, a status row) is a quotation or was answered.
"""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_MAX_ROWS: Final = 200
_MAX_COLUMNS: Final = 2_000
_MAX_DESCRIPTION: Final = 8
_MAX_BLOCK: Final = 100

_Found = tuple[int, re.Match[str]]
"""An option's row number and its parts."""


@dataclass(frozen=True)
class Option:
    """One choice. `key` is its number or letter as shown, "" where it has none."""

    key: str
    label: str


@dataclass(frozen=True)
class Menu:
    """Options on a screen.

    `first` and `last` are the rows it takes; `caret` is an index into `options`, None when several carets are
    seen; `anchored` says that the caret is where the agent's own dialogs have it.
    """

    first: int
    last: int
    options: tuple[Option, ...]
    caret: int | None
    anchored: bool


# --- rows ---------------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_BOXED = re.compile(r"^[│┃](.*)[│┃]\s*$")
RULE = re.compile(r"^\s*[─━═╌╍┄┈▔▁]{3,}\s*$")
SOLID_RULE = re.compile(r"^[─━═▔]{20,}\s*$")
EDGE = re.compile(r"^\s*[╭╰┌└┏┗].*[╮╯┐┘┓┛]\s*$")
_TRANSCRIPT = re.compile(r"^[●⏺⎿✻✢✶✽•◦■✗✔✘❯›»$╭│╰>]")


def rows_of(screen: str) -> list[str]:
    """Return the last rows without what never carries meaning: controls, box sides, blanks at the ends."""
    rows = [_row(line) for line in screen.rstrip().split("\n")[-_MAX_ROWS:]]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _row(line: str) -> str:
    plain = line[:_MAX_COLUMNS].expandtabs().replace("\u00a0", " ").replace("\u2019", "'")
    plain = _CONTROL.sub("", plain)
    boxed = _BOXED.match(plain)
    return (boxed.group(1) if boxed else plain).rstrip()


def indent(row: str) -> int:
    """Return the column that a row's text starts in."""
    return len(row) - len(row.lstrip())


def block_of(rows: Sequence[str], first: int, family: str) -> tuple[int, bool]:
    """Return the row on which the dialog with an option in row `first` begins, and whether that is certain.

    Claude draws a full-width rule above a dialog, Codex indents all of it by two columns; where neither is
    found, the beginning may have left the screen. For other programs a blank row separates.
    """
    at = first
    while at > 0 and first - at < _MAX_BLOCK:
        row = rows[at - 1]
        if SOLID_RULE.match(row) or EDGE.match(row):
            return at, True
        if family == "any" and not row and at < first:
            return at, True
        if row and (_TRANSCRIPT.match(row) or (family == "codex" and indent(row) < 2)):  # noqa: PLR2004 -- its margin
            return at, family != "claude"
        at -= 1
    return at, at == 0 and family == "any"


# --- hints --------------------------------------------------------------------------------------------------

_KEY = r"(?:enter|return|esc(?:ape)?|tab|space|[↑↓←→/]+|arrows?(?: keys)?|(?:shift|ctrl|alt)[+-]\S+)"
_HINT = re.compile(rf"^\s*(?:press |or |use )?(?:{_KEY} (?:to|for)|<?[a-z]>? to) \S", re.IGNORECASE)
_SHORT_HINT = re.compile(rf"^{_KEY}(?: \w+){{1,3}}$", re.IGNORECASE)
# these belong to a composer or to work under way: there is no dialog above them
LIVE = re.compile(
    r"shift\+tab to cycle|for shortcuts|for agents|esc to interrupt(?!.*(?:submit|answer))", re.IGNORECASE
)


def _is_hint(row: str) -> bool:
    if RULE.match(row) or EDGE.match(row):
        return True
    if "submit answer" not in row and LIVE.search(row):
        return False
    return bool(_HINT.match(row)) or all(_SHORT_HINT.match(part.strip()) for part in re.split(r"[·•|]", row))


def _above_hints(rows: Sequence[str]) -> int:
    """Return the index of the last row that is not a hint, -1 when there is none."""
    return next((at for at in range(len(rows) - 1, -1, -1) if rows[at] and not _is_hint(rows[at])), -1)


# --- menus --------------------------------------------------------------------------------------------------

_NUMBERED = re.compile(r"^( *)([❯›»>]?)( *)(\d{1,2})[.)] +(\S.*)$")
_POINTED = re.compile(r"^( *)([❯›»]) +(\S.*)$")


def menu_of(rows: Sequence[str], family: str) -> Menu | None:
    """Return the menu at the bottom of the screen, or None."""
    last = _above_hints(rows)
    if last < 0:
        return None
    menu = _numbered(rows, last, family) or _pointed(rows, last, family)
    return None if menu is None or _in_composer(rows, menu) else menu


def _numbered(rows: Sequence[str], last: int, family: str) -> Menu | None:
    """Read options numbered 1 to n, from the last up; whatever stands between two of them is indented further."""
    found: list[_Found] = []
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
        between = []
        if match.group(4) == "1":
            return _built(found[::-1], last, family)
    return None


def _precedes(match: re.Match[str], below: re.Match[str]) -> bool:
    return match.start(4) == below.start(4) and int(match.group(4)) == int(below.group(4)) - 1


def _describes(between: Sequence[str], column: int, *, below_all: bool) -> bool:
    """Tell whether rows between options only describe them; below the last one no gap is allowed either."""
    told = [row for row in between if row and not RULE.match(row)]
    return all(indent(row) > column for row in told) and not (below_all and len(told) < len(between))


def _built(found: list[_Found], last: int, family: str) -> Menu | None:
    carets = [index for index, (_, match) in enumerate(found) if match.group(2)]
    if len(found) < 2 or not carets:  # noqa: PLR2004 -- one row is not a choice
        return None
    options = tuple(Option(match.group(4), match.group(5).strip()) for _, match in found)
    caret = carets[0] if len(carets) == 1 else None
    return Menu(found[0][0], last, options, caret, _anchored(found[carets[0]][1].start(2), family))


def _anchored(column: int, family: str) -> bool:
    """Tell whether a caret is at the agent's own margin; text that an agent quotes is indented further."""
    return column <= {"claude": 1, "codex": 0}.get(family, 4)


def _pointed(rows: Sequence[str], last: int, family: str) -> Menu | None:
    """Read options without numbers: neighbouring rows that start in one column, one of them behind a caret."""
    top = last
    while top > 0 and rows[top - 1] and not RULE.match(rows[top - 1]):
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
    options = tuple(Option("", rows[n].strip().lstrip("❯›» ")) for n in at)
    return Menu(first, last, options, at.index(row), _anchored(match.start(2), family)) if len(at) > 1 else None


def _in_composer(rows: Sequence[str], menu: Menu) -> bool:
    """Tell whether these rows are a list somebody typed: a composer has a full-width rule right above and below."""
    above = rows[menu.first - 1] if menu.first else ""
    below = rows[menu.last + 1] if menu.last + 1 < len(rows) else ""
    return bool(SOLID_RULE.match(above)) and (not below or bool(SOLID_RULE.match(below)))
