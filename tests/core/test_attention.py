"""The one list of what waits for a person, and what may be said of it outside of batty's own panes."""

from datetime import timedelta
from typing import get_args

import pytest

from batty_tmux.core.attention import (
    KEYS,
    Waiting,
    age_of,
    hold,
    hold_line,
    news,
    notice,
    prompt_lines,
    waiting,
    waiting_lines,
)
from batty_tmux.core.board import Phase
from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    ExecutorExited,
    ExecutorStarted,
    Launched,
    Launching,
    Paused,
    Prompted,
    PromptGone,
    QueueResumed,
    Unpaused,
)
from batty_tmux.core.merge_queue import fold as fold_queue
from batty_tmux.core.queue_state import Now, observe
from batty_tmux.core.status import WAITS_FOR_A_PERSON, PhaseStatus, State, next_command
from batty_tmux.core.supervise import fold
from batty_tmux.names import Branch, PhaseId, Sha
from tests.support.hostile import TITLES
from tests.support.journaled import AT

PHASE, OTHER = PhaseId("phase-1"), PhaseId("phase-2")
LAUNCHING = Launching(phase=PHASE, branch=Branch("b"), worktree="/w", start=Sha("s"))
STARTED = ExecutorStarted(phase=PHASE, attempt=1, pid=1, agent="claude")
PAUSED, UNPAUSED = Paused(phase=PHASE, by="person"), Unpaused(phase=PHASE, by="person")
TYPES, QUIET = Paused(phase=PHASE, by="keys"), Unpaused(phase=PHASE, by="quiet")


def of(state: State, minutes: float | None = 0, says: str = "", *events: AnyEvent) -> PhaseStatus:
    """Return a phase that has been in a state for so long."""
    watch = fold(PHASE, list(events))
    since = None if minutes is None else AT - timedelta(minutes=minutes)
    return PhaseStatus(Phase(PHASE, "t"), state, since, says, next_command(PHASE, state), watch, None)


def asks(key: str = "1-k", question: str = "Go?", reason: str = "no rule answers this", would: str = "") -> Prompted:
    return Prompted(
        phase=PHASE,
        key=key,
        kind="confirm",
        question=question,
        reason=reason,
        would=would,
        decision="suggest" if would else "ask",
    )


def only(status: PhaseStatus) -> Waiting:
    (one,) = waiting([status], AT)
    return one


def test_all_that_waits_is_there_once_and_the_oldest_comes_first() -> None:
    """And nothing that moves by itself is among it; what has no age comes last."""
    states: tuple[State, ...] = get_args(State)
    found = waiting([*(of(s, n) for n, s in enumerate(states)), of("held", None)], AT)
    assert sorted(one.state for one in found) == sorted([*WAITS_FOR_A_PERSON, "held"])
    ages = [one.seconds for one in found[:-1] if one.seconds is not None]
    assert ages == sorted(ages, reverse=True)
    assert len(ages) == len(found) - 1
    assert found[-1].since is None


def test_a_prompt_is_told_with_the_question_and_why_it_came_to_a_person() -> None:
    """With its age, the command that answers and the menu's key for it."""
    one = only(of("asking", 3, "Go?", LAUNCHING, STARTED, asks()))
    assert (one.question, one.reason, one.seconds) == ("Go?", "no rule answers this", 180)
    assert (one.command, one.menu) == ("batty answer phase-1", "a")
    assert waiting_lines(one, ages=True, menu="B") == [
        "  phase-1, 3m: Go? (no rule answers this)",
        "    ↳ batty answer phase-1   (prefix + B, a)",
    ]
    assert waiting_lines(one) == ["  phase-1: Go? (no rule answers this)", "    ↳ batty answer phase-1"]
    assert waiting_lines(one, ages=True)[1] == "    ↳ batty answer phase-1"


def test_the_menus_key_is_named_only_where_the_menu_leads_to_it() -> None:
    """Its list for reviews holds what waits for a first verdict, not what is held; the queue it only shows."""
    keys = {state: key for state in WAITS_FOR_A_PERSON if (key := only(of(state)).menu)}
    settled = {"asking": "a", "reviewing": "r", "stuck": "w", "failed": "l"}
    assert keys == settled
    assert set(settled.values()) == set(KEYS.values())


def test_a_suggestion_is_one_only_where_the_policy_suggests() -> None:
    """What it would have done in another mode is not to be taken by a slip of the finger."""
    suggested = asks(would="y")
    assert only(of("asking", 0, "", LAUNCHING, STARTED, suggested)).suggested == "y"
    observed = Prompted(phase=PHASE, key="k", kind="confirm", question="Go?", would="y", decision="refuse")
    assert only(of("asking", 0, "", LAUNCHING, STARTED, observed)).suggested == ""


def test_another_appearance_is_another_thing_and_the_same_one_is_not() -> None:
    """A prompt by its key; another state by the moment when it began; a lost window by which it was."""
    first = of("asking", 1, "", LAUNCHING, STARTED, asks("1-a"))
    again = of("asking", 1, "", LAUNCHING, STARTED, asks("1-a"))
    other = of("asking", 1, "", LAUNCHING, STARTED, asks("1-a"), PromptGone(phase=PHASE, key="1-a"), asks("2-a"))
    assert only(first).key == only(again).key != only(other).key
    assert only(of("held", 1)).key == only(of("held", 1)).key != only(of("held", 2)).key
    windows = [
        Launched(phase=PHASE, session="$1", window=window, pane="%1", orchestrator="%2", server="s")
        for window in ("@1", "@2")
    ]
    lost = {only(of("stuck", 1, "", LAUNCHING, window, STARTED)).key for window in windows}
    assert len(lost) == 2


