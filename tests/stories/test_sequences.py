"""Sequences: one at a time with a person at the gate, boards that come during a run, an order of its own, a night."""

from pathlib import Path

from tests.support.server import eventually
from tests.support.story import Story

Told = list[tuple[str, str]]


def told(story: Story, *kinds: str) -> Told:
    return [(e["event"], e["phase"]) for e in story.events() if e["event"] in kinds]


def commit(story: Story, message: str) -> None:
    story.git("add", "--all")
    story.git("commit", "--quiet", "--message", message)


def test_one_at_a_time_goes_through_the_hands_of_a_person(story: Story) -> None:
    """Rule: the next starts when the one before has landed, be it sent back in between, or when it is held."""
    for name in ("alpha", "beta", "gamma", "last"):
        story.phase(name)
        story.executor(name).commits(f"{name}.txt", "text")
    story.executor("beta").commits("beta.txt", "bad").then().commits("beta.txt", "good")
    story.review("human")
    story.batty("work", "all")
    story.until_state(alpha="reviewing", beta="ready")
    assert story.peek().says("beta") == "starts after alpha: one at a time"
    story.batty("review", "alpha", "--merge")
    story.until_state(alpha="landed", beta="reviewing", gamma="ready")
    story.batty("review", "beta", "--rework", "say good")
    story.until(lambda _: len(story.starts("beta")) == 2, "another start of beta")
    story.until_state(beta="reviewing", gamma="ready")
    story.batty("review", "beta", "--merge")
    story.until_state(beta="landed", gamma="reviewing", last="ready")
    story.batty("review", "gamma", "--escalate", "not this way")
    story.until_state(gamma="held")
    story.until(lambda _: story.events("launching", "last"), "the launch of the last")
    assert told(story, "launching", "reviewed", "landed", "held") == [
        ("launching", "alpha"),
        ("reviewed", "alpha"),
        ("landed", "alpha"),
        ("launching", "beta"),
        ("reviewed", "beta"),
        ("reviewed", "beta"),
        ("landed", "beta"),
        ("launching", "gamma"),
        ("reviewed", "gamma"),
        ("launching", "last"),
    ]
    assert story.landed_text("beta.txt") == "good"
    assert "say good" in story.starts("beta")[-1].read_text()
    story.assert_proved("alpha", "beta")


def test_boards_that_come_during_a_run_are_taken_up(story: Story) -> None:
    """Rule: a commit on the base that brings phases is noticed by whoever is awake, with no command of a person's.

    A board that cannot be read, and one whose order cannot be, are told and stop nobody else. What no longer waits
    for anything starts.
    """
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.phase("late", after=["alpha"])
    story.executor("late").waits().commits("l.txt", "text")
    story.batty("work", "all", "--parallel", "4")
    story.until_waiting("alpha")
    assert story.peek().states["late"] == "blocked"
    story.phase("beta")
    story.executor("beta").waits().commits("b.txt", "text")
    story.phase("odd", after=["gone"])
    story.phase("torn")
    story.file("kanban/torn/tasks/001-task.md", "no front matter")
    commit(story, "Bring boards")
    story.until_waiting("beta")
    seen = story.peek()
    assert (seen.states["odd"], seen.states["torn"]) == ("blocked", "held")
    assert seen.says("odd") == "waits for gone, which is no phase of main"
    (event,) = story.events("boards-changed")
    assert (event["added"], event["unreadable"]) == (["beta", "odd", "torn"], ["torn/tasks/001-task.md:1"])
    assert "beta, odd, torn came; torn/tasks/001-task.md:1 cannot be read" in story.batty("log").out
    story.file("kanban/late/PHASE.md", "---\ntitle: late\ndepends_on: []\n---\n")
    commit(story, "Let late go")
    story.until_waiting("late")
    for name in ("alpha", "beta", "late"):
        story.open_door(name)
    story.until_state(alpha="landed", beta="landed", late="landed")
    assert len(story.events("boards-changed")) == 1


