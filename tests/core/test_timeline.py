"""The states of phases over time: never other than what `batty status` said at that moment, and without gaps."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core import merge_queue
from batty_tmux.core.board import Phase
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    Conflicted,
    Consulted,
    Consulting,
    Deferred,
    Ejected,
    Enqueued,
    ExecutorExited,
    ExecutorStarted,
    Landed,
    Launched,
    LaunchFailed,
    Limited,
    LimitOver,
    Nudged,
    Paused,
    PhaseHeld,
    PromptGone,
    QueuePaused,
    QueueResumed,
    Refused,
    Relaunching,
    Retried,
    Reviewed,
    RunStarted,
    Skipped,
    Stalled,
    Stirred,
    Unpaused,
)
from batty_tmux.core.status import WAITS_FOR_A_PERSON, State, derive
from batty_tmux.core.timeline import _OF_STATES, KINDS, Interval, Lane, Span, kind_of, lanes, place, scale, span
from batty_tmux.core.watch import fold
from batty_tmux.names import PhaseId, RunId, Sha
from tests.support.past import ONE, RUN, TWO, asks, at, begun, journal, launch, proves, statuses, whole

PHASES = (Phase(ONE, "One"), Phase(TWO, "Two", depends_on=(ONE,)))
HEAD, CANDIDATE = Sha(f"head-{ONE}"), Sha(f"cand-{ONE}")


def told(events: list[AnyEvent], *, now: float = 60, moving: bool = False) -> Span:
    found = span(events, RUN, at(now), moving=moving)
    assert found is not None
    return found


def lane_of(events: list[AnyEvent], phase: PhaseId = ONE, *, now: float = 60, moving: bool = False) -> Lane:
    rows = lanes(statuses(events, PHASES), events, told(events, now=now, moving=moving))
    return next(lane for lane in rows if lane.phase == phase)


def states(lane: Lane) -> list[str]:
    return [one.state for one in lane.intervals]


def test_a_phase_from_its_launch_to_its_landing() -> None:
    """Each state with its length in minutes; what the agent does before its window is there counts as work."""
    lane = lane_of(journal(begun(), *whole(ONE)))
    spent = [(one.state, round(one.seconds / 60)) for one in lane.intervals]
    assert spent == [
        ("ready", 1),
        ("working", 4),
        ("checking", 3),
        ("reviewing", 2),
        ("queued", 2),
        ("gating", 1),
        ("queued", 1),
        ("landed", 0),
    ]
    assert {kind: lane.seconds(kind) / 60 for kind in KINDS if lane.seconds(kind)} == {
        "working": 4,
        "gating": 4,
        "waiting": 2,
        "queued": 3,
        "idle": 1,
    }


def test_what_waits_for_another_phase_is_ready_when_that_has_landed() -> None:
    """A phase is looked at anew when another lands, though nothing happened to it."""
    events = journal(begun(), *whole(ONE), *launch(TWO))
    lane = lane_of(events, TWO)
    assert [(one.state, one.why) for one in lane.intervals][:2] == [("blocked", "waits for phase-1"), ("ready", "")]
    assert lane.intervals[1].begin == next(e.at for e in events if isinstance(e, Landed))


def test_what_only_a_look_tells_holds_from_what_was_last_heard() -> None:
    """A window that is gone was there when its phase was last heard of."""
    events = journal(begun(), *launch(ONE), asks(ONE), Answered(phase=ONE, key="1-k", by="person", answer="y"))
    seen = [replace(row, state="stuck", says="its window is gone") for row in statuses(events, PHASES)]
    lane = lanes(seen, events, told(events, moving=True))[0]
    assert (lane.last.state, lane.last.why, lane.last.begin) == ("stuck", "its window is gone", events[-1].at)
    assert lane.last.end == at(60)


def test_an_older_run_ends_with_the_last_that_happened_in_it() -> None:
    """And is not told by what is true now."""
    first = journal(begun(), *launch(ONE), asks(ONE))
    later = [RunStarted(run=RunId("002"), base="main", parallel=1, at=at(30), seq=90)]
    events = [*first, *later, *(msgspec.structs.replace(e, seq=99, at=at(40)) for e in whole(ONE))]
    lane = lane_of(events)
    assert (told(events).end, told(events).newest) == (first[-1].at, False)
    assert states(lane) == ["ready", "working", "asking"]
    assert lane.next == ""


def test_a_run_goes_on_until_now_only_while_something_of_it_does() -> None:
    """What is over keeps its end, whenever it is looked at."""
    events = journal(begun(), *whole(ONE))
    assert told(events, now=600).end == events[-1].at
    assert told(events, now=600, moving=True).end == at(600)
    assert span(events, RunId("007"), at(600), moving=True) is None


def test_a_phase_that_was_over_before_the_run_has_no_lane() -> None:
    """One that its board alone says is done either; whatever is still to be done has one."""
    events = journal(begun(), *whole(ONE))
    phases = (*PHASES, Phase(PhaseId("old"), "Old"), Phase(PhaseId("new"), "New"))
    rows = lanes(statuses(events, phases, landed=[PhaseId("old")]), events, told(events))
    assert [(lane.phase, lane.last.state) for lane in rows] == [
        ("phase-1", "landed"),
        ("phase-2", "ready"),
        ("new", "ready"),
    ]


def test_a_clock_that_is_behind_makes_no_time_negative() -> None:
    """Several processes write the journal."""
    events = journal(begun(), *whole(ONE))
    events[6] = msgspec.structs.replace(events[6], at=at(2))
    lane = lane_of(events)
    assert all(one.seconds >= 0 for one in lane.intervals)
    assert abutting(lane.intervals)


def abutting(spans: tuple[Interval, ...]) -> bool:
    return all(before.end == after.begin for before, after in pairwise(spans))


WORDS: tuple[AnyEvent, ...] = (
    *launch(ONE),
    *proves(ONE),
    *whole(ONE)[-6:],
    asks(ONE),
    asks(ONE, "2-k", "Which?"),
    asks(ONE, "3-k", kind="limit"),
    Answered(phase=ONE, key="1-k", by="policy", answer="y", rule="go"),
    PromptGone(phase=ONE, key="1-k"),
    Consulting(phase=ONE, key="1-k", number=1, agent="claude"),
    Consulted(phase=ONE, key="1-k", number=1, outcome="escalate"),
    Launched(phase=ONE, session="$2", window="@9", pane="%9", orchestrator="%8", server="t"),
    LaunchFailed(phase=ONE, reason="no room"),
    ExecutorStarted(phase=ONE, attempt=2, pid=2, agent="claude"),
    ExecutorExited(phase=ONE, attempt=2, status=1),
    Relaunching(phase=ONE, by="person"),
    Relaunching(phase=ONE, cause="limit"),
    Limited(phase=ONE, reason="used up"),
    Limited(phase=ONE, reason="used up", until=at(90)),
    LimitOver(phase=ONE, by="clock"),
    Stalled(phase=ONE, code="silent", reason="says nothing"),
    Stalled(phase=ONE, code="loop", reason="round and round", nudge=True),
    Stirred(phase=ONE),
    Nudged(phase=ONE, text="go on", why="silent"),
    Paused(phase=ONE, by="person"),
    Unpaused(phase=ONE, by="person"),
    PhaseHeld(phase=ONE, state="held", code="x", reason="look"),
    PhaseHeld(phase=ONE, state="failed", code="y", reason="broke off"),
    Reviewed(phase=ONE, verdict="rework", by="human", head=HEAD),
    Reviewed(phase=ONE, verdict="escalate", by="human", head=HEAD),
    Enqueued(phase=ONE, head=HEAD, claim="c", undoes=CANDIDATE),
    Conflicted(phase=ONE, head=HEAD, base=Sha("root"), paths=("a",)),
    Refused(phase=ONE, head=HEAD, base=Sha("root"), code="c", reason="r"),
    Ejected(phase=ONE, head=HEAD, candidate=CANDIDATE, verdict="fail", status=1, log="/l"),
    Deferred(phase=ONE, candidate=CANDIDATE, checkout="/c", reason="in the way"),
    Retried(phase=ONE),
    Skipped(phase=ONE),
    QueuePaused(reason="release"),
    QueueResumed(),
)


def says_now(events: list[AnyEvent]) -> tuple[str, str, str]:
    """Ask as `batty status` does, git's part taken from the journal: what has landed is on the base."""
    queue, watch = merge_queue.fold(events), fold(ONE, events)
    there = frozenset(e.landed.candidate for e in queue.entries if e.landed is not None)
    undone = queue.undone(ONE, there)
    over = bool(there) and watch.state in {"idle", "closed"}
    landed = {ONE} if over and undone is None and queue.undoing(ONE) is None else set()
    status = derive(PHASES[0], watch, queue, landed, None, undone)
    return status.state, status.says, kind_of(status)


