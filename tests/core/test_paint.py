"""What others wrote is shown and not obeyed; what it hides is made visible."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.paint import inks, only_colours, plain, visible
from tests.support.hostile import TITLES

_OBEYED = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def is_seen(text: str) -> bool:
    return not any(unicodedata.category(c) in _OBEYED for c in text)


@given(st.text())
def test_whatever_it_is_all_of_it_is_seen(text: str) -> None:
    """Nothing is left that a terminal obeys, turns or hides; colours alone stay where a program gave them."""
    assert is_seen(visible(text))
    assert is_seen(plain(text))
    assert is_seen(re.sub(r"\x1b\[[0-9;:]*m", "", only_colours(text)))


@pytest.mark.parametrize("text", TITLES)
def test_hostile_texts_are_seen(text: str) -> None:
    """The same for what is known to do harm."""
    assert is_seen(visible(text))
    assert is_seen(plain(text))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("a\u202eb\u200b\xa0", "a<U+202E>b<U+200B><U+00A0>"),
        ("end\r", "end␍"),
        ("\x9b31m", "<U+009B>31m"),
        ("\x7f", "␡"),
    ],
)
def test_in_a_diff_what_is_unseen_is_shown(line: str, shown: str) -> None:
    """It is evidence: a file that holds it is looked at."""
    assert visible(line) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]2;title\x07x\x1b(By", "xy"),
        ("\x1b]2;never ends", "␛]2;never ends"),
        ("\x1b[", "␛["),
        ("\x9b1mx", "x"),
    ],
)
def test_in_a_log_sequences_are_left_out(line: str, shown: str) -> None:
    """Programs colour what they say; but what a sequence without an end would swallow is shown."""
    assert plain(line) == shown


def test_only_colours_are_kept() -> None:
    """Not links, titles, or a screen that is cleared."""
    assert only_colours("\x1b[2J\x1b[1;32mok\x1b[0m\x1b]8;;http://x\x1b\\link") == "\x1b[1;32mok\x1b[0mlink"


def test_no_content_of_a_diff_looks_like_its_frame() -> None:
    """In a hunk a sign stands before each line, and a line that begins like a head is content there."""
    lines = [
        "diff --git a/x b/x",
        "--- a/x",
        "+++ b/x",
        "@@ -1 +1,2 @@ def",
        "---- a",
        "+++ b",
        "+diff",
        " c",
        "diff --git",
    ]
    assert list(inks(lines)) == ["head", "head", "head", "hunk", "removed", "added", "added", "", "head"]
