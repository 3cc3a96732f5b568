"""Branches and worktrees that somebody removed by hand: made again from what is still known of them."""

from collections.abc import Iterator
from pathlib import Path

from batty_tmux.core.events import BoardCommitted, Inspected, Reviewed, ReviewWanted
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.drive.windows import make_worktree
from batty_tmux.drive.wip import snapshots
from batty_tmux.host.files import read_text
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha


def mend(project: Project, watch: Watch) -> tuple[str, ...]:
    """Make a phase's branch and worktree again where they are gone; return what was done, a sentence each.

    Raises BattyError where git cannot: its branch is checked out elsewhere, its folder is somebody's.
    """
    if watch.launching is None:
        return ()
    told = []
    branch = watch.launching.branch
    ref = f"refs/heads/{branch}"
    if project.place.git.tip(ref) is None:
        commit = _last_known(project.place, watch)
        project.place.git.move_refs([(ref, commit, None)], "batty: resume").check()
        told.append(f"{watch.phase}: its branch {branch} was gone; made again at {commit[:9]}, the last known of it")
    if not watch.host and not Path(watch.launching.worktree).is_dir():
        make_worktree(project, watch)
        told.append(f"{watch.phase}: its worktree was gone; made again from {branch}, {_uncommitted(project, watch)}")
    return tuple(told)


def _uncommitted(project: Project, watch: Watch) -> str:
    known = snapshots(project.place.git, watch.phase)
    kept = f"; {known[-1][0]} holds a snapshot of what was not committed once" if known else ""
    return f"without what was not committed there{kept}"


def _last_known(place: Place, watch: Watch) -> Sha:
    """Return the newest commit of a phase that is still there: git's own log of its worktree knows it best."""
    start = watch.launching.first if watch.launching else Sha("")
    return next((sha for sha in _known(place, watch) if place.git.tip(sha) is not None), start)


def _known(place: Place, watch: Watch) -> Iterator[Sha]:
    if watch.launching is not None and Path(watch.launching.worktree).is_dir():
        log = read_text(Git(Path(watch.launching.worktree)).private("logs/HEAD")) or ""
        yield from (Sha(row.split()[1]) for row in reversed(log.splitlines()) if len(row.split()) > 1)
    for event in reversed(place.records.events):
        # not of the queue: what it takes may be a merge that the branch never had
        if isinstance(event, Inspected | BoardCommitted | ReviewWanted | Reviewed) and event.phase == watch.phase:
            yield event.head
