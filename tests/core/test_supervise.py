"""What a phase calls for: the contract's truth table, and every sequence of events up to a length."""

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest

from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    BoardCommitted,
    Cleaned,
    Enqueued,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateStarted,
    Inspected,
    Landed,
    Launched,
    LaunchFailed,
    Launching,
    Nudged,
    PhaseHeld,
    Prompted,
    PromptGone,
    Relaunching,
    Reviewed,
    ReviewWanted,
    SettingUp,
    SetUp,
    Skipped,
    VerdictWord,
)
from batty_tmux.core.supervise import (
    HOLDS_A_SLOT,
    NUDGES,
    AskReview,
    CommitBoard,
    Effect,
    Hold,
    Inspect,
    Nudge,
    Patience,
    Relaunch,
    RunPhaseGate,
    Watch,
    apply,
    fold,
    observe,
    owed,
    within,
)
from batty_tmux.names import Branch, PhaseId, RunId, Sha

PHASE = PhaseId("phase-1")
BOARD = "kanban/phase-1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD, TREE = Sha("head"), Sha("tree")

LAUNCHING = Launching(phase=PHASE, run=RunId("001"), branch=Branch("b"), worktree="/w", start=Sha("start"))
LAUNCHED = Launched(phase=PHASE, session="$1", window="@1", pane="%1", orchestrator="%2", server="s")
STARTED = ExecutorStarted(phase=PHASE, attempt=1, pid=1, agent="claude")
ENDED = ExecutorExited(phase=PHASE, attempt=1, status=0)
RUNNING = (LAUNCHING, LAUNCHED, STARTED)
OVER = (*RUNNING, ENDED)
GOOD = Inspected(phase=PHASE, head=HEAD, tree=TREE, commits=2)


def gate(verdict: VerdictWord, head: Sha = HEAD, tree: Sha = TREE) -> GateFinished:
    return GateFinished(
        phase=PHASE, purpose="phase", commit=head, tree=tree, gate="g", log="/log", verdict=verdict, status=1
    )


def found(
    *,
    undone: tuple[str, ...] = (),
    dirty: tuple[str, ...] = (),
    provided: tuple[str, ...] = (),
    broken: tuple[str, ...] = (),
    commits: int = 2,
) -> Inspected:
    return Inspected(
        phase=PHASE,
        head=HEAD,
        tree=TREE,
        commits=commits,
        undone=undone,
        dirty=dirty,
        provided=provided,
        broken=broken,
    )


def told(*events: AnyEvent) -> Watch:
    return fold(PHASE, list(events))


def idle(*events: AnyEvent) -> Watch:
    return observe(told(*events), idle=True, finished=True)


def asked(watch: Watch) -> Effect | None:
    return owed(watch, BOARD, NOW, Patience(relaunches=0))


def held(watch: Watch) -> tuple[str, str]:
    effect = asked(watch)
    assert isinstance(effect, Hold)
    return effect.state, effect.code


# --- before it starts


SETTING_UP = SettingUp(phase=PHASE, command="make deps", log="/log")


def test_a_retry_is_owed_once_while_the_worktree_is_set_up() -> None:
    """What a start journals must not call for another start, which would kill it; nor what its setup's end does."""
    failed = LaunchFailed(phase=PHASE, reason="no", code="setup-failed", log="/log", evidence=("boom",))
    again = (LAUNCHING, LAUNCHED, SETTING_UP, failed, Relaunching(phase=PHASE, by="person"))
    assert asked(told(*again)) == Relaunch("")
    assert asked(told(*again, SETTING_UP)) is None
    assert asked(told(*again, SETTING_UP, SetUp(phase=PHASE))) is None
    assert asked(told(*again, SETTING_UP, failed)) is None
    assert asked(told(*again, SETTING_UP, failed, Relaunching(phase=PHASE, by="person"))) == Relaunch("")


def test_a_failed_setup_is_held_with_the_end_of_what_it_said() -> None:
    """And with where the rest is."""
    failed = LaunchFailed(phase=PHASE, reason="no", code="setup-failed", log="/log", evidence=("boom",))
    watch = told(LAUNCHING, LAUNCHED, SETTING_UP, failed)
    assert watch.held is not None
    assert (watch.state, watch.held.code, watch.held.evidence) == (
        "failed",
        "setup-failed",
        ("boom", "all of it is in /log"),
    )


