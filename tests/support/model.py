"""A merge queue without git: a commit is the line of what it holds, a gate is a rule, time is counted in gate runs.

The core is the real one; what `drive` does with git, gates and the journal is done here in memory, so that
thousands of queues can be run to their end. A commit "base+a+b" is b on a on the root, so that ancestry can be
read off; its tree is the same without the order. A head "~a" takes out what a head "a" has put in.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Literal

import msgspec

from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Ejected,
    Enqueued,
    GateFinished,
    GateStarted,
    GateStopped,
    Landed,
    Landing,
    QueueResumed,
    Retried,
    VerdictWord,
)
from batty_tmux.core.merge_queue import apply, fold
from batty_tmux.core.queue_plan import (
    AccountForBase,
    Build,
    Effect,
    Eject,
    Land,
    RunGate,
    Settle,
    StopGate,
    owed,
    standstill,
)
from batty_tmux.core.queue_state import Entry, GateKey, Now, Queue, observe
from batty_tmux.names import PhaseId, RunId, Sha

ROOT = Sha("base")
GATE = GateKey("gate", "machine", "clean")

Contents = frozenset[str]
Clashes = frozenset[frozenset[str]]
Verdict = Callable[[Contents], VerdictWord]
Cut = Literal["", "intended", "moved", "torn"]
"""Where the next landing is killed: before the base moves, after it, after the first entry was journaled."""

_STATUS: dict[VerdictWord, int] = {"pass": 0, "fail": 1, "infra": 127}


def commit(onto: str, *heads: str) -> Sha:
    return Sha("+".join([onto, *heads]))


@lru_cache(maxsize=10_000)
def contents_of(made: str) -> Contents:
    """Return what a commit, or a tree, holds."""
    held: set[str] = set()
    for head in made.split("+")[1:]:
        if head.startswith("~"):
            held.discard(head[1:])
        else:
            held.add(head)
    return frozenset(held)


@lru_cache(maxsize=10_000)
def tree_of(made: str) -> Sha:
    root = made.partition("+")[0]
    return commit(f"tree of {root}", *sorted(contents_of(made)))


def red_with(bad: Iterable[str]) -> Verdict:
    """Return a gate that refuses what holds any of these heads: failures are then monotone."""
    wrong = frozenset(bad)
    return lambda contents: "fail" if wrong & contents else "pass"


class Killed(Exception):
    """The lander ended in the middle of what it did."""


@dataclass
class Model:
    """A queue, the world that it works in, and how many gate runs it took.

    `script` holds verdicts by tree that come before what the gate says; `rate` stands for the measured one.
    """

    gate: Verdict
    slots: int = 1
    batch: bool = False
    clashes: Clashes = frozenset()
    flags: frozenset[str] = frozenset()
    rate: float | None = None
    key: GateKey = GATE
    known: str = "a person"
    cut: Cut = ""
    queue: Queue = field(default_factory=Queue)
    events: list[AnyEvent] = field(default_factory=list)
    tip: Sha = ROOT
    parked: Sha = Sha("")
    in_the_way: bool = False
    script: dict[Sha, list[VerdictWord]] = field(default_factory=dict)
    running: dict[Sha, RunGate] = field(default_factory=dict)
    values: list[Sha] = field(default_factory=lambda: [ROOT])
    counts: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    def copy(self) -> "Model":
        """Return the same world, to go on from twice."""
        other = copy(self)
        other.events, other.running, other.values = list(self.events), dict(self.running), list(self.values)
        other.counts = Counter(self.counts)
        other.script = {tree: list(said) for tree, said in self.script.items()}
        return other

    def tell(self, event: AnyEvent) -> None:
        numbered = msgspec.structs.replace(event, seq=len(self.events) + 1, run=RunId("001"))
        self.events.append(numbered)
        self.queue = apply(self.queue, numbered)

    def enqueue(self, *heads: str) -> None:
        for head in heads:
            self.claim(head, head)

    def claim(self, phase: str, head: str) -> None:
        self.tell(Enqueued(phase=PhaseId(phase), head=Sha(head), claim=f"claim/{head}"))

    @property
    def seen(self) -> Queue:
        now = Now(
            tip=self.tip,
            tree=tree_of(self.tip),
            gate=self.key,
            slots=self.slots,
            batch=self.batch,
            running=frozenset(self.running),
            parked=self.parked,
        )
        seen = observe(self.queue, now)
        if self.rate is not None:
            seen.__dict__["rate"] = self.rate
        return seen

    def owed(self) -> tuple[Effect, ...]:
        return owed(self.seen)

    # -- the lander

    def settle(self, limit: int = 10_000) -> "Model":
        """Work until nothing more can be done; all runs that are under way together take one round."""
        for _ in range(limit):
            if self.step():
                continue
            if not self.running:
                return self
            self.finish_round()
        raise AssertionError("the queue goes round in circles")

    def rest(self, limit: int = 10_000) -> "Model":
        """Do all that can be done before another gate has finished."""
        for _ in range(limit):
            if not self.step():
                return self
        raise AssertionError("the queue goes round in circles")

    def step(self) -> bool:
        """Start and stop what is owed, and do one thing more; tell whether there was any."""
        effects = self.owed()
        gates = [effect for effect in effects if isinstance(effect, RunGate | StopGate)]
        rest = [effect for effect in effects if not isinstance(effect, RunGate | StopGate)]
        try:
            for effect in (*gates, *rest[:1]):
                self.perform(effect)
        except Killed:
            self.killed()
        return bool(effects)

    def killed(self) -> None:
        """End the lander and its gates. Only the journal is left, and whoever comes next folds it."""
        self.running.clear()
        self.parked = Sha("")
        self.queue = fold(self.events)

    def finish_round(self) -> None:
        self.rounds += 1
        for tree in list(self.running):
            self.finish(tree)

    def finish(self, tree: Sha, said: VerdictWord | None = None) -> None:
        run = self.running.pop(tree)
        script = self.script.get(tree)
        verdict = said or (script.pop(0) if script else self.gate(contents_of(tree)))
        self.tell(
            GateFinished(
                purpose=run.purpose,
                phase=run.entry.phase,
                commit=run.commit,
                tree=tree,
                gate=self.key.gate,
                environment=self.key.environment,
                hygiene=self.key.hygiene,
                log="log",
                verdict=verdict,
                status=_STATUS.get(verdict),
            )
        )

    def perform(self, effect: Effect) -> None:
        match effect:
            case AccountForBase(old=old, new=new):
                self.tell(BaseMoved(old=old, new=new, known=self.known))
            case Build():
                self.tell(self._built(effect))
            case RunGate():
                self._start(effect)
            case StopGate(tree=tree):
                run = self.running.pop(tree)
                self.tell(
                    GateStopped(purpose=run.purpose, phase=run.entry.phase, commit=run.commit, tree=tree, log="log")
                )
            case Land():
                self._land(effect)
            case Eject(entry=entry, run=run):
                made = _candidate(entry)
                told = Ejected(
                    phase=entry.phase, head=entry.head, candidate=made, verdict=run.verdict, status=1, log=""
                )
                self.tell(told)
            case Settle():
                self._settle(effect)

    def _start(self, effect: RunGate) -> None:
        assert effect.tree not in self.running, f"{effect.tree} is gated twice at once"
        assert len(self.running) < self.slots, "more gates run than there are slots"
        again = effect.purpose == "queue" and any(not run.passed for run in self.seen.runs_of(effect.tree))
        self.counts["control" if effect.purpose == "control" else "confirming" if again else "searching"] += 1
        self.running[effect.tree] = effect
        self.tell(
            GateStarted(
                purpose=effect.purpose,
                phase=effect.entry.phase,
                commit=effect.commit,
                tree=effect.tree,
                log="log",
                gate=self.key.gate,
                environment=self.key.environment,
                hygiene=self.key.hygiene,
            )
        )

    def _built(self, effect: Build) -> AnyEvent:
        entry, onto = effect.entry, effect.onto
        if any(frozenset({entry.head, other}) in self.clashes for other in contents_of(onto)):
            conflict = Conflicted(phase=entry.phase, head=entry.head, base=onto, paths=("file",))
            return msgspec.structs.replace(conflict, predicted=effect.predicted)
        new = entry.head not in onto.split("+")
        made = commit(onto, entry.head) if new else onto
        return CandidateBuilt(
            phase=entry.phase,
            head=entry.head,
            base=onto,
            candidate=made,
            tree=tree_of(made),
            how="replay" if new else "nothing-new",
            flags=("batty.toml",) if entry.head in self.flags else (),
        )

    def _land(self, effect: Land) -> None:
        entries, last = effect.entries, effect.last.sha
        assert effect.base == self.tip
        if last == self.tip:
            self._landed(entries)
            return
        if self.in_the_way:
            self._deferred(entries, last, half_done=False)
            return
        self._check_landing(effect)
        phases = tuple(entry.phase for entry in entries)
        self.tell(Landing(phase=phases[-1], base=effect.base, candidate=last, phases=phases))
        self._kill_at("intended")
        self._move(last)
        self._landed(entries)

    def _check_landing(self, effect: Land) -> None:
        """The base only moves forward, and only to what the gate in force has passed: in `each`, link by link."""
        ancestor = self.tip
        passed_by = self.queue.waiting[: self.queue.waiting.index(effect.entries[-1])]
        assert all(entry in effect.entries or entry.clash for entry in passed_by), "an entry was overtaken"
        for entry in effect.entries:
            made = entry.candidate
            assert made is not None
            assert made.sha == (commit(ancestor, entry.head) if made.new else ancestor), "not its head on the tip"
            ancestor = made.sha
            if not self.batch and made.new:
                assert any(run.passed for run in self.seen.runs_of(made.tree)), f"{made.sha} never passed"
        assert any(run.passed for run in self.seen.runs_of(effect.last.tree)), f"{ancestor} never passed"

    def _move(self, last: Sha) -> None:
        self.tip = last
        self.values.append(last)
        self._kill_at("moved")

    def _landed(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            made = entry.candidate
            assert made is not None
            self.tell(Landed(phase=entry.phase, head=entry.head, base=made.base, candidate=made.sha, tree=made.tree))
            self._kill_at("torn")

    def _deferred(self, entries: tuple[Entry, ...], last: Sha, *, half_done: bool) -> None:
        self.parked = last
        for entry in entries:
            made, why = _candidate(entry), "in the way"
            self.tell(Deferred(phase=entry.phase, candidate=made, checkout="/co", reason=why, half_done=half_done))

    def _settle(self, effect: Settle) -> None:
        landing = effect.landing
        if self.tip == landing.candidate or self.tip.startswith(f"{landing.candidate}+"):
            self._landed(effect.entries)
        elif self.tip != landing.base:
            for entry in effect.entries:
                self.tell(Retried(phase=entry.phase, reason="the base moved first"))
        elif self.in_the_way:
            self._deferred(effect.entries, landing.candidate, half_done=True)
        else:
            self._move(landing.candidate)
            self._landed(effect.entries)

    def _kill_at(self, place: Cut) -> None:
        if self.cut == place:
            self.cut = ""
            raise Killed

    # -- what came out

    @property
    def landed(self) -> list[str]:
        return [str(entry.head) for entry in self.queue.entries if entry.state == "landed"]

    @property
    def states(self) -> dict[str, str]:
        return {str(entry.head): entry.state for entry in self.queue.entries}

    @property
    def standstill(self) -> str | None:
        return standstill(self.seen)

    def out_of_the_way(self) -> "Model":
        self.in_the_way, self.parked = False, Sha("")
        return self

    def resume(self) -> "Model":
        self.tell(QueueResumed())
        return self


def _candidate(entry: Entry) -> Sha:
    assert entry.candidate is not None
    return entry.candidate.sha


def serially(heads: Iterable[str], gate: Verdict, clashes: Clashes) -> dict[str, str]:
    """Say what a queue that takes one after another, and gates each once, would have made of them."""
    held: Contents = frozenset()
    states: dict[str, str] = {}
    for head in heads:
        if any(frozenset(pair) in clashes for pair in combinations(held | {head}, 2)):
            states[head] = "conflict"
        elif gate(held | {head}) != "pass":
            states[head] = "red"
        else:
            states[head], held = "landed", held | {head}
    return states
