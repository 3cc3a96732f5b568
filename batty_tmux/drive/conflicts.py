"""What a person can do about an entry that cannot land: retry it, resolve it, skip it."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.core.events import Resolving, Retried, Skipped
from batty_tmux.core.queue_state import Entry
from batty_tmux.drive.build import start_of
from batty_tmux.drive.hooks import summon_lander
from batty_tmux.drive.losses import losses
from batty_tmux.drive.memory import ON, remembered
from batty_tmux.drive.project import Project, program
from batty_tmux.drive.verdicts import enqueue
from batty_tmux.drive.windows import session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.host.quoting import line, q_format
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PhaseId, RunId, SessionId, Sha, slug

_AGAIN = frozenset({"conflict", "red", "held", "skipped", "deferred"})
MOVING = frozenset({"queued", "gating", "deferred"})
"""The states in which an entry's place in the line means something."""


@dataclass(frozen=True)
class Resolution:
    """Either the new claim's head, or the folder where the conflict waits, with the paths left to settle.

    No paths, and not resolved: all of them are settled, and `git commit` is still to come.
    """

    resolved: bool
    head: Sha
    folder: Path
    paths: tuple[str, ...]


def retry(project: Project, phase: PhaseId, accept: tuple[str, ...] = ()) -> None:
    """Take an entry back to the start of its turn, on the base as it is now. Its claim is the same commit.

    `accept` are codes of refusals that a person takes upon themselves, such as silent-revert. What had landed and
    was moved off the base since is claimed anew.
    """
    gone = _moved_off(project, phase)
    if gone is not None:
        enqueue(project, project.watch(phase), gone.head, accept=accept)
        return
    entry = entry_of(project, phase, _AGAIN)
    project.place.records.append(
        Retried(run=_run(project, phase), phase=entry.phase, reason="asked for", accept=accept)
    )


def _moved_off(project: Project, phase: PhaseId) -> Entry | None:
    """Return the phase's entry where the base no longer holds what it landed."""
    entry = project.queue().of(phase)
    if entry is None or entry.landed is None or entry.undoes:
        return None
    return None if project.place.git.is_ancestor(entry.landed.candidate, project.base.ref) else entry


def skip(project: Project, phase: PhaseId) -> Entry:
    """Leave an entry out. Nothing of it is removed, and what depends on it stays blocked.

    An undoing that is left out leaves what had landed where it is.
    """
    entry = entry_of(project, phase, (_AGAIN | MOVING) - {"skipped"})
    project.place.records.append(Skipped(run=_run(project, phase), phase=entry.phase))
    summon_lander(project, session_id(project, project.terminal))
    return entry


def resolve(project: Project, phase: PhaseId, *, window: bool, accept: tuple[str, ...] = ()) -> Resolution:
    """Open the conflict in a worktree of its own, or, when it is settled there, claim the result.

    The result is a merge of the base and the phase: a new claim, gated again like any other. What it drops of the
    base is refused, unless `accept` has the code of that refusal.
    """
    entry = entry_of(project, phase, frozenset({"conflict"}))
    folder = Path(entry.resolving) if entry.resolving else None
    if folder is None or not (folder / ".git").exists():
        return _open(project, entry, window=window)
    there = Git(folder)
    unmerged = _unmerged(there)
    head = there.tip("HEAD")
    if unmerged or there.in_progress() or head is None or not there.is_ancestor(entry.head, head):
        return Resolution(resolved=False, head=entry.head, folder=folder, paths=unmerged)
    return _claim(project, entry, there, head, accept)


def _claim(project: Project, entry: Entry, there: Git, head: Sha, accept: tuple[str, ...]) -> Resolution:
    dirty = there.status().dirty
    if dirty:
        what = f"the resolution of {entry.phase} is not committed whole"
        raise BattyError(
            "uncommitted", what, evidence=dirty, next=shlex.join(("git", "-C", str(there.folder), "status"))
        )
    marked = _marked(there, entry)
    if marked:
        what = f"conflict markers are left in the resolution of {entry.phase}"
        raise BattyError(
            "conflict-markers", what, evidence=marked, next=shlex.join(("git", "-C", str(there.folder), "status"))
        )
    _refuse_losses(project, entry, head, accept)
    with remembered(project.place):
        there.run("rerere", config=(ON,))
    taken = (*accept, "dropped-change")
    event = enqueue(project, project.watch(entry.phase), head, accept=taken, undoes=entry.undoes)
    with exclusive(project.place.state / "worktrees.lock"):
        # clean and claimed, so git removes it; if it does not, it stays where it is
        project.place.git.remove_worktree(there.folder)
    return Resolution(resolved=True, head=event.head, folder=there.folder, paths=())


def _refuse_losses(project: Project, entry: Entry, head: Sha, accept: tuple[str, ...]) -> None:
    """Refuse a resolution in which something that the base had gained is gone."""
    tip = project.queue().tip
    start = start_of(project.place.records.events, entry.phase) if not entry.undoes else None
    loss = losses(project.place.git, tip, head, head, start)
    # a person who settled a conflict without the other side's lines may have meant it; git had asked them
    if loss is None or loss.code in {*accept, "dropped-change"}:
        return
    again = f"batty queue resolve {entry.phase} --accept {loss.code}"
    raise BattyError(loss.code, loss.reason, evidence=loss.paths, next=again)


