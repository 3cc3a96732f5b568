"""Text of others on a terminal: what it would obey is taken out or made visible, and colours are given here.

A diff is made harmless before it is coloured, so that a colour in it can only be ours or the colouring program's: text
in a file that hides itself in the background's colour is shown.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

Ink = Literal["", "head", "hunk", "added", "removed"]

_ESCAPE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x9c|\x1b\\)"
    r"|\x1b[ -/]*[0-OQ-WYZ`-~]"
)
"""Whole sequences alone: of one that never ends, what a terminal would swallow is shown."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_PICTURES: Final = 0x2400
_SPACE: Final = 0x20
_DEL: Final = 0x7F
_TABS: Final = 4


def plain(line: str) -> str:
    """Return a line of output without its escape sequences, and with whatever else would not be seen made visible."""
    return visible(_ESCAPE.sub("", line.rstrip("\r\n")))


def visible(line: str) -> str:
    """Return a line in which every character is seen: ESC as a picture, marks that turn or hide text by number."""
    if line.isascii() and line.isprintable():
        return line
    return "".join(c if c.isprintable() else _shown(ord(c)) for c in line.expandtabs(_TABS))


def _shown(code: int) -> str:
    if code < _SPACE:
        return chr(_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == _DEL else f"<U+{code:04X}>"


def only_colours(line: str) -> str:
    """Return what a colouring program said with nothing left in it that a terminal would obey, but colours."""
    kept, at = [], 0
    for found in _ESCAPE.finditer(line):
        kept.append(visible(line[at : found.start()]))
        if _COLOUR.fullmatch(found[0]):
            kept.append(found[0])
        at = found.end()
    return "".join((*kept, visible(line[at:])))


def inks(lines: Iterable[str]) -> Iterator[Ink]:
    """Yield what each line of a diff is. In a hunk each line has a sign before it, so no content looks like a head."""
    inside = False
    for line in lines:
        inside = (inside and line[:1] in _SIGNS) or line.startswith("@@")
        if line.startswith("@@"):
            yield "hunk"
        elif inside:
            yield _SIGNS[line[:1]]
        else:
            yield "head"


_SIGNS: Final[dict[str, Ink]] = {"+": "added", "-": "removed", " ": "", "\\": "", "": ""}
