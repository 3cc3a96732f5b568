"""Keep what a setup has fetched for the next worktree with the same lock files, beside the worktrees.

An entry is a folder named by its key: copies of the cached folders, and `about`, which says what they are. It is made
under another name and gets its own when it is whole; each key has a lock, under which alone anything of that name is
made, read or removed. Whoever is killed leaves a folder that the next holder of the lock removes.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.core import dependencies as core
from batty_tmux.core.dependencies import CHECKS_ITSELF, LARGEST_TEXT, Kept
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.host import copying
from batty_tmux.host.files import read_text, write_atomically
from batty_tmux.host.lock import Held, attempt
from batty_tmux.host.machine import fingerprint, words_of
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Base

FOLDER = "cache"
_ABOUT = "about"
_A_SECOND = 10**9
_RUNTIMES = ("node", "python3", "python", "ruby", "java", "go", "rustc", "php")
"""Programs whose kind and version what is installed may depend on, though no setup names them."""


@dataclass(frozen=True)
class Wanted:
    """The dependencies of one worktree: where they are kept, and by which name."""

    place: Place
    cache: Path
    key: str
    folders: tuple[str, ...]
    link: bool
    limit: int

    @property
    def lock(self) -> Path:
        # not in the cache: a lock file that could be removed would be no lock
        return self.place.state / "dependencies" / f"{self.key}.lock"

    @property
    def entry(self) -> Path:
        return self.cache / self.key


def wanted(project: Project, worktree: Path, path: str) -> Wanted | str:
    """Return what is to be cached for a worktree as it is now, or why nothing is. `path` is the setup's PATH."""
    run, git = project.config.run, Git(worktree)
    locks = _locks(git, "HEAD")
    if not locks:
        return "its tip has no lock file to know its dependencies by"
    changed = git.run("--literal-pathspecs", "diff", "--name-only", "-z", "HEAD", "--", *locks).check().stdout
    if changed:
        return f"{changed.split(chr(0))[0]} is not as it is committed"
    key = core.key(
        locks,
        folders=run.cache,
        setup=run.setup,
        machine=(fingerprint((*words_of(run.setup), *_RUNTIMES), path),),
        owner=str(project.place.state),
    )
    cache = folder_of(project.worktrees, project.place.state)
    return Wanted(project.place, cache, key, run.cache, run.links, run.cache_bytes)


def folder_of(worktrees: Path, state: Path) -> Path:
    """Return the folder of a repository's cache. Others may make their worktrees in the same place."""
    return worktrees / FOLDER / hashlib.sha256(os.fsencode(state)).hexdigest()[:8]


def has_locks(home: Path, base: Base) -> bool:
    """Tell whether a base has lock files by which its dependencies are known."""
    return bool(_locks(Git(home), base.ref))


def _locks(git: Git, commit: str) -> dict[str, str]:
    out = git.run("ls-tree", "-r", "-z", "--full-tree", commit).check().stdout
    blobs = {row.split("\t", 1)[1]: row.split("\t", 1)[0].split(" ")[2] for row in out.split("\0") if row}
    return {path: blobs[path] for path in core.lock_files(blobs)}


# --- out of the cache


def restore(it: Wanted, worktree: Path, held: Held) -> str:
    """Put the kept folders into a worktree; return how they were copied, "" where not all of them are there by this."""
    _tidy(it)
    about = _about(it.entry)
    if about is None or not _is_whole(it.entry, about):
        _drop(it.entry)
        return ""
    there = Git(worktree)
    # what is to be made older is a file of its own
    link = it.link and not any(_newer(it.entry / str(n), _birth(there)) for n in range(len(about.folders)))
    how = "hardlink" if link else "reflink" if copying.clones(it.cache) else "copy"
    put = [_bring(it, there, about, number, held, link=link) for number in range(len(about.folders))]
    with suppress(OSError):
        os.utime(it.entry / _ABOUT)
    return how if put and all(put) else ""


def _birth(there: Git) -> int:
    """Return a time, in nanoseconds, that is before any file of a worktree was checked out."""
    return (there.folder / ".git").lstat().st_mtime_ns - _A_SECOND


