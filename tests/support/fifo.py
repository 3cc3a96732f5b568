"""A FIFO that programs hold open: reading it to its end waits until all of them are gone."""

import os
import select
from pathlib import Path


class Fifo:
    """Opened before any writer is; the test's own time-out is the deadline of every wait."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self.descriptor, True)

    def close(self) -> None:
        os.close(self.descriptor)

    def read_some(self) -> bytes:
        """Wait until somebody writes."""
        select.select([self.descriptor], [], [])
        return os.read(self.descriptor, 16)

    def read_to_end(self) -> bytes:
        """Wait until every writer is gone."""
        found = b""
        while chunk := os.read(self.descriptor, 4096):
            found += chunk
        return found
