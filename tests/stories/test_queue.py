"""What keeps a phase from landing, and what a person can do about it from a terminal."""

from pathlib import Path

from tests.support.attached import Attached
from tests.support.story import Story

WORDS = {"alpha": "ALPHA", "beta": "BETA"}


def _two_who_conflict(story: Story) -> None:
    story.file("words.txt", "one\ntwo\nthree")
    story.file("other.txt", "first")
    for name, word in WORDS.items():
        story.phase(name)
        executor = story.executor(name).waits()
        if name == "alpha":
            executor.runs("echo gained >>other.txt && git add other.txt")
        executor.commits("words.txt", f"one\n{word}\nthree")


def _conflict(story: Story) -> None:
    """Let alpha land and beta conflict with it."""
    story.until_waiting("beta")
    story.open_door("alpha")
    story.until_state(alpha="landed")
    story.open_door("beta")
    story.until_state(beta="conflict")


def test_a_red_goes_back_to_its_agent_with_the_log(story: Story) -> None:
    """Rule: `retry --by agent` starts the executor with the end of the gate's log; what it commits is gated again."""
    story.settings["queue"] = {"rework": 1}
    story.gate("test ! -e a.txt || test ! -e b.txt || { echo both are there; exit 1; }")
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "a")
    story.phase("beta")
    beta = story.executor("beta").waits().commits("b.txt", "b")
    beta.then().runs("git merge -q --no-edit main").runs("git rm -q b.txt").commits("c.txt", "c")
    story.batty("work", "all", "--parallel", "2")
    story.until_state(alpha="landed")
    story.open_door("beta")
    seen = story.until_state(beta="red")
    assert seen.of("beta")["next"] == "batty queue retry beta --by agent"
    assert "gate-fail" in story.batty("queue", "explain", "beta").out
    assert story.batty("queue", "retry", "beta", "--by", "agent").exit == 0
    story.until_state(beta="landed")
    assert "both are there" in story.starts("beta")[-1].read_text()
    assert "a.txt" in story.git("ls-tree", "--name-only", "main")
    explained = story.batty("queue", "explain", "beta").out
    assert "goes back to its agent: its gate is red" in explained
    assert "now: landed" in explained


def test_a_conflict_is_settled_by_hand_and_nothing_of_main_is_lost(story: Story) -> None:
    """Rule: resolve opens a window at the conflict, with the base's side told apart; what drops main's is refused."""
    _two_who_conflict(story)
    story.batty("work", "all", "--parallel", "2")
    _conflict(story)
    assert "conflicts in words.txt" in story.batty("queue").out
    opened = story.batty("queue", "resolve", "beta")
    folder = story.worktrees / "beta-resolve-001"
    assert opened.out.strip() == str(folder)
    assert "resolve-beta" in story.windows()
    assert "||||||| " in (folder / "words.txt").read_text()
    (folder / "words.txt").write_text("one\nBOTH\nthree\n")
    (folder / "other.txt").write_text("first\n")
    story.git("add", "--all", cwd=folder)
    story.git("commit", "--quiet", "--message", "Settle", cwd=folder)
    refused = story.batty("queue", "resolve", "beta")
    assert refused.exit == 1
    assert "other.txt" in refused.err
    assert "batty queue resolve beta --accept silent-revert" in refused.err
    (folder / "other.txt").write_text("first\ngained\n")
    story.git("commit", "--quiet", "--all", "--amend", "--no-edit", cwd=folder)
    assert story.batty("queue", "resolve", "beta").exit == 0
    story.until_state(beta="landed")
    assert (story.landed_text("words.txt"), story.landed_text("other.txt")) == ("one\nBOTH\nthree", "first\ngained")
    assert not folder.exists()
    assert not (story.repo / ".git" / "rr-cache").exists()


def test_a_paused_queue_keeps_its_order_over_a_reboot(story: Story) -> None:
    """Rule: pause and priority are the journal's: nothing lands after everything was killed, then in that order."""
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
        story.executor(name).commits(f"{name}.txt", name)
    story.begin()
    story.batty("queue", "pause", "release week")
    story.batty("work", "all", "--parallel", "3")
    story.until(lambda seen: seen.all_are("queued"), "all of them queued")
    assert "number 1" in story.batty("queue", "priority", "gamma", "2").err
    story.batty("queue", "priority", "beta")
    story.kill_tmux()
    assert story.batty("resume").exit == 0
    shown = story.batty("queue")
    assert "paused: release week" in shown.out
    assert next(row["phase"] for row in story.batty("queue", "--json").json) == "gamma"
    assert story.history() == ["Start"]
    assert "release week" in story.batty("queue", "resume").err
    assert story.until(lambda seen: seen.all_are("landed")).landed == ["gamma", "beta", "alpha"]


def test_what_landed_is_taken_back_and_brought_back(story: Story) -> None:
    """Rule: an undo is gated and landed; the phase is held, nothing relaunches it, and what needs it stays blocked."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="landed")
    landed = story.git("rev-parse", "--short=9", "main")
    story.phase("beta", after=["alpha"])
    story.executor("beta").commits("b.txt", "text")
    assert story.batty("queue", "undo", "alpha").exit == 0
    seen = story.until_state(alpha="held")
    assert seen.says("alpha") == f"undone: {story.git('rev-parse', '--short=9', 'main')} takes back {landed}"
    assert "a.txt" not in story.git("ls-tree", "--name-only", "main")
    story.git("add", "--all")
    story.git("commit", "--quiet", "--message", "Plan beta")
    story.batty("work", "all")
    assert story.status().states == {"alpha": "held", "beta": "blocked"}
    assert len(story.starts("alpha")) == 1
    assert story.status().of("alpha")["next"] == "batty queue undo alpha"
    assert "brings back" in story.batty("queue", "undo", "alpha").err
    story.until_state(alpha="landed", beta="landed")
    assert story.landed_text("a.txt") == "text"


def test_a_base_that_somebody_moved_stops_the_queue(story: Story) -> None:
    """Rule: the user's own commit is built upon; a move that nobody is known to have made waits for a person."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", name)
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    story.until_waiting("beta")
    story.commit("mine.txt", "mine")
    story.open_door("alpha")
    story.until_state(alpha="landed")
    foreign = story.git("commit-tree", "main^{tree}", "-p", "main", "-m", "Foreign")
    story.git("switch", "--quiet", "--detach")
    story.git("update-ref", "refs/heads/main", foreign)
    story.open_door("beta")
    story.until(lambda seen: "stands still" in seen.says("beta"))
    for words in (("queue",), ("status",)):
        shown = story.batty(*words).out
        assert foreign[:9] in shown
        assert "next: batty queue resume" in shown
    story.batty("queue", "resume")
    story.until_state(beta="landed")
    assert "Foreign" in story.history()


def test_the_menu_over_the_home_window(story: Story) -> None:
    """Rule: what cannot land is offered with its ways out, on a small terminal too; a key takes one of them."""
    _two_who_conflict(story)
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    home = story.tmux("list-windows", "-a", "-F", "#{window_name} #{window_id}").splitlines()
    story.tmux("select-window", "-t", next(line.split()[1] for line in home if line.startswith("batty ")))
    socket = story.run("tmux", "display-message", "-p", "#{socket_path}").stdout.strip()
    with Attached(Path(socket), story.env, columns=80, rows=24) as person:
        _conflict(story)
        person.expect("beta cannot land")
        for choice in ("not now", "retry beta", "resolve beta", "retry beta --by agent", "skip beta"):
            person.expect(choice)
        person.press("m")
        person.expect_gone("beta cannot land")
        person.expect(lambda: "resolve-beta" in story.windows())
