"""The home window, through a real client on a terminal: what it shows at two sizes, its keys, its ends."""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.attached import Attached
from tests.support.hostile import TITLES
from tests.support.server import eventually
from tests.support.story import Story

GOLDEN = Path(__file__).with_name("dashboard")
SMALL, LARGE = (80, 24), (250, 60)
QUESTION = "Overwrite shop.txt? [y/N]"
KEYS = "q leave"
"""What the line of keys always has."""


def home(story: Story) -> str:
    """Return the id of the home window."""
    rows = story.tmux("list-windows", "-a", "-F", "#{window_id} #{@batty_phase}").splitlines()
    return next(row.split()[0] for row in rows if len(row.split()) == 1)


def dashboard(story: Story) -> tuple[str, ...]:
    """Return the command line that the home window runs."""
    return (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(story.repo), "dashboard")


@contextmanager
def at_home(story: Story, size: tuple[int, int] = SMALL) -> Iterator[Attached]:
    """Sit at a terminal of that size, before the home window."""
    story.tmux("select-window", "-t", home(story))
    socket = Path(story.tmux("display-message", "-p", "#{socket_path}"))
    with Attached(socket, story.env, columns=size[0], rows=size[1]) as person:
        person.expect(KEYS)
        yield person


def here(story: Story) -> str:
    """Return the window that the person looks at."""
    return story.tmux("display-message", "-p", "-t", "shop", "#{window_id}")


def launched(story: Story, phase: str) -> str:
    return str(story.events("launched", phase)[-1]["window"])


def chosen(person: Attached) -> str:
    """Return the line that is drawn in reverse."""
    rows = (row for row, line in enumerate(person.lines) if line.strip() and person.screen.buffer[row][0].reverse)
    return person.lines[next(rows, 0)]


def click(person: Attached, text: str) -> None:
    """Press and let go of the left button on a text."""
    row = next(row for row, line in enumerate(person.lines) if text in line)
    column = person.lines[row].index(text)
    person.press(f"\x1b[<0;{column + 1};{row + 1}M\x1b[<0;{column + 1};{row + 1}m")


def plain(person: Attached) -> str:
    """Return the screen without tmux's own line, ages, object ids and seconds that no two runs share."""
    text = "\n".join(person.lines[:-1])
    text = re.sub(r"(?<= )[ \d]{2}\d[smhd](?= )", "   ~", text)
    text = re.sub(r"\b[0-9a-f]{9}\b", "0" * 9, text)
    return re.sub(r"\d+\.\d s\b", "0.0 s", text).rstrip() + "\n"


def expect_golden(person: Attached, name: str) -> None:
    """Wait until the screen is the one that is kept beside this test."""
    wanted = (GOLDEN / f"{name}.txt").read_text()
    try:
        person.expect(lambda: plain(person) == wanted)
    except AssertionError:
        assert plain(person) == wanted


def one_phase(story: Story) -> None:
    story.phase("alpha", tasks=3)
    story.executor("alpha").asks(QUESTION).commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="asking")


