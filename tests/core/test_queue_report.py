"""The merge queue in words: each state with its reason, what stops it, what happened."""

from typing import Any

import pytest

from batty_tmux.core.events import (
    BaseMoved,
    Enqueued,
    PinsChanged,
    QueuePaused,
    QueueResumed,
    Retried,
    Reviewed,
    Skipped,
)
from batty_tmux.core.merge_queue import fold
from batty_tmux.core.queue_report import (
    expected_seconds,
    figures,
    flake_lines,
    history,
    log_folders,
    span_words,
    standstill_lines,
    stops,
    why,
)
from batty_tmux.core.queue_state import Now, Queue, observe
from batty_tmux.names import PhaseId, Sha
from tests.support.queue_events import (
    BASE,
    KEY,
    built,
    conflicted,
    deferred,
    ejected,
    enqueued,
    finished,
    journal,
    landed,
    refused,
    started,
    tree,
    word,
)

A, B = PhaseId("a"), PhaseId("b")
MOVED = BaseMoved(old=BASE, new=BASE)


def queue(*events: Any, slots: int = 1) -> Queue:
    told = journal(BaseMoved(old=Sha(""), new=BASE, known="first seen"), *events)
    return observe(fold(told), Now(tip=BASE, tree=tree(BASE), gate=KEY, slots=slots))


def why_of(*events: Any) -> str:
    made = queue(*events)
    entry = made.of(A)
    assert entry is not None
    return why(made, entry)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((enqueued("a"),), "it is the next"),
        ((enqueued("b"), enqueued("a")), "1 before it"),
        ((enqueued("a"), built("a"), started("a")), "the gate runs on its candidate"),
        ((enqueued("a"), built("a"), finished("a")), "its tree has passed; it lands next"),
        ((enqueued("a"), conflicted("a")), "conflicts in f"),
        ((enqueued("a", undoes=Sha("0123456789abc")), conflicted("a")), "conflicts in f, taking back 012345678"),
        ((enqueued("a"), refused("a")), "why: f"),
        ((enqueued("a"), built("a"), deferred("a")), "in the way: f"),
        ((enqueued("a"), built("a"), ejected("a")), "the gate ended with 1"),
        ((enqueued("a"), QueuePaused(reason="x")), "the queue is paused: x"),
        ((enqueued("a"), conflicted("a"), QueuePaused(reason="x")), "conflicts in f"),
    ],
)
def test_each_entry_has_its_reason(events: tuple[Any, ...], words: str) -> None:
    """One sentence; what stops the whole queue is the reason only of what would otherwise move."""
    assert why_of(*events) == words


def test_everything_that_stops_the_queue_is_told() -> None:
    """A pause first, and what froze it as well: to resume ends both."""
    both = queue(QueuePaused(reason="release"), MOVED)
    assert [what.partition(":")[0] for what in stops(both)] == ["is paused", "stands still"]
    lines = standstill_lines(both)
    assert lines[0] == "! the merge queue is paused: release"
    assert lines[1].startswith("! the merge queue stands still: the base went from root to root")
    assert lines[-1] == "  ↳ next: batty queue resume"


def test_a_queue_that_works_says_nothing_of_it() -> None:
    """And a pause alone does not ask anybody to look at something."""
    assert standstill_lines(queue(enqueued("a"))) == []
    assert standstill_lines(queue(PinsChanged(refs=("r",)), QueueResumed())) == []
    assert len(standstill_lines(queue(QueuePaused()))) == 2


def test_the_wait_is_counted_in_gates() -> None:
    """Nothing is promised before the first gate, and while the queue stands still."""
    told = (enqueued("c"), built("c"), finished("c", seconds=60.0), enqueued("a"), enqueued("b"))
    assert expected_seconds(queue(enqueued("a"))) == {}
    assert expected_seconds(queue(*told)) == {A: 60.0, B: 120.0}
    assert expected_seconds(queue(*told, slots=2)) == {A: 60.0, B: 60.0}
    assert expected_seconds(queue(*told, QueuePaused())) == {}


def test_figures_are_plain() -> None:
    """How long, and how many; nothing at all before there is anything to tell."""
    events = journal(enqueued("a"), built("a"), finished("a", seconds=61.0), landed("a"))
    made = observe(fold(events), Now(tip=BASE, gate=KEY))
    assert figures(made, events) == "a gate takes about 1m; 1 settled with 1 gate run"
    assert figures(Queue(), []) == ""


