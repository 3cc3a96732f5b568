"""The lander: under the landing lock, do what the queue owes until nothing is left, gates running beside.

Builds, landings and ejections are done one at a time, here; what a gate found is in the journal before this
loop hears of it. Somebody who changes the queue while a lander is at work rings its bell.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, assert_never

from batty_tmux.core import merge_queue
from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    CandidateBuilt,
    Deferred,
    Ejected,
    Landed,
    LanderStopped,
    PinsChanged,
    Retried,
)
from batty_tmux.core.pins import candidate_pin, expected
from batty_tmux.core.queue_plan import AccountForBase, Build, Effect, Eject, Land, RunGate, Settle, StopGate, owed
from batty_tmux.core.queue_state import Now, Queue, observe
from batty_tmux.drive.build import build
from batty_tmux.drive.gates import Gates
from batty_tmux.drive.ground import Ground, run_of
from batty_tmux.drive.land import land, settle
from batty_tmux.drive.moves import by_a_person, changed_pins, is_forward, restorable, restore
from batty_tmux.drive.place import Place
from batty_tmux.drive.senses import Bell, ring
from batty_tmux.drive.shared import Shared
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import Held, attempt
from batty_tmux.names import Sha

Tell = Callable[[AnyEvent], None]
Look = Callable[[], Ground]
STANDING: Final = frozenset({"no-scheduler", "no-worker", "no-package", "too-large", "toolchain"})
"""What is wrong with where gates run, and with no entry: until that is mended, each lander ends of it."""


def drain(look: Look, tell: Tell) -> bool:
    """Land whatever can land; return False if another lander holds the lock and will see to it.

    That one hears the bell, and the queue is looked at once more after the lock is let go: what came in between
    is not left.
    """
    while True:
        place = look().place
        with attempt(place.landing_lock) as held:
            if held is None:
                ring(place.state)
                return False
            with Bell.at(place.state) as bell, _stops_told(place):
                _Lander(look, tell, held, bell).work()
        if not is_due(queue_now(look())):
            return True


@contextmanager
def _stops_told(place: Place) -> Iterator[None]:
    """Journal what stops a lander and would stop the next one too, once: nobody reads what one prints."""
    try:
        yield
    except BattyError as why:
        if why.code in STANDING:
            place.records.refresh()
            known = place.records.queue().trouble
            if known is None or (known.code, known.reason, known.evidence) != (why.code, why.what, why.evidence):
                told = LanderStopped(code=why.code, reason=why.what, evidence=why.evidence, advice=why.next)
                place.records.append(told)
        raise


def _calls_for_gates(effects: Iterable[Effect]) -> bool:
    return any(isinstance(effect, RunGate) for effect in effects)


def is_due(queue: Queue) -> bool:
    """Tell whether a lander has more to do than to knock again where the user's checkout is in the way."""
    knocking = (Land, Settle)
    return any(not (isinstance(e, knocking) and e.entries[0].state == "deferred") for e in owed(queue))


def queue_now(ground: Ground) -> Queue:
    """Fold the journal and tell the queue what is true now."""
    return _observed(merge_queue.fold(ground.place.records.events), ground, frozenset(), Sha(""))


def _observed(queue: Queue, ground: Ground, running: frozenset[Sha], parked: Sha) -> Queue:
    now = Now(
        tip=ground.tip,
        tree=ground.tree,
        gate=ground.key,
        slots=ground.at_once,
        batch=ground.batch,
        running=running,
        parked=parked,
    )
    return observe(queue, now)


