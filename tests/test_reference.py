"""What docs/make writes is what the code says now."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = (
    "docs/reference/commands.md",
    "docs/reference/configuration.md",
    "docs/reference/journal.md",
    "docs/man/batty.1",
)


@pytest.fixture(scope="module")
def maker() -> Any:
    loader = SourceFileLoader("docs_make", str(CHECKOUT / "docs" / "make"))
    spec = spec_from_loader("docs_make", loader)
    assert spec is not None
    made = module_from_spec(spec)
    loader.exec_module(made)
    return made


def test_every_page_that_is_written_is_there(maker: Any) -> None:
    """And none besides: what is in the folder is what the script writes."""
    assert tuple(maker.PAGES) == PAGES
    there = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "docs" / "reference").iterdir()}
    assert there == {page for page in PAGES if "reference" in page}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_code_says(maker: Any, page: str) -> None:
    """Whoever changes a command, a setting or an event runs docs/make."""
    assert (CHECKOUT / page).read_text() == maker.PAGES[page](), "run docs/make"


def test_the_manual_page_holds_no_request_by_accident(maker: Any) -> None:
    """A line that begins with a dot or a quote is roff's; those are the script's own."""
    known = (".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".I", ".nf", ".fi", '.\\"')
    rows = maker.PAGES["docs/man/batty.1"]().splitlines()
    assert {row.split(" ")[0] for row in rows if row.startswith((".", "'"))} <= set(known)
