"""The main job: several phases at once, landed one gated tree at a time."""

import os
from pathlib import Path

from tests.support.attached import Attached
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
    assert "batty queue retry gamma --by agent" in said.err
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
    story.commit("shared.txt", "mine")
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


def conflicting(story: Story) -> None:
    """Have alpha conflict with what its user commits on main, once its door is opened."""
    story.phase("alpha")
    story.executor("alpha").commits("shared.txt", "alpha").waits()


def mine_on_main(story: Story) -> None:
    story.until_waiting("alpha")
    story.commit("shared.txt", "mine")
    story.open_door("alpha")


def test_clean_takes_what_was_resolved_and_nothing_that_is_somebodys(story: Story) -> None:
    """Rule: a resolved phase has landed; the board's own ignored files are in nobody's way, others stop it."""
    story.file(".gitignore", "*.cache")
    story.file("kanban/.gitignore", ".lock\nactivity.jsonl")
    conflicting(story)
    story.batty("work", "all")
    mine_on_main(story)
    story.until_state(alpha="conflict")
    assert "alpha stays: its state is conflict" in story.batty("clean").err
    folder = Path(story.batty("queue", "resolve", "alpha", "--here").out.strip())
    (folder / "shared.txt").write_text("both\n")
    story.git("commit", "--quiet", "--all", "--no-edit", cwd=folder)
    story.batty("queue", "resolve", "alpha")
    story.until_state(alpha="landed")
    there = story.worktree("alpha")
    for name in (".lock", "activity.jsonl"):
        (there / "kanban/alpha" / name).touch()
    (there / "dear.cache").touch()
    kept = story.batty("clean")
    assert "1 ignored files would go with it, such as dear.cache" in kept.err
    assert (there / "dear.cache").exists()
    assert "alpha: removed" in story.batty("clean", "--ignored").out
    assert not there.exists()
    assert story.git("branch", "--list", "batty/*") == ""
    assert "alpha" not in story.windows()
    assert story.status().states == {"alpha": "landed"}


def test_a_conflict_takes_no_key_from_whoever_types_to_an_agent(story: Story) -> None:
    """Rule: it is a menu over the home window only; over an agent's it is a message, and keys reach the agent."""
    conflicting(story)
    story.phase("beta")
    story.executor("beta").asks("Which colour?").commits("b.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_state(beta="asking")
    socket = story.short / f"tmux-{os.getuid()}" / "default"
    with Attached(socket, story.env) as person:
        story.tmux("select-window", "-t", "shop:beta")
        person.expect("Which colour?")
        mine_on_main(story)
        person.expect("alpha cannot land: batty queue")
        person.press("royal blue\r")
        person.expect(lambda: story.answers("beta") == ["royal blue"])
        assert "skip alpha" not in person.text

        story.until_state(alpha="conflict", beta="landed")
        home = next(name for name in story.windows() if name not in {"alpha", "beta"})
        story.tmux("select-window", "-t", f"shop:{home}")
        story.batty("queue", "retry", "alpha")
        person.expect("skip alpha")
        person.press("n")
        person.expect_gone("skip alpha")
    assert story.status().states["alpha"] == "conflict"
