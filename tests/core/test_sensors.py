"""One state out of all sensors: the trusted ones first, and no rest or work that nobody has seen."""

from itertools import product
from typing import get_args

import pytest

from batty_tmux.core.sensors import REST, REST_UNKNOWN, TOIL, Sees, Signs, is_idle, looks_below, state, toils


@pytest.mark.parametrize(
    ("signs", "sees", "by"),
    [
        (Signs(), "working", "screen"),
        (Signs(running=False, prompt="permission", limited=True), "exited", "process"),
        (Signs(prompt="permission", turn="over"), "asking", "screen"),
        (Signs(prompt="unknown", limited=True), "unknown", "screen"),
        (Signs(limited=True, stalled=True), "limited", "journal"),
        (Signs(stalled=True, busy=True), "stuck", "journal"),
        (Signs(turn="on", busy=False, rest=True, quiet=29, family="claude"), "working", "hooks"),
        (Signs(turn="on", busy=False, rest=True, quiet=30, family="claude"), "idle", "screen"),
        (Signs(turn="on", busy=False, rest=False, quiet=3600, family="claude"), "working", "hooks"),
        (Signs(turn="over", family="claude"), "idle", "hooks"),
        (Signs(turn="over", busy=True, family="claude"), "working", "screen"),
        (Signs(rest=True, quiet=REST, family="claude"), "idle", "screen"),
        (Signs(rest=True, quiet=REST - 0.1, family="claude"), "working", "screen"),
        (Signs(quiet=3600, family="claude"), "working", "screen"),
        (Signs(quiet=REST_UNKNOWN), "idle", "silence"),
        (Signs(quiet=REST_UNKNOWN - 0.1), "working", "screen"),
        (Signs(quiet=3600, toil=True), "working", "process"),
        (Signs(quiet=3600, toil=True, stalled=True), "stuck", "journal"),
        (Signs(rest=True, quiet=REST, toil=True, family="claude"), "idle", "screen"),
        (Signs(turn="over", toil=True, family="claude"), "idle", "hooks"),
    ],
)
def test_who_is_trusted_comes_first(signs: Signs, sees: Sees, by: str) -> None:
    """Row by row: a dialog on the screen outweighs every report, a report outweighs the composer's look."""
    assert state(signs) == (sees, by)


def test_idle_is_never_said_of_what_asks_or_has_ended() -> None:
    """In every combination of signs; and what is idle is shown as idle, limited or stuck."""
    seen = set()
    for running, limited, stalled, turn, prompt, busy, rest in product(
        (True, False), (True, False), (True, False), ("", "on", "over"), (None, "edit", "unknown"), (True, False),
        (True, False),
    ):  # fmt: skip
        signs = Signs(running, limited, stalled, turn, prompt, busy, rest, quiet=60, family="claude")  # type: ignore[arg-type]  # product widens
        what, _ = state(signs)
        seen.add(what)
        if is_idle(signs):
            assert what in {"idle", "limited", "stuck"}
            assert running
            assert prompt is None
    assert seen == set(get_args(Sees))


def test_toil_is_what_was_used_since() -> None:
    """By each process that is there now, one that is new included; what an ended one used is no more to be seen."""
    old, new, ended = (1, 10.0), (2, 20.0), (3, 5.0)
    before = {old: 100.0, ended: 50.0}
    assert not toils(before, {old: 100.0}, 5)
    assert toils(before, {old: 100.0 + 5 * TOIL}, 5)
    assert toils(before, {old: 100.0, new: 5 * TOIL}, 5)
    assert not toils(before, {old: 100.0, new: 4 * TOIL}, 5)
    # the number of one that has ended, given to another
    assert toils(before, {(3, 21.0): 5 * TOIL}, 5)


def test_two_looks_that_are_far_apart_tell_nothing() -> None:
    """The first of all is as one of long ago."""
    assert not toils({}, {(1, 10.0): 3600.0}, float("inf"))
    assert not toils({}, {(1, 10.0): 3600.0}, 61)


@pytest.mark.parametrize(
    ("silent", "since", "idle", "family", "looks"),
    [
        (4.9, 99, False, "any", False),
        (5.0, float("inf"), False, "any", True),
        (10.0, 4.9, False, "any", False),
        (10.0, 5.0, True, "any", True),
        (60.0, 29, True, "any", False),
        (60.0, 30, True, "any", True),
        (59.0, 99, False, "claude", False),
        (60.0, 99, False, "claude", True),
        (3600.0, 99, True, "claude", False),
    ],
)
def test_processes_are_looked_at_only_where_nothing_else_tells(
    silent: float, since: float, idle: bool, family: str, looks: bool
) -> None:
    """An agent whose screen shows that it rests costs no look at all, however long it does."""
    assert looks_below(silent, since, idle=idle, family=family) == looks
