"""What a fresh worktree gets before its agent starts: files, ports, dependencies, and what is said where it cannot."""

import json
import os
from pathlib import Path

from tests.support.server import eventually
from tests.support.story import Story

FETCH = (
    'echo run >>"$HOME/fetched"; [ "$BATTY_CACHE" = hit ] || { mkdir -p node_modules/a; echo one >node_modules/a/x; }'
)


def fetched(story: Story) -> int:
    file = story.root / "home" / "fetched"
    return len(file.read_text().splitlines()) if file.exists() else 0


def cached(story: Story, setup: str = FETCH, **run: object) -> None:
    story.settings["run"] |= {"setup": setup, "cache": ["node_modules"], **run}
    story.file(".gitignore", "node_modules/")
    story.file("package-lock.json", "{}")


def test_dependencies_are_fetched_once_for_all_phases_with_the_same_lock_files(story: Story) -> None:
    """Rule: who comes at the same time waits for the first, and each gets files of its own."""
    cached(story)
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
        story.executor(name).runs("cat node_modules/a/x").runs("echo mine >node_modules/a/x").commits(
            f"{name}.txt", "t"
        )
    assert story.batty("work", "all", "--parallel", "3", "--wait").exit == 0
    assert story.status().all_are("landed")
    told = sorted(event.get("cache", "") for event in story.events("set-up"))
    assert told == ["hit", "hit", "kept"]
    assert fetched(story) == 3
    one = story.worktree("beta") / "node_modules" / "a" / "x"
    assert one.read_text() == "mine\n"
    kept = list(story.worktrees.glob("cache/*/*/0/a/x"))
    assert [path.read_text() for path in kept] == ["one\n"]
    for name in ("alpha", "beta", "gamma"):
        assert story.git("status", "--porcelain", "--ignored", cwd=story.worktree(name)).endswith("!! node_modules/")


def test_a_setup_that_fails_is_shown_with_its_end_and_tried_again(story: Story) -> None:
    """Rule: failed, with the reason, the end of its log and the command; after the retry the agent starts."""
    story.settings["run"]["setup"] = (
        "echo fetching; echo 'TOKEN=ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5'; echo boom; test -e ../ready || exit 3"
    )
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "all")
    seen = story.until_state(alpha="failed")
    assert (seen.says("alpha"), seen.of("alpha")["next"]) == ("run.setup ended with 3", "batty work alpha")
    assert seen.of("alpha")["evidence"][-2] == "boom"
    log = Path(story.events("launch-failed", "alpha")[0]["log"])
    text = log.read_text()
    assert text.splitlines()[0] == "fetching"
    assert "ghp_aB3d" not in text + json.dumps(story.events())
    assert log.stat().st_mode & 0o777 == 0o400
    waits = story.batty("status").out
    assert "run.setup ended with 3" in waits
    assert "boom" in waits
    assert story.starts("alpha") == []
    (story.worktrees / "ready").touch()
    assert story.batty("work", "alpha").exit == 0
    story.until_state(alpha="landed")
    assert len(story.starts("alpha")) == 1


def test_a_failed_setup_is_tried_again_from_the_lower_pane(story: Story) -> None:
    """Rule: r and Enter there is the same as the command."""
    story.settings["run"]["setup"] = "test -e ../ready"
    story.phase("alpha")
    story.batty("work", "all")
    story.until_state(alpha="failed")
    (story.worktrees / "ready").touch()
    lower = story.events("launched", "alpha")[-1]["orchestrator"]
    eventually(lambda: "r and Enter" in story.tmux("capture-pane", "-p", "-J", "-t", lower), "the words")
    story.tmux("send-keys", "-t", lower, "r", "Enter")
    story.until(lambda _: story.starts("alpha"), "a start")


def test_a_setup_that_hangs_is_ended_and_told(story: Story) -> None:
    """Rule: patience.setup bounds it, with all that it has started."""
    story.settings["run"]["setup"] = f"echo $$ >{story.root}/pid; sleep 1000 & wait"
    story.settings["patience"]["setup"] = "1s"
    story.phase("alpha")
    story.batty("work", "all")
    seen = story.until_state(alpha="failed")
    assert seen.says("alpha") == "run.setup was ended after 1s (patience.setup)"
    group = int((story.root / "pid").read_text())
    eventually(lambda: not alive(group), "its end")


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupted_setup_says_so(story: Story) -> None:
    """Rule: ^C in the pane is the setup's; batty lives to tell it."""
    story.settings["run"]["setup"] = f"echo here; touch {story.root}/begun; sleep 1000"
    story.phase("alpha")
    story.batty("work", "all")
    eventually((story.root / "begun").exists, "the setup")
    assert story.peek().says("alpha") == "run.setup prepares its worktree"
    story.tmux("send-keys", "-t", story.events("launched", "alpha")[-1]["pane"], "C-c")
    seen = story.until_state(alpha="failed")
    assert seen.says("alpha") == "run.setup was interrupted"


