"""The state of a phase is derived: each state of the contract can come about, and has its next command."""

from dataclasses import replace

import pytest

from batty_tmux.core.board import Broken, Phase, Task
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Ejected,
    Enqueued,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateStarted,
    Inspected,
    Landed,
    Launched,
    Launching,
    PhaseHeld,
    Prompted,
    QueuePaused,
    Refused,
    Retried,
    Reviewed,
    ReviewWanted,
    RunResumed,
    RunStarted,
    RunStopped,
    Skipped,
    VerdictWord,
)
from batty_tmux.core.merge_queue import fold as fold_queue
from batty_tmux.core.status import (
    CAN_MOVE_ALONE,
    STILL_AWAITED,
    WAITS_FOR_A_PERSON,
    PhaseStatus,
    Run,
    State,
    current_run,
    derive,
    next_command,
)
from batty_tmux.core.supervise import fold as fold_watch
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.journaled import AT

PHASE = PhaseId("phase-1")
OTHER = PhaseId("phase-0")
HEAD = Sha("head")
TASKS = (Task(1, "first", "done"), Task(2, "second", "in-progress"), Task(3, "third", "todo"))
BOARD = Phase(PHASE, "title", tasks=TASKS)

RUNNING: tuple[AnyEvent, ...] = (
    Launching(phase=PHASE, run=RunId("001"), branch=Branch("b"), worktree="/w", start=Sha("s"), at=AT),
    Launched(phase=PHASE, session="$1", window="@1", pane="%1", orchestrator="%2", server="s"),
    ExecutorStarted(phase=PHASE, attempt=1, pid=1),
)
REVIEWED = (*RUNNING, ExecutorExited(phase=PHASE, attempt=1, status=0), ReviewWanted(phase=PHASE, head=HEAD))
QUEUED = (*REVIEWED, Enqueued(phase=PHASE, head=HEAD, claim="c", at=AT))
BUILT = (
    *QUEUED,
    CandidateBuilt(phase=PHASE, head=HEAD, base=Sha("b"), candidate=Sha("c"), tree=Sha("t"), how="replay"),
)
GATING = (*BUILT, GateStarted(phase=PHASE, purpose="queue", commit=Sha("c"), tree=Sha("t"), gate="g", log="/l"))
LANDED = (*BUILT, Landed(phase=PHASE, head=HEAD, base=Sha("b"), candidate=Sha("c"), tree=Sha("t")))
CONFLICT = (*QUEUED, Conflicted(phase=PHASE, head=HEAD, base=Sha("b"), paths=("a", "b")))
LIMIT = Prompted(phase=PHASE, key="1-a", kind="limit", question="You've hit your limit")


def refused(verdict: VerdictWord) -> tuple[AnyEvent, ...]:
    """What the journal says of a candidate that the gate refused twice."""
    said = GateFinished(
        phase=PHASE, purpose="queue", commit=Sha("c"), tree=Sha("t"), gate="g", log="/l", verdict=verdict, status=1
    )
    out = Ejected(phase=PHASE, head=HEAD, candidate=Sha("c"), verdict=verdict, status=1, log="/l")
    return (said, said, out)


def status(*events: AnyEvent, board: Phase = BOARD, landed: tuple[PhaseId, ...] = ()) -> PhaseStatus:
    return derive(board, fold_watch(PHASE, list(events)), fold_queue(list(events)), landed, None)


