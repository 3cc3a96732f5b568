"""No value that opens anything is left in a redacted text, and nothing else is touched."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batty_tmux.core.redact import doubtful, drawn, marked, redact
from batty_tmux.core.secret_shapes import Span
from tests.support.made_up import Secret, any_secret, secrets

HERE = Path(__file__).parent
ORDINARY = sorted([*(HERE / "ordinary").glob("*.txt"), *(HERE / "runner_logs").glob("*.txt")])
ALL = secrets(1)
MARK = re.compile(r"\[redacted:[a-z0-9-]+\]")
# what touches a value on a screen: a blank, a bracket, a quote, an end of a sentence
EDGES = st.sampled_from(["", " ", "\n", "\t", "(", ")", '"', "'", ". ", ", ", "│", "$ ", "\x1b[0m", "》"])
texts = st.text() | st.lists(
    st.sampled_from(["token", "=", ": ", "[redacted:jwt]", "\n", "'", "a1B2", "://", "@"])
).map("".join)


def test_the_corpus_is_large_enough_to_say_something() -> None:
    assert len(ALL) >= 60
    assert len({secret.name for secret in ALL}) == len(ALL)
    assert sum(len(path.read_text().splitlines()) for path in ORDINARY) >= 200


@pytest.mark.parametrize("secret", ALL, ids=lambda secret: secret.name)
def test_a_value_is_replaced_by_a_mark_and_what_is_around_it_stays(secret: Secret) -> None:
    """Recall on the corpus is 1: each kind, as it stands in files, commands and on screens."""
    said = redact(f"before\n{secret.text}\nafter\n")
    for part in secret.value.split("\n"):
        assert part not in said
    assert MARK.search(said)
    assert said.startswith("before\n")
    assert said.endswith("after\n")


@pytest.mark.parametrize("seed", range(2, 40))
def test_another_value_of_each_kind_is_found_as_well(seed: int) -> None:
    """No kind is found by the luck of one value."""
    missed = [
        secret.name for secret in secrets(seed) if any(row in redact(secret.text) for row in secret.value.split("\n"))
    ]
    assert missed == []


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.name)
def test_ordinary_output_is_not_touched(path: Path) -> None:
    """Commits, trees, digests, UUIDs, paths, lock files, code and prose: no false mark on any of these lines."""
    text = path.read_text()
    changed = [pair for pair in zip(text.split("\n"), redact(text).split("\n"), strict=True) if pair[0] != pair[1]]
    assert changed == []
    assert drawn(text) == ()


def test_a_line_by_itself_is_not_touched_either() -> None:
    """What a line is must not hang on its neighbours."""
    lines = [line for path in ORDINARY for line in path.read_text().splitlines()]
    assert [line for line in lines if redact(line) != line] == []


SENDGRID = "SG" + ".YydcU9vCUQqQtwIUjbObco.Ped-B5nBwlv_VyAqIVRDc6Ayai3GUjv10pbZkYRkf7A"


@example(secret=Secret("sendgrid", "", SENDGRID, ""), before="", after="", around="000000000000000")
@given(secret=any_secret, before=EDGES, after=EDGES, around=texts)
def test_a_value_is_nowhere_in_what_is_written(secret: Secret, before: str, after: str, around: str) -> None:
    """Whatever stands before and after it on other lines."""
    said = redact(f"{around}\n{before}{secret.text}{after}\n{around}")
    rows = [row for row in secret.value.split("\n") if row not in around]
    assert [row for row in rows if row in said] == []


@example(text="/AKIA000001123B4C5DEa.eyJ000000000000000000000000000000000123456A")
@given(text=texts | st.lists(any_secret.map(lambda secret: secret.text) | texts).map("".join))
def test_a_second_time_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(text=st.text(st.characters()))
def test_any_text_can_be_redacted(text: str) -> None:
    """Lone surrogates, controls and all: never an exception, and nothing added where nothing was found."""
    assert MARK.search(redact(text)) or redact(text) == text


TOKENS = [secret for secret in ALL if secret.before == "" and 24 < len(secret.value) < 200 and "\n" not in secret.value]
# what tells that it is one stands at its end, or is an address: broken, nobody can know it
TOLD_AT_THE_END = {"mailchimp", "slack hook"}


@pytest.mark.parametrize("secret", TOKENS, ids=lambda secret: secret.name)
@pytest.mark.parametrize("column", [44, 57, 60])
def test_a_token_that_a_screen_has_broken_is_found(secret: Secret, column: int) -> None:
    """On 80 columns, however many rows it takes, where its first row tells what it is."""
    row, rows = "x" * (column - 1) + " " + secret.value, []
    while row:
        rows.append(row[:80])
        row = row[80:]
    said = redact("\n".join(["y" * 80, *rows, "$ "]))
    parts = "\n".join(rows).removeprefix("x" * (column - 1) + " ").split("\n")
    assert secret.name in TOLD_AT_THE_END or [part for part in parts if len(part) >= 6 and part in said] == []


@pytest.mark.parametrize("margin", ["", "  ", "│ "])
def test_a_margin_does_not_hide_the_rest_of_a_token(margin: str) -> None:
    value = "gh" + "p_" + "aB3dE6gH9" * 4
    end = " │" if margin == "│ " else ""
    said = redact(f"{margin}the value is {value[:25]}{end}\n{margin}{value[25:]}{end}\n")
    assert value[:25] not in said
    assert value[25:] not in said


def test_the_row_below_a_whole_token_is_not_taken_for_more_of_it() -> None:
    value = "gh" + "p_" + "aB3dE6gH9" * 4
    assert redact(f"{value}\nCopying42files\n") == "[redacted:github-token]\nCopying42files\n"


@pytest.mark.parametrize(
    "pattern",
    [
        "x", "ab1", " ", "\n", "-", '"', "'", "\\n", "token=", "password ", "secret: ", "sk-", "eyJabcdefgh.", "://:",
        "://a:b", "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n", "curl ", "login ", "basic ", "key-",
        "AKIA", "[redacted:jwt]", "Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3\n", "\ud800", "--a-", "mysql ", "authorization: ", "😀",
        "\x1b[0m", "AccountKey=;", "a@", "_KEY=",
    ],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_the_work_grows_with_the_text_and_no_faster(pattern: str) -> None:
    """A hostile text of 200,000 characters takes seconds: a quadratic step, hours. Nothing is marked twice."""
    text = pattern * (200_000 // len(pattern))
    said = redact(text)
    drawn(said)
    doubtful(text)
    assert redact(said) == said


class TestDoubts:
    def test_a_drawn_run_of_no_known_kind_is_doubtful(self) -> None:
        """It is for the rules that others keep to say what it is."""
        run = "Zk3" + "qP9vXw2LmT7cRb4Ny8Dh" + "J5"
        text = f"set-widget {run} --now"
        assert doubtful(text)
        assert [(span.start, span.end) for span in drawn(text)] == [(11, 11 + len(run))]

    @pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.name)
    def test_ordinary_output_raises_no_doubt(self, path: Path) -> None:
        """To ask takes a third of a second."""
        assert [line for line in path.read_text().splitlines() if doubtful(line)] == []

    def test_what_is_marked_is_no_doubt(self) -> None:
        assert not doubtful(redact(ALL[0].text))

    def test_marks_of_before_are_not_written_over(self) -> None:
        text = "a [redacted:jwt] b"
        assert marked(text, [Span(0, len(text), "unknown")]) == "[redacted:unknown][redacted:jwt] b"
