"""Kill any process at any point: the next command goes on, nothing is lost, nothing lands twice."""

from tests.support.story import Story


def test_a_killed_supervisor_comes_back_with_the_next_command(story: Story) -> None:
    """Rule: the executor works on without it; whatever command comes next starts it again, and the phase lands."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.kill(9, "supervisor of alpha")
    story.open_door("alpha")
    story.status()
    story.until_state(alpha="landed")
    story.assert_proved("alpha")
    assert len(story.starts("alpha")) == 1


def test_a_lander_killed_in_its_gate_lands_nothing_twice(story: Story) -> None:
    """Rule: the gate is run again, since nobody knows what the first one said; the landing happens once."""
    story.phase("alpha")
    story.phase("beta")
    story.executor("alpha").commits("a.txt", "text")
    story.executor("beta").waits().commits("b.txt", "text")
    story.gate_waits_at("a.txt", "b.txt")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("beta")
    story.until_state(alpha="landed")
    story.open_door("beta")
    story.until_waiting("gate")
    story.file("mine.txt", "mine")
    story.kill(9, "the lander")
    assert story.peek().states["beta"] == "gating"
    story.status()
    story.until_waiting("gate", times=2)
    story.open_door("gate")
    story.until_state(beta="landed")
    assert (story.repo / "mine.txt").read_text() == "mine\n"
    (story.repo / "mine.txt").unlink()
    story.assert_proved("alpha", "beta")


def test_a_killed_tmux_server_is_brought_back_by_resume(story: Story) -> None:
    """Rule: what waited, worked or was reviewed has its window again; executors start again in their worktrees."""
    story.phase("alpha")
    first = story.executor("alpha").writes("half.txt", "done").waits()
    first.then().waits().runs("git add half.txt").commits("a.txt", "text")
    story.phase("beta", after=["alpha"])
    story.executor("beta").commits("b.txt", "text")
    story.phase("gamma")
    story.executor("gamma").waits().commits("c.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    story.until_waiting("gamma")
    story.kill_tmux()
    assert set(story.status().states) == {"alpha", "beta", "gamma"}
    assert story.batty("resume").exit == 0
    assert {"alpha", "gamma"} <= set(story.windows())
    story.until_waiting("alpha", times=2)
    story.until_waiting("gamma", times=2)
    story.open_door("alpha")
    story.open_door("gamma")
    seen = story.until(lambda seen: seen.all_are("landed"))
    story.assert_proved(*seen.landed)
    assert [len(story.starts(name)) for name in ("alpha", "beta", "gamma")] == [2, 1, 2]
    assert story.landed_text("half.txt") == "done"


def test_stop_ends_the_executors_and_resume_goes_on(story: Story) -> None:
    """Rule: stop ends what works and keeps everything; nothing starts until resume, which takes it up again."""
    story.phase("alpha")
    story.executor("alpha").writes("notes.txt", "half done").runs("git add notes.txt").waits().commits("a.txt", "text")
    story.phase("beta")
    story.executor("beta").commits("b.txt", "text")
    story.batty("work", "all")
    story.until_waiting("alpha")
    stopped = story.batty("stop")
    assert stopped.exit == 0
    assert "batty resume" in stopped.err
    seen = story.status()
    assert seen.states["beta"] == "ready"
    assert (story.worktree("alpha") / "notes.txt").exists()
    story.open_door("alpha")
    assert story.batty("resume").exit == 0
    seen = story.until(lambda seen: seen.all_are("landed"))
    story.assert_proved("alpha", "beta")
    assert len(story.starts("alpha")) == 2
