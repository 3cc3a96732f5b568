"""What a lander without a terminal says, without the secrets in it: words of git, of gates, of exceptions."""

import atexit
import sys
from io import TextIOBase
from threading import Lock

from batty_tmux.drive.scribe import Pad


def keep_secrets_out() -> None:
    """Have all that this process still prints redacted, in whole rows, on its way into the file that is its stderr."""
    stream = _Redacting(sys.stderr.fileno())
    atexit.register(stream.end)
    sys.stdout = sys.stderr = stream


class _Redacting(TextIOBase):
    def __init__(self, file: int) -> None:
        # nothing is asked for: a lander does not wait for its own words
        self._pad = Pad(file, questions=0)
        self._file = file
        self._lock = Lock()

    def write(self, text: str) -> int:
        with self._lock:
            self._pad.hear(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        with self._lock:
            self._pad.write()

    def end(self) -> None:
        with self._lock:
            self._pad.end()

    def fileno(self) -> int:
        return self._file

    def writable(self) -> bool:
        return True
