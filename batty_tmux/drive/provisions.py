"""Copy into a worktree what git does not: the ignored files of run.provide and .worktreeinclude. What is secret there.

Only what the worktree's own tip ignores gets there, never over anything, and never through a link: not out of the
checkout, and not out of the worktree. The user's files are only read.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from batty_tmux.core.provided import INCLUDE, Chosen, Exposed, Found, choose, kinds
from batty_tmux.core.supervise import within
from batty_tmux.drive.project import Project
from batty_tmux.host.copying import leads_straight, put, sweep
from batty_tmux.host.files import read_text, write_atomically
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Base

_RECORD = "batty-provided"
"""In git's own folder of the worktree: what was copied into it."""
_MOST_LOOKED_AT = 500
"""Files whose text is searched for secrets; of more, the names tell."""
_SEARCHED = 200_000
"""Characters of each."""


@dataclass(frozen=True)
class Provisions:
    """The files to copy, by their paths from the root, and the words for what is left out."""

    paths: tuple[str, ...]
    left_out: tuple[str, ...]


def provisions(home: Path, base: Base, names: tuple[str, ...]) -> Provisions:
    """Return what the checkout has of run.provide and of the base's .worktreeinclude, as far as it may be copied."""
    named: list[str] = []
    left_out: list[str] = []
    for name in names:
        for path, why in _files(home, name.rstrip("/")):
            (left_out if why else named).append(f"{path} is not provided: {why}" if why else path)
    matched = _matched(home, base)
    paths = dict.fromkeys((*named, *matched.paths))
    return Provisions(tuple(paths), (*left_out, *matched.left_out))


def provide(project: Project, there: Git) -> None:
    """Copy what is to be provided and is not there yet. It may be done twice, and be cut off at any time."""
    found = provisions(project.place.home, project.base, project.config.run.provide)
    if not found.paths:
        return
    through = there.folder.parent
    sweep(through)
    put_there = [path for path in _ignored(there, found.paths) if _provide(project.place.home, there, path, through)]
    known = provided(there)
    if put_there:
        write_atomically(there.private(_RECORD), "\0".join(dict.fromkeys((*known, *put_there))))


def provided(there: Git) -> tuple[str, ...]:
    """Return the files that were copied into a worktree."""
    return tuple(path for path in (read_text(there.private(_RECORD)) or "").split("\0") if path)


def committed(project: Project, there: Git, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the paths that a phase has committed which were provided to it."""
    names = (*project.config.run.provide, *provided(there))
    return tuple(path for path in paths if any(within(name, path) for name in names))


def exposed(home: Path, found: Provisions) -> tuple[Exposed, ...]:
    """Return the provided files that hold secrets, and of which kinds."""
    told: list[Exposed] = []
    for number, path in enumerate(found.paths):
        text = read_text(home / path) if number < _MOST_LOOKED_AT else ""
        secret = kinds(path, (text or "")[:_SEARCHED])
        if secret:
            told.append(Exposed(path, secret))
    return tuple(told)


def size_of(home: Path, found: Provisions) -> int:
    """Return the bytes that are copied into each worktree."""
    return sum((home / path).lstat().st_size for path in found.paths if (home / path).exists())


def _provide(home: Path, there: Git, path: str, through: Path) -> bool:
    target = there.folder / path
    if target.is_symlink() or target.exists() or not leads_straight(there.folder, path):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    return put(home / path, target, through)


def _files(home: Path, path: str) -> Iterator[tuple[str, str]]:
    """Yield the files at and below a path of the checkout, each with why it is left out, "" where it is not."""
    if not leads_straight(home, path):
        yield path, "a link is on its way"
        return
    try:
        mode = (home / path).lstat().st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        if (home / path / ".git").exists():
            yield path, "it is a repository of its own"
            return
        for each in sorted(entry.name for entry in (home / path).iterdir()):
            yield from _files(home, f"{path}/{each}")
    else:
        yield path, "" if stat.S_ISREG(mode) else "it is a link" if stat.S_ISLNK(mode) else "it is no file"


def _matched(home: Path, base: Base) -> Chosen:
    """Return the ignored files of the checkout that the patterns on the base's tip name."""
    git = Git(home)
    blob = git.blobs(base.ref, (INCLUDE,)).get(INCLUDE)
    if blob is None:
        return Chosen(())
    if not blob.mode.startswith("100"):
        return Chosen((), (f"{INCLUDE} is no file on {base}, so nothing is copied by it",))
    patterns = git.run("cat-file", "blob", blob.sha).check().stdout
    with TemporaryDirectory(prefix="batty-include-") as scratch:
        file = Path(scratch) / "patterns"
        file.write_bytes(patterns.encode("utf-8", "surrogateescape"))
        out = git.run("ls-files", "-z", "--others", "--ignored", f"--exclude-from={file}").check().stdout
    # a path that ends with a slash is another repository
    paths = tuple(path for path in out.split("\0") if path and not path.endswith("/"))
    found: list[Found] = []
    left_out: list[str] = []
    for path in _ignored(git, paths):
        facts = (home / path).lstat()
        if stat.S_ISREG(facts.st_mode):
            found.append(Found(path, facts.st_size))
        elif stat.S_ISLNK(facts.st_mode):
            left_out.append(f"{path} is not provided: it is a link")
    chosen = choose(found)
    return Chosen(chosen.paths, (*left_out, *chosen.left_out))


def _ignored(git: Git, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the paths that git ignores there: what the index has is not ignored, whatever a pattern says."""
    safe = tuple(path for path in paths if leads_straight(git.folder, path))
    if not safe:
        return ()
    done = git.run("check-ignore", "-z", "--stdin", stdin="".join(f"{path}\0" for path in safe))
    return tuple(path for path in done.stdout.split("\0") if path)
