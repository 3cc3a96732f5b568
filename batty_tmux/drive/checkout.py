"""The worktree that has the base branch checked out: the user's. What may be done there, and what may not.

It is only ever fast-forwarded, by git itself, and only where nothing of the user's is in the way. It is never
switched, reset, stashed or pulled. A fast-forward that was killed half-way is taken back, file by file, and only
where every byte is provably the old content, the new one, or the beginning of either.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from batty_tmux.core.events import Landing
from batty_tmux.host.files import is_open_anywhere
from batty_tmux.host.halfway import Side, on_disk
from batty_tmux.host.lock import Held
from batty_tmux.host.plumbing import Blob, Git
from batty_tmux.names import Sha

_SUBMODULE = "160000"


@dataclass(frozen=True)
class Blocked:
    """Why the base cannot advance now. Nothing is lost by waiting."""

    reason: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Holder:
    """A worktree that the base belongs to now; `operation` when git keeps it for a rebase or a bisect."""

    folder: Path
    operation: str | None


def holder(git: Git, base: str) -> Holder | None:
    """Return who has the base branch. `git update-ref` would not ask, and the user's next commit would revert us."""
    for tree in git.worktrees():
        if not tree.path.exists():
            continue
        there = Git(tree.path)
        if tree.branch == base:
            return Holder(tree.path, there.in_progress())
        if tree.branch is None and base in _kept_for_later(there):
            return Holder(tree.path, there.in_progress() or "rebase")
    return None


def obstacle(there: Git, old: Sha, new: Sha, operation: str | None) -> Blocked | None:
    """Look, without touching anything, for what of the user's the fast-forward would touch or be refused for."""
    if operation is not None:
        return Blocked(f"a {operation} is in progress in {there.folder}", ())
    lock = there.private("index.lock")
    if lock.exists():
        return Blocked(f"git is at work in {there.folder} ({lock} exists)", ())
    with ThreadPoolExecutor() as pool:
        # three walks that need nothing of each other
        changed, status, ignored = pool.submit(there.changed, old, new), pool.submit(there.status), there.ignored()
        found = status.result()
        paths = overlap(changed.result(), (*found.tracked, *found.untracked, *ignored))
    return Blocked(f"uncommitted files in {there.folder} are in the way", paths) if paths else None


