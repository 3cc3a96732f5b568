"""The real core in virtual time: phases come by chance, gates take their time, the lander does one thing after another.

Only the world is made up. A commit is a number; what it holds that is bad is known, so that a gate's verdict is.
What `drive` does beside waiting for gates takes as long as was measured.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from statistics import median, quantiles

import msgspec

from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    CandidateBuilt,
    Ejected,
    Enqueued,
    GateFinished,
    GateStarted,
    GateStopped,
    Landed,
    Landing,
)
from batty_tmux.core.merge_queue import apply
from batty_tmux.core.queue_plan import AccountForBase, Build, Effect, Eject, Land, RunGate, StopGate, owed
from batty_tmux.core.queue_state import GateKey, Now, Queue, observe
from batty_tmux.names import PhaseId, Sha

_ROOT = Sha("c0")
_KEY = GateKey("gate", "machine", "clean")
_SPREAD = 0.2
"""A gate takes this much more or less, evenly spread."""


@dataclass(frozen=True)
class World:
    """What is given: `rate` phases an hour, each bad with chance `bad`, and how long things take, in seconds."""

    rate: float
    gate: float
    slots: int
    batch: bool
    bad: float = 0.0
    build: float = 0.1
    land: float = 0.15


@dataclass(frozen=True)
class Outcome:
    """What came of it, of the phases that came in the measured hours. `busy` is the lander's share of the time."""

    world: World
    came: int
    left: int
    waits: tuple[float, ...]
    runs: int
    busy: float

    @property
    def half(self) -> float:
        """Seconds from the approval that half of the phases had to wait at most."""
        return median(self.waits) if self.waits else float("inf")

    @property
    def most(self) -> float:
        """The same of nineteen in twenty."""
        return quantiles(self.waits, n=20)[-1] if len(self.waits) > 1 else float("inf")

    @property
    def keeps_up(self) -> bool:
        """As many leave as come, and half wait no longer than two gate times."""
        return self.left >= 0.97 * self.came and self.half <= 2 * self.world.gate


def simulate(world: World, hours: float, *, warm: float = 1.0, seed: str = "") -> Outcome:
    """Let phases come for so many hours after a time to warm up. The same seed draws the same arrivals and faults."""
    return _Shop(world, Random(f"{seed} {world.rate} {world.bad}"), warm * 3600, (warm + hours) * 3600).outcome()


def drained(world: World, phases: int) -> float:
    """Return the seconds until so many good phases, all ready at the start, have landed."""
    shop = _Shop(world, Random("drained"), 0, float("inf"), burst=phases)
    shop.work(until=lambda: len(shop.landed) == phases)
    return shop.now


