"""Many lines in a window, wrapped at its width, each drawn only when it is looked at. No line is taken for markup."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True)
class Row:
    """One line of text. `style` is for all of it; with `coloured` it holds colours of its own, and nothing else."""

    text: str
    style: str = ""
    coloured: bool = False
    words: bool = False
    """Whether it is broken between words where it does not fit."""

    @property
    def seen(self) -> str:
        return _COLOUR.sub("", self.text) if self.coloured else self.text

    def drawn(self) -> Text:
        text = Text.from_ansi(self.text) if self.coloured else Text(self.text)
        if self.style:
            text.stylize_before(self.style)
        return text


class Pager(ScrollView, can_focus=True):
    """Shows rows. `top` is where it looks, counted in lines of the screen."""

    DEFAULT_CSS = """
    Pager { height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size: 0 0; background: ansi_default; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()
        self._starts: list[int] = [0]
        self._long: dict[int, tuple[Text, ...]] = {}
        self._width = 0

    @property
    def top(self) -> int:
        return round(self.scroll_offset.y)

    @property
    def total(self) -> int:
        return self._starts[-1]

    def show(self, rows: Sequence[Row], top: int = 0) -> None:
        """Show these rows from a line of the screen on."""
        self._rows, self._width = rows, 0
        self._measure()
        self.scroll_to(y=top, animate=False, immediate=True)
        self.refresh()

    def on_resize(self) -> None:
        row = bisect_right(self._starts, self.top) - 1
        self._measure()
        if 0 <= row < len(self._rows):
            self.scroll_to(y=self._starts[row], animate=False, immediate=True)

    def _measure(self) -> None:
        width = self.size.width
        if width <= 0 or width == self._width:
            return
        self._width, self._long = width, {}
        heights = []
        for number, row in enumerate(self._rows):
            if len(row.text) <= width // 2 or cell_len(row.seen) <= width:
                heights.append(1)
                continue
            self._long[number] = tuple(_broken(row, width))
            heights.append(len(self._long[number]))
        self._starts = list(accumulate(heights, initial=0))
        self.virtual_size = Size(width, self.total)

    def render_line(self, y: int) -> Strip:
        at = self.top + y
        if at >= self.total or self._width <= 0:
            return Strip.blank(self.size.width, self.rich_style)
        number = bisect_right(self._starts, at) - 1
        pieces = self._long.get(number)
        text = pieces[at - self._starts[number]] if pieces else self._rows[number].drawn()
        strip = Strip(text.render(self.app.console, end=""))
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def find(self, words: str) -> bool:
        """Go to the next row below the top that holds the words, whatever their case; False where none does."""
        wanted = words.lower()
        here = bisect_right(self._starts, self.top) - 1
        order = (*range(here + 1, len(self._rows)), *range(min(here + 1, len(self._rows))))
        found = next((number for number in order if wanted in self._rows[number].seen.lower()), None)
        if found is None or not wanted:
            return False
        self.scroll_to(y=self._starts[found], animate=False, immediate=True)
        return True


def _broken(row: Row, width: int) -> Iterator[Text]:
    """Yield a long row in pieces that fit."""
    text = row.drawn()
    if row.words:
        indent = len(row.text) - len(row.text.lstrip(" -"))
        first, *rest = _wrapped(text, width)
        yield first
        yield from (_indented(piece, min(indent, width // 2)) for piece in rest)
        return
    yield from text.divide(_cuts(text.plain, width))


def _wrapped(text: Text, width: int) -> list[Text]:
    from rich.console import Console  # noqa: PLC0415 -- only where a line is long

    return list(text.wrap(Console(width=width, force_terminal=False), max(1, width - 4), overflow="fold"))


def _indented(text: Text, indent: int) -> Text:
    return Text(" " * min(indent, 4)) + text


def _cuts(plain: str, width: int) -> Iterator[int]:
    """Yield where a line is cut so that no piece has more cells than there are columns."""
    taken = 0
    for at, char in enumerate(plain):
        cells = cell_len(char)
        if taken + cells > width:
            yield at
            taken = 0
        taken += cells