def _open(project: Project, entry: Entry, *, window: bool) -> Resolution:
    base = project.place.git.tip(project.base.ref)
    if base is None:
        raise BattyError("no-base", f"the base branch {project.base} does not exist", next="batty doctor")
    folder = _free(project.worktrees, f"{entry.phase}-resolve")
    with exclusive(project.place.state / "worktrees.lock"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        project.place.git.run("worktree", "add", "--quiet", "--detach", str(folder), base).check()
    there = Git(folder)
    message = f"Merge {entry.phase}, its conflicts resolved"
    config = ("merge.conflictStyle=zdiff3", "rerere.autoUpdate=true", ON)
    with remembered(project.place):
        # the claim's name, not its number: it stands beside the marks in the files
        named = entry.claim if there.tip(entry.claim) == entry.head else entry.head
        there.run("merge", "--no-ff", "--no-commit", "-m", message, named, config=config)
    run = _run(project, entry.phase)
    event = Resolving(run=run, phase=entry.phase, worktree=str(folder), base=base, head=entry.head)
    project.place.records.append(event)
    if window:
        _show(project, entry.phase, folder)
    return Resolution(resolved=False, head=entry.head, folder=folder, paths=_unmerged(there))


def _show(project: Project, phase: PhaseId, folder: Path) -> None:
    """Open a window with a shell at the conflict, beside the others, without stealing the focus."""
    session = session_id(project, project.terminal)
    if session is None:
        return
    name = slug(f"resolve-{phase}")
    words = ("new-window", "-d", "-a", "-t", f"{session}:{{end}}", "-n", name, "-c", q_format(str(folder)))
    project.terminal.source([line(*words)])


def entry_of(project: Project, phase: PhaseId, states: frozenset[str]) -> Entry:
    """Return the phase's entry if it is in one of these states; raise BattyError that says what it is."""
    entry = project.queue().of(phase)
    if entry is None or entry.state == "withdrawn":
        raise BattyError("not-queued", f"{phase} is not in the merge queue", next="batty status")
    if entry.landing is not None:
        what = f"the landing of {phase} was begun and its outcome is not known yet"
        raise BattyError("half-landed", what, evidence=entry.paths, next="batty land")
    if entry.state not in states:
        what = f"{phase} is {entry.state} in the merge queue; this is for {', '.join(sorted(states))}"
        raise BattyError("wrong-state", what, next=f"batty queue explain {phase}")
    return entry


def _is_at_home(terminal: Terminal, session: SessionId) -> bool:
    """Tell whether the session shows batty's own window, which reads no keys."""
    shown = terminal.run("display-message", "-p", "-t", session, "#{window_id}").stdout.strip()
    return any(w.window == shown and w.phase is None and w.run is not None for w in terminal.windows())


def _unmerged(there: Git) -> tuple[str, ...]:
    out = there.run("diff", "--name-only", "--diff-filter=U", "-z").check().stdout
    return tuple(path for path in out.split("\0") if path)


def _marked(there: Git, entry: Entry) -> tuple[str, ...]:
    """Return the files that conflicted and still hold a line of conflict marks."""
    files = (path for path in entry.paths if (there.folder / path).is_file())
    return tuple(p for p in files if _has_marks((there.folder / p).read_bytes()))


def _has_marks(content: bytes) -> bool:
    marks = (b"<<<<<<< ", b">>>>>>> ")
    lines = content.splitlines()
    return all(any(text.startswith(mark) for text in lines) for mark in marks)


def _free(parent: Path, stem: str) -> Path:
    number = 1
    while (parent / f"{stem}-{number:03d}").exists():
        number += 1
    return parent / f"{stem}-{number:03d}"


def _run(project: Project, phase: PhaseId) -> RunId:
    return RunId(project.watch(phase).run)


def _choices(entry: Entry | None) -> list[tuple[str, ...]]:
    """Return key and words of what there is to be done about an entry that cannot land; retry and skip always."""
    resolve = [("m", "resolve")] if entry is not None and entry.state == "conflict" else []
    by_agent = entry is not None and not entry.undoes and entry.state in {"conflict", "red"}
    return [("r", "retry"), *resolve, *([("a", "retry", "--by", "agent")] if by_agent else []), ("", "skip")]


def menu(project: Project, phase: PhaseId) -> None:
    """Offer retry, resolve and skip to the person who is attached, if there is one. Never waits for an answer.

    A menu takes every key that is pressed, so it opens over the home window only, where nobody types to an
    agent; elsewhere a message tells where to look.
    """
    terminal = project.terminal
    session = session_id(project, terminal)
    people = [c for c in terminal.clients() if not c.control and c.session == session]
    if not people or session is None:
        return
    client = max(people, key=lambda c: c.activity)
    if not _is_at_home(terminal, session):
        told = f"{phase} cannot land: batty queue"
        terminal.run("display-message", "-c", client.name, told, timeout=3)
        return
    items: list[str] = ["not now", "n", ""]
    for key, word, *more in _choices(project.queue().of(phase)):
        argv = (*program(), "--repo", str(project.place.home), "queue", word, phase, *more)
        items += [" ".join((word, phase, *more)), key, line("run-shell", "-b", q_format(shlex.join(argv)))]
    terminal.run("display-menu", "-c", client.name, "-T", f" {phase} cannot land ", *items, timeout=3)
