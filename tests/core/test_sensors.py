"""One state out of all sensors: the trusted ones first, and no rest or work that nobody has seen."""

from itertools import product
from typing import get_args

import pytest

from batty_tmux.core.sensors import REST, REST_UNKNOWN, Sees, Signs, is_idle, state


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
