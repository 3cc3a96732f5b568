"""What the queue still calls for: stories of a lander, its gates, and those who come between."""

import pytest

from batty_tmux.core.events import (
    GateFinished,
    Prioritized,
    Purpose,
    QueuePaused,
    Retried,
    Skipped,
    VerdictWord,
)
from batty_tmux.core.queue_plan import Build, Eject, Land, RunGate, StopGate, chain, owed
from batty_tmux.core.queue_state import Now, Queue, observe
from batty_tmux.names import PhaseId, Sha
from tests.support.model import GATE, ROOT, Model, commit, red_with
from tests.support.queue_story import at_gate, ejections, end, queue_of, tree


def passed_elsewhere(heads: str, purpose: Purpose) -> GateFinished:
    """Return a pass on the tree for which it was not the queue that asked."""
    return GateFinished(
        purpose=purpose,
        phase=PhaseId("a"),
        commit=Sha("elsewhere"),
        tree=tree(heads),
        gate=GATE.gate,
        environment=GATE.environment,
        hygiene=GATE.hygiene,
        log="log",
        verdict="pass",
    )


# -- one after another


def test_an_empty_queue_owes_nothing() -> None:
    """Nor does one whose entries all wait for a person."""
    assert owed(observe(Queue(), Now())) == ()
    model = queue_of("a", bad="a").settle()
    assert (model.owed(), model.standstill) == ((), None)


@pytest.mark.parametrize("batch", [False, True])
def test_what_is_green_lands_in_the_order_of_approval(batch: bool) -> None:
    """Each on the one before; in `each` the base takes no value that was not gated itself."""
    model = queue_of(*"cab", batch=batch).settle()
    assert model.tip == commit(ROOT, *"cab")
    assert (model.landed, len(model.values)) == (["c", "a", "b"], 2 if batch else 4)


def test_the_next_candidate_is_built_while_the_gates_run_and_not_gated() -> None:
    """One more than there are slots: that takes milliseconds of a time in which nothing else can be done."""
    model = queue_of(*"abcd", slots=2)
    assert at_gate(model) == ["a", "ab"]
    assert [str(entry.head) for entry, _ in chain(model.seen)] == ["a", "b", "c"]


def test_a_tree_that_has_passed_lands_without_a_run() -> None:
    """Whoever asked for the run: a phase's own gate on the tip's tree is as good."""
    model = Model(red_with(""))
    model.tell(passed_elsewhere("a", "phase"))
    model.enqueue("a")
    assert model.settle().landed == ["a"]
    assert model.counts.total() == 0


@pytest.mark.parametrize("field", ["gate", "environment", "hygiene"])
def test_a_verdict_of_another_gate_machine_or_hygiene_is_not_used(field: str) -> None:
    """I8: the tree is gated anew, whichever part of the key is another one."""
    model = end(queue_of("a", in_the_way=True), "a")
    assert not model.running
    model.key = GATE._replace(**{field: "other"})
    assert at_gate(model.rest()) == ["a"]


def test_what_the_base_holds_already_needs_no_gate() -> None:
    """It is recorded as landed, and the base does not move."""
    model = Model(red_with(""), tip=commit(ROOT, "a"))
    model.enqueue("a")
    model.settle()
    assert (model.landed, model.tip, model.counts.total()) == (["a"], commit(ROOT, "a"), 0)


def test_one_tree_is_gated_once_however_many_entries_make_it() -> None:
    """The second brings nothing new, or brings back what was: its verdict is the other's."""
    model = Model(red_with(""), slots=4)
    model.enqueue("a", "b", "~b")
    model.claim("again", "~b")
    assert at_gate(model.rest()) == ["a", "ab"]
    model.killed()
    assert at_gate(model.rest()) == ["a", "ab"], "all of them are wanted at the same moment"
    assert model.settle().counts == {"searching": 4}
    assert len(model.landed) == 4


# -- each, side by side


