"""Turns at a remote: with any order of machines each lands in the end, whoever dies, and no clock is compared.

The model: a remote that compares and swaps, and machines that look, gate and push in steps that an adversary orders.
"""

from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batty_tmux.core.turns import LEFT, RENEWED, Lost, Owed, Refused, Saw, Turn, Turns, Won, apply, owed


@dataclass(frozen=True)
class Remote:
    main: int = 0
    turn: Turn | None = None
    writes: int = 0

    def put(self, machine: str | None, old: str | None) -> tuple["Remote", bool]:
        """Compare and swap the ref of the turn; None as machine removes it."""
        if (self.turn.sha if self.turn else None) != old:
            return self, False
        turn = Turn(f"{machine}{self.writes}", machine) if machine else None
        return replace(self, turn=turn, writes=self.writes + 1), True


@dataclass(frozen=True)
class Machine:
    """`built` is the value of the remote's branch that what it gates stands on; None where it gates nothing."""

    turns: Turns
    work: int = 1
    built: int | None = None
    gated: bool = False

    def step(self, remote: Remote, at: float) -> tuple["Machine", Remote]:
        """Look, then do one thing: write the turn, begin a gate, end it, or push."""
        me = replace(self, turns=apply(self.turns, Saw(remote.turn, at)))
        if me.built is not None and me.built != remote.main:
            me = replace(me, turns=apply(me.turns, Lost()), built=None, gated=False)
        due = owed(me.turns, at, works=me.work > 0)
        match due.does:
            case "wait":
                return me, remote
            case "claim" | "renew" | "release":
                machine = None if due.does == "release" else me.turns.machine
                remote, _ = remote.put(machine, due.old)
                return replace(me, turns=apply(me.turns, Saw(remote.turn, at))), remote
            case _:
                return me.go(remote)

    def go(self, remote: Remote) -> tuple["Machine", Remote]:
        if not self.work:
            return self, remote
        if self.built is None:
            return replace(self, built=remote.main), remote
        if not self.gated:
            return replace(self, gated=True), remote
        won = replace(self, turns=apply(self.turns, Won()), built=None, gated=False, work=self.work - 1)
        return won, replace(remote, main=remote.main + 1)


def machines(count: int, work: int) -> tuple[Machine, ...]:
    return tuple(Machine(Turns("abc"[number]), work) for number in range(count))


def anonymous(remote: Remote, all_: tuple[Machine, ...]) -> object:
    """Return what matters of a state: how far apart counts are, not how large they have grown."""
    whose = remote.turn.machine if remote.turn else ""

    def of(one: Machine) -> tuple[object, ...]:
        on = None if one.built is None else one.built == remote.main
        turn = one.turns.turn
        seen = "" if turn is None else "same" if turn == remote.turn else turn.machine
        return (one.work, on, one.gated, min(one.turns.lost, 3), seen, one.turns.landed)

    return (whose, *map(of, all_))


def rounds_until(victim: int, count: int, others: int) -> int:
    """Return the most rounds until this machine has landed once, over all orders in each round.

    In a round each machine takes a step or two, in any order. The others have work for `others` landings each.
    """
    start = list(machines(count, others))
    start[victim] = replace(start[victim], work=1)
    orders = list(permutations(range(count)))
    # the others may be twice as fast: then they would win every race, if there were no turns
    schedules = [[*order, *(n for n in order if n != victim)] for order in orders]
    layer = {anonymous(Remote(), tuple(start)): (Remote(), tuple(start))}
    for number in range(1, 200):
        following: dict[object, tuple[Remote, tuple[Machine, ...]]] = {}
        for remote, all_ in layer.values():
            for schedule in schedules:
                there, now = remote, list(all_)
                for index in schedule:
                    now[index], there = now[index].step(there, float(number) % RENEWED)
                if now[victim].work:
                    following.setdefault(anonymous(there, tuple(now)), (there, tuple(now)))
        if not following:
            return number
        layer = following
    raise AssertionError("it starves")


@pytest.mark.parametrize(("count", "most"), [(2, 14), (3, 24)])
def test_no_machine_starves_however_the_others_are_ordered(count: int, most: int) -> None:
    """The others always have more work, and are twice as fast: after a bounded number of rounds it has landed."""
    assert rounds_until(0, count, others=40) <= most


def test_without_turns_it_would_starve() -> None:
    """The model can tell: where the remote takes no such refs, a fast neighbour wins every race."""
    slow, fast = Machine(apply(Turns("a"), Refused())), Machine(apply(Turns("b"), Refused()), work=40)
    remote = Remote()
    for _ in range(40):
        for index in (0, 1, 1, 1):
            if index:
                fast, remote = fast.step(remote, 0.0)
            else:
                slow, remote = slow.step(remote, 0.0)
    assert (slow.work, fast.work) == (1, 0)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=400, max_size=400),
    st.lists(st.tuples(st.integers(0, 399), st.integers(0, 2)), max_size=4),
)
def test_whoever_dies_or_forgets_all_lands_in_the_end(order: list[int], deaths: list[tuple[int, int]]) -> None:
    """A machine that starts again has lost all but its name; each has a clock of its own, hours from the others'."""
    remote, now = Remote(), list(machines(3, 4))
    dead = dict(deaths)
    for number, index in enumerate([*order, *(n % 3 for n in range(600))]):
        at = number * 5.0 + index * 10_000
        now[index], remote = now[index].step(remote, at)
        victim = dead.get(number)
        if victim is not None:
            now[victim] = replace(now[victim], turns=Turns(now[victim].turns.machine), built=None, gated=False)
    assert [one.work for one in now] == [0, 0, 0]
    assert remote.main == 12
    assert remote.turn is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=60, max_size=200), st.integers(0, 2))
def test_a_machine_that_never_comes_back_holds_up_nobody(order: list[int], dead: int) -> None:
    """Wherever it was: with the turn, at the gate, before it had looked at all."""
    remote, now = Remote(), list(machines(3, 30))
    for index in order:
        now[index], remote = now[index].step(remote, 0.0)
    others = [n for n in range(3) if n != dead]
    for number in range(1200):
        index = others[number % 2]
        now[index], remote = now[index].step(remote, number * 5.0)
    assert [now[index].work for index in others] == [0, 0]


def test_a_turn_that_was_left_is_taken_over_by_the_clock_of_who_waits_and_by_one_alone() -> None:
    left = Turn("x", "dead")
    waiting = [apply(Turns(name), Saw(left, 1000.0 * n)) for n, name in enumerate("ab")]
    assert [owed(one, 1000.0 * n + LEFT - 1, works=True).does for n, one in enumerate(waiting)] == ["wait", "wait"]
    assert [owed(one, 1000.0 * n + LEFT, works=True) for n, one in enumerate(waiting)] == [Owed("claim", "x")] * 2
    remote = Remote(turn=left)
    remote, first = remote.put("a", "x")
    _, second = remote.put("b", "x")
    assert (first, second) == (True, False)


def test_who_holds_the_turn_renews_it_and_so_never_counts_as_gone() -> None:
    mine = apply(Turns("a"), Saw(Turn("x", "a"), 0.0))
    assert owed(mine, RENEWED, works=True).does == "renew"
    theirs = apply(Turns("b"), Saw(Turn("x", "a"), 0.0))
    theirs = apply(theirs, Saw(Turn("y", "a"), LEFT - 1))
    assert owed(theirs, LEFT + 1, works=True).does == "wait"
    assert owed(mine, 1.0, works=False).does == "release"
    assert owed(apply(mine, Won()), 1.0, works=True).does == "release"
