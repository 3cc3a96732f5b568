"""When a pane is worth looking at, told by how much it prints and when. What it prints is never read.

A spinner prints small frames of one size for ever; a dialog is one burst that is larger. What a look has found
to be nothing new teaches how large nothing is.
"""

import re
from dataclasses import dataclass
from typing import Final

QUIET: Final = 0.025
"""Seconds without output after which a burst counts as painted. tmux gets a dialog in one or a few writes."""
SLOW: Final = 1.0
"""Seconds after which whatever was printed is looked at, however little."""
PAINTING: Final = 0.2
"""Seconds after which a burst that does not end is looked at all the same."""
_STEP, _LONGEST = 0.04, 0.25
"""Seconds between looks while each finds something new, as when an answer streams: a step more each time."""
_SMALL: Final = 48
"""Bytes that say nothing: a cursor that moves, one cell that changes."""
_LOUDER: Final = 1.5
_NEVER: Final = float("inf")


@dataclass(slots=True)
class Pace:
    """Times in seconds on a clock that never goes back, sizes in bytes.

    `burst` is what came without a gap, from `began` on, None where all was seen; `loudest` is the largest such since
    the last look. It is changed in place, since it is told of every frame of every spinner.
    """

    began: float | None = None
    last: float = float("-inf")
    burst: int = 0
    loudest: int = 0
    noise: float = 0.0
    looked: float = float("-inf")
    streak: int = 0

    def printed(self, size: int, now: float) -> None:
        """Take note that the pane printed so many bytes."""
        if self.began is None or now - self.last > QUIET:
            self.began, self.burst = now, size
        else:
            self.burst += size
        self.last = now
        self.loudest = max(self.loudest, self.burst)

    def look(self, now: float, *, news: bool) -> None:
        """Take note of a look, and whether it found anything new."""
        if not news:
            # one repaint of the whole screen must not make every later dialog look small
            heard = min(float(self.loudest), 2 * self.noise + 1.5 * _SMALL)
            self.noise = max(0.8 * self.noise, heard)
        self.streak = self.streak + 1 if news and now - self.looked < SLOW else int(news)
        self.began, self.burst, self.loudest, self.looked = None, 0, 0, now

    def due(self) -> float:
        """Return when to look next, infinity while there is nothing to see. It may lie in the past."""
        if self.began is None:
            return _NEVER
        if self.loudest <= _LOUDER * self.noise + _SMALL:
            return max(self.last + QUIET, self.looked + SLOW) if self.noise else self.last + QUIET
        gap = min(_LONGEST, _STEP * max(0, self.streak - 1))
        return max(min(self.last + QUIET, self.began + PAINTING), self.looked + gap)


_RESTLESS = re.compile("[0-9·✢*✶✻✽•◦●○◐◓◑◒⠀-⣿|/\\\\-]+")


def same(before: str, after: str) -> bool:
    """Tell whether two screens say the same: they differ in nothing but what spins and counts."""
    old, new = before.split("\n"), after.split("\n")
    return len(old) == len(new) and all(a == b or _gist(a) == _gist(b) for a, b in zip(old, new, strict=True))


def _gist(row: str) -> str:
    return _RESTLESS.sub("", row)
