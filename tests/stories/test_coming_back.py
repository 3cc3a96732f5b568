"""The end of tmux in every state that a phase can be in: status says what to do, resume does it, nothing is lost."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from batty_tmux.core.events import Launching
from batty_tmux.core.status import State
from batty_tmux.drive.place import Place
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.server import eventually
from tests.support.story import Story

ASKS = {"do": "ask", "command": "curl https://example.org/"}
HALF = {"do": "run", "command": "echo half >half.txt"}


def blocked(story: Story) -> None:
    story.phase("first")
    story.executor("first").waits()
    story.phase("alpha", after=["first"])
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("first")


def ready(story: Story) -> None:
    story.phase("aaa")
    story.executor("aaa").waits()
    story.phase("alpha")
    story.batty("work", "all", "--parallel", "1")
    story.until_waiting("aaa")


def working(story: Story) -> None:
    story.phase("alpha")
    story.claude("alpha", [HALF, {"do": "hear"}])
    story.batty("work", "all")
    eventually(lambda: (story.worktree("alpha") / "half.txt").exists() and story.heard("alpha", "sessions"), "its work")


def asking(story: Story) -> None:
    story.phase("alpha")
    story.claude("alpha", [HALF, ASKS])
    story.batty("work", "all")
    story.until_state(alpha="asking")


def stuck(story: Story) -> None:
    story.phase("alpha")
    story.claude("alpha", [HALF, {"do": "limit", "words": "resets in 3h"}])
    story.batty("work", "all")
    story.until(lambda seen: "goes on by itself" in seen.says("alpha"), "the limit")


def checking(story: Story) -> None:
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.review("human")
    story.gate_waits_at("a.txt")
    story.batty("work", "all")
    story.until_waiting("gate")
    assert story.peek().states["alpha"] == "checking"


def reviewing(story: Story) -> None:
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.review("human")
    story.batty("work", "all")
    story.until_state(alpha="reviewing")


def queued(story: Story) -> None:
    reviewing(story)
    story.batty("queue", "pause")
    story.batty("review", "alpha", "--merge")
    story.until_state(alpha="queued")


def gating(story: Story) -> None:
    reviewing(story)
    # another base, so that its own gate's verdict is none for the candidate
    waiting = story.agents / "gate"
    waiting.mkdir()
    os.mkfifo(waiting / "door")
    story._doors["gate"] = os.open(waiting / "door", os.O_RDWR | os.O_NONBLOCK)
    command = f"test ! -e mine.txt || {{ echo here >>{waiting}/waiting; read -r _ <{waiting}/door; }}"
    text = (story.repo / "batty.toml").read_text().replace("test ! -e broken", command)
    story.file("batty.toml", text)
    story.commit("mine.txt", "mine")
    story.batty("review", "alpha", "--merge")
    story.until_waiting("gate")
    assert story.peek().states["alpha"] == "gating"


def conflict(story: Story) -> None:
    story.phase("alpha")
    story.executor("alpha").commits("shared.txt", "alpha").waits()
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.commit("shared.txt", "mine")
    story.open_door("alpha")
    story.until_state(alpha="conflict")


def red(story: Story) -> None:
    story.gate("test ! -e one || test ! -e two")
    story.phase("alpha")
    story.executor("alpha").commits("one", "1").waits()
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.commit("two", "2")
    story.open_door("alpha")
    story.until_state(alpha="red")


def deferred(story: Story) -> None:
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "theirs")
    story.begin()
    story.file("a.txt", "mine")
    story.batty("work", "all")
    story.until_state(alpha="deferred")


def landed(story: Story) -> None:
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="landed")


def held(story: Story) -> None:
    reviewing(story)
    story.batty("review", "alpha", "--escalate", "too large")


def skipped(story: Story) -> None:
    conflict(story)
    story.batty("queue", "skip", "alpha")


def failed(story: Story) -> None:
    story.phase("alpha")
    story.executor("alpha").writes("half.txt", "half").exits(3)
    story.batty("work", "all")
    story.until_state(alpha="failed")


@dataclass(frozen=True)
class Row:
    """How to get there; what `batty status` names before the resume, after it, and whether a window is opened."""

    state: Callable[[Story], None]
    next: str
    then: str = ""
    window: bool = True
    conversation: bool = False
    starts: int = 1

    @property
    def name(self) -> str:
        return self.state.__name__


TABLE = [
    Row(blocked, "", window=False, starts=0),
    Row(ready, "", window=False, starts=0),
    Row(working, "batty resume", conversation=True, starts=2),
    Row(asking, "batty resume", conversation=True, starts=2),
    Row(stuck, "batty resume", conversation=True, starts=2),
    Row(checking, "batty resume"),
    Row(reviewing, "batty review alpha"),
    Row(queued, ""),
    Row(gating, ""),
    Row(conflict, "batty queue resolve alpha"),
    Row(red, "batty queue retry alpha --by agent"),
    Row(deferred, "batty land"),
    Row(landed, "", window=False),
    Row(held, "batty review alpha"),
    Row(skipped, "batty queue retry alpha", window=False),
    Row(failed, "batty work alpha"),
]


def test_the_table_has_every_state() -> None:
    """A state that is added later gets its row."""
    assert [row.name for row in TABLE] == list(get_args(State))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_end_of_tmux_in_each_state(story: Story, row: Row) -> None:
    """Rule: the phase is what it was; an agent at work goes on with its conversation; one that is done is let be."""
    story.file("mine.txt" if row.name != "gating" else "other.txt", "mine")
    row.state(story)
    there = story.worktree("alpha")
    before = files(there)
    story.kill_tmux()
    seen = story.status()
    assert seen.of("alpha")["next"] == row.next
    resumed = story.batty("resume")
    assert resumed.exit == 0, resumed
    first, second, third, *_ = resumed.err.splitlines()
    assert first.startswith("run 001: tmux had ended; the last sign of life was "), resumed.err
    assert ("alpha" in second) is row.window, resumed.err
    assert third.startswith(("the queue ", "the lander ")), resumed.err
    assert "↳ next: batty " in resumed.err
    story.until_state(alpha=row.name)
    assert ("alpha" in story.windows()) is row.window
    eventually(lambda: len(story.starts("alpha")) >= row.starts, "the agent")
    assert len(story.starts("alpha")) == row.starts
    if row.conversation:
        begun, again = story.heard("alpha", "sessions")
        assert again == begun.replace("begun", "resumed")
        assert "alpha goes on with its agent's own conversation" in second
    # once more, and while everything is there: nothing happens
    windows = story.windows()
    twice = story.batty("resume")
    assert "opened nothing" in twice.err, twice.err
    assert story.windows() == windows
    assert story.peek().states["alpha"] == row.name
    after = files(there)
    assert {path: text for path, text in before.items() if after.get(path) != text} == {}


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a worktree; git's own file in it says where it belongs."""
    found = (path for path in folder.rglob("*") if path.is_file() and "kanban" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_landing_goes_on_after_the_end_of_tmux(story: Story) -> None:
    """Rule: the lander is none of tmux's, and a gate that was cut off with its supervisor runs again."""
    checking(story)
    story.kill_tmux()
    assert story.batty("resume").exit == 0
    story.until_waiting("gate", times=2)
    story.open_door("gate")
    story.until_state(alpha="reviewing")
    assert len(story.starts("alpha")) == 1
    story.batty("review", "alpha", "--merge")
    story.until_state(alpha="landed")
    story.assert_proved("alpha")


def test_the_end_of_tmux_in_the_middle_of_a_launch(story: Story) -> None:
    """Rule: what was about to get its window gets it; the journal has the intent, git may have the worktree."""
    working(story)
    story.kill_tmux()
    story.phase("beta")
    story.git("add", "kanban/beta")
    story.git("commit", "--quiet", "--message", "Beta")
    place = Place.around(story.repo)
    start, worktree = Sha(story.git("rev-parse", "main")), str(story.worktree("beta"))
    branch = Branch("batty/beta-run-001")
    place.records.append(
        Launching(run=RunId("001"), phase=PhaseId("beta"), branch=branch, worktree=worktree, start=start)
    )
    (story.agents / "beta" / "claude.json").write_text('[[{"do": "hear"}]]')
    resumed = story.batty("resume")
    assert "alpha goes on with its agent's own conversation; beta is launched" in resumed.err
    story.until_state(alpha="working", beta="working")
    assert {"alpha", "beta"} <= set(story.windows())


def test_the_end_of_tmux_while_a_supervisor_agent_is_asked(story: Story) -> None:
    """Rule: the question is asked again, of the agent's own conversation, and the first call counts."""
    script, stands = story.root / "supervisor", story.root / "stands"
    reply = '{"decision": "answer", "answer": "Yes", "confidence": 0.9, "reason": "it reads"}'
    script.write_text(f"#!/bin/sh\ncat >/dev/null\n[ -e {stands} ] || {{ : >{stands}; sleep 600; }}\necho '{reply}'\n")
    script.chmod(0o755)
    story.settings["supervisor"] = {"by": "command", "command": [str(script)], "calls": 3}
    story.phase("alpha")
    story.claude("alpha", [ASKS, {"do": "finish"}])
    story.batty("work", "all")
    story.until(lambda _: stands.exists(), "the first call")
    story.kill_tmux()
    assert story.status().of("alpha")["next"] == "batty resume"
    assert story.batty("resume").exit == 0
    story.until_state(alpha="landed")
    assert [event["number"] for event in story.events("consulting", "alpha")] == [1, 2]


def test_a_stopped_run_comes_back_after_the_end_of_tmux(story: Story) -> None:
    """Rule: the agent goes on with its conversation, and is started once."""
    working(story)
    story.batty("stop", "--now")
    story.kill_tmux()
    resumed = story.batty("resume")
    assert "alpha goes on with its agent's own conversation" in resumed.err
    story.until_state(alpha="working")
    eventually(lambda: len(story.heard("alpha", "sessions")) == 2, "the second start")
    # a supervisor that started it again would have done it by then
    story.tmux("send-keys", "-t", story.events("launched", "alpha")[-1]["orchestrator"], "Enter")
    begun, again = story.heard("alpha", "sessions")
    assert again == begun.replace("begun", "resumed")
    assert len(story.events("executor-started", "alpha")) == 2


def test_what_was_removed_by_hand_is_made_again(story: Story) -> None:
    """Rule: a branch from the last commit that is known of it, a worktree from its branch; both are said."""
    story.phase("alpha")
    story.executor("alpha").runs("echo 1 >half.txt; git add half.txt; git commit --quiet --message Half || :").waits()
    story.phase("beta")
    story.executor("beta").runs("echo 2 >b.txt; git add b.txt; git commit --quiet --message Two || :").waits()
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    story.until_waiting("beta")
    head = story.git("rev-parse", "batty/beta-run-001")
    story.kill_tmux()
    shutil.rmtree(story.worktree("alpha"))
    story.git("update-ref", "-d", "refs/heads/batty/beta-run-001")
    resumed = story.batty("resume", cwd=story.worktree("beta") / "kanban")
    assert resumed.exit == 0, resumed
    assert "! alpha: its worktree was gone; made again from batty/alpha-run-001" in resumed.err
    assert f"! beta: its branch batty/beta-run-001 was gone; made again at {head[:9]}" in resumed.err
    assert (story.worktree("alpha") / "half.txt").read_text() == "1\n"
    assert story.git("rev-parse", "batty/beta-run-001") == head
    story.until_waiting("alpha", times=2)


def test_a_base_that_was_renamed_is_named(story: Story) -> None:
    """Rule: every command says which branch it became; resume goes on with that one, and work lands there."""
    story.phase("alpha")
    story.claude("alpha", [{"do": "hear"}], [{"do": "finish"}])
    story.batty("work", "all")
    eventually(lambda: story.heard("alpha", "sessions"), "its agent")
    story.git("branch", "--move", "main", "trunk")
    story.kill_tmux()
    said = story.batty("status")
    assert (said.exit, "the base branch main does not exist" in said.err) == (1, True)
    assert "↳ next: batty resume --base trunk" in said.err
    assert "to have main back: git branch main trunk" in said.err
    assert story.batty("resume", "--base", "trunk").exit == 0
    story.until(lambda seen: seen.states["alpha"] == "landed", "the landing")
    assert "alpha-1.txt" in story.git("ls-tree", "--name-only", "trunk")


def test_dead_supervisors_are_said_and_what_ended_unheard(story: Story) -> None:
    """Rule: where only supervision had died, the agents were at work all the time, and nothing of theirs is missed."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "all")
    story.until_waiting("alpha")
    # the home window would start it again
    story.tmux("kill-window", "-t", "shop:batty")
    story.kill(signal.SIGKILL, "supervisor of alpha")
    story.open_door("alpha")
    eventually(lambda: list((story.repo / ".git/batty/runs/001/alpha").glob("exit-1")), "the end of its executor")
    said = story.batty("resume")
    # the end of the agent starts a lander where tmux tells it, which may have brought supervision back already
    assert "run 001: all windows are there" in said.err
    assert "alpha: its executor had ended with status 0, and the journal had not heard of it" in said.err
    story.until_state(alpha="landed")
