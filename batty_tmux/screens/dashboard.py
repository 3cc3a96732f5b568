"""The home window: the phases, the queue, what needs you, what landed; and the keys that lead on from there."""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from batty_tmux.core.attention import hold
from batty_tmux.core.dashboard import (
    KEYS,
    Action,
    Facts,
    Offer,
    Row,
    Section,
    help_rows,
    log_rows,
    next_line,
    offers,
    page,
)
from batty_tmux.drive import pausing
from batty_tmux.drive.going import go
from batty_tmux.drive.lookout import Lookout
from batty_tmux.drive.project import Project, program
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.foreground import foreground
from batty_tmux.names import PhaseId
from batty_tmux.screens.frame import Frame, Key, Keys, Line, drawn

_AGES = 20
"""Seconds between two looks at whether an age has become another."""
_BELOW = 2
"""Rows below the page: what was said, and the keys."""


_REVERSE = Style(reverse=True)
_GAP = 2
"""Columns between the phases and what stands beside them."""


class Seen(Message):
    """What the lookout has seen, or why it could not look."""

    def __init__(self, found: Facts | BattyError) -> None:
        super().__init__()
        self.found = found


class Done(Message):
    """What came of something that was done beside the screen."""

    def __init__(self, said: str | BattyError) -> None:
        super().__init__()
        self.said = said