def fifty_phases(story: Story) -> None:
    """One has landed, one waits for a review, one asks, one waits for another; the others can start."""
    story.review("human")
    for number in range(1, 51):
        story.phase(f"phase-{number}", tasks=2, after=["phase-3"] if number == 4 else [], title=f"Title {number}")
    story.executor("phase-1").commits("1.txt", "text")
    story.executor("phase-2").commits("2.txt", "text")
    story.executor("phase-3").asks(QUESTION).commits("3.txt", "text")
    for number, state in ((1, "reviewing"), (2, "reviewing"), (3, "asking")):
        story.batty("work", f"phase-{number}", "--parallel", "3")
        # one after the other, since what waits is listed by age
        story.until_state(**{f"phase-{number}": state})
    story.batty("review", "phase-1", "--merge")
    story.until_state(**{"phase-1": "landed"})


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "250x60"])
def test_the_screen_with_one_phase(story: Story, size: tuple[int, int]) -> None:
    """Rule: state, task, progress, age, what it says, what needs a person, the command and the keys, at both sizes."""
    one_phase(story)
    with at_home(story, size) as person:
        expect_golden(person, f"1-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "250x60"])
def test_the_screen_with_fifty_phases(story: Story, size: tuple[int, int]) -> None:
    """Rule: all of them are there or can be scrolled to, and none pushes out what needs a person, or what landed."""
    fifty_phases(story)
    with at_home(story, size) as person:
        expect_golden(person, f"50-{size[0]}x{size[1]}")
        person.press("\x1b[F")
        person.expect("phase-50")
        person.expect(lambda: "phase-50" in chosen(person))


def test_what_happens_is_drawn_when_it_happens_and_the_chosen_phase_stays_chosen(story: Story) -> None:
    """Rule: a card that is moved and a prompt that is answered are seen without a key; the selection follows."""
    for name in ("alpha", "beta"):
        story.phase(name, tasks=2)
    story.executor("alpha").commits("a.txt", "text").waits().asks(QUESTION)
    story.executor("beta").waits().commits("b.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    with at_home(story) as person:
        person.expect("██░░░ 1/2  alpha")
        person.press("\x1b[B")
        person.expect(lambda: "beta" in chosen(person))
        story.open_door("alpha")
        person.expect("needs you 1")
        person.expect(QUESTION)
        assert "beta" in chosen(person)
        story.phase("aaa")
        story.git("add", "--all")
        story.git("commit", "--quiet", "--message", "One more")
        person.expect("aaa")
        person.expect(lambda: "beta" in chosen(person))


def test_a_size_that_changes_is_drawn_at_once(story: Story) -> None:
    """Rule: the screen is laid out anew, from one column to two, without waiting for anything to happen."""
    one_phase(story)
    window = home(story)

    def shown() -> str:
        return story.tmux("capture-pane", "-p", "-t", window)

    story.tmux("resize-window", "-t", window, "-x", "80", "-y", "24")
    eventually(lambda: KEYS in shown() and "needs you 1 ─" in shown(), "the screen")
    assert not any("phases 1" in line and "needs you" in line for line in shown().splitlines())
    story.tmux("resize-window", "-t", window, "-x", "200", "-y", "40")
    eventually(lambda: any("phases 1" in line and "needs you" in line for line in shown().splitlines()), "two columns")


def test_keys_lead_to_windows_and_back(story: Story) -> None:
    """Rule: enter shows the phase's window; what a key cannot do is not offered, and pressed, it says why."""
    story.phase("alpha")
    story.phase("beta", after=["alpha"])
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "alpha")
    story.until_waiting("alpha")
    with at_home(story) as person:
        person.expect("enter go  l log  p pause  q leave")
        person.press("\r")
        eventually(lambda: here(story) == launched(story, "alpha"), "alpha's window")
        story.tmux("select-window", "-t", home(story))
        person.expect(KEYS)
        person.press("a")
        person.expect("✗ nothing is asked now   ↳ next: batty status")
        person.press("\x1b[B")
        person.expect_gone("enter go")
        person.press("\r")
        person.expect("✗ beta has no window")
        person.press("p")
        person.expect("✗ beta is not at work")


def test_the_mouse_chooses_and_goes(story: Story) -> None:
    """Rule: a click chooses a phase, a second one goes to its window; a click on a key is the key."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    for name in ("alpha", "beta"):
        story.until_waiting(name)
    with at_home(story) as person:
        person.expect("beta  working")
        click(person, "beta  working")
        person.expect(lambda: "beta" in chosen(person))
        assert here(story) == home(story)
        # the line of keys is drawn for the phase that is chosen
        person.expect("enter go  l log")
        click(person, "l log")
        person.expect("log of beta")
        person.press("q")
        person.expect("beta  working")
        click(person, "beta  working")
        eventually(lambda: here(story) == launched(story, "beta"), "beta's window")


def test_answer_has_the_terminal_until_it_is_given(story: Story) -> None:
    """Rule: the answer flow is that of `batty answer`, for the oldest that asks; then the dashboard is back."""
    story.phase("alpha")
    story.phase("beta")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.executor("beta").asks(QUESTION).commits("b.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_state(beta="asking")
    with at_home(story) as person:
        person.expect("a answer beta")
        person.press("a")
        person.expect("answer: (q leaves it open)")
        person.press("y\r")
        person.expect(KEYS)
        eventually(lambda: story.answers("beta") == ["y"], "the answer")
        person.expect_gone("needs you")


def test_pause_log_and_help(story: Story) -> None:
    """Rule: p holds supervision and takes it back, l tells what happened as it happens, ? what the keys do."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "alpha")
    story.until_waiting("alpha")
    with at_home(story) as person:
        person.press("p")
        person.expect("p unpause")
        person.expect("! alpha is paused")
        assert [event["by"] for event in story.events("paused", "alpha")] == ["person"]
        person.press("l")
        person.expect("alpha: its window is open")
        story.batty("unpause", "alpha")
        person.expect("supervision goes on")
        person.press("q")
        person.expect("p pause")
        person.press("?")
        person.expect("leave; nothing stops")
        person.press("q")
        person.expect_gone("leave; nothing stops")
        person.expect(KEYS)


def test_review_reads_the_packet_and_comes_back(story: Story) -> None:
    """Rule: r opens the reader of `batty review` on what has waited for the longest; leaving it leads back."""
    story.review("human")
    story.phase("alpha")
    story.phase("beta", after=["alpha"])
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "alpha")
    story.until_state(alpha="reviewing")
    with at_home(story) as person:
        person.press("\x1b[B")
        person.expect("r review alpha")
        person.press("r")
        person.expect("m merge")
        person.press("q")
        person.expect("r review alpha")
        assert "beta" in chosen(person)


