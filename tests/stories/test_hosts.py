"""Phases on other hosts: the agent works there, what is decided is decided here, and a cut connection loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machines import Network, need_namespaces
from tests.support.story import Story


@pytest.fixture
def network(tmp_path_factory: pytest.TempPathFactory, story: Story) -> Iterator[Network]:
    """Two hosts that the story knows as h1 and h2, with room for one phase each; none works on this machine."""
    with Network.of(tmp_path_factory.mktemp("hosts"), "h1", "h2") as made:
        story.env["PATH"] = f"{made.path}:{story.env['PATH']}"
        yield made


def on(story: Story, *hosts: str, parallel: int = 1) -> None:
    for host in hosts:
        story.settings[f"hosts.{host}"] = {"ssh": host, "parallel": parallel}


def clone(network: Network, host: str) -> Path:
    found = list((network[host].home / ".batty-hosts").glob("shop-*[0-9a-f]"))
    assert len(found) == 1, found
    return found[0]


def test_a_phase_is_worked_on_there_and_lands_here(story: Story, network: Network) -> None:
    """Rule: executor and worktree are the host's; its commits are fetched, reviewed and landed on this main."""
    on(story, "h1")
    story.phase("alpha", tasks=2)
    story.executor("alpha").runs("hostname >where; pwd >>where; git add where; git commit -qm Where").commits("a", "1")
    story.batty("work", "all")
    story.until_state(alpha="landed")
    story.assert_proved("alpha")
    assert str(clone(network, "h1")) in story.landed_text("where")
    assert story.landed_text("a") == "1"
    assert not story.worktree("alpha").exists()
    assert [e["attempt"] for e in story.events("executor-started", "alpha")] == [1]
    assert {e["where"] for e in story.events("executor-started", "alpha")} == {"h1"}
    assert "✓ landed on h1" in story.batty("status").out
    assert [row["host"] for row in story.batty("report", "--json").json["phases"]] == ["h1"]
    assert "landed on h1" in story.batty("report", "-o", "-").out


def test_a_cut_connection_leaves_the_agent_at_work_and_nothing_comes_twice(story: Story, network: Network) -> None:
    """Rule: what happened while the host was away is journaled once it is back, each event once, in its order."""
    need_namespaces("unplugging a host")
    on(story, "h1")
    story.phase("alpha")
    story.executor("alpha").waits().commits("a", "1")
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.until(lambda _: story.events("executor-started"), "the news that it started")
    network["h1"].unplug()
    story.open_door("alpha")
    story.until(lambda seen: "h1 has not answered for" in seen.says("alpha"), "the words")
    assert "its agent goes on" in story.peek().says("alpha")
    assert story.peek().of("alpha")["host"] == "h1"
    there = story.events_of(clone(network, "h1"))
    assert story.events("host-lost", "alpha")[0]["silent"] >= 0
    network["h1"].plug()
    story.until_state(alpha="landed")
    story.assert_proved("alpha")
    assert [e["event"] for e in there][-1] == "review-wanted"
    came = [e["there"] for e in story.events(phase="alpha") if e.get("there")]
    assert came == sorted(set(came))
    assert len(story.events("host-lost")) == len(story.events("host-back")) == 1


def test_a_follower_that_is_killed_goes_on_where_it_was(story: Story, network: Network) -> None:
    """Rule: kill -9 of what follows loses nothing and repeats nothing; the agent does not notice."""
    on(story, "h1")
    story.phase("alpha")
    story.executor("alpha").waits().commits("a", "1").waits().commits("b", "1")
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.until(lambda _: story.events("executor-started"), "the news that it started")
    story.kill(9, "supervisor of alpha")
    story.open_door("alpha")
    story.status()
    story.until_state(alpha="landed")
    came = [e["there"] for e in story.events(phase="alpha") if e.get("there")]
    assert came == sorted(set(came))
    assert len(story.starts("alpha")) == 1


def test_a_question_there_is_answered_from_here_once(story: Story, network: Network) -> None:
    """Rule: an answer reaches the very prompt that was seen; the words come back by the host's own journal."""
    on(story, "h1")
    story.phase("alpha")
    story.executor("alpha").asks("Overwrite? [y/N]").commits("a", "1")
    story.policy("observe")
    story.batty("work", "all")
    story.until_state(alpha="asking")
    assert story.batty("answer", "alpha", "y; rm -rf /").exit == 0
    story.until_state(alpha="landed")
    assert story.answers("alpha") == ["y; rm -rf /"]
    answered = story.events("answered", "alpha")
    assert [(e["by"], e["where"]) for e in answered] == [("person", "h1")]


def test_a_rework_goes_to_the_agent_there_and_once(story: Story, network: Network) -> None:
    """Rule: a verdict is given here; what it asks for starts the agent there again, though the connection was cut."""
    on(story, "h1")
    story.review("human")
    story.phase("alpha")
    first = story.executor("alpha").commits("a", "1")
    first.then().commits("b", "it's $(touch pwned) `x`")
    story.batty("work", "all")
    story.until_state(alpha="reviewing")
    packet = story.batty("review", "alpha", "--plain").out
    assert "h1:" in packet
    story.kill(9, "supervisor of alpha")
    assert story.batty("review", "alpha", "--rework", 'say "b" $(x)').exit == 0
    story.status()
    story.until(lambda seen: seen.of("alpha")["state"] == "reviewing" and story.on_branch("alpha", "b"), "b")
    assert len(story.starts("alpha")) == 2
    assert 'say "b" $(x)' in story.starts("alpha")[1].read_text()
    story.batty("review", "alpha", "--merge")
    story.until_state(alpha="landed")