@given(st.lists(st.sampled_from(range(len(WORDS))), max_size=30))
def test_a_timeline_never_contradicts_the_status(chosen: list[int]) -> None:
    """After each event, whatever came before it: state, reason and whom it waits for are those of `batty status`."""
    events = journal(begun(), *launch(ONE), *(WORDS[number] for number in chosen))
    ended = Span(RUN, at(0), events[-1].at + timedelta(minutes=1), newest=False)
    lane = lanes(statuses([], PHASES[:1]), events, ended)[0]
    assert abutting(lane.intervals)
    assert (lane.intervals[0].begin, lane.last.end) == (ended.begin, ended.end)
    for number in range(4, len(events)):
        now = events[number].at
        there = next(one for one in lane.intervals if one.begin <= now < one.end)
        assert (there.state, there.why, there.kind) == says_now(events[: number + 1])


def test_every_state_takes_some_kind_of_time() -> None:
    """A new one must be decided about."""
    assert set(_OF_STATES) == set(get_args(State)) - WAITS_FOR_A_PERSON


# --- the axis -----------------------------------------------------------------------------------------------


def night() -> list[AnyEvent]:
    """Two hours' work, ten hours in which it asks, two more."""
    evening = journal(begun(), *launch(ONE), step=40)
    asked = msgspec.structs.replace(asks(ONE), at=at(121), seq=50)
    answered = Answered(phase=ONE, key="1-k", by="person", answer="y", at=at(721), seq=51)
    done = [msgspec.structs.replace(e, at=at(840 + n), seq=60 + n) for n, e in enumerate(proves(ONE))]
    return [*evening, asked, answered, *done]