def test_a_phase_whose_board_leaves_while_it_works_goes_on(story: Story) -> None:
    """Rule: it is told, its executor keeps its own board, and it can be answered, reviewed and held to the end."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.phase("beta")
    story.review("human")
    story.batty("work", "alpha")
    story.until_waiting("alpha")
    story.git("rm", "-r", "--quiet", "kanban/alpha")
    story.git("commit", "--quiet", "--message", "Drop alpha")
    assert "its board has left main" in story.status().says("alpha")
    story.kill(9, "supervisor of alpha")
    story.status()
    story.open_door("alpha")
    story.until_state(alpha="reviewing")
    assert story.batty("review", "alpha", "--escalate", "no longer wanted").exit == 0
    assert story.status().states == {"beta": "ready", "alpha": "held"}


def test_an_order_that_cannot_be_is_refused(story: Story) -> None:
    """Rule: who does not exist, has started, or would wait for itself is refused by name, and nothing is journaled."""
    for name in ("phase-2", "phase-3"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.phase("phase-4", after=["phase-3"])
    refused = story.batty("work", "phase-3", "--after", "phase-9")
    assert (refused.exit, "phase-9" in refused.err) == (2, True)
    refused = story.batty("work", "phase-3", "--after", "phase-4")
    assert (refused.exit, "phase-3 -> phase-4 -> phase-3" in refused.err) == (1, True), refused
    assert story.events() == []
    story.batty("work", "phase-2")
    story.until_waiting("phase-2")
    refused = story.batty("work", "phase-2", "--after", "phase-3")
    assert (refused.exit, "phase-2 is working: --after is for" in refused.err) == (1, True), refused
    assert len(story.events("run-started")) == 1


def test_an_order_of_one_run(story: Story) -> None:
    """Rule: --after holds for the run, is shown with its reason, survives the end of tmux, ends with the landing."""
    for name in ("phase-1", "phase-2", "phase-3"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.batty("work", "phase-2", "--parallel", "3")
    story.until_waiting("phase-2")
    said = story.batty("work", "phase-3", "--after", "phase-2", "--after", "phase-1")
    unasked = "phase-3 is blocked: waits for phase-2, phase-1, which nobody asked for   ↳ next: batty work phase-1"
    assert unasked in said.err
    story.batty("work", "phase-1")
    story.until_waiting("phase-1")
    story.kill_tmux()
    story.batty("resume")
    story.until_waiting("phase-1", times=2)
    story.until_waiting("phase-2", times=2)
    assert "blocked: waits for phase-2, phase-1" in story.batty("plan").out
    story.open_door("phase-1")
    story.until_state(**{"phase-1": "landed", "phase-3": "blocked"})
    assert story.peek().says("phase-3") == "waits for phase-2"
    story.open_door("phase-2")
    story.until_waiting("phase-3")
    assert list(story.peek().of("phase-3")["after"]) == ["phase-2", "phase-1"]


def test_an_order_is_taken_back(story: Story) -> None:
    """Rule: --no-after lets a phase start that --after held back."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.batty("work", "all", "--parallel", "2", "--after", "alpha")
    story.until_waiting("alpha")
    assert story.peek().states == {"alpha": "working", "beta": "blocked"}
    story.batty("work", "beta", "--no-after")
    story.until_waiting("beta")


def test_an_agent_with_a_limit_lets_others_by(story: Story) -> None:
    """Rule: no more phases of an agent are at work than it may have; why one waits is said, and others start."""
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.file("kanban/gamma/PHASE.md", "---\nagent: other\n---\n")
    story.settings["agents.other"] = dict(story.settings["agents.scripted"])
    story.settings["agents.scripted"]["parallel"] = 1
    dry = story.batty("work", "all", "--parallel", "3", "--dry-run")
    assert "1 of them scripted, 0 at work" in dry.out
    assert "waits for a scripted: 1 of 1 at work" in dry.out
    story.batty("work", "all", "--parallel", "3")
    story.until_waiting("alpha")
    story.until_waiting("gamma")
    assert story.status().says("beta") == "waits for a scripted: 1 of 1 at work"
    assert "beta   0/1  waits for a scripted: 1 of 1 at work" in story.batty("plan").out
    story.open_door("alpha")
    story.until_waiting("beta")
    assert [phase for _, phase in told(story, "launching")] == ["alpha", "gamma", "beta"]


