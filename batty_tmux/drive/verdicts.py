"""Carry out a verdict: pin what was proved, put it into the queue, or send it back."""

from pathlib import Path
from typing import Literal

from batty_tmux.core import review
from batty_tmux.core.events import Enqueued, Reviewed
from batty_tmux.core.review import Verdict
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.hooks import summon_lander
from batty_tmux.drive.project import BOARDS, Project
from batty_tmux.drive.windows import session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, RunId, Sha

_NOTHING = Sha("")


def give(
    project: Project,
    phase: PhaseId,
    verdict: Verdict,
    by: Literal["human", "auto", "director"],
    feedback: str,
    cause: Literal["", "red", "conflict"] = "",
    seen: Sha | None = None,
) -> Reviewed:
    """Journal a verdict and do what follows from it. Raises BattyError when the evidence does not allow it.

    `seen` is the commit that was read: a branch that is elsewhere by now gets no verdict. One verdict is given at a
    time, each in the light of the one before it: a person and a director may speak at once.
    """
    with exclusive(project.place.state / "review.lock"):
        project.place.records.refresh()
        watch = project.watch(phase)
        head, dirty = tip_of(project, watch)
        refuse_moved(phase, head, seen)
        if by == "director" and watch.state != "reviewing":
            raise BattyError("over", f"{phase} waits for no verdict any more", next="batty status")
        told = review.refusal(watch, verdict, head, dirty)
        if told is not None:
            code, reason = told
            advice = f'batty review {phase} --rework "..."' if code in {"uncommitted", "not-proved"} else "batty status"
            what = f"{phase} cannot be given the verdict {verdict}: {reason}"
            raise BattyError(code, what, evidence=dirty, next=advice)
        entry = project.queue().of(phase)
        if entry is not None and entry.landing is not None:
            raise BattyError("half-landed", f"the landing of {phase} was begun; it is settled first", next="batty land")
        if head is None:
            raise BattyError("no-branch", f"the branch of {phase} is gone", next="batty log")
        reviewed = Reviewed(
            run=RunId(watch.run), phase=phase, verdict=verdict, by=by, head=head, feedback=feedback, cause=cause
        )
        if verdict == "merge":
            enqueue(project, watch, head, reviewed)
        else:
            project.place.records.append(reviewed)
        return reviewed


def refuse_moved(phase: PhaseId, head: Sha | None, seen: Sha | None) -> None:
    """Raise BattyError where a branch is not at the commit that was read. Nothing is refused where none is given."""
    if seen is None or (head is not None and head.startswith(seen)):
        return
    now = f"is at {head[:9]} now" if head else "is gone"
    what = f"{phase} has moved since it was read: that was {seen[:9]}, and its branch {now}"
    raise BattyError("moved", what, next=f"batty review {phase}")


def enqueue(
    project: Project,
    watch: Watch,
    head: Sha,
    *first: Reviewed,
    accept: tuple[str, ...] = (),
    undoes: Sha = _NOTHING,
) -> Enqueued:
    """Pin a commit as a claim and put it at the end of the queue; a lander is called.

    `accept` are refusals that a person has taken upon themselves, `undoes` the landed commit that it takes back.
    """
    claim = claim_ref(project, watch.phase)
    project.place.git.pin(claim, head)
    event = Enqueued(run=RunId(watch.run), phase=watch.phase, head=head, claim=claim, accept=accept, undoes=undoes)
    project.place.records.append(*first, event)
    summon_lander(project, session_id(project, project.terminal))
    return event


def claim_ref(project: Project, phase: PhaseId) -> str:
    """Return the next free name for a claim of the phase."""
    claims = f"refs/batty/claim/{phase}"
    taken = project.place.git.say("for-each-ref", "--format=%(refname)", claims).splitlines()
    numbers = [int(name.rsplit("/", 1)[1]) for name in taken if name.rsplit("/", 1)[1].isdigit()]
    return f"{claims}/{max(numbers, default=0) + 1}"


def tip_of(project: Project, watch: Watch) -> tuple[Sha | None, tuple[str, ...]]:
    """Return where the phase's branch is, and what is uncommitted in its worktree."""
    if watch.launching is None:
        return None, ()
    head = project.place.git.tip(f"refs/heads/{watch.launching.branch}")
    if watch.host:
        # what is uncommitted there was looked at there, before its gate
        return head, ()
    folder = Path(watch.launching.worktree)
    return head, uncommitted(watch, Git(folder)) if folder.is_dir() else ()


def uncommitted(watch: Watch, there: Git) -> tuple[str, ...]:
    """Return what is uncommitted in the phase's worktree, but for the lock that every board command leaves."""
    return tuple(path for path in there.status().dirty if path != f"{BOARDS}/{watch.phase}/.lock")
