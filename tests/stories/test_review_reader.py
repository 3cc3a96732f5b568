"""Review in three keys: what a person sees and does in the reader, by a real client on a pseudo-terminal."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from batty_tmux.drive.chronicle import told
from batty_tmux.drive.reading import CUT
from tests.support.attached import Attached
from tests.support.reader import inside, load, open_reader
from tests.support.server import eventually
from tests.support.story import Story

GOLDEN = Path(__file__).parent / "golden"
LOAD = 90
"""Seconds: a popup starts Python, and the machine may be busy."""


def waiting(story: Story, *names: str) -> None:
    """Have phases wait for a verdict, in this order."""
    story.review("human")
    for name in names:
        story.phase(name, title=f"Title of {name}")
        story.executor(name).waits().commits(f"{name}.txt", f"line one of {name}\nline two")
    story.batty("work", "all", "--parallel", str(len(names)))
    for name in names:
        story.until_waiting(name)
        story.open_door(name)
        story.until(lambda seen, name=name: seen.states[name] == "reviewing", f"{name} to wait", LOAD)  # type: ignore[misc]
    load(story)


def verdicts(story: Story, phase: str) -> list[tuple[str, str]]:
    return [(event["verdict"], event.get("feedback", "")) for event in story.events("reviewed", phase)]


def given(story: Story, person: Attached, phase: str, *wanted: tuple[str, str]) -> None:
    person.expect(lambda: verdicts(story, phase) == list(wanted), LOAD)


def in_a_window(story: Story, *words: str) -> None:
    """Run batty review in a new window, as a person who types it would."""
    line = [sys.executable, "-P", "-m", "batty_tmux", "review", *words]
    environ = [word for key, value in story.env.items() for word in ("-e", f"{key}={value}")]
    shell = f"{shlex.join(line)}; echo ended with $?; exec cat"
    story.tmux("new-window", "-c", str(story.repo), *environ, "sh", "-c", shell)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (250, 60)])
def test_it_looks_as_it_should(story: Story, columns: int, rows: int) -> None:
    """Rule: packet, diff and log at two sizes, to the letter; what differs by machine is left out."""
    story.review("human")
    story.gate("echo checked; test ! -e broken")
    story.phase("alpha", title="A greeting", goal="Greet whoever comes in, in `greet.py`.")
    story.task("alpha", 1, "Write the greeting")
    executor = story.executor("alpha").commits("greet.py", "def greet():\n    return 'hello'")
    executor.commits("Makefile", "all:").waits()
    story.batty("work", "all")
    # a supervisor that looks late would have nothing to tell of its agent, and all below that line would be elsewhere
    eventually(lambda: told(story.repo / ".git/batty/runs/001/alpha"), "a word on its agent", LOAD)
    story.open_door("alpha")
    story.until(lambda seen: seen.states["alpha"] == "reviewing", "alpha to wait", LOAD)
    load(story)
    golden = (GOLDEN / f"review-{columns}x{rows}.txt").read_text().removesuffix("\n").split(f"\n{'=' * columns}\n")
    with story.attached(columns, rows) as person:
        open_reader(person, "Review of alpha: A greeting")
        for key, wanted in zip(("", "d", "g"), golden, strict=True):
            person.press(key)
            with suppress(AssertionError):
                # drawn in pieces on a busy machine
                person.expect(lambda wanted=wanted: inside(person) == wanted, LOAD)  # type: ignore[misc]
            assert inside(person) == wanted


@pytest.mark.timeout(300)
def test_merging_takes_three_keys_and_the_next_is_offered(story: Story) -> None:
    """Rule: prefix + B, r, m. A second m merges nothing that was not shown; Enter shows the next; then it is gone."""
    waiting(story, "alpha", "beta")
    with story.attached() as person:
        open_reader(person, "Review of alpha")
        person.expect("1 of 2")
        person.press("m")
        person.expect("alpha is in the merge queue. beta waits too", LOAD)
        person.press("m")
        person.expect("alpha has its verdict")
        assert verdicts(story, "beta") == []
        person.press("\r")
        person.expect("Review of beta", LOAD)
        person.expect("m merge", LOAD)
        person.press("m")
        given(story, person, "beta", ("merge", ""))
        person.expect_gone("Review of beta")
    story.until(lambda seen: seen.all_are("landed"), "both landed", LOAD)
    story.assert_proved("alpha", "beta")


@pytest.mark.timeout(300)
def test_what_has_moved_is_not_merged(story: Story) -> None:
    """Rule: a verdict is for the commit that was shown; a commit since then is refused in words, and nothing queued."""
    waiting(story, "alpha")
    there = story.worktree("alpha")
    with story.attached() as person:
        open_reader(person, "Review of alpha")
        story.git("commit", "--quiet", "--allow-empty", "--message", "Later", cwd=there)
        person.press("m")
        person.expect("alpha has moved since it was read", LOAD)
        person.press("e")
        person.expect("why is it held?")
        person.press("Ask Bob\r")
        person.expect("alpha has moved since it was read", LOAD)
    assert verdicts(story, "alpha") == []
    head = story.git("rev-parse", "HEAD~1", cwd=there)
    refused = story.batty("review", "alpha", "--merge", "--at", head)
    assert (refused.exit, "has moved since it was read" in refused.err) == (1, True)
    assert story.batty("review", "alpha", "--merge", "--at", story.git("rev-parse", "HEAD", cwd=there)[:9]).exit == 0
    story.until(lambda seen: seen.states["alpha"] == "landed", "alpha to land", LOAD)


@pytest.mark.timeout(300)
def test_it_is_sent_back_by_a_line_or_from_an_editor(story: Story) -> None:
    """Rule: w takes a line, which Escape leaves; W opens $EDITOR, and what is below the cut is not sent."""
    editor = story.root / "editor"
    editor.write_text(
        f'#!/bin/sh\ngrep -q "{CUT}" "$1" || exit 1\n{{ echo "Use tabs."; cat "$1"; }} >"$1.new"\nmv "$1.new" "$1"\n'
    )
    editor.chmod(0o755)
    story.env["EDITOR"] = str(editor)
    waiting(story, "alpha", "beta")
    with story.attached() as person:
        open_reader(person, "Review of alpha")
        person.press("w")
        person.expect("what is to be done?")
        person.press("Never mind\x1b")
        person.expect_gone("what is to be done?")
        person.press("w")
        person.expect("what is to be done?")
        person.press("Add a #(test) [bold]\r")
        given(story, person, "alpha", ("rework", "Add a #(test) [bold]"))
        person.expect("beta waits too", LOAD)
        person.press("\r")
        person.expect("Review of beta", LOAD)
        person.expect("m merge", LOAD)
        person.press("W")
        given(story, person, "beta", ("rework", "Use tabs."))
    eventually(lambda: len(story.starts("beta")) == 2, "beta to start again", LOAD)
    assert "Use tabs." in story.starts("beta")[1].read_text()


@pytest.mark.timeout(300)
def test_what_would_be_refused_is_not_offered(story: Story) -> None:
    """Rule: no key is shown for it, and pressing it says why; here, while the executor is at work."""
    story.review("human")
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text").waits()
    story.batty("work", "all")
    story.until_waiting("alpha")
    with story.attached() as person:
        in_a_window(story, "alpha")
        person.expect("w rework", LOAD)
        assert "m merge" not in person.text
        person.expect("no merge: its executor is at work")
        person.press("m")
        person.expect("alpha cannot be merged: its executor is at work")
        person.press("q")
        person.expect("ended with 0", LOAD)
    story.open_door("alpha")


@pytest.mark.timeout(300)
def test_a_merge_of_what_is_not_proved_runs_the_gate_in_sight(story: Story) -> None:
    """Rule: a held phase that a person has mended is gated first, and the screen says so; q ends the gate."""
    waiting_at = story.gate_waits_at("mended")
    waiting(story, "alpha")
    there = story.worktree("alpha")
    story.batty("review", "alpha", "--escalate", "Mend it")
    story.git("commit", "--quiet", "--allow-empty", "--message", "Later", cwd=there)
    (there / "mended").touch()
    story.git("add", "mended", cwd=there)
    story.git("commit", "--quiet", "--message", "Mend", cwd=there)
    with story.attached() as person:
        in_a_window(story, "alpha")
        person.expect("m merge", LOAD)
        person.press("m")
        person.expect("the gate runs on", LOAD)
        person.expect(waiting_at.exists, LOAD)
        person.press("q")
        person.expect("was ended before it had a verdict", LOAD)
        assert verdicts(story, "alpha") == [("escalate", "Mend it")]
        story.open_door("gate")
        person.press("m")
        person.expect("ended with 0", LOAD)
    story.until(lambda seen: seen.states["alpha"] == "landed", "alpha to land", LOAD)


@pytest.mark.timeout(300)
def test_its_window_is_one_key_away(story: Story) -> None:
    """Rule: o leaves the reader and brings its phase's window to whoever pressed it, from the popup too."""
    waiting(story, "alpha")
    launched = story.events("launched", "alpha")[-1]
    session, window = launched["session"], launched["window"]
    with story.attached() as person:
        open_reader(person, "Review of alpha")
        person.press("o")
        person.expect(lambda: story.tmux("display-message", "-p", "-t", session, "#{window_id}") == window, LOAD)
        person.expect_gone("Review of alpha")
    assert verdicts(story, "alpha") == []


