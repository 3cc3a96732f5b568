"""What the journal makes of the queue: each event's mark on the entries, and the events that leave none."""

from datetime import timedelta
from typing import Any

import pytest

from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    ExecutorStarted,
    Landing,
    PhaseHeld,
    PinsChanged,
    Prioritized,
    QueuePaused,
    QueueResumed,
    Resolving,
    Retried,
    Reviewed,
    RunStarted,
    Skipped,
    VerdictWord,
)
from batty_tmux.core.merge_queue import apply, fold
from batty_tmux.core.queue_state import MOVES_ON, Candidate, Entry, Now, Queue, observe
from batty_tmux.names import PhaseId, Sha
from tests.support.journaled import AT
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
    stopped,
    tree,
    word,
)


def entry(queue: Queue, name: str = "a") -> Entry:
    found = queue.of(PhaseId(name))
    assert found is not None
    return found


def line(queue: Queue) -> str:
    return "".join(waiting.phase for waiting in queue.waiting)


REWORK = word(Reviewed, "a", verdict="rework", by="human", head=Sha("head-a"))
IN_STATE: dict[str, tuple[AnyEvent, ...]] = {
    "queued": (enqueued("a"), built("a")),
    "gating": (enqueued("a"), built("a"), started("a")),
    "conflict": (enqueued("a"), conflicted("a")),
    "red": (enqueued("a"), built("a"), ejected("a")),
    "held": (enqueued("a"), refused("a")),
    "deferred": (enqueued("a"), built("a"), deferred("a")),
    "landed": (enqueued("a"), built("a"), landed("a")),
    "skipped": (enqueued("a"), built("a"), word(Skipped, "a")),
    "withdrawn": (enqueued("a"), built("a"), REWORK),
}
LATE: tuple[AnyEvent, ...] = (
    built("a"),
    conflicted("a"),
    refused("a"),
    ejected("a"),
    started("a"),
    finished("a", "fail"),
    stopped("a"),
    word(Landing, "a", base=BASE, candidate=Sha("root+a")),
    deferred("a"),
    word(Prioritized, "a", priority=3, now=True),
    word(Resolving, "a", worktree="/w", base=BASE, head=Sha("head-a")),
)
PERSON: tuple[AnyEvent, ...] = (word(Skipped, "a"), word(Retried, "a"), REWORK)


@pytest.mark.parametrize("state", IN_STATE)
def test_each_state_can_come_about(state: str) -> None:
    """And whether it moves on by itself is told by the state alone."""
    queue = fold(journal(*IN_STATE[state]))
    assert entry(queue).state == state
    assert (entry(queue) in queue.waiting) is (state in MOVES_ON)


# -- what comes late


@pytest.mark.parametrize("late", [*LATE, *PERSON], ids=lambda event: type(event).__name__)
def test_nothing_that_is_told_later_changes_what_has_landed(late: AnyEvent) -> None:
    """Not a late verdict, nor a person who was a moment too slow."""
    queue = fold(journal(*IN_STATE["landed"]))
    assert apply(queue, late).entries == queue.entries


