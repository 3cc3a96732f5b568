"""The pictures of screens: each is one that docs/pictures makes, and is whole without a network or this machine.

Making them takes a minute and a real tmux, so it is not done here; whoever changes a screen runs docs/pictures.
"""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.script import loaded
from tests.test_docs import CHECKOUT

IMAGES = CHECKOUT / "docs" / "images"
DRAWN = sorted([*IMAGES.glob("screen-*.svg"), *IMAGES.glob("safe-*.svg")])
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> Any:
    return loaded(CHECKOUT / "docs" / "pictures")


def test_each_screen_is_made_by_the_script(pictures: Any) -> None:
    """And each that the script makes is there."""
    assert list(pictures.SCENES)
    assert {f"{name}.svg" for name in pictures.SCENES} == {path.name for path in IMAGES.glob("screen-*.svg")}


def test_the_script_takes_no_other_picture(pictures: Any) -> None:
    """The names by which scenes keep pictures are those of the list."""
    text = (CHECKOUT / "docs" / "pictures").read_text(encoding="utf-8")
    assert set(re.findall(r'"(screen-[a-z-]+)"', text)) == set(pictures.SCENES)
    assert all(text.count(f'"{name}"') == 2 for name in pictures.SCENES)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_says_what_it_shows(path: Path) -> None:
    """For a reader who cannot see it: a title, and a description in words."""
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    told = {name: root.findtext(f"{SVG}{name}") or "" for name in ("title", "desc")}
    assert root.get("role") == "img"
    assert all(told.values())
    assert len(told["desc"]) > len(told["title"])


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_asks_nobody_for_anything(path: Path) -> None:
    """No font, address or script from elsewhere."""
    assert outside(path.read_text(encoding="utf-8")) == []


def outside(svg: str) -> list[str]:
    named = svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    return re.findall(r"@font-face|@import|<script|<image|href|https?:|url\((?!#)", named)


def test_the_check_of_addresses_can_tell() -> None:
    """It sees what a terminal's picture usually fetches."""
    fetched = '<style>@font-face { src: url("https://example.org/font.woff2") }</style>'
    assert outside(fetched) == ["@font-face", "url(", "https:"]


def strange(svg: str) -> list[str]:
    """Return the absolute paths in what a picture shows that are not Ada's."""
    shown = re.sub(r"<[^>]*>", "\n", svg.replace("&#160;", " "))
    return [
        path for path in re.findall(r"(?<![\w.:~/-])/\w[\w.-]*/[\w./-]*", shown) if not path.startswith("/home/ada/")
    ]


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_no_place_of_a_machine_is_shown(path: Path) -> None:
    """Everything in them is Ada's."""
    assert strange(path.read_text(encoding="utf-8")) == []


def test_the_check_of_places_can_tell() -> None:
    """Ada's own, a web address and a slash between words are no machine's."""
    text = "<text>at&#160;/srv/build/x, /home/ada/shop, https://example.org/a/b, n/p next</text>"
    assert strange(text) == ["/srv/build/x"]


def test_what_differs_from_run_to_run_is_put_in_its_place(pictures: Any) -> None:
    """Paths, times and commits, each by as many characters as before: a screen has columns."""
    camera = pictures.Camera({"/tmp/1a2b": "/home/ada"})
    seen = "at /tmp/1a2b/shop 23:59:01 it is 36be7ea68, not 1f0c2a9d4; gate 3.2 s 36be7ea68 0123456 deadbeef\n"
    shown = camera.plain(seen)
    first, second, again = re.findall(r"\b[0-9a-f]{9}\b", shown)
    assert len(shown) == len(seen)
    assert shown.startswith("at /home/ada/shop 12:00:00 it")
    assert "gate 0.4 s" in shown
    assert (first, first != second) == (again, True)
    assert first != "36be7ea68"
    assert shown.endswith(" 0123456 deadbeef\n"), "a number is no commit, and neither is a word"
    assert camera.plain("of 36be7ea") == f"of {first[:7]}"
