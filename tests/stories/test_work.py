"""The ways to call `batty work`, and the layout files that it leaves behind."""

import sys
import tempfile
from pathlib import Path

from tests.support.server import eventually
from tests.support.story import Story


def test_a_dry_run_changes_nothing(story: Story) -> None:
    """Rule: it says base, gate, and who would start; no branch, worktree, window or journal entry is made."""
    story.phase("alpha")
    story.phase("beta", after=["alpha"])
    story.begin()
    before = story.git("for-each-ref")
    said = story.batty("work", "all", "--parallel", "2", "--dry-run")
    assert said.exit == 0
    for told in ("alpha", "beta", "after alpha", "batty/alpha-run-001", "test ! -e broken", "main"):
        assert told in said.out
    assert story.git("for-each-ref") == before
    assert story.events() == []
    assert story.windows() == []
    assert not story.worktrees.exists()
    assert story.git("status", "--porcelain") == ""


def test_a_second_call_joins_the_run(story: Story) -> None:
    """Rule: --detach returns at once; a later `work` joins that run, in the same session, with its own window."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.phase("beta")
    story.executor("beta").waits().commits("b.txt", "text")
    story.batty("work", "alpha", "--parallel", "2", "--detach")
    story.until_waiting("alpha")
    assert story.peek().states == {"alpha": "working", "beta": "ready"}
    story.batty("work", "beta", "--parallel", "2", "--detach")
    story.until_waiting("beta")
    assert {event["run"] for event in story.events("launching")} == {"001"}
    assert len(set(story.tmux("list-windows", "-a", "-F", "#{session_id}").splitlines())) == 1
    assert {"alpha", "beta"} <= set(story.windows())
    story.open_door("alpha")
    story.open_door("beta")
    seen = story.until(lambda seen: seen.all_are("landed"))
    story.assert_proved(*seen.landed)
    again = story.batty("work", "all", "--wait")
    assert again.exit == 0
    assert len(story.events("launching")) == 2


def test_the_rendered_layout_is_a_plain_tmuxp_file(story: Story) -> None:
    """Rule: plain tmuxp opens the same windows elsewhere; there a phase refuses, in words, a second executor."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.phase("beta")
    story.executor("beta").waits().commits("b.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    story.until_waiting("beta")
    layout = story.repo / ".git/batty/runs/001/layout.yaml"
    with tempfile.TemporaryDirectory(prefix="bt-") as other:
        env = {"TMUX_TMPDIR": other}
        program = "from tmuxp.cli import cli; cli()"
        story.run(sys.executable, "-P", "-c", program, "load", "-d", "-y", str(layout), env=env).check()
        try:
            listed = story.run("tmux", "list-windows", "-a", "-F", "#{window_name}", env=env).check().stdout
            assert sorted(listed.splitlines()) == sorted(story.windows())

            def top() -> str:
                return story.run("tmux", "capture-pane", "-p", "-J", "-t", "shop:alpha.{top}", env=env).stdout

            eventually(lambda: "a phase has one" in top(), "the refusal")
        finally:
            story.run("tmux", "kill-server", env=env)
    assert len(story.starts("alpha")) == 1
    story.open_door("alpha")
    story.open_door("beta")
    story.until(lambda seen: seen.all_are("landed"))


def test_all_refusals_name_the_next_command_and_lose_nothing(story: Story) -> None:
    """Rule: whatever stops a phase, --wait ends with the reason and the command that goes on, and all is kept."""
    names = ("alpha", "clash", "crash", "dirty", "red")
    for name in names:
        story.phase(name)
    story.phase("torn")
    story.file("kanban/torn/tasks/001-task.md", "no front matter")
    story.gate("test ! -e one || test ! -e two")
    story.executor("alpha").writes("one", "1").runs("git add one").commits("shared.txt", "alpha")
    story.executor("clash").waits().commits("shared.txt", "clash")
    story.executor("crash").commits("crash.txt", "text").exits(1)
    story.executor("red").waits().commits("two", "2")
    story.executor("dirty").waits().commits("mine.txt", "theirs")
    story.begin()
    story.file("mine.txt", "mine")
    waiting = story.background("work", "all", "--parallel", "6", "--wait")
    story.until_state(alpha="landed", crash="failed")
    story.open_door("clash")
    story.open_door("red")
    story.until_state(clash="conflict", red="red")
    story.open_door("dirty")
    story.until_state(dirty="deferred")
    assert "mine.txt" in story.status().says("dirty")
    assert (story.repo / "mine.txt").read_text() == "mine\n"
    (story.repo / "mine.txt").rename(story.root / "mine.txt")
    story.batty("land")
    said = waiting.result()
    assert said.exit == 1
    for command in ("queue resolve clash", "work crash", "queue retry red --by agent"):
        assert f"next: batty {command}" in said.err
    assert "next: ${EDITOR:-vi} kanban/torn/tasks/001-task.md" in said.err
    heads = {name: Path(story.worktree(name)) for name in ("clash", "crash", "red")}
    assert all(folder.is_dir() for folder in heads.values())
    assert story.git("show", "batty/crash-run-001:crash.txt") == "text"
    story.assert_proved("alpha", "dirty")


def test_an_unknown_agent_is_refused_before_anything_is_made(story: Story) -> None:
    """Rule: by its name, on the command line or in a board; no run, branch, worktree, window or journal entry."""
    story.phase("alpha")
    refused = story.batty("work", "all", "--agent", "foo")
    assert (refused.exit, "foo" in refused.err) == (1, True), refused
    story.file("kanban/alpha/PHASE.md", "---\nagent: bar\n---\n")
    story.git("commit", "--quiet", "--all", "--message", "Name another agent")
    refused = story.batty("work", "all")
    assert (refused.exit, "bar" in refused.err) == (1, True), refused
    assert story.events() == []
    assert story.windows() == []
    assert not story.worktrees.exists()
    assert story.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_work_says_what_it_did_not_launch_and_keeps_the_runs_number(story: Story) -> None:
    """Rule: every phase that was asked for is named with why; without --parallel the run's own number holds."""
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.phase("late", after=["alpha"])
    first = story.batty("work", "all", "--parallel", "2")
    for told in ("alpha is launched", "beta is launched", "gamma starts when one of the 2 windows is free"):
        assert told in first.err
    assert "late is blocked: waits for alpha" in first.err
    story.until_waiting("alpha")
    story.until_waiting("beta")
    again = story.batty("work", "gamma")
    assert "gamma starts when one of the 2 windows is free" in again.err
    assert story.status().raw["parallel"] == 2
    assert "alpha is working" in story.batty("work", "all").err
    for name in ("alpha", "beta", "gamma"):
        story.open_door(name)
    story.until(lambda seen: seen.all_are("landed"))
    assert "alpha is landed" in story.batty("work", "alpha").err


def test_nobody_to_commit_is_refused_before_anything_is_made(story: Story) -> None:
    """Rule: an agent that cannot commit is not started; the message says how to tell git who commits."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.begin()
    story.git("config", "user.useConfigOnly", "true")
    story.git("config", "user.email", "")
    story.git("config", "user.name", "")
    said = story.batty("work", "all", "--wait")
    assert said.exit == 1
    assert "git does not know who commits here" in said.err
    assert "git config user.name" in said.err
    assert story.events("run-started") == []
