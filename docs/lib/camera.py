"""Pictures of terminals: the cells of an attached client's screen as SVG, the same each time that they are made."""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from pyte.screens import Char
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from tests.support.attached import Attached


def _rgb(code: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


THEME = TerminalTheme(
    (24, 26, 32),
    (214, 218, 226),
    [_rgb(code) for code in "3b3f4a f07178 96cf7c e9c46a 6da4f0 c98be8 5eccd1 d6dae2".split()],
    [_rgb(code) for code in "787f8f ff8a90 aee692 fad985 8cbbff dca6f6 7de0e5 fafbfd".split()],
)
"""Ground, text, the eight colours and the eight bright ones of the terminal in the pictures."""

FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">
<title id="title">TITLE</title>
<desc id="desc">DESC</desc>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: 21px; white-space: pre; }}
.{unique_id}-title {{ font: 16px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">\
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own, without the fonts that it would fetch, and with words for who cannot see it.

The text is a little larger than rich would have it, so that lines which go down leave no gaps between rows.
"""

_COLOURS = {"brown": "yellow"} | {f"bright{name}": f"bright_{name}" for name in "black red green blue".split()}
_COLOURS |= {"brightbrown": "bright_yellow", "brightyellow": "bright_yellow", "brightmagenta": "bright_magenta"}
_COLOURS |= {"bfightmagenta": "bright_magenta", "brightcyan": "bright_cyan", "brightwhite": "bright_white"}
_CLOCK = re.compile(r"(?<!\d)\d\d:(?:\d\d:\d\d(?!\d)|(?=[│└┌]))")
"""A time of the day, also where a popup covers the most of it."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(?:\d{3}Z|\d\dZ |\dZ  )")
_BLOB = re.compile(r"(?<=[0-9a-f]{7}\.\.)[0-9a-f]{7}(?= \d{6})")
_TOOK = re.compile(r"(?<![\d.])\d\.\d s\b")
_ROW_END = re.compile(r"<text [^>]*>\n</text>")
_LONG = re.compile(r"\d+\.\d{4,}")
_COMMIT = re.compile(r"(?<![\w/.-])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{7,40}(?![\w/.-])")


@dataclass(frozen=True)
class Picture:
    """One screen. `name` is the file's, without folder and ending."""

    name: str
    title: str
    told: str
    svg: str


@dataclass
class Camera:
    """Takes pictures. `places` are paths of this machine and what stands for them, of the same length each."""

    places: dict[str, str]
    commits: dict[str, str] = field(default_factory=dict)
    taken: list[Picture] = field(default_factory=list)

    def take(self, person: Attached, name: str, title: str, told: str, *, rows: tuple[int, int] | None = None) -> None:
        """Keep what the person sees; `rows` are the first and the last row, counted from 0, of what is shown."""
        screen = person.screen
        text = self.plain("".join(screen.display))
        first, last = rows or (0, screen.lines - 1)
        console = Console(
            record=True, width=screen.columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
        )
        for row in range(first, last + 1):
            shown = text[row * screen.columns : (row + 1) * screen.columns]
            console.print(_Row(list(self._segments(person, row, shown))), end="", soft_wrap=True)
        svg = console.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="t", font_aspect_ratio=0.602)
        svg = _LONG.sub(lambda found: f"{float(found[0]):g}", _ROW_END.sub("\n", svg))
        svg = svg.replace("TITLE", escape(title), 1).replace("DESC", escape(told), 1)
        self.taken.append(Picture(name, title, told, "\n".join(row.rstrip() for row in svg.splitlines()) + "\n"))

    def plain(self, text: str) -> str:
        """Put what is the same each time in the places of paths, times of the day and commits."""
        for here, there in self.places.items():
            text = text.replace(here, there)
        text = _BLOB.sub(lambda found: self._commit(found[0]), _STAMP.sub("2026-01-01T12:00:00.000Z", text))
        text = _TOOK.sub("0.4 s", _CLOCK.sub(lambda found: "12:00:00"[: len(found[0])], text))
        return _COMMIT.sub(lambda found: self._commit(found[0]), text)

    def _commit(self, sha: str) -> str:
        known = next((c for c in self.commits if c.startswith(sha) or sha.startswith(c)), sha)
        if known == sha and sha not in self.commits:
            self.commits[sha] = hashlib.sha1(f"commit {len(self.commits)}".encode(), usedforsecurity=False).hexdigest()
        return self.commits[known][: len(sha)]

    def _segments(self, person: Attached, row: int, text: str) -> Iterator[Segment]:
        cells = person.screen.buffer[row]
        start = 0
        styles = [_style(cells[column]) for column in range(len(text))]
        for column, letter in enumerate(text):
            if letter != " " and cells[column].data == " ":
                # what stands here in its place is longer than what the screen had
                styles[column] = styles[column - 1]
        for column in range(1, len(text) + 1):
            if column == len(text) or styles[column] != styles[start]:
                yield Segment(text[start:column], styles[start])
                start = column


@dataclass
class _Row:
    segments: list[Segment]

    def __rich_console__(self, *_: object) -> Iterator[Segment]:
        yield from self.segments
        yield Segment("\n")


def _style(cell: Char) -> Style:
    fg, bg = _colour(cell.fg), _colour(cell.bg)
    return Style(
        color=fg, bgcolor=bg, bold=cell.bold, italic=cell.italics, reverse=cell.reverse, underline=cell.underscore
    )


def _colour(name: str) -> str | None:
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return _COLOURS.get(name, name)
