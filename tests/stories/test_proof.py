"""Done means proved: never the executor's word alone."""

from tests.support.story import Story


def test_an_executor_that_breaks_off_has_failed(story: Story) -> None:
    """Rule: a bad exit status, or an end before all tasks are done, is `failed` with the reason; work lands never."""
    story.phase("crash")
    story.executor("crash").commits("crash.txt", "text").exits(3)
    story.phase("early", tasks=2)
    story.executor("early").commits("early.txt", "text").leaves_tasks_open()
    story.phase("lazy")
    story.phase("shot")
    story.executor("shot").commits("shot.txt", "text").runs("kill -9 $$")
    said = story.batty("work", "all", "--parallel", "4", "--wait")
    assert said.exit == 1
    seen = story.status()
    assert seen.states == {"crash": "failed", "early": "failed", "lazy": "landed", "shot": "failed"}
    assert "status 3" in seen.says("crash")
    assert "before 1 of its tasks" in seen.says("early")
    assert "status 137" in seen.says("shot")
    assert seen.of("crash")["next"] == "batty work crash"
    assert set(story.git("ls-tree", "--name-only", "main").splitlines()) == {"README.md", "batty.toml", "kanban"}

    story.executor("early").then().commits("late.txt", "text")
    assert story.batty("work", "early", "--wait").exit == 1
    assert story.status().states["early"] == "landed"
    assert story.landed_text("late.txt") == "text"


def test_uncommitted_files_get_one_nudge(story: Story) -> None:
    """Rule: files left over are named to the executor once, then to a person, whose mended state is proved first."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text").leaves_uncommitted("left over.txt")
    said = story.batty("work", "all", "--wait")
    assert said.exit == 1
    assert story.status().states == {"alpha": "held"}
    first, second = story.starts("alpha")
    assert "left over.txt" not in first.read_text()
    assert "left over.txt" in second.read_text()
    assert story.events("held")[-1]["evidence"] == ["left over.txt"]
    refused = story.batty("review", "alpha", "--merge")
    assert refused.exit == 1
    assert "left over.txt" in refused.err

    there = story.worktree("alpha")
    story.git("add", "--all", cwd=there)
    story.git("commit", "--quiet", "--message", "Keep it", cwd=there)
    assert story.batty("review", "alpha", "--merge").exit == 0
    story.until_state(alpha="landed")
    story.assert_proved("alpha")
    assert story.landed_text("left over.txt") == "left"


def test_a_red_gate_of_its_own_gets_one_nudge(story: Story) -> None:
    """Rule: a phase that fails its own gate is told once, with the log, then held; merging it proves it first."""
    story.phase("alpha")
    story.executor("alpha").commits("broken", "text")
    assert story.batty("work", "all", "--wait").exit == 1
    seen = story.status()
    assert (seen.states["alpha"], seen.says("alpha")) == ("held", "its own gate fails")
    _, second = story.starts("alpha")
    assert "gate-1.log" in second.read_text()
    refused = story.batty("review", "alpha", "--merge")
    assert (refused.exit, "the gate" in refused.err) == (1, True)
    there = story.worktree("alpha")
    story.git("mv", "broken", "whole", cwd=there)
    story.git("commit", "--quiet", "--message", "Mend it", cwd=there)
    assert story.batty("review", "alpha", "--merge").exit == 0
    story.until_state(alpha="landed")
    story.assert_proved("alpha")


def test_a_board_alone_is_committed_for_the_executor_and_a_secret_never(story: Story) -> None:
    """Rule: only board files left uncommitted are committed by batty; a provided file in a commit stops the phase."""
    story.settings["run"]["provide"] = [".env"]
    story.file(".gitignore", ".env")
    story.phase("card")
    story.executor("card").leaves_board_uncommitted().commits("card.txt", "text")
    story.phase("secret")
    story.executor("secret").runs("cat .env").runs("git add --force .env").commits("secret.txt", "text")
    story.begin()
    story.file(".env", "TOKEN=1")
    assert story.batty("work", "all", "--parallel", "2", "--wait").exit == 1
    seen = story.status()
    assert seen.states == {"card": "landed", "secret": "held"}
    assert "provided" in seen.says("secret")
    assert story.events("held", "secret")[-1]["evidence"] == [".env"]
    assert len(story.starts("card")) == len(story.starts("secret")) == 1
    assert story.history()[0] == "Update the board of card"
    assert story.git("status", "--porcelain") == ""
