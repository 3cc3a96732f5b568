"""The window of wall-clock time in which a run launches: `--from 22:00 --until 07:00`, `--until 2h`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SPAN = re.compile(r"([1-9]\d{0,5})([smh])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST: Final = timedelta(days=7)
"""No window is further away, nor longer: later days want a look of a person first."""

Stage = Literal["ahead", "open", "over"]


@dataclass(frozen=True)
class Clock:
    """How a wall clock here is read: each day by the rules of that day, since an hour may be missing or come twice.

    `utc` takes a time without a zone, as a clock on the wall shows it; `wall` gives such a one.
    """

    utc: Callable[[datetime], datetime]
    wall: Callable[[datetime], datetime]


@dataclass(frozen=True)
class Window:
    """From when, and until when, a run launches phases, in UTC. None is no bound."""

    opens: datetime | None = None
    until: datetime | None = None

    def stage(self, now: datetime) -> Stage:
        """Tell where a moment lies. By wall clock: a machine that slept is asked again at each look."""
        if self.until is not None and now >= self.until:
            return "over"
        return "ahead" if self.opens is not None and now < self.opens else "open"

    def told(self, now: datetime, clock: Clock) -> str:
        """Say why nothing is launched at a moment; "" where the window is open."""
        match self.stage(now):
            case "over":
                return f"no launches since {self._at(self.until, now, clock)}"
            case "ahead":
                return f"launches begin at {self._at(self.opens, now, clock)}"
            case _:
                return ""

    def words(self, now: datetime, clock: Clock) -> str:
        """Say the whole window: "from 22:00 until 07:00 on 2026-11-26"; "" where there is none."""
        parts = [("from", self.opens), ("until", self.until)]
        return " ".join(f"{word} {self._at(moment, now, clock)}" for word, moment in parts if moment is not None)

    @staticmethod
    def _at(moment: datetime | None, now: datetime, clock: Clock) -> str:
        if moment is None:
            return "-"
        wall = clock.wall(moment)
        day = "" if wall.date() == clock.wall(now).date() else f" on {wall.date().isoformat()}"
        return f"{wall:%H:%M}{day}"


def window(opens: str, until: str, now: datetime, clock: Clock) -> Window | str:
    """Read a window as it is typed; return what is wrong with it in words, where something is.

    A time of day is the next such; "2h" and "90m" count from now, an end's from the opening. "now" and "never" are no
    bound. Whoever says from 22:00 until 07:00 at half past eleven is inside it already.
    """
    first = None if opens in {"", "now"} else _moment(opens, now, now, clock)
    last = None if until in {"", "never"} else _moment(until, now, first or now, clock)
    for text, found, other in ((opens, first, "now"), (until, last, "never")):
        if found is None and text not in {"", other}:
            return f'{text[:40]!r} is no time: give "07:00", "2h", "90m" or "{other}"'
    if first is not None and first == last:
        return f"it would end at {until[:40]} as it begins"
    if first is not None and last is not None and first > last:
        first = None
    if any(moment is not None and moment - now > _LONGEST for moment in (first, last)):
        return f"it lies more than {_LONGEST.days} days ahead"
    return Window(first, last)


def _moment(text: str, now: datetime, start: datetime, clock: Clock) -> datetime | None:
    """Return when that is, in UTC; None where it is neither a time of day nor a span."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return start + timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    today = clock.wall(now).replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0, fold=0)
    at = clock.utc(today)
    # the wall's next day, not 24 hours on: they differ where the clocks change
    return at if at > now else clock.utc(today + timedelta(days=1))
