"""What a host tells is taken only where it can be true of its phase; what was decided here goes there once."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core import merge_queue
from batty_tmux.core.afar import LONGEST, Of, Order, last_order, leftovers, mirrored, obeyed, orders, owed, since
from batty_tmux.core.events import (
    AnyEvent,
    AttemptEnded,
    ExecutorStarted,
    GateFinished,
    HostOpened,
    HostProved,
    Inspected,
    LaunchFailed,
    Launching,
    Paused,
    PhaseHeld,
    Prompted,
    Relaunching,
    Reviewed,
    ReviewWanted,
    Skipped,
    Unpaused,
)
from batty_tmux.core.supervise import Watch, fold
from batty_tmux.names import Branch, PhaseId, RunId, Sha

ALPHA, RUN = PhaseId("alpha"), RunId("001")
OF = Of("h1", ALPHA, RUN)
HEAD, TREE = Sha("a" * 40), Sha("b" * 40)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def line(of: AnyEvent, **more: object) -> bytes:
    """Return an event as the seventh line of the host's journal, unless `more` says otherwise."""
    told = msgspec.to_builtins(of)
    return json.dumps({**told, "at": AT.isoformat(), "seq": told.get("seq") or 7, **more}).encode()


def started(**more: object) -> bytes:
    return line(ExecutorStarted(run=RUN, phase=ALPHA, attempt=1, pid=4, seq=7), **more)


def launching(host: str = "h1", branch: str = "batty/alpha-run-001", seq: int = 1) -> Launching:
    return Launching(run=RUN, phase=ALPHA, branch=Branch(branch), worktree="w", start=HEAD, where=host, seq=seq)


def test_what_happens_there_stands_here_with_its_place() -> None:
    event = mirrored(started(), OF)
    assert isinstance(event, ExecutorStarted)
    assert (event.where, event.there, event.seq, event.attempt) == ("h1", 7, 0, 1)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 10_000,
        b"null",
        b'"' + b"x" * LONGEST + b'"',
        started(phase="beta"),
        started(phase="../../etc"),
        started(run="002"),
        started(seq=0),
        started(seq=-1),
        started(seq="7"),
        started(where="h2"),
        started(there=3),
        started(agent="x" * 100_000),
        started(event="landed"),
        line(Skipped(run=RUN, phase=ALPHA)),
        line(Reviewed(run=RUN, phase=ALPHA, verdict="merge", by="human", head=HEAD, seq=7)),
        line(launching("", seq=7)),
        line(LaunchFailed(run=RUN, phase=ALPHA, reason="x", code="host-away", seq=7)),
        line(HostProved(run=RUN, phase=ALPHA, head=HEAD, seq=7)),
        line(HostOpened(run=RUN, phase=ALPHA, worktree="/", window="", pane="", server="", seq=7)),
        line(AttemptEnded(run=RUN, phase=ALPHA, branch="batty/alpha-run-001", seq=7)),
        line(ReviewWanted(run=RUN, phase=ALPHA, head=Sha("--upload-pack=x"), seq=7)),
        line(Inspected(run=RUN, phase=ALPHA, head=HEAD, tree=Sha("../x"), commits=1, seq=7)),
    ],
)
def test_what_is_not_for_a_host_to_say_is_nothing(said: bytes) -> None:
    """Rule: no other phase or run, no verdict or landing, nothing that was decided here, no commit that is none."""
    assert mirrored(said, OF) is None


