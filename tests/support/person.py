"""Somebody who commits on the base while landers are at work, once: what they wait for is in a file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from batty_tmux.host.journal import Journal
from tests.support.repo import Repo

WAITS, CAME = "person-comes", "person-came"


def awaits(folder: Path, repo: Repo) -> None:
    """Have somebody commit in this repository, as soon as something is about to land there."""
    (folder / WAITS).write_text(str(repo.folder))


def comes(folder: Path) -> bool:
    """Commit on the base where it is checked out, or check it out for as long as that takes; tell if git did it."""
    (folder / WAITS).rename(folder / CAME)
    repo = Repo(Path((folder / CAME).read_text()), 500)
    there = next((tree.path for tree in repo.plumbing.worktrees() if tree.branch == "main"), None)
    if there is None:
        repo.git("switch", "-q", "main")
    file = repo.write("person", "was here\n", into=there)
    done = repo.try_git("add", "person", cwd=there)
    if done.ok:
        done = repo.try_git("commit", "-q", "--no-verify", "-m", "by hand", "--", "person", cwd=there)
    else:
        # a git that is at work there has the index
        file.unlink()
    if there is None:
        repo.git("switch", "-q", "elsewhere")
    return done.ok


@contextmanager
def awaited(folder: Path) -> Iterator[None]:
    """Let them come while the landers of this process work, as they do in those of others."""
    write = Journal.append

    def append(self: Journal, records: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        written = write(self, records)
        if records[0]["event"] == "landing" and (folder / WAITS).exists():
            comes(folder)
        return written

    Journal.append = append  # type: ignore[method-assign]
    try:
        yield
    finally:
        Journal.append = write  # type: ignore[method-assign]
