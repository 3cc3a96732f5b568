"""Names from boards, agents and people, however hostile: refused, or made harmless."""

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batty_tmux.names import clean, natural, phase_id, slug
from tests.support.hostile import TITLES

steady = settings(deadline=None, derandomize=True, database=None, max_examples=60)
"""The same examples on every machine, however slow it is."""

GOOD = (
    "phase-1",
    "phase-2.5",
    "a",
    "0",
    "A_b-C.d",
    "x" * 64,
    "_".join("abc"),
    "1-",
    "v1_",
    "lock",
    "a.lock.b",
    "a.locked",
)
BAD = (
    *("", ".", "..", "-", "-x", ".x", "_x", "x.", "a..b", "x" * 65, "a.lock", "a/b", "/a", "a\\b", "a b", " a", "a "),
    *(
        "a\n",
        "\na",
        "a\0",
        "a\t",
        "a:b",
        "a~",
        "a^",
        "a?",
        "a*",
        "a[",
        "a@{",
        "@",
        "a;",
        "a'",
        'a"',
        "a`",
        "$a",
        "#{a}",
    ),
    *("#(a)", "a%", "=a", "+a", "{a}", "a,b", "(a)", "a|b", "a&b", "a<b", "ä", "１", "²", "a\u200b", "а", "a\ud800"),  # noqa: RUF001
)


@pytest.mark.parametrize("name", GOOD)
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    """Folder, branch component, tmux word and shell word at once."""
    assert phase_id(name) == name


@pytest.mark.parametrize("name", [*BAD, *TITLES], ids=ascii)
def test_any_other_name_is_refused(name: str) -> None:
    """Never mended: two names could become one."""
    assert phase_id(name) is None


@pytest.mark.parametrize("name", GOOD)
def test_git_takes_what_is_taken(name: str, tmp_path: Path) -> None:
    """As a component of a branch, first, last and with a run's number behind it."""
    for ref in (f"batty/{name}-run-001", f"refs/batty/claim/{name}/1", f"refs/heads/{name}"):
        done = subprocess.run(["git", "check-ref-format", "--allow-onelevel", ref], cwd=tmp_path, check=False)
        assert done.returncode == 0, ref


@steady
@given(st.text(max_size=80))
def test_what_is_taken_is_harmless(text: str) -> None:
    """Whatever comes: ASCII letters, digits, and three marks."""
    name = phase_id(text)
    if name is not None:
        assert name == text
        assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        assert name[0] not in "-._"


@steady
@given(st.from_regex(r"[A-Za-z0-9._-]{1,70}", fullmatch=True))
def test_no_taken_name_leads_out_of_its_folder(text: str) -> None:
    """Nor ends as git's own files do."""
    name = phase_id(text)
    if name is not None:
        assert (Path("/kanban") / name).parent == Path("/kanban")
        assert ".." not in name
        assert not name.endswith((".lock", "."))


def test_phases_come_in_the_order_of_their_numbers() -> None:
    """As people count, from any order that a folder lists them in."""
    names = [
        "0-start",
        "a",
        "phase",
        "phase-1",
        "phase-2",
        "phase-2.5",
        "phase-2a",
        "phase-10",
        "phase-10.1",
        "phase-a",
    ]
    shuffled = names[:]
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled, key=natural) == sorted(names, key=natural)
    ordered = sorted(shuffled, key=natural)
    for before, after in (
        ("phase-1", "phase-2"),
        ("phase-2", "phase-2.5"),
        ("phase-2.5", "phase-10"),
        ("0-start", "a"),
    ):
        assert ordered.index(before) < ordered.index(after)


@steady
@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)))
def test_any_names_can_be_put_in_order(names: list[str]) -> None:
    """Numbers and words are never compared with each other, and what differs has a place of its own."""
    ordered = sorted(names, key=lambda name: (natural(name), name))
    backwards = names[::-1]
    assert sorted(backwards, key=lambda name: (natural(name), name)) == ordered


@steady
@given(st.text(max_size=200), st.integers(1, 40))
def test_a_slug_is_a_word_for_tmux(text: str, limit: int) -> None:
    """No format, no separator, no option, never empty, never long."""
    word = slug(text, limit)
    assert word
    assert len(word) <= max(limit, len("phase"))
    assert set(word) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert word[0] not in "-."
    assert word[-1] not in "-."


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("phase-1", "phase-1"),
        ("Crème brûlée", "Creme-brulee"),
        ("#(touch pwned)", "touch-pwned"),
        ("a;", "a"),
        ("日本", "phase"),
        ("", "phase"),
        ("--", "phase"),
    ],
)
def test_a_slug_keeps_what_can_be_read(text: str, word: str) -> None:
    """Letters lose their accents before they are lost."""
    assert slug(text) == word


@steady
@given(st.text(st.characters(exclude_categories=()), max_size=300), st.integers(1, 200))
def test_clean_text_is_one_line_that_nothing_obeys(text: str, limit: int) -> None:
    """No control character of either half, nothing invisible that turns text around, no format of tmux."""
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert shown.splitlines() in ([], [shown])
    assert not set(shown) & set("#\x1b\x9b\x00\x07\u202e\u200b\ufeff\u2066")
    shown.encode()


@pytest.mark.parametrize("text", TITLES)
def test_hostile_titles_are_harmless_when_clean(text: str) -> None:
    """And still to be read."""
    shown = clean(text)
    assert shown.isprintable()
    assert len(shown) <= 120
    assert "#(" not in shown
    assert "#[" not in shown
    assert "#{" not in shown


def test_what_is_plain_stays_as_it_is() -> None:
    """Other scripts, marks and emoji too; runs of white space become one."""
    assert clean("Crème 日本 \N{PILE OF POO}! (50 %)") == "Crème 日本 \N{PILE OF POO}! (50 %)"
    assert clean("  a \t\n b ") == "a b"
    assert clean("x" * 10, 5) == "xxxx…"