def test_a_window_that_was_opened_anew_begins_its_setup_anew() -> None:
    """What was at work in the one that is gone went with it."""
    elsewhere = Launched(phase=PHASE, session="$1", window="@2", pane="%9", orchestrator="%10", server="t")
    assert told(LAUNCHING, LAUNCHED, SETTING_UP).setting_up is not None
    assert told(LAUNCHING, LAUNCHED, SETTING_UP, elsewhere).setting_up is None
    assert told(LAUNCHING, LAUNCHED, SETTING_UP, STARTED).setting_up is None


# --- the contract, row by row


@pytest.mark.parametrize("watch", [told(*OVER), idle(*RUNNING)], ids=["ended", "idle TUI"])
def test_an_executor_that_is_over_is_inspected(watch: Watch) -> None:
    """A program ends; an interactive agent never does, so its idle screen and a finished board count as much."""
    assert asked(watch) == Inspect()


@pytest.mark.parametrize(("idle_", "finished"), [(False, False), (True, False), (False, True)])
def test_one_that_runs_is_left_alone(idle_: bool, finished: bool) -> None:
    """Idle with tasks open is thinking or asking; finished and busy is still writing."""
    assert asked(observe(told(*RUNNING), idle=idle_, finished=finished)) is None


@pytest.mark.parametrize("status", [1, 127, 137, 255])
def test_an_executor_that_breaks_off_has_failed(status: int) -> None:
    """Whatever its board says: it did not end as one does that is done."""
    broken_off = told(*RUNNING, ExecutorExited(phase=PHASE, attempt=1, status=status))
    assert held(broken_off) == ("failed", "executor-failed")
    assert asked(broken_off) == Hold("failed", "executor-failed", f"the executor ended with status {status}")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (found(broken=("tasks/001.md:3 no",)), ("held", "broken-board")),
        (found(provided=(".env",)), ("held", "provided-committed")),
        (found(commits=0), ("held", "no-commits")),
        (found(undone=("#1 a", "#2 b")), ("failed", "ended-early")),
        (found(broken=("x",), undone=("#1",), dirty=("y",), commits=0), ("held", "broken-board")),
        (found(provided=(".env",), dirty=("y",)), ("held", "provided-committed")),
    ],
)
def test_what_no_executor_is_asked_to_mend_waits_for_a_person(seen: Inspected, expected: tuple[str, str]) -> None:
    """The first thing missing is named; secrets in commits come before files that are merely loose."""
    assert held(told(*OVER, seen)) == expected


def test_tasks_left_open_by_a_running_agent_are_its_own_business() -> None:
    """It is not done, and nothing is wrong."""
    assert asked(idle(*RUNNING, found(undone=("#1 a",)))) is None


@pytest.mark.parametrize("watch", [(*OVER,), (*RUNNING,)], ids=["ended", "idle TUI"])
def test_a_card_moved_after_the_last_commit_is_committed_for_it(watch: tuple[AnyEvent, ...]) -> None:
    """Only its own board: neither another phase's, nor a folder that begins with the same letters."""
    mine = (f"{BOARD}/tasks/001-a.md", f"{BOARD}/config.yml")
    assert asked(idle(*watch, found(dirty=mine))) == CommitBoard(mine)
    for other in ("src/a.py", "kanban/phase-10/tasks/001.md", "kanban/phase-1.md", "kanban/phase-2/config.yml"):
        assert isinstance(asked(idle(*watch, found(dirty=(*mine, other)))), Nudge)


def test_a_board_that_was_committed_is_inspected_again() -> None:
    """The commit made a new tip, and it is the tip that is gated."""
    dirty = found(dirty=(f"{BOARD}/config.yml",))
    committed = BoardCommitted(phase=PHASE, head=Sha("new"), paths=dirty.dirty)
    assert asked(told(*OVER, dirty, committed)) == Inspect()


def test_loose_files_are_told_once_and_then_held() -> None:
    """One nudge that names them, whether the executor is there to read it or starts again; then a person."""
    loose = found(dirty=("src/a.py",))
    first = asked(idle(*RUNNING, loose))
    assert isinstance(first, Nudge)
    assert "src/a.py" in first.text
    nudged = (*RUNNING, loose, Nudged(phase=PHASE, text=first.text))
    assert NUDGES == 1
    assert asked(told(*nudged)) is None
    assert held(idle(*nudged, loose)) == ("held", "uncommitted")


def test_a_nudge_with_hundreds_of_files_stays_short() -> None:
    """It is typed into a terminal."""
    nudge = asked(told(*OVER, found(dirty=tuple(f"f{n}" for n in range(500)))))
    assert isinstance(nudge, Nudge)
    assert len(nudge.text.splitlines()) < 30


