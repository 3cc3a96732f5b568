"""Does an executor get on? What it did lately, and the names of the ways of not getting on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

Code = Literal["silent", "loop", "context", "denials"]

REPEATS: Final = {1: 6, 2: 4, 3: 4}
"""How often the same action, or the same two or three in turn, make a loop."""
REFUSALS: Final = 5
"""How many refusals in a row are a loop of their own."""
_KEPT: Final = max(length * times for length, times in REPEATS.items())


@dataclass(frozen=True)
class Stall:
    """One way of not getting on. `reason` is for a person, and goes to the executor in a nudge."""

    code: Code
    reason: str


@dataclass(frozen=True)
class Track:
    """What the executor did. `moved` is when any sensor last saw something new; `acts` are since the work moved.

    `ended` is when its turn ended, None while it is at work. `full` is the agent's own word for a context that has
    no room left.
    """

    moved: datetime
    acts: tuple[str, ...] = ()
    refusals: int = 0
    refused: str = ""
    ended: datetime | None = None
    full: str = ""


@dataclass(frozen=True)
class Wait:
    """How long nothing may move: while it is at work, and after its turn ended with work left."""

    busy: timedelta = timedelta(minutes=20)
    idle: timedelta = timedelta(minutes=2)


def saw(track: Track, at: datetime) -> Track:
    """Take note of something new on the screen or in a report: it lives, though the work may stand still."""
    return replace(track, moved=at)


def did(track: Track, act: str, at: datetime, *, refused: bool = False) -> Track:
    """Take note of an action. `act` is the same for the same action on the same things, and only then."""
    return replace(
        track,
        moved=at,
        acts=(*track.acts, act)[-_KEPT:],
        refusals=track.refusals + 1 if refused else 0,
        refused=act if refused else track.refused,
    )


def moved_on(track: Track, at: datetime) -> Track:
    """Take note that the work itself moved: a commit, a card, a file. What came before is no loop with what follows."""
    return replace(track, moved=at, acts=(), refusals=0, full="")


def turned(track: Track, at: datetime, *, idle: bool) -> Track:
    """Take note of whether the executor's turn is over."""
    if idle == (track.ended is not None):
        return track
    return replace(track, ended=at if idle else None, moved=at)


def filled(track: Track, words: str) -> Track:
    """Take note of what the agent says of its context; "" where it says nothing."""
    return replace(track, full=words)


def stall(track: Track, now: datetime, *, wait: Wait, undone: int) -> Stall | None:
    """Name how the executor does not get on, None while it does. `undone` is how many of its tasks are open."""
    if track.full:
        return Stall("context", track.full)
    if track.refusals >= REFUSALS:
        return Stall("denials", f"{track.refusals} times in a row, the last for {track.refused}")
    loop = repeated(track.acts)
    if loop:
        return Stall("loop", " and ".join(dict.fromkeys(loop)))
    if track.ended is not None:
        open_ = "1 task is" if undone == 1 else f"{undone} tasks are"
        return (
            Stall("silent", f"its turn ended, and {open_} open") if undone and now - track.ended >= wait.idle else None
        )
    minutes = int((now - track.moved) / timedelta(minutes=1))
    return Stall("silent", f"nothing has moved for {minutes} minutes") if now - track.moved >= wait.busy else None


_REFUSED = re.compile(
    r"permission to use .{1,80} denied|user (?:rejected|denied|doesn't want)|blocked by|not allowed to use",
    re.IGNORECASE,
)


def is_refusal(message: str) -> bool:
    """Tell whether a tool failed because the agent was not let; a program that may not open a file is none."""
    return _REFUSED.search(message[:400]) is not None


def repeated(acts: Sequence[str]) -> tuple[str, ...]:
    """Return the shortest run of actions that the last ones only repeat, often enough to be a loop."""
    for length, times in REPEATS.items():
        last = tuple(acts[-length * times :])
        if len(last) == length * times and last == last[:length] * times:
            return last[:length]
    return ()
