"""What this machine can carry, and a name for the environment that it gives to a gate."""

import hashlib
import os
import shlex
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_ROOT = Path("/")
_UNLIMITED = 1 << 60
"""From here on a cgroup's number of bytes means that there is no limit; version 1 has no word for it."""


def cores(root: Path = _ROOT) -> int:
    """Return how many cores this process may keep busy: at least 1.

    The scheduler's affinity where there is one, and a cgroup's cpu quota, rounded down. `root` is where /proc and
    /sys are looked for.
    """
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = (quota for folder in _cgroups(root, "cpu") if (quota := _quota(folder)) is not None)
    return max(1, int(min((allowed, *quotas))))


def memory(root: Path = _ROOT) -> int | None:
    """Return the bytes that are available without swapping, within a cgroup's limit; None where nobody says.

    Linux says; for macOS a program would have to be run, so it is None there.
    """
    available = _field(root / "proc/meminfo", "MemAvailable:")
    if available is None:
        return None
    rooms = (room for folder in _cgroups(root, "memory") if (room := _room(folder)) is not None)
    return max(0, min((available * 1024, *rooms)))


def room(folder: Path) -> tuple[int, int | None]:
    """Return the bytes and the files that still fit where a folder is or would be; None where files have no bound."""
    near = next(each for each in (folder, *folder.parents) if each.is_dir())
    facts = os.statvfs(near)
    return facts.f_bavail * facts.f_frsize, facts.f_favail if facts.f_files else None


Facts = tuple[tuple[str, ...], ...]
"""Rows that begin with a name: of the system, of the PATH, and of each program with where it is."""


def system() -> tuple[str, ...]:
    """Return the row of the operating system and the kind of processor."""
    names = os.uname()
    return ("system", names.sysname, names.machine)


def digest(facts: Facts) -> str:
    """Return 16 hexadecimal digits that stand for the facts."""
    text = "\0".join(part for row in facts for part in row)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def fingerprint(words: Sequence[str], path: str) -> str:
    """Return the digest of what a gate finds here besides its tree."""
    return digest(environment(words, path))


def environment(words: Sequence[str], path: str) -> Facts:
    """Return what a gate finds here besides its tree.

    That is the system, the kind of processor, the PATH and, for each word of the gate's command that is a program
    on it, the file it leads to with size and modification time. It changes when one of these is replaced, and not
    at a restart or a new kernel. It does not see into a program: what is installed in a virtual environment or
    behind a version manager's shim can change beneath it. Words with a relative folder are the tree's own.
    """
    facts: list[tuple[str, ...]] = [system(), ("PATH", path)]
    folders = [folder for folder in dict.fromkeys(path.split(os.pathsep)) if folder.startswith("/")]
    for word in dict.fromkeys(words):
        found = _program(word, folders)
        if found is not None:
            facts.append((word, *found))
    return tuple(facts)


def words_of(line: str) -> tuple[str, ...]:
    """Return the words of a shell line, for finding the programs in it; cut at its blanks where it is no plain one."""
    try:
        return tuple(shlex.split(line))
    except ValueError:
        return tuple(line.split())


def _program(word: str, folders: Iterable[str]) -> tuple[str, str, str, str] | None:
    """Return where a program is, what that leads to, its size and its time."""
    if not word or "\0" in word or ("/" in word and not word.startswith("/")):
        return None
    for place in (word,) if word.startswith("/") else (f"{folder}/{word}" for folder in folders):
        try:
            status = os.stat(place)  # noqa: PTH116  (a Path for each folder and word doubles the time)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and os.access(place, os.X_OK):
            return place, os.path.realpath(place), str(status.st_size), str(status.st_mtime_ns)
    return None


# --- cgroups, of which a container has its own


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the groups that this process is in, and of those above them: all their limits hold.

    Inside a container the path in /proc may be the host's; the top of what is mounted is then the group itself.
    """
    mount = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        names, _, group = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        top = mount / names if names else mount
        if names and not top.is_dir():
            top = mount / controller
        folder = top / group.strip("/")
        if ".." in folder.parts:
            folder = top
        yield from (each for each in (folder, *folder.parents) if each == top or top in each.parents)


def _quota(group: Path) -> float | None:
    """Return a group's cpu quota in cores."""
    words = next(_lines(group / "cpu.max"), "").split()
    if not words:
        words = [next(_lines(group / f"cpu.cfs_{name}_us"), "") for name in ("quota", "period")]
    quota, period = (_number(word) for word in (*words, "")[:2])
    return quota / period if quota and period and quota > 0 else None


def _room(group: Path) -> int | None:
    """Return what is left of a group's memory; what it holds of files can be given back, and counts as free."""
    for most, held, files in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit, usage = (_number(next(_lines(group / name), "")) for name in (most, held))
        if limit is not None and usage is not None and limit < _UNLIMITED:
            return limit - usage + (_field(group / "memory.stat", files) or 0)
    return None


def _field(file: Path, name: str) -> int | None:
    for line in _lines(file):
        words = line.split()
        if words[:1] == [name]:
            return _number(words[1]) if words[1:] else None
    return None


def _number(word: str) -> int | None:
    try:
        return int(word)
    except ValueError:
        return None


def _lines(file: Path) -> Iterator[str]:
    try:
        yield from file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return
