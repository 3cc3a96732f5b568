"""Files: read a folder within bounds, replace a file so that nobody ever sees half of it."""

import os
import stat
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

MAX_BYTES = 1024 * 1024
"""A larger file is given as the empty text, so that whoever parses it can name it."""
MAX_FILES = 20_000
MAX_DEPTH = 16
_TAIL = 256 * 1024


def read_tree(folder: Path) -> dict[str, str]:
    """Read every file below a folder, by its path relative to it, with / between the parts.

    Bytes that are not UTF-8 become surrogates and are written back as they were; line ends stay. A file over
    1 MiB, or one that may not be read, is given as "". Left out: hidden files, symlinks that lead out of the
    folder, symlinks to folders, devices and pipes. A folder that does not exist has no files. At most 20,000
    files, 16 folders deep.
    """
    root = folder.resolve()
    found: dict[str, str] = {}
    for path in _files(root, root, 0):
        text = read_text(path)
        if text is not None:
            found[path.relative_to(root).as_posix()] = text
        if len(found) >= MAX_FILES:
            break
    return found


def read_text(path: Path) -> str | None:
    """Read one file as `read_tree` does; None where there is no such file."""
    try:
        # a pipe put here since the look would otherwise hold us for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        data = file.read(MAX_BYTES + 1)
    return "" if len(data) > MAX_BYTES else data.decode("utf-8", "surrogateescape")


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is written or replaced; None where there is none."""
    try:
        told = path.stat()
    except OSError:
        return None
    return (told.st_ino, told.st_mtime_ns, told.st_size)


def tail(path: Path, lines: int) -> tuple[str, ...]:
    """Return the last lines of a text, looking at no more than its last 256 KiB; nothing where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ()
    return tuple(text.splitlines()[-lines:])


def write_atomically(path: Path, text: str) -> None:
    """Replace a file, or make it, so that a reader or a crash finds the old text or the new one, whole.

    The new file takes the old one's mode, be it read-only. A symlink at `path` is replaced, not followed.
    """
    mode = _mode(path)
    new = path.with_name(f".{path.name[:40]}.{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(_encoded(text))
            file.flush()
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add one line to a log, in one write, making the file if need be; a symlink is not followed."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, _encoded(line + "\n"))
    finally:
        os.close(descriptor)


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of it, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def rotate(path: Path, largest: int) -> None:
    """Put a log of at least so many bytes aside, in place of the one put aside before; a missing one is fine."""
    try:
        if path.lstat().st_size >= largest:
            path.replace(path.with_name(f"{path.name}.1"))
    except FileNotFoundError:
        return


def is_open_anywhere(path: Path) -> bool:
    """Tell whether a process on this machine has the file open. Without /proc nobody can say: False."""
    target = str(path)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == target:
                return True
        except OSError:
            continue
    return False


def share() -> Path:
    """Return the folder that holds `layouts/` and `tmux/`: inside an installed package, else the checkout."""
    package = Path(str(resources.files("batty_tmux")))
    inside = package / "share"
    return inside if inside.is_dir() else package.parent


def _files(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < MAX_DEPTH:
                yield from _files(path, root, depth + 1)
        elif path.is_file() and (not entry.is_symlink() or path.resolve().is_relative_to(root)):
            yield path


def _mode(path: Path) -> int | None:
    try:
        old = path.lstat()
    except FileNotFoundError:
        return None
    return stat.S_IMODE(old.st_mode) if stat.S_ISREG(old.st_mode) else None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def size_of(path: Path) -> int:
    """Return how many bytes a file has, or all below a folder; links are not followed, what cannot be read is 0."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(size_of(Path(entry.path)) for entry in entries)
    except OSError:
        return 0
