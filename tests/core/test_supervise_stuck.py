"""What a phase calls for that does not get on: nudges, relaunches, and waiting for a limit, each within bounds."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from batty_tmux.core.events import (
    AnyEvent,
    Consulted,
    Consulting,
    ExecutorExited,
    ExecutorStarted,
    HooksHeard,
    HooksSilent,
    Launched,
    Launching,
    Limited,
    LimitOver,
    Nudged,
    Paused,
    Prompted,
    PromptGone,
    Relaunching,
    Reviewed,
    Stalled,
    Stirred,
    Unpaused,
)
from batty_tmux.core.supervise import (
    SLACK,
    Effect,
    GoOn,
    Hold,
    Inspect,
    Nudge,
    Patience,
    Relaunch,
    Revive,
    fold,
    is_to_be_told,
    owed,
)
from batty_tmux.core.watch import HOLDS_A_SLOT, Watch, observe
from batty_tmux.names import Branch, PhaseId, RunId, Sha

PHASE = PhaseId("phase-1")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
LAUNCHING = Launching(phase=PHASE, run=RunId("001"), branch=Branch("b"), worktree="/w", start=Sha("start"))
LAUNCHED = Launched(phase=PHASE, session="$1", window="@1", pane="%1", orchestrator="%2", server="s")
STARTED = ExecutorStarted(phase=PHASE, attempt=1, pid=1, agent="claude", session="c-1", hooks=True, at=NOW)
RUNNING = (LAUNCHING, LAUNCHED, STARTED)
LIMITED = Limited(phase=PHASE, reason="session limit", until=LATER)
ASKED = Prompted(phase=PHASE, key="1-a", kind="confirm", question="Go on?")

Code = Literal["silent", "loop", "context", "denials"]


def told(*events: AnyEvent) -> Watch:
    return fold(PHASE, list(events))


def calls(
    watch: Watch, at: datetime = NOW, *, nudges: int = 1, relaunches: int = 2, resumes: bool = True
) -> Effect | None:
    return owed(watch, "kanban/phase-1", at, Patience(nudges, relaunches, resumes))


def stalled(code: Code = "loop", *, nudge: bool = True) -> Stalled:
    return Stalled(phase=PHASE, code=code, reason="why", nudge=nudge)


def exited(status: int, attempt: int = 1, at: datetime = NOW + timedelta(minutes=5)) -> ExecutorExited:
    return ExecutorExited(phase=PHASE, attempt=attempt, status=status, at=at)


def again(attempt: int, at: datetime = NOW + timedelta(minutes=6)) -> tuple[AnyEvent, ...]:
    back = Relaunching(phase=PHASE, resume=True, cause="crash")
    return back, ExecutorStarted(phase=PHASE, attempt=attempt, pid=2, agent="claude", session="c-1", at=at)


# --- crashes


def test_a_crash_is_followed_by_another_try_within_the_budget() -> None:
    """Each goes on with its own conversation; then it has failed, and says how often."""
    first = told(*RUNNING, exited(137))
    assert calls(first) == Revive("crash", resume=True)
    assert calls(told(*RUNNING, exited(137), Relaunching(phase=PHASE, resume=True, cause="crash"))) == Relaunch("")
    second = (*RUNNING, exited(137), *again(2), exited(137, 2, NOW + timedelta(minutes=9)))
    assert calls(told(*second)) == Revive("crash", resume=True)
    third = told(*second, *again(3), exited(1, 3, NOW + timedelta(minutes=20)))
    assert calls(third) == Hold("failed", "executor-failed", "the executor ended with status 1, 3 times")
    assert calls(first, relaunches=0) == Hold("failed", "executor-failed", "the executor ended with status 137")


def test_a_conversation_that_cannot_go_on_is_not_tried_twice() -> None:
    """An executor that was resumed and ended at once is started anew."""
    events = (*RUNNING, exited(1), *again(2, NOW), exited(1, 2, NOW + timedelta(seconds=2)))
    assert calls(told(*events)) == Revive("crash", resume=False)


@pytest.mark.parametrize("status", [126, 127, 129, 130, 143])
def test_what_was_ended_on_purpose_stays_ended(status: int) -> None:
    """A closed window, ^C, a program that is not there: starting it again would help nobody."""
    effect = calls(told(*RUNNING, exited(status)))
    assert isinstance(effect, Hold)


def test_a_person_gives_it_the_whole_budget_again() -> None:
    """Whoever starts it anew has looked."""
    spent = (*RUNNING, exited(1), *again(2), exited(1, 2, NOW + timedelta(minutes=9)), *again(3))
    for asked in (
        Relaunching(phase=PHASE, by="person"),
        Reviewed(phase=PHASE, verdict="rework", by="human", head=Sha("h"), feedback="x"),
    ):
        assert told(*spent).crashes == 2
        assert told(*spent, asked).crashes == 0


# --- limits


def test_a_limit_parks_the_phase_until_it_is_over() -> None:
    """It keeps its slot, is shown as stuck with the reason, and goes on a little after the time that was named."""
    watch = told(*RUNNING, LIMITED)
    assert (watch.state, watch.says, watch.state in HOLDS_A_SLOT) == ("stuck", "session limit", True)
    assert calls(watch, LATER) is None
    assert calls(watch, LATER + SLACK) == GoOn()
    assert calls(told(*RUNNING, LIMITED, LimitOver(phase=PHASE, by="agent")), LATER + SLACK) is None


def test_a_limit_without_an_end_waits_for_a_person() -> None:
    """So does one where the user does not want it taken up by itself, and one whose supervision is paused."""
    endless = told(*RUNNING, Limited(phase=PHASE, reason="credit used up"))
    assert calls(endless, NOW + timedelta(days=30)) is None
    parked = told(*RUNNING, LIMITED)
    assert calls(parked, LATER + SLACK, resumes=False) is None
    assert calls(told(*RUNNING, LIMITED, Paused(phase=PHASE, by="person")), LATER + SLACK) is None


def test_an_executor_that_ended_at_its_limit_is_started_when_it_is_over() -> None:
    """It counts as no crash; until then nothing is owed."""
    ended = (*RUNNING, LIMITED, exited(1))
    assert calls(told(*ended), LATER) is None
    assert calls(told(*ended), LATER + SLACK) == Revive("limit", resume=True)
    back = told(*ended, Relaunching(phase=PHASE, resume=True, cause="limit"))
    assert (back.crashes, calls(back, LATER + SLACK)) == (0, Relaunch(""))
    assert told(*ended, Relaunching(phase=PHASE, cause="limit"), *again(2)[1:]).limited is None


# --- stuck


@pytest.mark.parametrize("code", ["silent", "loop", "context", "denials"])
def test_what_is_stuck_is_nudged_once_and_then_waits(code: Code) -> None:
    """As often as configured for each way of being stuck; after that a person looks."""
    watch = told(*RUNNING, stalled(code))
    assert (watch.state, watch.says) == ("stuck", "why")
    effect = calls(watch)
    assert isinstance(effect, Nudge)
    assert effect.why == code
    assert "why" in effect.text or code == "context"
    assert calls(told(*RUNNING, stalled(code, nudge=False))) is None


def test_a_nudge_is_given_as_often_as_wanted_for_each_way() -> None:
    """Then a person looks; the contract has a nudge of its own."""
    once = told(*RUNNING, stalled(), Nudged(phase=PHASE, text="x", why="loop"))
    assert (once.state, once.nudges) == ("working", 0)
    assert is_to_be_told(told(*RUNNING), "loop", Patience())
    assert not is_to_be_told(told(*RUNNING), "loop", Patience(nudges=0))
    assert not is_to_be_told(once, "loop", Patience())
    assert is_to_be_told(once, "loop", Patience(nudges=2))
    assert is_to_be_told(once, "silent", Patience())


def test_what_gets_on_again_is_not_stuck() -> None:
    """It works, until it is said of it again."""
    watch = told(*RUNNING, stalled(), Stirred(phase=PHASE))
    assert (watch.state, calls(watch)) == ("working", None)


def test_nothing_is_typed_while_a_person_is_at_it() -> None:
    """Paused by hand or by keys in the pane, and while a prompt waits, nudges stay owed."""
    paused = (*RUNNING, stalled(), Paused(phase=PHASE, by="keys"))
    assert calls(told(*paused)) is None
    assert isinstance(calls(told(*paused, Unpaused(phase=PHASE, by="quiet"))), Nudge)
    assert calls(told(*RUNNING, stalled(), ASKED)) is None
    assert told(*RUNNING, stalled(), ASKED).state == "asking"


def test_a_finished_board_is_inspected_however_stuck_it_looks() -> None:
    """A silent agent with nothing left to do is done, not stuck."""
    watch = observe(told(*RUNNING, stalled("silent")), idle=True, finished=True)
    assert calls(watch) == Inspect()


# --- questions to the supervisor agent, and hooks


def test_a_question_to_a_supervisor_is_open_until_it_is_answered_or_gone() -> None:
    """Calls are counted when they begin: one that was killed is paid for too."""
    open_ = (*RUNNING, ASKED, Consulting(phase=PHASE, key="1-a", number=1, agent="claude"))
    assert told(*open_).consulting is not None
    done = Consulted(phase=PHASE, key="1-a", number=1, outcome="escalate")
    for end in (done, PromptGone(phase=PHASE, key="1-a")):
        assert told(*open_, end).consulting is None
        assert told(*open_, end).consults == 1
    stale = Consulted(phase=PHASE, key="1-a", number=7, outcome="answer")
    assert told(*open_, stale).consulting is not None


def test_hooks_are_awaited_heard_or_silent() -> None:
    """Of this start of the executor: what an earlier one reported says nothing."""
    assert told(*RUNNING).hooks == "awaited"
    assert told(*RUNNING, HooksHeard(phase=PHASE, attempt=1)).hooks == "heard"
    assert told(*RUNNING, HooksHeard(phase=PHASE, attempt=1), HooksSilent(phase=PHASE, attempt=1)).hooks == "silent"
    assert told(*RUNNING, exited(1), *again(2), HooksHeard(phase=PHASE, attempt=1)).hooks == "none"