def test_pause_and_stop_and_resume_reach_the_host(story: Story, network: Network) -> None:
    """Rule: the same commands as for a phase here; they are journaled here, and obeyed there once."""
    on(story, "h1")
    story.phase("alpha")
    story.executor("alpha").waits().then().commits("a", "1")
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.batty("pause", "alpha")
    host = clone(network, "h1")
    story.until(lambda _: any(e["event"] == "paused" for e in story.events_of(host)), "the pause there")
    story.batty("unpause", "alpha")
    assert story.batty("stop", "--now").exit == 0
    story.until(lambda _: any(e["event"] == "held" for e in story.events_of(host)), "the stop there")
    assert story.status().states == {"alpha": "held"}
    story.batty("resume")
    story.until_state(alpha="landed")
    assert len(story.starts("alpha")) == 2
    orders = [e["there"] for e in story.events_of(host) if e.get("there")]
    assert orders == sorted(set(orders))


def test_a_host_that_is_away_at_launch_is_passed_over(story: Story, network: Network) -> None:
    """Rule: its phase goes to another, this is said, and nothing of it is a failure of the phase."""
    on(story, "h1", "h2", parallel=2)
    network["h1"].die()
    story.phase("alpha")
    story.batty("work", "all", "--parallel", "2")
    story.until_state(alpha="landed")
    assert [(e["where"], e["code"]) for e in story.events("launch-failed")] == [("h1", "host-away")]
    assert "alpha: on h1: not launched there: h1 does not answer" in story.batty("log", "alpha").out
    assert {e["where"] for e in story.events("executor-started")} == {"h2"}


def test_a_phase_of_a_host_that_died_begins_elsewhere(story: Story, network: Network) -> None:
    """Rule: after a while a person decides; it begins anew from what was fetched, and what is left there is ended."""
    need_namespaces("the death of a host")
    on(story, "h1", "h2")
    story.settings["patience"]["host"] = "1s"
    story.phase("alpha", tasks=2)
    story.executor("alpha").commits("a", "1").waits().then().commits("b", "1")
    story.batty("work", "alpha", "--on", "h1", "--parallel", "2")
    story.until_waiting("alpha")
    story.until(lambda _: story.on_branch("alpha", "a"), "the first commit here")
    network["h1"].die()
    seen = story.until(lambda seen: seen.raw["attention"], "the attention")
    assert [(one["phase"], one["host"], one["next"]) for one in seen.raw["attention"]] == [
        (None, "h1", "batty work alpha --on here")
    ]
    assert story.batty("work", "alpha", "--on", "h2").exit == 0
    story.until_state(alpha="landed")
    assert story.landed_text("a") == story.landed_text("b") == "1"
    network["h1"].boot()
    said = story.batty("hook", "settle").err
    assert "alpha: on h1: what was left of batty/alpha-run-001 there has ended" in said
    assert story.batty("hook", "settle").err == ""
    assert len(story.events("attempt-ended")) == 1


def test_a_host_that_is_started_anew_goes_on(story: Story, network: Network) -> None:
    """Rule: tmux and the agent there are gone; the next look opens the window and starts the agent again."""
    need_namespaces("the death of a host")
    on(story, "h1")
    story.phase("alpha")
    story.executor("alpha").waits().then().commits("a", "1")
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.until(lambda _: story.events("executor-started"), "the news that it started")
    network["h1"].die()
    network["h1"].boot()
    story.until_state(alpha="landed")
    assert len(story.starts("alpha")) == 2


def test_clean_removes_what_is_there_too(story: Story, network: Network) -> None:
    """Rule: window, worktree and branch of a landed phase go on both sides, after the proofs of both."""
    on(story, "h1")
    story.phase("alpha")
    story.executor("alpha").commits("a", "1").leaves_uncommitted("left").then().runs("rm left")
    story.batty("work", "all")
    story.until_state(alpha="landed")
    host = clone(network, "h1")
    assert story.batty("clean", "--yes").out == "alpha: removed\n"
    assert list(host.with_name(f"{host.name}.batty").glob("alpha*")) == []
    assert story.git("branch", "--list", "batty/*") == ""
    assert story.windows() == ["batty"]


def test_local_and_remote_slots_are_filled_by_the_hosts_own_limits(story: Story, network: Network) -> None:
    """Rule: --parallel is the total; each host has its limit; review, queue and main are one for all."""
    on(story, "h1", "h2")
    names = ["alpha", "beta", "gamma", "delta"]
    for name in names:
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", name)
    story.batty("work", "all", "--parallel", "4")
    for name in names:
        story.until_waiting(name)
    hosts = sorted(row["host"] for row in story.peek().raw["phases"])
    assert hosts == ["", "", "h1", "h2"]
    for name in names:
        story.open_door(name)
    story.until(lambda seen: seen.all_are("landed"), "all four")
    assert sorted(row["phase"] for row in story.proof()["landings"]) == sorted(names)
    assert story.git("status", "--porcelain") == ""
