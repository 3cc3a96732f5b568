"""The watch of one phase, from its launch to the moment the merge queue takes over.

`apply` folds what happened, `owed` says what the phase still calls for. "Done" is never the executor's word:
the board must be finished, everything committed, and the gate passed on the committed tip in a pristine tree.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import PurePosixPath
from typing import Literal

from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    BoardCommitted,
    Cleaned,
    Enqueued,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateStarted,
    Inspected,
    Landed,
    Launched,
    LaunchFailed,
    Launching,
    Nudged,
    PhaseHeld,
    Prompted,
    PromptGone,
    Relaunching,
    Reviewed,
    ReviewWanted,
    Skipped,
)
from batty_tmux.names import PhaseId, Sha

WatchState = Literal["idle", "working", "asking", "checking", "reviewing", "queued", "held", "failed", "closed"]

HOLDS_A_SLOT: frozenset[WatchState] = frozenset({"working", "asking", "checking"})

NUDGES = 1
"""How often an executor is told what is missing before a person is asked."""


@dataclass(frozen=True)
class Watch:
    """What is known of one phase in its newest launch.

    `idle` and `finished` are observed by whoever supervises, never journaled: the agent's screen shows its empty
    composer, and every task on the worktree's own board is done.
    """

    phase: PhaseId
    run: str = ""
    launching: Launching | None = None
    launched: Launched | None = None
    attempt: int = 0
    executor: Literal["none", "running", "exited"] = "none"
    status: int | None = None
    agent: str = ""
    prompt: Prompted | None = None
    answered: bool = False
    inspected: Inspected | None = None
    gating: GateStarted | None = None
    gate: GateFinished | None = None
    wanted: ReviewWanted | None = None
    reviewed: Reviewed | None = None
    held: PhaseHeld | None = None
    nudges: int = 0
    relaunch: Relaunching | None = None
    reworked: Sha = Sha("")
    asked: str = ""
    queued: bool = False
    closed: bool = False
    idle: bool = False
    finished: bool = False
    since: datetime = datetime.fromtimestamp(0, UTC)

    @property
    def state(self) -> WatchState:
        if self.launching is None:
            return "idle"
        if self.closed:
            return "closed"
        if self.held is not None:
            return self.held.state
        if self.queued:
            return "queued"
        if self.wanted is not None:
            return "reviewing"
        if self.inspected is not None and contract_problem(self.inspected) is None:
            return "checking"
        return "asking" if self.prompt is not None and not self.answered else "working"

    @property
    def says(self) -> str:
        """Return the question, the reason, or what the phase waits for; empty when it just works."""
        if self.held is not None:
            return self.held.reason
        if self.state == "asking" and self.prompt is not None:
            return self.prompt.question
        if self.state == "checking":
            return "the gate runs on the committed tip"
        return "waits for your verdict" if self.state == "reviewing" else ""


@dataclass(frozen=True)
class Inspect:
    """Look at board, worktree and commits, for whether the contract holds before the gate."""


@dataclass(frozen=True)
class CommitBoard:
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Nudge:
    text: str


@dataclass(frozen=True)
class RunPhaseGate:
    head: Sha
    tree: Sha


@dataclass(frozen=True)
class AskReview:
    head: Sha


@dataclass(frozen=True)
class Hold:
    state: Literal["held", "failed"]
    code: str
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relaunch:
    feedback: str


Effect = Inspect | CommitBoard | Nudge | RunPhaseGate | AskReview | Hold | Relaunch


def fold(phase: PhaseId, events: "list[AnyEvent]") -> Watch:
    return reduce(apply, (e for e in events if getattr(e, "phase", None) == phase), Watch(phase))


def observe(watch: Watch, *, idle: bool, finished: bool) -> Watch:
    """Tell the watch what the supervisor sees now. An executor that moves again has not been inspected."""
    stirred = watch.executor == "running" and watch.idle and not idle
    inspected = None if stirred and watch.state == "working" else watch.inspected
    return replace(watch, idle=idle, finished=finished, inspected=inspected)


def owed(watch: Watch, board: str) -> Effect | None:
    """Return what the phase calls for next, or None while it works, or waits for a person or the queue.

    `board` is the phase's board folder, from the worktree's root.
    """
    if watch.state not in HOLDS_A_SLOT or watch.launched is None:
        return None
    if watch.relaunch is not None:
        return Relaunch(watch.relaunch.feedback)
    if watch.executor == "none":
        return None
    if watch.executor == "exited" and watch.status != 0:
        return Hold("failed", "executor-failed", f"the executor ended with status {watch.status}")
    if watch.inspected is None:
        over = watch.executor == "exited" or (watch.idle and watch.finished)
        return Inspect() if over else None
    return _after_inspection(watch, watch.inspected, board)


def _after_inspection(watch: Watch, seen: Inspected, board: str) -> Effect | None:
    if watch.executor == "running" and seen.head == watch.reworked:
        # silent, and still at the commit that was sent back: it thinks, it is not done
        return None
    problem = contract_problem(seen)
    if problem == "uncommitted" and all(within(board, path) for path in seen.dirty):
        return CommitBoard(seen.dirty)
    if problem is not None:
        return _nudge_or_hold(watch, seen, problem)
    if watch.gate is None or (watch.gate.commit, watch.gate.tree) != (seen.head, seen.tree):
        return RunPhaseGate(seen.head, seen.tree)
    match watch.gate.verdict:
        case "pass":
            return AskReview(seen.head)
        case "fail":
            told = f"The gate ended with status {watch.gate.status}. Its output is in {watch.gate.log}."
            text = f"{told}\nMend what it found and commit."
            hold = Hold("held", "gate-red", "its own gate fails", (watch.gate.log,))
            return Nudge(text) if watch.nudges < NUDGES else hold
        case _:
            reason = "the gate ran out of time" if watch.gate.verdict == "timeout" else "the gate could not run"
            return Hold("held", "gate-infra", reason, (watch.gate.log,))


def contract_problem(seen: Inspected) -> str | None:
    """Name the first thing that the contract misses, before the gate is asked; None when all of it holds."""
    if seen.broken:
        return "broken-board"
    if seen.undone:
        return "undone"
    if seen.provided:
        return "provided-committed"
    if seen.dirty:
        return "uncommitted"
    return "no-commits" if seen.commits == 0 else None


def _nudge_or_hold(watch: Watch, seen: Inspected, problem: str) -> Effect | None:
    match problem:
        case "undone" if watch.executor == "running":
            return None
        case "undone":
            reason = f"the executor ended before {len(seen.undone)} of its tasks were done"
            return Hold("failed", "ended-early", reason, seen.undone)
        case "uncommitted":
            files = "\n".join(f"  {path}" for path in seen.dirty[:20])
            text = f"These files are not committed. Commit what belongs to the work, remove the rest:\n{files}"
            hold = Hold("held", "uncommitted", f"{len(seen.dirty)} files are not committed", seen.dirty)
            return Nudge(text) if watch.nudges < NUDGES else hold
        case "provided-committed":
            return Hold("held", "provided-committed", "a provided file is in its commits", seen.provided)
        case "broken-board":
            return Hold("held", "broken-board", "its board cannot be read", seen.broken)
        case _:
            return Hold("held", "no-commits", "all tasks are done and nothing was committed")


def within(folder: str, path: str) -> bool:
    """Tell whether a path is below a folder, both from the same root."""
    return PurePosixPath(path).is_relative_to(PurePosixPath(folder))


def apply(watch: Watch, event: AnyEvent) -> Watch:
    """Fold one event of this phase."""
    before = watch.state
    after = _folded(watch, event)
    return replace(after, since=event.at) if after.state != before else after


def _folded(watch: Watch, event: AnyEvent) -> Watch:
    match event:
        case Launching():
            return Watch(watch.phase, run=event.run, launching=event)
        case Launched(server=server, pane=pane):
            before = watch.launched
            if before is None or (before.server, before.pane) == (server, pane):
                return replace(watch, launched=event)
            # what ran in the window that is gone went with it; the new window starts its own
            return replace(watch, launched=event, executor="none", status=None, prompt=None, inspected=None)
        case LaunchFailed(reason=reason, evidence=evidence):
            held = PhaseHeld(phase=watch.phase, state="failed", code="launch-failed", reason=reason, evidence=evidence)
            return replace(watch, held=held)
        case ExecutorStarted(attempt=attempt, agent=agent):
            fresh = _active(watch)
            return replace(fresh, attempt=attempt, agent=agent, executor="running", status=None, relaunch=None)
        case ExecutorExited(attempt=attempt, status=status) if attempt == watch.attempt:
            return replace(watch, executor="exited", status=status, prompt=None, inspected=None)
        case Prompted():
            return replace(watch, prompt=event, answered=False)
        case Answered(key=key) if watch.prompt is not None and watch.prompt.key == key:
            return replace(watch, answered=True)
        case PromptGone(key=key) if watch.prompt is not None and watch.prompt.key == key:
            return replace(watch, prompt=None, answered=False)
        case Inspected():
            return replace(watch, inspected=event)
        case BoardCommitted():
            return replace(watch, inspected=None)
        case Nudged():
            return replace(watch, nudges=watch.nudges + 1, inspected=None, idle=False)
        case Relaunching():
            nudges = 0 if event.by == "person" else watch.nudges
            return replace(_active(watch), relaunch=event, nudges=nudges)
        case _:
            return _judged(watch, event)


def _judged(watch: Watch, event: AnyEvent) -> Watch:
    """Fold the events from the gate on."""
    match event:
        case GateStarted(purpose="phase"):
            return replace(watch, gating=event)
        case GateFinished(purpose="phase"):
            return replace(watch, gating=None, gate=event)
        case ReviewWanted():
            return replace(watch, wanted=event, reviewed=None)
        case Reviewed(verdict="merge"):
            return replace(watch, reviewed=event, held=None)
        case Reviewed(verdict="rework", feedback=feedback, head=head):
            asked = Relaunching(phase=watch.phase, feedback=feedback)
            return replace(_active(watch), reviewed=event, relaunch=asked, nudges=0, reworked=head, asked=feedback)
        case Reviewed(verdict="escalate", feedback=feedback):
            held = PhaseHeld(phase=watch.phase, state="held", code="escalated", reason=feedback or "escalated")
            return replace(watch, reviewed=event, held=held, wanted=None, queued=False)
        case Enqueued():
            return replace(watch, queued=True, held=None, wanted=None)
        case PhaseHeld():
            return replace(watch, held=event, wanted=None, queued=False)
        case Landed() | Cleaned() | Skipped():
            return replace(watch, closed=True)
        case _:
            return watch


def _active(watch: Watch) -> Watch:
    """Return the watch as it is when an executor (re)starts: nothing that was found before is still true."""
    return replace(
        watch,
        held=None,
        wanted=None,
        reviewed=None,
        queued=False,
        closed=False,
        prompt=None,
        answered=False,
        inspected=None,
        gate=None,
        gating=None,
        idle=False,
    )
