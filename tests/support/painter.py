"""A scripted agent: paints screens of the catalogue in its pane, takes keys as the real dialog would, and notes them.

Runs in a pane as `python painter.py ORDERS NOTES`. Each line of the FIFO `ORDERS` is a JSON object: `name` says which
screen to paint; `numb` keys are ignored (of "arrows", "enter"), `deaf` is how many times Enter is lost. Each line of
`NOTES` is what happened: ["painted", name], ["chosen", option], ["wrote", text], ["said", text], ["key", key].
"""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import json
import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.catalogue import Shown, catalogue
from tests.support.dissect import Parts, folded, taken_apart

_KEYS = re.compile(
    rb"\x1b\[200~(?P<pasted>.*?)\x1b\[201~|\x1b(?:\[|O)(?P<arrow>[AB])|(?P<enter>\r)|(?P<tab>\t)|(?P<esc>\x1b(?!\[|O))"
    rb"|(?P<letter>[^\x1b\r\t])",
    re.DOTALL,
)
_OWN_WORDS = "Type something."
_HOLLOW = {"Add notes", "Type your answer (optional)"}
_HALF = 0.004
"""Seconds between the two halves in which a screen is painted: readers see it half painted now and then."""


@dataclass
class Agent:
    """What is on the screen: a screen of the catalogue as it is, with the caret and the text that keys have made."""

    notes: Path
    shown: Shown | None = None
    parts: Parts | None = None
    caret: int = 0
    written: str = ""
    open: bool = False
    numb: frozenset[str] = frozenset()
    deaf: int = 0
    left: bytes = field(default=b"")

    def note(self, *what: str | int) -> None:
        with self.notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    def obey(self, order: dict[str, Any]) -> None:
        self.shown = catalogue()[order["name"]]
        self.parts = taken_apart(self.shown) if self.shown.caret is not None else None
        self.caret, self.written, self.open = self.shown.caret or 0, "", False
        self.numb, self.deaf = frozenset(order.get("numb", ())), order.get("deaf", 0)
        columns, rows = os.get_terminal_size()
        # a transcript above, so that the screen has scrolled
        emit("\x1b[2J\x1b[H" + "".join(f"● Step {n} of the transcript\r\n" for n in range(rows + 7)))
        self.paint()
        self.note("painted", self.shown.name, columns, rows)

    # -- keys

    def take(self, data: bytes) -> None:
        self.left += data
        while match := _KEYS.match(self.left):
            if b"\x1b[200~".startswith(self.left[:6]) and match.lastgroup == "esc" and len(self.left) > 1:
                return  # the end of a paste has not come yet
            self.left = self.left[match.end() :]
            self.press(str(match.lastgroup), (match[str(match.lastgroup)] or b"").decode("utf-8", "replace"))

    def press(self, kind: str, text: str) -> None:
        if self.shown is None:
            return
        if kind in {"pasted", "letter"} and self._is_field():
            self.written += text.replace("\r", "\n")
        elif kind == "arrow" and self.parts and not self.open:
            step = 1 if text == "B" else -1
            if "arrows" not in self.numb:
                self.caret = min(max(self.caret + step, 0), len(self.parts.rows) - 1)
        elif kind == "tab" and self.shown.entry == "X9" and self.parts:
            self.open = True
        elif kind == "enter":
            self.enter()
        elif self.parts and text.isdigit() and 1 <= int(text) <= len(self.parts.rows):
            self.settle("chosen", int(text) - 1)
        else:
            self.note("key", text or kind)
        self.paint()

    def enter(self) -> None:
        if "enter" in self.numb or self.deaf:
            self.deaf = max(self.deaf - 1, 0)
        elif self.parts is None or self.open or (self._is_field() and self.written):
            if self._is_form():
                self.settle("wrote", self.written)
            elif self.written:
                self.note("said", self.written)
                self.written = ""
        else:
            self.settle("chosen", self.caret)

    def settle(self, what: str, which: str | int) -> None:
        """The dialog goes; an empty composer comes."""
        assert self.shown is not None
        resting = {"claude": "claude-2.1.197-C27", "codex": "codex-0.169.0-X20", "any": "any-0-y-n-answered"}
        self.shown, self.parts, self.written, self.open = catalogue()[resting[self.shown.family]], None, "", False
        self.note(what, which)

    def _is_form(self) -> bool:
        assert self.shown is not None
        return self.parts is not None or self.shown.entry == "X9"

    def _is_field(self) -> bool:
        own = self.parts is not None and self.shown is not None and self.shown.options[self.caret] == _OWN_WORDS
        return self.parts is None or self.open or own

    # -- painting

    def paint(self) -> None:
        columns, rows = os.get_terminal_size()
        lines = [row for line in self.lines() for row in drawn(line, columns)]
        shown = ["● Step of the transcript"] * (rows - len(lines)) + lines[-rows:]
        half = len(shown) // 2
        emit("\x1b[?25l\x1b[H" + "\r\n".join(f"{row}\x1b[K" for row in shown[:half]))
        time.sleep(_HALF)
        emit("\r\n" + "\r\n".join(f"{row}\x1b[K" for row in shown[half:]))

    def lines(self) -> Sequence[str]:
        assert self.shown is not None
        if self.parts is None:
            return with_text(self.shown, self.written)
        if self.open:
            noted = catalogue()["codex-0.169.0-X9-notes"]
            return with_text(noted, self.written)
        rows = list(self.parts.rows)
        if self.written:
            rows[self.caret] = replace(rows[self.caret], label=self.written.replace("\n", " "))
        return replace(self.parts, caret=self.caret, rows=tuple(rows)).text().rstrip("\n").split("\n")


def with_text(shown: Shown, written: str) -> Sequence[str]:
    """Return a screen without a menu, with what was written in its composer or field."""
    lines = shown.text.rstrip("\n").split("\n")
    if not written:
        return lines
    told = written if len(written) < 800 else f"[Pasted text #1 +{written.count(chr(10))} lines]"
    for n in range(len(lines) - 1, -1, -1):
        match = re.match(r"^( *[❯›»])([ \xa0]|$)(.*)$", lines[n])
        if match and not re.match(r"\d+\.", match[3]):
            first, *more = told.split("\n")
            return [
                *lines[:n],
                f"{match[1]} {first}",
                *(f"{' ' * len(match[1])} {row}" for row in more),
                *lines[n + 1 :],
            ]
    return lines


def drawn(line: str, columns: int) -> list[str]:
    """Return the rows of a line in a pane this wide; rules reach from one side to the other."""
    match = re.fullmatch(r"( *)([─▔╌])\2{60,}", line)
    if match:
        return [match[1] + match[2] * (columns - 2 * len(match[1]))]
    return folded(line, columns)


def emit(text: str) -> None:
    os.write(1, text.encode())


def main(orders: str, notes: str) -> None:
    agent = Agent(Path(notes))
    tty.setraw(0)
    termios.tcflush(0, termios.TCIFLUSH)
    emit("\x1b[?2004h")
    told = os.open(orders, os.O_RDWR)
    pending = b""
    while True:
        ready, _, _ = select.select([0, told], [], [])
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return
            agent.take(data)
        if told in ready:
            *lines, pending = (pending + os.read(told, 65536)).split(b"\n")
            for line in lines:
                agent.obey(json.loads(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
