"""What the reader's sections and its line of keys show, made of what was read."""

from collections.abc import Sequence
from typing import Final, Literal

from batty_tmux.core.review import Verdict
from batty_tmux.drive.reading import Painted
from batty_tmux.screens.frame import Key
from batty_tmux.screens.pager import Row

Section = Literal["packet", "diff", "log"]
SECTIONS: Final[tuple[Section, ...]] = ("packet", "diff", "log")

_NAMES: Final[dict[Section, str]] = {"packet": "packet", "diff": "diff", "log": "gate's log"}
_INKS: Final = {"": "", "head": "bold", "hunk": "cyan", "added": "green", "removed": "red"}
_WARNS: Final = ("## Look twice", "## Would conflict", "## Not committed")
_OFFERS: Final[tuple[tuple[Verdict, Key], ...]] = (
    ("merge", Key("m", "merge", "app.merge")),
    ("rework", Key("w", "rework", "app.ask('rework')")),
    ("escalate", Key("e", "escalate", "app.ask('escalate')")),
)
_NEXT: Final = Key("Enter", "next", "app.go_on")
_ALWAYS: Final = (
    Key("d", "diff", "app.show('diff')"),
    Key("g", "log", "app.show('log')"),
    Key("o", "window", "app.window"),
    Key("n/p", "next", "app.step(1)"),
)
_MORE: Final = (
    Key("W", "rework in an editor", "app.edit"),
    Key("/", "find", "app.ask('find')"),
    Key("Space", "page", "app.page(1)"),
    Key("Tab", "section", "app.section(1)"),
)
_WIDE: Final = 120
"""Columns from which on the line of keys names them all."""


def tabs(section: Section) -> str:
    return "  ".join(f"[{_NAMES[one]}]" if one == section else f" {_NAMES[one]} " for one in SECTIONS)


def keys(verdicts: Sequence[Verdict], width: int, *, offered: bool = False) -> list[Key]:
    """Return the keys that do something now. `verdicts` are those that can be given."""
    first = [_NEXT] if offered else [key for verdict, key in _OFFERS if verdict in verdicts]
    return [*first, *_ALWAYS, *(_MORE if width >= _WIDE else ()), Key("q", "leave", "app.leave")]


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
