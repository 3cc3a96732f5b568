"""When a usage limit ends, as an agent words it: "resets 11:40pm (Europe/Berlin)", "try again in 2h 13m"."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

Zone = Callable[[str], tzinfo | None]
"""Finds a time zone by its name, such as "Europe/Berlin"; None where there is no such."""

LONGEST: Final = timedelta(days=8)
"""No limit lasts longer: a week's, and a day for clocks."""

_MOST: Final = 4000
_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_IN = re.compile(
    r"\b(?:resets?|renews?|again|available|retry(?:ing)?|continu\w+)\b[^.\n]{0,40}?\bin "
    r"((?:\d{1,4} ?(?:d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\b[ ,]{0,2}(?:and )?){1,4})",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d{1,4}) ?([dhms])", re.IGNORECASE)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_AT = re.compile(
    r"\b(?:resets?|renews?|again|available|until|continu\w+)\b[ :]{1,2}(?:on |at )?"
    rf"(?:(?:(?P<month>{'|'.join(_MONTHS)})[a-z]* (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?|"
    rf"(?P<weekday>{'|'.join(_DAYS)})[a-z]*|(?P<word>tomorrow|today)),? ?(?:at )?)?"
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>[ap]\.?m\b\.?)?)?"
    r"(?: ?\((?P<zone>[A-Za-z][A-Za-z0-9_+/-]{1,40})\)| (?P<utc>UTC|GMT)\b)?",
    re.IGNORECASE,
)


def until(text: str, now: datetime, local: tzinfo, zone: Zone) -> datetime | None:
    """Return when the limit that a text tells of is over, in UTC; None where it does not say, or says nonsense.

    A time of day without a date is the next such. `local` is the zone of times that name none.
    """
    plain = " ".join(text[:_MOST].split())
    found = _IN.search(plain)
    if found is not None:
        seconds = sum(int(n) * _UNITS[unit.lower()] for n, unit in _PART.findall(found[1]))
        return _sane(now + timedelta(seconds=seconds), now)
    return next((end for match in _AT.finditer(plain) if (end := _at(match, now, local, zone)) is not None), None)


def _at(found: re.Match[str], now: datetime, local: tzinfo, zone: Zone) -> datetime | None:
    dated = found["month"] or found["weekday"] or found["word"]
    if found["hour"] is None and not dated:
        return None
    if not dated and found["minute"] is None and found["half"] is None:
        # a bare number is anything, but no time
        return None
    named = UTC if found["utc"] else zone(found["zone"]) if found["zone"] else local
    hour = _hour(int(found["hour"] or 0), found["half"])
    if named is None or hour is None:
        return None
    here = now.astimezone(named)
    try:
        start = here.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
        return _sane(_on_its_day(found, start, here), now)
    except (ValueError, OverflowError):
        return None


def _hour(hour: int, half: str | None) -> int | None:
    if half is None:
        return hour if hour <= 23 else None  # noqa: PLR2004 -- of a day
    if not 1 <= hour <= 12:  # noqa: PLR2004 -- of a half of it
        return None
    return hour % 12 + (12 if half[0].lower() == "p" else 0)


def _on_its_day(found: re.Match[str], start: datetime, here: datetime) -> datetime:
    if found["month"]:
        month = _MONTHS.index(found["month"][:3].lower()) + 1
        dated = start.replace(year=int(found["year"] or here.year), month=month, day=int(found["day"]))
        # around the turn of a year
        return dated if dated > here - timedelta(days=180) else dated.replace(year=dated.year + 1)
    if found["weekday"]:
        ahead = (_DAYS.index(found["weekday"][:3].lower()) - here.weekday()) % 7
        later = start + timedelta(days=ahead)
        return later if later > here else later + timedelta(days=7)
    if (found["word"] or "").lower() == "tomorrow":
        return start + timedelta(days=1)
    return start if start > here else start + timedelta(days=1)


def _sane(end: datetime, now: datetime) -> datetime | None:
    return end.astimezone(UTC) if now <= end <= now + LONGEST else None