HOSTILE = (
    "#(touch pwned) #{session_name} #[fg=red] $(touch pwned) [bold red]markup[/] `id` "
    "\x1b]2;stolen\x07\x1b[31mred\x1b[8m"
)
"""What tmux, a shell, Rich or a terminal would obey."""
UNSEEN = "admin = False \u202e # \u2066 the check \u2069 \u200b"
"""What would be read in another order than it is run, or not be seen."""


@pytest.mark.timeout(300)
def test_nothing_that_was_written_is_obeyed(story: Story) -> None:
    """Rule: file names, subjects, diffs, logs, titles: shown as they are, what is unseen by number, run by nobody."""
    story.review("human")
    log = story.root / "log"
    log.write_text(f"{HOSTILE}\n{'y' * 5000}\n{UNSEEN}\n")
    story.gate(f"cat {shlex.quote(str(log))}; test ! -e broken")
    story.phase("alpha", title=HOSTILE, goal=f"Goal {HOSTILE}\n\n{'g' * 5000}")
    name = f"{HOSTILE.replace('/', '_')}.txt"
    story.executor("alpha").commits(name, f"{HOSTILE}\n{'x' * 5000}\n{UNSEEN}\n\x1b[2J\x0bdiff --git\r")
    story.task("alpha", 1, f"Task {HOSTILE} [/bold]")
    story.batty("work", "all")
    story.until(lambda seen: seen.states["alpha"] == "reviewing", "alpha to wait", LOAD)
    load(story)
    with story.attached(200, 60) as person:
        open_reader(person, "Review of alpha")
        before = len(person.raw)
        person.expect("[bold red]markup[/]")
        person.press("d")
        person.expect("\N{SYMBOL FOR ESCAPE}[31mred\N{SYMBOL FOR ESCAPE}[8m")
        person.expect("admin = False <U+202E>")
        person.expect("\N{SYMBOL FOR VERTICAL TABULATION}diff --git\N{SYMBOL FOR CARRIAGE RETURN}")
        person.press("g")
        person.expect("<U+2066> the check <U+2069>")
        person.press("/")
        person.expect("find:")
        person.press("[bold red]\r")
        person.expect("Enter finds the next")
        person.press("\x1b")
        person.expect_gone("Enter finds the next")
        person.press("w")
        person.expect("what is to be done?")
        person.press("#(touch pwned) [bold]\r")
        given(story, person, "alpha", ("rework", "#(touch pwned) [bold]"))
        said = person.raw[before:]
    assert b"\x1b]2;stolen" not in said
    assert b"\xe2\x80\xae" not in said
    assert not list(story.root.rglob("pwned"))
    assert "stolen" not in story.tmux("list-panes", "-a", "-F", "#{pane_title} #{window_name}")


