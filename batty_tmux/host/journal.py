"""The journal: append-only JSON lines, the truth about what happened in a repository.

A line is written whole, under a lock, and reaches the disk before `append` returns. A process killed in the
middle of a write leaves a torn last line: readers do not see it, and the next writer cuts it.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.host.clock import now
from batty_tmux.host.lock import exclusive

_TAIL = 64 * 1024
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Journal:
    path: Path

    def size(self) -> int:
        """Return the size in bytes, 0 where there is no journal yet."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, offset: int = 0) -> tuple[list[bytes], int]:
        """Return the complete lines from a byte offset on, and the offset to go on from."""
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], 0
        end = data.rfind(b"\n") + 1
        return data[:end].splitlines(), offset + end

    def append(self, records: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """Write the records, each with its `at` and the next `seq`; return them as written."""
        with exclusive(self.path.with_suffix(".lock")):
            fresh = not self.path.exists()
            with self.path.open("ab+") as file:
                seq = _cut_torn_line(file.fileno())
                stamped: list[dict[str, object]] = [
                    {"at": _rfc3339(), "seq": seq + n, **record} for n, record in enumerate(records, 1)
                ]
                file.write(b"".join(_line(record) for record in stamped))
                file.flush()
                os.fsync(file.fileno())
            if fresh:
                _fsync_folder(self.path.parent)
        return stamped


def _line(record: Mapping[str, object]) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    # a path that is not UTF-8 arrives as surrogates, which JSON readers refuse: write the byte in words
    return _SURROGATE.sub(lambda match: f"\\\\x{ord(match[0]) & 0xFF:02x}", text).encode() + b"\n"


def _cut_torn_line(descriptor: int) -> int:
    """Truncate after the last newline; return the last line's seq, 0 for an empty journal."""
    size = os.fstat(descriptor).st_size
    reach = _TAIL
    while True:
        start = max(0, size - reach)
        tail = os.pread(descriptor, size - start, start)
        end = tail.rfind(b"\n") + 1
        lines = tail[:end].split(b"\n")[:-1]
        # unless the file begins here, the first of these is only the end of a line
        seq = _last_seq(lines if start == 0 else lines[1:])
        if start == 0 or seq is not None:
            break
        reach *= 4
    if start + end < size:
        os.ftruncate(descriptor, start + end)
    return len(lines) if seq is None else seq


def _last_seq(lines: Sequence[bytes]) -> int | None:
    """Return the number of the last of these lines, counting on over damaged ones; None if all are damaged."""
    for damaged, line in enumerate(reversed(lines)):
        seq = _seq(line)
        if seq is not None:
            return seq + damaged
    return None


def _seq(line: bytes) -> int | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    seq = record.get("seq") if isinstance(record, dict) else None
    return seq if isinstance(seq, int) else None


def _rfc3339() -> str:
    return now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
