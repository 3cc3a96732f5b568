"""What can happen, as the journal keeps it. Both state machines fold these; nothing else is stored.

An event is named in the past tense, an intent ("launching", "landing") in the present: its outcome follows,
or whoever comes next finds out from git and tmux how far it got.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from batty_tmux.names import Branch, PhaseId, RunId, Sha

VerdictWord = Literal["pass", "fail", "timeout", "infra"]
Purpose = Literal["phase", "queue", "try"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """`at` and `seq` are given by the journal when the event is written."""

    run: RunId = RunId("")
    at: datetime = datetime.fromtimestamp(0, UTC)
    seq: int = 0


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    base: str
    parallel: int
    phases: tuple[PhaseId, ...] = ()
    agent: str = ""
    socket: str = ""


class RunStopped(Event, frozen=True, kw_only=True, tag="run-stopped"):
    """A person asked for it: executors ended, nothing new is launched until `work` or `resume`."""


class RunResumed(Event, frozen=True, kw_only=True, tag="run-resumed"):
    pass


class PhaseEvent(Event, frozen=True, kw_only=True):
    phase: PhaseId


class Launching(PhaseEvent, frozen=True, kw_only=True, tag="launching"):
    """A slot was given to the phase: worktree and windows follow."""

    branch: Branch
    worktree: str
    start: Sha


class Launched(PhaseEvent, frozen=True, kw_only=True, tag="launched"):
    session: str
    window: str
    pane: str
    orchestrator: str
    server: str


class LaunchFailed(PhaseEvent, frozen=True, kw_only=True, tag="launch-failed"):
    reason: str
    evidence: tuple[str, ...] = ()


class ExecutorStarted(PhaseEvent, frozen=True, kw_only=True, tag="executor-started"):
    attempt: int
    pid: int
    agent: str = ""


class ExecutorExited(PhaseEvent, frozen=True, kw_only=True, tag="executor-exited"):
    """`status` as a shell says it: 128 + n for signal n."""

    attempt: int
    status: int


class Prompted(PhaseEvent, frozen=True, kw_only=True, tag="prompted"):
    """`key` identifies this appearance of the prompt."""

    key: str
    kind: str
    question: str
    text: str = ""
    reason: str = ""


class Answered(PhaseEvent, frozen=True, kw_only=True, tag="answered"):
    key: str
    by: Literal["policy", "person"]
    answer: str
    rule: str = ""


class PromptGone(PhaseEvent, frozen=True, kw_only=True, tag="prompt-gone"):
    key: str


class Inspected(PhaseEvent, frozen=True, kw_only=True, tag="inspected"):
    """What the contract found, before the gate: empty tuples are good."""

    head: Sha
    tree: Sha
    commits: int
    undone: tuple[str, ...] = ()
    dirty: tuple[str, ...] = ()
    provided: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class BoardCommitted(PhaseEvent, frozen=True, kw_only=True, tag="board-committed"):
    """Only files of the phase's own board were left uncommitted; batty committed them."""

    head: Sha
    paths: tuple[str, ...]


class Nudged(PhaseEvent, frozen=True, kw_only=True, tag="nudged"):
    text: str


class Relaunching(PhaseEvent, frozen=True, kw_only=True, tag="relaunching"):
    feedback: str = ""
    by: Literal["batty", "person"] = "batty"


class GateStarted(PhaseEvent, frozen=True, kw_only=True, tag="gate-started"):
    purpose: Purpose
    commit: Sha
    tree: Sha
    gate: str
    log: str


class GateFinished(PhaseEvent, frozen=True, kw_only=True, tag="gate-finished"):
    purpose: Purpose
    commit: Sha
    tree: Sha
    gate: str
    log: str
    verdict: VerdictWord
    status: int | None = None
    seconds: float = 0.0


class ReviewWanted(PhaseEvent, frozen=True, kw_only=True, tag="review-wanted"):
    head: Sha
    packet: str = ""


class Reviewed(PhaseEvent, frozen=True, kw_only=True, tag="reviewed"):
    verdict: Literal["merge", "rework", "escalate"]
    by: Literal["human", "auto"]
    head: Sha
    feedback: str = ""


class PhaseHeld(PhaseEvent, frozen=True, kw_only=True, tag="held"):
    """Waits for a person. `state` is what status shows: held, or failed for an executor that broke off."""

    state: Literal["held", "failed"]
    code: str
    reason: str
    evidence: tuple[str, ...] = ()


class Enqueued(PhaseEvent, frozen=True, kw_only=True, tag="enqueued"):
    head: Sha
    claim: str


class CandidateBuilt(PhaseEvent, frozen=True, kw_only=True, tag="candidate-built"):
    head: Sha
    base: Sha
    candidate: Sha
    tree: Sha
    how: Literal["as-is", "replay", "merge", "nothing-new"]


class Conflicted(PhaseEvent, frozen=True, kw_only=True, tag="conflicted"):
    head: Sha
    base: Sha
    paths: tuple[str, ...]


class Landing(PhaseEvent, frozen=True, kw_only=True, tag="landing"):
    base: Sha
    candidate: Sha
    checkout: str = ""


class Landed(PhaseEvent, frozen=True, kw_only=True, tag="landed"):
    head: Sha
    base: Sha
    candidate: Sha
    tree: Sha


class Deferred(PhaseEvent, frozen=True, kw_only=True, tag="deferred"):
    candidate: Sha
    checkout: str
    reason: str
    paths: tuple[str, ...] = ()
    half_done: bool = False


class Retried(PhaseEvent, frozen=True, kw_only=True, tag="retried"):
    """Back to the start of its turn: by a person, or because the base moved first."""

    reason: str = ""


class Resolving(PhaseEvent, frozen=True, kw_only=True, tag="resolving"):
    worktree: str
    base: Sha
    head: Sha


class Skipped(PhaseEvent, frozen=True, kw_only=True, tag="skipped"):
    pass


class QueuePaused(Event, frozen=True, kw_only=True, tag="queue-paused"):
    reason: str = ""


class QueueResumed(Event, frozen=True, kw_only=True, tag="queue-resumed"):
    pass


class Cleaned(PhaseEvent, frozen=True, kw_only=True, tag="cleaned"):
    """Worktree, branch and window of a landed phase were removed, after proof."""


AnyEvent = (
    RunStarted
    | RunStopped
    | RunResumed
    | Launching
    | Launched
    | LaunchFailed
    | ExecutorStarted
    | ExecutorExited
    | Prompted
    | Answered
    | PromptGone
    | Inspected
    | BoardCommitted
    | Nudged
    | Relaunching
    | GateStarted
    | GateFinished
    | ReviewWanted
    | Reviewed
    | PhaseHeld
    | Enqueued
    | CandidateBuilt
    | Conflicted
    | Landing
    | Landed
    | Deferred
    | Retried
    | Resolving
    | Skipped
    | QueuePaused
    | QueueResumed
    | Cleaned
)
