"""When a usage limit ends, from the words in which agents say it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.limits import LONGEST, until

# a Wednesday, at 18:30 in Berlin
NOW = datetime(2026, 11, 25, 17, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in {"Europe/Berlin", "America/New_York", "UTC"} else None


def ends(text: str) -> str:
    end = until(text, NOW, BERLIN, zone)
    return "" if end is None else end.strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You've hit your session limit · resets 11:40pm (Europe/Berlin)", "11-25 22:40"),
        ("You've hit your session limit · resets 11:40pm", "11-25 22:40"),
        ("You've hit your weekly limit · resets Nov 28, 4pm (America/New_York)", "11-28 21:00"),
        ("Claude usage limit reached. Your limit will reset at 3am (America/New_York).", "11-26 08:00"),
        ("limit reached, resets 12am", "11-25 23:00"),
        ("limit reached, resets 12:05 PM (UTC)", "11-26 12:05"),
        ("resets at 19:15", "11-25 18:15"),
        ("resets at 18:00", "11-26 17:00"),
        ("resets Fri 10:00 AM", "11-27 09:00"),
        ("resets Wed 6:00 PM", "12-02 17:00"),
        ("resets tomorrow at 9:30", "11-26 08:30"),
        ("resets\n  11:40pm (Europe/Berlin)", "11-25 22:40"),
        ("■ You've hit your usage limit. Try again in 2 hours 13 minutes.", "11-25 19:43"),
        ("Try again in 5 days 3 hours", "11-30 20:30"),
        ("Rate limited. Retrying in 45s", "11-25 17:30"),
        ("You've hit your usage limit … or try again at 4:19 PM.", "11-26 15:19"),
        ("try again at Nov 27th, 2026 4:19 PM", "11-27 15:19"),
        ("resets in 1h 5m", "11-25 18:35"),
    ],
)
def test_an_end_is_understood(text: str, expected: str) -> None:
    """In the zone that is named, else in the user's; a time of day is the next such."""
    assert ends(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "limit reached",
        "resets soon",
        "resets 3",
        "resets 13pm",
        "resets 25:00",
        "resets 11:99pm",
        "resets Nov 31, 4pm",
        "resets 4pm (Nowhere/Town)",
        "resets Nov 3, 4pm",
        "try again in 400 days",
        "resets in 9999d 9999h",
    ],
)
def test_nonsense_has_no_end(text: str) -> None:
    """Then a person decides when it goes on: nothing is guessed."""
    assert ends(text) == ""


@given(st.text(alphabet=st.sampled_from("resets in at again 0123456789:apmhdNovFri(),/UTC\n·"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    """Whatever it says, the end is within the longest limit there is, or there is none."""
    end = until(text, NOW, BERLIN, zone)
    assert end is None or NOW <= end <= NOW + LONGEST


def test_a_long_text_costs_little() -> None:
    """A screen of a million columns is not searched to its end."""
    assert until("resets in " * 500_000, NOW, UTC, zone) is None
    assert until("x" * 5000 + " resets in 1h", NOW, UTC, zone) is None
    assert timedelta(hours=1) == (until("resets in 1h", NOW, UTC, zone) or NOW) - NOW
