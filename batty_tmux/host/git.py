"""History to read, by GitPython. Opened and closed per call: GitPython leaks in long-running processes.

What decides or writes goes through plumbing.py, which costs no import.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from git import Git, Repo

from batty_tmux.names import Sha


@dataclass(frozen=True)
class CommitFacts:
    sha: Sha
    author: str
    at: datetime
    subject: str


class _Git(Git):
    """GitPython's runner, in exactly the folder that is meant.

    It puts the value of $NAME into a folder's name given as text, does not find the result, and then runs git in
    the current directory: in another repository, perhaps. A Path it takes as it is.
    """

    def __init__(self, working_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(None if working_dir is None else Path(working_dir))


class _Repo(Repo):
    GitCommandWrapperType = _Git


@contextmanager
def _open(folder: Path) -> Iterator[Repo]:
    with _Repo(folder, expand_vars=False) as repo:
        yield repo


def commits_between(folder: Path, base: str, tip: str) -> list[CommitFacts]:
    """Return the commits of `tip` that `base` lacks, newest first."""
    with _open(folder) as repo:
        return [
            CommitFacts(Sha(c.hexsha), str(c.author.name), c.committed_datetime, _first_line(c.message))
            for c in repo.iter_commits(f"{base}..{tip}")
        ]


def first_parents(folder: Path, tip: str, limit: int) -> list[CommitFacts]:
    """Return the newest commits along first parents: how the base got where it is."""
    with _open(folder) as repo:
        return [
            CommitFacts(Sha(c.hexsha), str(c.author.name), c.committed_datetime, _first_line(c.message))
            for c in repo.iter_commits(tip, first_parent=True, max_count=limit)
        ]


def diffstat(folder: Path, base: str, tip: str) -> list[tuple[str, int, int]]:
    """Return (path, added, removed) for what `tip` changed since it left `base`; -1 where git counts no lines."""
    with _open(folder) as repo:
        out = str(repo.git.diff("--numstat", "-z", "--no-renames", f"{base}...{tip}"))
    rows = [row.split("\t", 2) for row in out.split("\0") if row.strip()]
    return [(path, _count(added), _count(removed)) for added, removed, path in rows]


def _count(text: str) -> int:
    return int(text) if text.strip().isdigit() else -1


def _first_line(message: str | bytes) -> str:
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return text.strip().split("\n", 1)[0]
