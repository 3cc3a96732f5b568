"""The one place that reads the time."""

import time
from datetime import UTC, datetime, timedelta, tzinfo


def now() -> datetime:
    """Return the time in UTC, to the millisecond: what the journal keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def awake() -> datetime:
    """Return a time that stands still while the machine sleeps, and that nobody sets: only differences mean anything.

    For how long something has not moved. By the clock on the wall, a lid that was closed for a night would make nine
    hours of silence of it.
    """
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=time.monotonic())


def monotonic() -> float:
    """Return seconds that never go back and stand still while the machine sleeps, for measuring and for deadlines."""
    return time.monotonic()


def local_zone() -> tzinfo:
    """Return the zone that this machine's clock is shown in."""
    return datetime.now(UTC).astimezone().tzinfo or UTC


def from_wall(shown: datetime) -> datetime:
    """Return the moment, in UTC, at which this machine's wall clock shows a time that names no zone.

    By the rules of that day, not of today: a time that is left out in spring is taken as an hour later.
    """
    return shown.replace(tzinfo=None).astimezone(UTC)


def on_wall(moment: datetime) -> datetime:
    """Return what this machine's wall clock shows at a moment, without a zone."""
    return moment.astimezone().replace(tzinfo=None)


def zone(name: str) -> tzinfo | None:
    """Find a time zone by its name, such as "Europe/Berlin"; None where there is no such."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 -- 2 ms that only a usage limit is worth

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        # a name that is no zone's is looked for as a file
        return None
