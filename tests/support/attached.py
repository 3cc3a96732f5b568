"""A person at a terminal: a real tmux client on a pseudo-terminal, its screen, and keys to press."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte

DEADLINE = 20
"""Seconds until something that must appear counts as not appearing, on a busy machine."""

PREFIX = "\x02"


class _Screen(pyte.Screen):
    def report_device_status(self, mode: int = 0, **_kw: Any) -> None:
        """Answer nothing: pyte raises on the private form that tmux 3.6 sends."""


class Attached:
    """`tmux attach` on the server of `socket`, drawing on a screen that tests can read.

    Use it in a `with`: leaving it hangs up, as closing a terminal does. `env` is the complete environment. With
    `control` a program sits at the terminal, and speaks tmux's control mode.
    """

    def __init__(
        self, socket: Path, env: Mapping[str, str], *, columns: int = 120, rows: int = 40, control: bool = False
    ) -> None:
        self.screen = _Screen(columns, rows)
        self.raw = b""
        """All that the terminal was sent."""
        self._stream = pyte.ByteStream(self.screen)
        argv = ["tmux", "-u", *(["-CC"] if control else []), "-S", str(socket), "attach-session"]
        own = {key: value for key, value in env.items() if key not in {"TMUX", "TMUX_PANE"}}
        with warnings.catch_warnings():
            # the child does nothing but exec, so the threads of the test runner do not matter
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            # the size must be there before tmux asks for it
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(argv[0], argv, own | {"TERM": "xterm-256color"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    @property
    def lines(self) -> list[str]:
        """What the screen shows, without the blanks at the ends of its lines."""
        return [line.rstrip() for line in self._rows]

    @property
    def _rows(self) -> list[str]:
        """What stands in the cells; pyte's own `display` raises where one half of a wide character is overwritten."""
        rows = (self.screen.buffer[row] for row in range(self.screen.lines))
        return ["".join(row[column].data for column in range(self.screen.columns)) for row in rows]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    def click(self, text: str) -> None:
        """Point at a text on the screen, press the first button there and let it go."""
        row = next(number for number, line in enumerate(self.lines, 1) if text in line)
        at = f"{self.lines[row - 1].index(text) + 2};{row}"
        self.press(f"\x1b[<35;{at}M\x1b[<0;{at}M\x1b[<0;{at}m")

    def expect(self, what: str | Callable[[], object], seconds: float = DEADLINE) -> None:
        """Read the terminal until a text is on the screen, or until a probe is true.

        A text is looked at whenever something was drawn. A probe, which may ask what no terminal tells, is
        asked again every 50 ms at the latest.
        """
        end = time.monotonic() + seconds
        while not (what in self.text if isinstance(what, str) else what()):
            left = end - time.monotonic()
            shown = what if isinstance(what, str) else "what was waited for"
            assert left > 0, f"not within {seconds} s: {shown}\n{self.text}"
            self._read(left if isinstance(what, str) else min(left, 0.05))

    def expect_gone(self, text: str) -> None:
        """Read the terminal until a text is not on the screen any more."""
        self.expect(lambda: text not in self.text)

    def styles(self, text: str) -> set[tuple[str, str, bool]]:
        """Return the (foreground, background, bold) of the characters of a text that is on the screen."""
        row, line = next((row, line) for row, line in enumerate(self._rows) if text in line)
        start = line.index(text)
        cells = [self.screen.buffer[row][column] for column in range(start, start + len(text))]
        return {(cell.fg, cell.bg, cell.bold) for cell in cells}

    def _read(self, seconds: float) -> None:
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            data = b""
        assert data, f"the client has ended:\n{self.text}"
        self.raw += data
        self._stream.feed(data)
