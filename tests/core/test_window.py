"""The window of wall-clock time in which a run launches."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies

from batty_tmux.core.window import Clock, Window, window


def clock(zone: str) -> Clock:
    there = ZoneInfo(zone)
    return Clock(
        lambda wall: wall.replace(tzinfo=there).astimezone(UTC),
        lambda moment: moment.astimezone(there).replace(tzinfo=None),
    )


BERLIN = clock("Europe/Berlin")


def at(text: str) -> datetime:
    """Read a moment as Berlin's clocks show it."""
    return BERLIN.utc(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("opens", "until", "now", "expected"),
    [
        ("", "07:00", "2026-01-05T22:00", (None, "2026-01-06T07:00")),
        ("", "7:00", "2026-01-05T06:59", (None, "2026-01-05T07:00")),
        ("", "07:00", "2026-01-05T07:00", (None, "2026-01-06T07:00")),
        ("22:00", "07:00", "2026-01-05T18:00", ("2026-01-05T22:00", "2026-01-06T07:00")),
        ("22:00", "07:00", "2026-01-05T23:30", (None, "2026-01-06T07:00")),
        ("22:00", "07:00", "2026-01-06T03:00", (None, "2026-01-06T07:00")),
        ("22:00", "", "2026-01-05T18:00", ("2026-01-05T22:00", None)),
        ("", "2h", "2026-01-05T18:00", (None, "2026-01-05T20:00")),
        ("22:00", "8h", "2026-01-05T18:00", ("2026-01-05T22:00", "2026-01-06T06:00")),
        ("90m", "", "2026-01-05T18:00", ("2026-01-05T19:30", None)),
        ("now", "never", "2026-01-05T18:00", (None, None)),
        # the clocks go on an hour on the 29th of March, and back on the 25th of October
        ("", "07:00", "2026-03-28T22:00", (None, "2026-03-29T07:00")),
        ("", "07:00", "2026-10-24T22:00", (None, "2026-10-25T07:00")),
    ],
)
def test_a_time_is_the_next_such(opens: str, until: str, now: str, expected: tuple[str | None, str | None]) -> None:
    """On the wall: the hours of a night are counted by no one, so it ends at seven where the clocks change too."""
    wanted = Window(*(at(text) if text else None for text in expected))
    assert window(opens, until, at(now), BERLIN) == wanted


def test_a_night_may_have_an_hour_less_or_more() -> None:
    """From ten to seven are nine hours, but eight in the night when the clocks go on, and ten when they go back."""
    found = [window("", "07:00", at(f"{day}T22:00"), BERLIN) for day in ("2026-01-05", "2026-03-28", "2026-10-24")]
    starts = [at(f"{day}T22:00") for day in ("2026-01-05", "2026-03-28", "2026-10-24")]
    ends = [one.until for one in found if isinstance(one, Window) and one.until is not None]
    assert [end - start for end, start in zip(ends, starts, strict=True)] == [timedelta(hours=h) for h in (9, 8, 10)]


@pytest.mark.parametrize("text", ["25:00", "7", "7am", "-2h", "0h", "2 h", "07:60", "\x1b[2J", "2d", "99999999h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With the forms that are understood."""
    for pair in ((text, ""), ("", text)):
        told = window(*pair, at("2026-01-05T18:00"), BERLIN)
        assert isinstance(told, str)
        assert "\x1b" not in told


def test_a_window_has_a_length_and_is_near() -> None:
    """One that ends as it begins, or lies more than a week ahead, is a slip of the hand."""
    assert isinstance(window("07:00", "07:00", at("2026-01-05T18:00"), BERLIN), str)
    assert isinstance(window("", "200h", at("2026-01-05T18:00"), BERLIN), str)


def test_where_a_moment_lies() -> None:
    """Ahead before it opens, over from its end on: a machine that slept through it finds it over."""
    night = Window(at("2026-01-05T22:00"), at("2026-01-06T07:00"))
    moments = ("2026-01-05T21:59", "2026-01-05T22:00", "2026-01-06T06:59", "2026-01-06T07:00", "2026-01-08T12:00")
    assert [night.stage(at(moment)) for moment in moments] == ["ahead", "open", "open", "over", "over"]
    assert Window().stage(at("2026-01-05T22:00")) == "open"
    told = [night.told(at(moment), BERLIN) for moment in moments[::2] + moments[3:]]
    assert told == [
        "launches begin at 22:00",
        "",
        "no launches since 07:00 on 2026-01-06",
        "no launches since 07:00",
        "no launches since 07:00 on 2026-01-06",
    ]
    assert night.words(at("2026-01-05T21:59"), BERLIN) == "from 22:00 until 07:00 on 2026-01-06"


@given(
    strategies.timedeltas(timedelta(0), timedelta(days=730)).map(lambda past: at("2025-01-01T00:00") + past),
    strategies.integers(0, 23),
    strategies.integers(0, 59),
    strategies.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
def test_the_next_such_is_ahead_and_near(now: datetime, hour: int, minute: int, zone: str) -> None:
    """Whenever and wherever: later than now, at most a day and the hour of a clock's change away."""
    found = window("", f"{hour:02d}:{minute:02d}", now, clock(zone))
    assert isinstance(found, Window)
    assert found.until is not None
    assert now < found.until <= now + timedelta(hours=26)
