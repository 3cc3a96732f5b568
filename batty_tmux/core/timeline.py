"""The state of each phase over time: the folds of `batty status`, asked after every event, not only at the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

from batty_tmux.core import merge_queue, watch
from batty_tmux.core.board import Phase
from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    Landed,
    PhaseEvent,
    PinsChanged,
    QueuePaused,
    QueueResumed,
    RunStarted,
)
from batty_tmux.core.queue_state import Entry, Queue
from batty_tmux.core.status import PhaseStatus, State, derive
from batty_tmux.core.watch import Watch
from batty_tmux.names import PhaseId, RunId, Sha

Kind = Literal["working", "gating", "waiting", "queued", "limited", "idle", "over"]
"""What time is spent on: an agent works, a gate runs, a person is waited for, the queue is, the end of a usage limit
is, the phase has not begun, or it is over."""

KINDS: Final[tuple[Kind, ...]] = ("working", "gating", "waiting", "queued", "limited", "idle")
"""Those that take time, in the order in which they are shown."""

_OF_STATES: Final[Mapping[State, Kind]] = {
    "working": "working",
    "checking": "gating",
    "gating": "gating",
    "queued": "queued",
    "ready": "idle",
    "blocked": "idle",
    "landed": "over",
    "skipped": "over",
}
_OF_ALL: Final = (QueuePaused, QueueResumed, BaseMoved, PinsChanged, Landed)
"""Events that may change what is to be said of any phase."""


@dataclass(frozen=True)
class Interval:
    """A span in which a phase was in one state; `end` is the begin of the next, or of what is told as a whole."""

    state: State
    kind: Kind
    begin: datetime
    end: datetime
    why: str = ""

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True)
class Lane:
    """One phase from the run's begin to its end. `next` is the command that moves it on now, if any does.

    `host` is where it was worked on, "" for this machine.
    """

    phase: PhaseId
    title: str
    intervals: tuple[Interval, ...]
    next: str = ""
    host: str = ""

    @property
    def last(self) -> Interval:
        return self.intervals[-1]

    def seconds(self, kind: Kind) -> float:
        return sum(one.seconds for one in self.intervals if one.kind == kind)


@dataclass(frozen=True)
class Span:
    """The time of one run. `going` says that it goes on until now; else it ends with the last thing that happened."""

    run: RunId
    begin: datetime
    end: datetime
    newest: bool = True
    going: bool = False


def span(events: Iterable[AnyEvent], run: RunId, now: datetime, *, moving: bool) -> Span | None:
    """Return the time of a run: from its first `work` to the next run's. None where there is no such run.

    The newest one goes on until `now` while anything of it is `moving` or waits.
    """
    begin = last = after = None
    for event in events:
        if isinstance(event, RunStarted):
            if event.run == run and begin is None:
                begin = event.at
            elif event.run != run and begin is not None:
                after = event.at
                break
        if begin is not None:
            last = event.at
    if begin is None or last is None:
        return None
    newest = after is None
    going = newest and moving
    return Span(run, begin, max(begin, now if going else last), newest=newest, going=going)


@dataclass(frozen=True)
class _Moment:
    """What held of a phase from one time on."""

    at: datetime
    state: State
    kind: Kind
    why: str


@dataclass
class _Lane:
    """A phase while the journal is folded. `heard` is when something last happened to it."""

    phase: Phase
    watch: Watch
    entry: Entry | None = None
    moments: list[_Moment] = field(default_factory=list)
    heard: datetime | None = None

    def look(self, at: datetime, queue: Queue, landed: frozenset[PhaseId], *, back: bool) -> None:
        """Note what `batty status` would have said, where that is news."""
        undone = queue.undone(self.phase.id, _all_landed(queue, self.phase.id)) if back else None
        told = derive(self.phase, self.watch, queue, landed, None, undone)
        self.note(_Moment(at, told.state, kind_of(told), told.says))

    def note(self, now: _Moment) -> None:
        before = self.moments[-1] if self.moments else None
        if before is not None and now.at < before.at:
            # several processes write, each by its own look at the clock
            now = replace(now, at=before.at)
        if before is None or (before.state, before.kind, before.why) != (now.state, now.kind, now.why):
            self.moments.append(now)


def kind_of(status: PhaseStatus) -> Kind:
    """Return what a phase's time is spent on while this is its status."""
    if status.waits_for_a_person:
        return "waiting"
    return "limited" if status.state == "stuck" else _OF_STATES[status.state]


