"""The main job: several phases at once, landed one gated tree at a time."""

from pathlib import Path

from tests.support.story import Story


def test_three_phases_land_one_after_another(story: Story) -> None:
    """Rule: each phase lands exactly once, each landed tree was gated, main is one straight line."""
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
        story.executor(name).commits(f"{name}.txt", name)
    said = story.batty("work", "all", "--parallel", "3", "--wait")
    assert said.exit == 0, said.err
    seen = story.status()
    assert seen.all_are("landed")
    story.assert_proved(*seen.landed)
    for name in ("alpha", "beta", "gamma"):
        assert story.landed_text(f"{name}.txt") == name
        assert (story.repo / f"{name}.txt").read_text() == f"{name}\n"


def three_that_do_not_fit(story: Story) -> None:
    """Beta and alpha write the same file; gamma passes its own gate, and fails it on top of alpha."""
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
    story.gate("test ! -e one || test ! -e two")
    story.executor("alpha").writes("one", "1").runs("git add one").commits("shared.txt", "alpha")
    story.executor("beta").waits().commits("shared.txt", "beta")
    story.executor("gamma").waits().commits("two", "2").then().removes("two").commits("three", "3")


def test_a_conflict_and_a_red_gate_stop_only_themselves(story: Story) -> None:
    """Rule: a conflict is held with its paths and settled by a person; what is red on the new base never lands."""
    three_that_do_not_fit(story)
    waiting = story.background("work", "all", "--parallel", "3", "--wait")
    story.until_state(alpha="landed")
    story.open_door("beta")
    story.open_door("gamma")
    said = waiting.result()
    assert said.exit == 1
    assert "batty queue resolve beta" in said.err
    assert "batty review gamma --rework" in said.err
    seen = story.status()
    assert seen.states == {"alpha": "landed", "beta": "conflict", "gamma": "red"}
    entries = {row["phase"]: row for row in story.batty("queue", "--json").json}
    assert entries["beta"]["paths"] == ["shared.txt"]
    assert "two" not in story.git("ls-tree", "--name-only", "main").splitlines()

    folder = Path(story.batty("queue", "resolve", "beta", "--here").out.strip())
    early = story.batty("queue", "resolve", "beta", "--here")
    assert "shared.txt" in early.err
    assert "queue resolve beta" in early.err
    (folder / "shared.txt").write_text("alpha and beta\n")
    story.git("add", "shared.txt", cwd=folder)
    story.git("commit", "--quiet", "--no-edit", cwd=folder)
    assert story.batty("queue", "resolve", "beta").exit == 0
    story.until_state(beta="landed", gamma="red")
    assert story.landed_text("shared.txt") == "alpha and beta"
    story.assert_proved("alpha", "beta")
    assert not folder.exists()

    story.batty("review", "gamma", "--rework", "two does not go with one")
    story.until_state(gamma="landed")
    story.assert_proved("alpha", "beta", "gamma")
    assert story.landed_text("three") == "3"


def test_a_skipped_phase_stays_out_and_a_retried_one_comes_back(story: Story) -> None:
    """Rule: skip leaves an entry out and removes nothing; retry takes the same commit on the base as it is now."""
    story.phase("alpha")
    story.executor("alpha").commits("shared.txt", "alpha").waits()
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.file("shared.txt", "mine")
    story.git("add", "shared.txt")
    story.git("commit", "--quiet", "--message", "Mine")
    story.open_door("alpha")
    head = story.until_state(alpha="conflict").of("alpha")["head"]
    assert story.batty("queue", "skip", "alpha").exit == 0
    assert story.status().states == {"alpha": "skipped"}
    assert story.git("rev-parse", "batty/alpha-run-001") == head
    story.git("rm", "--quiet", "shared.txt")
    story.git("commit", "--quiet", "--message", "Not mine")
    assert story.batty("queue", "retry", "alpha").exit == 0
    story.until_state(alpha="landed")
    story.assert_proved("alpha")
    assert story.landed_text("shared.txt") == "alpha"
