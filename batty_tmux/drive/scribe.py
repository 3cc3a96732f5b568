"""Stands between a gate and its log, as a process of its own: `gate | scribe >> log`. No secret comes to the disk.

It lives as long as anybody may say something, so a gate whose lander was killed goes on and has its log. Its output is
the log's lock too: as long as that is held, somebody writes there. A log that is finished is read-only.
"""

import os
import sys
from contextlib import suppress
from select import select

from batty_tmux.host.clock import monotonic

DONE = 0o400
"""The mode of a log that is finished."""
_SOON = 0.25
"""Seconds after which what was said stands in the log."""
_BLOCK = 1 << 20
"""Bytes that are redacted together, and that a row may have before it is written in pieces."""
_PIPE = 1 << 20
"""Bytes that a pipe holds at most: so much may have been said before the gate ended, and is to be read yet."""
_READ = 1 << 16
_ABOVE = 4096
"""Characters that are kept in memory of what was written, since they may tell what comes next."""
_QUESTIONS = 4
"""How often the rules are asked about one log; after that, what is doubtful is marked."""


class Pad:
    """Takes what is said as it comes, and writes it down in whole rows without its secrets.

    Never raises for a log that takes nothing, as on a full disk: what is missing is counted, and told there
    when there is room again.
    """

    def __init__(self, log: int, questions: int = _QUESTIONS) -> None:
        self._log = log
        self._questions = questions
        self._heard = bytearray()
        self._above = ""
        self._missing = 0

    def hear(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) >= _BLOCK:
            self.write()

    def row(self, words: bytes) -> None:
        """Hear words that are a row of their own, also after one that nobody has ended."""
        begun = bool(self._heard) and not self._heard.endswith(b"\n")
        self.hear(b"\n" + words if begun else words)

    def write(self) -> None:
        """Write what is whole; the beginning of a row or of a private key stays until the rest of it is there."""
        # it takes longer to import than all else together, and who says nothing needs none of it
        from batty_tmux.core.redact import whole  # noqa: PLC0415

        text = self._text()
        self._take(text, whole(text, _BLOCK))

    def end(self) -> None:
        """Write all that is left: nothing comes after it."""
        if self._heard or self._missing:
            text = self._text()
            self._take(text, len(text))

    def _text(self) -> str:
        return self._heard.decode("utf-8", "surrogateescape")

    def _take(self, text: str, end: int) -> None:
        self._heard = bytearray(_bytes(text[end:]))
        self._put(_bytes(self._plain(text[:end])))

    def _plain(self, text: str) -> str:
        from batty_tmux.core.redact import doubtful, drawn, marked, redact  # noqa: PLC0415 -- as above

        plain = redact(text, self._above)
        self._above = (self._above + text)[-_ABOVE:]
        if not doubtful(plain):
            return plain
        if self._questions == 0:
            return marked(plain, drawn(plain))
        from batty_tmux.drive.redaction import redacted  # noqa: PLC0415 -- as above

        self._questions -= 1
        return redacted(plain)

    def _put(self, data: bytes) -> None:
        if self._missing:
            told = f"\nbatty: {self._missing} bytes are missing here: the log could not be written\n".encode()
            if self._left_of(told):
                self._missing += len(data)
                return
        self._missing = self._left_of(data)

    def _left_of(self, data: bytes) -> int:
        """Write it; return how many bytes of it the log did not take."""
        # counted by the caller
        with suppress(OSError):
            while data:
                data = data[os.write(self._log, data) :]
        return len(data)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def listen(source: int, control: int, pad: Pad) -> None:
    """Write down what comes from `source` until it ends, or until `control` tells that the gate has ended.

    What it tells is the last that is written. Where it ends and has told nothing, whoever held it was killed, and the
    gate goes on. A daemon that has left the gate may hold `source` open for ever: after the word, only what lies
    in it is read.
    """
    os.set_blocking(source, False)
    watched, due = [source, control], None
    while True:
        ready = select(watched, (), (), None if due is None else max(0.0, due - monotonic()))[0]
        if control in ready:
            told = _all_of(control)
            if told:
                _drain(source, pad)
                if words := told.strip(b"\n"):
                    pad.row(words + b"\n")
                return
            watched.remove(control)
        elif source in ready:
            data = os.read(source, _READ)
            if not data:
                return
            pad.hear(data)
            due = due or monotonic() + _SOON
        if due is not None and monotonic() >= due:
            pad.write()
            due = None


def _all_of(control: int) -> bytes:
    told = b""
    while data := os.read(control, _READ):
        told += data
    return told


def _drain(source: int, pad: Pad) -> None:
    left = _PIPE
    with suppress(BlockingIOError):
        while left > 0 and (data := os.read(source, _READ)):
            pad.hear(data)
            left -= len(data)


def main() -> int:
    log = sys.stdout.fileno()
    pad = Pad(log)
    try:
        listen(sys.stdin.fileno(), int(sys.argv[1]), pad)
        pad.end()
    except Exception as bug:  # noqa: BLE001 -- its own words may hold what was said; where it is does not
        line = bug.__traceback__.tb_lineno if bug.__traceback__ else 0
        os.write(log, f"batty: a bug in the scribe: {type(bug).__name__}, from line {line}\n".encode())
        return 1
    os.fchmod(log, DONE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