def test_what_keeps_the_contract_is_gated_on_its_committed_tip() -> None:
    """Commit and tree as they were inspected."""
    watch = told(*OVER, GOOD)
    assert asked(watch) == RunPhaseGate(HEAD, TREE)
    assert (watch.state, watch.says) == ("checking", "the gate runs on the committed tip")


def test_a_passed_gate_asks_for_the_review() -> None:
    """Of exactly that commit."""
    assert asked(told(*OVER, GOOD, gate("pass"))) == AskReview(HEAD)


def test_a_red_gate_is_told_once_and_then_held() -> None:
    """With where its output is."""
    red = (*RUNNING, GOOD, gate("fail"))
    nudge = asked(told(*red))
    assert isinstance(nudge, Nudge)
    assert "/log" in nudge.text
    again = (*red, Nudged(phase=PHASE, text=nudge.text))
    assert asked(idle(*again)) == Inspect()
    assert held(told(*again, GOOD)) == ("held", "gate-red")
    other = Inspected(phase=PHASE, head=Sha("mended"), tree=Sha("other"), commits=3)
    assert asked(told(*again, other)) == RunPhaseGate(Sha("mended"), Sha("other"))


@pytest.mark.parametrize(("verdict", "word"), [("timeout", "time"), ("infra", "could not run")])
def test_a_gate_that_said_nothing_is_held_at_once(verdict: VerdictWord, word: str) -> None:
    """The executor cannot mend it, so it is not told."""
    effect = asked(told(*OVER, GOOD, gate(verdict)))
    assert isinstance(effect, Hold)
    assert (effect.state, effect.code, effect.evidence) == ("held", "gate-infra", ("/log",))
    assert word in effect.reason


@pytest.mark.parametrize(("head", "tree"), [("head", "other"), ("other", "tree"), ("other", "other")])
def test_a_gate_on_anything_else_is_no_proof(head: str, tree: str) -> None:
    """Neither of another tree, nor of another commit: a verdict of the reviewer is for one commit."""
    assert asked(told(*OVER, GOOD, gate("pass", Sha(head), Sha(tree)))) == RunPhaseGate(HEAD, TREE)


def test_a_queue_gate_is_not_the_phases_own() -> None:
    """It ran on a candidate, for the queue."""
    queued = GateFinished(
        phase=PHASE, purpose="queue", commit=HEAD, tree=TREE, gate="g", log="/log", verdict="fail", status=1
    )
    started = GateStarted(phase=PHASE, purpose="queue", commit=HEAD, tree=TREE, gate="g", log="/log")
    watch = told(*OVER, GOOD, started, queued)
    assert (watch.gate, watch.gating) == (None, None)


# --- restarts


def test_the_end_of_an_earlier_attempt_is_not_this_ones() -> None:
    """A supervisor may note it late."""
    again = ExecutorStarted(phase=PHASE, attempt=2, pid=2, agent="claude")
    watch = told(*OVER, again, ExecutorExited(phase=PHASE, attempt=1, status=9))
    assert (watch.executor, watch.status, watch.state) == ("running", None, "working")


def test_rework_forgets_what_was_found_and_starts_the_executor_with_it() -> None:
    """Nudges are given anew, since a person has spoken; the proof of the old commit is gone."""
    rework = Reviewed(phase=PHASE, verdict="rework", by="human", head=HEAD, feedback="name it better")
    watch = told(*OVER, Nudged(phase=PHASE, text="x"), GOOD, gate("pass"), ReviewWanted(phase=PHASE, head=HEAD), rework)
    assert asked(watch) == Relaunch("name it better")
    assert (watch.nudges, watch.gate, watch.inspected, watch.state) == (0, None, None, "working")
    started = apply(watch, ExecutorStarted(phase=PHASE, attempt=2, pid=2))
    assert asked(started) is None
    assert started.relaunch is None


def test_silence_at_the_commit_that_was_sent_back_is_not_done() -> None:
    """After a rework the board is finished already: only a new commit, or the executor's end, is news."""
    rework = Reviewed(phase=PHASE, verdict="rework", by="human", head=HEAD, feedback="again")
    again = (*OVER, rework, ExecutorStarted(phase=PHASE, attempt=2, pid=2, agent="claude"))
    assert asked(idle(*again, GOOD)) is None
    newer = Inspected(phase=PHASE, head=Sha("newer"), tree=TREE, commits=3)
    assert asked(idle(*again, newer)) == RunPhaseGate(Sha("newer"), TREE)
    ended = ExecutorExited(phase=PHASE, attempt=2, status=0)
    assert asked(told(*again, ended, GOOD)) == RunPhaseGate(HEAD, TREE)


