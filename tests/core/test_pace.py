"""When a pane is looked at: at once after a burst, seldom while a spinner spins, always in the end."""

from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.pace import PAINTING, QUIET, SLOW, Pace, same

FRAME = 60


def spun(seconds: float, size: int = FRAME, rate: float = 10.0) -> tuple[Pace, list[float]]:
    """Let a spinner print frames; return the pace, and when the screen was looked at, each time without news."""
    pace, looks = Pace(), []
    for frame in range(int(seconds * rate)):
        now = frame / rate
        when = pace.due()
        if when <= now:
            looks.append(when)
            pace.look(when, news=False)
        pace.printed(size, now)
    return pace, looks


def test_a_first_burst_is_looked_at_when_it_is_painted() -> None:
    """As soon as the pane has been quiet for a moment, and not before."""
    pace = Pace()
    assert pace.due() == float("inf")
    pace.printed(900, 10.0)
    pace.printed(300, 10.01)
    assert pace.due() == 10.01 + QUIET


def test_a_burst_that_does_not_end_is_looked_at_all_the_same() -> None:
    """A program that never falls quiet hides nothing behind its output."""
    pace = Pace()
    for step in range(100):
        pace.printed(500, step * 0.01)
    assert pace.due() <= PAINTING


def test_a_spinner_costs_a_look_a_second() -> None:
    """Once it has been learned that its frames are nothing."""
    for size in (FRAME, 250):
        _, looks = spun(30, size)
        assert len([when for when in looks if when > 5]) <= 27


def test_a_dialog_is_seen_at_once_behind_a_spinner() -> None:
    """What is larger than a frame is no frame, also where one comes right before it."""
    pace, _ = spun(30)
    pace.printed(700, 30.0)
    assert pace.due() == 30.0 + QUIET


def test_one_repaint_does_not_deafen() -> None:
    """A whole screen that was painted again, and said nothing new, does not make the next dialog look small."""
    pace, _ = spun(30)
    pace.printed(9000, 30.0)
    pace.look(30.0 + QUIET, news=False)
    pace.printed(700, 32.0)
    assert pace.due() == 32.0 + QUIET


def test_an_answer_that_streams_is_looked_at_a_few_times_a_second() -> None:
    """Each look finds news, and nothing is asked: the looks become fewer, though never rarer than four a second."""
    pace, now = Pace(), 0.0
    looks: list[float] = []
    while now < 10:
        pace.printed(200, now)
        when = pace.due()
        if when <= now + 0.05:
            looks.append(when)
            pace.look(max(when, now), news=True)
        now += 0.05
    late = [when for when in looks if when > 5]
    assert 15 <= len(late) <= 25


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(1, 20_000), st.booleans()), min_size=1, max_size=60))
def test_nothing_that_was_printed_stays_unseen(steps: list[tuple[float, int, bool]]) -> None:
    """Whatever came before: once the pane is quiet, it is looked at within the slow time."""
    pace, now = Pace(), 100.0
    for gap, size, news in steps:
        now += gap
        pace.printed(size, now)
        when = pace.due()
        assert when <= now + SLOW + QUIET
        if when <= now:
            pace.look(now, news=news)
            assert pace.due() == float("inf")


def test_what_spins_and_counts_is_nothing_new() -> None:
    """Two screens say the same when they differ in a glyph, a time and a number only."""
    first, second = "● Read a.py\n✻ Thinking… (9s · ↓ 174 tokens)", "● Read a.py\n✶ Thinking… (10s · ↓ 1.2k tokens)"
    assert same(first, second.replace("1.2k", "12"))
    assert not same(first, "● Read b.py\n✻ Thinking… (9s · ↓ 174 tokens)")
    assert not same(first, first + "\n")
