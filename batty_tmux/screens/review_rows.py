"""What the reader's sections and its line of keys show, made of what was read."""

from collections.abc import Sequence
from typing import Final, Literal

from batty_tmux.core.review import Verdict
from batty_tmux.drive.reading import Painted
from batty_tmux.screens.pager import Row

Section = Literal["packet", "diff", "log"]
SECTIONS: Final[tuple[Section, ...]] = ("packet", "diff", "log")

_NAMES: Final[dict[Section, str]] = {"packet": "packet", "diff": "diff", "log": "gate's log"}
_INKS: Final = {"": "", "head": "bold", "hunk": "cyan", "added": "green", "removed": "red"}
_WARNS: Final = ("## Look twice", "## Would conflict", "## Not committed")
_OFFERS: Final[tuple[tuple[Verdict, str], ...]] = (
    ("merge", "m merge"),
    ("rework", "w rework"),
    ("escalate", "e escalate"),
)
_WIDE: Final = 120
"""Columns from which on the line of keys names them all."""


def tabs(section: Section) -> str:
    return "  ".join(f"[{_NAMES[one]}]" if one == section else f" {_NAMES[one]} " for one in SECTIONS)


def keys(verdicts: Sequence[Verdict], width: int, *, offered: bool = False) -> str:
    """Return the keys that do something now. `verdicts` are those that can be given."""
    words = ["Enter next"] if offered else [word for verdict, word in _OFFERS if verdict in verdicts]
    more = ["W rework in an editor", "/ find", "Space page", "Tab section"] if width >= _WIDE else []
    return "  ".join([*words, "d diff", "g log", "o window", "n/p next", *more, "q leave"])


def key_at(line: str, column: int) -> str:
    """Return the key, by Textual's name, of the words at this column of a line of `keys`; "" between them."""
    start = 0
    for words in line.split("  "):
        if start <= column < start + len(words):
            key = words.split(" ")[0].partition("/")[0] or "slash"
            return key.lower() if len(key) > 1 else key
        start += len(words) + 2
    return ""


def packet_rows(markdown: str) -> list[Row]:
    """Return a packet as rows: its headings stand out, and so does what is to be looked at twice."""
    rows: list[Row] = []
    heading = ""
    for line in markdown.rstrip("\n").split("\n"):
        if line.startswith("#"):
            heading = line
            rows.append(Row(line, "bold"))
        elif heading.startswith("## End of"):
            rows.append(Row(line, "dim"))
        else:
            warns = line.startswith("- ") and heading.startswith(_WARNS)
            rows.append(Row(line, "yellow" if warns else "", words=True))
    return rows


def diff_rows(painted: Painted | None) -> list[Row]:
    if painted is None:
        return [Row("reads the diff", "dim")]
    if not painted.lines:
        return [Row("nothing was changed", "dim")]
    if painted.inks is None:
        rows = [Row(line, coloured=True) for line in painted.lines]
    else:
        rows = [Row(line, _INKS[ink]) for line, ink in zip(painted.lines, painted.inks, strict=True)]
    return rows if painted.whole else [*rows, Row("the diff goes on: it is too long to be shown here", "bold")]