WAITING = replace(BOARD, depends_on=(OTHER,))
STATES: dict[State, tuple[PhaseStatus, str, str]] = {
    "blocked": (status(board=WAITING), "waits for phase-0", ""),
    "ready": (status(board=WAITING, landed=(OTHER,)), "", "batty work phase-1"),
    "working": (status(*RUNNING), "", ""),
    "asking": (
        status(*RUNNING, Prompted(phase=PHASE, key="k", kind="confirm", question="Go?")),
        "Go?",
        "batty answer phase-1",
    ),
    "stuck": (status(*RUNNING, LIMIT), "You've hit your limit", "batty attach phase-1"),
    "checking": (
        status(*RUNNING, Inspected(phase=PHASE, head=HEAD, tree=Sha("t"), commits=1)),
        "the gate runs on the committed tip",
        "",
    ),
    "reviewing": (status(*REVIEWED), "waits for your verdict", "batty review phase-1"),
    "queued": (status(*QUEUED), "", ""),
    "gating": (status(*GATING), "the gate runs on the candidate", ""),
    "conflict": (status(*CONFLICT), "conflicts in a, b", "batty queue resolve phase-1"),
    "red": (status(*GATING, *refused("fail")), "the gate ended with 1", "batty queue retry phase-1 --by agent"),
    "deferred": (
        status(*BUILT, Deferred(phase=PHASE, candidate=Sha("c"), checkout="/co", reason="in the way", paths=("f",))),
        "in the way: f; commit or move them",
        "batty land",
    ),
    "landed": (status(*LANDED, landed=(PHASE,)), "", ""),
    "held": (
        status(*REVIEWED, PhaseHeld(phase=PHASE, state="held", code="escalated", reason="ask Bob")),
        "ask Bob",
        "batty review phase-1",
    ),
    "skipped": (status(*QUEUED, Skipped(phase=PHASE)), "", "batty queue retry phase-1"),
    "failed": (
        status(*RUNNING, PhaseHeld(phase=PHASE, state="failed", code="c", reason="broke off")),
        "broke off",
        "batty work phase-1",
    ),
}