def test_a_key_can_stand_in_a_list_of_words() -> None:
    """It is remembered in an option of tmux, whatever the prompt's own key is made of."""
    for text in TITLES:
        key = only(of("asking", 0, "", LAUNCHING, STARTED, asks(text))).key
        assert key.isalnum()
        assert key.isascii()


def test_news_are_what_was_not_told() -> None:
    """And what was told once is no news, however often it is looked at."""
    found = waiting([of("held", 1), of("failed", 2)], AT)
    assert news(found, ()) == found
    assert news(found, [found[0].key]) == found[1:]
    assert news(found, [one.key for one in found]) == ()


def test_a_standstill_of_the_queue_waits_too_until_it_is_resumed() -> None:
    """The next one is another; a pause is a person's own doing."""
    moved = BaseMoved(old=Sha("a" * 40), new=Sha("b" * 40), seq=3)
    queue = observe(fold_queue([moved]), Now(tip=Sha("b" * 40)))
    (one,) = waiting((), AT, queue)
    assert (one.phase, one.name, one.command) == (None, "the merge queue", "batty queue resume")
    assert waiting((), AT, observe(fold_queue([moved, QueueResumed(seq=4)]), Now(tip=Sha("b" * 40)))) == ()


# -- on hold


@pytest.mark.parametrize(
    ("events", "by"),
    [
        ([], ""),
        ([PAUSED], "paused"),
        ([PAUSED, UNPAUSED], ""),
        ([TYPES], "you"),
        ([TYPES, QUIET], ""),
        ([TYPES, UNPAUSED], ""),
        ([PAUSED, TYPES], "paused"),
        ([PAUSED, TYPES, QUIET], "paused"),
        ([TYPES, PAUSED, UNPAUSED], ""),
        ([PAUSED, STARTED], "paused"),
        ([TYPES, STARTED], ""),
        ([TYPES, ExecutorExited(phase=PHASE, attempt=1, status=0)], ""),
        ([PAUSED, LAUNCHING], ""),
        ([Paused(phase=OTHER, by="person")], ""),
    ],
)
def test_what_a_person_paused_only_a_person_lets_go_on(events: list[AnyEvent], by: str) -> None:
    """A quiet pane ends the hold of its keys and nothing else; a new launch begins with none."""
    assert hold(fold(PHASE, [LAUNCHING, STARTED, *events])) == by


def test_a_hold_is_told_with_the_command_that_ends_it() -> None:
    """Both kinds; the key only where one is bound."""
    assert hold_line(PHASE, "paused", "R") == "! phase-1 is paused   ↳ batty unpause phase-1   (prefix + R)"
    assert hold_line(PHASE, "you").endswith("↳ batty unpause phase-1")


# -- words


@pytest.mark.parametrize("text", TITLES)
def test_nothing_of_an_agents_text_leaves_in_a_notice(text: str) -> None:
    """It is made of the phase's name and batty's own words."""
    plain = only(of("asking", 0, "Go?", LAUNCHING, STARTED, asks(question="Go?")))
    hostile = only(of("asking", 0, text, LAUNCHING, STARTED, asks(question=text, reason=text, would=text)))
    assert notice("shop", hostile, 2) == notice("shop", plain, 2) == "batty: phase-1 of shop is asking (2 need you)"


@pytest.mark.parametrize("text", TITLES)
def test_a_notice_is_short_and_plain_whatever_the_repository_is_called(text: str) -> None:
    """No byte of it means anything to a terminal, and none ends a field of the sequence."""
    told = notice(text, only(of("held")), 1)
    assert told.isascii()
    assert told.isprintable()
    assert ";" not in told
    assert len(told) <= 120


@pytest.mark.parametrize("text", TITLES)
def test_a_question_is_shown_on_harmless_lines(text: str) -> None:
    """The question, the reason, the text, and each option."""
    one = only(of("asking", 0, "", LAUNCHING, STARTED, asks(question=text, reason=text)))
    shown = Prompted(phase=PHASE, key="k", kind="question", question="q", text=f"{text}\n\t{text}")
    for line in [*waiting_lines(one, ages=True), *prompt_lines(shown, (text, "No"))]:
        assert line.isprintable()


def test_a_long_prompt_is_shown_from_its_end_with_its_options() -> None:
    """What is asked stands at the bottom; in a pipe all of it is shown."""
    long = Prompted(phase=PHASE, key="k", kind="question", question="q", text="\n".join(map(str, range(100))))
    assert prompt_lines(long, ("Yes", "No"), 2) == ["... 98 rows above", "98", "99", "", "  1  Yes", "  2  No"]
    assert prompt_lines(long, (), -3) == ["... 99 rows above", "99"]
    assert len(prompt_lines(long)) == 100


def test_an_age_that_is_not_known_is_a_dash() -> None:
    """And the others are told in the one unit that matters."""
    assert [age_of(s) for s in (None, 0, 59, 60, 3600, 90000)] == ["-", "0s", "59s", "1m", "1h", "1d"]
