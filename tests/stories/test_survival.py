"""Kill any process at any point: the next command goes on, nothing is lost, nothing lands twice."""

import shutil

from tests.support.server import eventually
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
    # it was told to end, and may take its time: through an open door it would go on instead
    ends = story.repo / ".git" / "batty" / "runs"
    eventually(lambda: list(ends.glob("*/alpha/exit-1")), "the end of the executor")
    story.open_door("alpha")
    assert story.batty("resume").exit == 0
    seen = story.until(lambda seen: seen.all_are("landed"))
    story.assert_proved("alpha", "beta")
    assert len(story.starts("alpha")) == 2


def test_broken_settings_on_the_base_stop_only_what_would_be_guessed(story: Story) -> None:
    """Rule: nothing is launched or landed by them, all else works, and the file and line are told until mended."""
    story.phase("alpha")
    story.executor("alpha").asks("Which colour?").waits().commits("a.txt", "text")
    story.phase("beta")
    story.executor("beta").commits("b.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="asking")
    good = (story.repo / "batty.toml").read_text()
    story.file("batty.toml", good + "[gate\n")
    story.git("commit", "--quiet", "--all", "--message", "Break the settings")
    told = f"batty.toml:{len(good.splitlines()) + 1}"

    seen = story.batty("status")
    assert (seen.exit, told in seen.out, "Which colour?" in seen.out) == (0, True, True), seen
    assert "no terminal" in story.batty("attach").err
    assert story.batty("log").exit == 0
    assert story.batty("answer", "alpha", "blue").exit == 0
    refused = story.batty("work", "all")
    assert (refused.exit, told in refused.err) == (1, True), refused
    story.until_waiting("alpha")
    story.open_door("alpha")
    story.until_state(alpha="queued")
    refused = story.batty("land")
    assert (refused.exit, told in refused.err) == (1, True), refused
    stopped = story.batty("stop")
    assert (stopped.exit, "batty resume" in stopped.err) == (0, True), stopped
    assert story.batty("resume").exit == 0
    assert [event["phase"] for event in story.events("launching")] == ["alpha"]
    assert story.events("landing") == []
    assert story.answers("alpha") == ["blue"]

    story.file("batty.toml", good)
    story.git("commit", "--quiet", "--all", "--message", "Mend the settings")
    assert told not in story.batty("status").out
    story.until(lambda seen: seen.all_are("landed"))
    assert story.landed_text("b.txt") == "text"


def test_a_worktree_deleted_by_hand_is_made_again(story: Story) -> None:
    """Rule: `batty work PHASE` makes it again on the phase's branch, with all that was committed there."""
    story.phase("alpha")
    story.executor("alpha").runs("echo 1 >half.txt; git add half.txt; git commit --quiet --message Half").exits(1)
    story.executor("alpha").then().runs("test -e half.txt").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="failed")
    shutil.rmtree(story.worktree("alpha"))
    assert story.batty("work", "alpha").exit == 0
    story.until_state(alpha="landed")
    assert (story.landed_text("half.txt"), story.landed_text("a.txt")) == ("1", "text")
    assert len(story.events("launching")) == 1
    story.assert_proved("alpha")
