"""Gate runs of the real core on random bursts, in memory, beside schemes that are simpler than it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from random import Random

from lib.results import Runs

from batty_tmux.core.prefix_search import fewest_runs
from tests.support.model import Model, red_with

ENTRIES = 64
RATES = (0.05, 0.1, 0.2)
FOR_THE_PLOT = (0.01, 0.02, 0.03, 0.07, 0.15, 0.25, 0.3, 0.35)
SLOTS = (2, 4, 8)
_EARLIER = 60
"""Earlier outcomes where the rate is measured; the queue remembers no more."""


def all_runs(rounds: int, jobs: int) -> tuple[Runs, ...]:
    """Draw the bars' rates in full, and more slots and more rates with a fifth of the rounds."""
    some = max(20, rounds // 5)
    full = [(rate, known, 1, rounds) for rate in RATES for known in (True, False)]
    slots = [(rate, True, count, some) for rate in RATES for count in SLOTS]
    more = [(rate, True, 1, some) for rate in FOR_THE_PLOT]
    with get_context("fork").Pool(jobs) as pool:
        return tuple(pool.starmap(bursts, full + slots + more, chunksize=1))


def bursts(rate: float, known: bool, slots: int, rounds: int) -> Runs:
    """Settle this many queues of 64 entries, each bad with the rate; the same draws for every scheme.

    `known`: the queue has seen 60 outcomes at this rate before; otherwise it begins at one in ten.
    """
    counts: Counter[str] = Counter()
    for number in range(rounds):
        chance = Random(f"{rate} {number}")
        bad = [chance.random() < rate for _ in range(ENTRIES)]
        earlier = tuple(chance.random() < rate for _ in range(_EARLIER)) if known else ()
        counts.update(one(bad, earlier, slots))
        counts["halves"] += halves(bad)
    mean = partial(_mean, counts, rounds)
    bound = fewest_runs(ENTRIES, rate)
    own = {name: mean(name) for name in ("searching", "confirming", "control", "gate_times", "halves")}
    return Runs(entries=ENTRIES, rate=rate, known=known, slots=slots, rounds=rounds, bound=bound, **own)


def _mean(counts: Counter[str], rounds: int, name: str) -> float:
    return round(counts[name] / rounds, 3)


def one(bad: Sequence[bool], earlier: tuple[bool, ...], slots: int) -> Counter[str]:
    """Settle one queue with the real core; raise where it does not land all that is good, and only that."""
    heads = [f"h{number}" for number in range(len(bad))]
    wrong = {head for head, is_bad in zip(heads, bad, strict=True) if is_bad}
    model = Model(red_with(wrong), slots=slots, batch=True)
    model.queue = replace(model.queue, outcomes=earlier)
    model.enqueue(*heads)
    model.settle()
    if set(model.landed) != set(heads) - wrong:
        raise SystemExit("the queue landed something else than what is good")
    return model.counts + Counter(gate_times=model.rounds)


def halves(bad: Sequence[bool]) -> int:
    """Count the runs of a queue that gates the whole batch, and each half of a red one by itself."""
    middle = len(bad) // 2
    return 1 if not any(bad) or len(bad) == 1 else 1 + halves(bad[:middle]) + halves(bad[middle:])


def halves_expected(entries: int, rate: float) -> float:
    """Return what `halves` comes to on average: a half is gated where what it is a half of was red."""
    sizes = [1 << power for power in range(1, entries.bit_length())]
    return 1 + sum(2 * entries / size * (1.0 - (1.0 - rate) ** size) for size in sizes)