@pytest.mark.timeout(300)
def test_delta_colours_where_it_is_installed(story: Story) -> None:
    """Rule: it is given the harmless text; of what it says only colours are kept; where it fails, it is not missed."""
    place = story.root / "bin"
    place.mkdir(exist_ok=True)
    delta = place / "delta"
    delta.write_text(
        "#!/bin/sh\nprintf '\\033]8;;http://x\\007\\033[2J\\033[35mby delta %s\\033[0m\\n' \"$*\"\n"
        "cat; test ! -e fails\n"
    )
    delta.chmod(0o755)
    story.env["PATH"] = f"{place}{os.pathsep}{story.env['PATH']}"
    waiting(story, "alpha")
    with story.attached() as person:
        open_reader(person, "Review of alpha")
        before = len(person.raw)
        person.press("d")
        person.expect("by delta --paging=never --width=")
        person.expect("+line one of alpha")
        assert {style[0] for style in person.styles("by delta")} == {"magenta"}
        assert b"\x1b]8;" not in person.raw[before:]
        person.press("q")
        person.expect_gone("by delta")
        delta.write_text("#!/bin/sh\nexit 3\n")
        open_reader(person, "Review of alpha")
        person.press("d")
        person.expect("+line one of alpha")
        assert {style[0] for style in person.styles("+line one of alpha")} == {"green"}


def test_a_pipe_and_a_program_are_told_the_same(story: Story) -> None:
    """Rule: without a terminal the packet is Markdown on stdout, and --json has what it is made of, and what may be."""
    waiting(story, "alpha")
    told = story.batty("review", "alpha")
    assert told.out.startswith("# Review of alpha: Title of alpha")
    assert told.out == story.batty("review", "--plain").out
    row = story.batty("review", "alpha", "--json").json
    assert (row["phase"], row["state"], row["refused"], row["waiting"]) == ("alpha", "reviewing", {}, ["alpha"])
    assert row["files"][0]["path"] == "alpha.txt"
    assert row["gate"]["verdict"] == "pass"
    done = story.batty("review", "alpha", "--merge", "--json").json
    assert (done["verdict"], done["head"]) == ("merge", row["head"])
    story.until(lambda seen: seen.states["alpha"] == "landed", "alpha to land", LOAD)
    refused = story.batty("review", "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (1, "nothing-to-review")