class _Lander:
    def __init__(self, look: Look, tell: Tell, held: Held, bell: Bell) -> None:
        self.look = look
        self.tell = tell
        self.held = held
        self.bell = bell
        self.gates = Gates(bell)
        self.shared = Shared(self._journal)
        self.parked = Sha("")
        self.queue = Queue()
        self.folded = 0

    def work(self) -> None:
        """Go on until nothing is owed and no gate runs."""
        try:
            self._check_pins()
            while self._step():
                pass
            ground = self.look()
            self.shared.follow(ground.holding(self.held), self.held)
        finally:
            self.gates.end()
            self.shared.leave()

    def _check_pins(self) -> None:
        ground = self.look()
        wanted = expected(ground.place.records.events)
        changed = changed_pins(ground.place.git, wanted)
        if changed:
            # first the word, then the deed: that they were changed must not be lost with this process
            can = restorable(ground.place.git, wanted, changed)
            self._journal(ground, PinsChanged(refs=tuple(sorted(changed)), restored=can))
            restore(ground.place.git, wanted, changed)

    def _step(self) -> bool:
        """Begin and end gates, and do one thing more, or wait for news; tell whether there is anything left."""
        ground = self.look()
        effects = owed(self._seen(ground))
        if self.shared.refresh(ground, effects, gating=bool(self.gates.at_work)):
            return True
        effects = self.shared.allowed(ground, effects, gating=bool(self.gates.at_work))
        if self.shared.stale:
            return True
        if ground.cluster is not None and not ground.cluster.connected and _calls_for_gates(effects):
            # how many may run at once is known after that
            ground.cluster.connect()
            return True
        for effect in effects:
            if isinstance(effect, StopGate):
                self.gates.stop(effect.tree)
            elif isinstance(effect, RunGate):
                self.gates.begin(ground, effect)
        rest = [effect for effect in effects if not isinstance(effect, RunGate | StopGate)]
        if rest:
            self._perform(ground.holding(self.held), rest[0])
        elif not self.gates.at_work and not self.shared.waits:
            return False
        elif self.bell.wait(self.shared.patience):
            # somebody was here: the checkout may be out of the way now
            self.parked = Sha("")
        for event in self.gates.collect():
            self.tell(event)
        return True

    def _seen(self, ground: Ground) -> Queue:
        events = ground.place.records.events
        self.queue = merge_queue.fold(events[self.folded :], self.queue)
        self.folded = len(events)
        return _observed(self.queue, ground, self.gates.running, self.parked)

    def _perform(self, ground: Ground, effect: Effect) -> None:
        """Do one thing and journal its outcome. Doing it twice does it once."""
        match effect:
            case Build(entry=entry):
                built = build(ground, effect, run_of(ground, entry))
                if isinstance(built, CandidateBuilt):
                    # before anybody relies on it: it may wait for days, on no branch, while git collects garbage
                    ground.place.git.pin(candidate_pin(built.candidate), built.candidate)
                self._journal(ground, built)
            case Land():
                self._told(ground, lambda: land(ground, effect, self.held), effect.last.sha)
            case Settle(landing=landing):
                self._told(ground, lambda: settle(ground, effect, self.held), landing.candidate)
            case Eject():
                self._journal(ground, _ejected(ground, effect))
            case AccountForBase():
                self._journal(ground, self._base_moved(ground, effect))
            case RunGate() | StopGate():
                raise AssertionError(effect)
            case _:
                assert_never(effect)

    def _base_moved(self, ground: Ground, effect: AccountForBase) -> BaseMoved:
        """Find out who moved the base. A person who takes back their own commit is one; what landed stays."""
        old, new, git = effect.old, effect.new, ground.place.git
        if ground.base.remote:
            grew = f"fetched from {ground.base.remote}" if is_forward(git, old, new) else ""
            return BaseMoved(old=old, new=new, known=grew if old else "first seen", remote=str(ground.base))
        landed = [entry.landed for entry in self.queue.entries if entry.landed is not None]
        last = max(landed, key=lambda event: event.seq).candidate if landed else None
        known = by_a_person(git, ground.base.name, old, new, ground.slots, last) if old else "first seen"
        return BaseMoved(old=old, new=new, known=known)

    def _told(self, ground: Ground, work: Callable[[], Iterable[AnyEvent]], candidate: Sha) -> None:
        """Carry out a landing and tell what it journaled; that the same files are still in the way is no news."""
        before = len(ground.place.records.events)
        outcomes = tuple(work())
        for event in ground.place.records.events[before:]:
            if isinstance(event, Landed | Deferred | Retried):
                self.tell(event)
        if any(isinstance(event, Deferred) for event in outcomes):
            self.parked = candidate
        if any(isinstance(event, Landed) for event in outcomes):
            self.shared.won(ground, self.held)
        if any(isinstance(event, Retried) for event in outcomes):
            self.shared.lost(ground)

    def _journal(self, ground: Ground, event: AnyEvent) -> None:
        ground.place.records.append(event)
        self.tell(event)


def _ejected(ground: Ground, effect: Eject) -> Ejected:
    entry, run = effect.entry, effect.run
    return Ejected(
        run=run_of(ground, entry),
        phase=entry.phase,
        head=entry.head,
        candidate=entry.candidate.sha if entry.candidate is not None else Sha(""),
        verdict=run.verdict,
        status=run.status,
        log=run.log,
        failed=run.failed,
    )
