"""An account as a page and as Markdown: whole, bounded, and no text of anybody's is ever anything but text."""

import re
from dataclasses import replace
from datetime import timedelta, timezone
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from batty_tmux.core import account_words as words
from batty_tmux.core.account import gates
from batty_tmux.core.account_markdown import code, markdown
from batty_tmux.core.board import Phase
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    GateFinished,
    GateStarted,
    GateStopped,
)
from batty_tmux.core.page import page
from batty_tmux.host.files import share
from tests.support.hostile import MARKUP, TITLES
from tests.support.past import ONE, TWO, account_of, asks, begun, gate, journal, launch, named, whole

TEMPLATE = (share() / "pages" / "report.html.j2").read_text()
WORSE = (*TITLES, *MARKUP)
STYLE = (share() / "pages" / "report.css").read_text()


def page_of(text: str, **more: Any) -> str:
    phases = (Phase(ONE, text), Phase(TWO, text))
    told = account_of(named(text), phases, project=text, subjects=(text,), activity=text, **more)
    logged = replace(told, gates=tuple(replace(one, tail=(text, text)) for one in told.gates))
    return page(logged, TEMPLATE, STYLE)


class Read(HTMLParser):
    """A page as its elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


PLAIN = Read(page_of("plain"))


@pytest.mark.parametrize("text", WORSE, ids=range(len(WORSE)))
def test_whatever_things_are_called_the_page_has_the_same_elements(text: str) -> None:
    """No element, no attribute and no end of one comes from a name; what is shown of it is there as text."""
    made = page_of(text)
    read = Read(made)
    assert read.wrong == []
    assert read.open == []
    assert set(read.tags) == set(PLAIN.tags)
    assert "script" not in read.tags
    assert read.names == PLAIN.names
    assert all(c in "\n\t" or words.visible(c) for c in made)
    shown = words.shown(text, 80)
    assert not shown or shown in "".join(read.text)
    made.encode("utf-8")


def test_the_page_needs_nothing_else() -> None:
    """No script, nothing to fetch, and rules for the browser that would forbid both."""
    made = page_of("plain")
    assert re.findall(r"""(?:src|href|action|data)=["']([^"']*)""", made) == [
        "data:,", "#timeline", "#time", "#prompts", "#gates", "#landed", "#costs",
    ]  # fmt: skip
    assert "default-src 'none'" in made
    assert "unsafe" not in made
    assert re.findall(r"url\((?!#)|@import|<script|\bon\w+=|style=", made) == []


