"""Snapshots of uncommitted work, kept by refs of batty's own. Nothing in the worktree or its index changes."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from batty_tmux.errors import BattyError
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, Sha

_MESSAGE = "batty: what was not committed"
_TIMEOUT = 60
"""Seconds for git to read what is in the worktree: what takes longer is no file that anybody wrote by hand."""


def snapshots(git: Git, phase: PhaseId) -> list[tuple[str, Sha]]:
    """Return the phase's snapshots, oldest first, each with its commit."""
    rows = git.say("for-each-ref", "--format=%(refname) %(objectname)", f"refs/batty/wip/{phase}/").splitlines()
    found = [(ref, Sha(sha)) for ref, _, sha in (row.partition(" ") for row in rows)]
    return sorted(((ref, sha) for ref, sha in found if _number(ref)), key=lambda one: _number(one[0]))


def snapshot(worktree: Path, phase: PhaseId) -> str:
    """Keep all that is not committed in a worktree, untracked files too, ignored ones not; return the ref.

    "" where there is nothing to keep. The same work is kept once. Raises BattyError where git cannot.
    """
    git = Git(worktree)
    head = git.tip("HEAD")
    if head is None or not git.status().dirty:
        return ""
    tree = _tree(git)
    if tree == git.tree(head):
        return ""
    known = snapshots(git, phase)
    if known and git.tree(known[-1][1]) == tree:
        return known[-1][0]
    commit = Sha(git.say("commit-tree", tree, "-p", head, "-m", f"{_MESSAGE} of {phase}"))
    ref = f"refs/batty/wip/{phase}/{_number(known[-1][0]) + 1 if known else 1}"
    git.pin(ref, commit)
    return ref


def kept(worktree: Path, phase: PhaseId) -> tuple[str, str]:
    """Return the ref of a snapshot made now, and why there is none where git could not make it."""
    try:
        return snapshot(worktree, phase), ""
    except (BattyError, OSError) as problem:
        return "", str(problem)


def _tree(git: Git) -> Sha:
    """Write the tree of the worktree as it is, through an index that is nobody's."""
    with TemporaryDirectory(prefix="batty-wip-") as folder:
        index = Path(folder) / "index"
        own = git.private("index")
        if own.exists():
            # what git knows of the files' times: else it would read each of them
            shutil.copyfile(own, index)
        env = {"GIT_INDEX_FILE": os.fspath(index)}
        git.run("add", "--all", "--", ":/", env=env, timeout=_TIMEOUT).check()
        return Sha(git.run("write-tree", env=env).check().stdout.strip())


def _number(ref: str) -> int:
    last = ref.rpartition("/")[2]
    return int(last) if last.isdigit() else 0
