"""How a supervisor hears of things without asking for them again and again."""

import os
import selectors
from dataclasses import dataclass


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


def drained(descriptor: int) -> bool:
    """Throw away what a non-blocking descriptor holds, at most 1 MiB a call; True if there was anything."""
    total = 0
    try:
        while total < 1 << 20 and (data := os.read(descriptor, 1 << 16)):
            total += len(data)
    except BlockingIOError:
        return total > 0
    return total > 0


def readable(descriptor: int, seconds: float) -> bool:
    """Wait for data for so long; tell whether some came."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(seconds))
