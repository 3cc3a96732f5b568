"""Copies of files and of whole folders that share nothing with what they were made from, unless that is asked for."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.host.process import run

_FICLONE = 0x40049409
_PATIENCE = 1800
"""Seconds for the copy of one folder."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One thing below a folder: its path from there, what `lstat` says of it."""

    path: str
    facts: os.stat_result

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.facts.st_mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.facts.st_mode)

    @property
    def print(self) -> tuple[str, int, int, int]:
        """What is another one when the content is: folders have no times, since what is put into them changes those."""
        folder = stat.S_ISDIR(self.facts.st_mode)
        mode = stat.S_IFMT(self.facts.st_mode) | (self.facts.st_mode & stat.S_IXUSR)
        return self.path, mode, 0 if folder else self.facts.st_size, 0 if folder else self.facts.st_mtime_ns


def clones(folder: Path) -> bool:
    """Tell whether the file system of a folder can give two files the same blocks until one of them is written."""
    one, other = (folder / f".clone-{os.getpid()}-{name}" for name in ("a", "b"))
    try:
        one.write_bytes(b"x" * 4096)
        if sys.platform == "darwin":
            return run(("cp", "-c", str(one), str(other)), timeout=10).ok
        import fcntl  # noqa: PLC0415 -- for this one question

        with one.open("rb") as source, other.open("wb") as target:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    else:
        return True
    finally:
        for file in (one, other):
            file.unlink(missing_ok=True)


def copy_folder(source: Path, target: Path, *, link: bool = False, keep_open: Sequence[int] = ()) -> str:
    """Make `target`, which must not exist, a copy of a folder with times and modes; return why not, or nothing.

    By reflink where the file system has that. With `link` the files are the same ones. What was copied of a folder
    that could not be copied whole is left behind. `keep_open` is for the lock under which it is made: where this
    process is killed, the copying goes on, and the lock with it.
    """
    words: tuple[str, ...] = ("-Rp", "-c") if sys.platform == "darwin" else ("-a", "--reflink=auto")
    if link:
        words = ("-Rpl",) if sys.platform == "darwin" else ("-a", "-l")
    done = run(("cp", *words, str(source), str(target)), timeout=_PATIENCE, keep_open=keep_open)
    if not done.ok and done.status is not None and not link:
        # a cp that knows nothing of clones, as busybox's, or a file system that it gives up at
        remove(target)
        done = run(("cp", "-Rp", str(source), str(target)), timeout=_PATIENCE, keep_open=keep_open)
    told = done.stderr.strip().splitlines()
    return "" if done.ok else (told[0] if told else "it took too long" if done.status is None else "cp failed")


def below(folder: Path) -> Iterator[Entry]:
    """Yield everything below a folder, links as links, in no order. What vanishes meanwhile is left out."""
    todo = [("", folder)]
    while todo:
        prefix, here = todo.pop()
        with suppress(FileNotFoundError), os.scandir(here) as found:
            for entry in found:
                with suppress(FileNotFoundError):
                    path = prefix + entry.name
                    yield Entry(path, entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((f"{path}/", Path(entry.path)))


def leads_straight(root: Path, path: str) -> bool:
    """Tell whether no folder on the way to `path` below `root` is a link, or something else that is no folder."""
    here = root
    for part in Path(path).parts[:-1]:
        here /= part
        if here.is_symlink() or (here.exists() and not here.is_dir()):
            return False
    return True


def content(path: Path, most: int) -> bytes | None:
    """Return a file's bytes; None where there are more than `most`, or it is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor, not a path
        facts = os.fstat(descriptor)
        return file.read() if stat.S_ISREG(facts.st_mode) and facts.st_size <= most else None


def holds(path: Path, needles: Sequence[bytes]) -> bool:
    """Tell whether a file of any size holds one of these."""
    longest = max(map(len, needles), default=0)
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            rest += chunk
            if any(needle in rest for needle in needles):
                return True
            rest = rest[-longest:] if longest else b""
    return False


def rewrite(path: Path, data: bytes) -> None:
    """Give a file other content with the same mode and times. What else has that file under another name keeps its own.

    It is made anew and put in its place: a file that is written in place would change wherever it is linked.
    """
    facts = path.lstat()
    new = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 -- a descriptor, not a path
        file.write(data)
        file.flush()
        os.fchmod(descriptor, stat.S_IMODE(facts.st_mode))
    os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    new.replace(path)


def relink(path: Path, target: str) -> None:
    """Have a link lead elsewhere."""
    new = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    new.symlink_to(target)
    new.replace(path)


def put(source: Path, target: Path, through: Path) -> bool:
    """Copy one file to where nothing is, whole or not at all; tell whether it is there now by this.

    Links are not followed, at neither end. `through` is a folder on the target's file system in which the copy grows.
    """
    try:
        reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with open(reading, "rb") as file:  # noqa: PTH123 -- a descriptor, not a path
        facts = os.fstat(reading)
        if not stat.S_ISREG(facts.st_mode):
            return False
        new = through / f".provide-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            writing = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(writing, "wb") as out:  # noqa: PTH123 -- a descriptor, not a path
                shutil.copyfileobj(file, out)
                out.flush()
                os.fchmod(writing, stat.S_IMODE(facts.st_mode))
            os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            _name(new, target)
        except FileExistsError:
            return False
        finally:
            new.unlink(missing_ok=True)
    return True


def _name(new: Path, target: Path) -> None:
    """Give a file a name that is not taken. Raises FileExistsError where it is."""
    try:
        os.link(new, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        new.rename(target)


def sweep(folder: Path) -> None:
    """Remove copies that were growing here when the process that made them was killed."""
    for left in folder.glob(".provide-*-*"):
        pid = left.name.split("-")[1]
        if pid.isdigit() and not _is_alive(int(pid)):
            left.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def remove(folder: Path) -> None:
    """Remove a folder of batty's own and all in it; what cannot be removed, or is gone already, stays so."""
    shutil.rmtree(folder, ignore_errors=True)
