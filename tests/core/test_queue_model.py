"""Every state that a small queue can reach, and random walks through large ones, beside a plain serial queue.

The lander of the model does what `owed` asks for in small steps; anything may come between two of them.
"""

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batty_tmux.core.events import (
    Ejected,
    Enqueued,
    GateStarted,
    Landing,
    Prioritized,
    QueuePaused,
    Retried,
    Reviewed,
    Skipped,
    VerdictWord,
)
from batty_tmux.core.merge_queue import fold
from batty_tmux.core.queue_state import MOVES_ON, Entry
from batty_tmux.names import PhaseId, Sha
from tests.support.model import Contents, Cut, Model, commit, contents_of, red_with, serially

FORMS = [(batch, slots) for batch in (False, True) for slots in (1, 2, 3)]
ids = [f"{'batch' if batch else 'each'}-{slots}" for batch, slots in FORMS]


def subsets(things: list[Any], most: int | None = None) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(things, n) for n in range((len(things) if most is None else most) + 1))


# -- every reachable state


def key_of(model: Model) -> object:
    """Name what may matter from here on: no verdict on what can no longer land, and of the order of runs only
    which came after the first red of a tree that holds one head more."""
    queue = model.queue
    out = {str(entry.head) for entry in queue.entries if entry.state not in MOVES_ON and entry.state != "landed"}
    held = contents_of(model.tip)
    live = {
        contents_of(tree): said
        for (tree, _), said in queue.runs.items()
        if held <= contents_of(tree) and out.isdisjoint(contents_of(tree))
    }
    first_red = {holds: next((run.seq for run in said if not run.passed), None) for holds, said in live.items()}
    after = frozenset(
        (red, without, run.verdict)
        for red, first in first_red.items()
        if first is not None
        for without in (red - {head} for head in red)
        for run in live.get(without, ())
        if run.seq > first
    )
    entries = tuple((e.head, e.state, e.candidate, e.clash, e.landing is None) for e in queue.entries)
    runs = frozenset((holds, tuple(run.verdict for run in said)) for holds, said in live.items())
    outcomes = queue.outcomes if model.batch else ()
    return entries, runs, after, frozenset(model.running), model.tip, queue.base, outcomes


class Explorer:
    """Walks through all that may happen to a queue, its last entry coming whenever it likes."""

    def __init__(self, heads: list[str], world: Model, *, finely: bool) -> None:
        self.serial = serially(heads, world.gate, world.clashes)
        self.heads, self.finely = heads, finely
        self.known: set[object] = set()
        self.under_way: set[object] = set()
        world.enqueue(*heads[:-1])
        self.visit(world, heads[-1])

    def visit(self, model: Model, late: str) -> None:
        if not self.finely:
            model.rest()
        key = (key_of(model), late)
        assert key not in self.under_way, "the lander goes round in circles"
        if key in self.known:
            return
        self.known.add(key)
        self.under_way.add(key)
        self.check(model)
        ends = True
        for following, still_late in self.following(model, late):
            ends = False
            self.visit(following, still_late)
        if ends:
            self.check_end(model)
        self.under_way.discard(key)

    def following(self, model: Model, late: str) -> Iterator[tuple[Model, str]]:
        for tree in list(model.running):
            finished = model.copy()
            finished.finish(tree)
            yield finished, late
        if late:
            joined = model.copy()
            joined.enqueue(late)
            yield joined, ""
        if self.finely:
            stepped = model.copy()
            if stepped.step():
                yield stepped, late

    def check(self, model: Model) -> None:
        """What has been decided is what a serial queue decides, in its order, at any moment."""
        decided = {head: state for head, state in model.states.items() if state not in MOVES_ON}
        assert decided == {head: self.serial[head] for head in decided}
        on_base = [head for head in model.tip.split("+") if head in self.heads]
        assert on_base == sorted(on_base)
        assert all(new.startswith(f"{old}+") for old, new in zip(model.values, model.values[1:], strict=False))
        assert all(model.gate(contents_of(value)) == "pass" for value in model.values)

    def check_end(self, model: Model) -> None:
        assert model.states == self.serial
        assert model.standstill is None
        if model.slots == 1 and not model.batch:
            reds = list(self.serial.values()).count("red")
            gated = len(self.serial) - list(self.serial.values()).count("conflict")
            runs = sum(len(said) for said in model.queue.runs.values())
            assert runs <= gated + 2 * reds


