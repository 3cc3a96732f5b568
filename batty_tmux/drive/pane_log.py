"""What an executor's pane showed, as a text that a person can read afterwards: new rows only, and no secrets."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from batty_tmux.core.redact import drawn, marked, redact
from batty_tmux.core.screen import rows_of

LIMIT: Final = 1 << 20
"""Bytes of `pane.log`; when they are full it becomes `pane.log.1`, and the one before that goes."""
_SCREEN: Final = 1 << 20
_COLUMNS: Final = 1_000
_SHOWN: Final = 300
_MOVES = re.compile(r"[0-9\s\u2500-\u25ff\u2700-\u27bf\u2800-\u28ff⏺⏵…·•∙*+|/\\-]+")
"""What a spinner, a clock or a bar changes in a row."""
_LONE = re.compile("[\ud800-\udfff]")


class PaneLog:
    """Writes to `pane.log` in the phase's folder. Never raises: a log must not stop a supervisor."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "pane.log"
        self._seen: frozenset[int] = frozenset()
        self._written: frozenset[int] = frozenset()
        self._second = ""
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def saw(self, screen: str, at: datetime) -> None:
        """Take a screen as it was captured; write the rows that the one before did not show.

        Rows that differ in digits, bars and spinners only are the same. Where nothing is new this takes some
        tens of microseconds and touches no file.
        """
        rows = rows_of(_bounded(screen))
        seen = frozenset(map(_told, rows))
        news = seen - self._seen
        self._seen = seen
        if not news:
            return
        # all of the screen, since what a row holds may be told by its neighbours
        plain = redact("\n".join(rows))
        plain = marked(plain, drawn(plain))
        shown = plain.split("\n")
        fresh = [row for row in shown if row.strip() and _told(row) not in self._written]
        self._written = frozenset(map(_told, shown))
        if fresh:
            with suppress(OSError):
                self._append("".join(self._lines(fresh, at)))

    def _lines(self, rows: list[str], at: datetime) -> Iterator[str]:
        """Yield the rows, the first of each second with its time."""
        for row in rows:
            second = f"{at:%Y-%m-%d %H:%M:%S}"
            time = second if second != self._second else " " * len(second)
            self._second = second
            yield f"{time}  {row[:_SHOWN].rstrip()}\n"

    def _append(self, text: str) -> None:
        """Add to the log in one write; a row that a crash of the machine has cut gets its end first."""
        data = _LONE.sub("\ufffd", text).encode()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._file, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and size + len(data) > LIMIT:
                self._file.replace(self._file.with_name("pane.log.1"))
                os.close(descriptor)
                descriptor, size = os.open(self._file, flags, 0o600), 0
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data
            os.write(descriptor, data)
        finally:
            os.close(descriptor)


def _bounded(screen: str) -> str:
    """Return the end of a screen, its rows cut between two words: half a secret is a secret too."""
    if len(screen) > _SCREEN:
        screen = screen[-_SCREEN:].partition("\n")[2]
    if len(screen) < _COLUMNS:
        return screen
    return "\n".join(row if len(row) <= _COLUMNS else _cut(row) for row in screen.split("\n"))


def _cut(row: str) -> str:
    return row[:_COLUMNS].rpartition(" ")[0]


def _told(row: str) -> int:
    """Return what makes a row another one than its neighbours in time."""
    return hash(_MOVES.sub("", row))