@pytest.mark.parametrize(("by", "left"), [("batty", 1), ("person", 0)])
def test_only_a_persons_restart_gives_a_new_nudge(by: Literal["batty", "person"], left: int) -> None:
    """Else an executor that never commits would be told so for ever."""
    again = Relaunching(phase=PHASE, feedback="f", by=by)
    assert told(*OVER, Nudged(phase=PHASE, text="x"), again).nudges == left


def test_a_new_launch_starts_from_nothing() -> None:
    """Whatever the last one came to."""
    failed = PhaseHeld(phase=PHASE, state="failed", code="c", reason="r")
    assert told(*OVER, GOOD, failed, LAUNCHING) == told(LAUNCHING)


def test_an_executor_that_stirs_is_inspected_again() -> None:
    """A person typed into an idle agent: what was found open before may be done now."""
    seen = idle(*RUNNING, found(undone=("#1",)))
    moving = observe(seen, idle=False, finished=False)
    assert moving.inspected is None
    assert asked(observe(moving, idle=True, finished=True)) == Inspect()


# --- states and words

ASKED = Prompted(phase=PHASE, key="1-a", kind="confirm", question="Go on?")
HELD = PhaseHeld(phase=PHASE, state="held", code="c", reason="the reason")


@pytest.mark.parametrize(
    ("events", "state", "says"),
    [
        ((), "idle", ""),
        ((LAUNCHING,), "working", ""),
        ((LAUNCHING, LaunchFailed(phase=PHASE, reason="no tmux")), "failed", "no tmux"),
        (RUNNING, "working", ""),
        ((*RUNNING, ASKED), "asking", "Go on?"),
        ((*RUNNING, ASKED, Answered(phase=PHASE, key="1-a", by="policy", answer="y")), "working", ""),
        ((*RUNNING, ASKED, Answered(phase=PHASE, key="0-b", by="policy", answer="y")), "asking", "Go on?"),
        ((*RUNNING, ASKED, PromptGone(phase=PHASE, key="1-a")), "working", ""),
        ((*RUNNING, ASKED, PromptGone(phase=PHASE, key="0-b")), "asking", "Go on?"),
        ((*RUNNING, ASKED, ENDED), "working", ""),
        ((*OVER, GOOD, gate("pass"), ReviewWanted(phase=PHASE, head=HEAD)), "reviewing", "waits for your verdict"),
        ((*OVER, GOOD, Enqueued(phase=PHASE, head=HEAD, claim="c")), "queued", ""),
        ((*OVER, HELD), "held", "the reason"),
        ((*OVER, HELD, Enqueued(phase=PHASE, head=HEAD, claim="c")), "queued", ""),
        ((*OVER, Enqueued(phase=PHASE, head=HEAD, claim="c"), HELD), "held", "the reason"),
        ((*OVER, HELD, Relaunching(phase=PHASE)), "working", ""),
        ((*OVER, Landed(phase=PHASE, head=HEAD, base=HEAD, candidate=HEAD, tree=TREE)), "closed", ""),
        ((*OVER, Skipped(phase=PHASE)), "closed", ""),
        ((*OVER, Cleaned(phase=PHASE)), "closed", ""),
        (
            (*OVER, Reviewed(phase=PHASE, verdict="escalate", by="human", head=HEAD, feedback="ask Ann")),
            "held",
            "ask Ann",
        ),
        ((*OVER, Reviewed(phase=PHASE, verdict="escalate", by="human", head=HEAD)), "held", "escalated"),
    ],
)
def test_states_and_what_they_say(events: tuple[AnyEvent, ...], state: str, says: str) -> None:
    """Each state with the question, the reason, or nothing."""
    watch = told(*events)
    assert (watch.state, watch.says) == (state, says)


def test_nothing_is_owed_outside_the_states_that_hold_a_slot() -> None:
    """Held, reviewing, queued and closed phases wait for others."""
    for ending in (HELD, ReviewWanted(phase=PHASE, head=HEAD), Enqueued(phase=PHASE, head=HEAD, claim="c")):
        watch = told(*OVER, ending)
        assert watch.state not in HOLDS_A_SLOT
        assert asked(watch) is None


