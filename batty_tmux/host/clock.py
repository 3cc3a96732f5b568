"""The one place that reads the time."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the time in UTC, to the millisecond: what the journal keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def monotonic() -> float:
    """Return seconds that never go back, for measuring and for deadlines."""
    return time.monotonic()
