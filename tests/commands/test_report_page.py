"""The page in a real Chromium: it asks for nothing, complains of nothing, reads well, and prints.

On a phone and on a laptop, in light and in dark, with names that try to be something else.
"""

from collections.abc import Iterator
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from batty_tmux.core.account_words import shown
from batty_tmux.core.board import Phase
from batty_tmux.core.page import page
from batty_tmux.host.files import share
from batty_tmux.names import PhaseId
from tests.support.browser import LAPTOP, PHONE, Browser
from tests.support.hostile import MARKUP, TITLES
from tests.support.past import ONE, TWO, account_of, asks, journal, named

NAMES = (*TITLES, *MARKUP)
SHOWN = (("light", LAPTOP), ("dark", PHONE))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests here: it takes a second to start."""
    with Browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a run with everything in it: each hostile name is a phase's title, and what that phase asks."""
    phases = [Phase(ONE, "One"), Phase(TWO, NAMES[0]), *(Phase(PhaseId(f"n-{at}"), t) for at, t in enumerate(NAMES))]
    questions = [asks(PhaseId(f"n-{at}"), "1-k", text) for at, text in enumerate(NAMES)]
    zone = timezone(timedelta(hours=5, minutes=30))
    told = account_of(journal(*named(NAMES[0]), *questions), phases, now=120, zone=zone, subjects=NAMES)
    file = tmp_path_factory.mktemp("page") / "report.html"
    style, template = ((share() / "pages" / f"report.{kind}").read_text() for kind in ("css", "html.j2"))
    file.write_text(page(told, template, style))
    return file


@pytest.fixture
def opened(browser: Browser, written: Path) -> Browser:
    browser.size(*LAPTOP)
    browser.prefer("light")
    browser.open(written)
    return browser


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Browser, written: Path) -> None:
    """The one address is its own; the console is empty: no rule of its own is broken, no part is missing."""
    assert opened.ask("document.readyState") == "complete"
    assert opened.asked_for() == [written.as_uri()]
    assert opened.complaints() == []


@pytest.mark.parametrize(("scheme", "size"), SHOWN)
def test_axe_finds_no_fault(opened: Browser, written: Path, scheme: str, size: tuple[int, int]) -> None:
    """Contrast, names, roles, headings, landmarks, with all of it unfolded; and dark is dark."""
    opened.size(*size)
    opened.prefer(scheme)
    opened.ask("document.querySelectorAll('details').forEach(one => { one.open = true })")
    paper = opened.ask("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert (max(paper) < 60) == (scheme == "dark")
    assert opened.faults() == []


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_screen(opened: Browser, width: int) -> None:
    """No scrolling sideways, folded or not, whatever things are called; nothing is cut off at the right."""
    opened.size(width, 740)
    for state in ("false", "true"):
        opened.ask(f"document.querySelectorAll('details').forEach(one => {{ one.open = {state} }})")
        assert opened.ask("document.documentElement.scrollWidth") <= width
        assert (
            opened.ask(
                "[...document.querySelectorAll('main *')].filter(one => !one.closest('svg, thead') "
                f"&& one.getBoundingClientRect().right > {width} + 0.5).map(one => one.outerHTML.slice(0, 200))"
            )
            == []
        )


def test_names_are_text_and_nothing_else(opened: Browser) -> None:
    """No element came of one, none ran; each is read as it is shown."""
    assert opened.ask("document.querySelectorAll('script, img, iframe, object, form, main style').length") == 0
    assert opened.ask("document.querySelectorAll('style').length") == 1
    assert opened.ask("[...document.querySelectorAll('main a')].length") == 0
    titles = opened.ask("[...document.querySelectorAll('.lane .title')].map(one => one.textContent)")
    assert titles == ["One", *(shown(text, 120) for text in (NAMES[0], *NAMES))]


def test_right_to_left_turns_nothing_else_round(opened: Browser) -> None:
    """What stands after such a name in its line is to the right of it."""
    places = opened.ask(
        "[...document.querySelectorAll('#prompts tbody tr')].map(row => "
        "[...row.cells].map(cell => cell.getBoundingClientRect().left))"
    )
    assert all(row == sorted(row) for row in places)
    assert opened.ask("getComputedStyle(document.querySelector('.title bdi')).unicodeBidi") == "isolate"


def test_the_page_forbids_itself_scripts_and_fetching(opened: Browser) -> None:
    """Were something to get in after all, the browser would not run it and would not ask for it."""
    added = (
        "(() => { for (const [tag, name, value] of [['script', 'textContent', 'window.ran = 1'], "
        "['img', 'src', 'http://127.0.0.1:9/x.png'], ['iframe', 'src', 'http://127.0.0.1:9/']]) {"
        "const one = document.createElement(tag); one[name] = value; document.body.append(one) } "
        "return String(window.ran) })()"
    )
    assert opened.ask(added) == "undefined"
    told = "\n".join(opened.complaints())
    assert "script" in told
    assert told.count("Content Security Policy") >= 2
    assert [address for address in opened.asked_for() if address.startswith("http")] == []


def test_keys_alone_reach_everything_and_show_where_they_are(opened: Browser) -> None:
    """Links and folds in their order, each with a ring around it."""
    reached = []
    for _ in range(9):
        opened.press_tab()
        reached.append(opened.ask("document.activeElement.tagName"))
        assert opened.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["A"] * 6 + ["SUMMARY"] * 3


def test_it_prints_light_and_whole(opened: Browser, written: Path) -> None:
    """On paper nothing is dark, however the screen is set; each phase's bar is there."""
    opened.prefer("dark")
    opened.open(written)
    made = opened.printed()
    assert made.startswith(b"%PDF-")
    assert made.count(b"/Type /Page\n") + made.count(b"/Type /Page ") + made.count(b"/Type /Page/") >= 2
    opened.tell(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert opened.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    bars = opened.ask(
        "[...document.querySelectorAll('.lane:not(.axis) .bar')].map(one => one.getBoundingClientRect().height)"
    )
    assert bars == [28] * (len(NAMES) + 2)
    opened.tell("Emulation.setEmulatedMedia", media="")


def test_every_state_looks_different_without_colour(opened: Browser) -> None:
    """In a picture of greys the legend's bars still differ: patterns and heights tell them apart."""
    fill = "getComputedStyle(one).fill.replace(/rgb.*/, 'plain')"
    looks = opened.ask(
        f"[...document.querySelectorAll('#timeline .piece')].map(one => [{fill}, one.getAttribute('height')].join())"
    )
    assert len(set(looks[:7])) == 7, looks