def test_leaving_leaves_a_shell_and_everything_running(story: Story) -> None:
    """Rule: q, ^C and SIGKILL end the dashboard alone: a shell is there, from which it can be opened again."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "alpha")
    story.until_waiting("alpha")
    again = shlex.join(dashboard(story))
    with at_home(story) as person:
        person.press("q")
        person.expect("the phases go on without this")
        person.press("echo $((6*7))\r")
        person.expect("42")
        person.press(f"clear; {again}\r")
        person.expect(KEYS)
        person.press("\x03")
        person.expect("the phases go on without this")
        person.press(f"clear; {again}\r")
        person.expect(KEYS)
        own = story.run("pgrep", "-f", f"^{again}$").stdout.split()
        story.run("kill", "-9", *own)
        person.expect("Killed")
    assert story.status().states == {"alpha": "working"}
    assert launched(story, "alpha") in story.tmux("list-windows", "-a", "-F", "#{window_id}")


def test_without_a_terminal_the_status_is_printed_once(story: Story) -> None:
    """Rule: in a pipe `batty dashboard`, and `batty status --watch`, say what `batty status` says, and end with 0."""
    one_phase(story)
    wanted = story.batty("status")
    for words in (("dashboard",), ("status", "--watch")):
        said = story.batty(*words)
        assert (said.exit, words_of(said.out)) == (0, words_of(wanted.out))


def words_of(text: str) -> list[str]:
    """Return the words of a table, whose ages differ."""
    return re.sub(r"\b\d+[sm]\b", "~", text).split()


def test_a_git_that_does_not_answer_stops_no_key(story: Story) -> None:
    """Rule: while a look hangs, keys work, and no second look is begun beside it; afterwards all is shown."""
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("beta")
    slow, asked = story.root / "slow", story.root / "asked"
    slow.mkdir()
    real = story.run("sh", "-c", "command -v git").stdout.strip()
    wrapper = slow / "git"
    hang = f"[ ! -e {slow}/on ] || {{ echo >>{asked}; read -r _ <{slow}/door; }}"
    wrapper.write_text(f'#!/bin/sh\n{hang}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    os.mkfifo(slow / "door")
    door = os.open(slow / "door", os.O_RDWR | os.O_NONBLOCK)
    words = ("env", f"PATH={slow}{os.pathsep}{story.env['PATH']}", *dashboard(story))
    story.tmux("respawn-pane", "-k", "-t", home(story), shlex.join(words))
    with at_home(story) as person:
        person.expect("beta  working")
        (slow / "on").touch()
        story.batty("pause", "alpha")
        eventually(asked.exists, "a look that hangs")
        story.batty("pause", "beta")
        for key, name in (("\x1b[B", "beta"), ("\x1b[A", "alpha"), ("\x1b[B", "beta")):
            person.press(key)
            person.expect(lambda name=name: name in chosen(person))  # type: ignore[misc]
        assert asked.read_text() == "\n"
        (slow / "on").unlink()
        os.write(door, b"\n")
        person.expect("! beta is paused")
    os.close(door)


def test_the_end_of_tmux_is_the_end_of_the_dashboard(story: Story) -> None:
    """Rule: nothing is left behind, and nothing is broken: the next command goes on."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "alpha")
    story.until_waiting("alpha")
    with at_home(story) as person:
        person.expect("alpha working")
    story.kill_tmux()
    words = f"--repo {story.repo} dashboard$"
    eventually(lambda: not story.run("pgrep", "-f", words).stdout, "the end of the dashboard")
    assert story.batty("status").exit == 0


