"""The merge queue as the journal tells it: every entry, every verdict, what stops it.

`apply` folds what happened; `queue_plan.owed` reads the effects that the queue still calls for. Nothing is
returned from a transition, so nothing dies with a process: whoever folds the journal again is owed the same.

The rule that everything here serves: the base only moves to a commit whose own tree has passed the gate, and
that commit holds the entry's pinned head. A verdict belongs to a tree, a gate, a machine and the cleanliness of
the slot; when the base has moved, the candidate is another one, and so is its tree.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Ejected,
    Enqueued,
    Followed,
    Following,
    GateFinished,
    GateMoved,
    GatePlaced,
    GateStarted,
    GateStopped,
    Landed,
    LanderStopped,
    Landing,
    PhaseHeld,
    PinsChanged,
    Prioritized,
    QueuePaused,
    QueueResumed,
    Reachable,
    Refused,
    Resolving,
    Retried,
    Reviewed,
    RunStarted,
    Skipped,
    TurnsRefused,
    Unreachable,
)
from batty_tmux.core.queue_state import MOVES_ON, Candidate, Entry, GateKey, GateRun, Queue
from batty_tmux.names import PhaseId, Sha

_REMEMBERED = 200
"""Outcomes that the failure rate is estimated from: older ones weigh little."""
_RUNS_KEPT = 8
"""Runs kept for a tree; two reds, and passes to tell them from flakes, are all that is asked for."""


_Changes = dict[str, Any]


def fold(events: Iterable[AnyEvent], onto: Queue | None = None) -> Queue:
    """Fold a journal, or what it has gained since `onto` was folded. Linear in the number of events."""
    return _folded(onto or Queue(), events)


def apply(queue: Queue, event: AnyEvent) -> Queue:
    """Fold one event. Events that are not the queue's leave it as it is."""
    return _folded(queue, (event,)) if type(event) in _RULES else queue


def _folded(queue: Queue, events: Iterable[AnyEvent]) -> Queue:
    draft = _Draft(queue)
    for event in events:
        rule = _RULES.get(type(event))
        if rule is not None:
            rule(draft, event)
    return draft.done()


