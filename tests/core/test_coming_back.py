"""The three lines of a resume, the words of a stop, and the title by which a restored window is known."""

import pytest

from batty_tmux.core import marks
from batty_tmux.core.coming_back import Found, Opened, Stopped, asked_line, found_lines, listed, stopped_line
from batty_tmux.core.events import ExecutorStarted, Inspected, Launched, Launching, Relaunching
from batty_tmux.core.supervise import Relaunch, Watch, apply, owed
from batty_tmux.host.clock import now
from batty_tmux.names import Branch, PhaseId, RunId, Sha

A, B, C = PhaseId("alpha"), PhaseId("beta"), PhaseId("gamma")


def test_three_lines_tell_what_had_ended_what_goes_on_and_what_waits() -> None:
    """Whoever reads no more than these knows whether to do anything."""
    opened = (Opened(A, "stuck", "conversation"), Opened(B, "stuck", "conversation"), Opened(C, "reviewing", "waits"))
    found = Found(ended="machine", quiet=9 * 3600, up=300, opened=opened, queued=(C,), lander=True, waits=("gamma",))
    assert found_lines("001", found) == [
        "run 001: the machine was started anew 5m ago; the last sign of life was 9h ago",
        "alpha and beta go on with their agents' own conversations; gamma (reviewing) has its window",
        "the lander is at work on gamma; gamma needs you",
    ]


def test_where_nothing_had_ended_it_says_so() -> None:
    """And what had died alone, and what could not be brought back."""
    assert found_lines("001", Found(quiet=60)) == [
        "run 001: all windows are there",
        "opened nothing: nothing was missing",
        "the queue waits for nothing; nothing needs you",
    ]
    dead = found_lines("001", Found(quiet=60, supervisors=(A,), stays=((B, "x\x1b[2J runs"),), closed=("alpha",)))
    assert (
        dead[0]
        == "run 001: all windows are there, and the supervisor of alpha had ended; the last sign of life was 1m ago"
    )
    assert dead[1] == "alpha is supervised again"
    assert dead[3:] == [
        "! beta was not brought back: x[2J runs",
        "! closed alpha: restored without what ran there",
    ]


def test_a_stop_says_where_everything_is() -> None:
    """What is not committed is never only counted: its folder and its snapshot are named."""
    left = Stopped(A, "late", uncommitted=2, worktree="/w", snapshot="refs/batty/wip/alpha/1")
    told = "its agent did not get it done in time; 2 files not committed are in /w, and in refs/batty/wip/alpha/1"
    assert stopped_line(left) == f"· alpha: {told}"
    assert stopped_line(Stopped(A, "not-asked", why="it asks something")).endswith("(it asks something)")
    assert asked_line([A, B], 59.6) == "asked to commit; waits 60 s at most for alpha and beta   (^C: end them now)"
    assert listed([str(number) for number in range(9)]) == "0, 1, 2, 3, 4 and 4 more"


@pytest.mark.parametrize("phase", [A, None])
def test_a_mark_is_read_as_it_was_written(phase: PhaseId | None) -> None:
    """For a phase and for the home window; nothing in it is a format of tmux's."""
    written = marks.mark(phase, RunId("001"), "/repo/.git/batty")
    assert marks.read(marks.title(written)) == written
    assert "#" not in marks.title(written)
    assert marks.mark(phase, RunId("001"), "/other/.git/batty").repo != written.repo


@pytest.mark.parametrize(
    "title",
    [
        "",
        "vm",
        "batty",
        "batty alpha 001",
        "batty ../x 001 0123456789",
        "batty all 001 0123456789",
        "batty a 1 0123456789",
    ],
)
def test_any_other_title_is_nobodys(title: str) -> None:
    """A name that cannot be a phase's is none, whoever wrote it."""
    assert marks.read(title) is None


LAUNCHED = Launched(phase=A, session="$1", window="@1", pane="%1", orchestrator="%2", server="s,1,1", seq=2)
AGAIN = Launched(phase=A, session="$1", window="@1", pane="%1", orchestrator="%2", server="s,2,2", seq=9)
BEGUN = (Launching(phase=A, branch=Branch("b"), worktree="/w", start=Sha("1" * 40)), LAUNCHED)
STARTED = ExecutorStarted(phase=A, attempt=1, pid=1, session="s")
DONE = Inspected(phase=A, head=Sha("2" * 40), tree=Sha("3" * 40), commits=1)


def folded(*events: object) -> Watch:
    watch = Watch(A)
    for event in (*BEGUN, *events):
        watch = apply(watch, event)  # type: ignore[arg-type]
    return watch


def test_what_is_done_is_not_begun_again_in_a_new_window() -> None:
    """After the end of tmux: its contract held, so its gate is owed, and no executor."""
    watch = folded(STARTED, DONE, AGAIN)
    assert (watch.state, watch.executor, watch.is_done) == ("checking", "exited", True)
    undone = folded(STARTED, AGAIN)
    assert (undone.state, undone.executor, undone.is_done) == ("working", "none", False)


def test_a_window_that_is_younger_than_a_relaunch_does_it_itself() -> None:
    """Else a supervisor would end the executor that the new window has just started."""
    again = Relaunching(phase=A, by="person", resume=True, seq=5)
    assert owed(folded(STARTED, again), "kanban/alpha", now()) == Relaunch("")
    assert owed(folded(STARTED, again, AGAIN), "kanban/alpha", now()) is None
    later = Relaunching(phase=A, by="person", seq=12)
    assert owed(folded(STARTED, AGAIN, later), "kanban/alpha", now()) == Relaunch("")


def test_a_conversation_that_goes_on_is_known_as_such() -> None:
    """So that one which cannot be continued is not tried for ever."""
    resumed = ExecutorStarted(phase=A, attempt=2, pid=2, session="s")
    assert folded(STARTED, AGAIN, resumed).resumed
    assert not folded(STARTED, AGAIN, ExecutorStarted(phase=A, attempt=2, pid=2, session="other")).resumed