def worlds(count: int, batch: bool, slots: int, *, clashes: int = 0, bad: int = 9) -> Iterator[tuple[list[str], Model]]:
    """Return all worlds with up to that many pairs that clash, and heads that are bad."""
    heads = [chr(ord("a") + n) for n in range(count)]
    pairs = [frozenset(pair) for pair in combinations(heads, 2)]
    for wrong in subsets(heads, bad):
        for clash in subsets(pairs, clashes):
            yield heads, Model(red_with(wrong), slots=slots, batch=batch, clashes=frozenset(clash))


@pytest.mark.parametrize(("batch", "slots"), [*FORMS, (False, 5), (True, 5)])
def test_between_any_two_effects_the_queue_decides_as_a_serial_one(batch: bool, slots: int) -> None:
    """I1, I3, I10 to I13: all orders in which gates finish and the last entry comes, none thought unlikely."""
    small = chain(worlds(1, batch, slots), worlds(2, batch, slots, clashes=1), worlds(3, batch, slots))
    states = sum(len(Explorer(heads, world, finely=True).known) for heads, world in small)
    assert states > 150 * slots


@pytest.mark.parametrize(("batch", "slots"), FORMS, ids=ids)
def test_whatever_clashes_the_queue_decides_as_a_serial_one(batch: bool, slots: int) -> None:
    """I11: any clashes among three, one among four; gates finish and entries come while the lander rests."""
    larger = (
        worlds(3, batch, slots, clashes=3),
        worlds(4, batch, slots),
        worlds(4, batch, slots, clashes=1, bad=1),
    )
    states = sum(len(Explorer(heads, world, finely=False).known) for heads, world in chain(*larger))
    assert states > 300 * slots


# -- random walks

HEADS = [f"{letter}{number}" for number in range(6) for letter in "abcdef"]
BROKEN = "broken"
"""What a person may push to the base: no tree that holds it passes."""


def gate(contents: Contents) -> VerdictWord:
    return "fail" if any(head == BROKEN or "bad" in head for head in contents) else "pass"