class _Draft:
    """A queue being folded. It copies once, where changing frozen values event by event would do so each time."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.book = dict(queue.book)
        self.newest = dict(queue.newest)
        self.runs = dict(queue.runs)
        self.outcomes = list(queue.outcomes)
        self.rest: dict[str, Any] = {}

    def done(self) -> Queue:
        outcomes = tuple(self.outcomes[-_REMEMBERED:])
        whole = {"book": self.book, "newest": self.newest, "runs": self.runs, "outcomes": outcomes}
        return replace(self.queue, **whole, **self.rest)  # type: ignore[arg-type]

    def enqueue(self, event: Enqueued) -> None:
        before = self.of(event.phase)
        if before is not None and before.state != "landed":
            self.book[before.number] = replace(before, state="withdrawn", landing=None)
        fresh = Entry(event.phase, event.head, event.claim, event.seq, event.at, since=event.at)
        self.book[event.seq] = replace(fresh, undoes=event.undoes, asked=event.seq, accepted=frozenset(event.accept))
        self.newest[event.phase] = event.seq

    def built(self, event: CandidateBuilt) -> None:
        made = Candidate(event.base, event.candidate, event.tree, event.how != "nothing-new", event.flags)
        self.change(event, state="queued", candidate=made, code="", reason="", paths=(), clash=None)

    def conflicted(self, event: Conflicted) -> None:
        if event.predicted:
            self.change(event, state="queued", candidate=None, clash=(event.base, event.paths))
        else:
            told: _Changes = {"code": "conflict", "reason": "conflict", "paths": event.paths}
            self.change(event, state="conflict", candidate=None, **told)

    def refused(self, event: Refused) -> None:
        told: _Changes = {"code": event.code, "reason": event.reason, "paths": event.paths}
        self.change(event, state="held", candidate=None, **told)

    def ejected(self, event: Ejected) -> None:
        reasons = {"fail": f"the gate ended with {event.status}", "timeout": "the gate ran out of time"}
        reason = reasons.get(event.verdict, f"the gate could not run (status {event.status})")
        state = "red" if event.verdict == "fail" else "held"
        if self.change(event, state=state, code=f"gate-{event.verdict}", reason=reason, log=event.log):
            self.outcomes.append(event.verdict == "fail")

    def gate_started(self, event: GateStarted) -> None:
        if event.purpose == "queue":
            self.change(event, state="gating", log=event.log, host="")

    def gate_placed(self, event: GatePlaced) -> None:
        self.rest["trouble"] = None
        if event.purpose == "queue":
            self.change(event, host=event.host)

    def gate_moved(self, event: GateMoved) -> None:
        if event.purpose == "queue":
            self.change(event, host="")

    def gate_stopped(self, event: GateStopped) -> None:
        self._gate_is_over(event)

    def gate_finished(self, event: GateFinished) -> None:
        """Keep what was said of the tree, whoever asked. Only what follows from several runs ejects an entry.

        What a host says of its own gate decides about a review, never about what may land here.
        """
        if event.where:
            return
        run = GateRun(
            event.verdict, event.status, event.seconds, event.log, event.at, event.seq, event.failed, event.host
        )
        self.rest["trouble"] = None
        key = (event.tree, GateKey(event.gate, event.environment, event.hygiene))
        self.runs[key] = (*self.runs.get(key, ()), run)[-_RUNS_KEPT:]
        self._gate_is_over(event)

    def _gate_is_over(self, event: GateFinished | GateStopped) -> None:
        if event.purpose != "queue":
            return
        entry = self.of(event.phase)
        candidate = entry.candidate if entry is not None else None
        if candidate is not None and candidate.sha == event.commit and entry is not None and entry.state == "gating":
            self.change(event, state="queued", host="")

    def landing(self, event: Landing) -> None:
        for phase in event.phases or (event.phase,):
            self.change(event, phase, landing=event)
        if event.remote:
            self.rest["knocked"] = event.at

    def deferred(self, event: Deferred) -> None:
        begun: _Changes = {} if event.half_done else {"landing": None}
        code = "remote-refused" if event.remote else "deferred"
        told: _Changes = {"code": code, "reason": event.reason, "paths": event.paths}
        self.change(event, state="deferred", checkout=event.checkout, **told, **begun)

    def landed(self, event: Landed) -> None:
        told: _Changes = {"landed": event, "landing": None, "code": "", "reason": "", "paths": ()}
        if self.change(event, state="landed", **told):
            self.outcomes.append(False)
        self.rest["base"] = event.candidate

    def retried(self, event: Retried) -> None:
        entry = self.of(event.phase)
        if entry is None or not _reaches(event, entry):
            return
        fresh: _Changes = {"candidate": None, "landing": None, "log": "", "clash": None}
        fresh |= {"code": "", "reason": "", "paths": ()}
        accepted = entry.accepted | set(event.accept)
        self.change(event, state="queued", asked=event.seq, accepted=accepted, **fresh)
        if entry.state not in MOVES_ON:
            # whatever is being gated stays true: who comes back stands behind it
            self.book[entry.number] = self.book.pop(entry.number)

    def prioritized(self, event: Prioritized) -> None:
        entry = self.of(event.phase)
        if entry is None or entry.state not in MOVES_ON:
            return
        self.change(event, priority=event.priority)
        if entry.priority == event.priority and not event.now:
            return
        line = [e for e in self.book.values() if e.state in MOVES_ON and e.number != entry.number]
        kept = [e for e in line if e.priority >= event.priority or self._has_begun(e, now=event.now)]
        before = kept[-1].number if kept else None
        moved = self.book.pop(entry.number)
        order = [number for number in self.book if number != entry.number]
        place = 0 if before is None else order.index(before) + 1
        order.insert(place, entry.number)
        self.book[entry.number] = moved
        self.book = {number: self.book[number] for number in order}

    def _has_begun(self, entry: Entry, *, now: bool) -> bool:
        """Tell whether passing the entry would throw gate time away; one whose landing is near is never passed."""
        if entry.state == "deferred" or entry.landing is not None:
            return True
        tree = entry.candidate.tree if entry.candidate is not None else None
        return not now and (entry.state == "gating" or any(of == tree for of, _ in self.runs))

    def resolving(self, event: Resolving) -> None:
        self.change(event, resolving=event.worktree)

    def skipped(self, event: Skipped) -> None:
        self.change(event, state="skipped", landing=None)

    def reviewed(self, event: Reviewed) -> None:
        if event.verdict != "merge":
            self.change(event, state="withdrawn")

    def held(self, event: PhaseHeld) -> None:
        self.change(event, state="withdrawn")

    def paused(self, event: QueuePaused) -> None:
        self.rest["paused"] = event.reason or "a person paused it"

    def resumed(self, event: QueueResumed) -> None:
        self.rest |= {"paused": None, "frozen": None, "resumed": event.seq}

    def stopped(self, event: LanderStopped) -> None:
        self.rest["trouble"] = event

    def started(self, event: RunStarted) -> None:
        if event.base != self.rest.get("branch", self.queue.branch):
            self.rest |= {"branch": event.base, "base": Sha("")}

    def base_moved(self, event: BaseMoved) -> None:
        self.rest["base"] = event.new
        if not event.known:
            self.rest["frozen"] = _moved(event)

    def unreachable(self, event: Unreachable) -> None:
        if event.what == "remote":
            self.rest["knocked"] = event.at
        self.rest["troubles"] = {**self._troubles, event.what: event}

    def reachable(self, event: Reachable) -> None:
        self.rest["troubles"] = {what: told for what, told in self._troubles.items() if what != event.what}

    @property
    def _troubles(self) -> Mapping[str, Unreachable]:
        found: Mapping[str, Unreachable] = self.rest.get("troubles", self.queue.troubles)
        return found

    def turns_refused(self, event: TurnsRefused) -> None:
        self.rest["turnless"] = event

    def following(self, event: Following) -> None:
        self.rest["following"] = event

    def followed(self, event: Followed) -> None:
        self.rest |= {"following": None, "behind": event.candidate if event.reason else Sha("")}

    def pins_changed(self, event: PinsChanged) -> None:
        self.rest["frozen"] = f"refs of batty's own were changed: {', '.join(event.refs[:3])}"

    def of(self, phase: PhaseId) -> Entry | None:
        number = self.newest.get(phase)
        return None if number is None else self.book[number]

    def change(self, event: AnyEvent, phase: PhaseId | None = None, **changes: object) -> bool:
        """Change the phase's newest entry, unless it has left the queue or the event is another claim's."""
        entry = self.of(phase or event.phase)  # type: ignore[union-attr]
        if entry is None or not (_reaches(event, entry) and _is_about(event, entry)):
            return False
        moved = changes.get("state", entry.state) != entry.state
        since = event.at if moved else entry.since
        self.book[entry.number] = replace(entry, since=since, **changes)  # type: ignore[arg-type]
        return True


def _moved(event: BaseMoved) -> str:
    way = f"from {event.old[:9]} to {event.new[:9]}"
    if event.remote:
        return (
            f"{event.remote} went {way}, which does not hold what was there: it was moved back or written anew,"
            f" or {event.old[:9]} was never pushed"
        )
    return f"the base went {way}, and nobody is known to have done that"


_RULES: Mapping[type, Callable[[_Draft, Any], None]] = {
    Enqueued: _Draft.enqueue,
    CandidateBuilt: _Draft.built,
    Conflicted: _Draft.conflicted,
    Refused: _Draft.refused,
    Ejected: _Draft.ejected,
    GateMoved: _Draft.gate_moved,
    GatePlaced: _Draft.gate_placed,
    GateStarted: _Draft.gate_started,
    GateStopped: _Draft.gate_stopped,
    GateFinished: _Draft.gate_finished,
    LanderStopped: _Draft.stopped,
    Landing: _Draft.landing,
    Deferred: _Draft.deferred,
    Landed: _Draft.landed,
    Retried: _Draft.retried,
    Prioritized: _Draft.prioritized,
    Resolving: _Draft.resolving,
    Skipped: _Draft.skipped,
    Reviewed: _Draft.reviewed,
    PhaseHeld: _Draft.held,
    QueuePaused: _Draft.paused,
    QueueResumed: _Draft.resumed,
    RunStarted: _Draft.started,
    BaseMoved: _Draft.base_moved,
    PinsChanged: _Draft.pins_changed,
    Unreachable: _Draft.unreachable,
    Reachable: _Draft.reachable,
    TurnsRefused: _Draft.turns_refused,
    Following: _Draft.following,
    Followed: _Draft.followed,
}


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
        case CandidateBuilt(head=head) | Conflicted(head=head) | Landed(head=head) | Refused(head=head):
            return head == entry.head
        case GateStarted(commit=commit) | GatePlaced(commit=commit) | GateMoved(commit=commit):
            return commit == candidate
        case Landing():
            # of several that land together, only the last one's candidate is named
            return candidate is not None and (entry.phase != event.phase or event.candidate == candidate)
        case Deferred(candidate=sha) | Ejected(candidate=sha):
            return sha == candidate
        case _:
            return True