def test_headings_are_in_order_and_every_table_says_what_it_is() -> None:
    """One h1; no level is left out on the way down."""
    levels = [int(tag[1]) for tag in PLAIN.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert PLAIN.tags.count("table") == PLAIN.tags.count("caption") > 3


def test_times_are_the_readers_and_utc_where_they_differ() -> None:
    """And programs find UTC alone."""
    there = page_of("x", zone=timezone(timedelta(hours=5, minutes=30)))
    assert "times are in UTC+05:30" in there
    assert '08:34:05</time> <span class="utc">(03:04:05 UTC)' in there
    assert "(03:04:05 UTC)" not in page_of("x")
    assert 'datetime="2026-01-02T03:04:05Z"' in page_of("x")


def test_a_long_past_is_told_within_bounds() -> None:
    """Thousands of prompts and states: the longest and what people answered stay, and what is left out is counted."""
    events: list[AnyEvent] = [begun(), *launch(ONE)]
    for number in range(3000):
        key = f"{number}-k"
        by = "person" if number % 100 == 0 else "policy"
        events += [asks(ONE, key, f"question {number}", rule="r"), Answered(phase=ONE, key=key, by=by, answer="y")]  # type: ignore[arg-type]
    told = account_of(journal(*events, step=0.01), [Phase(ONE, "One")])
    made = page(told, TEMPLATE, STYLE)
    assert len(made) < 600_000
    assert all(f">question {number}<" in made for number in range(0, 3000, 100))
    assert "2,400 more that a rule answered" in made or "2400 more that a rule answered" in made
    assert "3,000 prompts" in made
    assert made.count('<rect class="piece asks"') < 420


def test_gate_runs_have_their_end_or_none() -> None:
    """One that was stopped, and one whose lander was killed, have no verdict; a verdict that was taken over no run."""
    stopped, lost, old = (gate(log=f"/l/{name}") for name in ("stopped", "lost", "old"))
    del stopped["gate"]
    told = gates(
        journal(
            GateStarted(**gate()),
            GateFinished(**gate(), verdict="fail", status=1, seconds=3.0, failed=("t",)),
            GateStarted(**{**stopped, "gate": "g"}),
            GateStopped(**stopped),
            GateStarted(**lost),
            GateFinished(**old, verdict="pass"),
        )
    )
    assert [(one.ending, one.seconds, one.bad) for one in told] == [
        ("fail", 3.0, True),
        ("stopped", 60.0, False),
        ("unfinished", 0.0, False),
    ]


# --- Markdown -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", WORSE, ids=range(len(WORSE)))
def test_whatever_things_are_called_it_stands_in_a_code_span(text: str) -> None:
    """Without the code spans, the Markdown is the same; a table's rows have all its cells."""
    phases = (Phase(ONE, text), Phase(TWO, text))
    made = markdown(account_of(named(text), phases, project=text))
    plain = markdown(account_of(named("plain"), (Phase(ONE, "plain"), Phase(TWO, "plain")), project="plain"))
    rows = [line for line in made.splitlines() if line.startswith("|")]
    ruled = [line for line in plain.splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [len(re.findall(r"\|", row)) for row in ruled]
    if words.shown(text):
        assert bare(made) == bare(plain)


def bare(text: str) -> list[str]:
    """Return the lines without what stands in code spans, read as CommonMark reads them."""
    found = []
    for line in text.splitlines():
        rest, kept = line.replace(r"\|", "!"), ""
        while (ticks := re.search(r"`+", rest)) is not None:
            kept += rest[: ticks.start()]
            end = re.search(rf"(?<!`){ticks[0]}(?!`)", rest[ticks.end() :])
            assert end is not None, line
            rest = rest[ticks.end() + end.end() :]
            kept += "CODE"
        found.append(kept + rest)
    return found


def test_a_code_span_cannot_be_ended_from_within() -> None:
    """Its fence is longer than any run of backquotes in it."""
    assert code("a`b") == "``a`b``"
    assert code("```") == "```` ``` ````"
    assert code("\x1b[31m") == ""


# --- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (95, "1 min 35 s"),
        (1800, "30 min"),
        (3599.6, "1 h"),
        (3600, "1 h"),
        (3 * 3600 + 300, "3 h 5 min"),
        (26 * 3600, "1 d 2 h"),
    ],
)
def test_lengths_are_told_in_two_units_at_most(seconds: float, told: str) -> None:
    """As a person would say them."""
    assert words.lasted(seconds) == told


def test_what_is_long_ends_with_a_mark() -> None:
    """Also where it was cut before it was cleaned."""
    assert words.shown("x" * 300) == "x" * 300
    assert words.shown("x" * 301) == "x" * 299 + "…"
    assert len(words.shown("x " * 100_000)) == 300


def test_the_whole_in_one_sentence() -> None:
    """Who waits for a person is counted; what has landed too."""
    both = (Phase(ONE, "One"), Phase(TWO, "Two"))
    assert words.verdict(account_of(named("x"), both)) == "1 of 2 phases landed; 1 waits for you."
    done = account_of(journal(begun(), *whole(ONE)), both[:1])
    assert words.verdict(done) == "1 of 1 phase landed; nothing waits for you."
    assert words.proof_sentence(done).startswith("Everything that landed was gated")
