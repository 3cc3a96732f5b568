"""Does an executor get on: each way of not getting on has a name, and what looks like one and is none has not."""

from datetime import UTC, datetime, timedelta

import pytest

from batty_tmux.core.progress import (
    REFUSALS,
    Stall,
    Track,
    Wait,
    did,
    filled,
    is_refusal,
    moved_on,
    repeated,
    saw,
    stall,
    turned,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def name(track: Track, now: datetime, undone: int = 2) -> str:
    found = stall(track, now, wait=Wait(busy=20 * MINUTE, idle=2 * MINUTE), undone=undone)
    return found.code if found else ""


def test_silence_has_a_length() -> None:
    """At work it may be quiet for long; whatever moves begins the time anew."""
    track = Track(START)
    assert name(track, START + 19 * MINUTE) == ""
    assert name(track, START + 20 * MINUTE) == "silent"
    assert name(saw(track, START + 15 * MINUTE), START + 34 * MINUTE) == ""


def test_a_turn_that_ended_with_work_left_is_told_sooner() -> None:
    """The end of a turn is not the end of the work; with nothing open it is no stall."""
    track = turned(Track(START), START, idle=True)
    assert name(track, START + MINUTE) == ""
    assert stall(track, START + 2 * MINUTE, wait=Wait(idle=2 * MINUTE), undone=1) == Stall(
        "silent", "its turn ended, and 1 task is open"
    )
    assert name(track, START + 60 * MINUTE, undone=0) == ""
    assert name(turned(track, START + MINUTE, idle=False), START + 3 * MINUTE) == ""
    again = turned(turned(track, START + MINUTE, idle=True), START + MINUTE, idle=True)
    assert name(again, START + 2 * MINUTE) == "silent"


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        (["a"] * 6, ("a",)),
        (["x", *["a"] * 6], ("a",)),
        (["a"] * 5, ()),
        (["a", "b"] * 4, ("a", "b")),
        (["a", "b", "c"] * 4, ("a", "b", "c")),
        (["a", "b"] * 3, ()),
        (["a", "b", "c", "d"] * 6, ()),
        (["a", "b", "a", "c"] * 4, ()),
        ([], ()),
    ],
)
def test_a_loop_is_the_same_again_and_again(acts: list[str], found: tuple[str, ...]) -> None:
    """One action many times, or two or three in turn; its newest turn must be whole."""
    assert repeated(acts) == found


def test_work_that_moves_is_no_loop() -> None:
    """The same test between commits is how work is done."""
    track = Track(START)
    for _ in range(20):
        track = did(track, "Bash pytest", START)
        track = moved_on(track, START)
    assert name(track, START) == ""
    for _ in range(6):
        track = did(track, "Bash pytest", START)
    assert name(track, START) == "loop"


def test_refusals_in_a_row_are_named() -> None:
    """One that passes in between ends the row."""
    track = Track(START)
    for number in range(REFUSALS):
        track = did(track, f"Bash {number}", START, refused=True)
    found = stall(track, START, wait=Wait(), undone=1)
    assert found is not None
    assert (found.code, "Bash 4" in found.reason) == ("denials", True)
    assert name(did(track, "Read a", START), START) == ""


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        ("Permission to use Bash has been denied.", True),
        ("The user doesn't want to proceed with this tool use. The tool use was rejected", True),
        ("Blocked by classifier", True),
        ("Exit code 1: cat: /root/x: Permission denied", False),
        ("", False),
    ],
)
def test_a_refusal_is_told_from_a_failure(message: str, refused: bool) -> None:
    """The agent was not let; that a program was not let is its own affair."""
    assert is_refusal(message) == refused


def test_a_full_context_is_named_until_the_work_moves() -> None:
    """In the agent's own words."""
    track = filled(Track(START), "Context limit reached")
    assert stall(track, START, wait=Wait(), undone=1) == Stall("context", "Context limit reached")
    assert name(moved_on(track, START), START) == ""