def test_the_list_of_states_is_the_contracts() -> None:
    """Programs match on these words."""
    words = "blocked ready working asking stuck checking reviewing queued gating conflict red deferred landed"
    assert set(State.__args__) == {*words.split(), "held", "skipped", "failed"}  # type: ignore[attr-defined]
    assert set(STATES) == set(State.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", STATES)
def test_each_state_can_come_about_and_says_what_to_do(state: State) -> None:
    """The reason, and the one command that goes on from there."""
    made, says, following = STATES[state]
    assert (made.state, made.says, made.next) == (state, says, following)
    assert made.next == next_command(PHASE, state)


@pytest.mark.parametrize("state", sorted(WAITS_FOR_A_PERSON | {"ready", "skipped"}))
def test_what_waits_for_a_person_names_a_command(state: State) -> None:
    """And what moves by itself names none, so that nobody is sent to do what is being done."""
    assert next_command(PHASE, state).startswith("batty ")


@pytest.mark.parametrize("state", sorted(CAN_MOVE_ALONE | {"blocked", "landed"}))
def test_what_moves_by_itself_names_none(state: State) -> None:
    """Nobody is sent to do what is being done."""
    assert next_command(PHASE, state) == ""


def test_what_the_queue_holds_is_not_sent_back_to_its_review() -> None:
    """A gate that could not finish is tried again; a candidate that was refused needs other work."""
    out_of_time = status(*GATING, *refused("timeout"))
    assert (out_of_time.state, out_of_time.says) == ("held", "the gate ran out of time")
    assert out_of_time.next == "batty queue retry phase-1"
    lost = Refused(phase=PHASE, head=HEAD, base=Sha("b"), code="silent-revert", reason="f is lost", paths=("f",))
    assert (status(*QUEUED, lost).state, status(*QUEUED, lost).next) == ("held", 'batty review phase-1 --rework "..."')


def test_wait_goes_on_for_what_the_contract_says() -> None:
    """Asking, reviewing and deferred phases keep it; what needs a decision does not, nor what never started."""
    words = "working checking queued gating asking reviewing deferred"
    assert set(words.split()) == STILL_AWAITED
    settled = {"held", "conflict", "red", "failed", "skipped", "stuck"}
    assert not STILL_AWAITED & settled
    assert set(State.__args__) == STILL_AWAITED | settled | {"blocked", "ready", "landed"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", STATES)
def test_a_slot_is_held_by_who_has_an_executor_at_work(state: State) -> None:
    """Working, asking, stuck, checking, as the contract says."""
    assert STATES[state][0].holds_a_slot is (state in {"working", "asking", "stuck", "checking"})


# --- what wins over what


def test_what_the_base_holds_is_landed_whatever_the_journal_says() -> None:
    """Landed is asked of git, never remembered."""
    for made, _, _ in STATES.values():
        again = derive(BOARD, made.watch, fold_queue([]), (PHASE,), None)
        assert (again.state, again.done, again.total) == ("landed", 3, 3)


def test_what_had_landed_and_is_no_longer_on_the_base_is_held() -> None:
    """Somebody reset the branch: not ready, which would do the work again, and not landed."""
    made = status(*LANDED)
    assert (made.state, made.says) == ("held", "it had landed, and the base no longer holds it")


def test_a_reworked_phase_is_its_executors_again() -> None:
    """The queue says nothing more about it, though its old entry is in the journal."""
    made = status(*GATING, *refused("fail"), Reviewed(phase=PHASE, verdict="rework", by="human", head=HEAD))
    assert (made.state, made.holds_a_slot) == ("working", True)


def test_a_retried_entry_is_queued_again() -> None:
    """Also one that was skipped."""
    assert status(*QUEUED, Skipped(phase=PHASE), Retried(phase=PHASE)).state == "queued"


def test_a_limit_that_was_answered_is_still_one() -> None:
    """Choosing to wait lifts no limit; that the dialog is gone does."""
    answered = (*RUNNING, LIMIT, Answered(phase=PHASE, key="1-a", by="policy", answer="Enter"))
    assert (status(*answered).state, status(*answered).says) == ("stuck", "You've hit your limit")


def test_a_paused_queue_tells_those_who_wait_in_it() -> None:
    """With the reason that was given."""
    assert status(*QUEUED, QueuePaused(reason="release")).says == "the queue is paused: release"
    assert status(*RUNNING, QueuePaused(reason="release")).says == ""


def test_a_board_that_cannot_be_read_is_held_with_file_and_line() -> None:
    """Before it is launched; a phase at work reads the board of its worktree."""
    broken = replace(BOARD, broken=(Broken("tasks/001-a.md", 3, "no status"),))
    made = status(board=broken)
    expected = ("held", "kanban/phase-1/tasks/001-a.md:3: no status", "${EDITOR:-vi} kanban/phase-1/tasks/001-a.md")
    assert (made.state, made.says, made.next) == expected
    assert status(*RUNNING, board=broken).state == "working"


def test_all_dependencies_must_have_landed() -> None:
    """Those that have not are named."""
    both = replace(BOARD, depends_on=(OTHER, PhaseId("phase-x")))
    made = status(board=both, landed=(OTHER,))
    assert (made.state, made.says) == ("blocked", "waits for phase-x")


def test_progress_is_that_of_the_worktrees_board() -> None:
    """The base's own board knows nothing of it until it lands."""
    ahead = replace(BOARD, tasks=(Task(1, "first", "done"), Task(2, "second", "done"), Task(3, "third", "in-progress")))
    watch = fold_watch(PHASE, list(RUNNING))
    made = derive(BOARD, watch, fold_queue([]), (), ahead)
    assert (made.done, made.total, made.task) == (2, 3, ahead.tasks[2])
    assert (status(*RUNNING).done, status(*RUNNING).task) == (1, TASKS[1])


def test_since_is_when_the_state_was_entered() -> None:
    """And unknown before the launch."""
    assert status().since is None
    assert status(*RUNNING).since == AT
    assert status(*QUEUED).since == AT


# --- the run


def started(run: str, *phases: str, parallel: int = 1) -> RunStarted:
    return RunStarted(run=RunId(run), base="main", parallel=parallel, phases=tuple(map(PhaseId, phases)))


def test_there_is_no_run_before_one_is_started() -> None:
    """An empty journal."""
    assert current_run([]) == Run()


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((started("001"),), set()),
        ((started("001", "a"),), {"a"}),
        ((started("001", "a"), started("001", "b")), {"a", "b"}),
        ((started("001", "a"), started("001")), set()),
        ((started("001"), started("001", "a")), set()),
        ((started("001", "a"), started("002", "b")), {"b"}),
        ((started("001"), started("002", "b")), {"b"}),
    ],
)
def test_what_is_wanted_grows_within_a_run(events: tuple[AnyEvent, ...], wanted: set[str]) -> None:
    """`work phase-2` beside a run adds to it; all stays all; the empty set is all."""
    assert current_run(events).wanted == wanted


def test_a_stopped_run_goes_on_when_it_is_resumed_or_started() -> None:
    """And keeps what it was asked for."""
    first = started("001", "a", parallel=3)
    assert current_run([first, RunStopped()]).stopped
    for going in (current_run([first, RunStopped(), RunResumed()]), current_run([first, RunStopped(), first])):
        assert (going.stopped, going.parallel, going.wanted) == (False, 3, frozenset({PhaseId("a")}))
