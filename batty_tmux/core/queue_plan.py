"""What the merge queue still calls for. `owed` is read again after every event; nothing of a plan is kept.

One algorithm, two ways to use it. The waiting entries are put on the base one after another, each on the one
before it: a chain of predicted bases. `each` gates every link, up to `slots` at once; `batch` gates the lengths
that `prefix_search` says. Whatever is green from the front lands. The first red after that is a suspect only
when all before it is green; it is gated once more on the same tree, and what it was put on is gated as a control.
Only then is it ejected. Where the control is red too, nobody is: the base is broken, and the queue stands still.

While a suspect is gated again, free slots go on behind it as if it were gone: what waits there is put on what the
suspect was put on. Nothing of that lands before it is settled, so the order stays, and a flake costs only those runs.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from batty_tmux.core.events import Landing, Purpose
from batty_tmux.core.prefix_search import batch_size, cuts
from batty_tmux.core.queue_state import Candidate, Entry, GateRun, Queue
from batty_tmux.names import Sha

_KNOCKS = timedelta(minutes=1)
_CONFIRMED = 2
"""Times that the gate must say the same of one tree, and never that it passes, to be believed."""


@dataclass(frozen=True)
class Build:
    """Put the entry on a commit. `predicted`: that has not landed yet, so a conflict there may not come true."""

    entry: Entry
    onto: Sha
    predicted: bool


@dataclass(frozen=True)
class RunGate:
    """Gate a tree, and journal the verdict under the entry that asks for it."""

    entry: Entry
    commit: Sha
    tree: Sha
    purpose: Purpose


@dataclass(frozen=True)
class StopGate:
    """End a run whose verdict nobody needs any more."""

    tree: Sha


@dataclass(frozen=True)
class Land:
    """Advance the base to the last candidate; the entries land with it, in this order."""

    entries: tuple[Entry, ...]
    base: Sha

    @property
    def last(self) -> Candidate:
        return _candidate(self.entries[-1])


@dataclass(frozen=True)
class Eject:
    entry: Entry
    run: GateRun


@dataclass(frozen=True)
class Settle:
    """A landing was begun and its outcome is not in the journal: ask git how far it got."""

    entries: tuple[Entry, ...]
    landing: Landing


@dataclass(frozen=True)
class AccountForBase:
    """The base is not where the journal left it: find out who moved it."""

    old: Sha
    new: Sha


Effect = Build | RunGate | StopGate | Land | Eject | Settle | AccountForBase


def owed(queue: Queue) -> tuple[Effect, ...]:
    """Return what can be done now, the most urgent first; empty when only a person or a running gate can help."""
    begun = tuple(entry for entry in queue.waiting if entry.landing is not None)
    if begun and begun[0].landing is not None:
        same = tuple(entry for entry in begun if entry.landing == begun[0].landing)
        half_way_and_in_the_way = begun[0].landing.candidate == queue.now.parked
        return () if half_way_and_in_the_way else (Settle(same, begun[0].landing),)
    if queue.base != queue.now.tip and (queue.base or queue.waiting):
        return (AccountForBase(queue.base, queue.now.tip),)
    if queue.paused is not None or queue.frozen is not None:
        return ()
    return _effects(queue)


def rests(queue: Queue, now: datetime) -> bool:
    """Tell whether it is too early to knock again at a remote that did not answer, or said no, without being told to.

    Whoever calls the lander by hand is never too early.
    """
    if queue.knocked is None or now - queue.knocked >= _KNOCKS:
        return False
    knocks = (Land, Settle)
    refused = all(isinstance(e, knocks) and e.entries[0].code == "remote-refused" for e in owed(queue))
    return refused or "remote" in queue.troubles


def standstill(queue: Queue) -> str | None:
    """Say why nothing lands until a person has looked, a pause aside; None where there is nothing to look at."""
    if queue.frozen is not None or queue.base != queue.now.tip:
        return queue.frozen
    return _Plan(queue).base_is_red


def chain(queue: Queue) -> tuple[tuple[Entry, Candidate], ...]:
    """Return the entries whose candidates stand on each other from the base on, in the order of landing."""
    return tuple(_Plan(queue).links)


def _effects(queue: Queue) -> tuple[Effect, ...]:
    """Put together what the chain calls for, and what those behind its suspects do."""
    plans = _plans(queue)
    first, last = plans[0], plans[-1]
    wanted = {run.tree: run for plan in reversed(plans) for run in reversed(plan.wanted)}
    # what comes first in the line is the most urgent
    runs = list(dict.fromkeys(run.tree for plan in plans for run in plan.wanted))
    free = max(0, queue.now.slots - len(queue.now.running))
    fresh = [wanted[tree] for tree in runs if tree not in queue.now.running]
    useful = {candidate.tree for plan in plans for _, candidate in plan.links} | set(runs)
    stops = [StopGate(tree) for tree in sorted(queue.now.running - useful)] if last.next_build is None else []
    build = [last.next_build] if last.next_build is not None else []
    return (*stops, *fresh[:free], *first.landing, *first.ejection, *build)


def _plans(queue: Queue) -> list["_Plan"]:
    """Return the chain as it is, then as it would be without its suspect, and so on while there are slots for that."""
    plans = [_Plan(queue)]
    spare = queue.now.slots - _CONFIRMED
    while spare > 0 and plans[-1].suspect is not None and not plans[-1].base_is_red:
        plans.append(_Plan(queue, plans[-1].doubted | {plans[-1].suspect[0].number}))
    return plans


class _Plan:
    """The chain at one moment, and what is known of it. `doubted` are numbers of entries that are left out of it."""

    def __init__(self, queue: Queue, doubted: frozenset[int] = frozenset()) -> None:
        self.queue = queue
        self.now = queue.now
        self.doubted = doubted
        self.links: list[tuple[Entry, Candidate]] = []
        self.greens: list[bool] = []
        self.next_build: Build | None = None
        self._follow_the_chain()

    def _follow_the_chain(self) -> None:
        """Walk along the candidates as far as they are built, and as far as it makes sense to look ahead."""
        onto = self.now.tip
        doubtful = 0
        for entry in self.queue.waiting:
            if entry.number in self.doubted:
                continue
            if doubtful >= self._look_ahead or (self.links and _alone(self.links[-1][1])):
                return
            if entry.clash is not None and entry.clash[0] == onto and onto != self.now.tip:
                # as things stand it will be a conflict: those behind it are put on what lands before it
                continue
            candidate = entry.candidate
            if candidate is None or candidate.base != onto:
                self.next_build = Build(entry, onto, predicted=onto != self.now.tip)
                return
            if self.links and _alone(candidate):
                return
            # what brings nothing new is as green as what it stands on, and the base is
            green = self._has_passed(candidate) if candidate.new else all(self.greens[-1:])
            self.links.append((entry, candidate))
            self.greens.append(green)
            # in a batch a green link vouches for all before it
            doubtful = 0 if green and self.now.batch else doubtful + (not green)
            onto = candidate.sha

    @property
    def _look_ahead(self) -> int:
        """How many entries without a verdict are put on each other; one more than are gated, while those are."""
        return batch_size(self.queue.rate, self.now.slots) if self.now.batch else self.now.slots + 1

    @property
    def landing(self) -> list[Land]:
        """What may land now, and is not known to be in somebody's way."""
        landable = self.green
        if landable == 0 or self.links[landable - 1][1].sha == self.now.parked:
            return []
        return [Land(tuple(entry for entry, _ in self.links[:landable]), self.now.tip)]

    @cached_property
    def green(self) -> int:
        """How many entries from the front may land: all of them green, or in a batch the last of them."""
        lengths = range(1, len(self.links) + 1)
        if self.now.batch:
            return max((length for length in lengths if self._is_green(length)), default=0)
        return next((length - 1 for length in lengths if not self._is_green(length)), len(self.links))

    @cached_property
    def red(self) -> int | None:
        """The shortest prefix behind the green one that the gate has refused; None if there is none."""
        lengths = range(self.green + 1, len(self.links) + 1)
        return next((length for length in lengths if self._reds(length)), None)

    @cached_property
    def suspect(self) -> tuple[Entry, Candidate] | None:
        """The entry that turns a green prefix red, if it is pinned down."""
        return self.links[self.green] if self.red == self.green + 1 else None

    @cached_property
    def base_is_red(self) -> str | None:
        suspect = self.suspect
        if suspect is None:
            return None
        bad = [run for run in self._controls(suspect[1]) if not run.passed]
        if len(bad) < _CONFIRMED or any(run.passed for run in self._controls(suspect[1])):
            return None
        ground = self._ground(suspect[1])[0][:9]
        return f"the gate does not pass on {ground} either, which {suspect[0].phase} was put on: {bad[-1].log}"

    @cached_property
    def wanted(self) -> list[RunGate]:
        """Return the runs that would tell something, the most urgent first; those under way are among them."""
        suspect = self.suspect
        if suspect is not None:
            return self._confirmation(*suspect)
        end = len(self.links)
        if not self.now.batch:
            lengths = tuple(range(self.green + 1, self.red or end + 1))
        elif self.next_build is not None and self.red is None:
            # no batch waits to be filled, but what is ready is put on first: that takes milliseconds
            return []
        else:
            lengths = cuts(self.green, self.red, end, self.queue.rate, self.now.slots)
        runs = [self._run(length) for length in lengths if not self._is_green(length)]
        # entries may be put on each other so that the same tree comes twice: one verdict is enough
        return list({run.tree: run for run in reversed(runs)}.values())[::-1]

    def _confirmation(self, entry: Entry, candidate: Candidate) -> list[RunGate]:
        """Return what is needed to tell a bad entry from a flake and from a bad base."""
        if self.base_is_red is not None:
            return []
        wanted = []
        if self._confirmed is None:
            wanted.append(RunGate(entry, candidate.sha, candidate.tree, "queue"))
        same = wanted and self._ground(candidate)[1] == candidate.tree
        if not same and not any(run.passed for run in self._controls(candidate)):
            wanted.append(RunGate(entry, *self._ground(candidate), "control"))
        return wanted

    @property
    def ejection(self) -> list[Eject]:
        suspect = self.suspect
        if suspect is None:
            return []
        clear = any(run.passed for run in self._controls(suspect[1]))
        return [Eject(suspect[0], self._confirmed)] if clear and self._confirmed is not None else []

    @property
    def _confirmed(self) -> GateRun | None:
        """The suspect's red, if the gate has said the same of its tree often enough; the last such run."""
        said = self._reds(self.green + 1)
        often = Counter(run.verdict for run in said)
        return next((run for run in reversed(said) if often[run.verdict] >= _CONFIRMED), None)

    def _run(self, length: int) -> RunGate:
        entry, candidate = self.links[length - 1]
        return RunGate(entry, candidate.sha, candidate.tree, "queue")

    def _is_green(self, length: int) -> bool:
        return self.greens[length - 1]

    def _has_passed(self, candidate: Candidate) -> bool:
        return any(run.passed for run in self.queue.runs_of(candidate.tree))

    def _reds(self, length: int) -> list[GateRun]:
        """Return the runs in which this prefix failed since all of it was asked for; none if it ever passed."""
        candidate = self.links[length - 1][1]
        runs = self.queue.runs_of(candidate.tree)
        if not candidate.new or any(run.passed for run in runs):
            return []
        since = max(self.queue.resumed, *(entry.asked for entry, _ in self.links[:length]))
        return [run for run in runs if run.seq > since]

    def _controls(self, candidate: Candidate) -> list[GateRun]:
        """Return the runs of what the suspect was put on, as of its first red: the base may have broken since."""
        reds = self._reds(self.green + 1)
        if not reds:
            return []
        return [run for run in self.queue.runs_of(self._ground(candidate)[1]) if run.seq > reds[0].seq]

    def _ground(self, candidate: Candidate) -> tuple[Sha, Sha]:
        """Return commit and tree of what the candidate stands on."""
        below = next((c for _, c in self.links if c.sha == candidate.base and c.new), None)
        return (below.sha, below.tree) if below is not None else (self.now.tip, self.now.tree)


def _alone(candidate: Candidate) -> bool:
    """Tell whether the candidate changes its own gate: what stands on it may need another one."""
    return bool(candidate.flags)


def _candidate(entry: Entry) -> Candidate:
    if entry.candidate is None:
        raise ValueError(entry.phase)
    return entry.candidate
