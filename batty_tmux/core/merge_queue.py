"""The merge queue: which approved phase is built, gated and landed next.

`apply` folds what happened; `owed` reads the one effect that the queue still calls for. Nothing is returned
from a transition, so nothing dies with a process: whoever folds the journal again is owed the same.

The rule that everything here serves: the base only moves to a commit whose own tree has passed the gate, and
that commit is the entry's pinned head put on the base as it is now. A verdict belongs to a tree and a gate;
when the base has moved, the candidate is another one, and so is its tree.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Literal

from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Enqueued,
    GateFinished,
    GateStarted,
    Landed,
    Landing,
    PhaseHeld,
    QueuePaused,
    QueueResumed,
    Resolving,
    Retried,
    Reviewed,
    Skipped,
)
from batty_tmux.names import PhaseId, Sha

EntryState = Literal["queued", "gating", "conflict", "red", "held", "deferred", "landed", "skipped", "withdrawn"]

MOVES_ON: frozenset[EntryState] = frozenset({"queued", "gating", "deferred"})
"""The states from which an entry reaches the base without a person."""


@dataclass(frozen=True)
class Candidate:
    """The commit that the base would become. A pure function of base, head and the time of the claim."""

    base: Sha
    sha: Sha
    tree: Sha
    new: bool = True


@dataclass(frozen=True)
class GateRun:
    """A verdict, as evidence: which command said what about which tree, and where the log is."""

    verdict: str
    status: int | None
    seconds: float
    log: str
    at: datetime


@dataclass(frozen=True)
class Entry:
    """A reviewed phase, pinned at a commit. `number` is its place in the order of approval."""

    phase: PhaseId
    head: Sha
    claim: str
    number: int
    claimed_at: datetime
    state: EntryState = "queued"
    candidate: Candidate | None = None
    reason: str = ""
    paths: tuple[str, ...] = ()
    checkout: str = ""
    landing: Landing | None = None
    landed: Landed | None = None
    log: str = ""
    since: datetime = datetime.fromtimestamp(0, UTC)
    resolving: str = ""


@dataclass(frozen=True)
class Queue:
    """`tip` and `gate` are observed, not journaled: set them with `observe` before asking what is owed.

    `gate` names the gate that is in force (a digest of its command and hygiene).
    """

    entries: tuple[Entry, ...] = ()
    verdicts: dict[tuple[Sha, str], GateRun] = field(default_factory=dict)
    tip: Sha = Sha("")
    gate: str = ""
    paused: str | None = None

    def of(self, phase: PhaseId) -> Entry | None:
        """Return the phase's newest entry, whatever its state."""
        return next((entry for entry in reversed(self.entries) if entry.phase == phase), None)

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """The entries that will land without a person, in the order in which they will."""
        return tuple(entry for entry in self.entries if entry.state in MOVES_ON)

    def verdict(self, tree: Sha) -> GateRun | None:
        return self.verdicts.get((tree, self.gate))


@dataclass(frozen=True)
class Build:
    entry: Entry
    onto: Sha


@dataclass(frozen=True)
class RunGate:
    entry: Entry
    candidate: Candidate


@dataclass(frozen=True)
class Land:
    entry: Entry
    candidate: Candidate


@dataclass(frozen=True)
class Settle:
    """A landing was begun and its outcome is not in the journal: ask git how far it got."""

    entry: Entry
    landing: Landing


Effect = Build | RunGate | Land | Settle


def fold(events: "list[AnyEvent]") -> Queue:
    return reduce(apply, events, Queue())


def observe(queue: Queue, *, tip: Sha, gate: str) -> Queue:
    """Tell the queue what is true now: where the base is, and which gate is in force."""
    return replace(queue, tip=tip, gate=gate)


def owed(queue: Queue) -> Effect | None:
    """Return what the queue calls for next, or None when only a person or another process can move it.

    Entries land strictly in the order of their approval; conflicts and red gates step aside. A deferred
    entry keeps its place: what is behind it may not pass, since it would change what was gated.
    """
    begun = next((e for e in queue.entries if e.landing is not None and e.state in MOVES_ON), None)
    if begun is not None and begun.landing is not None:
        return Settle(begun, begun.landing)
    if queue.paused is not None or not queue.waiting:
        return None
    entry = queue.waiting[0]
    candidate = entry.candidate
    if candidate is None or candidate.base != queue.tip:
        return Build(entry, queue.tip)
    if not candidate.new:
        return Land(entry, candidate)
    run = queue.verdict(candidate.tree)
    if run is None or run.verdict != "pass":
        return RunGate(entry, candidate)
    return Land(entry, candidate)


