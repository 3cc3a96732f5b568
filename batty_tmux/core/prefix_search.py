"""Which prefixes of the waiting line to gate next, so that few gate runs settle all of it.

The line is put on the base entry after entry; a prefix of it is red from its first bad entry on. With `slots`
gates at once, cutting the doubtful stretch where each part is equally likely to hold that first bad entry is an
(s+1)-ary search: with one slot it bisects, with as many slots as entries it gates every prefix at once.

An entry is bad with probability p, independently. No scheme needs fewer than n·H(p) runs on average, H being the
binary entropy: a run answers one bit.
"""

from collections.abc import Iterable
from math import log, log2

MOST_AT_ONCE = 16
"""A larger batch gains little below p = 0.05 and makes the last of its entries wait long."""

_NOT_WORTH_IT = 0.38
"""From this failure rate on, gating one by one is never worse than any batch (Ungar's bound)."""


def batch_size(rate: float, slots: int) -> int:
    """Return how many entries to take up together, from 1 to MOST_AT_ONCE, where each is bad with this rate.

    With one slot that is Golomb's size, at which the whole batch is green about every second time. With more,
    the size with the fewest expected rounds for an entry.
    """
    rate = min(max(rate, 1e-6), 1.0)
    if rate > _NOT_WORTH_IT:
        return 1
    good = 1 - rate
    sizes = range(1, MOST_AT_ONCE + 1)
    if slots <= 1:
        return next((b for b in sizes if good**b + good ** (b + 1) <= 1), MOST_AT_ONCE)
    return min(sizes, key=lambda b: (1 / (1 - good**b) + log(b, slots + 1), b))


def cuts(green: int, red: int | None, end: int, rate: float, slots: int) -> tuple[int, ...]:
    """Return up to `slots` prefix lengths to gate, ascending.

    The first `green` entries are known to be good together. `red` is the shortest prefix known to be bad; None
    if there is none up to `end`, and then `end` itself is always among the answers: only it can land all.
    """
    good = 1 - min(max(rate, 1e-6), 0.999999)
    if red is not None:
        return _equal_parts(range(green + 1, red), good, slots, red)
    if end <= green:
        return ()
    return (*_equal_parts(range(green + 1, end), good, slots - 1, end), end)


def _equal_parts(lengths: range, good: float, count: int, last: int) -> tuple[int, ...]:
    """Choose from the lengths so that the first bad entry, which is at `last` or before, is in any part alike."""
    if len(lengths) <= count:
        return tuple(lengths)
    first = lengths.start
    whole = 1 - good ** (last - first + 1)
    chosen: list[int] = []
    for part in range(1, count + 1):
        wanted = part / (count + 1)
        # the length up to which that much of the chance lies, solved for and rounded to the nearer one
        guess = first - 1 + log(1 - wanted * whole, good)
        low = chosen[-1] + 1 if chosen else first
        high = lengths.stop - 1 - (count - part)
        near = (min(max(int(guess) + step, low), high) for step in (0, 1))
        chosen.append(min(near, key=lambda m: abs((1 - good ** (m - first + 1)) / whole - wanted)))
    return tuple(chosen)


def fewest_runs(entries: int, rate: float) -> float:
    """Return the number of gate runs that no scheme can go below on average: n·H(p)."""
    if not 0 < rate < 1:
        return 0.0
    return -entries * (rate * log2(rate) + (1 - rate) * log2(1 - rate))


def failure_rate(outcomes: Iterable[bool], memory: float = 0.99) -> float:
    """Estimate how often an entry turns out bad, from earlier outcomes, oldest first; True is bad.

    Begins at one in ten, as if ten had been seen; an outcome counts `memory` times as much as the one after it.
    So about the last hundred count: with the last twenty, as is often advised, the estimate jumps so much that
    batches of the wrong size cost more than an estimate that is a little behind.
    """
    bad, seen = 0.0, 0.0
    for outcome in outcomes:
        bad = memory * bad + outcome
        seen = memory * seen + 1
    return (1 + bad) / (10 + seen)
