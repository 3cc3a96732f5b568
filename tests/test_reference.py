"""What docs/make writes is what the code says now, and so is the page that is written by hand."""

import re
from pathlib import Path
from typing import Any

import pytest

from batty_tmux.drive import hooks, notify
from tests.support.script import loaded

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = (
    "docs/reference/commands.md",
    "docs/reference/configuration.md",
    "docs/reference/journal.md",
    "docs/man/batty.1",
)
BY_HAND = "docs/reference/tmux.md"
"""What is spread over too many places of the code to be read off it: options, hooks, variables."""
SET_IN = ("batty_tmux", "tmux")


@pytest.fixture(scope="module")
def maker() -> Any:
    return loaded(CHECKOUT / "docs" / "make")


def test_every_page_that_is_written_is_there(maker: Any) -> None:
    """And none besides: what is in the folder is what the script writes, and one page by hand."""
    assert tuple(maker.PAGES) == PAGES
    there = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "docs" / "reference").iterdir()}
    assert there == {BY_HAND, *(page for page in PAGES if "reference" in page)}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_code_says(maker: Any, page: str) -> None:
    """Whoever changes a command, a setting or an event runs docs/make."""
    assert (CHECKOUT / page).read_text() == maker.PAGES[page](), "run docs/make"


def test_the_manual_page_holds_no_request_by_accident(maker: Any) -> None:
    """A line that begins with a dot or a quote is roff's; those are the script's own."""
    known = (".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".I", ".nf", ".fi", '.\\"')
    rows = maker.PAGES["docs/man/batty.1"]().splitlines()
    assert {row.split(" ")[0] for row in rows if row.startswith((".", "'"))} <= set(known)


def told(heading: str) -> set[str]:
    """Return what the tables below a heading of the page name in their first column."""
    text = (CHECKOUT / BY_HAND).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def named(pattern: str, *places: str) -> set[str]:
    """Return what the files in these places of the checkout hold that looks so."""
    files = [path for place in places for path in [CHECKOUT / place, *(CHECKOUT / place).rglob("*")] if path.is_file()]
    texts = [path.read_text() for path in files if path.suffix in {".py", ".sh", ".tmux", ".conf", ""}]
    return {name for text in texts for name in re.findall(pattern, text)}


def test_every_option_that_is_set_in_tmux_is_told() -> None:
    """By the name that a status line would use; and nothing is told that is not there."""
    counted = {f"@batty_{name}" for name in notify._COUNTED}
    saved = "@batty_saved_…"
    found = {saved if name.startswith("@batty_saved") else name for name in named("@batty_[a-z_]*[a-z]", *SET_IN)}
    assert len(found) > 20
    pages = (f"Options of {what}" for what in ("a phase's window", "the session", "the server"))
    assert set().union(*map(told, pages)) == found | counted


def test_every_hook_of_a_users_is_told() -> None:
    """Those that batty runs, by the constants that name them."""
    assert told("Hooks") == {hooks.ATTENTION, hooks.LANDED, hooks.LAND}


@pytest.mark.parametrize(
    ("heading", "file", "others"),
    [
        ("Environment of an executor", "batty_tmux/drive/executor.py", set()),
        ("Environment of a gate", "batty_tmux/drive/pristine.py", {"CI", "TMPDIR"}),
    ],
)
def test_every_variable_that_a_program_is_given_is_told(heading: str, file: str, others: set[str]) -> None:
    """As the one function says that makes the environment."""
    given = named(r'"(BATTY_[A-Z_]+)":', file)
    assert given
    assert told(heading) == given | others


def test_every_variable_that_the_launcher_reads_is_told() -> None:
    """As its own head lists them."""
    listed = named(r"(?m)^# (BATTY_[A-Z_]+) ", "bin/batty")
    assert len(listed) > 2
    assert told("Environment of batty itself") == listed | {"NO_COLOR"}