def _all_landed(queue: Queue, phase: PhaseId) -> frozenset[Sha]:
    return frozenset(e.landed.candidate for e in queue.entries if e.phase == phase and e.landed is not None)


class _Draft:
    """Folds a journal once for all phases, and looks at a phase whenever something of it has changed."""

    def __init__(self, phases: Iterable[Phase], before: Iterable[PhaseId], begin: datetime) -> None:
        self.queue = Queue()
        self.lanes = {phase.id: _Lane(phase, Watch(phase.id)) for phase in phases}
        self.given = frozenset(before)
        self.landed = self.given
        self.undoing: set[PhaseId] = set()
        for lane in self.lanes.values():
            lane.look(begin, self.queue, self.landed, back=False)

    def fold(self, event: AnyEvent) -> None:
        queue = merge_queue.apply(self.queue, event)
        moved, self.queue = queue is not self.queue, queue
        if isinstance(event, PhaseEvent):
            self._of_phase(event, moved=moved)
        if isinstance(event, _OF_ALL):
            self.landed = self._landed()
            for lane in self.lanes.values():
                self._look(lane, event.at)

    def _of_phase(self, event: PhaseEvent, *, moved: bool) -> None:
        lane = self.lanes.get(event.phase)
        if lane is None:
            return
        lane.heard = event.at
        after = watch.apply(lane.watch, event)  # type: ignore[arg-type]  # every PhaseEvent is one of AnyEvent
        entry = self.queue.of(event.phase) if moved else lane.entry
        if after is lane.watch and entry is lane.entry:
            return
        if entry is not None and entry.undoes:
            self.undoing.add(event.phase)
        closed, lane.watch, lane.entry = lane.watch.closed, after, entry
        if closed != after.closed or event.phase in self.undoing:
            self.landed = self._landed()
        self._look(lane, event.at)

    def _look(self, lane: _Lane, at: datetime) -> None:
        lane.look(at, self.queue, self.landed, back=lane.phase.id in self.undoing)

    def _landed(self) -> frozenset[PhaseId]:
        """Return the phases that are over: landed, with no launch going on, and not taken back."""
        over = {e.phase for e in self.queue.entries if e.landed is not None}
        over = {p for p in over if p in self.lanes and self.lanes[p].watch.state in {"idle", "closed"}}
        taken = {p for p in self.undoing if self.queue.undoing(p) or self.queue.undone(p, _all_landed(self.queue, p))}
        return frozenset((over | self.given) - taken)


def lanes(statuses: Sequence[PhaseStatus], events: Sequence[AnyEvent], told: Span) -> tuple[Lane, ...]:
    """Return the lane of each phase that has anything to do with the run, in the order of the statuses.

    The newest run ends with what `batty status` says now: what only a look at git and tmux tells (a base that was
    moved, a window that is gone) holds from the last thing that was heard of the phase.
    """
    ever = {event.phase for event in events if isinstance(event, Landed)}
    before = [s.phase.id for s in statuses if s.state == "landed" and s.phase.id not in ever]
    known = {status.phase.id: status for status in statuses}
    heard = {e.phase: None for e in events if isinstance(e, PhaseEvent) and told.begin <= e.at <= told.end}
    gone = [Phase(name, str(name)) for name in heard if name not in known]
    draft = _Draft((*(status.phase for status in statuses), *gone), before, told.begin)
    for event in events:
        if not told.newest and event.at > told.end:
            break
        draft.fold(event)
    made = [_lane(lane, known.get(name), told) for name, lane in draft.lanes.items()]
    return tuple(lane for lane in made if lane.phase in heard or any(one.kind != "over" for one in lane.intervals))