def _newer(folder: Path, moment: int) -> "list[str]":
    return [e.path for e in copying.below(folder) if e.is_file and e.facts.st_mtime_ns > moment]


def _bring(it: Wanted, there: Git, about: "About", number: int, held: Held, *, link: bool) -> bool:
    folder = about.folders[number]
    target = there.folder / folder
    if os.path.lexists(target) or not _may_hold(there, folder):
        return False
    growing = _growing_out(it)
    copying.remove(growing)
    problem = copying.copy_folder(it.entry / str(number), growing, link=link, keep_open=(held.descriptor,))
    if problem:
        copying.remove(growing)
        return False
    old, new = about.worktree, (str(there.folder), str(there.folder.resolve()))
    for path in about.rewritten[number]:
        _move(growing / path, old, new)
    # made from another worktree's sources while this one was there already: what goes by times must not take it for
    # made from these
    moment = _birth(there)
    for path in _newer(growing, moment):
        os.utime(growing / path, ns=(moment, moment), follow_symlinks=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    growing.rename(target)
    return True


def _move(file: Path, old: Sequence[str], new: Sequence[str]) -> None:
    """Have a file or a link name the worktree that it is in now."""
    if file.is_symlink():
        copying.relink(file, os.fsdecode(core.moved(os.fsencode(file.readlink()), old, new)))
        return
    data = copying.content(file, LARGEST_TEXT)
    if data is not None:
        copying.rewrite(file, core.moved(data, old, new))


def _may_hold(there: Git, folder: str) -> bool:
    """Tell whether a folder may be put into the worktree: its tip ignores it, and no link is on the way."""
    straight = copying.leads_straight(there.folder, folder)
    return straight and there.run("check-ignore", "--quiet", f"{folder.rstrip('/')}/").ok


# --- into the cache


def keep(it: Wanted, worktree: Path, held: Held) -> str:
    """Keep the folders that a setup has filled; return why not, or nothing. An entry that is there stays."""
    if _about(it.entry) is not None:
        return ""
    there = Git(worktree)
    folders = tuple(f for f in it.folders if is_folder(worktree / f) and _may_hold(there, f))
    if not folders:
        return f"run.setup made none of {', '.join(it.folders)} that its tip ignores"
    growing = _growing_in(it)
    copying.remove(growing)
    growing.mkdir(parents=True)
    try:
        return _keep(it, worktree, folders, growing, held)
    finally:
        copying.remove(growing)


def _keep(it: Wanted, worktree: Path, folders: tuple[str, ...], growing: Path, held: Held) -> str:
    names = (str(worktree), str(worktree.resolve()))
    rewritten: list[tuple[str, ...]] = []
    prints: list[list[tuple[str, int, int, int]]] = []
    size = 0
    for number, folder in enumerate(folders):
        copy = growing / str(number)
        problem = copying.copy_folder(worktree / folder, copy, keep_open=(held.descriptor,))
        if problem:
            return f"{folder} could not be copied: {problem}"
        entries = list(copying.below(copy))
        size += sum(entry.facts.st_blocks * 512 for entry in entries)
        if size > it.limit:
            return f"{folder} is larger than run.quota"
        naming = _naming(copy, entries, names)
        if isinstance(naming, str):
            return f"{folder}/{naming}"
        rewritten.append(naming)
        prints.append(sorted(entry.print for entry in entries))
    about = About(names, folders, tuple(rewritten), size)
    for number, rows in enumerate(prints):
        (growing / f"{number}.prints").write_text(json.dumps(rows))
    write_atomically(growing / _ABOUT, json.dumps(about.__dict__))
    _make_room(it, size)
    growing.rename(it.entry)
    return ""


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def _naming(copy: Path, entries: "list[copying.Entry]", names: tuple[str, str]) -> tuple[str, ...] | str:
    """Return the files and links that name their worktree; the words for one that cannot be moved."""
    checks_itself = any(entry.path.rpartition("/")[2] == CHECKS_ITSELF for entry in entries)
    paths = core.paths_of(names)
    found: list[str] = []
    for entry in entries:
        if entry.is_link:
            if core.names_its_worktree(os.fsencode((copy / entry.path).readlink()), paths):
                found.append(entry.path)
        elif entry.is_file:
            data = copying.content(copy / entry.path, LARGEST_TEXT)
            named = copying.holds(copy / entry.path, paths) if data is None else core.names_its_worktree(data, paths)
            if named:
                moving = core.moving(entry.path, data or b"\0", checks_itself=checks_itself)
                if moving.problem:
                    return moving.problem
                found += [entry.path] if moving.rewrite else []
    return tuple(found)


# --- what is there


@dataclass(frozen=True)
class About:
    """What an entry is: both names of the worktree that it comes from, its folders, the files that name that worktree.

    `size` is what it takes, in bytes.
    """

    worktree: tuple[str, str]
    folders: tuple[str, ...]
    rewritten: tuple[tuple[str, ...], ...]
    size: int


def kept(cache: Path) -> tuple[Kept, ...]:
    """Return the whole entries of a cache."""
    found: list[Kept] = []
    for entry in _entries(cache):
        about = _about(entry)
        if about is not None:
            with suppress(OSError):
                found.append(Kept(entry.name, about.size, (entry / _ABOUT).stat().st_mtime))
    return tuple(found)


def clear(project: Project) -> tuple[Kept, ...]:
    """Remove everything from the cache that nobody uses just now; return what was removed."""
    cache, gone = folder_of(project.worktrees, project.place.state), []
    for each in kept(cache):
        with attempt(project.place.state / "dependencies" / f"{each.key}.lock") as held:
            if held is not None:
                _drop(cache / each.key)
                gone.append(each)
    _tidy_all(project.place, cache)
    return tuple(gone)


def _entries(cache: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (entry for entry in cache.iterdir() if not entry.name.startswith("."))


def _about(entry: Path) -> About | None:
    try:
        told: Mapping[str, object] = json.loads(read_text(entry / _ABOUT) or "null") or {}
        worktree, folders, rewritten = (_texts(told[name]) for name in ("worktree", "folders", "rewritten"))
        return About((worktree[0], worktree[1]), folders, tuple(map(_texts, rewritten)), int(str(told["size"])))
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _texts(value: object) -> "tuple[str, ...]":
    if not isinstance(value, list):
        raise TypeError
    return tuple(value)


def _is_whole(entry: Path, about: About) -> bool:
    """Tell whether each file is as it was when it was kept: whatever was written in place is found by size or time."""
    try:
        for number in range(len(about.folders)):
            known = json.loads((entry / f"{number}.prints").read_text())
            if known != sorted(list(found.print) for found in copying.below(entry / str(number))):
                return False
    except (OSError, ValueError):
        return False
    return True


def _make_room(it: Wanted, size: int) -> None:
    """Remove the entries longest out of use until the new one fits. One that is in use stays."""
    there = [*kept(it.cache), Kept(it.key, size, float("inf"))]
    for key in core.evicted(there, it.limit, new=it.key):
        with attempt(it.lock.with_name(f"{key}.lock")) as held:
            if held is not None:
                _drop(it.cache / key)


def _drop(entry: Path) -> None:
    """Remove an entry: first its word for being whole."""
    (entry / _ABOUT).unlink(missing_ok=True)
    copying.remove(entry)


def _growing_in(it: Wanted) -> Path:
    return it.cache / f".in-{it.key}"


def _growing_out(it: Wanted) -> Path:
    return it.cache / f".out-{it.key}"


def _tidy(it: Wanted) -> None:
    it.cache.mkdir(parents=True, exist_ok=True)
    for left in (_growing_in(it), _growing_out(it)):
        copying.remove(left)


def _tidy_all(place: Place, cache: Path) -> None:
    """Remove what was left of entries by whoever was killed."""
    for prefix in (".in-", ".out-"):
        for left in cache.glob(f"{prefix}*"):
            with attempt(place.state / "dependencies" / f"{left.name.removeprefix(prefix)}.lock") as held:
                if held is not None:
                    copying.remove(left)
