"""Landings in somebody's way, or cut off, and batches: stories of a lander and its gates."""

from typing import Any

import pytest

from batty_tmux.core.events import Landing
from batty_tmux.core.queue_plan import Settle, chain, standstill
from tests.support.model import ROOT, commit
from tests.support.queue_story import at_gate, ejections, end, queue_of, tree

# -- a landing in the way of somebody's checkout


@pytest.mark.parametrize("batch", [False, True])
def test_the_queue_gates_on_while_a_landing_is_in_the_way(batch: bool) -> None:
    """On top of the pending tip; one later landing takes all of it."""
    model = queue_of(*"abcdef", batch=batch, in_the_way=True, slots=2, rate=0.1).settle()
    assert (model.landed, set(model.states.values())) == ([], {"deferred"})
    assert model.owed() == ()
    model.out_of_the_way().settle()
    assert (model.tip, len(model.values)) == (commit(ROOT, *"abcdef"), 2)
    assert len([event for event in model.events if isinstance(event, Landing)]) == 1


def test_a_red_behind_a_pending_landing_is_controlled_on_the_pending_tip() -> None:
    """That is what it was put on."""
    model = end(queue_of(*"ab", bad="b", in_the_way=True), "a")
    model = end(end(model, "ab"), "ab")
    assert at_gate(model) == ["a"]
    assert model.settle().states == {"a": "deferred", "b": "red"}


def test_behind_a_parked_batch_others_are_still_taken_as_a_batch() -> None:
    """The green prefix is out of doubt, whatever is in it."""
    model = queue_of(*"abcd", batch=True, in_the_way=True, rate=0.15).settle()
    model.enqueue(*"efgh")
    assert at_gate(model.rest()) == ["abcdefgh"]


# -- landings that were cut off


@pytest.mark.parametrize("cut", ["intended", "moved", "torn"])
def test_a_landing_that_was_cut_off_is_settled_before_anything_else(cut: Any) -> None:
    """I7: what is owed is to ask git how far it got; in the end all is as if it had not been."""
    model = queue_of(*"abc", slots=3, cut=cut)
    for heads in ("ab", "a"):
        model.finish(tree(heads))
    model.step()
    (effect,) = model.owed()
    assert isinstance(effect, Settle)
    assert [str(entry.head) for entry in effect.entries] == (["b"] if cut == "torn" else ["a", "b"])
    assert model.settle().tip == commit(ROOT, *"abc")
    assert model.landed == ["a", "b", "c"]


def test_a_landing_that_somebody_came_before_starts_its_turn_again() -> None:
    """The candidate was built on another base, so it is built and gated anew."""
    model = queue_of("a", cut="intended")
    model.finish(tree("a"))
    model.step()
    model.tip = commit(ROOT, "p")
    assert model.settle().tip == commit(ROOT, "p", "a")
    assert model.counts["searching"] == 2


def test_a_half_done_landing_that_is_in_the_way_lets_nothing_past() -> None:
    """The checkout is not what the base says: nothing more is begun on that."""
    model = queue_of(*"ab", cut="intended")
    model.finish(tree("a"))
    model.step()
    model.in_the_way = True
    model.settle()
    assert (model.owed(), model.states) == ((), {"a": "deferred", "b": "gating"})
    assert model.out_of_the_way().settle().landed == ["a", "b"]


# -- batch


@pytest.mark.parametrize(("rate", "size"), [(0.05, 14), (0.1, 7), (0.2, 3), (0.4, 1)])
def test_a_batch_is_as_long_as_the_failure_rate_allows(rate: float, size: int) -> None:
    """One run for all of it, and nothing looked ahead of it."""
    model = queue_of(*"abcdefghijklmnopqr", batch=True, rate=rate)
    assert at_gate(model) == ["abcdefghijklmnopqr"[:size]]
    assert len(chain(model.seen)) == size


def test_a_batch_does_not_wait_to_be_filled() -> None:
    """What is ready goes; who comes while it runs is put on it, and gated next."""
    model = queue_of("a", batch=True, rate=0.1)
    assert at_gate(model) == ["a"]
    model.enqueue("b", "c")
    assert at_gate(model.rest()) == ["a"]
    assert at_gate(end(model, "a")) == ["abc"]


def test_a_red_batch_is_cut_until_the_first_bad_entry_is_pinned_down() -> None:
    """What is green on the way lands; the suspect is confirmed and controlled as in `each`."""
    model = end(queue_of(*"abcdefg", bad="e", batch=True, rate=0.1), "abcdefg")
    asked = []
    while not ejections(model):
        (running,) = at_gate(model)
        asked.append(running)
        model = end(model, running)
    assert asked[-2:] == ["abcd", "abcde"], "the last green prefix was gated after the red: it is the control"
    assert len(asked) <= 5
    assert model.landed == list("abcd")
    assert model.settle().landed == list("abcdfg")


def test_several_slots_cut_a_batch_in_several_places() -> None:
    """An (s+1)-ary search: fewer rounds than bisecting."""
    heads = "abcdefg"
    model = queue_of(*heads, batch=True, rate=0.05, slots=3)
    assert len(model.running) == 3
    assert at_gate(model)[-1] == heads
    assert model.settle().rounds == 1


def test_while_a_landing_has_to_be_settled_the_queue_does_not_call_itself_stopped() -> None:
    """Only what needs a person is a standstill."""
    assert standstill(queue_of("a", cut="intended").settle().seen) is None
