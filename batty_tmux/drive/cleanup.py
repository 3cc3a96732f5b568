"""Remove what a landed phase leaves behind, only after proof, and never by force."""

from pathlib import Path

from batty_tmux.core.events import Cleaned, Launching
from batty_tmux.core.queue_state import Entry
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.blocks import release
from batty_tmux.drive.candidate import apart
from batty_tmux.drive.hosting import Afar
from batty_tmux.drive.project import BOARDS, Project
from batty_tmux.drive.windows import find_window
from batty_tmux.errors import BattyError
from batty_tmux.host.files import size_of
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, RunId, Sha
from batty_tmux.names import clean as clean_words

_THOUSAND = 1000
_LEFT_BY_BOARDS = (".lock", "activity.jsonl")
"""What working on a board leaves beside it; batty's own .gitignore for boards names them."""


def cleanable(project: Project, *, ignored: bool = False) -> list[tuple[PhaseId, str]]:
    """Return each launched phase with why it must stay, "" where everything of it is proved to be landed."""
    launched = [s for s in project.statuses() if s.watch.launching is not None and not _cleaned(project, s)]
    return [(status.phase.id, _reason(project, status, ignored=ignored)) for status in launched]


def clean(project: Project, phase: PhaseId, *, ignored: bool = False) -> None:
    """Remove a landed phase's window, worktree and branch. The pinned refs stay, for queue.retention.

    `ignored` files of the worktree may go too. Raises BattyError where the proof no longer holds.
    """
    status = project.status(phase)
    reason = _reason(project, status, ignored=ignored)
    if reason:
        raise BattyError("not-proved", f"{phase} stays: {reason}", next="batty clean --dry-run")
    launching = status.watch.launching
    if launching is None:
        raise BattyError("not-launched", f"{phase} was not launched", next="batty status")
    if launching.where and (stays := _there(project, status, ignored=ignored)):
        raise BattyError("not-proved", f"{phase} stays: {stays}", next="batty clean --dry-run")
    window = find_window(project.terminal, project, phase, RunId(status.watch.run))
    if window is not None:
        project.terminal.kill_window(window.window)
    if not launching.where:
        with exclusive(project.place.state / "worktrees.lock"):
            folder = Path(launching.worktree)
            if folder.exists():
                project.place.git.remove_worktree(folder).check()
    entry = _landed_entry(project, phase)
    if entry is not None and status.head and project.place.git.is_ancestor(status.head, entry.head):
        # not the entry's own head: where a conflict was resolved, that is a merge which the branch never had
        project.place.git.drop_ref(f"refs/heads/{launching.branch}", Sha(status.head))
    release(project.place, phase)
    project.place.records.append(Cleaned(run=RunId(status.watch.run), phase=phase))


def why_safe(project: Project, phase: PhaseId) -> tuple[str, ...]:
    """Return the proof, a sentence each, that nothing of a phase is lost when what is left of it goes."""
    status = project.status(phase)
    launching, entry = status.watch.launching, _landed_entry(project, phase)
    if launching is None or entry is None or entry.landed is None:
        return ()
    git, landed = project.place.git, entry.landed.candidate
    told = []
    if status.head:
        count = len(git.commits(launching.start, status.head))
        commits, are = ("its commit", "is") if count == 1 else (f"its {count} commits", "are")
        if git.is_ancestor(status.head, landed):
            told.append(f"{commits} {are} on {project.base}, which holds {landed[:9]}")
        else:
            told.append(f"what {commits} change{'s' if count == 1 else ''} is on {project.base}, as {landed[:9]}")
        kept = f"{entry.claim} keeps {entry.head[:9]} for {project.config.queue.retention}"
        told.append(f"branch {launching.branch}: {kept}")
    folder = Path(launching.worktree)
    words = "all of it is committed there" if launching.where else _worktree_words(folder, phase)
    told.append(f"worktree {folder}: {words}")
    return tuple(told)


def _worktree_words(folder: Path, phase: PhaseId) -> str:
    if not folder.exists():
        return "gone already"
    kept = _ignored(Git(folder), phase)
    if not kept:
        return "all of it is committed"
    size = sum(size_of(folder / path) for path in kept)
    return f"all is committed but what is ignored, which goes: {', '.join(kept[:3])} ({in_bytes(size)} in all)"


