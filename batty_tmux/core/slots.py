"""How many gates run at once: what one uses decides, and what several do to each other corrects it.

A gate that keeps u cores busy leaves room for cores / u of them. That is a forecast: caches, disks and the agents
beside it are not in it. So gates that ran beside others are compared with those that ran alone, and where they took
more than a quarter longer the number is halved, to grow again by one after each round that did not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

from batty_tmux.core.events import GateFinished, GateStarted

MOST = 16
"""Gates at once, whatever the machine: each has a whole worktree."""
SLOWDOWN = 1.25
"""Side by side a gate may take a quarter longer than alone, as the queue's rule says ("more than 25 %")."""
_RECENT = 5
"""Lone runs whose median counts: enough to outvote one odd run, few enough to follow a suite that grows."""
_ROUND = 3
"""Runs that are judged together: the wall time of one short gate is noise, the median of three much less."""
_LEAST_SHARE = 0.01
_FREE = 0.9
"""The part of the memory that gates may fill."""


@dataclass(frozen=True)
class Lone:
    """A gate that had the machine for itself: cores kept busy, seconds, bytes (0 is unknown), and whether it passed."""

    share: float
    seconds: float
    memory: int
    passed: bool


@dataclass(frozen=True)
class Pace:
    """What the last few runs of the current gate say. `gate` is its digest; another one begins anew.

    `latest` is the log of the last gate that started, which tells a gate that others joined later from a lone
    one. `ceiling` is where stepping down has got to; `round` are the seconds of the runs not yet judged, and
    `widest` the most gates that ran at once among them.
    """

    gate: str = ""
    latest: str = ""
    lone: tuple[Lone, ...] = ()
    ceiling: int = MOST
    round: tuple[float, ...] = ()
    widest: int = 1


def apply(pace: Pace, event: object) -> Pace:
    """Return the pace after one more event; all but a gate's start and finish leave it as it is."""
    if isinstance(event, GateStarted | GateFinished) and event.host:
        # what a worker does tells nothing of this machine
        return pace
    if isinstance(event, GateStarted):
        return replace(pace, latest=event.log)
    if not isinstance(event, GateFinished) or not _counts(event):
        return pace
    if event.gate != pace.gate:
        pace = Pace(gate=event.gate, latest=pace.latest)
    if event.beside:
        return _judged(pace, event)
    if pace.latest not in {"", event.log}:
        # it began alone, but others have begun since: it speaks neither for one gate nor for several
        return pace
    pace = replace(pace, lone=(*pace.lone, _lone(event))[-_RECENT:])
    # at one at a time nothing else runs that could show that the machine has room again
    return _judged(pace, event) if pace.ceiling == 1 else pace


def limit(pace: Pace, cores: int, memory: int | None) -> int:
    """Return how many gates may run at once: 1 until one has been measured alone, never more than MOST.

    `cores` are those that can be used, `memory` the bytes that all gates together may have: what is available
    now and what running gates hold. None is unknown, and then memory limits nothing.
    """
    return min(pace.ceiling, _room(pace.lone, cores, memory))


def measured(runs: Iterable[GateFinished], cores: int, memory: int | None) -> int:
    """Return the forecast alone, from the lone runs of the gate that ran last."""
    known = [run for run in runs if _counts(run) and not run.beside]
    lone = tuple(_lone(run) for run in known if run.gate == known[-1].gate)
    return _room(lone[-_RECENT:], cores, memory)


def _counts(run: GateFinished) -> bool:
    """Only a verdict on the code is a whole run; one without cpu time comes from before that was measured."""
    return not run.host and run.verdict in {"pass", "fail"} and run.seconds > 0 and run.cpu > 0


def _lone(run: GateFinished) -> Lone:
    return Lone(run.cpu / run.seconds, run.seconds, run.memory, run.verdict == "pass")


def _room(lone: tuple[Lone, ...], cores: int, memory: int | None) -> int:
    if not lone:
        return 1
    share = max(median(run.share for run in lone), _LEAST_SHARE)
    peak = max(run.memory for run in lone)
    fits = int(memory * _FREE / peak) if memory is not None and peak else MOST
    return max(1, min(int(cores / share), fits, MOST))


def _judged(pace: Pace, run: GateFinished) -> Pace:
    """Take one more run into the round, and step when it is full.

    Reds are left out, since many runners stop at the first failure; and so are runs from before the last step
    down, which more ran beside than may now.
    """
    alone = [one.seconds for one in pace.lone if one.passed]
    width = run.beside + 1
    if run.verdict != "pass" or width > pace.ceiling or not alone:
        return pace
    widest, seconds = max(pace.widest, width), (*pace.round, run.seconds)
    if len(seconds) < _ROUND:
        return replace(pace, round=seconds, widest=widest)
    slow = widest > 1 and median(seconds) > SLOWDOWN * median(alone)
    ceiling = max(1, widest // 2) if slow else min(MOST, pace.ceiling + 1)
    return replace(pace, ceiling=ceiling, round=(), widest=1)
