"""What all screens share: the terminal's own colours, a line of keys, a line that says what was done or refused."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from batty_tmux.core.dashboard import Row, Tone, refusal
from batty_tmux.errors import BattyError

R = TypeVar("R")

TONES: Final[Mapping[Tone, str]] = {
    "plain": "",
    "dim": "dim",
    "head": "bold",
    "good": "ansi_green",
    "busy": "ansi_cyan",
    "ask": "bold ansi_yellow",
    "bad": "bold ansi_red",
}


def drawn(*rows: Row) -> Content:
    """Return rows as they are drawn. Nothing in them is markup."""
    lines = [Content.assemble(*((span.text, TONES[span.tone]) for span in row.spans)) for row in rows]
    return Content("\n").join(lines)


@dataclass(frozen=True)
class Key:
    """A key that does something now. `action` is a Textual action, such as `app.leave`."""

    key: str
    label: str
    action: str


class Line(Static):
    """One line of words: what does not fit is cut, and nothing in it is markup."""

    DEFAULT_CSS = "Line { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, id: str) -> None:  # noqa: A002 -- as in every widget of Textual's
        super().__init__("", markup=False, id=id)
        self.shown = Content("")

    def show(self, content: Content) -> None:
        """Draw it, if it is not what is there."""
        if content != self.shown:
            self.shown = content
            self.update(content)


class Keys(Line):
    """The keys that do something now; a click does the same."""

    def __init__(self, id: str = "keys") -> None:  # noqa: A002
        super().__init__(id)
        self._places: list[tuple[range, str]] = []

    def offer(self, keys: Sequence[Key]) -> None:
        told, self._places = Content(""), []
        for key in keys:
            told = Content.assemble(told, "  ") if self._places else told
            start = told.cell_length
            told = Content.assemble(told, (key.key, "bold"), f" {key.label}")
            self._places.append((range(start, told.cell_length), key.action))
        self.show(told)

    async def on_click(self, event: Click) -> None:
        for place, action in self._places:
            if event.x in place:
                await self.run_action(action)


class Frame(App[R]):
    """A screen of batty's. It takes the terminal's colours as they are, moves nothing by itself, and ^C leaves it."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen, ModalScreen { background: ansi_default; color: ansi_default; }
    .title { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "leave", show=False, priority=True)]

    def __init__(self) -> None:
        self.environ = dict(os.environ)
        """The environment as it was: Textual takes NO_COLOR out of it."""
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self.said = Line("said")
        self.bug: Exception | None = None

    def run_to_its_end(self) -> R | None:
        """Run it until it is left. Raises what went wrong in it: a bug is told by the command line, as all are."""
        left = self.run()
        if self.bug is not None:
            raise self.bug
        return left

    def _handle_exception(self, error: Exception) -> None:
        """Leave, instead of printing all that was in memory, as Textual would."""
        self.bug = self.bug or error
        self.exit(return_code=1)

    def action_leave(self) -> None:
        self.exit()

    def say(self, text: str) -> None:
        """Say it in the line for that."""
        self.said.show(Content(text))

    def refuse(self, error: BattyError) -> None:
        """Say why something was not done, and the command that goes on from there."""
        self.say(refusal(error))