def test_only_the_newest_flakes_are_shown() -> None:
    """Each tree of which the gate said both; three of them, the newest last."""
    events: list[Any] = []
    for number in range(5):
        events += [finished("a", "fail", f"c{number}"), finished("a", "pass", f"c{number}")]
    lines = flake_lines(fold(journal(*events)))
    assert len(lines) == 3
    assert all(f"tree:c{number}" in line for number, line in zip((2, 3, 4), lines, strict=True))


def test_the_history_of_a_phase_is_its_own() -> None:
    """From the verdict that brought it into the queue; others' events and old advice are not in it."""
    events = journal(
        enqueued("b"),
        Reviewed(phase=A, verdict="merge", by="human", head=Sha("h")),
        enqueued("a"),
        conflicted("a"),
        Reviewed(phase=A, verdict="rework", by="human", head=Sha("h"), cause="conflict"),
        word(Retried, "a", reason="asked for"),
        BaseMoved(old=BASE, new=BASE, known="undo of a"),
        BaseMoved(old=BASE, new=BASE, known="undo of b"),
        word(Skipped, "a"),
    )
    assert [text for _, text in history(A, events)] == [
        "verdict of the human review: merge",
        "in the merge queue at head-a",
        "conflicts in f",
        "goes back to its agent: it conflicts",
        "goes back to the start of its turn: asked for",
        "the base went to root: undo of a",
        "skipped; its branch and worktree stay",
    ]


def test_gates_are_told_with_what_they_were_for_and_where_their_logs_are() -> None:
    """The control is the gate without the entry; the folder of the logs is told once."""
    events = journal(
        enqueued("a"),
        started("a"),
        finished("a", "fail", failed=("t1",)),
        started("a", "root", "control"),
        finished("a", "pass", "root", purpose="control"),
        ejected("a"),
    )
    assert [text for _, text in history(A, events)][1:] == [
        "the gate begins on root+a, a",
        "the gate says fail of root+a after 0.0 s: t1",
        "the gate without it begins on root, a",
        "the gate without it says pass of root after 0.0 s",
        "the gate fails, twice on the same tree, and not without it",
    ]
    assert log_folders(A, events) == ["/"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "-"), (0.0, "1s"), (59.4, "59s"), (60, "1m"), (5340, "89m"), (5400, "1.5h")]
)
def test_a_span_is_told_in_the_unit_that_matters(seconds: float | None, words: str) -> None:
    """An unknown one is a dash."""
    assert span_words(seconds) == words


# -- what was taken back


def chain(*kinds: str) -> Queue:
    """Land a phase (work), take back its last landing (undo), or only ask for that (ask); or give that up (skip)."""
    events: list[Any] = []
    last = ""
    for number, kind in enumerate(kinds):
        if kind == "skip":
            events.append(word(Skipped, "a"))
            continue
        head = f"h{number}"
        undoes = Sha(last) if kind in {"undo", "ask"} else Sha("")
        events.append(Enqueued(phase=A, head=Sha(head), claim=head, undoes=undoes))
        if kind != "ask":
            last = f"at{number}+a"
            events += [built("a", f"at{number}", head), landed("a", f"at{number}", head)]
    return fold(journal(*events))


@pytest.mark.parametrize(
    ("kinds", "undone", "speaks"),
    [
        (("work",), False, "landed"),
        (("work", "undo"), True, "landed"),
        (("work", "undo", "undo"), False, "landed"),
        (("work", "undo", "undo", "undo"), True, "landed"),
        (("work", "undo", "work"), False, "landed"),
        (("work", "work", "undo"), True, "landed"),
        (("work", "ask"), False, "queued"),
        (("work", "ask", "skip"), False, "landed"),
        (("work", "undo", "ask", "skip"), True, "landed"),
    ],
)
def test_work_is_undone_by_an_odd_number_of_undoings(kinds: tuple[str, ...], undone: bool, speaks: str) -> None:
    """Only what landed counts; one that was given up leaves what there was before it."""
    made = chain(*kinds)
    everything = {e.landed.candidate for e in made.entries if e.landed is not None}
    assert (made.undone(A, everything) is not None) == undone
    speaking = made.speaking(A)
    assert speaking is not None
    assert speaking.state == speaks
    assert (made.undoing(A) is not None) == (speaks == "queued")


def test_an_undoing_that_the_base_has_lost_took_back_nothing() -> None:
    """What counts is on the base."""
    made = chain("work", "undo")
    assert made.undone(A, {Sha("at0+a")}) is None
    assert made.undone(A, set()) is None
