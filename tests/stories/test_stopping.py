"""`batty stop`: agents are asked to commit, then end; whatever they do, nothing of theirs is lost."""

import os
import signal
import subprocess
import sys

import pytest

from batty_tmux.core.coming_back import ASKED_TO_STOP
from tests.support.server import eventually
from tests.support.story import PATIENCE, Story

HALF: dict[str, object] = {"do": "run", "command": "echo half >half.txt; echo new >new.txt; git add half.txt"}
COMMITS: dict[str, object] = {"do": "run", "command": "git add --all; git commit --quiet --message Half"}


def at_work(story: Story, *steps: dict[str, object]) -> None:
    """Have an agent stand at its composer with two files that it has not committed."""
    story.phase("alpha")
    story.claude("alpha", [HALF, {"do": "hear"}, *steps], [{"do": "finish"}])
    story.batty("work", "all")
    eventually(lambda: "✻" not in story.screen("alpha") and (story.worktree("alpha") / "new.txt").exists(), "its rest")


def test_an_agent_is_asked_to_commit_and_goes_on_with_its_conversation_later(story: Story) -> None:
    """Rule: it hears one sentence, has the time to commit, ends; resume continues its own conversation."""
    at_work(story, COMMITS, {"do": "rest"})
    said = story.batty("stop")
    assert said.exit == 0, said
    assert "waits 60 s at most for alpha" in said.err
    assert "alpha: all is committed" in said.err
    assert story.heard("alpha", "messages") == [ASKED_TO_STOP]
    assert story.git("status", "--porcelain", cwd=story.worktree("alpha")) == ""
    assert story.git("show", "batty/alpha-run-001:new.txt") == "new"
    assert (story.status().states["alpha"], story.status().says("alpha")) == ("held", "batty stop ended it")
    assert story.batty("resume").exit == 0
    story.until_state(alpha="landed")
    assert story.landed_text("half.txt") == "half"


@pytest.mark.parametrize("words", [("--now",), ("--timeout", "1s")])
def test_what_is_not_committed_stays_and_is_kept_a_second_time(story: Story, words: tuple[str, ...]) -> None:
    """Rule: asked or not, in time or not: the files stay as they are, and a ref holds a snapshot of them."""
    at_work(story, {"do": "run", "command": "sleep 30"})
    said = story.batty("stop", *words, "--json")
    (row,) = said.json["stopped"]
    assert (row["phase"], row["uncommitted"], row["snapshot"]) == ("alpha", 2, "refs/batty/wip/alpha/1"), said
    assert row["how"] == ("not-asked" if words[0] == "--now" else "late")
    assert story.heard("alpha", "messages") == ([] if words[0] == "--now" else [ASKED_TO_STOP])
    there = story.worktree("alpha")
    assert story.git("status", "--porcelain", cwd=there) == "A  half.txt\n?? new.txt"
    assert story.git("show", f"{row['snapshot']}:new.txt") == "new"
    assert story.git("show", f"{row['snapshot']}:half.txt") == "half"
    assert story.git("rev-parse", f"{row['snapshot']}^") == story.git("rev-parse", "batty/alpha-run-001")
    assert story.batty("stop", "--json").json["stopped"] == []


def test_where_all_has_landed_there_is_nothing_to_go_on_with(story: Story) -> None:
    story.phase("alpha")
    story.claude("alpha", [{"do": "finish"}])
    story.batty("work", "all")
    story.until_state(alpha="landed")
    assert "↳ to clean up, run: batty clean" in story.batty("stop").err
    assert story.batty("stop", "--json").json["next"] == "batty clean"


def test_what_cannot_be_asked_is_said(story: Story) -> None:
    """Rule: a dialog is never typed into, a command of the user's has no composer: both end, with the reason."""
    story.phase("alpha")
    story.claude("alpha", [{"do": "ask", "command": "curl https://example.org/"}])
    story.batty("work", "all")
    story.until_state(alpha="asking")
    said = story.batty("stop")
    assert "alpha: it was not asked to commit (it asks something)" in said.err
    assert story.heard("alpha", "answers") == []


def test_a_command_of_the_users_own_is_not_asked(story: Story) -> None:
    """Rule: what batty cannot read it does not type into; what ignores the signal is ended all the same."""
    story.phase("alpha")
    story.executor("alpha").writes("half.txt", "half").runs("trap '' TERM").waits()
    story.batty("work", "all")
    story.until_waiting("alpha")
    pid = story._pid_of("executor of alpha")
    said = story.batty("stop")
    assert "it was not asked to commit (a command of your own has no composer to write in)" in said.err
    assert "1 file not committed is in" in said.err
    # it ignored the signal, and its lock would have kept another from being started
    assert not story.running(str(pid))
    assert story.batty("resume").exit == 0
    story.until_waiting("alpha", times=2)
    assert (story.worktree("alpha") / "half.txt").read_text() == "half\n"


def test_an_agent_that_a_person_paused_is_not_asked(story: Story) -> None:
    """Rule: somebody may be typing there."""
    at_work(story)
    story.batty("pause", "alpha")
    said = story.batty("stop")
    assert "alpha: it was not asked to commit (it is yours: its supervision is paused)" in said.err
    assert story.heard("alpha", "messages") == []


def test_an_interrupted_wait_ends_them_as_they_are(story: Story) -> None:
    """Rule: the first ^C says "do not wait": the executors end at once, and that is said."""
    at_work(story, {"do": "run", "command": "sleep 60"})
    command = (sys.executable, "-P", "-m", "batty_tmux", "stop", "--timeout", "10m")
    with subprocess.Popen(command, cwd=story.repo, env=story.env, stderr=subprocess.PIPE, text=True) as stopping:
        eventually(lambda: story.heard("alpha", "messages"), "the request", PATIENCE)
        eventually(lambda: "run-stopped" in {e["event"] for e in story.events()}, "the wait")
        assert stopping.stderr is not None
        assert "for alpha" in stopping.stderr.readline()
        os.kill(stopping.pid, signal.SIGINT)
        told = stopping.stderr.read()
        assert stopping.wait(PATIENCE) == 0
    assert "interrupted: what had not committed by then was ended as it was" in told
    assert "alpha: it was not asked" not in told
    assert "refs/batty/wip/alpha/1" in told
    assert story.status().states["alpha"] == "held"
