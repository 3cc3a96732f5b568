"""What the home window shows and offers, without a terminal: rows of words, and how many of them fit.

Every cell but the last of a row holds what batty made or proved: letters of one column each. So columns are padded
here, and only the last cell, which may hold anybody's words, is cut by whoever draws it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from batty_tmux.core.attention import Waiting, age_of, hold, typeable, waiting
from batty_tmux.core.events import AnyEvent
from batty_tmux.core.queue_report import expected_seconds, span_words, usual_seconds, why
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.report import GLYPHS, TONES, age, log_line, summary
from batty_tmux.core.status import PhaseStatus, Run
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, clean

Tone = Literal["plain", "dim", "head", "good", "busy", "ask", "bad"]
"""What colour adds to a word; none says anything that the word does not."""

WIDE: Final = 140
"""Columns from which what stands below the phases stands beside them."""
_SHARE: Final = 0.6
"""How much of a wide screen the phases have."""
_BROAD: Final = 100
"""Columns from which names and bars have room."""
_LONGEST: Final = 400
"""Characters of anybody's words that are ever drawn: more than any line is wide."""
_SHORT: Final = 9
_GONE: Final = frozenset({"landed", "withdrawn", "skipped"})
_DRAWN: Final[dict[str, Tone]] = {"calm": "dim", "works": "busy", "waits": "ask", "fails": "bad", "done": "good"}


