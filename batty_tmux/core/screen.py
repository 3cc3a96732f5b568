"""The geometry of a terminal screen: its rows, where a dialog begins, and the key hints below one."""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import re
from collections.abc import Sequence
from typing import Final

_MAX_ROWS: Final = 200
_MAX_COLUMNS: Final = 2_000
_MAX_TEXT: Final = 1_000_000
_MAX_BLOCK: Final = 100


# --- rows ---------------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
REORDERED = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that make a terminal show text in another order than it is stored in."""
_BOXED = re.compile(r"^[│┃](.*)[│┃]\s*$")
RULE = re.compile(r"^\s*[─━═╌╍┄┈▔▁]{3,}\s*$")
SOLID_RULE = re.compile(r"^[─━═▔]{20,}\s*$")
EDGE = re.compile(r"^\s*[╭╰┌└┏┗].*[╮╯┐┘┓┛]\s*$")
_TRANSCRIPT = re.compile(r"^[●⏺⎿✻✢✶✽•◦■✗✔✘❯›»$╭│╰>]")


def lines_of(screen: str) -> list[str]:
    """Return the last lines of a screen as they are; never more than are read."""
    # a rendered grid has no lines beyond this; whatever else is given is cut before it costs anything
    return screen[-_MAX_TEXT:].rstrip().rsplit("\n", _MAX_ROWS)[-_MAX_ROWS:]


def rows_of(screen: str) -> list[str]:
    """Return the last rows without what never carries meaning: controls, box sides, blanks at the ends."""
    return cleaned(lines_of(screen))


def cleaned(lines: Sequence[str]) -> list[str]:
    """Return what is to be read of lines, without the empty ones at the end."""
    rows = [_row(line) for line in lines]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _row(line: str) -> str:
    plain = line[:_MAX_COLUMNS].expandtabs()[:_MAX_COLUMNS].replace("\u00a0", " ").replace("\u2019", "'")
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

_KEY = (
    r"(?:enter|return|esc(?:ape)?|tab|space|home|end|pgup|pgdn|[↑↓←→/]+|arrows?(?: keys)?|f\d{1,2}"
    r"|(?:shift|ctrl|alt|meta)[+-]\S+|tab/arrow keys)"
)
_KEYS = rf"{_KEY}(?:(?: or | then |/| |, ){_KEY}){{0,3}}"
_HINT = re.compile(rf"^\s*(?:press |or |use )?(?:{_KEYS} (?:to|for)|<?[a-z]>? to) \S", re.IGNORECASE)
_SHORT_HINT = re.compile(rf"^{_KEYS}:?(?: \w+){{1,3}}$", re.IGNORECASE)
# these belong to a composer or to work under way: there is no dialog above them
LIVE = re.compile(
    r"shift\+tab to cycle|for shortcuts|for agents|esc to interrupt(?!.*(?:submit|answer))", re.IGNORECASE
)


def is_hint(row: str) -> bool:
    if RULE.match(row) or EDGE.match(row):
        return True
    if "submit answer" not in row and LIVE.search(row):
        return False
    return bool(_HINT.match(row)) or all(_SHORT_HINT.match(part.strip()) for part in re.split(r"[·•|]", row))


def above_hints(rows: Sequence[str]) -> int:
    """Return the index of the last row that is not a hint, -1 when there is none."""
    width = max(map(len, rows), default=0)
    at = len(rows) - 1
    while at >= 0:
        if not rows[at] or is_hint(rows[at]):
            at -= 1
        elif at and _wraps(rows[at - 1], rows[at], width):
            at -= 2
        else:
            return at
    return -1


_OPEN_END = re.compile(r"(?:\b(?:to|for|or)|[·•|])$")
_PARTED = re.compile(r" [·•|] (.*)$")


def _wraps(row: str, below: str, width: int) -> bool:
    """Tell whether a hint goes on in the row below: it would not have fitted, and is not whole without it."""
    if indent(row) != indent(below) or not is_hint(row) or not is_hint(f"{row} {below.strip()}"):
        return False
    rest = _PARTED.search(below)
    full = len(row) + 1 + len(below.split(maxsplit=1)[0]) > width
    return full and bool(_OPEN_END.search(row) or (rest and _HINT.match(rest.group(1))))
