"""A standing connection to a tmux server: a command costs 0.03 ms instead of a process of 3 ms.

It is tmux's control mode, for commands alone. `no-output`, since a control client sees the output of every pane
of its session, and one that does not read it makes the server grow; `ignore-size`, since it would shrink windows;
`-E`, since it would give the session this process's environment. The client is of this process's own session: a server
that is told to end waits for its control clients, and one whose reader has gone with its pane would keep it for ever.
"""

import os
import re
import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from batty_tmux.host import process
from batty_tmux.host.clock import monotonic

_AGAIN: Final = 2.0
"""Seconds from a connection that was lost to the next try."""
_MOST: Final = 64 << 20
"""Bytes of one answer. A screen of a million columns is less; what is more is no answer."""
_BREAK: Final = ord("\n")
_BEGIN = re.compile(rb"%begin (\d+ \d+) (\d+)")


@dataclass(frozen=True)
class Said:
    """What the server said to one command. `ok` is None when it did not answer: it may have been obeyed."""

    ok: bool | None
    text: str


_NOTHING: Final = Said(None, "")
_LEFT: Final = Said(None, "detached")
"""The server had thrown this client out before it came to the command, which it has not seen."""


@dataclass
class Control:
    """The connection, opened by the first command. `argv` begins with the tmux client to start."""

    argv: Sequence[str]
    env: Mapping[str, str]
    session: str
    _client: process.Running | None = None
    _lost: float = float("-inf")
    _unread: bytearray = field(default_factory=bytearray)

    def ask(self, lines: Sequence[str], timeout: float) -> list[Said] | None:
        """Send commands in tmux's syntax, one a line, and return what was said to each.

        None where there is no connection and nothing was sent: the caller may send it another way. A line break in
        a line would be another command: those of `terminal.line` have none.
        """
        client = self._connected(timeout)
        if client is None or client.stdin is None:
            return None
        try:
            rest = memoryview("".join(f"{text}\n" for text in lines).encode("utf-8", "surrogateescape"))
            while rest:
                rest = rest[client.stdin.write(rest) or 0 :]
        except OSError:
            # a client that has ended has read nothing of it
            self.close()
            return None
        end = monotonic() + timeout
        first = self._answer(end)
        if first is _LEFT:
            return None
        return [first, *(self._answer(end) for _ in lines[1:])]

    def close(self) -> None:
        """End the connection; the next command opens another, a little later."""
        client, self._client = self._client, None
        self._lost = monotonic()
        self._unread.clear()
        if client is not None:
            client.kill()
            for pipe in (client.stdin, client.stdout):
                if pipe is not None:
                    pipe.close()
            client.wait()

    def _connected(self, timeout: float) -> process.Running | None:
        if self._client is not None and self._client.poll() is None:
            return self._client
        if self._client is not None:
            self.close()
        if monotonic() - self._lost < _AGAIN:
            return None
        words = ("-C", "attach-session", "-E", "-f", "no-output,ignore-size", "-t", self.session)
        self._client = process.converse((*self.argv, *words), self.env)
        # what is said to the attaching itself comes first
        if self._answer(monotonic() + timeout, own=b"0").ok is not True:
            self.close()
        return self._client

    def _answer(self, end: float, own: bytes = b"1") -> Said:
        """Read up to the end of the next answer to a command of ours; notices between them are of no interest."""
        while self._client is not None:
            row = self._row(end)
            if row is None:
                break
            found = _BEGIN.fullmatch(row)
            if found is not None and found[2] == own:
                return self._body(end, found[1] + b" " + found[2])
            if row.startswith(b"%exit"):
                self.close()
                return _LEFT
            if found is None and not row.startswith(b"%"):
                # an answer has ended early, as when a screen shows such rows: nothing after it can be believed
                break
        self.close()
        return _NOTHING

    def _body(self, end: float, name: bytes) -> Said:
        """Read up to the row that ends the answer of this name; a screen is taken whole, not row by row."""
        marks = (b"%end " + name + b"\n", b"%error " + name + b"\n")
        searched = 0
        while len(self._unread) <= _MOST:
            for mark in marks:
                at = self._unread.find(mark, searched)
                while at > 0 and self._unread[at - 1] != _BREAK:
                    at = self._unread.find(mark, at + 1)
                if at >= 0:
                    text = bytes(self._unread[:at]).decode("utf-8", "surrogateescape")
                    del self._unread[: at + len(mark)]
                    return Said(mark is marks[0], text)
            searched = max(0, len(self._unread) - len(marks[1]))
            data = self._more(end)
            if not data:
                break
            self._unread += data
        self.close()
        return _NOTHING

    def _row(self, end: float) -> bytes | None:
        """Return the next line; None when none comes in time, or the other side is gone."""
        searched = 0
        while (at := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            data = self._more(end)
            if not data or searched > _MOST:
                return None
            self._unread += data
        row = bytes(self._unread[:at])
        del self._unread[: at + 1]
        return row

    def _more(self, end: float) -> bytes:
        pipe = self._client.stdout if self._client is not None else None
        if pipe is None:
            return b""
        ready, _, _ = select.select([pipe], [], [], max(0.0, end - monotonic()))
        return os.read(pipe.fileno(), 1 << 16) if ready else b""