def _ignored(there: Git, phase: PhaseId) -> tuple[str, ...]:
    own = {f"{BOARDS}/{phase}/{name}" for name in _LEFT_BY_BOARDS}
    return tuple(path for path in there.ignored() if path not in own)


def _cleaned(project: Project, status: PhaseStatus) -> bool:
    events = project.place.records.events
    last = next((e for e in reversed(events) if getattr(e, "phase", None) == status.phase.id), None)
    return isinstance(last, Cleaned)


def _reason(project: Project, status: PhaseStatus, *, ignored: bool) -> str:
    if status.state != "landed" or status.watch.launching is None:
        return f"its state is {status.state}" + (f", next: {status.next}" if status.next else "")
    if status.watch.host:
        return _unlanded(project, status, status.watch.launching) or _there(project, status, ignored=ignored, dry=True)
    return (
        _unlanded(project, status, status.watch.launching)
        or at_work(project, status.watch)
        or unsaved(Path(status.watch.launching.worktree), status.phase.id, ignored=ignored)
    )


def _there(project: Project, status: PhaseStatus, *, ignored: bool, dry: bool = False) -> str:
    """Remove what the phase left on its host, or see whether that may be; return why not.

    There it is proved that nothing is uncommitted and that its branch is where ours is: of that it is proved here that
    all has landed.
    """
    launching = status.watch.launching
    if launching is None:
        return ""
    words = ("close", str(status.phase.id), "--branch", str(launching.branch), "--head", status.head)
    options = (*(("--ignored",) if ignored else ()), *(("--dry-run",) if dry else ()))
    try:
        return clean_words(str(Afar.of(project, launching.where).ask(*words, *options).get("stays", "")), 300)
    except BattyError as problem:
        return problem.what


def _unlanded(project: Project, status: PhaseStatus, launching: Launching) -> str:
    """Say what of the branch is not proved to be on the base: by its commits, and by what they change."""
    git, head = project.place.git, Sha(status.head)
    entry = _landed_entry(project, status.phase.id)
    if entry is None or entry.landed is None:
        return "the merge queue has not landed it"
    if not head:
        return ""
    shown = f"git log {project.base}..{launching.branch} shows them"
    if not git.is_ancestor(head, entry.head):
        return f"its branch has commits that were not landed; {shown}"
    candidate = entry.landed.candidate
    if not git.is_ancestor(candidate, project.base.ref):
        return f"{project.base} does not hold {candidate[:9]}, as which it landed"
    if git.is_ancestor(head, candidate):
        return ""
    with apart(git, candidate) as merging:
        merged = merging.merge_tree(candidate, head)
    # replayed commits are others than the branch's: what they change must all be there
    whole = not merged.conflicts and merged.tree == git.tree(candidate)
    return "" if whole else f"its branch changes something that {candidate[:9]}, as which it landed, does not; {shown}"


def _landed_entry(project: Project, phase: PhaseId) -> Entry | None:
    """Return the entry by which the phase's own work landed last; to take it back and bring it back are others."""
    own = [e for e in project.queue().entries if e.phase == phase and e.landed is not None and not e.undoes]
    return max(own, key=lambda entry: entry.number, default=None)


def at_work(project: Project, watch: Watch) -> str:
    """Say so while something runs in the executor's pane: to kill it is nobody's wish."""
    launched, terminal = watch.launched, project.terminal
    if launched is None or terminal.identity() != launched.server:
        return ""
    pane = next((pane for pane in terminal.panes() if pane.pane == launched.pane), None)
    if pane is None or pane.dead:
        return ""
    return f"something still runs in its window (process {pane.pid}); batty attach {watch.phase}"


def unsaved(folder: Path, phase: PhaseId, *, ignored: bool) -> str:
    if not folder.exists():
        return ""
    there = Git(folder)
    dirty = there.status().dirty
    if dirty:
        return f"{len(dirty)} files are not committed, such as {dirty[0]}"
    kept = _ignored(there, phase)
    if kept and not ignored:
        size = in_bytes(sum(size_of(folder / path) for path in kept))
        return f"{len(kept)} ignored files would go with it, such as {kept[0]} ({size} in all); --ignored says they may"
    return ""


def in_bytes(size: int) -> str:
    """Return a size in the one unit that matters."""
    for unit in ("B", "kB", "MB"):
        if size < _THOUSAND:
            return f"{size} {unit}"
        size //= _THOUSAND
    return f"{size} GB"
