"""What the merge queue is made of: entries, candidates, gate runs, and all of it at one moment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal, NamedTuple

from batty_tmux.core.events import (
    Following,
    Landed,
    LanderStopped,
    Landing,
    TurnsRefused,
    Unreachable,
    VerdictWord,
)
from batty_tmux.core.prefix_search import failure_rate
from batty_tmux.names import PhaseId, Sha

EntryState = Literal["queued", "gating", "conflict", "red", "held", "deferred", "landed", "skipped", "withdrawn"]

MOVES_ON: frozenset[EntryState] = frozenset({"queued", "gating", "deferred"})
"""The states from which an entry reaches the base without a person."""

GIVEN_UP: frozenset[EntryState] = frozenset({"skipped", "withdrawn"})
"""The states in which an entry has left the queue without landing."""


class GateKey(NamedTuple):
    """What a verdict belongs to beside the tree: digests of the command, the machine, how clean the slot was."""

    gate: str = ""
    environment: str = ""
    hygiene: str = ""


@dataclass(frozen=True)
class Candidate:
    """The commit that the base would become. A pure function of base, head and the time of the claim.

    `flags` are the paths by which it changes its own gate.
    """

    base: Sha
    sha: Sha
    tree: Sha
    new: bool = True
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateRun:
    """One run, as evidence: which command said what about which tree, and where the log is."""

    verdict: VerdictWord
    status: int | None
    seconds: float
    log: str
    at: datetime
    seq: int = 0
    failed: tuple[str, ...] = ()
    host: str = ""

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"


@dataclass(frozen=True)
class Entry:
    """A reviewed phase, pinned at a commit. `number` tells claims apart; the order is the queue's.

    `asked` is when it was last sent on its way, as a journal's number: reds from before do not count against it.
    `clash` is what it was last put on in vain before that had landed, with the paths. `host` is the worker at which its
    gate is, "" where that is here or not known yet.
    """

    phase: PhaseId
    head: Sha
    claim: str
    number: int
    claimed_at: datetime
    state: EntryState = "queued"
    candidate: Candidate | None = None
    code: str = ""
    reason: str = ""
    paths: tuple[str, ...] = ()
    checkout: str = ""
    landing: Landing | None = None
    landed: Landed | None = None
    log: str = ""
    since: datetime = datetime.fromtimestamp(0, UTC)
    resolving: str = ""
    undoes: Sha = Sha("")
    priority: int = 0
    asked: int = 0
    clash: tuple[Sha, tuple[str, ...]] | None = None
    accepted: frozenset[str] = frozenset()
    host: str = ""


@dataclass(frozen=True)
class Now:
    """What is true at this moment and in no journal. Set it with `observe` before asking what is owed.

    `tip` and `tree` are the base's; `slots` is how many gates may run at once. `running` are the trees whose
    gates this lander runs; `parked` is the candidate whose landing it has just found in the way of the user's
    checkout.
    """

    tip: Sha = Sha("")
    tree: Sha = Sha("")
    gate: GateKey = GateKey()
    slots: int = 1
    batch: bool = False
    running: frozenset[Sha] = frozenset()
    parked: Sha = Sha("")


@dataclass(frozen=True)
class Queue:
    """Entries by number, in the order in which they land; runs by tree and gate, oldest first.

    `trouble` is what stopped the last lander, as long as no gate has run since.
    """

    book: Mapping[int, Entry] = field(default_factory=dict)
    newest: Mapping[PhaseId, int] = field(default_factory=dict)
    runs: dict[tuple[Sha, GateKey], tuple[GateRun, ...]] = field(default_factory=dict)
    outcomes: tuple[bool, ...] = ()
    base: Sha = Sha("")
    branch: str = ""
    paused: str | None = None
    frozen: str | None = None
    resumed: int = 0
    trouble: LanderStopped | None = None
    now: Now = Now()
    troubles: Mapping[str, Unreachable] = field(default_factory=dict)
    """What other machines share with this one and does not answer: "remote", "lock"."""
    knocked: datetime | None = None
    """When the remote was last asked to take something, or could not be."""
    turnless: TurnsRefused | None = None
    following: Following | None = None
    """The user's own branch was being moved along, and how that ended is not in the journal."""
    behind: Sha = Sha("")
    """Where it could not be moved to: that is not tried again."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self.book.values())

    @property
    def tip(self) -> Sha:
        return self.now.tip

    @cached_property
    def waiting(self) -> tuple[Entry, ...]:
        """The entries that will land without a person, in the order in which they will."""
        return tuple(entry for entry in self.book.values() if entry.state in MOVES_ON)

    @cached_property
    def rate(self) -> float:
        """How often an entry turned out bad lately, between 0 and 1."""
        return failure_rate(self.outcomes)

    def of(self, phase: PhaseId) -> Entry | None:
        """Return the phase's newest entry, whatever its state."""
        number = self.newest.get(phase)
        return None if number is None else self.book[number]

    def speaking(self, phase: PhaseId) -> Entry | None:
        """Return the entry that tells the phase's state: its newest, unless that is an undoing that was given up."""
        newest = self.of(phase)
        if newest is None or not newest.undoes or newest.state not in GIVEN_UP:
            return newest
        return max(self._landed(phase), key=lambda e: e.landed.seq if e.landed else 0, default=newest)

    def undoing(self, phase: PhaseId) -> Entry | None:
        """Return the phase's undoing, or the undoing of one, that is on its way: neither landed nor given up."""
        newest = self.of(phase)
        under_way = newest is not None and newest.undoes and newest.state not in {"landed", *GIVEN_UP}
        return newest if under_way else None

    def undone(self, phase: PhaseId, on_base: Collection[Sha]) -> Landed | None:
        """Return what took the phase's work back; None where its work stands, or nothing of it ever landed.

        `on_base` are the landed candidates that the base holds: what it no longer holds took back nothing. Taking
        back an undoing brings the work back, so of a chain of them only whether it is odd counts.
        """
        there = [e for e in self._landed(phase) if e.landed is not None and e.landed.candidate in on_base]
        newest = max(there, key=lambda e: e.landed.seq if e.landed else 0, default=None)
        undoes = {e.landed.candidate: e.undoes for e in reversed(there) if e.landed is not None}
        at, odd = newest.undoes if newest else Sha(""), False
        while at:
            at, odd = undoes.pop(at, Sha("")), not odd
        return newest.landed if newest is not None and odd else None

    def _landed(self, phase: PhaseId) -> list[Entry]:
        return [e for e in self.book.values() if e.phase == phase and e.landed is not None]

    def runs_of(self, tree: Sha) -> tuple[GateRun, ...]:
        """Return what the gate that is in force said of this tree, oldest first."""
        return self.runs.get((tree, self.now.gate), ())

    def verdict(self, tree: Sha) -> GateRun | None:
        """Return the run that counts for this tree: the pass if there is one, else the last."""
        runs = self.runs_of(tree)
        return next((run for run in reversed(runs) if run.passed), runs[-1] if runs else None)

    def proof(self, tree: Sha) -> GateRun | None:
        """Return a run in which the tree passed, by whatever gate was in force then."""
        passed = (run for (of, _), runs in self.runs.items() if of == tree for run in runs if run.passed)
        return next(passed, None)

    def key_of(self, gate: str, hygiene: str) -> GateKey:
        """Return the key of this gate on the machine that ran it last: for those who only show verdicts."""
        return next(
            (key for _, key in reversed(self.runs) if (key.gate, key.hygiene) == (gate, hygiene)),
            GateKey(gate, "", hygiene),
        )

    def flakes(self) -> tuple[tuple[Sha, tuple[GateRun, ...]], ...]:
        """Return the trees of which one and the same gate has said both, with all that it said."""
        mixed = ((tree, runs) for (tree, _), runs in self.runs.items() if 0 < sum(r.passed for r in runs) < len(runs))
        return tuple(mixed)

    def without(self, phase: PhaseId) -> "Queue":
        """Return the queue as if the phase had never been in it."""
        book = {number: entry for number, entry in self.book.items() if entry.phase != phase}
        return replace(self, book=book, newest={p: n for p, n in self.newest.items() if p != phase})


def observe(queue: Queue, now: Now) -> Queue:
    """Tell the queue what is true now."""
    return replace(queue, now=now)