@dataclass
class _Shop:
    world: World
    chance: Random
    begin: float
    end: float
    burst: int = 0
    now: float = 0.0
    queue: Queue = field(default_factory=Queue)
    tip: Sha = _ROOT
    seq: int = 0
    busy: float = 0.0
    runs: int = 0
    running: dict[Sha, tuple[float, RunGate]] = field(default_factory=dict)
    ends: list[tuple[float, Sha]] = field(default_factory=list)
    came: dict[str, float] = field(default_factory=dict)
    landed: dict[str, float] = field(default_factory=dict)
    ejected: dict[str, float] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    red: dict[str, bool] = field(default_factory=lambda: {_ROOT: False})

    def __post_init__(self) -> None:
        self.made = count(1)
        self.draws = Random(self.chance.random())
        self.arrivals = self._arrivals()
        self.next = next(self.arrivals)

    def _arrivals(self) -> Iterator[float]:
        for _ in range(self.burst):
            yield 0.0
        if self.burst:
            yield float("inf")
        at = 0.0
        while at < self.end:
            at += self.chance.expovariate(self.world.rate / 3600)
            yield at
        yield float("inf")

    def outcome(self) -> Outcome:
        self.work(until=lambda: self.now >= self.end)
        there = {name: at for name, at in self.came.items() if self.begin <= at < self.end}
        gone = self.landed | self.ejected
        left = sum(self.begin <= at < self.end for at in gone.values())
        waits = tuple(self.landed[name] - at for name, at in there.items() if name in self.landed)
        return Outcome(self.world, len(there), left, waits, self.runs, self.busy / self.now)

    def work(self, until: Callable[[], bool]) -> None:
        while not until():
            self._let_in()
            effects = owed(self._seen())
            rest = [effect for effect in effects if not self._is_of_gates(effect)]
            if rest:
                self._perform(rest[0])
            else:
                self._wait()

    def _seen(self) -> Queue:
        now = Now(
            tip=self.tip,
            tree=self.tip,
            gate=_KEY,
            slots=self.world.slots,
            batch=self.world.batch,
            running=frozenset(self.running),
        )
        return observe(self.queue, now)

    def _let_in(self) -> None:
        while self.next <= self.now:
            name = f"p{len(self.came)}"
            self.came[name] = self.next
            if self.draws.random() < self.world.bad:
                self.wrong.add(name)
            self._tell(Enqueued(phase=PhaseId(name), head=Sha(name), claim=name))
            self.next = next(self.arrivals)
        while self.ends and self.ends[0][0] <= self.now:
            at, tree = heapq.heappop(self.ends)
            if self.running.get(tree, (0.0, None))[0] == at:
                self._finish(tree)

    def _wait(self) -> None:
        self.now = min(self.next, self.ends[0][0] if self.ends else float("inf"))

    def _is_of_gates(self, effect: Effect) -> bool:
        match effect:
            case RunGate():
                self.runs += self.begin <= self.now < self.end
                end = self.now + self.world.gate * self.draws.uniform(1 - _SPREAD, 1 + _SPREAD)
                self.running[effect.tree] = (end, effect)
                heapq.heappush(self.ends, (end, effect.tree))
                what = {"phase": effect.entry.phase, "commit": effect.commit, "tree": effect.tree, "log": ""}
                self._tell(GateStarted(purpose=effect.purpose, **what, **_KEY._asdict()))
            case StopGate(tree=tree):
                run = self.running.pop(tree)[1]
                what = {"phase": run.entry.phase, "commit": run.commit, "tree": tree, "log": ""}
                self._tell(GateStopped(purpose=run.purpose, **what))
            case _:
                return False
        return True

    def _finish(self, tree: Sha) -> None:
        _, run = self.running.pop(tree)
        red = self.red[tree]
        what = {"phase": run.entry.phase, "commit": run.commit, "tree": tree, "log": ""}
        said = {"verdict": "fail" if red else "pass", "status": int(red)}
        self._tell(GateFinished(purpose=run.purpose, **what, **said, **_KEY._asdict()))

    def _perform(self, effect: Effect) -> None:
        match effect:
            case AccountForBase(old=old, new=new):
                self._tell(BaseMoved(old=old, new=new, known="first seen"))
            case Build(entry=entry, onto=onto):
                self._spend(self.world.build)
                made = Sha(f"c{next(self.made)}")
                self.red[made] = self.red[onto] or entry.head in self.wrong
                self._tell(
                    CandidateBuilt(
                        phase=entry.phase, head=entry.head, base=onto, candidate=made, tree=made, how="replay"
                    )
                )
            case Land(entries=entries, base=base):
                self._spend(self.world.land)
                phases = tuple(entry.phase for entry in entries)
                self._tell(Landing(phase=phases[-1], base=base, candidate=effect.last.sha, phases=phases))
                self.tip = effect.last.sha
                for entry in entries:
                    made = entry.candidate
                    assert made is not None
                    self.landed[entry.phase] = self.now
                    what = {"base": made.base, "candidate": made.sha, "tree": made.tree}
                    self._tell(Landed(phase=entry.phase, head=entry.head, **what))
            case Eject(entry=entry, run=run):
                assert entry.candidate is not None
                self.ejected[entry.phase] = self.now
                made = entry.candidate.sha
                self._tell(
                    Ejected(phase=entry.phase, head=entry.head, candidate=made, verdict=run.verdict, status=1, log="")
                )
            case _:
                raise AssertionError(effect)

    def _spend(self, seconds: float) -> None:
        self.now += seconds
        self.busy += seconds

    def _tell(self, event: AnyEvent) -> None:
        self.seq += 1
        self.queue = apply(self.queue, msgspec.structs.replace(event, seq=self.seq))