HOSTILE = (
    *TITLES,
    "[bold red]x[/] [@click=app.leave]y[/] [link='https://example.org']z",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil \N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} \N{ARABIC LETTER BEH}",
)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "250x60"])
def test_no_title_runs_styles_or_moves_anything(story: Story, size: tuple[int, int]) -> None:
    """Rule: whatever a board says is shown as letters in its own cell, and every line still begins as it should."""
    for number, title in enumerate(HOSTILE, 10):
        story.phase(f"h{number}", title=title)
    story.phase("h00")
    story.task("h00", 1, HOSTILE[-2] + HOSTILE[-1] + HOSTILE[3] + HOSTILE[10])
    story.executor("h00").asks(r"Go \033]52;c;eA==\007 [bold]on[/] #(touch pwned)? [y/N]").commits("a.txt", "text")
    story.batty("work", "h00")
    story.until_state(h00="asking")
    with at_home(story, size) as person:
        person.expect("needs you 1")
        for number, _ in enumerate(HOSTILE, 10):
            person.press("\x1b[B")
            person.expect(lambda name=f"h{number}": chosen(person).startswith(f"· {name} ready "))  # type: ignore[misc]
        if size == LARGE:
            person.expect("[bold red]x[/] [@click=app.leave]y[/]")
        assert person.styles("· h10 ready") == person.styles("· h15 ready")
        assert all(len(line) <= size[0] for line in person.lines)
        assert b"\x1b]52;" not in person.raw
        assert b"\x1b]2;t" not in person.raw
        assert b"\xe2\x80\xae" not in person.raw
        person.expect(KEYS)
    assert not list(story.root.rglob("pwned"))


def test_no_colour_where_none_is_wanted(story: Story) -> None:
    """Rule: with NO_COLOR set there is none, and the chosen line is still told from the others."""
    one_phase(story)
    story.tmux("respawn-pane", "-k", "-t", home(story), "-e", "NO_COLOR=1")
    with at_home(story) as person:
        person.expect("needs you 1")
        rows = [n for n, line in enumerate(person.lines[:-1]) if line]
        assert {person.screen.buffer[row][column].fg for row in rows for column in range(80)} == {"default"}
        assert "alpha" in chosen(person)