def apply(queue: Queue, event: AnyEvent) -> Queue:
    """Fold one event. Events that are not the queue's leave it as it is."""
    match event:
        case Enqueued(phase=phase, head=head, claim=claim, at=at, seq=seq):
            kept = tuple(_withdrawn(e) if e.phase == phase and e.state != "landed" else e for e in queue.entries)
            return replace(queue, entries=(*kept, Entry(phase, head, claim, seq, at, since=at)))
        case CandidateBuilt():
            built = Candidate(event.base, event.candidate, event.tree, new=event.how != "nothing-new")
            return _change(queue, event, state="queued", candidate=built, reason="", paths=())
        case Conflicted(paths=paths):
            return _change(queue, event, state="conflict", reason="conflict", paths=paths, candidate=None)
        case GateStarted(purpose="queue", log=log):
            return _change(queue, event, state="gating", log=log)
        case GateFinished():
            return _judged(queue, event)
        case Landing():
            return _change(queue, event, landing=event)
        case Deferred(reason=reason, paths=paths, checkout=checkout):
            begun = {} if event.half_done else {"landing": None}
            return _change(queue, event, state="deferred", reason=reason, paths=paths, checkout=checkout, **begun)
        case Landed():
            return _change(queue, event, state="landed", landed=event, landing=None, reason="", paths=())
        case Retried():
            return _change(queue, event, state="queued", candidate=None, landing=None, reason="", paths=(), log="")
        case Resolving(worktree=worktree):
            return _change(queue, event, resolving=worktree)
        case Skipped():
            return _change(queue, event, state="skipped", landing=None)
        case Reviewed(verdict="rework" | "escalate") | PhaseHeld():
            return _change(queue, event, state="withdrawn")
        case QueuePaused(reason=reason):
            return replace(queue, paused=reason or "a person paused it")
        case QueueResumed():
            return replace(queue, paused=None)
        case _:
            return queue


def _judged(queue: Queue, event: GateFinished) -> Queue:
    """Keep the verdict for the tree, whoever asked for it; a queue's own red stops its entry alone.

    Only what a gate said of the tree is a verdict: a time-out or a command that could not run says
    nothing about the code, so it is not kept, and the entry is held rather than called red.
    """
    run = GateRun(event.verdict, event.status, event.seconds, event.log, event.at)
    if event.verdict in {"pass", "fail"}:
        queue = replace(queue, verdicts={**queue.verdicts, (event.tree, event.gate): run})
    if event.purpose != "queue":
        return queue
    match event.verdict:
        case "pass":
            return _change(queue, event, state="queued", log=event.log)
        case "fail":
            return _change(queue, event, state="red", reason=f"the gate ended with {event.status}", log=event.log)
        case "timeout":
            return _change(queue, event, state="held", reason="the gate ran out of time", log=event.log)
        case "infra":
            reason = f"the gate could not run (status {event.status})"
            return _change(queue, event, state="held", reason=reason, log=event.log)


def _withdrawn(entry: Entry) -> Entry:
    return replace(entry, state="withdrawn", landing=None)


def _change(queue: Queue, event: AnyEvent, **changes: object) -> Queue:
    """Change the newest entry of the event's phase, unless it has left the queue or the event is another claim's."""
    phase = getattr(event, "phase", None)
    for index in range(len(queue.entries) - 1, -1, -1):
        entry = queue.entries[index]
        if entry.phase != phase:
            continue
        if not (_reaches(event, entry) and _is_about(event, entry)):
            return queue
        moved = changes.get("state", entry.state) != entry.state
        changed = replace(entry, since=event.at if moved else entry.since, **changes)  # type: ignore[arg-type]
        return replace(queue, entries=(*queue.entries[:index], changed, *queue.entries[index + 1 :]))
    return queue


def _reaches(event: AnyEvent, entry: Entry) -> bool:
    """Tell whether an entry in this state still takes the event.

    A person's word may come while a lander builds or gates the entry; what that lander then finds must not
    take it up again. Only that it landed is true whatever else was said.
    """
    match entry.state:
        case "landed":
            return False
        case "withdrawn":
            return isinstance(event, Landed)
        case "skipped":
            return isinstance(event, Landed | Retried | Reviewed | PhaseHeld)
        case _:
            return True


def _is_about(event: AnyEvent, entry: Entry) -> bool:
    """Tell whether the event names this entry's commit: an older claim of the phase may still be at the gate."""
    candidate = entry.candidate.sha if entry.candidate is not None else None
    match event:
        case CandidateBuilt(head=head) | Conflicted(head=head) | Landed(head=head):
            return head == entry.head
        case GateStarted(commit=commit) | GateFinished(commit=commit):
            return commit == candidate
        case Landing(candidate=sha) | Deferred(candidate=sha):
            return sha == candidate
        case _:
            return True
