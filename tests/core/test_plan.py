"""Which phases can start, and what their executors are told."""

import pytest

from batty_tmux.core.board import Phase, Task
from batty_tmux.core.plan import branch_of, brief, pairs_after, waits_for, with_after, worktree_of
from batty_tmux.names import PhaseId, RunId
from tests.support.hostile import TITLES

RUN = RunId("001")


def phase(name: str, *after: str, tasks: tuple[Task, ...] = ()) -> Phase:
    return Phase(PhaseId(name), f"Title of {name}", "The goal.", tuple(map(PhaseId, after)), tasks)


A, B, C, D = phase("a"), phase("b", "a"), phase("c", "a", "b"), phase("d")


def test_a_phase_waits_for_what_has_not_landed() -> None:
    """All of it, in the order in which it was named."""
    assert waits_for(C, ()) == ("a", "b")
    assert waits_for(C, (PhaseId("a"),)) == ("b",)
    assert waits_for(C, (PhaseId("b"), PhaseId("a"), PhaseId("z"))) == ()


def test_a_run_adds_to_what_a_board_says() -> None:
    """Once each, after the board's own; a pair that names a phase which is not there orders nothing."""
    pairs = [(PhaseId("b"), PhaseId("d")), (PhaseId("b"), PhaseId("a")), (PhaseId("d"), PhaseId("gone"))]
    assert [p.depends_on for p in with_after((A, B, C, D), pairs)] == [(), ("a", "d"), ("a", "b"), ()]


def test_what_is_said_of_all_is_not_said_of_what_comes_before() -> None:
    """`work all --after b` makes no phase wait for itself: neither b nor what b waits for is meant."""
    assert pairs_after((A, B, C, D), (), (PhaseId("b"),)) == (("c", "b"), ("d", "b"))
    assert pairs_after((A, B, C, D), (PhaseId("a"),), (PhaseId("b"), PhaseId("d"))) == (("a", "b"), ("a", "d"))


def test_branch_and_worktree_are_named_after_phase_and_run() -> None:
    """As `work --dry-run` shows it and `work` does it."""
    assert branch_of(PhaseId("a"), RUN) == "batty/a-run-001"
    assert worktree_of(PhaseId("a"), RUN) == "a-run-001"


def written(made: Phase = A, *, guide: str = "", feedback: str = "") -> str:
    return brief(
        made, guide=guide, gate="make test", board="kanban/a", move={"done": "batty board move"}, feedback=feedback
    )


def test_a_brief_says_what_done_means() -> None:
    """Goal, board, gate, how cards are moved, and that it must not push or switch branches."""
    text = written(phase("a", tasks=(Task(1, "First thing", "todo", depends_on=(2,), body="Its body."),)))
    for part in ("# Title of a", "The goal.", "`kanban/a`", "`make test`", "- done: `batty board move`", "not switch"):
        assert part in text
    assert "### #1 First thing [todo] (after #2)\n\nIts body.".replace("#1", "#1") in text
    assert text.endswith("\n")


def test_archived_tasks_are_not_work() -> None:
    """And a board without tasks says so."""
    text = written(phase("a", tasks=(Task(1, "Old thing", "archived"),)))
    assert "Old thing" not in text
    assert "no tasks" in text


def test_a_goal_is_not_needed() -> None:
    """The tasks are one."""
    assert "Do the tasks below." in written(Phase(PhaseId("a"), "A"))


def test_feedback_comes_first() -> None:
    """It is what the executor was started again for; without any there is no such heading."""
    text = written(feedback="  name it better\n")
    assert text.index("name it better") < text.index("## Goal")
    assert "Feedback" not in written()


def test_a_long_guide_is_cut() -> None:
    """An agent reads the whole file if it needs to; the brief must fit its window."""
    assert len(written(guide="x" * 200_000)) < 70_000
    assert "## Guide of this project\n\nUse tabs." in written(guide="Use tabs.")


@pytest.mark.parametrize("title", TITLES)
def test_a_title_begins_no_line_of_its_own(title: str) -> None:
    """Headings of a brief are the brief's."""
    text = written(Phase(PhaseId("a"), title, "g", (), (Task(1, title, "todo"),)))
    headings = [line for line in text.splitlines() if line.startswith(("# ", "## ", "### "))]
    assert len(headings) == 6
    assert headings[1:3] == ["## Goal", "## Tasks"]
    assert "\x1b" not in text
