"""How many gates at once: forecast from lone runs, corrected by what gates beside each other do."""

from functools import reduce
from time import process_time

import pytest

from batty_tmux.core.events import GateFinished, GateStarted, VerdictWord
from batty_tmux.core.slots import MOST, Pace, apply, limit, measured
from batty_tmux.names import PhaseId, RunId, Sha

GIB = 1 << 30


def run(
    seconds: float = 10.0,
    share: float = 1.0,
    *,
    beside: int = 0,
    memory: int = 0,
    gate: str = "g",
    verdict: VerdictWord = "pass",
    log: str = "log",
) -> GateFinished:
    return GateFinished(
        run=RunId("001"),
        phase=PhaseId("phase-1"),
        purpose="queue",
        commit=Sha("c"),
        tree=Sha("t"),
        gate=gate,
        log=log,
        verdict=verdict,
        seconds=seconds,
        cpu=seconds * share,
        memory=memory,
        beside=beside,
    )


def started(log: str) -> GateStarted:
    return GateStarted(
        run=RunId("001"),
        phase=PhaseId("phase-1"),
        purpose="queue",
        commit=Sha("c"),
        tree=Sha("t"),
        gate="g",
        log=log,
    )


def paced(*events: object, pace: Pace | None = None) -> Pace:
    return reduce(apply, events, pace or Pace())


@pytest.mark.parametrize(
    ("share", "cores", "slots"),
    [(1.0, 8, 8), (1.0, 1, 1), (2.5, 8, 3), (8.0, 8, 1), (12.0, 8, 1), (0.001, 2, MOST), (0.9, 64, MOST)],
)
def test_a_gate_that_keeps_few_cores_busy_leaves_room_for_others(share: float, cores: int, slots: int) -> None:
    """The cores over those that one keeps busy, rounded down; never none, never more than the most."""
    assert measured([run(share=share)], cores, None) == slots
    assert limit(paced(run(share=share)), cores, None) == slots


def test_nothing_is_known_before_a_gate_ran_alone() -> None:
    """One at a time, then: a run beside others says nothing about one, nor does one that was not a verdict."""
    assert measured([], 8, None) == 1
    assert limit(Pace(), 8, None) == 1
    useless = (run(beside=1), run(verdict="infra"), run(verdict="timeout"), run(share=0.0), run(seconds=0.0))
    assert measured(useless, 8, None) == 1
    assert limit(paced(*useless), 8, None) == 1
    assert limit(paced(*useless, run(verdict="fail")), 8, None) == 8


def test_the_median_of_the_last_five_counts() -> None:
    """One odd run changes nothing, and an old suite is forgotten."""
    runs = [*(run(share=8.0) for _ in range(5)), run(share=1.0), run(share=1.0)]
    assert (measured(runs, 8, None), limit(paced(*runs), 8, None)) == (1, 1)
    runs.append(run(share=1.0))
    assert (measured(runs, 8, None), limit(paced(*runs), 8, None)) == (8, 8)


def test_another_gate_is_measured_anew() -> None:
    """Neither its forecast nor a step down of the old one holds for it."""
    old = [run(share=0.1), *(run(20.0, beside=1) for _ in range(3))]
    assert limit(paced(*old), 8, None) == 1
    runs = [*old, run(share=4.0, gate="new")]
    assert measured(runs, 8, None) == 2
    assert limit(paced(*runs), 8, None) == 2


def test_memory_limits_too() -> None:
    """A tenth stays free; what is unknown limits nothing; one gate is always let through."""
    known = paced(run(memory=2 * GIB), run(memory=GIB))
    assert [limit(known, 16, memory) for memory in (8 * GIB, 4 * GIB, GIB, None)] == [3, 1, 1, 16]
    assert limit(paced(run()), 16, GIB) == 16


def test_gates_that_slow_each_other_down_are_halved() -> None:
    """By the median of three, at more than a quarter; half of how many ran, not of what was forecast."""
    known = paced(run())
    assert limit(paced(*(run(12.5, beside=3) for _ in range(3)), pace=known), 8, None) == 8
    assert limit(paced(run(90.0, beside=3), run(90.0, beside=3), pace=known), 8, None) == 8
    assert limit(paced(run(90.0, beside=3), run(10.0, beside=3), run(10.0, beside=3), pace=known), 8, None) == 8
    assert limit(paced(run(12.6, beside=1), run(12.6, beside=3), run(12.6, beside=2), pace=known), 8, None) == 2
    assert limit(paced(*(run(20.0, beside=1) for _ in range(3)), pace=known), 8, None) == 1


def test_those_still_running_at_a_step_down_do_not_cause_another() -> None:
    """They were started when more were allowed."""
    slow = [run(20.0, beside=7) for _ in range(8)]
    assert limit(paced(run(), *slow), 8, None) == 4
    stepped = paced(run(), *(run(20.0, beside=3) for _ in range(3)))
    assert limit(paced(*slow, pace=stepped), 8, None) == 2


def test_each_calm_round_gives_one_back_up_to_the_forecast() -> None:
    """At one at a time the runs alone are the calm rounds, or it would stay there for ever."""
    pace = paced(run(), *(run(20.0, beside=1) for _ in range(3)))
    limits = []
    for _ in range(4):
        now = limit(pace, 4, None)
        pace = paced(*(run(beside=now - 1) for _ in range(3)), pace=pace)
        limits.append(limit(pace, 4, None))
    assert limits == [2, 3, 4, 4]


def test_a_red_says_nothing_about_pace() -> None:
    """Many runners stop at the first failure."""
    early = [run(1.0, verdict="fail") for _ in range(3)]
    assert limit(paced(*early, *(run(beside=1) for _ in range(6))), 8, None) == 8
    assert limit(paced(run(), *(run(90.0, beside=1, verdict="fail") for _ in range(6))), 8, None) == 8


def test_a_gate_that_others_joined_was_not_alone() -> None:
    """The first of many that start together has none beside it at its start, and has the least cpu of all."""
    crowd = (started("a"), started("b"), run(share=0.1, log="a"), run(share=0.1, beside=1, log="b"))
    assert limit(paced(*crowd), 8, None) == 1
    assert limit(paced(*crowd, started("c"), run(share=2.0, log="c")), 8, None) == 4


def test_a_long_journal_is_folded_quickly_into_a_few_numbers() -> None:
    """100,000 events; what is kept does not grow."""
    events = [run(10.0 + n % 7, beside=n % 4, log=str(n)) for n in range(50_000)]
    starts = [started(str(n)) for n in range(50_000)]
    begun = process_time()
    pace = paced(*(event for pair in zip(starts, events, strict=True) for event in pair))
    assert process_time() - begun < 5
    assert len(pace.lone) <= 5
    assert len(pace.round) < 3