class Life(RuleBasedStateMachine):
    """A queue in use. A gate lies at most once about a tree; `alike` while the order of claims decides alone."""

    @initialize(slots=st.integers(1, 6), batch=st.booleans(), clashing=st.booleans())
    def begin(self, slots: int, batch: bool, clashing: bool) -> None:
        self.model = Model(gate, slots=slots, batch=batch)
        self.clashing, self.alike = clashing, True
        self.names = iter(HEADS)
        self.lied: set[Sha] = set()
        self.moved: set[PhaseId] = set()
        self.people = 0

    # the queue's own life

    @rule(bad=st.sampled_from([False, False, False, True]), flagged=st.integers(0, 9), data=st.data())
    def enqueue(self, bad: bool, flagged: int, data: st.DataObject) -> None:
        head = next(self.names, None)
        if head is None:
            return
        head += "bad" if bad else ""
        others = [str(entry.head) for entry in self.model.queue.entries]
        if self.clashing and others:
            other = data.draw(st.sampled_from(others))
            self.model.clashes |= {frozenset({head, other})}
        if flagged == 0:
            self.model.flags |= {head}
        self.model.enqueue(head)

    @precondition(lambda self: self.model.queue.waiting)
    @rule(data=st.data())
    def enqueue_what_another_phase_holds(self, data: st.DataObject) -> None:
        """Two phases at one commit, or one on top of the other: the second brings nothing new."""
        entry = data.draw(st.sampled_from(self.model.queue.waiting))
        self.alike = False
        self.model.claim(f"{entry.phase}-again-{len(self.model.events)}", entry.head)

    @rule(times=st.integers(1, 5))
    def step(self, times: int) -> None:
        for _ in range(times):
            stopped = self.model.queue.paused or self.model.queue.frozen
            before = len(self.model.events)
            assert self.model.owed() == self.model.owed()
            if not self.model.step():
                break
            if stopped:
                new = self.model.events[before:]
                begun = [e for e in new if isinstance(e, GateStarted | Landing | Ejected)]
                assert begun == [], "a queue that a person stopped began something"

    @precondition(lambda self: self.model.running)
    @rule(data=st.data(), lie=st.sampled_from(["", "", "", "", "fail", "infra", "timeout"]))
    def finish(self, data: st.DataObject, lie: str) -> None:
        tree = data.draw(st.sampled_from(sorted(self.model.running)))
        if lie and tree not in self.lied:
            self.lied.add(tree)
            self.model.finish(tree, lie)  # type: ignore[arg-type]
        else:
            self.model.finish(tree)

    @rule(cut=st.sampled_from(["", "intended", "moved", "torn"]))
    def kill(self, cut: Cut) -> None:
        """Now, or in the middle of the next landing."""
        if cut:
            self.model.cut = cut
        else:
            self.model.killed()

    # people

    @rule()
    def pause(self) -> None:
        self.model.tell(QueuePaused(reason="release"))

    @rule()
    def resume(self) -> None:
        self.model.resume()

    @rule(slots=st.integers(1, 6), batch=st.booleans())
    def set_up_anew(self, slots: int, batch: bool) -> None:
        self.model.slots, self.model.batch = slots, batch

    @rule()
    def stand_in_the_way(self) -> None:
        self.model.in_the_way = True

    @rule()
    def get_out_of_the_way(self) -> None:
        self.model.out_of_the_way()

    @precondition(lambda self: self.model.queue.entries)
    @rule(data=st.data(), what=st.sampled_from(["skip", "retry", "rework", "priority", "now"]))
    def say_of_an_entry(self, data: st.DataObject, what: str) -> None:
        phase = data.draw(st.sampled_from(self.model.queue.entries)).phase
        entry = self.model.queue.of(phase)
        assert entry is not None
        if entry.state == "landed":
            return
        self.alike = False
        self.moved.add(phase)
        if what == "skip":
            self.model.tell(Skipped(phase=phase))
        elif what == "retry":
            self.model.tell(Retried(phase=phase))
        elif what == "rework":
            self.model.tell(Reviewed(phase=phase, verdict="rework", by="human", head=entry.head))
            self.model.claim(phase, f"{entry.head.replace('bad', '')}'")
        else:
            self.model.tell(Prioritized(phase=phase, priority=data.draw(st.integers(-1, 2)), now=what == "now"))

    @rule(what=st.sampled_from(["push", "break", "mend", "new root"]))
    def move_the_base(self, what: str) -> None:
        self.people += 1
        tip = self.model.tip
        if what == "push":
            self.model.tip = commit(tip, f"person{self.people}")
        elif what == "break":
            self.model.tip = commit(tip, BROKEN)
        elif what == "mend":
            self.model.tip = commit(tip, f"~{BROKEN}")
        else:
            self.alike = False
            self.model.tip = Sha(f"base{self.people}")

    # what must hold

    @invariant()
    def the_journal_folded_again_is_the_same_queue(self) -> None:
        assert fold(self.model.events) == self.model.queue

    @invariant()
    def nobody_is_ejected_who_is_not_bad(self) -> None:
        """I10, I19, I20: the entry's own head is, and what it was put on passes."""
        bases = {e.candidate: e.base for e in self.model.events if hasattr(e, "candidate") and hasattr(e, "base")}
        for event in self.model.events:
            if isinstance(event, Ejected):
                assert gate(contents_of(bases[event.candidate])) == "pass"
                assert gate(contents_of(event.candidate)) == "fail"

    @invariant()
    def the_line_keeps_its_order(self) -> None:
        """I13: whom nobody spoke of stands in the order of the claims."""
        line = [entry.number for entry in self.model.queue.waiting if entry.phase not in self.moved]
        assert line == sorted(line)

    def teardown(self) -> None:
        model = getattr(self, "model", None)
        if model is None:
            return
        if BROKEN in contents_of(model.tip):
            model.tip = commit(model.tip, f"~{BROKEN}")
        model.cut = ""
        model.out_of_the_way().resume().settle()
        assert not model.queue.waiting, "with nothing in its way, an entry never came to its end"
        assert model.standstill is None
        newest = [entry for entry in model.queue.entries if model.queue.of(entry.phase) is entry]
        check_landed(model, newest)
        if self.alike:
            heads = [str(event.head) for event in model.events if isinstance(event, Enqueued)]
            serial = serially(heads, gate, model.clashes)
            assert {h for h, s in serial.items() if s == "landed"} == set(model.landed)


def check_landed(model: Model, newest: list[Entry]) -> None:
    """What is bad never lands; what is good does, unless a person or a conflict keeps it back."""
    for entry in newest:
        if "bad" in entry.head:
            assert entry.state in {"red", "held", "conflict", "skipped", "withdrawn"}
        elif not model.clashes:
            assert entry.state in {"landed", "skipped", "withdrawn"}


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