def test_a_setup_may_ask(story: Story) -> None:
    """Rule: it has the pane's terminal: what is typed there is heard, and it prints to a terminal of that size."""
    out = story.root / "heard"
    story.settings["run"]["setup"] = f'test -t 0 && test -t 1 && read -r a && echo "$a $(stty size <&2)" >{out}'
    story.phase("alpha")
    story.batty("work", "all")
    story.until(lambda _: story.events("setting-up") and story.events("launched"), "the setup")
    pane = story.events("launched")[-1]["pane"]
    story.tmux("send-keys", "-t", pane, "blue", "Enter")
    eventually(lambda: out.exists() and out.read_text(), "an answer")
    story.until(lambda _: story.starts("alpha"), "a start")
    size = story.tmux("display-message", "-p", "-t", pane, "#{pane_height} #{pane_width}")
    assert out.read_text() == f"blue {size}\n"


def test_a_setup_that_is_killed_at_its_second_try_is_noticed(story: Story) -> None:
    """Rule: a retry that dies is failed again, not at work for ever."""
    story.settings["run"]["setup"] = f"test -e ../ready || exit 3; echo $$ >{story.root}/pid; sleep 1000"
    story.phase("alpha")
    story.batty("work", "all")
    story.until_state(alpha="failed")
    (story.worktrees / "ready").touch()
    story.batty("work", "alpha")
    eventually((story.root / "pid").exists, "the second try")
    pane = story.events("launched", "alpha")[-1]["pane"]
    os.kill(int(story.tmux("display-message", "-p", "-t", pane, "#{pane_pid}")), 9)
    seen = story.until_state(alpha="failed")
    assert "while run.setup was at work" in seen.says("alpha")
    eventually(lambda: not alive(int((story.root / "pid").read_text())), "its end")


def test_patterns_on_the_base_name_what_is_copied_and_secrets_are_told(story: Story) -> None:
    """Rule: ignored files only, of the base's file; `work`, `doctor` and --dry-run say what is secret."""
    story.file(".worktreeinclude", "# mine\n.env*\n!.env.local\nlocal/**\nREADME.md\n")
    story.file(".gitignore", ".env*\nlocal/\n")
    story.phase("alpha")
    story.executor("alpha").runs("cat .env local/deep/x").commits("a.txt", "text")
    story.begin()
    story.file(".env", "API_TOKEN=ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5")
    story.file(".env.local", "A=1")
    story.file("local/deep/x", "x")
    story.file(".worktreeinclude", ".env.local")
    for words in (("work", "all", "--dry-run"), ("doctor",), ("work", "all", "--wait")):
        said = story.batty(*words)
        assert ".env goes into each worktree and holds secrets" in said.out + said.err
        assert "ghp_" not in said.out + said.err
    story.until_state(alpha="landed")
    there = story.worktree("alpha")
    assert (there / ".env").read_text().startswith("API_TOKEN")
    assert (there / "local/deep/x").read_text() == "x\n"
    assert not (there / ".env.local").exists()


def test_each_phase_keeps_ports_that_nobody_else_has(story: Story) -> None:
    """Rule: told in `status --json`, the same at each start of its agent, another block for another phase."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).runs(f"echo $BATTY_PORT_BASE >>{story.agents}/{name}/ports").leaves_tasks_open()
    story.batty("work", "all", "--parallel", "2")
    story.until_state(alpha="failed", beta="failed")
    story.batty("work", "alpha")
    story.until(lambda _: len(story.starts("alpha")) == 2, "a second start")
    story.until_state(alpha="failed")
    seen = story.peek()
    for name in ("alpha", "beta"):
        first, last = seen.of(name)["ports"]
        told = (story.agents / name / "ports").read_text().split()
        assert (set(told), last - first) == ({str(first)}, 19)
    assert seen.of("alpha")["ports"] != seen.of("beta")["ports"]


def test_a_disk_without_room_is_told_before_anything_is_made(story: Story) -> None:
    """Rule: --dry-run shows the estimate, `work` refuses with the numbers and the command, `doctor` says it."""
    # no disk has room for this many: a sparse file in git's database costs nothing, and a checkout all of it
    disk = story.root / "disk"
    disk.mkdir()
    mounted = story.run("mount", "-t", "tmpfs", "-o", "size=64m", "batty-test", str(disk))
    assert mounted.ok, f"only root may mount the small disk that this needs: {mounted.stderr}"
    try:
        story.settings["run"]["worktrees"] = str(disk / "trees")
        story.phase("alpha")
        said = story.batty("work", "all", "--dry-run").out
        assert "1 worktree of" in said
        assert "TOO LITTLE" in said
        refused = story.batty("work", "all")
        assert (refused.exit, "no room for 1 more worktree" in refused.err) == (1, True)
        assert "next: batty clean" in refused.err
        assert story.events() == []
        assert "256 MB must be left" in story.batty("doctor").out
    finally:
        story.run("umount", "--lazy", str(disk)).check()


def test_the_cache_goes_when_it_is_told_to(story: Story) -> None:
    """Rule: `clean --cache` removes what it says, and the next setup fetches anew."""
    cached(story)
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    assert story.batty("work", "all", "--wait").exit == 0
    assert "cache        node_modules: 1 kept" in story.batty("doctor").out
    assert "kept for 1 states" in story.batty("clean", "--cache", "--dry-run").out
    assert list(story.worktrees.glob("cache/*/*/0"))
    assert "removed" in story.batty("clean", "--cache").out
    assert not list(story.worktrees.glob("cache/*/*"))