def test_a_night_in_which_nothing_works_is_drawn_short() -> None:
    """Its place is small, its length is told, and the times on both sides keep their proportions."""
    events = night()
    axis = scale(told(events), [lane_of(events)])
    cuts = [stretch for stretch in axis if stretch.cut]
    assert [(stretch.begin, stretch.end) for stretch in cuts] == [(at(121), at(721))]
    assert cuts[0].right - cuts[0].left == pytest.approx(0.06)
    before, after = place(axis, at(121)) - place(axis, at(1)), place(axis, at(841)) - place(axis, at(721))
    assert before == pytest.approx(after)


def test_nothing_is_cut_while_an_agent_works() -> None:
    """However long another phase waits beside it."""
    events = night()
    beside = [msgspec.structs.replace(e, at=at(119 + n / 10), seq=40) for n, e in enumerate(launch(TWO))]
    both = sorted([*events, *beside], key=lambda event: event.at)
    rows = [lane_of(both), lane_of(both, TWO)]
    assert [stretch.cut for stretch in scale(told(both), rows)] == [False]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 10**6)), min_size=1, max_size=40))
def test_the_axis_goes_on_and_from_one_end_to_the_other(parts: list[tuple[str, int]]) -> None:
    """Later is further right, whatever is cut, and the pieces leave nothing out."""
    edges = [0.0]
    for _, minutes in parts:
        edges.append(edges[-1] + minutes)
    spans = tuple(
        Interval("working", kind, at(left), at(right))  # type: ignore[arg-type]  # of KINDS
        for (kind, _), (left, right) in zip(parts, pairwise(edges), strict=True)
    )
    whole_span = Span(RUN, at(0), at(edges[-1]))
    axis = scale(whole_span, [Lane(ONE, "One", spans)])
    places = [place(axis, at(edge)) for edge in edges]
    assert places == sorted(places)
    assert places[0] == 0.0
    assert places[-1] == pytest.approx(1.0)
    assert all(before.end == after.begin for before, after in pairwise(axis))
