"""Which prefixes are gated next: the sizes and cuts that need the fewest runs, and how near the bound they come."""

from math import log2
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.prefix_search import MOST_AT_ONCE, batch_size, cuts, failure_rate, fewest_runs

RATES = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("rate", "size"), [(0.05, 14), (0.08, 8), (0.1, 7), (0.15, 4), (0.2, 3), (0.3, 2), (0.37, 2), (0.39, 1), (1.0, 1)]
)
def test_with_one_slot_the_batch_has_golombs_size(rate: float, size: int) -> None:
    """The smallest b with q^b + q^(b+1) <= 1; from 0.38 on nothing is gained by batches (Ungar)."""
    assert batch_size(rate, 1) == size
    good = 1 - rate
    if size > 1:
        assert good**size + good ** (size + 1) <= 1 < good ** (size - 1) + good**size


@given(RATES, st.integers(1, 40))
def test_a_batch_holds_one_entry_at_least_and_is_never_longer_than_the_longest(rate: float, slots: int) -> None:
    """Also where nothing ever fails, or everything does."""
    assert 1 <= batch_size(rate, slots) <= MOST_AT_ONCE
    assert batch_size(0.0, 1) == batch_size(0.001, 1) == MOST_AT_ONCE


@given(st.integers(1, 8))
def test_the_more_fails_the_smaller_the_batch(slots: int) -> None:
    """With any number of slots."""
    sizes = [batch_size(rate / 100, slots) for rate in range(1, 101)]
    assert sizes == sorted(sizes, reverse=True)


@st.composite
def lines(draw: st.DrawFn) -> tuple[int, int | None, int]:
    green = draw(st.integers(0, 30))
    end = draw(st.integers(green, green + 20))
    red = draw(st.none() | st.integers(green + 1, end)) if end > green else None
    return green, red, end


@given(lines(), RATES, st.integers(1, 24))
def test_cuts_ascend_between_what_is_green_and_what_is_red(
    line: tuple[int, int | None, int], rate: float, slots: int
) -> None:
    """No prefix twice, none of which the verdict is known, and no more than there are slots."""
    green, red, end = line
    chosen = cuts(green, red, end, rate, slots)
    assert list(chosen) == sorted(set(chosen))
    assert all(green < length < (end + 1 if red is None else red) for length in chosen)
    assert len(chosen) <= slots


@given(lines(), RATES, st.integers(1, 24))
def test_a_cut_is_made_as_long_as_anything_is_in_doubt(
    line: tuple[int, int | None, int], rate: float, slots: int
) -> None:
    """All lengths where the slots are enough for them; the whole line where nothing is red, for only it lands all."""
    green, red, end = line
    chosen = cuts(green, red, end, rate, slots)
    doubtful = range(green + 1, end + 1 if red is None else red)
    if len(doubtful) <= slots:
        assert chosen == tuple(doubtful)
    else:
        assert len(chosen) == slots
    assert red is not None or end == green or chosen[-1] == end


@pytest.mark.parametrize(("slots", "expected"), [(1, (4,)), (3, (2, 4, 6))])
def test_where_failures_are_rare_the_parts_are_equally_long(slots: int, expected: tuple[int, ...]) -> None:
    """One slot then bisects, three quarter."""
    assert cuts(0, 8, 8, 1e-6, slots) == expected


def test_where_failures_are_frequent_the_cut_is_nearer_to_the_front() -> None:
    """The first bad entry is sooner met there."""
    assert cuts(0, 16, 16, 0.2, 1)[0] < 5


def searched(bad: list[bool], rate: float, slots: int) -> tuple[int, int]:
    """Settle a line by prefix search alone, a red entry being known as soon as it is pinned down."""
    runs = rounds = start = 0
    while start < len(bad):
        end = min(len(bad), start + batch_size(rate, slots))
        green, red = start, None
        while green < end and red != green + 1:
            chosen = cuts(green, red, end, rate, slots)
            runs, rounds = runs + len(chosen), rounds + 1
            good = [length for length in chosen if not any(bad[start:length])]
            green = max(good, default=green)
            red = next((length for length in chosen if length not in good), red)
        start = green if red is None else red
    return runs, rounds


@pytest.mark.parametrize(("rate", "most"), [(0.05, 1.08), (0.1, 1.05), (0.2, 1.05)])
def test_one_slot_needs_hardly_more_runs_than_any_scheme_must(rate: float, most: float) -> None:
    """Mean over 600 lines of 64 entries, beside n·H(p); halving needs about half as much again."""
    rng = Random(7)
    runs = [searched([rng.random() < rate for _ in range(64)], rate, 1)[0] for _ in range(600)]
    assert sum(runs) / len(runs) <= most * fewest_runs(64, rate)


def test_more_slots_take_fewer_rounds() -> None:
    """That is what they are for: runs side by side, each round shorter than one slot's."""
    rng = Random(7)
    worlds = [[rng.random() < 0.1 for _ in range(16)] for _ in range(200)]
    rounds = [sum(searched(world, 0.1, slots)[1] for world in worlds) for slots in (1, 2, 4, 8)]
    assert rounds == sorted(set(rounds), reverse=True)


@given(st.integers(0, 100), st.floats(0.001, 0.999))
def test_no_scheme_needs_fewer_runs_than_the_entropy_says(entries: int, rate: float) -> None:
    """A run answers one bit at most, so never more than one run an entry; nothing is asked of certainty."""
    entropy = -rate * log2(rate) - (1 - rate) * log2(1 - rate)
    assert fewest_runs(entries, rate) == pytest.approx(entries * entropy)
    assert fewest_runs(entries, rate) <= entries
    assert fewest_runs(entries, 0.0) == fewest_runs(entries, 1.0) == 0.0


@given(st.lists(st.booleans(), max_size=200))
def test_the_failure_rate_is_a_rate_and_never_certain(outcomes: list[bool]) -> None:
    """Whatever has been seen, the next entry may be good or bad."""
    assert 0 < failure_rate(outcomes) < 1


def test_the_failure_rate_begins_at_one_in_ten_and_follows_what_is_seen() -> None:
    """Twenty outcomes tell more than the ten that were assumed."""
    assert failure_rate([]) == pytest.approx(0.1)
    assert failure_rate([False] * 60) < 0.05
    assert failure_rate([True] * 60) > 0.6


def test_what_was_seen_last_counts_most() -> None:
    """A bad entry long ago is forgiven by and by."""
    assert failure_rate([True] + [False] * 20) < failure_rate([False] * 20 + [True])