def test_each_gates_as_many_prefixes_as_there_are_slots() -> None:
    """On predicted bases: wall time is one gate for all that are green."""
    model = queue_of(*"abcd", slots=3)
    assert at_gate(model) == ["a", "ab", "abc"]
    assert queue_of(*"abcdefgh", slots=8).settle().rounds == 1


def test_what_is_green_behind_a_running_gate_waits_for_it() -> None:
    """Strictly in order; then all that is green lands at once."""
    model = end(queue_of(*"abc", slots=3), "abc")
    model = end(model, "ab")
    assert model.landed == []
    assert end(model, "a").landed == ["a", "b", "c"]


def test_a_red_is_a_suspect_only_when_all_before_it_is_green() -> None:
    """Before that its red may be somebody else's, and not a run is spent on it."""
    model = end(queue_of(*"abc", bad="b", slots=3), "abc")
    assert at_gate(model) == ["a", "ab"]
    model = end(model, "ab")
    assert (at_gate(model), model.counts) == (["a"], {"searching": 3})
    model = end(model, "a")
    assert at_gate(model) == ["ab", "ac"], "the run of what it stands on came after its red: that was the control"
    assert model.counts == {"searching": 4, "confirming": 1}
    assert end(model, "ab").states["b"] == "red"


def test_a_tree_that_ever_passed_is_not_red() -> None:
    """What stands on it is gated, though it had failed: somebody tried it again."""
    model = end(queue_of(*"abc", slots=3), "abc", "fail")
    model.tell(passed_elsewhere("abc", "try"))
    model.enqueue("d")
    assert at_gate(model.rest()) == ["a", "ab", "abcd"]


def test_an_entry_is_ejected_after_a_second_red_and_a_green_control() -> None:
    """I10: both, in whichever order they come; those behind it are put on what lands before it."""
    for first, second in (("a", ""), ("", "a")):
        model = end(queue_of(*"ab", bad="a", slots=3), "a")
        assert at_gate(model) == ["", "a", "b"]
        model = end(model, first)
        assert ejections(model) == []
        model = end(model, second)
        assert (ejections(model), at_gate(model)) == ([("a", "fail")], ["b"])


def test_behind_a_suspect_free_slots_go_on_as_if_it_were_gone() -> None:
    """What is green there waits for it, and lands with its ejection: not a run is needed any more."""
    model = end(queue_of(*"abc", bad="a", slots=4), "a")
    assert at_gate(model) == ["", "a", "b", "bc"]
    model = end(end(model, "b"), "bc")
    assert model.landed == [], "the order stays"
    model = end(end(model, "a"), "")
    assert (model.states, model.running) == ({"a": "red", "b": "landed", "c": "landed"}, {})


def test_a_suspect_that_passes_lands_first_and_those_behind_are_put_on_it() -> None:
    model = end(queue_of(*"ab", slots=4), "a", "fail")
    model = end(model, "b")
    model = end(model, "a")
    assert (model.landed, at_gate(model)) == (["a"], ["ab"])
    assert model.settle().landed == ["a", "b"]


def test_a_second_bad_one_behind_a_suspect_is_confirmed_beside_it() -> None:
    """Each costs the line one gate time, not three: the first reds, then both again at once."""
    model = queue_of(*"abcde", bad="ac", slots=8)
    model.finish_round()
    model.rest()
    assert at_gate(model) == ["", "a", "b", "bc", "bcd", "bcde"]
    model.finish_round()
    model.rest()
    assert (ejections(model), at_gate(model)) == ([("a", "fail")], ["b", "bc", "bd", "bde"])
    model.finish_round()
    assert model.rest().landed == ["b", "d", "e"]
    assert model.rounds == 3


def test_with_no_more_slots_than_a_confirmation_takes_nobody_looks_past_a_suspect() -> None:
    model = end(queue_of(*"abc", bad="a", slots=2), "a")
    assert at_gate(model) == ["a", "ab"]
    assert at_gate(end(model, "ab")) == ["", "a"]