def overlap(changed: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """Return the present files that the change would write, remove, or need as a folder.

    A present path that ends in a slash stands for everything below it.
    """
    changes = set(changed)
    folders = {str(parent) for path in changes for parent in PurePosixPath(path).parents}
    hits = {path for path in present if path.rstrip("/") in changes | (set() if path.endswith("/") else folders)}
    for path in present:
        parents = {str(parent) for parent in PurePosixPath(path).parents}
        if parents & changes or (path.endswith("/") and path.rstrip("/") in folders):
            hits.add(path)
    return tuple(sorted(hits))


def advance(there: Git, base: str, landing: Landing, held: Held) -> Blocked | None:
    """Fast-forward the checkout to the landing's candidate. The lock must be held: it is passed on to git.

    Where the checkout is no longer where it was looked at, nothing is done: git would forward from anywhere, and
    bring back what the user has just taken away.
    """
    if there.head() != (landing.base, base):
        return Blocked(f"{base} moved in {there.folder}", ())
    done = Git(there.folder, held).fast_forward(landing.candidate, base)
    if done.ok:
        return None
    named = tuple(line.strip() for line in done.stderr.splitlines() if line.startswith("\t"))
    told = "git did not fast-forward" if done.status is not None else "git ran out of time"
    return Blocked(f"{told} in {there.folder}", named or tuple(done.stderr.strip().splitlines()[:5]))


def mend(there: Git, base: str, landing: Landing, held: Held) -> Blocked | None:
    """Take back a fast-forward that was killed half-way, so that it can be done again; None when that is so.

    Holding the landing lock proves that the git that was killed is gone: it inherited the lock.
    """
    if there.head_branch() != base or there.tip("HEAD") != landing.base:
        return None
    lock = there.private("index.lock")
    if lock.exists() and is_open_anywhere(lock):
        return Blocked(f"git is at work in {there.folder} ({lock} exists)", ())
    old, new = there.blobs(landing.base), there.blobs(landing.candidate)
    changed = there.changed(landing.base, landing.candidate)
    touched, foreign = _sort_out(there, changed, old, new)
    if foreign:
        return Blocked(f"files in {there.folder} changed while {base} was being advanced", foreign)
    lock.unlink(missing_ok=True)
    return _take_back(Git(there.folder, held), landing.base, touched, old)


def _take_back(git: Git, base: Sha, touched: tuple[str, ...], old: dict[str, Blob]) -> Blocked | None:
    """Remove what the base does not have, then put back what it has: git restore refuses a path it never knew."""
    fresh = tuple(path for path in touched if path not in old)
    known = tuple(path for path in touched if path in old)
    if fresh:
        git.run("update-index", "--force-remove", "-z", "--stdin", stdin="\0".join(fresh)).check()
        for path in fresh:
            if (git.folder / path).is_symlink() or not (git.folder / path).is_dir():
                (git.folder / path).unlink(missing_ok=True)
    full = tuple(path for path in known if _in_the_way(git.folder / path))
    if full:
        return Blocked(f"folders in {git.folder} are where files must be put back", full)
    if known:
        words = ("restore", f"--source={base}", "--staged", "--worktree", "--pathspec-file-nul")
        git.run("--literal-pathspecs", *words, "--pathspec-from-file=-", stdin="\0".join(known)).check()
    return None


def _in_the_way(path: Path) -> bool:
    """Remove a folder that holds only folders; git would remove it with everything in it."""
    if path.is_symlink() or not path.is_dir():
        return False
    inner = sorted((Path(folder) for folder, _, _ in os.walk(path)), reverse=True)
    try:
        for folder in inner:
            folder.rmdir()
    except OSError:
        return True
    return False


def _sort_out(
    there: Git, changed: tuple[str, ...], old: dict[str, Blob], new: dict[str, Blob]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths that our fast-forward had begun to write, and those that somebody else changed."""
    staged = _staged(there)
    touched: list[str] = []
    foreign: list[str] = []
    changes = frozenset(changed)
    for path in changed:
        before, after = old.get(path), new.get(path)
        side = _side(there, path, before, after, changes)
        index = staged.get(path)
        if side == "other" or index not in {blob.sha if blob else None for blob in (before, after)}:
            foreign.append(path)
        elif side in {"new", "partial"} or (side == "missing") != (before is None) or index != (before and before.sha):
            touched.append(path)
    return tuple(touched), tuple(foreign)


def _side(there: Git, path: str, before: Blob | None, after: Blob | None, changes: frozenset[str]) -> Side:
    if any(blob is not None and blob.mode == _SUBMODULE for blob in (before, after)):
        # a fast-forward leaves its folder alone: only the index tells how far it got
        return "old" if before else "missing"
    side = on_disk(there, path, before, after)
    return "missing" if side == "other" and _holds_only(there.folder, path, changes) else side


def _holds_only(top: Path, path: str, changes: frozenset[str]) -> bool:
    """Tell whether this is a folder, where a file was or will be, with nothing in it but what is looked at itself."""
    if (top / path).is_symlink() or not (top / path).is_dir():
        return False
    found = (Path(folder, name) for folder, _, files in os.walk(top / path) for name in files)
    return all(str(file.relative_to(top)) in changes for file in found)


def _staged(there: Git) -> dict[str, Sha]:
    out = there.run("ls-files", "-z", "--stage").check().stdout
    rows = (row.split("\t", 1) for row in out.split("\0") if row)
    return {path: Sha(meta.split(" ")[1]) for meta, path in rows}


def _kept_for_later(there: Git) -> set[str]:
    """Return the branches that a rebase or bisect in this worktree will come back to."""
    names: set[str] = set()
    for mark in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
        file = there.private(mark)
        if file.is_file():
            names.add(file.read_text(errors="replace").strip().removeprefix("refs/heads/"))
    return names
