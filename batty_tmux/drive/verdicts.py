"""Carry out a verdict: pin what was proved, put it into the queue, or send it back."""

from pathlib import Path
from typing import Literal

from batty_tmux.core import radar, review
from batty_tmux.core.events import Answered, Enqueued, Prompted, Reviewed
from batty_tmux.core.review import Changed, Commit, Packet, Verdict
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.hooks import summon_lander
from batty_tmux.drive.project import BOARDS, Project, board_in_worktree
from batty_tmux.drive.windows import session_id
from batty_tmux.errors import BattyError
from batty_tmux.host import git as history
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, RunId, Sha

_SUMMARY_LIMIT = 20_000


def give(
    project: Project,
    phase: PhaseId,
    verdict: Verdict,
    by: Literal["human", "auto"],
    feedback: str,
    cause: Literal["", "red", "conflict"] = "",
) -> Reviewed:
    """Journal a verdict and do what follows from it. Raises BattyError when the evidence does not allow it."""
    watch = project.watch(phase)
    head, dirty = tip_of(project, watch)
    told = review.refusal(watch, verdict, head, dirty)
    if told is not None:
        code, reason = told
        advice = f'batty review {phase} --rework "..."' if code in {"uncommitted", "not-proved"} else "batty status"
        raise BattyError(code, f"{phase} cannot be given the verdict {verdict}: {reason}", evidence=dirty, next=advice)
    entry = project.queue().of(phase)
    if entry is not None and entry.landing is not None:
        raise BattyError("half-landed", f"the landing of {phase} was begun; it is settled first", next="batty land")
    if head is None:
        raise BattyError("no-branch", f"the branch of {phase} is gone", next="batty log")
    reviewed = Reviewed(
        run=RunId(watch.run), phase=phase, verdict=verdict, by=by, head=head, feedback=feedback, cause=cause
    )
    if verdict != "merge":
        project.place.records.append(reviewed)
        return reviewed
    enqueue(project, watch, head, reviewed)
    return reviewed


def enqueue(project: Project, watch: Watch, head: Sha, *first: Reviewed, accept: tuple[str, ...] = ()) -> Enqueued:
    """Pin a proved commit as a claim and put it at the end of the queue; a lander is called."""
    claim = claim_ref(project, watch.phase)
    project.place.git.pin(claim, head)
    event = Enqueued(run=RunId(watch.run), phase=watch.phase, head=head, claim=claim, accept=accept)
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
    folder = Path(watch.launching.worktree)
    return head, uncommitted(watch, Git(folder)) if folder.is_dir() else ()


def uncommitted(watch: Watch, there: Git) -> tuple[str, ...]:
    """Return what is uncommitted in the phase's worktree, but for the lock that every board command leaves."""
    return tuple(path for path in there.status().dirty if path != f"{BOARDS}/{watch.phase}/.lock")


def packet(project: Project, status: PhaseStatus) -> Packet:
    """Gather what a reviewer needs to decide about a phase as it is now."""
    watch = status.watch
    if watch.launching is None:
        raise BattyError("not-launched", f"{watch.phase} was not launched", next=f"batty work {watch.phase}")
    head, dirty = tip_of(project, watch)
    base = project.place.git.tip(f"refs/heads/{project.base}")
    if head is None or base is None:
        raise BattyError("no-branch", f"the branch of {watch.phase} is gone", next="batty log")
    home = project.place.home
    phase = board_in_worktree(watch) or status.phase
    return Packet(
        phase=watch.phase,
        title=status.phase.title,
        goal=status.phase.goal,
        head=head,
        base=base,
        branch=watch.launching.branch,
        worktree=watch.launching.worktree,
        tasks=tuple((task.id, task.status, task.title) for task in phase.tasks),
        commits=tuple(Commit(c.sha, c.author, c.at, c.subject) for c in history.commits_between(home, base, head)),
        files=tuple(Changed(*row) for row in history.diffstat(home, base, head)),
        gate=watch.gate,
        gate_command=project.config.gate.command,
        answers=_answers(project, watch),
        summary=_summary(project, head, watch.phase),
        dirty=dirty,
        collisions=tuple((c.phase, c.paths) for c in radar.of(radar.fold(project.place.records.events), watch.phase)),
    )


def _answers(project: Project, watch: Watch) -> tuple[tuple[str, str, str], ...]:
    """Return (question, answer, who) for each prompt of this launch that was answered."""
    events = project.place.records.events
    questions = {e.key: e.question for e in events if isinstance(e, Prompted) and e.phase == watch.phase}
    return tuple(
        (questions.get(e.key, ""), e.answer, f"{e.by} {e.rule}".strip())
        for e in events
        if isinstance(e, Answered) and e.phase == watch.phase and e.run == watch.run
    )


def _summary(project: Project, head: Sha, phase: PhaseId) -> str:
    """Return what the executor wrote about its work, if it left a summary with the phase's board."""
    done = project.place.git.run("show", f"{head}:kanban/{phase}/phase-summary.md")
    return done.stdout[:_SUMMARY_LIMIT] if done.ok else ""