def test_where_all_are_red_the_queue_stands_still_whoever_is_looked_past() -> None:
    """It is the base that is broken then: as soon as its control has failed twice nobody is gated any more."""
    model = Model(lambda _: "fail", slots=16)
    model.enqueue(*"abcdefghijkl")
    model.settle()
    assert model.standstill
    assert (ejections(model), model.rounds) == ([], 3)


def test_with_one_slot_the_confirmation_comes_before_the_control() -> None:
    """Most flakes need no control then; together with the first red that is three runs."""
    model = end(queue_of("a", bad="a"), "a")
    assert at_gate(model) == ["a"]
    assert at_gate(end(model, "a")) == [""]
    assert model.settle().counts == {"searching": 1, "confirming": 1, "control": 1}


def test_two_verdicts_on_one_tree_are_a_flake_and_the_entry_lands() -> None:
    """The control that was begun beside it is stopped: nobody needs it any more."""
    model = end(queue_of("a", slots=2), "a", "fail")
    assert at_gate(model) == ["", "a"]
    model = end(model, "a")
    assert (model.landed, model.running) == (["a"], {})
    assert [of for of, _ in model.queue.flakes()] == [tree("a")]


@pytest.mark.parametrize("said", ["infra", "timeout"])
def test_a_gate_that_said_nothing_neither_lands_nor_ejects(said: VerdictWord) -> None:
    """I19: it is confirmed and controlled as a red is, and then waits for a person; nobody else is stopped."""
    model = end(queue_of(*"ab"), "a", said)
    assert (model.landed, ejections(model)) == ([], [])
    model = end(end(model, "a", said), "")
    assert ejections(model) == [("a", said)]
    assert model.settle().states == {"a": "held", "b": "landed"}


def test_only_the_same_word_twice_is_a_confirmation() -> None:
    """One refusal and one gate that could not run do not make an entry red."""
    model = end(end(queue_of("a"), "a", "infra"), "a", "fail")
    model = end(model, "", "pass") if at_gate(model) == [""] else model
    assert (ejections(model), at_gate(model)) == ([], ["a"])
    assert end(model, "a", "fail").settle().states == {"a": "red"}


# -- a base that is red


def red_base(slots: int = 1) -> Model:
    model = Model(red_with("x"), slots=slots, tip=commit(ROOT, "x"))
    model.enqueue("a", "b")
    return model.settle()


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_red_base_stops_the_queue_and_ejects_nobody(slots: int) -> None:
    """I20: the control was red twice itself; nothing runs, and it is said why."""
    model = red_base(slots)
    assert set(model.states.values()) == {"queued"}
    assert (model.running, model.owed()) == ({}, ())
    assert model.counts["control"] == 2
    assert "does not pass on base+x" in (model.standstill or "")


def test_a_red_base_that_moved_is_asked_anew() -> None:
    """Somebody mended it: no one has to say so."""
    model = red_base()
    model.tip = commit(ROOT, "x", "~x")
    assert model.settle().states == {"a": "landed", "b": "landed"}
    assert model.standstill is None


def test_resume_asks_a_red_base_anew() -> None:
    """What ailed the machine is gone, says the person; earlier reds do not count. If it is not, it stops again."""
    model = red_base()
    model.resume().settle()
    assert model.standstill is not None
    assert model.counts["control"] == 4
    model.gate = red_with("")
    assert model.resume().settle().states == {"a": "landed", "b": "landed"}


def test_a_control_from_before_the_red_does_not_clear_the_base() -> None:
    """The machine may have broken since: what passed an hour ago is gated again."""
    model = queue_of(*"ab").rest()
    model = end(model, "a")
    assert model.landed == ["a"]
    model.gate = red_with("ab")
    model.settle()
    assert ejections(model) == []
    assert model.standstill is not None


def test_one_red_of_the_base_is_a_flake_too() -> None:
    """A control is run once more before all stand still."""
    model = queue_of("a", bad="a")
    model.script[tree("")] = ["fail"]
    assert model.settle().states == {"a": "red"}
    assert model.standstill is None


