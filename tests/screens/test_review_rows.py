"""Lines of the reader, as text."""

import pytest

from batty_tmux.core.review import Verdict
from batty_tmux.screens.review_rows import key_at, keys

ALL: tuple[Verdict, ...] = ("merge", "rework", "escalate")


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("m merge", "m"),
        ("e escalate", "e"),
        ("n/p next", "n"),
        ("/ find", "slash"),
        ("W rework in", "W"),
        ("q leave", "q"),
    ],
)
def test_a_click_on_words_is_their_key(words: str, key: str) -> None:
    """Anywhere on them, and on nothing between them."""
    line = keys(ALL, 200)
    start = line.index(words)
    assert {key_at(line, start), key_at(line, start + len(words) - 1)} == {key}
    assert key_at(line, start - 1) == key_at(line, len(line)) == ""


def test_what_is_offered_next_can_be_clicked() -> None:
    """It is a key with a name."""
    assert key_at(keys(ALL, 80, offered=True), 0) == "enter"