def test_after_its_window_a_run_launches_nothing(story: Story) -> None:
    """Rule: what is at work goes on and lands; then --wait ends and says why, and a word of a person goes on."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    started = story.batty("work", "all", "--until", "2h", "--json")
    assert started.json["window"]["stage"] == "open"
    story.until_waiting("alpha")
    story.batty("work", "all", "--until", "1s")
    story.until(lambda seen: seen.says("beta").startswith("no launches since "), "the end of the window")
    (told_,) = [one for one in story.peek().raw["attention"] if one["state"] == "over"]
    assert (told_["phase"], told_["next"]) == (None, "batty work all")
    assert "the run: no launches since" in story.batty("status").out
    story.kill_tmux()
    resumed = story.batty("resume")
    assert "no launches since" in resumed.err
    story.until_waiting("alpha", times=2)
    story.open_door("alpha")
    story.until_state(alpha="landed", beta="ready")
    waited = story.batty("queue")
    assert waited.exit == 0
    assert story.peek().states["beta"] == "ready"
    assert len(story.events("launching")) == 1
    story.batty("work", "all")
    story.until_waiting("beta")
    assert {event["run"] for event in story.events("launching")} == {"001"}


def test_wait_ends_with_the_window(story: Story) -> None:
    """Rule: it returns when what was at work has landed and nothing more may start, and names what is left."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    waiting = story.background("work", "all", "--until", "2h", "--wait")
    story.until_waiting("alpha")
    story.batty("work", "all", "--until", "1s")
    story.until(lambda seen: seen.says("beta").startswith("no launches since "), "the end of the window")
    story.open_door("alpha")
    said = waiting.result()
    assert said.exit == 1
    assert "beta is ready: no launches since" in said.err
    assert "↳ next: batty work all" in said.err
    story.assert_proved("alpha")


def test_a_window_opens_by_itself(story: Story) -> None:
    """Rule: before it nothing is launched; at its opening the dashboard in the home window launches, nobody else."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    said = story.batty("work", "all", "--from", "4s")
    assert "alpha: launches begin at" in said.err
    assert story.events("launching") == []
    story.until_waiting("alpha")
    story.open_door("alpha")
    story.until_state(alpha="landed")


def test_a_plan_is_drawn(story: Story) -> None:
    """Rule: as text, as Mermaid, as a picture that is written over nothing else; with 1 where the order is none."""
    story.phase("alpha", title="</text><script>x</script>")
    story.phase("beta", after=["alpha"])
    assert story.batty("plan").out.splitlines()[1:] == [
        "╭─ · alpha  0/1  can start  </text><script>x</script>",
        "╰─ · beta   0/1  blocked: waits for alpha",
    ]
    assert story.batty("plan", "--mermaid").out.startswith("flowchart LR\n")
    drawn = story.batty("plan", "--svg", "plan.svg")
    picture = (story.repo / "plan.svg").read_text()
    assert (drawn.exit, picture.startswith("<svg "), "<script>" in picture) == (0, True, False)
    refused = story.batty("plan", "--svg", "batty.toml")
    assert refused.exit == 1
    assert (story.repo / "batty.toml").read_text().startswith("[run]")
    Path(story.repo / "plan.svg").unlink()
    story.file("kanban/alpha/PHASE.md", "---\ndepends_on: [beta, gone]\n---\n")
    commit(story, "Make a circle")
    said = story.batty("plan")
    assert said.exit == 1
    assert "alpha -> beta -> alpha" in said.out
    assert "alpha depends on gone, and no such phase exists" in said.err
    assert story.events() == []


def test_who_only_looks_after_a_reboot_starts_no_agent(story: Story) -> None:
    """Rule: a phase that has come within reach waits for `batty resume`, which is the word for it."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.review("human")
    story.batty("work", "all", "--parallel", "2")
    story.until_state(alpha="reviewing")
    story.kill_tmux()
    ours = f"--repo {story.repo} "
    eventually(lambda: not any(ours in line for _, line in story.processes()), "the end of all that ran in its windows")
    story.phase("beta")
    story.executor("beta").waits()
    commit(story, "Add beta")
    assert story.batty("status").exit == 0
    assert story.batty("queue").exit == 0
    assert not story.events("launching", "beta")
    assert story.batty("resume").exit == 0
    story.until_waiting("beta")