@given(st.binary(max_size=400) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_no_line_is_too_strange(said: bytes) -> None:
    assert mirrored(said, OF) is None


def test_a_path_of_the_host_is_none_of_ours() -> None:
    """Rule: what is shown as a log is a place on the host, never a file that is opened here."""
    told = GateFinished(
        run=RUN,
        phase=ALPHA,
        purpose="phase",
        commit=HEAD,
        tree=TREE,
        gate="g",
        log="/etc/passwd\x1b[2J",
        verdict="pass",
        seq=7,
    )
    event = mirrored(line(told), OF)
    assert isinstance(event, GateFinished)
    assert event.log == "h1:/etc/passwd[2J"
    assert mirrored(line(told, purpose="queue"), OF) is None


def test_a_review_wanted_there_is_what_is_to_be_fetched_here() -> None:
    event = mirrored(line(ReviewWanted(run=RUN, phase=ALPHA, head=HEAD, packet="/x", seq=7)), OF)
    # when it stands here is told by our own journal
    assert event == HostProved(run=RUN, phase=ALPHA, head=HEAD, where="h1", there=7)


def test_from_where_on_is_told_by_the_journal() -> None:
    """Rule: of the newest launch only; another host's lines count for nothing."""
    one = ExecutorStarted(run=RUN, phase=ALPHA, attempt=1, pid=4, where="h1", there=9)
    assert since([launching(), one], ALPHA, "h1") == 9
    assert since([launching(), one], ALPHA, "h2") == 0
    assert since([launching(), one, launching(branch="batty/alpha-run-002")], ALPHA, "h1") == 0


def test_orders_are_what_a_person_or_the_queue_decided_here() -> None:
    common: dict[str, Any] = {"run": RUN, "phase": ALPHA}
    events: list[AnyEvent] = [
        Paused(**common, by="person", seq=1),
        launching(seq=2),
        Paused(**common, by="person", seq=3),
        Paused(**common, by="keys", where="h1", there=4, seq=4),
        Unpaused(**common, by="person", seq=5),
        Reviewed(**common, verdict="rework", by="human", head=HEAD, feedback="more", seq=6),
        Reviewed(**common, verdict="merge", by="human", head=HEAD, seq=7),
        Relaunching(**common, by="person", resume=True, seq=8),
        Relaunching(**common, by="batty", where="h1", there=9, seq=9),
        PhaseHeld(**common, state="held", code="stopped", reason="x", seq=10),
    ]
    found = orders(events, ALPHA)
    assert [(order.order, order.verb) for order in found] == [
        (3, "pause"),
        (5, "unpause"),
        (6, "rework"),
        (8, "start"),
        (10, "stop"),
    ]
    assert found[2].feedback == "more"
    there: list[AnyEvent] = [launching(""), *(obeyed(order, ALPHA, RUN) for order in found)]
    assert last_order(there, ALPHA) == 10
    # what the host did on an order does not come back as news
    assert all(mirrored(line(event, seq=40), OF) is None for event in there[1:])


def test_an_order_that_is_none_is_refused() -> None:
    for text in ('{"order":1,"verb":"rm"}', '{"order":"x","verb":"stop"}', '{"order":1,"verb":"stop","more":1}', "[]"):
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(text, type=Order)


def test_a_review_waits_for_the_commits() -> None:
    proved = HostProved(run=RUN, phase=ALPHA, head=HEAD, where="h1")
    seen = Inspected(run=RUN, phase=ALPHA, head=HEAD, tree=TREE, commits=1, where="h1")
    watch = fold(ALPHA, [launching(), seen, proved])
    assert owed(Watch(ALPHA), HEAD) is None
    assert type(owed(watch, None)).__name__ == type(owed(watch, TREE)).__name__ == "Fetch"
    assert type(owed(watch, HEAD)).__name__ == "AskReview"
    wanted = ReviewWanted(run=RUN, phase=ALPHA, head=HEAD)
    assert owed(fold(ALPHA, [launching(), seen, proved, wanted]), HEAD) is None


def test_a_window_that_is_another_there_has_a_new_executor_and_one_here_does_not() -> None:
    opened = HostOpened(run=RUN, phase=ALPHA, worktree="/w", window="@1", pane="%1", server="s", where="h1")
    begun = ExecutorStarted(run=RUN, phase=ALPHA, attempt=1, pid=4, where="h1")
    watch = fold(ALPHA, [launching(), opened, begun])
    assert watch.executor == "running"
    assert fold(ALPHA, [launching(), opened, begun, opened]).executor == "running"
    other = HostOpened(run=RUN, phase=ALPHA, worktree="/w", window="@1", pane="%1", server="t", where="h1")
    assert fold(ALPHA, [launching(), opened, begun, other]).executor == "none"


def test_what_is_left_behind_is_known_until_it_ended() -> None:
    gone = LaunchFailed(run=RUN, phase=ALPHA, reason="x", code="displaced", where="h1")
    again = launching("h2", "batty/alpha-run-002")
    assert leftovers([launching()]) == ()
    (left,) = leftovers([launching(), gone, again])
    assert (left.host, left.branch) == ("h1", "batty/alpha-run-001")
    ended = AttemptEnded(run=RUN, phase=ALPHA, where="h1", branch=left.branch)
    assert leftovers([launching(), gone, again, ended]) == ()
    assert leftovers([gone]) == ()


def test_a_prompt_comes_as_it_is() -> None:
    told = Prompted(run=RUN, phase=ALPHA, key="k", kind="question", question="#(touch x) $(y)?", seq=7)
    event = mirrored(line(told), OF)
    assert isinstance(event, Prompted)
    assert event.question == told.question


def test_what_a_host_says_of_its_gate_proves_nothing_to_the_queue() -> None:
    """Rule: what lands was gated here; a host's verdict decides about a review alone."""
    told = GateFinished(
        run=RUN, phase=ALPHA, purpose="phase", commit=HEAD, tree=TREE, gate="g", log="l", verdict="pass", seconds=1.0
    )
    theirs = mirrored(line(told), OF)
    assert theirs is not None
    assert merge_queue.fold([launching(), theirs]).runs == {}
    assert merge_queue.fold([launching(), told]).runs != {}
    assert fold(ALPHA, [launching(), theirs]).gate == theirs
