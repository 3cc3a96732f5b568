"""A worker's own copies of the repositories that it gates for: a bare mirror of each, and the worktrees of gates.

They are a cache. A mirror that is gone, or lacks what it is asked for, is filled again; of those that nobody has used
for long, the oldest go.
"""

import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.drive import wire
from batty_tmux.drive.pristine import Site
from batty_tmux.drive.wire import Absent, Sent
from batty_tmux.errors import BattyError
from batty_tmux.host.bundles import bare, fetch, unbundle
from batty_tmux.host.lock import attempt, exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha

_KEPT = 8
"""Repositories that a worker keeps; the one that was used last goes last."""
_COMMITS = 40
"""Commits of one repository that are kept by name, with all below them: what the next ones stand on."""
_PINS = "refs/batty/gated"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")
_LOOSE = ("gc.auto=2000", "gc.autoDetach=false")


@dataclass(frozen=True)
class Mirror:
    """One repository's folder on this machine, shared by all workers here. `state` has its locks, and stays."""

    folder: Path
    state: Path
    git: Git

    @classmethod
    def of(cls, sent: Sent) -> "Mirror":
        """Return the mirror for a job, made if need be. Raises BattyError for a name that is none."""
        if _NAME.fullmatch(sent.repo) is None or sent.repo.strip(".") == "":
            raise BattyError("bad-job", f"{sent.repo!r} cannot be the name of a mirror", next="batty doctor")
        if not sent.branch.startswith(("refs/heads/", "refs/remotes/")):
            raise BattyError("bad-job", f"{sent.branch!r} cannot be the base", next="batty doctor")
        folder, state = root() / "mirrors" / sent.repo, root() / "locks" / sent.repo
        with exclusive(state / "mirror.lock"):
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            os.utime(folder)
            return cls(folder, state, bare(folder / "mirror.git", sent.format))

    @property
    def site(self) -> Site:
        return Site(self.git, self.folder, self.state)

    def bring(self, sent: Sent, data: bytes) -> Absent | None:
        """Have the job's commit here, whole; say what is here instead where the bundle does not fit on it.

        Raises BattyError where it cannot be fetched or kept.
        """
        commit, base = sent.job.commit, sent.tip
        pin = f"{_PINS}/{commit}"
        with exclusive(self.state / "mirror.lock"):
            if self._holds(commit, sent.branch) and self._holds(base, sent.branch):
                self.git.pin(pin, commit)
                # gates ask git what differs from the base
                self.git.run("update-ref", sent.branch, base).check()
            elif sent.fetch:
                fetch(self.git, sent.fetch, {sent.ref: pin, sent.branch: sent.branch})
            elif not data or not unbundle(self.git, data, {wire.CANDIDATE: pin, wire.BASE: sent.branch}):
                return Absent(tuple(self._pins().values()))
            self._forget()
        return None

    def _holds(self, commit: Sha, branch: str) -> bool:
        """Tell whether a commit is below one that was taken in whole: that an object is there does not say it."""
        done = self.git.run("for-each-ref", "--count=1", "--format=%(refname)", "--contains", commit, _PINS, branch)
        return done.ok and bool(done.stdout.strip())

    def _pins(self) -> dict[str, Sha]:
        """Return what is kept by name, the newest commit last."""
        rows = self.git.say("for-each-ref", "--sort=creatordate", "--format=%(refname) %(objectname)", _PINS)
        return {ref: Sha(sha) for ref, _, sha in (row.partition(" ") for row in rows.splitlines())}

    def _forget(self) -> None:
        """Let old commits go, so that a mirror does not grow for ever."""
        pins = self._pins()
        old = list(pins.items())[:-_COMMITS]
        for ref, commit in old:
            self.git.drop_ref(ref, commit)
        if old:
            # objects of a gate that is at work are held by its worktree's HEAD, and young ones are never pruned
            self.git.run("gc", "--auto", "--quiet", config=_LOOSE, timeout=600)


def root() -> Path:
    """Return the folder of all mirrors on this machine."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "batty-tmux" / "workers"


def tidy() -> None:
    """Remove the mirrors that were not used for the longest, if there are too many; one in use stays."""
    try:
        folders = sorted((root() / "mirrors").iterdir(), key=lambda one: one.stat().st_mtime)
    except OSError:
        return
    for folder in folders[:-_KEPT]:
        state = root() / "locks" / folder.name
        with ExitStack() as stack:
            locks = (state / "mirror.lock", *(state / "slots").glob("*.lock"))
            if all(stack.enter_context(attempt(lock)) is not None for lock in locks):
                shutil.rmtree(folder, ignore_errors=True)