def _lane(draft: _Lane, status: PhaseStatus | None, told: Span) -> Lane:
    moments = draft.moments
    if told.newest and status is not None and moments:
        last = moments[-1]
        now = _Moment(last.at, status.state, kind_of(status), status.says)
        if last.state == status.state:
            moments = [*moments[:-1], now]
        else:
            moments = [*moments, replace(now, at=max(last.at, draft.heard or last.at))]
    ends = [*(moment.at for moment in moments[1:]), told.end]
    cut = (
        Interval(m.state, m.kind, max(m.at, told.begin), min(max(end, told.begin), told.end), m.why)
        for m, end in zip(moments, ends, strict=True)
    )
    spans = _joined(one for one in cut if one.begin < one.end)
    last_one = moments[-1]
    if not spans or spans[-1].state != last_one.state:
        spans.append(Interval(last_one.state, last_one.kind, told.end, told.end, last_one.why))
    follow = status.next if told.newest and status is not None else ""
    return Lane(draft.phase.id, draft.phase.title, tuple(spans), follow, draft.watch.host)


def _joined(spans: Iterable[Interval]) -> list[Interval]:
    """Join what only something shorter than the clock tells apart."""
    found: list[Interval] = []
    for one in spans:
        before = found[-1] if found else None
        if before is not None and (before.state, before.kind, before.why) == (one.state, one.kind, one.why):
            found[-1] = replace(before, end=one.end)
        else:
            found.append(one)
    return found


# --- a scale on which nights take no room ------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """A piece of the axis: a time, and where it is drawn, from 0 to 1. What is `cut` is drawn shorter than it is."""

    begin: datetime
    end: datetime
    left: float
    right: float
    cut: bool = False

    def place(self, at: datetime) -> float:
        whole = (self.end - self.begin).total_seconds()
        share = (at - self.begin).total_seconds() / whole if whole else 0.0
        return self.left + (self.right - self.left) * share


_CUT: Final = 0.06
"""What a cut takes of the axis."""
_MOST: Final = 5
_QUIET: Final = 60.0
"""Seconds below which nothing is cut."""


def scale(told: Span, rows: Iterable[Lane]) -> tuple[Stretch, ...]:
    """Return the axis. Long times in which no agent works and no gate runs are cut short: a night says little."""
    every = [one for lane in rows for one in lane.intervals]
    marks = sorted({told.begin, told.end, *(one.begin for one in every), *(one.end for one in every)})
    busy = [(one.begin, one.end) for one in every if one.kind in {"working", "gating"}]
    pieces = list(pairwise(marks))
    still = _still(pieces, busy)
    lengths = {piece: (piece[1] - piece[0]).total_seconds() for piece in pieces}
    rest = sum(length for piece, length in lengths.items() if piece not in still)
    longest = sorted(still, key=lengths.__getitem__, reverse=True)[:_MOST]
    cuts = {piece for piece in longest if rest and lengths[piece] > max(_QUIET, rest / 4)}
    if not pieces:
        return (Stretch(told.begin, told.end, 0.0, 1.0),)
    drawn = sum(length for piece, length in lengths.items() if piece not in cuts)
    room = 1 - _CUT * len(cuts)
    found: list[Stretch] = []
    for piece in pieces:
        left = found[-1].right if found else 0.0
        width = _CUT if piece in cuts else room * lengths[piece] / drawn
        before = found[-1] if found and piece not in cuts and not found[-1].cut else None
        if before is not None:
            found[-1] = replace(before, end=piece[1], right=left + width)
        else:
            found.append(Stretch(*piece, left, left + width, piece in cuts))
    return (*found[:-1], replace(found[-1], right=1.0))


def _still(
    pieces: Sequence[tuple[datetime, datetime]], busy: Sequence[tuple[datetime, datetime]]
) -> set[tuple[datetime, datetime]]:
    """Return the pieces in which nothing is busy. Both are in pieces that no begin or end divides."""
    starts = sorted(busy)
    found, at, until = set(), 0, datetime.min.replace(tzinfo=pieces[0][0].tzinfo) if pieces else None
    for piece in pieces:
        while at < len(starts) and starts[at][0] <= piece[0]:
            until = max(until, starts[at][1]) if until is not None else starts[at][1]
            at += 1
        if until is None or until <= piece[0]:
            found.add(piece)
    return found


def place(axis: Sequence[Stretch], at: datetime) -> float:
    """Return where on the axis a time is drawn, from 0 to 1."""
    there = next((stretch for stretch in axis if at <= stretch.end), axis[-1])
    return min(1.0, max(0.0, there.place(max(at, there.begin))))
