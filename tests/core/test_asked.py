"""Every prompt once, with who settled it, and what the agents say that they cost."""

import pytest

from batty_tmux.core.asked import Asked, asked, costs
from batty_tmux.core.events import Answered, AnyEvent, Consulted, Consulting, ExecutorExited, PromptGone
from tests.support.past import ONE, TWO, asks, at, journal


def one_of(*events: AnyEvent) -> Asked:
    found = asked(journal(*events))
    assert len(found) == 1
    return found[0]


def answer(by: str = "person", key: str = "1-k", **more: str) -> Answered:
    return Answered(phase=ONE, key=key, by=by, answer="y", **more)  # type: ignore[arg-type]  # one of three words


@pytest.mark.parametrize("by", ["policy", "supervisor", "person"])
def test_who_answered_and_how_long_it_waited(by: str) -> None:
    """From when it was met to its answer, in seconds."""
    told = one_of(asks(ONE), answer(by, rule="r", why="w"), PromptGone(phase=ONE, key="1-k"))
    assert (told.by, told.answer, told.rule, told.why, told.waited(at(99))) == (by, "y", "r", "w", 60.0)


def test_keys_come_before_the_word_of_who_pressed_them() -> None:
    """An answer that is journaled after its prompt has gone is its answer all the same, and ended with the keys."""
    told = one_of(asks(ONE), PromptGone(phase=ONE, key="1-k"), answer())
    assert (told.by, told.waited(at(99))) == ("person", 60.0)


def test_what_went_without_an_answer_was_settled_in_its_pane() -> None:
    """batty does not know by whom; neither is that a person's answer through batty."""
    assert one_of(asks(ONE), PromptGone(phase=ONE, key="1-k")).by == "pane"
    assert one_of(asks(ONE), ExecutorExited(phase=ONE, attempt=1, status=0)).by == "pane"


def test_what_still_waits_is_open_until_now() -> None:
    """Its wait grows."""
    told = one_of(asks(ONE))
    assert (told.by, told.until, told.waited(at(5))) == ("open", None, 300.0)


def test_prompts_of_two_phases_with_the_same_key_are_two() -> None:
    """Keys are counted for each phase by itself; the end of one says nothing of the other."""
    found = asked(journal(asks(ONE), asks(TWO), PromptGone(phase=TWO, key="1-k"), answer()))
    assert [(row.phase, row.by) for row in found] == [(ONE, "person"), (TWO, "pane")]


def test_a_prompt_that_another_took_the_place_of_is_no_longer_open() -> None:
    """One pane shows one dialog; the gone of the first does not close the second."""
    found = asked(journal(asks(ONE), asks(ONE, "2-k"), PromptGone(phase=ONE, key="1-k")))
    assert [row.by for row in found] == ["pane", "open"]


def test_a_second_answer_changes_nothing() -> None:
    """What was typed first is what the agent got."""
    told = one_of(asks(ONE), answer("policy", rule="r"), answer("person"))
    assert (told.by, told.rule) == ("policy", "r")


def call(number: int, cost: float | None, seconds: float = 2.0) -> tuple[AnyEvent, ...]:
    return (
        Consulting(phase=ONE, key="1-k", number=number, agent="claude"),
        Consulted(phase=ONE, key="1-k", number=number, outcome="escalate", seconds=seconds, cost=cost, reason="why"),
    )


def test_costs_are_what_was_said_and_what_was_not_is_counted() -> None:
    """No cost is made up for a call that says none, or that was cut off."""
    cut_off = Consulting(phase=ONE, key="1-k", number=3, agent="claude")
    told = asked(journal(asks(ONE), *call(1, 0.25), *call(2, None), cut_off))
    assert [one.outcome for one in told[0].calls] == ["escalate", "escalate", ""]
    summed = costs(told)
    assert (summed.calls, summed.seconds, summed.dollars, summed.untold) == (3, 4.0, 0.25, 2)
    assert costs(()).dollars is None
    assert costs(asked(journal(asks(ONE), *call(1, None)))).dollars is None
