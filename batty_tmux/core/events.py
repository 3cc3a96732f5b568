"""What can happen, as the journal keeps it. Both state machines fold these; nothing else is stored.

An event is named in the past tense, an intent ("launching", "landing") in the present: its outcome follows,
or whoever comes next finds out from git and tmux how far it got.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from batty_tmux.names import Branch, PhaseId, RunId, Sha

VerdictWord = Literal["pass", "fail", "timeout", "infra"]
Purpose = Literal["phase", "queue", "control", "try"]
"""Why a gate runs: a phase's own contract; a candidate of the queue; the base, to know whether a red is the
candidate's at all; a person who wants to see."""


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
    """`gate`, `environment` and `hygiene` are digests: of the command, of the machine, of how clean a slot is."""

    purpose: Purpose
    commit: Sha
    tree: Sha
    gate: str
    log: str
    environment: str = ""
    hygiene: str = ""


class GateFinished(PhaseEvent, frozen=True, kw_only=True, tag="gate-finished"):
    """`cpu` in seconds and `memory` in bytes are of the command and what it waited for.

    `beside` is how many other gates ran when it started; `failed` names the tests that its runner said failed.
    """

    purpose: Purpose
    commit: Sha
    tree: Sha
    gate: str
    log: str
    verdict: VerdictWord
    environment: str = ""
    hygiene: str = ""
    status: int | None = None
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    beside: int = 0
    failed: tuple[str, ...] = ()


class GateStopped(PhaseEvent, frozen=True, kw_only=True, tag="gate-stopped"):
    """The run was ended before its verdict: nobody needs to know it any more."""

    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str


class ReviewWanted(PhaseEvent, frozen=True, kw_only=True, tag="review-wanted"):
    head: Sha
    packet: str = ""


class Reviewed(PhaseEvent, frozen=True, kw_only=True, tag="reviewed"):
    """`cause` is set where the queue, not a reading of the work, sent it back: how often is bounded."""

    verdict: Literal["merge", "rework", "escalate"]
    by: Literal["human", "auto"]
    head: Sha
    feedback: str = ""
    cause: Literal["", "red", "conflict"] = ""


class PhaseHeld(PhaseEvent, frozen=True, kw_only=True, tag="held"):
    """Waits for a person. `state` is what status shows: held, or failed for an executor that broke off."""

    state: Literal["held", "failed"]
    code: str
    reason: str
    evidence: tuple[str, ...] = ()


class Enqueued(PhaseEvent, frozen=True, kw_only=True, tag="enqueued"):
    """`undoes` is the landed commit that this claim reverts; `accept` are refusals taken upon themselves."""

    head: Sha
    claim: str
    undoes: Sha = Sha("")
    accept: tuple[str, ...] = ()


class CandidateBuilt(PhaseEvent, frozen=True, kw_only=True, tag="candidate-built"):
    """`flags` are the paths by which the candidate changes its own gate: it is gated alone."""

    head: Sha
    base: Sha
    candidate: Sha
    tree: Sha
    how: Literal["as-is", "replay", "merge", "nothing-new"]
    flags: tuple[str, ...] = ()


class Conflicted(PhaseEvent, frozen=True, kw_only=True, tag="conflicted"):
    """`predicted`: what it was put on has not landed yet, so that this may not come true."""

    head: Sha
    base: Sha
    paths: tuple[str, ...]
    predicted: bool = False


class Refused(PhaseEvent, frozen=True, kw_only=True, tag="candidate-refused"):
    """The candidate could be built and must not land, or could not be built for another reason than a conflict."""

    head: Sha
    base: Sha
    code: str
    reason: str
    paths: tuple[str, ...] = ()


class Ejected(PhaseEvent, frozen=True, kw_only=True, tag="ejected"):
    """Its tree was refused by the gate twice, and what it was put on passed: the fault is this entry's."""

    head: Sha
    candidate: Sha
    verdict: VerdictWord
    status: int | None
    log: str
    failed: tuple[str, ...] = ()


class Landing(PhaseEvent, frozen=True, kw_only=True, tag="landing"):
    """`phases` land together, by one fast-forward to the last one's candidate; `phase` is that last one."""

    base: Sha
    candidate: Sha
    checkout: str = ""
    phases: tuple[PhaseId, ...] = ()


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
    """Back to the start of its turn: by a person, or because the base moved first.

    `accept` are codes of refusals that the person has looked at and takes upon themselves.
    """

    reason: str = ""
    accept: tuple[str, ...] = ()


class Prioritized(PhaseEvent, frozen=True, kw_only=True, tag="prioritized"):
    """Goes before the entries of a lower priority whose gate has not begun; `now`: before those too."""

    priority: int
    now: bool = False


class Resolving(PhaseEvent, frozen=True, kw_only=True, tag="resolving"):
    worktree: str
    base: Sha
    head: Sha


class Skipped(PhaseEvent, frozen=True, kw_only=True, tag="skipped"):
    pass


class QueuePaused(Event, frozen=True, kw_only=True, tag="queue-paused"):
    reason: str = ""


class QueueResumed(Event, frozen=True, kw_only=True, tag="queue-resumed"):
    """A person has looked: what had stopped the queue, and reds of the base, no longer count."""


class BaseMoved(Event, frozen=True, kw_only=True, tag="base-moved"):
    """The base is not where the journal left it. `known` says how it got there, where that is a person's doing."""

    old: Sha
    new: Sha
    known: str = ""


class PinsChanged(Event, frozen=True, kw_only=True, tag="pins-changed"):
    """Refs of batty's own that were moved or deleted by somebody else; `restored` were put back."""

    refs: tuple[str, ...]
    restored: tuple[str, ...] = ()


class PinsDropped(Event, frozen=True, kw_only=True, tag="pins-dropped"):
    """Refs of batty's own whose time was over were deleted."""

    refs: tuple[str, ...]


class Collision(msgspec.Struct, frozen=True):
    """Another phase, and the paths in which both cannot land as they are. An empty name is the base."""

    phase: str
    paths: tuple[str, ...]


class Collided(PhaseEvent, frozen=True, kw_only=True, tag="collided"):
    """All that the phase's commit would conflict with now; an empty list says that it no longer does."""

    head: Sha
    collisions: tuple[Collision, ...] = ()


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
    | GateStopped
    | ReviewWanted
    | Reviewed
    | PhaseHeld
    | Enqueued
    | CandidateBuilt
    | Conflicted
    | Refused
    | Ejected
    | Landing
    | Landed
    | Deferred
    | Retried
    | Prioritized
    | Resolving
    | Skipped
    | QueuePaused
    | QueueResumed
    | BaseMoved
    | PinsChanged
    | PinsDropped
    | Collided
    | Cleaned
)
