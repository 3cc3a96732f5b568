"""How two machines' tools differ, by name: a verdict of one does not hold for the other."""

from collections.abc import Sequence
from typing import Final

from batty_tmux.names import clean

TOOLCHAIN: Final = "toolchain"
"""The name of the rows that the user's own command said."""
_OF_A_PROGRAM: Final = ("at", "leading to", "size", "time")
"""What the row of a program says, in this order."""
_MOST: Final = 6
_WIDE: Final = 80

_Row = Sequence[str]


def differences(here: Sequence[_Row], there: Sequence[_Row]) -> tuple[str, ...]:
    """Say what is another one there than here, a line for each fact, the first few; nothing where all is the same."""
    ours, theirs = _by_name(here), _by_name(there)
    names = dict.fromkeys((*ours, *theirs))
    told = [_words(name, ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)]
    return tuple(told if len(told) <= _MOST else [*told[: _MOST - 1], f"and {len(told) - _MOST + 1} more"])


def _by_name(facts: Sequence[_Row]) -> dict[str, tuple[str, ...]]:
    """Return the facts by their names; lines of a toolchain by their places."""
    lines = 0
    found: dict[str, tuple[str, ...]] = {}
    for row in facts:
        name, *rest = row or ("",)
        if name == TOOLCHAIN:
            lines += 1
            name = f"{TOOLCHAIN} line {lines}"
        found[name] = tuple(rest)
    return found


def _words(name: str, ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> str:
    if ours is not None and theirs is not None and len(ours) == len(theirs) == len(_OF_A_PROGRAM):
        pairs = [both for both in zip(_OF_A_PROGRAM, ours, theirs, strict=True) if both[1] != both[2]]
        theirs, ours = (tuple(f"{label} {row[at]}" for label, *row in pairs) for at in (1, 0))
    return f"{clean(name, 40)}: {_shown(theirs)} there, {_shown(ours)} here"


def _shown(row: tuple[str, ...] | None) -> str:
    if row is None:
        return "none"
    return clean(" ".join(row), _WIDE) or "nothing"
