"""The reader: a phase's packet, its diff and its gate's log, and a key for each verdict."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from batty_tmux.core.attention import age_of
from batty_tmux.core.packet_report import advice_line, size
from batty_tmux.core.report import explain
from batty_tmux.core.review import Verdict
from batty_tmux.drive import reading
from batty_tmux.drive.project import Project
from batty_tmux.drive.reading import Painted, Reading
from batty_tmux.errors import BattyError
from batty_tmux.host.foreground import foreground
from batty_tmux.host.process import Stop, scrubbed
from batty_tmux.names import PhaseId, clean
from batty_tmux.screens.frame import Frame, Keys
from batty_tmux.screens.pager import Pager, Row
from batty_tmux.screens.review_rows import SECTIONS, Section, diff_rows, keys, packet_rows, tabs

_VERBS: Final[dict[Verdict, str]] = {"merge": "merged", "rework": "sent back", "escalate": "held"}
_ASKS: Final = {
    "rework": "what is to be done? ",
    "escalate": "why is it held? ",
    "find": "find: ",
}


@dataclass(frozen=True)
class Left:
    """How a person left the reader: what was done, in lines, and the phase whose window they want to see."""

    said: tuple[str, ...] = ()
    go: PhaseId | None = None


class Reader(Frame[Left]):
    """Reads one phase after another. A verdict is for the commit that is shown, and for nothing else."""

    CSS = """
    Screen { layout: vertical; background: ansi_default; color: ansi_default; }
    Static { height: 1; background: ansi_default; color: ansi_default; }
    #head { text-style: bold; }
    #keys { text-style: dim; }
    Input { height: 1; border: none; padding: 0; background: ansi_default; color: ansi_default; display: none; }
    Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "merge"),
        Binding("w", "ask('rework')"),
        Binding("W,ctrl+e", "edit"),
        Binding("e", "ask('escalate')"),
        Binding("o", "window"),
        Binding("n", "step(1)"),
        Binding("p", "step(-1)"),
        Binding("tab", "section(1)"),
        Binding("shift+tab", "section(-1)"),
        Binding("d", "show('diff')"),
        Binding("g", "show('log')"),
        Binding("slash", "ask('find')"),
        Binding("space,pagedown,f", "page(1)"),
        Binding("b,pageup", "page(-1)"),
        Binding("j,down", "move(1)"),
        Binding("k,up", "move(-1)"),
        Binding("home", "move(-1000000)"),
        Binding("end,G", "move(1000000)"),
        Binding("enter", "go_on"),
        Binding("q,escape", "leave"),
    ]

    def __init__(self, repo: Path, phase: PhaseId) -> None:
        super().__init__()
        self.repo = repo
        self.phase = phase
        self.done: list[str] = []
        self.reading: Reading | None = None
        self.painted: Painted | None = None
        self.section: Section = "packet"
        self.tops: dict[Section, int] = {}
        self.asking: str = ""
        self.busy = ""
        self.note = ""
        self.offered: PhaseId | None = None
        self.keys = Keys()
        self.stop: Stop | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="tabs")
        yield Static(id="advice")
        yield Pager()
        yield Static(id="note")
        yield Input(id="line", compact=True)
        yield self.keys

    def on_mount(self) -> None:
        self.pager.focus()
        self._open(self.phase)

    @property
    def pager(self) -> Pager:
        return self.query_one(Pager)

    # -- what is shown

    def _open(self, phase: PhaseId) -> None:
        """Read a phase. Until it is shown, no verdict is taken: keys that were pressed before are for nothing."""
        self.phase, self.reading, self.painted, self.offered = phase, None, None, None
        self.section, self.tops, self.note, self.busy = "packet", {}, "", "reads the packet"
        self._draw()
        width = max(self.size.width, 20)

        def gather() -> None:
            project = Project.around(self.repo)
            shown = reading.read(project, phase)
            self._tell(lambda: self._opened(shown))
            painted = reading.diff(project, shown.packet, width)
            self._tell(lambda: self._painted(shown, painted))

        self._aside(gather, "read")

    def _opened(self, shown: Reading) -> None:
        self.reading, self.busy = shown, ""
        refused = shown.refused.get("merge")
        self.note = f"no merge: {refused[1]}" if refused else ""
        self._fill()

    def _painted(self, shown: Reading, painted: Painted) -> None:
        if self.reading is shown:
            self.painted = painted
            if self.section == "diff":
                self._fill()

    def _fill(self) -> None:
        self.pager.show(tuple(self._rows()), self.tops.get(self.section, 0))
        self._draw()

    def _rows(self) -> Sequence[Row]:
        shown = self.reading
        if shown is None:
            return ()
        if self.section == "packet":
            return packet_rows(shown.nearby)
        if self.section == "log":
            told = reading.log(shown.packet)
            return [Row(line) for line in told] or [Row("no gate has run", "dim")]
        return diff_rows(self.painted)

    def _draw(self) -> None:
        shown = self.reading
        packet = shown.packet if shown is not None else None
        title = f"Review of {self.phase}{': ' + clean(packet.title, 300) if packet else ''}"
        self._line("head", title, self._place(), "bold")
        self._line("tabs", tabs(self.section), f"{packet.head[:9]}  {size(packet)}" if packet else "")
        advice = packet.advice if packet is not None else None
        told = f"the director {advice_line(advice)}: {' '.join(advice.reasons)}" if advice is not None else ""
        self.query_one("#advice", Static).display = bool(told)
        self._line("advice", clean(told, 600), "", "magenta")
        self._line("note", f"… {self.busy}" if self.busy else self.note, "", "yellow")
        free = shown is not None and not self.busy
        can = [verdict for verdict in reading.VERDICTS if shown is not None and free and verdict not in shown.refused]
        self.keys.offer(keys(can, self.size.width, offered=self.offered is not None))

    def _line(self, name: str, left: str, right: str = "", style: str = "") -> None:
        """Put a text, and one at the right, into one line of the screen; the left one gives way."""
        width = max(self.size.width, 20)
        room = max(0, width - len(right) - (2 if right else 0))
        text = Text(left, style=style, no_wrap=True, overflow="ellipsis")
        text.truncate(room, overflow="ellipsis", pad=bool(right))
        self.query_one(f"#{name}", Static).update(text + Text(f"  {right}" if right else ""))

    def _place(self) -> str:
        shown = self.reading
        if shown is None:
            return ""
        order = shown.waiting
        which = f"{order.index(self.phase) + 1} of {len(order)}" if self.phase in order else shown.state
        return f"{which}, {age_of(shown.seconds)}" if shown.seconds is not None else which

    # -- moving

    def action_show(self, section: Section) -> None:
        """Go to a section, and back to the packet from it."""
        self.tops[self.section] = self.pager.top
        self.section = "packet" if self.section == section else section
        self._fill()

    def action_section(self, by: int) -> None:
        self.tops[self.section] = self.pager.top
        self.section = SECTIONS[(SECTIONS.index(self.section) + by) % len(SECTIONS)]
        self._fill()

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.pager.size.height - 1))

    def action_move(self, by: int) -> None:
        self.pager.scroll_to(y=max(0, self.pager.top + by), animate=False, immediate=True)

    def action_step(self, by: int) -> None:
        """Read the next phase that waits, or the one before."""
        shown = self.reading
        if self.busy or shown is None:
            return
        order = shown.waiting if self.offered is None else (self.offered,)
        if self.phase in order and len(order) == 1:
            self._say("no other phase waits")
        elif order:
            at = order.index(self.phase) + by if self.phase in order else 0
            self._open(order[at % len(order)])

    def action_go_on(self) -> None:
        if self.offered is not None:
            self._open(self.offered)

    def on_resize(self) -> None:
        self._draw()

    # -- words

    def action_ask(self, what: str) -> None:
        """Ask for a line: feedback, a reason, or what to find."""
        if what != "find" and not self._may(what):  # type: ignore[arg-type]
            return
        self.asking = what
        self._say(_ASKS[what] + "(Enter, or Escape to leave it)")
        line = self.query_one(Input)
        line.value, line.display = "", True
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        told = event.value.strip()
        if self.asking == "find":
            found = self.pager.find(told)
            self._say("Enter finds the next, Escape ends it" if found else f"nothing holds {clean(told, 60)}")
        elif not told:
            self._say("nothing was typed")
        else:
            asked: Verdict = "rework" if self.asking == "rework" else "escalate"
            self._close_line()
            self._give(asked, told)

    def _close_line(self) -> None:
        line = self.query_one(Input)
        line.display, self.asking = False, ""
        self.pager.focus()

    def action_edit(self) -> None:
        """Write what is to be done in an editor; from the line, with what was typed there."""
        begun = self.query_one(Input).value if self.asking == "rework" else ""
        shown = self.reading
        if self.asking not in {"", "rework"} or not self._may("rework") or shown is None:
            return
        self._close_line()
        told = ""
        with TemporaryDirectory(prefix="batty-review-") as made:
            file = Path(made) / "rework.md"
            file.write_text(reading.draft(shown.packet, begun), encoding="utf-8", errors="replace")
            with self.suspend():
                edit = ("/bin/sh", "-c", '${VISUAL:-${EDITOR:-vi}} "$BATTY_DRAFT"')
                foreground(edit, scrubbed(os.environ) | {"BATTY_DRAFT": str(file)}, cwd=self.repo)
            told = reading.drafted(file.read_text(encoding="utf-8", errors="replace"))
        self.refresh(layout=True)
        if told:
            self._give("rework", told)
        else:
            self._say("nothing was written, so it stays as it is")

    # -- verdicts

    def action_merge(self) -> None:
        if self._may("merge"):
            self._give("merge", "")

    def _may(self, verdict: Verdict) -> bool:
        """Tell whether a verdict can be given to what is shown; say why where it cannot."""
        shown = self.reading
        if shown is None or self.busy:
            return False
        if self.offered is not None:
            self._say(f"{self.phase} has its verdict; Enter shows {self.offered}")
            return False
        refused = shown.refused.get(verdict)
        if refused is not None:
            self._say(f"{self.phase} cannot be {_VERBS[verdict]}: {refused[1]}")
        return refused is None

    def _give(self, verdict: Verdict, text: str) -> None:
        shown = self.reading
        if shown is None:
            return
        head, phase = shown.packet.head, self.phase
        self.busy = f"the gate runs on {head[:9]} (q ends it)" if verdict == "merge" and shown.proves else "a moment"
        self._draw()
        self.stop = stop = Stop()

        def carry() -> None:
            project = Project.around(self.repo)
            done = reading.decide(project, phase, verdict, text, lambda _: None, seen=head, stop=stop)
            project = Project.around(self.repo)
            left = tuple(one for one in reading.waiting(project) if one != phase)
            self._tell(lambda: self._given(done, left))

        self._aside(carry, "verdict")

    def _given(self, done: str, left: tuple[PhaseId, ...]) -> None:
        self._rest()
        self.done.append(f"✓ {clean(done, 300)}")
        if not left:
            self.exit(Left(tuple(self.done)))
            return
        self.offered = left[0]
        self._say(f"✓ {clean(done, 200)}. {self.offered} waits too: Enter shows it, q leaves")

    def _rest(self) -> None:
        self.busy = ""
        if self.stop is not None:
            self.stop.close()
            self.stop = None

    # -- leaving

    def action_window(self) -> None:
        """Leave for the phase's window."""
        if not self.busy:
            self.exit(Left(tuple(self.done), self.phase))

    def action_leave(self) -> None:
        if self.asking:
            self._close_line()
            self._say("")
        elif self.stop is not None:
            self.stop.set()
            self.busy = "the gate is being ended"
            self._draw()
        else:
            self.exit(Left(tuple(self.done)))

    # -- beside the screen

    def _say(self, words: str) -> None:
        self.note = words
        self._draw()

    def _aside(self, work: Callable[[], None], name: str) -> None:
        """Do what may take long in a thread; what goes wrong as expected is said on the screen."""

        def carry() -> None:
            try:
                work()
            except BattyError as refused:
                # keys are what goes on from here, not a command
                lines = explain(BattyError(refused.code, refused.what, evidence=refused.evidence[:3]))
                self._tell(lambda: self._refused(lines))

        self.run_worker(carry, name=name, group=name, thread=True, exclusive=True, exit_on_error=True)

    def _tell(self, what: Callable[[], None]) -> None:
        """Do something on the screen's own thread, unless what this thread was for has been given up."""
        if not get_current_worker().is_cancelled and self.is_running:
            self.call_from_thread(what)

    def _refused(self, lines: list[str]) -> None:
        self._rest()
        if self.reading is None:
            self.done.extend(lines)
            self.exit(Left(tuple(self.done)))
            return
        self._say("  ".join(line.strip() for line in lines))
