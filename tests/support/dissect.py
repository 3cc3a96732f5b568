"""Dialogs taken apart into their options, and put together again in another way. Imports nothing of batty_tmux."""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.support.catalogue import Shown, steps

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One option: what stands before its label (indentation, caret, number), the label, and rows below it."""

    number: str
    label: str
    tail: str
    below: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """A dialog taken apart, so that it can be put together in another way."""

    shown: Shown
    above: tuple[str, ...]
    rows: tuple[Row, ...]
    caret: int
    mark: str
    margin: str
    under: tuple[str, ...]
    right: Mapping[str, int]

    def text(self, carets: Sequence[int] = ()) -> str:
        at = set(carets or (self.caret,))
        rows: list[str] = []
        for n, row in enumerate(self.rows):
            mark = self.mark if n in at else " "
            rows += [f"{self.margin}{mark} {row.number}{row.label}{row.tail}", *row.below]
        return "\n".join((*self.above, *rows, *self.under)) + "\n"

    def keys(self) -> dict[str, Keys]:
        return {meaning: steps(self.caret, n) for meaning, n in self.right.items()}


def taken_apart(shown: Shown) -> Parts:
    """Find the options by their words, from below; whatever is between two of them belongs to the upper one."""
    lines = shown.text.rstrip("\n").split("\n")
    at: list[int] = []
    end = len(lines)
    for label in reversed(shown.options):
        words = re.compile(rf"^[│ ]*[❯›>]? *(?:\d+[.)] +)?{re.escape(label[:20].rstrip())}")
        end = next(n for n in range(end - 1, -1, -1) if words.match(lines[n].replace("’", "'")))
        at.insert(0, end)
    last = at[-1] + 1
    column = len(lines[at[-1]]) - len(lines[at[-1]].lstrip("│ ❯›>"))
    while last < len(lines) and lines[last] and len(lines[last]) - len(lines[last].lstrip()) > column:
        last += 1
    rows = tuple(_row(lines, n, stop, label) for n, stop, label in zip(at, [*at[1:], last], shown.options, strict=True))
    assert shown.caret is not None
    found = re.match(r"^([│ ]*)([❯›>]) ", lines[at[shown.caret]])
    assert found, shown.name
    above, under = tuple(lines[: at[0]]), tuple(lines[last:])
    return Parts(shown, above, rows, shown.caret, found[2], found[1], under, shown.right)


def _row(lines: Sequence[str], at: int, stop: int, label: str) -> Row:
    found = re.match(r"^[│ ]*[❯›>]? *(\d+[.)] +)?(.*)$", lines[at])
    assert found
    told = found[2]
    whole = label if told.replace("’", "'").startswith(label) else told
    return Row(found[1] or "", whole, told[len(whole) :], tuple(lines[at + 1 : stop]))


_LEADS = re.compile(r"^( *[❯›>]? *(?:\d+[.)] +)?(?:\[.\] )?)")


def folded(line: str, width: int) -> list[str]:
    """Break a line between words, and go on below where its text began; rules are drawn to the width."""
    if re.fullmatch(r"\s*[─━═╌╍┄┈▔▁]{3,}\s*", line):
        return [line[:width]]
    lead = _LEADS.match(line)
    hang = " " * min(len(lead[1]) if lead else 0, width // 2)
    rows: list[str] = []
    while len(line) > width:
        at = line.rfind(" ", len(hang) + 1, width + 1)
        at = width if at <= len(hang) else at
        rows.append(line[:at].rstrip())
        line = hang + line[at:].lstrip()
    return [*rows, line]
