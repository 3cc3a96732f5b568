"""The supervisor's end of the agent's hooks: what they report is read here, and answered. The other end is report.sh.

A hook writes its message into a file of the folder, then the file's number into the FIFO `bell`. With an answer to
wait for it makes a FIFO of that number first. Whoever can write into the folder is the user, or the user's agents:
the token says which executor's hooks a message is from, so that none is taken for another's.
"""

import hmac
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

from batty_tmux.core.reports import Report, of_claude, of_codex
from batty_tmux.errors import BattyError
from batty_tmux.host.agents.launch import Channel
from batty_tmux.host.clock import monotonic, now
from batty_tmux.host.files import read_text, write_atomically

LARGEST: Final = 262_144
"""Bytes of a message that report.sh keeps. One that is as long was cut, and says nothing any more."""
LONGEST_ANSWER: Final = 16_384
"""Bytes of an answer: what any system's FIFO takes at once."""
_AT_ONCE: Final = 256
"""Bytes of numbers read in one go: some forty messages. What is left keeps the bell ringing."""
_NUMBER = re.compile(rb"\d{1,10}(?:-\d{1,2})?")
_LEFT: Final = 60.0
"""Seconds after which a message is not finished any more: its hook was killed before it rang."""
_WAITED: Final = 300.0
"""Seconds after which no agent waits any more. A hook outlives an agent that is killed, and would wait for ever."""

_READERS: Final[dict[str, Callable[[object], Report | None]]] = {"claude": of_claude, "codex": of_codex}


def issue(folder: Path, family: str) -> Channel:
    """Make a token for an executor that is about to start, and what its hooks run; earlier tokens count no more."""
    _own(folder)
    channel = Channel(folder, token_hex(16))
    script = resources.files("batty_tmux").joinpath("hooks/report.sh").read_text("utf-8")
    if read_text(channel.script) != script:
        write_atomically(channel.script, script)
    write_atomically(folder / "agent", f"{family}\n{channel.token}\n")
    return channel


@dataclass
class Desk:
    """An open folder of reports. `descriptor` becomes readable when a hook has rung."""

    folder: Path
    descriptor: int
    dropped: Counter[str] = field(default_factory=Counter)
    """How many messages were thrown away, by why."""
    _partial: bytes = b""
    _tidied: float = 0.0

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Listen from now on. What hooks left for an earlier listener is thrown away, and who waits is let go."""
        _own(folder)
        bell = folder / "bell"
        if bell.is_symlink() or not bell.is_fifo():
            bell.unlink(missing_ok=True)
            os.mkfifo(bell, 0o600)
        desk = cls(folder, os.open(bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        while desk._rung():
            pass
        desk._partial = b""
        desk._tidy(0.0)
        desk.release()
        write_atomically(folder / "listener", f"{os.getpid()}\n")
        return desk

    def close(self) -> None:
        """Listen no more: later hooks end at once, and those that wait are let go."""
        if (read_text(self.folder / "listener") or "").strip() == str(os.getpid()):
            (self.folder / "listener").unlink(missing_ok=True)
        self.release()
        os.close(self.descriptor)

    def release(self) -> None:
        """Let go all hooks that wait, as when their agent has ended: one that is killed leaves its hook behind."""
        for reply in self.folder.glob("*.reply"):
            self.answer(reply, "")

    def collect(self) -> list[tuple[Report, Path | None]]:
        """Return what has come in, in its order; with each whose hook waits, where to answer it.

        Each of these owes an `answer`, be it "": some agents paint their dialog only after it. Never waits; to be
        called when `descriptor` is readable, and now and then besides, since it also clears away what was left.
        """
        found = []
        for number in self._rung():
            report = self._take(f"{number}.report")
            reply = self.folder / f"{number}.reply"
            waits = _is_fifo(reply)
            if report is not None:
                found.append((report, reply if waits else None))
            elif waits:
                self.answer(reply, "")
        if monotonic() - self._tidied > _LEFT:
            self._tidy(_LEFT)
        return found

    def answer(self, reply: Path, line: str) -> bool:
        """Tell a hook that waits what to print, and tell whether it was there to hear it. "" is no decision.

        One that is too long is no decision either: half of it would be none that the agent can read.
        """
        data = line.replace("\n", " ").encode("utf-8", "replace")
        fits = len(data) < LONGEST_ANSWER
        try:
            descriptor = os.open(reply, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            # nobody has it open: the hook has ended, by its time-out or with its agent
            self._remove(reply)
            return False
        try:
            is_hook = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
            return is_hook and os.write(descriptor, (data if fits else b"") + b"\n") > 0 and fits
        except OSError:
            return False
        finally:
            os.close(descriptor)
            self._remove(reply)

    def _rung(self) -> list[str]:
        try:
            data = self._partial + os.read(self.descriptor, _AT_ONCE)
        except BlockingIOError:
            return []
        *lines, rest = data.split(b"\n")
        self._partial = rest[:16]
        numbers = [line.decode() for line in lines if _NUMBER.fullmatch(line)]
        if len(numbers) < len(lines):
            self.dropped["noise"] += len(lines) - len(numbers)
        return numbers

    def _take(self, name: str) -> Report | None:
        """Read a message and remove it; None, and counted, for what is not a message of this executor's hooks."""
        read = self._read(self._data(name))
        if isinstance(read, Report):
            return read
        self.dropped[read] += 1
        return None

    def _read(self, data: bytes | None) -> Report | str:
        if data is None:
            return "gone"
        told, _, body = data.partition(b"\n")
        family, _, token = (read_text(self.folder / "agent") or "").partition("\n")
        if not token.strip() or not hmac.compare_digest(told, token.strip().encode()):
            return "not-ours"
        if len(body) >= LARGEST:
            return "too-large"
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            return "not-json"
        reader = _READERS.get(family)
        return (reader(payload) if reader else None) or "not-known"

    def _data(self, name: str) -> bytes | None:
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        self._remove(path)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            return file.read(LARGEST + 256)

    def _tidy(self, age: float) -> None:
        """Clear away messages of hooks that were killed before they rang, and FIFOs at which nobody waits any more."""
        self._tidied = monotonic()
        moment = now().timestamp()
        for entry in self._entries():
            with suppress(OSError):
                old = moment - entry.stat(follow_symlinks=False).st_mtime
                if entry.name.endswith(".report") and (old >= age or not age):
                    self._remove(Path(entry.path))
                elif entry.name.endswith(".reply") and old > (_WAITED if _is_heard(entry.path) else age):
                    self.answer(Path(entry.path), "")

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self.folder) as entries:
            yield from entries

    def _remove(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()


def _is_fifo(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.lstat().st_mode)
    except OSError:
        return False


def _is_heard(path: str) -> bool:
    """Tell whether somebody has a FIFO open to read from it."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _own(folder: Path) -> None:
    """Make the folder, for this user alone. Raises BattyError "hooks-folder" where something else is there."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise BattyError("hooks-folder", f"{folder} is not a folder of this user", next=f"rm {folder}")
    folder.chmod(0o700)