# -- conflicts, and candidates that change their own gate


def test_a_predicted_conflict_comes_true_only_on_the_base() -> None:
    """What it would conflict with may be ejected: then it lands."""
    clash = frozenset({frozenset("ab")})
    model = queue_of(*"abc", clashes=clash, slots=3)
    assert at_gate(model) == ["a", "ac"]
    assert model.queue.of(PhaseId("b")) in model.queue.waiting
    assert model.settle().states == {"a": "landed", "b": "conflict", "c": "landed"}
    other = queue_of(*"abc", bad="a", clashes=clash, slots=3).settle()
    assert other.states == {"a": "red", "b": "landed", "c": "landed"}


@pytest.mark.parametrize("batch", [False, True])
def test_a_candidate_that_changes_its_gate_is_gated_alone(batch: bool) -> None:
    """What stands before it lands first; what stands behind it may need another gate."""
    model = queue_of(*"abcd", flags=frozenset("b"), slots=2, batch=batch)
    assert at_gate(model) == ["a"]
    assert at_gate(end(model, "a")) == ["ab"]
    model = end(model, "ab")
    assert at_gate(model) == ["abc", "abcd"]


# -- persons


def test_a_run_that_nobody_needs_is_stopped() -> None:
    """Its candidate holds what was skipped; what does not hold it goes on."""
    model = queue_of(*"abc", slots=3)
    model.tell(Skipped(phase=PhaseId("b")))
    model.rest()
    assert at_gate(model) == ["a", "ac"]
    assert model.counts == {"searching": 4}


def test_a_pause_begins_nothing_and_stops_nothing() -> None:
    """I17: what runs may end, and its verdict is kept for when the queue goes on."""
    model = queue_of(*"ab")
    model.tell(QueuePaused(reason="release"))
    model = end(model, "a")
    assert (model.owed(), model.landed, model.queue.paused) == ((), [], "release")
    assert model.standstill is None, "there is nothing to look at"
    assert model.resume().settle().counts == {"searching": 2}


def test_priority_does_not_throw_away_begun_gates_unless_now() -> None:
    """What comes first is put behind what is at the gate, before what is not."""
    for now, expected in ((False, ["a", "ab", "abd"]), (True, ["d", "da", "dab"])):
        model = queue_of(*"abc", slots=2)
        model.tell(Prioritized(phase=PhaseId("c"), priority=1))
        assert at_gate(model.rest()) == ["a", "ab"]
        model.enqueue("d")
        model.tell(Prioritized(phase=PhaseId("d"), priority=2, now=now))
        model.slots = 3
        assert at_gate(model.rest()) == sorted("".join(sorted(heads)) for heads in expected)


def test_a_retried_entry_is_gated_anew_though_its_tree_was_refused() -> None:
    """The person may know the reds for what they were; they do not count again."""
    model = queue_of("a", bad="a").settle()
    model.gate = red_with("")
    model.tell(Retried(phase=PhaseId("a")))
    assert model.settle().landed == ["a"]
    assert model.counts == {"searching": 1, "confirming": 2, "control": 1}


def test_a_base_that_an_unknown_hand_moved_stops_the_queue() -> None:
    """Until a person has looked; then it goes on from where the base is."""
    model = queue_of("a", known="")
    assert (model.owed(), model.running) == ((), {})
    assert "nobody is known" in (model.standstill or "")
    assert model.resume().settle().landed == ["a"]


def test_effects_come_in_the_order_of_their_urgency() -> None:
    """Gates are stopped and started first, for they take long; then what lands, what goes, what is built."""
    model = queue_of(*"abcde", slots=2)
    model.finish(tree("ab"))
    model.finish(tree("a"))
    kinds = [type(effect) for effect in model.owed()]
    assert kinds == sorted(kinds, key=[StopGate, RunGate, Land, Eject, Build].index)
    assert {Land, Build} <= set(kinds)
