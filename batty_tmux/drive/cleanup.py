"""Remove what a landed phase leaves behind, only after proof, and never by force."""

from pathlib import Path

from batty_tmux.core.events import Cleaned
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.project import BOARDS, Project
from batty_tmux.drive.windows import find_window
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, RunId, Sha

_LEFT_BY_BOARDS = (".lock", "activity.jsonl")
"""What working on a board leaves beside it; batty's own .gitignore for boards names them."""


def cleanable(project: Project, *, ignored: bool = False) -> list[tuple[PhaseId, str]]:
    """Return each launched phase with why it must stay, "" where everything of it is proved to be landed."""
    launched = [s for s in project.statuses() if s.watch.launching is not None and not _cleaned(project, s)]
    return [(status.phase.id, _reason(project, status, ignored=ignored)) for status in launched]


def clean(project: Project, phase: PhaseId) -> None:
    """Remove a landed phase's window, worktree and branch. The pinned refs stay."""
    status = project.status(phase)
    launching = status.watch.launching
    if launching is None:
        raise BattyError("not-launched", f"{phase} was not launched", next="batty status")
    window = find_window(project.terminal, project, phase, RunId(status.watch.run))
    if window is not None:
        project.terminal.kill_window(window.window)
    with exclusive(project.place.state / "worktrees.lock"):
        folder = Path(launching.worktree)
        if folder.exists():
            project.place.git.remove_worktree(folder).check()
    if status.entry is not None and status.head and project.place.git.is_ancestor(status.head, status.entry.head):
        # not the entry's own head: where a conflict was resolved, that is a merge which the branch never had
        project.place.git.drop_ref(f"refs/heads/{launching.branch}", Sha(status.head))
    project.place.records.append(Cleaned(run=RunId(status.watch.run), phase=phase))


def _cleaned(project: Project, status: PhaseStatus) -> bool:
    events = project.place.records.events
    last = next((e for e in reversed(events) if getattr(e, "phase", None) == status.phase.id), None)
    return isinstance(last, Cleaned)


def _reason(project: Project, status: PhaseStatus, *, ignored: bool) -> str:
    launching, entry = status.watch.launching, status.entry
    if status.state != "landed" or entry is None or launching is None:
        return f"its state is {status.state}" + (f", next: {status.next}" if status.next else "")
    if status.head and not project.place.git.is_ancestor(status.head, entry.head):
        return f"its branch has commits that were not landed; git log {project.base}..{launching.branch} shows them"
    folder = Path(launching.worktree)
    if not folder.exists():
        return ""
    there = Git(folder)
    dirty = there.status().dirty
    if dirty:
        return f"{len(dirty)} files are not committed, such as {dirty[0]}"
    own = {f"{BOARDS}/{status.phase.id}/{name}" for name in _LEFT_BY_BOARDS}
    kept = tuple(path for path in there.ignored() if path not in own)
    if kept and not ignored:
        return f"{len(kept)} ignored files would go with it, such as {kept[0]}; --ignored says they may"
    return ""
