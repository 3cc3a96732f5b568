"""`batty attach`: to the session that there is, or words where one cannot go. And `batty clean` at a terminal."""

import shlex
import sys
from pathlib import Path

from batty_tmux.host.terminal import Terminal
from tests.support.server import PrivateServer, eventually
from tests.support.story import Story

BATTY = shlex.join((sys.executable, "-P", "-m", "batty_tmux"))


def test_where_there_is_nothing_to_attach_to_it_says_what_to_do(story: Story) -> None:
    """Rule: no run, no session, no window yet, a window of another server: each has its own next command."""
    story.phase("alpha")
    story.executor("alpha").waits()
    story.phase("beta", after=["alpha"])
    assert "↳ next: batty work all" in story.batty("attach").err
    story.batty("work", "all")
    story.until_waiting("alpha")
    assert "beta has no window yet: it is blocked" in story.batty("attach", "beta").err
    assert "there is no terminal to attach" in story.batty("attach", "alpha").err
    story.kill_tmux()
    assert "↳ next: batty resume" in story.batty("attach").err
    # a server of today gives the numbers of yesterday to other windows
    story.tmux("new-session", "-d", "-s", "shop", "-n", "mine")
    for number in range(3):
        story.tmux("new-window", "-d", "-n", f"mine{number}")
    said = story.batty("attach", "alpha")
    assert "alpha has no window" in said.err
    assert "↳ next: batty resume" in said.err
    assert story.tmux("display-message", "-p", "-t", "shop:", "#{window_name}") == "mine"


def test_from_another_tmux_the_run_is_seen_where_it_is(story: Story, tmp_path: Path) -> None:
    """Rule: $TMUX is where one sits, not where the run is: its windows are not gone, and how to get there is said."""
    story.phase("alpha")
    story.executor("alpha").waits()
    story.batty("work", "all")
    story.until_waiting("alpha")
    socket = story.tmux("display-message", "-p", "#{socket_path}")
    other = PrivateServer(tmp_path)
    try:
        story.env["TMUX"] = other.terminal.identity() or ""
        assert story.status().states == {"alpha": "working"}
        assert "opened nothing" in story.batty("resume").err
        said = story.batty("attach", "alpha")
        assert "the session shop is on another tmux server than the one you are in" in said.err
        assert f"↳ next: env TMUX= tmux -u -S {socket} attach-session -t '$" in said.err
        assert [facts.name for facts in other.terminal.sessions()] == ["user"]
    finally:
        del story.env["TMUX"]
        other.kill()


def test_inside_of_tmux_the_client_goes_to_what_has_waited_longest(story: Story) -> None:
    """Rule: the client is switched, none is nested; of several that ask, the oldest one's window is shown."""
    for name in ("alpha", "beta"):
        story.phase(name)
    story.executor("alpha").waits().asks("Second?")
    story.executor("beta").asks("First?")
    story.batty("work", "all", "--parallel", "2")
    story.until_state(beta="asking")
    story.open_door("alpha")
    story.until_state(alpha="asking")
    told = story.batty("attach").err
    assert "! beta and alpha need you   ↳ the one that has waited longest: batty attach --waiting" in told
    story.tmux("new-session", "-d", "-s", "other", "-c", str(story.repo), "sh")
    with story.attached() as person:
        story.tmux("switch-client", "-t", "other")
        eventually(lambda: shown(story).startswith("other"), "the other session")
        person.press(f"{BATTY} attach --waiting\r")
        eventually(lambda: shown(story) == "shop beta", "beta's window")


def shown(story: Story) -> str:
    rows = story.tmux("list-clients", "-F", "#{client_control_mode} #{session_name} #{window_name}").splitlines()
    return next((row[2:] for row in rows if row.startswith("0 ")), "")


def test_clean_asks_once_at_a_terminal(story: Story) -> None:
    """Rule: what can go, and why that loses nothing, is read before it is answered; no is the default."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "all", "--wait")
    dry = story.batty("clean", "--dry-run").out
    assert "alpha: its window, worktree and branch can go: all of it is on main" in dry
    assert "its 2 commits are on main, which holds " in dry
    assert "branch batty/alpha-run-001: refs/batty/claim/alpha/1 keeps " in dry
    assert f"worktree {story.worktree('alpha')}: all of it is committed" in dry
    story.tmux("new-window", "-n", "mine", "-t", "shop:", "-c", str(story.repo), "sh")
    pane = story.tmux("display-message", "-p", "-t", "shop:mine", "#{pane_id}")

    def asked(answer: str, then: str) -> None:
        story.tmux("send-keys", "-t", pane, "clear; " + f"{BATTY} clean", "Enter")
        eventually(lambda: "remove this? [y/N]" in story.tmux("capture-pane", "-p", "-J", "-t", pane), "the question")
        story.tmux("send-keys", "-t", pane, answer, "Enter")
        eventually(lambda: then in story.tmux("capture-pane", "-p", "-J", "-t", pane), then)

    asked("", "nothing was removed")
    assert story.worktree("alpha").exists()
    asked("y", "alpha: removed")
    assert not story.worktree("alpha").exists()
    assert Terminal(Path(story.tmux("display-message", "-p", "#{socket_path}"))).alive()
