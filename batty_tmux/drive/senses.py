"""How supervisors and landers hear of things without asking for them again and again."""

import os
import selectors
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SOMEBODY = b"s"
_GATE = b"g"


@dataclass
class Exits:
    """Hears of a process's end at once, by pidfd where there is one; elsewhere the loop's tick finds out.

    Below tmux 3.6 `pane-died` is often lost, so it is not what supervision relies on.
    """

    selector: selectors.BaseSelector
    pid: int | None = None
    descriptor: int | None = None

    def follow(self, pid: int | None) -> None:
        if pid == self.pid:
            return
        self.forget()
        self.pid = pid
        if pid is None or not hasattr(os, "pidfd_open"):
            return
        try:
            self.descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        self.selector.register(self.descriptor, selectors.EVENT_READ, "exit")

    @property
    def watching(self) -> bool:
        """Whether the process is known to be alive: its pidfd has not become readable."""
        return self.descriptor is not None

    def forget(self) -> None:
        if self.descriptor is not None:
            self.selector.unregister(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = None


def readable(descriptor: int, seconds: float | None) -> bool:
    """Wait for data for so long, None is for ever; tell whether some came."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(seconds))


@dataclass(frozen=True)
class Bell:
    """A FIFO beside the landing lock. While its holder listens, others say that the queue has changed."""

    descriptor: int

    @classmethod
    @contextmanager
    def at(cls, state: Path) -> "Iterator[Bell]":
        """Listen for the block. Only the holder of the landing lock may."""
        fifo = state / "bell"
        if not fifo.is_fifo():
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo, 0o600)
        # for writing too, so that it is never at its end; not waiting, so that it can be drained
        descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        try:
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    def gate_ended(self) -> None:
        """Ring from a thread of the holder's own."""
        with suppress(BlockingIOError):
            # a bell that is full of rings has been heard
            os.write(self.descriptor, _GATE)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it rings, or so long; tell whether somebody else than a gate rang."""
        return readable(self.descriptor, seconds) and _SOMEBODY in os.read(self.descriptor, 1 << 16)


def ring(state: Path) -> None:
    """Tell the lander that is at work, if one is, to look at the queue again.

    Where none listens yet, the one that holds the lock has not looked yet; where none does any more, it looks
    once more after it has let go of the lock.
    """
    try:
        descriptor = os.open(state / "bell", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    with suppress(BlockingIOError):
        os.write(descriptor, _SOMEBODY)
    os.close(descriptor)