@dataclass(frozen=True)
class Span:
    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Row:
    """One line. `phase` is what it is about, where it is about one."""

    spans: tuple[Span, ...]
    phase: PhaseId | None = None

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True)
class Section:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Facts:
    """All that the home window knows of a repository at one moment. `notes` are lines that want to be read."""

    name: str
    run: Run
    base: str
    queue: Queue
    statuses: tuple[PhaseStatus, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """What is shown. `height` is how many rows of `phases` are on the screen at once, the others are scrolled to.

    `others` are already cut to what fits; `width` is how many columns the phases have.
    """

    head: Row
    phases: Section
    others: tuple[Section, ...]
    width: int
    height: int
    wide: bool


def page(facts: Facts, now: datetime, columns: int, rows: int) -> Page:
    """Lay out what is known for a screen of so many columns, and of so many rows beside the lines of keys and words."""
    wide = columns >= WIDE
    width = int(columns * _SHARE) if wide else columns
    phases = _phases(facts.statuses, now, width)
    sections = [
        _needs(waiting(facts.statuses, now, facts.queue)),
        Section("look at", tuple(Row((Span(clean(note, _LONGEST)),)) for note in facts.notes)),
        _line(facts.queue, {s.phase.id: s.watch.host for s in facts.statuses}),
        _landings(facts.queue, now),
    ]
    there = [section for section in sections if section.rows]
    room = rows - 1
    wanted = [len(section.rows) for section in there]
    if wide:
        height, shares = room - 1, shared(room - len(there), wanted)
    else:
        room -= 1 + len(there)
        own = len(phases.rows) or 1
        shares = shared(max(room - own, room // 2), wanted)
        height = min(own, max(1, room - sum(shares)))
    cut = tuple(_cut(section, share) for section, share in zip(there, shares, strict=True) if share)
    return Page(_head(facts), phases, cut, width, height, wide)


def shared(room: int, wanted: Sequence[int]) -> list[int]:
    """Share rows out, one each in turn, the first first, until all have what they want or nothing is left."""
    shares = [0] * len(wanted)
    while room > 0 and shares != list(wanted):
        for place, want in enumerate(wanted):
            if room > 0 and shares[place] < want:
                shares[place] += 1
                room -= 1
    return shares


def bar(done: int, total: int, width: int) -> str:
    """Draw how far it is. Only what is done whole is drawn full, and only what has begun is not empty."""
    if total <= 0:
        return " " * width
    full = min(width, done * width // total)
    return "█" * full + "░" * (width - full)


def _cut(section: Section, share: int) -> Section:
    left = len(section.rows) - share
    if left <= 0:
        return section
    more = Row((Span(f"  … {left + 1} more", "dim"),))
    return Section(section.title, (*section.rows[: share - 1], more))


def _head(facts: Facts) -> Row:
    run = facts.run
    stopped = ", stopped" if run.stopped else ""
    where = f"run {run.id or '-'}{stopped}  {run.parallel} at once  {clean(facts.base, 40)} {facts.queue.tip[:_SHORT]}"
    return Row((Span(clean(facts.name, 40), "head"), Span(f"  {where}   "), Span(summary(facts.statuses), "head")))


def _phases(statuses: Sequence[PhaseStatus], now: datetime, width: int) -> Section:
    broad = width >= _BROAD
    names = _column([s.phase.id for s in statuses], 32 if broad else 16)
    counts = [f"{s.done}/{s.total}" for s in statuses]
    digits = max(map(len, counts), default=0)
    rows = []
    for status, name, count in zip(statuses, names, counts, strict=True):
        tone = _tone(status.state)
        spans = (
            Span(f"{GLYPHS[status.state]} ", tone),
            Span(f"{name} "),
            Span(f"{status.state:9} ", tone),
            Span(f"{age(status.since, now):>4} ", "dim"),
            Span(f"{bar(status.done, status.total, 12 if broad else 5)} {count:>{digits}}  "),
            Span(_told(status)),
        )
        rows.append(Row(spans, status.phase.id))
    return Section(f"phases {len(rows)}", tuple(rows))


def _told(status: PhaseStatus) -> str:
    """Return what a phase says, then what it is at: the first of it that there is room for is what matters most."""
    task = status.task.title if status.task else ""
    if status.state == "landed" and status.entry is not None and status.entry.landed is not None:
        return status.entry.landed.candidate[:_SHORT]
    held = {"paused": "paused", "you": "you type there", "": ""}[hold(status.watch)] if status.holds_a_slot else ""
    there = f"on {status.watch.host}" if status.watch.host else ""
    told = [text for text in (there, held, status.says, task) if text] or [status.phase.title]
    return "  ·  ".join(clean(text, _LONGEST) for text in told)


def _needs(found: Sequence[Waiting]) -> Section:
    names = _column([one.name for one in found], 16)
    rows = tuple(
        Row(
            (
                Span(f"{GLYPHS.get(one.state, '!')} ", _tone(one.state)),
                Span(f"{name} "),
                Span(f"{age_of(one.seconds):>4}  ", "dim"),
                *_asks(one),
            ),
            one.phase,
        )
        for one, name in zip(found, names, strict=True)
    )
    return Section(f"needs you {len(found)}", rows)


def _asks(one: Waiting) -> tuple[Span, Span]:
    """Return what is asked, and the command that settles it, which comes first where no phase's line has it."""
    told = clean(f"{one.question}{f' ({one.reason})' if one.reason else ''}", _LONGEST)
    command = f"↳ {typeable(one.command)}"
    if one.phase is None:
        return Span(f"{command}   ", "head"), Span(told)
    return Span(told), Span(f"   {command}" if one.command else "", "dim")


def _line(queue: Queue, hosts: Mapping[PhaseId, str]) -> Section:
    there = [entry for entry in queue.entries if entry.state not in _GONE]
    wait, usual = expected_seconds(queue), usual_seconds(queue)
    names = _column([entry.phase for entry in there], 16)
    rows = tuple(
        Row(
            (
                Span(f"{GLYPHS[entry.state]} ", _tone(entry.state)),
                Span(f"{name} "),
                Span(f"{entry.state:9} ", _tone(entry.state)),
                Span(f"{_about(wait.get(entry.phase)):>5}  ", "dim"),
                Span(clean(_from(hosts.get(entry.phase, "")) + why(queue, entry), _LONGEST)),
            ),
            entry.phase,
        )
        for entry, name in zip(there, names, strict=True)
    )
    takes = f"   a gate takes {_about(usual)}" if usual is not None else ""
    return Section(f"queue {len(rows)}{takes}", rows)


def _from(host: str) -> str:
    return f"from {host}  " if host else ""


def _about(seconds: float | None) -> str:
    return "-" if seconds is None else f"~{span_words(seconds)}"


def _landings(queue: Queue, now: datetime) -> Section:
    """Return the landings, the newest first: what was done last is what a person who comes back looks for."""
    landed = [(entry, entry.landed) for entry in queue.entries if entry.landed is not None]
    landed.sort(key=lambda of: of[1].seq, reverse=True)
    names = _column([entry.phase for entry, _ in landed], 16)
    rows = []
    for (entry, landing), name in zip(landed, names, strict=True):
        gate = queue.proof(landing.tree)
        took = f"gate passed in {gate.seconds:.1f} s" if gate is not None else ""
        undoes = f"takes back {entry.undoes[:_SHORT]}  " if entry.undoes else ""
        spans = (
            Span(f"{GLYPHS['landed']} ", "good"),
            Span(f"{name} "),
            Span(f"{age(landing.at, now):>4}  ", "dim"),
            Span(f"{landing.candidate[:_SHORT]}  {undoes}{took}"),
        )
        rows.append(Row(spans, entry.phase))
    return Section(f"landed {len(rows)}", tuple(rows))


def _column(names: Sequence[str], most: int) -> list[str]:
    """Pad names to one width, and cut those that would take more than their share of the line."""
    width = min(most, max(map(len, names), default=0))
    return [(name if len(name) <= width else f"{name[: width - 1]}…").ljust(width) for name in names]


# --- what can be done -------------------------------------------------------------------------------------------

Action = Literal["go", "answer", "review", "log", "pause"]
KEYS: Final[dict[Action, str]] = {"go": "enter", "answer": "a", "review": "r", "log": "l", "pause": "p"}
HELP: Final = (
    ("↑ ↓", "choose a phase; a click does the same"),
    ("enter", "go to its window; so does a click on the phase that is chosen"),
    ("a", "answer what it asks, or what has been asked for the longest"),
    ("r", "review it, or what has waited for the longest"),
    ("l", "what happened to it, in order"),
    ("p", "have its supervision type nothing, and again to let it go on"),
    ("q", "leave; nothing stops"),
)
_NOTHING: Final[dict[Action, tuple[str, str]]] = {
    "answer": ("nothing-asked", "nothing is asked now"),
    "review": ("nothing-to-review", "nothing waits for a review"),
}
STATES: Final = tuple(dict.fromkeys(GLYPHS.values()))


def help_rows() -> tuple[Row, ...]:
    """Return what the keys do, and which states each glyph stands for."""
    keys = [Row((Span(f"{key:>6}  ", "head"), Span(told))) for key, told in HELP]
    glyphs = [
        Row((Span(f"{glyph:>6}  ", "head"), Span(", ".join(state for state in GLYPHS if GLYPHS[state] == glyph))))
        for glyph in STATES
    ]
    return (*keys, Row((Span(""),)), *glyphs)


def log_rows(events: Sequence[AnyEvent], phase: PhaseId) -> tuple[Row, ...]:
    """Return what happened to a phase, the newest last."""
    lines = (log_line(event) for event in events if getattr(event, "phase", None) == phase)
    return tuple(Row((Span(line),)) for line in lines if line) or (Row((Span("nothing has happened to it yet"),)),)


@dataclass(frozen=True)
class Offer:
    """What a key does now: to which phase, or why it does nothing."""

    action: Action
    label: str
    phase: PhaseId | None
    refused: BattyError | None = None


def offers(facts: Facts, selected: PhaseId | None, now: datetime) -> tuple[Offer, ...]:
    """Say of each key what it would do while this phase is selected."""
    status = next((s for s in facts.statuses if s.phase.id == selected), None)
    found = waiting(facts.statuses, now)
    return (
        _go(status),
        _of_those_that_wait(found, status, "answer", "asking"),
        _of_those_that_wait(found, status, "review", "reviewing"),
        Offer("log", "log", selected, None if status else _nobody()),
        _pause(status),
    )


def next_line(facts: Facts, selected: PhaseId | None) -> str:
    """Return the command that moves the selected phase on; "" where it moves by itself."""
    status = next((s for s in facts.statuses if s.phase.id == selected), None)
    return f"{selected}  ↳ next: {typeable(status.next)}" if status is not None and status.next else ""


def refusal(error: BattyError) -> str:
    """Return a refusal as one line, with the command that goes on from there."""
    return f"✗ {clean(error.what, 200)}{f'   ↳ next: {typeable(error.next)}' if error.next else ''}"


def _nobody() -> BattyError:
    return BattyError("no-phase", "no phase is selected", next="batty status")


def _go(status: PhaseStatus | None) -> Offer:
    if status is None:
        return Offer("go", "go", None, _nobody())
    if status.watch.launched is not None:
        return Offer("go", "go", status.phase.id)
    what = f"{status.phase.id} has no window"
    return Offer("go", "go", None, BattyError("no-window", what, next=status.next or "batty status"))


def _of_those_that_wait(found: Sequence[Waiting], status: PhaseStatus | None, action: Action, state: str) -> Offer:
    """Take the selected phase if it waits for this, else the one that has waited longest."""
    if status is not None and (status.state == state or status.next == f"batty {action} {status.phase.id}"):
        return Offer(action, action, status.phase.id)
    oldest = next((one.phase for one in found if one.state == state), None)
    if oldest is not None:
        return Offer(action, f"{action} {oldest}", oldest)
    code, told = _NOTHING[action]
    return Offer(action, action, None, BattyError(code, told, next=(status and status.next) or "batty status"))


def _pause(status: PhaseStatus | None) -> Offer:
    if status is None:
        return Offer("pause", "pause", None, _nobody())
    if status.watch.launching is None or status.watch.closed:
        what = f"{status.phase.id} is not at work, so nothing supervises it"
        return Offer("pause", "pause", None, BattyError("not-at-work", what, next=status.next or "batty status"))
    return Offer("pause", "unpause" if hold(status.watch) else "pause", status.phase.id)


def _tone(state: str) -> Tone:
    """Return how a state is drawn; a queue that stands still, which is no phase's, as what has failed."""
    return "bad" if state == "standstill" else _DRAWN[TONES.get(state, "calm")]