@pytest.mark.parametrize("late", LATE, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("state", ["skipped", "withdrawn"])
def test_what_a_lander_still_finds_takes_nothing_up_again(state: str, late: AnyEvent) -> None:
    """A person's word may come while the entry is built or gated."""
    queue = fold(journal(*IN_STATE[state]))
    assert apply(queue, late).entries == queue.entries


@pytest.mark.parametrize("state", ["skipped", "withdrawn"])
def test_that_it_landed_is_true_whatever_else_was_said(state: str) -> None:
    """The base holds it: the word came a moment too late."""
    assert entry(fold(journal(*IN_STATE[state], landed("a")))).state == "landed"


@pytest.mark.parametrize("late", [*LATE[:7], deferred("a")], ids=lambda event: type(event).__name__)
def test_what_is_told_of_an_older_claim_is_not_the_new_ones(late: AnyEvent) -> None:
    """A long run may end after the phase was reworked, approved again, and put on the base."""
    now = [enqueued("a"), built("a"), REWORK, enqueued("a", "new"), built("a", head="new"), started("a", "root+new")]
    queue = fold(journal(*now))
    assert apply(queue, late).entries == queue.entries


@pytest.mark.parametrize("late", [started("a"), ejected("a"), deferred("a"), finished("a", "fail"), stopped("a")])
def test_what_is_told_of_an_older_candidate_is_not_the_new_ones(late: AnyEvent) -> None:
    """The base moved meanwhile: the entry stands on another one now, and is gated there."""
    moved = (built("a", "other"), started("a", "other+a"))
    for n in (1, 2):
        queue = fold(journal(*IN_STATE["gating"], *moved[:n]))
        assert apply(queue, late).entries == queue.entries


def test_a_landing_of_an_older_claim_does_not_hold_up_the_new_one() -> None:
    """A lander that was stopped before it wrote its intent may wake after the phase was approved again."""
    new = [REWORK, enqueued("a", "new"), word(Landing, "a", base=BASE, candidate=Sha("root+a")), landed("a")]
    told = entry(fold(journal(*IN_STATE["queued"], *new)))
    assert (told.state, told.head, told.landing) == ("queued", "new", None)


def test_a_new_claim_takes_the_place_of_an_old_one_but_not_of_a_landed_one() -> None:
    """Otherwise an old head could land after what was approved last."""
    assert [e.state for e in fold(journal(enqueued("a"), enqueued("a", "new"))).entries] == ["withdrawn", "queued"]
    again = fold(journal(*IN_STATE["landed"], enqueued("a", "new", undoes=Sha("root+a"))))
    assert [(e.state, e.undoes) for e in again.entries] == [("landed", ""), ("queued", "root+a")]


# -- what is found of an entry


def test_a_candidate_is_remembered_with_what_it_brings() -> None:
    """Whether it is new at all, and by which paths it changes its own gate."""
    queue = fold(
        journal(enqueued("a"), built("a", flags=("batty.toml",)), enqueued("b"), built("b", how="nothing-new"))
    )
    assert entry(queue).candidate == Candidate(BASE, Sha("root+a"), tree("root+a"), flags=("batty.toml",))
    candidate = entry(queue, "b").candidate
    assert candidate is not None
    assert not candidate.new


def test_a_conflict_with_what_has_not_landed_keeps_the_entry_in_the_line() -> None:
    """It may not come true; a candidate built elsewhere forgets it. With the base itself, it is true."""
    predicted = fold(journal(enqueued("a"), conflicted("a", "root+x", predicted=True)))
    assert (entry(predicted).state, entry(predicted).clash) == ("queued", ("root+x", ("f",)))
    assert entry(apply(predicted, built("a"))).clash is None
    real = entry(apply(predicted, conflicted("a")))
    assert (real.state, real.code, real.paths, real.candidate) == ("conflict", "conflict", ("f",), None)


def test_a_refused_candidate_waits_for_a_person_with_its_reason() -> None:
    """What the person accepts is kept with the entry, one after the other."""
    queue = fold(journal(enqueued("a"), built("a"), refused("a")))
    assert (entry(queue).state, entry(queue).code, entry(queue).reason) == ("held", "reverts", "why")
    first = apply(queue, word(Retried, "a", accept=("reverts",)))
    again = apply(apply(first, refused("a", "gate")), word(Retried, "a", accept=("gate",)))
    assert entry(again).accepted == {"reverts", "gate"}
    assert (entry(again).state, entry(again).code, entry(again).paths) == ("queued", "", ())


@pytest.mark.parametrize(
    ("verdict", "state", "reason"),
    [
        ("fail", "red", "the gate ended with 3"),
        ("timeout", "held", "the gate ran out of time"),
        ("infra", "held", "the gate could not run (status 3)"),
    ],
)
def test_only_a_real_refusal_makes_an_entry_red(verdict: VerdictWord, state: str, reason: str) -> None:
    """I19: a gate that said nothing of the tree is for a person to look at; it does not count as a bad entry."""
    queue = fold(journal(*IN_STATE["gating"], ejected("a", verdict, status=3)))
    told = entry(queue)
    assert (told.state, told.code, told.reason, told.log) == (state, f"gate-{verdict}", reason, "/log")
    assert queue.outcomes == (verdict == "fail",)


@pytest.mark.parametrize("over", [finished("a", "fail"), finished("a"), finished("a", "infra"), stopped("a")])
def test_a_run_that_is_over_decides_nothing_alone(over: AnyEvent) -> None:
    """Whoever reads all runs decides; the entry only is no longer at the gate."""
    assert entry(fold(journal(*IN_STATE["gating"], over))).state == "queued"


@pytest.mark.parametrize("purpose", ["control", "try", "phase"])
def test_a_run_for_another_purpose_does_not_move_the_entry(purpose: Any) -> None:
    """A control is journaled under the suspect, whose own run goes on."""
    queue = fold(journal(*IN_STATE["queued"]))
    assert entry(apply(queue, started("a", purpose=purpose))).state == "queued"
    gating = fold(journal(*IN_STATE["gating"]))
    assert entry(apply(gating, finished("a", purpose=purpose))).state == "gating"


# -- verdicts


@pytest.mark.parametrize("field", ["gate", "environment", "hygiene"])
def test_a_verdict_belongs_to_tree_gate_machine_and_hygiene(field: str) -> None:
    """I8: where any of them is another one, nothing is known. Whoever asked for the run, it counts."""
    seen = observe(fold(journal(finished("a", purpose="phase"))), Now(gate=KEY))
    assert (passed := seen.verdict(tree("root+a"))) is not None
    assert passed.passed
    assert seen.verdict(tree("elsewhere")) is None
    other = observe(seen, Now(gate=KEY._replace(**{field: "other"})))
    assert other.verdict(tree("root+a")) is None
    assert other.proof(tree("root+a")) == passed


def test_a_pass_counts_however_often_the_tree_failed() -> None:
    """Two verdicts on one tree are a flake, and said to be one; the last of several reds counts otherwise."""
    runs = journal(finished("a", "fail"), finished("a", "infra"), finished("b", "fail"), finished("a"), finished("c"))
    early, late = (observe(fold(runs[:n]), Now(gate=KEY)) for n in (3, 5))
    verdicts = [queue.verdict(tree("root+a")) for queue in (early, late)]
    assert [run.verdict for run in verdicts if run is not None] == ["infra", "pass"]
    assert early.flakes() == ()
    assert [(of, len(said)) for of, said in late.flakes()] == [(tree("root+a"), 3)]


# -- landings


def chain_landing() -> list[AnyEvent]:
    together = word(Landing, "b", base=BASE, candidate=Sha("root+a+b"), phases=(PhaseId("a"), PhaseId("b")))
    return journal(enqueued("a"), enqueued("b"), built("a"), built("b", "root+a"), together, landed("a"))


def test_a_torn_list_of_landed_leaves_the_rest_to_be_settled() -> None:
    """Killed between two of them: the one that is not journaled still knows which landing it was in."""
    events = chain_landing()
    begun = fold(events[:5])
    assert [e.landing for e in begun.entries] == [events[4], events[4]]
    torn = fold(events)
    assert [(e.state, e.landing) for e in torn.entries] == [("landed", None), ("queued", events[4])]
    whole = apply(torn, landed("b", "root+a"))
    assert [e.state for e in whole.entries] == ["landed", "landed"]
    assert whole.base == "root+a+b"
    assert whole.outcomes == (False, False)


def test_a_landing_in_the_way_keeps_what_was_half_done() -> None:
    """Not begun, it is begun anew some time; begun, it has to be settled first."""
    told = entry(fold(journal(*IN_STATE["deferred"])))
    assert (told.checkout, told.reason, told.paths) == ("/co", "in the way", ("f",))
    landing = word(Landing, "a", base=BASE, candidate=Sha("root+a"))
    queue = fold(journal(*IN_STATE["queued"], landing))
    assert entry(apply(queue, deferred("a", half_done=True))).landing is not None
    for outcome in (deferred("a"), word(Skipped, "a"), word(Retried, "a")):
        assert entry(apply(queue, outcome)).landing is None


# -- a person's words


def test_whoever_is_retried_stands_behind_what_moves_on() -> None:
    """What is being gated stays true. Who still moves on, or lost a race for the base, keeps the place."""
    four = [enqueued(name) for name in "abcd"]
    out = fold(journal(*four, conflicted("b")))
    assert line(apply(out, word(Retried, "b"))) == "acdb"
    assert line(apply(fold(journal(*four)), word(Retried, "b"))) == "abcd"


def test_a_retry_begins_anew_and_forgets_earlier_reds_by_their_number() -> None:
    """The runs stay in the book; that they came before is how they stop to count."""
    out = fold(journal(*IN_STATE["red"]))
    (last,) = journal(word(Retried, "a"), after=9)
    again = entry(apply(out, last))
    assert (again.state, again.asked, again.candidate, again.code, again.log) == ("queued", 10, None, "", "")
    assert again.since == last.at


@pytest.mark.parametrize(("now", "order"), [(False, "abdc"), (True, "dabc")])
def test_priority_passes_who_has_not_begun(now: bool, order: str) -> None:
    """A gate that runs, or ran, is not thrown away, unless the person says that this goes first now."""
    line_up = [enqueued(name) for name in "abcd"]
    begun: list[AnyEvent] = [built("a"), finished("a"), built("b", "root+a"), started("b", "root+a+b")]
    queue = fold(journal(*line_up, *begun))
    assert line(apply(queue, word(Prioritized, "d", priority=1, now=now))) == order


def test_nobody_passes_a_landing_that_is_near() -> None:
    """Deferred, or begun: neither is thrown away even now."""
    landing = word(Landing, "a", base=BASE, candidate=Sha("root+a"))
    for last in (deferred("a"), landing):
        queue = fold(journal(enqueued("a"), enqueued("b"), enqueued("c"), built("a"), last))
        assert line(apply(queue, word(Prioritized, "c", priority=9, now=True))) == "acb"


def test_within_a_priority_the_order_of_the_claims_stays() -> None:
    """I13: said again, or said to two, it moves nobody past an equal."""
    queue = fold(journal(*(enqueued(name) for name in "abcd")))
    assert line(apply(queue, word(Prioritized, "a", priority=0))) == "abcd"
    twice = fold(journal(word(Prioritized, "c", priority=1), word(Prioritized, "d", priority=1), after=9), queue)
    assert line(twice) == "cdab"
    assert line(apply(twice, word(Prioritized, "c", priority=-1))) == "dabc"


def test_the_priority_of_who_is_out_is_not_changed() -> None:
    """There is no place to change."""
    queue = fold(journal(*IN_STATE["red"]))
    assert apply(queue, word(Prioritized, "a", priority=3)).entries == queue.entries


def test_a_hold_takes_the_entry_out() -> None:
    """As a rework does: it comes back by a new claim only. An approval changes nothing."""
    queue = fold(journal(*IN_STATE["queued"]))
    assert entry(apply(queue, word(PhaseHeld, "a", state="held", code="c", reason="r"))).state == "withdrawn"
    approved = word(Reviewed, "a", verdict="merge", by="human", head=Sha("head-a"))
    assert apply(queue, approved).entries == queue.entries


# -- the whole queue


def test_resume_ends_a_pause_and_a_freeze_and_is_remembered() -> None:
    """By its number: reds from before no longer count."""
    foreign = BaseMoved(old=BASE, new=Sha("x" * 40))
    queue = fold(journal(QueuePaused(), foreign))
    assert queue.paused == "a person paused it"
    assert "nobody is known" in (queue.frozen or "")
    resumed = fold(journal(QueueResumed(), after=5), queue)
    assert (resumed.paused, resumed.frozen, resumed.resumed) == (None, None, 6)


def test_a_move_of_the_base_that_a_person_made_is_followed() -> None:
    """Refs of batty's own that somebody changed stop the queue, as an unknown move does."""
    queue = fold(journal(BaseMoved(old=BASE, new=Sha("new"), known="git commit")))
    assert (queue.base, queue.frozen) == ("new", None)
    assert "refs/batty/x" in (fold(journal(PinsChanged(refs=("refs/batty/x",)))).frozen or "")


def test_a_run_on_another_branch_asks_anew_where_the_base_is() -> None:
    """On the same branch it goes on from where it was."""
    here = fold(journal(RunStarted(base="main", parallel=1), BaseMoved(old=Sha(""), new=BASE, known="first")))
    assert apply(here, RunStarted(base="main", parallel=2)).base == BASE
    assert apply(here, RunStarted(base="next", parallel=2)).base == ""


def test_an_event_of_one_phase_leaves_the_others_alone() -> None:
    """And an event that is not the queue's, or of a phase that is not in it, leaves all of it."""
    queue = fold(journal(enqueued("a"), enqueued("b"), built("a"), built("b", "root+a")))
    for event in (*LATE, *PERSON, *IN_STATE["red"]):
        assert entry(apply(queue, event), "b") == entry(queue, "b")
    for event in (word(ExecutorStarted, "a", attempt=1, pid=1), conflicted("z"), landed("z")):
        assert apply(queue, event).entries == queue.entries


def test_since_is_when_the_state_changed() -> None:
    """Not when something else was told."""
    queue = fold(journal(*IN_STATE["queued"], started("a"), word(Prioritized, "a", priority=1)))
    assert entry(queue).since == AT + timedelta(minutes=3)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_journal_folds_the_same_in_one_go_or_in_two(cut: int) -> None:
    """So that what is kept in memory is what the next process reads."""
    again = (word(Retried, "b"), QueuePaused(reason="r"), finished("b", "fail"))
    events = [*chain_landing(), *journal(*again, after=6)]
    assert fold(events[cut:], fold(events[:cut])) == fold(events)


def test_a_phase_can_be_left_out_of_the_picture() -> None:
    """As if it had never been in the queue."""
    queue = fold(journal(enqueued("a"), enqueued("b"))).without(PhaseId("a"))
    assert (line(queue), queue.of(PhaseId("a"))) == ("b", None)