def test_nothing_is_owed_before_there_is_a_window() -> None:
    """Else the worktree would be judged that nobody has worked in."""
    assert asked(told(LAUNCHING)) is None
    assert asked(told(LAUNCHING, LAUNCHED)) is None


def test_events_of_other_phases_are_not_folded() -> None:
    """The journal holds all of them."""
    other = PhaseHeld(phase=PhaseId("phase-10"), state="held", code="c", reason="r")
    assert told(*RUNNING, other) == told(*RUNNING)


@pytest.mark.parametrize(
    ("folder", "path", "inside"),
    [
        ("kanban/phase-1", "kanban/phase-1/tasks/1.md", True),
        ("kanban/phase-1", "kanban/phase-10/tasks/1.md", False),
        ("kanban/phase-1", "kanban/phase-1", True),
        (".env", ".env", True),
        (".env", ".env.example", False),
    ],
)
def test_a_folder_holds_whole_names(folder: str, path: str, inside: bool) -> None:
    """Not names that begin alike."""
    assert within(folder, path) is inside


# --- all sequences

OTHER = Inspected(phase=PHASE, head=Sha("head-2"), tree=Sha("tree-2"), commits=3)
AMENDED = Inspected(phase=PHASE, head=Sha("head-3"), tree=TREE, commits=2)
ALPHABET: tuple[AnyEvent, ...] = (
    STARTED,
    ExecutorStarted(phase=PHASE, attempt=2, pid=2),
    ENDED,
    ExecutorExited(phase=PHASE, attempt=2, status=0),
    GOOD,
    OTHER,
    AMENDED,
    found(dirty=("src/a.py",)),
    gate("pass"),
    gate("fail"),
    gate("timeout"),
    gate("pass", Sha("head-2"), Sha("tree-2")),
    Nudged(phase=PHASE, text="x"),
    Reviewed(phase=PHASE, verdict="rework", by="human", head=HEAD),
)


def test_done_is_never_claimed_without_a_passed_gate_on_what_was_inspected() -> None:
    """Breadth-first over all sequences of events, from a launch: whenever the review is asked for, the last
    inspection found nothing missing, and since the last restart the gate's last word is a pass on just that."""
    first = (LAUNCHING, LAUNCHED)
    queue: deque[tuple[Watch, Inspected | None, GateFinished | None]] = deque([(told(*first), None, None)])
    known = set(queue)
    claims = 0
    while queue:
        watch, seen, last = queue.popleft()
        for looking in (watch, observe(watch, idle=True, finished=True)):
            effect = asked(looking)
            if isinstance(effect, AskReview):
                claims += 1
                assert seen is not None
                assert last is not None
                assert (seen.undone, seen.dirty, seen.provided, seen.broken) == ((), (), (), ())
                assert (last.verdict, last.commit, last.tree) == ("pass", seen.head, seen.tree)
                assert effect.head == seen.head
        for event in ALPHABET:
            following = (
                _capped(apply(watch, event)),
                event if isinstance(event, Inspected) else seen,
                _gate_since_restart(event, last),
            )
            if following not in known:
                known.add(following)
                queue.append(following)
    assert len(known) > 500
    assert claims > 10


def _capped(watch: Watch) -> Watch:
    return replace(watch, nudges=min(watch.nudges, NUDGES + 1))


def _gate_since_restart(event: AnyEvent, last: GateFinished | None) -> GateFinished | None:
    if isinstance(event, GateFinished):
        return event
    return None if isinstance(event, ExecutorStarted | Reviewed) else last


def test_folding_again_at_any_point_owes_the_same() -> None:
    """A supervisor that is killed and started again goes on where the last one was."""
    story: tuple[AnyEvent, ...] = (
        *RUNNING,
        ASKED,
        Answered(phase=PHASE, key="1-a", by="policy", answer="y"),
        PromptGone(phase=PHASE, key="1-a"),
        ENDED,
        found(dirty=("a",)),
        Nudged(phase=PHASE, text="x"),
        Relaunching(phase=PHASE, feedback="x"),
        ExecutorStarted(phase=PHASE, attempt=2, pid=2),
        ExecutorExited(phase=PHASE, attempt=2, status=0),
        GOOD,
        gate("pass"),
        ReviewWanted(phase=PHASE, head=HEAD),
    )
    watch = Watch(PHASE)
    for count, event in enumerate(story, 1):
        watch = apply(observe(watch, idle=False, finished=False), event)
        assert told(*story[:count]) == replace(watch, idle=False, finished=False)
        assert asked(told(*story[:count])) == asked(watch)
