"""Lines of the reader, as text."""

from batty_tmux.core.review import Verdict
from batty_tmux.screens.review import Reader
from batty_tmux.screens.review_rows import keys

ALL: tuple[Verdict, ...] = ("merge", "rework", "escalate")


def test_what_a_click_on_a_key_does_is_done() -> None:
    """Each names an action that the reader has: a click on one that it has not would do nothing, in silence."""
    for key in (*keys(ALL, 200), *keys(ALL, 80, offered=True)):
        room, _, action = key.action.partition(".")
        assert room == "app"
        assert callable(getattr(Reader, f"action_{action.partition('(')[0]}", None)), key


def test_only_what_can_be_given_is_offered() -> None:
    """And after a verdict, none: the next phase is."""
    assert [key.key for key in keys(("rework",), 80)][:2] == ["w", "d"]
    assert [key.key for key in keys(ALL, 80, offered=True)][:2] == ["Enter", "d"]