class Phases(OptionList):
    """One line a phase. The chosen one stays chosen wherever it moves to."""

    DEFAULT_CSS = """
    Phases {
        border: none; padding: 0; background: ansi_default; color: ansi_default;
        text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1;
        &:focus { border: none; background: ansi_default; }
        & > .option-list--option { padding: 0; }
        & > .option-list--option-hover { background: ansi_default; }
        & > .option-list--option-highlighted { background: ansi_default; color: ansi_default; text-style: none; }
        &:focus > .option-list--option-highlighted { background: ansi_default; color: ansi_default; text-style: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="phases", classes="-ansi-scrollbar", markup=False)
        self._rows: tuple[Row, ...] = ()

    @property
    def chosen(self) -> PhaseId | None:
        return self._rows[self.highlighted].phase if self.highlighted is not None else None

    def choose(self, phase: PhaseId | None) -> None:
        places = [row.phase for row in self._rows]
        if phase in places:
            self.highlighted = places.index(phase)

    def show(self, rows: tuple[Row, ...]) -> None:
        """Draw the lines that are others than those that are there."""
        before, chosen = self._rows, self.chosen
        self._rows = rows
        if [row.phase for row in before] == [row.phase for row in rows]:
            for place, (old, new) in enumerate(zip(before, rows, strict=True)):
                if old != new:
                    self.replace_option_prompt_at_index(place, drawn(new))
            return
        self.set_options(Option(drawn(row)) for row in rows)
        self.highlighted = 0 if rows else None
        self.choose(chosen)

    def render_line(self, y: int) -> Strip:
        """Draw the chosen line in reverse, which a style sheet cannot say here and no lack of colours takes away."""
        strip = super().render_line(y)
        return strip.apply_style(_REVERSE) if self.scroll_offset.y + y == self.highlighted else strip

    def on_click(self, event: Click) -> None:
        """Choose what is clicked on; what is chosen already is gone to, as by a second click."""
        event.prevent_default()
        place = event.style.meta.get("option")
        if place is not None and place == self.highlighted:
            self.action_select()
        elif place is not None:
            self.highlighted = place


class Others(Static):
    """What stands below or beside the phases. A click on a line chooses its phase."""

    DEFAULT_CSS = "Others { text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self) -> None:
        super().__init__("", markup=False, id="others")
        self._lines: list[tuple[Row | None, Content]] = []

    def show(self, sections: Sequence[Section], width: int) -> None:
        lines: list[tuple[Row | None, Content]] = []
        for section in sections:
            lines.append((None, titled(section.title, width)))
            lines += [(row, drawn(row)) for row in section.rows]
        if lines != self._lines:
            self._lines = lines
            self.update(Content("\n").join(content for _, content in lines))

    def on_click(self, event: Click) -> None:
        row = self._lines[event.y][0] if event.y < len(self._lines) else None
        if row is not None and row.phase is not None:
            self.app.query_one(Phases).choose(row.phase)


class Reading(ModalScreen[None]):
    """Lines to read, over the whole screen; `lines` is asked again whenever something has happened."""

    DEFAULT_CSS = "Reading VerticalScroll { background: ansi_default; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,l,ctrl+c,question_mark", "dismiss", show=False)]

    def __init__(self, title: str, lines: Callable[[], tuple[Row, ...]]) -> None:
        super().__init__()
        self._title, self._of = Line("title"), lines
        self._title.show(titled(title, 400))
        self._rows: tuple[Row, ...] = ()
        self._text = Static("", markup=False)
        self._scroll = VerticalScroll(self._text, classes="-ansi-scrollbar")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._scroll
        yield Static("↑ ↓ scroll   q back", markup=False)

    def on_mount(self) -> None:
        self._scroll.focus()
        self.read()
        self._scroll.scroll_end(animate=False)

    def read(self) -> None:
        """Show what there is to read by now; who reads the end goes on reading the end."""
        rows = self._of()
        if rows == self._rows:
            return
        at_the_end = self._scroll.scroll_offset.y >= self._scroll.max_scroll_y
        self._rows = rows
        self._text.update(drawn(*rows))
        if at_the_end:
            self._scroll.scroll_end(animate=False)


def titled(title: str, width: int) -> Content:
    return Content.assemble((title, "bold"), (" " + "─" * max(0, width - len(title) - 1), "dim"))


class Dashboard(Frame[None]):
    """Draws what a lookout sees. Leaving it stops nothing."""

    CSS = """
    #body { height: 1fr; layout: vertical; }
    #left { height: auto; }
    #others { height: auto; width: 1fr; }
    #body.-wide { layout: horizontal; }
    #body.-wide #left { height: 1fr; padding-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", show=False),
        Binding("a", "do('answer')", show=False),
        Binding("r", "do('review')", show=False),
        Binding("l", "do('log')", show=False),
        Binding("p", "do('pause')", show=False),
        Binding("question_mark", "help", show=False),
    ]

    def __init__(self, lookout: Lookout) -> None:
        super().__init__()
        self._lookout = lookout
        self._facts: Facts | None = None
        self._busy = False
        self._about: tuple[PhaseId | None] | None = None
        """The phase that was chosen when something was said; None where only its next command is."""
        self._in_trouble = False
        self._head, self._title, self._keys = Line("head"), Line("title"), Keys()
        self._phases, self._others = Phases(), Others()
        self._left = Vertical(self._title, self._phases, id="left")
        self._body = Container(self._left, self._others, id="body")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._body
        yield self.said
        yield self._keys

    def on_mount(self) -> None:
        self.say("looking ...")
        self._phases.focus()
        self.set_interval(_AGES, self._draw)
        Thread(target=self._look, daemon=True, name="lookout").start()

    def on_unmount(self) -> None:
        self._lookout.end()

    def on_resize(self) -> None:
        self._draw()

    def _look(self) -> None:
        try:
            self._lookout.watch(lambda found: void(self.post_message(Seen(found))))
        except Exception as problem:  # noqa: BLE001 -- a bug in another thread would go unseen
            self.call_from_thread(self._handle_exception, problem)

    def on_seen(self, message: Seen) -> None:
        if isinstance(message.found, BattyError):
            self._in_trouble = True
            self._tell(message.found)
            return
        if self._in_trouble:
            self._in_trouble, self._about = False, None
        self._facts = message.found
        self._draw()
        if isinstance(self.screen, Reading):
            self.screen.read()

    def _draw(self) -> None:
        """Draw what has become another since the last time, and nothing else."""
        facts = self._facts
        if facts is None:
            return
        columns, rows = self.size
        shown = page(facts, now(), columns, rows - _BELOW)
        self._head.show(drawn(shown.head))
        self._body.set_class(shown.wide, "-wide")
        self._left.styles.width = shown.width
        self._phases.styles.height = shown.height
        self._title.show(titled(shown.phases.title, shown.width - _GAP if shown.wide else columns))
        self._phases.show(shown.phases.rows)
        self._others.show(shown.others, columns - shown.width if shown.wide else columns)
        self._lead_on()

    def _lead_on(self) -> None:
        """Show what can be done with the chosen phase; what was said about another is said no longer."""
        if self._facts is not None and self._about != (self._phases.chosen,):
            self._about = None
            self.say(next_line(self._facts, self._phases.chosen))
        keys = [Key(KEYS[o.action], o.label, f"app.do('{o.action}')") for o in self._offers() if o.refused is None]
        self._keys.offer([*keys, Key("q", "leave", "app.leave"), Key("?", "help", "app.help")])

    # -- keys

    def on_option_list_option_highlighted(self) -> None:
        self._lead_on()

    def on_option_list_option_selected(self) -> None:
        self.action_do("go")

    def _offers(self) -> tuple[Offer, ...]:
        return offers(self._facts, self._phases.chosen, now()) if self._facts is not None else ()

    def action_do(self, action: Action) -> None:
        """Do what the key says, or say why that cannot be."""
        offer = next((offer for offer in self._offers() if offer.action == action), None)
        if offer is None or self._facts is None:
            return
        if offer.refused is not None or offer.phase is None:
            self._tell(offer.refused or BattyError("no-phase", "no phase is chosen", next="batty status"))
        elif action in {"answer", "review"}:
            self._give_way(action, offer.phase)
        elif action == "log":
            events = self._lookout.project.place.records.events
            self.push_screen(Reading(f"log of {offer.phase}", partial(log_rows, events, offer.phase)))
        else:
            self._beside(partial(self._go if action == "go" else self._pause, offer.phase))

    def action_help(self) -> None:
        self.push_screen(Reading("keys", help_rows))

    def _give_way(self, verb: str, phase: PhaseId) -> None:
        """Let the command have the terminal until it ends."""
        argv = (*program(), "--repo", str(self._lookout.project.place.home), verb, phase)
        with self.suspend():
            # a refusal ends at once, and is to be read
            if foreground(argv, self.environ):
                wait_for_enter()
        self._lookout.look_now()

    def _beside(self, work: Callable[[], str]) -> None:
        """Do what asks tmux or git in another thread; one thing at a time."""
        if not self._busy:
            self._busy = True
            self.run_worker(partial(self._work, work), thread=True)

    def _work(self, work: Callable[[], str]) -> None:
        try:
            self.post_message(Done(work()))
        except BattyError as refused:
            self.post_message(Done(refused))

    def on_done(self, message: Done) -> None:
        self._busy = False
        if message.said:
            self._tell(message.said)
        self._lookout.look_now()

    def _tell(self, said: str | BattyError) -> None:
        """Say what was done or refused, until another phase is chosen."""
        self._about = (self._phases.chosen,)
        if isinstance(said, BattyError):
            self.refuse(said)
        else:
            self.say(said)

    def _go(self, phase: PhaseId) -> str:
        project = self._lookout.project
        watch = next(s.watch for s in self._facts.statuses if s.phase.id == phase) if self._facts else None
        go(project.terminal, phase, watch.launched if watch else None, self.environ)
        return ""

    def _pause(self, phase: PhaseId) -> str:
        opened = self._lookout.project
        # opened anew: the lookout's thread reads on in its own
        project = Project.around(opened.place.home, opened.base.name)
        if hold(project.watch(phase)):
            pausing.unpause(project, phase)
            return f"✓ {phase} is supervised again"
        pausing.pause(project, phase)
        return f"✓ {phase} is paused: its supervision types nothing   ↳ p, or batty unpause {phase}"


def show(project: Project) -> None:
    """Show the home window until a person leaves it."""
    Dashboard(Lookout(project)).run_to_its_end()


def wait_for_enter() -> None:
    try:
        input("\nEnter goes back to the dashboard ")
    except (EOFError, KeyboardInterrupt):
        return


def void(_: object) -> None:
    """Take an answer that nobody wants."""
