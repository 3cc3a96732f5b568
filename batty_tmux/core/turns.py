"""How machines that land on one remote take turns, so that none is always too late: who may gate and push now.

Whoever pushes first lands; a machine whose gates take longer than the others' would lose for ever. So one that has
lost twice in a row takes the turn: a ref on the remote, made by a push that only creates it, and the others neither
gate nor push while it stands. It is given back with the first landing after that.

No clocks are compared. Who has the turn writes it anew from time to time; who waits counts it as left when it has
been the same for long enough by their own clock, and takes it over, by a push that only replaces what they saw.

All this is courtesy. Whether a push lands is decided by the remote alone, whatever anybody thinks whose turn it is.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

PATIENCE: Final = 2
"""Races that a machine loses in a row before it takes the turn."""
RENEWED: Final = 20.0
"""Seconds after which the turn is written anew by who has it."""
LEFT: Final = 90.0
"""Seconds for which it must have been the same, by the clock of who waits, to count as left."""


@dataclass(frozen=True)
class Turn:
    """What the ref on the remote says: an object of git's, another one each time that it is written, and whose."""

    sha: str
    machine: str


@dataclass(frozen=True)
class Turns:
    """What one machine knows. `since` is when it first saw `turn`, on its own clock, in seconds."""

    machine: str
    lost: int = 0
    turn: Turn | None = None
    since: float = 0.0
    landed: bool = False
    """It has landed since the turn became its own."""
    refused: bool = False
    """The remote takes no such refs."""

    @property
    def mine(self) -> bool:
        return self.turn is not None and self.turn.machine == self.machine


@dataclass(frozen=True)
class Saw:
    """The remote was asked, and this is whose turn it is; None is nobody's."""

    turn: Turn | None
    at: float


@dataclass(frozen=True)
class Lost:
    """What was gated, or being gated, cannot land: the base moved first."""


@dataclass(frozen=True)
class Won:
    """Something landed."""


@dataclass(frozen=True)
class Refused:
    """The remote does not take the ref, and said that it never will."""


Event = Saw | Lost | Won | Refused


@dataclass(frozen=True)
class Owed:
    """What is to be done: `go` on with gates and pushes, `wait`, or write the ref, where it is `old` or is not there.

    `claim` and `renew` write this machine's own, `release` removes it.
    """

    does: Literal["go", "wait", "claim", "renew", "release"]
    old: str | None = None


def apply(turns: Turns, event: Event) -> Turns:
    match event:
        case Saw(turn=turn, at=at):
            same = turn == turns.turn
            kept = turn is not None and turns.mine and turn.machine == turns.machine
            return replace(
                turns, turn=turn, since=turns.since if same else at, landed=turns.landed if kept or same else False
            )
        case Lost():
            return replace(turns, lost=turns.lost + 1)
        case Won():
            return replace(turns, lost=0, landed=True)
        case Refused():
            return replace(turns, refused=True, turn=None)


def owed(turns: Turns, at: float, *, works: bool) -> Owed:
    """Return what this machine is to do at this moment; `works` says whether it has anything to land."""
    turn = turns.turn
    if turns.refused:
        return Owed("go")
    if turn is None:
        return Owed("claim") if works and turns.lost >= PATIENCE else Owed("go")
    if turns.mine:
        if turns.landed or not works:
            return Owed("release", turn.sha)
        return Owed("renew", turn.sha) if at - turns.since >= RENEWED else Owed("go")
    if not works:
        return Owed("go")
    return Owed("claim", turn.sha) if at - turns.since >= LEFT else Owed("wait")
