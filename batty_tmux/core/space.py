"""Whether a disk has room for the worktrees that are to be made."""

from dataclasses import dataclass
from typing import Final, Literal

BLOCK: Final = 4096
"""Bytes that the smallest file takes."""
RESERVE: Final = 256_000_000
"""Bytes that must be left for journals, logs and git's own files."""
COMFORT: Final = 1_000_000_000
"""Bytes that should be left: what agents build is not known before."""
FULL: Final = 1_000_000
"""Bytes below which a disk counts as full: git names no reason where a write failed half-way."""
_OF_THE_DISK: Final = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
)
"""What the C library says of a disk that takes nothing, in the C locale."""
_UNITS: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@dataclass(frozen=True)
class Need:
    """What each of `worktrees` takes, in bytes: its checkout, what is provided, and its copy of the dependencies.

    `files` are a checkout's; `shared` says that the file system copies without taking room.
    """

    worktrees: int
    checkout: int
    files: int
    provided: int = 0
    dependencies: int = 0
    shared: bool = False

    @property
    def bytes(self) -> int:
        each = self.checkout + self.provided + (0 if self.shared else self.dependencies)
        return self.worktrees * each

    @property
    def inodes(self) -> int:
        return self.worktrees * self.files


@dataclass(frozen=True)
class Room:
    """What is free, for who is not root. `inodes` is None where the file system has no fixed number of them."""

    bytes: int
    inodes: int | None = None

    @property
    def is_full(self) -> bool:
        return self.bytes < FULL or self.inodes == 0


@dataclass(frozen=True)
class Judged:
    verdict: Literal["enough", "tight", "too-little"]
    says: str


def is_of_the_disk(told: str, room: Room) -> bool:
    """Tell whether it was the disk that made a program fail, and not what it worked on."""
    return room.is_full or any(words in told for words in _OF_THE_DISK)


def taken(sizes: "list[int]") -> int:
    """Return what files of these sizes take, in bytes: each whole blocks."""
    return sum(-(-size // BLOCK) * BLOCK for size in sizes)


def judge(need: Need, room: Room) -> Judged:
    """Say whether the need fits. `too-little` cannot end well; `tight` can, if agents build little."""
    told = f"{words(need)}; {size(room.bytes)} free"
    if need.worktrees == 0:
        return Judged("enough", told)
    if room.inodes is not None and need.inodes > room.inodes:
        return Judged("too-little", f"{words(need)}: {need.inodes} files, and only {room.inodes} more can be made")
    left = room.bytes - need.bytes
    if left < RESERVE:
        return Judged("too-little", f"{told}, and {size(RESERVE)} must be left")
    return Judged("tight" if left < COMFORT else "enough", told)


def words(need: Need) -> str:
    """Return the need as a person reads it: "3 worktrees of 12.0 MB, with 300 MB of dependencies each: 936 MB"."""
    each = f"{need.worktrees} worktree{'s' if need.worktrees != 1 else ''} of {size(need.checkout + need.provided)}"
    how = "shared" if need.shared else "copied"
    more = f", with {size(need.dependencies)} of dependencies each, {how}" if need.dependencies else ""
    return f"{each}{more}: {size(need.bytes)}"


def size(number: int) -> str:
    """Return a number of bytes with the unit that fits: "300 MB", "1.2 GB"."""
    for unit, one in _UNITS:
        if number >= one:
            shown = number / one
            return f"{shown:.1f} {unit}" if shown < 10 else f"{shown:.0f} {unit}"  # noqa: PLR2004
    return f"{number} bytes"
