"""What waits for a person reaches one, once; what a person pauses stays paused; one popup settles what is asked."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from batty_tmux.core.events import Prompted
from batty_tmux.drive.project import Project
from batty_tmux.host import files
from batty_tmux.names import PhaseId
from tests.support.attached import PREFIX, Attached
from tests.support.server import eventually
from tests.support.story import Story

QUESTION = "Overwrite #(touch pwned) shop.txt? [y/N]"


def load(story: Story) -> None:
    """Load the plugin as tmux's configuration does, with this batty as its command."""
    batty = story.root / "batty"
    env = " ".join(shlex.quote(f"{key}={value}") for key, value in story.env.items())
    python = shlex.quote(sys.executable)
    batty.write_text(f'#!/bin/sh\nexec env {env} {python} -P -m batty_tmux "$@"\n')
    batty.chmod(0o755)
    where = story.tmux("display-message", "-p", "#{socket_path},#{pid},0")
    story.run("tmux", "set-option", "-g", "@batty-command", str(batty)).check()
    story.run("sh", str(files.share() / "tmux" / "batty.tmux"), env={"TMUX": where}).check()


def open_answers(person: Attached) -> None:
    person.expect("phase")
    person.press(PREFIX + "B")
    person.expect("Answer...")
    person.press("a")


def hooked(story: Story) -> Path:
    """Have the user's hook write down what is newest; it is set before anything waits."""
    record = story.root / "hooked"
    line = f"run-shell -b \"echo '#{{@batty_newest}}' >>{record}\""
    story.tmux("set-hook", "-g", "@batty-attention", line)
    return record


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def window(story: Story, phase: str, what: str) -> str:
    """Return what tmux makes of a format for a phase's window."""
    return story.tmux("display-message", "-p", "-t", story.events("launched", phase)[-1]["window"], what)


def test_the_users_hook_runs_once_for_each_thing(story: Story) -> None:
    """Rule: not again for the same one, whoever looks and however often its supervisor is started again."""
    story.phase("alpha")
    story.executor("alpha").waits().asks(QUESTION).asks("Which colour?").waits().commits("a.txt", "text")
    story.batty("work", "all")
    record = hooked(story)
    story.until_waiting("alpha")
    story.open_door("alpha")
    story.until_state(alpha="asking")
    eventually(lambda: lines(record) == ["alpha asking"], "the hook")
    before = len(story.events())
    story.kill(9, "supervisor of alpha")
    story.batty("status")
    below = story.events("launched", "alpha")[-1]["orchestrator"]
    eventually(lambda: "batty supervises" in story.tmux("capture-pane", "-p", "-t", below), "the next supervisor")
    eventually(lambda: window(story, "alpha", "#{@batty_state}") == "asking", "its first look")
    assert len(story.events()) == before
    story.batty("answer", "alpha", "n")
    story.until(lambda seen: "Which colour?" in seen.says("alpha"))
    eventually(lambda: len(lines(record)) >= 2, "the hook of the second question")
    assert lines(record) == ["alpha asking", "alpha asking"]
    assert window(story, "alpha", "#{@batty_waiting}") == "1"


def test_a_bell_marks_the_window_and_status_has_the_age(story: Story) -> None:
    """Rule: tmux flags the window of what waits; `batty status` tells age, reason, command and key of each."""
    story.phase("alpha")
    story.executor("alpha").asks(QUESTION).commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="asking")
    eventually(lambda: window(story, "alpha", "#{window_bell_flag}") == "1", "the flag")
    assert "(prefix" not in story.batty("status").out
    story.tmux("set-option", "-g", "@batty-key", "M-b")
    load(story)
    told = story.batty("status").out
    assert "(no rule answers this)" in told
    assert "↳ batty answer alpha   (prefix + M-b, a)" in told
    (row,) = story.status().raw["attention"]
    assert (row["phase"], row["state"], row["next"], row["menu"]) == ("alpha", "asking", "batty answer alpha", "a")
    assert row["question"] == QUESTION
    assert row["seconds"] >= 0


def test_no_bell_where_none_is_wanted(story: Story) -> None:
    """Rule: attention.bell = false; the hook and the count are as before."""
    story.settings["attention"] = {"bell": False}
    story.phase("alpha")
    story.executor("alpha").asks(QUESTION).commits("a.txt", "text")
    story.batty("work", "all")
    eventually(lambda: window(story, "alpha", "#{@batty_waiting}") == "1", "the count")
    assert window(story, "alpha", "#{window_bell_flag}") == "0"


def test_a_notification_reaches_the_users_terminal_with_nothing_of_the_agents(story: Story) -> None:
    """Rule: one sequence for each thing that waits, in batty's words, to whatever window the user looks at."""
    story.settings["attention"] = {"desktop": "osc"}
    story.phase("alpha")
    story.executor("alpha").waits().asks(r"Go \033]52;c;eA==\007 on? [y/n]").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_waiting("alpha")
    with story.attached() as person:
        story.tmux("new-window", "-n", "elsewhere", "exec cat")
        person.expect("elsewhere")
        seen = len(person.raw)
        story.open_door("alpha")
        person.expect(lambda: b"\033]9;batty: alpha of shop is asking\a" in person.raw)
        story.until_state(alpha="asking")
        said = person.raw[seen:]
    assert said.count(b"\033]9;") == 1
    assert b"]52;" not in said
    assert b" on? [y/n]" not in said


def test_what_cannot_be_delivered_is_said_once(story: Story) -> None:
    """Rule: a missing notify-send is told where the user reads, not for each thing, and stops nothing."""
    story.settings["attention"] = {"desktop": "notify-send"}
    story.env["PATH"] = os.pathsep.join(p for p in story.env["PATH"].split(os.pathsep) if not _has(p, "notify-send"))
    story.phase("alpha")
    story.executor("alpha").asks("One? [y/n]").asks("Two? [y/n]").commits("a.txt", "text")
    story.batty("work", "all")
    story.until(lambda seen: "One?" in seen.says("alpha"))
    story.batty("answer", "alpha", "y")
    story.until(lambda seen: "Two?" in seen.says("alpha"))
    below = story.events("launched", "alpha")[-1]["orchestrator"]
    eventually(lambda: "Two?" in story.tmux("capture-pane", "-p", "-J", "-t", below), "the second question")
    assert story.tmux("capture-pane", "-p", "-J", "-t", below).count("notify-send is not installed") == 1
    story.batty("answer", "alpha", "y")
    story.until_state(alpha="landed")


def _has(folder: str, program: str) -> bool:
    return (Path(folder) / program).exists()


def test_a_pause_is_journaled_once_and_seen_until_it_is_taken_back(story: Story) -> None:
    """Rule: `batty pause` and `unpause` may be said twice; window, `status` and journal agree."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "all")
    story.until_waiting("alpha")
    assert "alpha is paused\n" in story.batty("pause", "alpha").err
    assert "alpha is paused already" in story.batty("pause", "alpha").err
    assert window(story, "alpha", "#{@batty_hold}") == "paused"
    assert "! alpha is paused   ↳ batty unpause alpha" in story.batty("status").out
    assert "alpha is supervised again" in story.batty("unpause", "alpha").err
    assert "nothing was on hold" in story.batty("unpause", "alpha").err
    assert window(story, "alpha", "#{@batty_hold}") == ""
    assert [(e["event"], e["by"]) for e in story.events() if e["event"] in {"paused", "unpaused"}] == [
        ("paused", "person"),
        ("unpaused", "person"),
    ]
    story.open_door("alpha")
    story.until_state(alpha="landed")
    refused = story.batty("pause", "alpha")
    assert (refused.exit, "alpha is not at work" in refused.err) == (1, True)


def test_a_pause_without_a_name_is_for_the_window_one_is_in(story: Story) -> None:
    """Rule: found by the window, wherever its panes have gone; outside of a phase's window a name is needed."""
    story.phase("alpha")
    story.phase("beta")
    for name in ("alpha", "beta"):
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    for name in ("alpha", "beta"):
        story.until_waiting(name)
    assert story.batty("pause").exit == 2
    where = story.tmux("display-message", "-p", "#{socket_path},#{pid},0")
    for pane in (story.events("launched", "beta")[-1][role] for role in ("pane", "orchestrator")):
        told = story.run(
            sys.executable,
            "-P",
            "-m",
            "batty_tmux",
            "pause",
            cwd=Path("/"),
            env={"TMUX": where, "TMUX_PANE": pane},
        )
        assert "beta is paused" in told.stderr
    assert [e["phase"] for e in story.events("paused")] == ["beta"]


def test_the_keys_pause_the_phase_whose_window_is_in_front(story: Story) -> None:
    """Rule: prefix + P and prefix + R act on the window they are pressed in, and the status line shows it."""
    story.phase("alpha")
    story.executor("alpha").waits().commits("a.txt", "text")
    story.batty("work", "all")
    story.until_waiting("alpha")
    load(story)
    with story.attached() as person:
        story.tmux("select-window", "-t", story.events("launched", "alpha")[-1]["window"])
        person.expect("batty supervises alpha")
        person.press(PREFIX + "P")
        person.expect("supervision of this phase is paused")
        person.expect("(paused)")
        person.press(PREFIX + "R")
        person.expect("supervision of this phase goes on")
        person.expect_gone("(paused)")
    assert [e["event"] for e in story.events(phase="alpha") if "paused" in e["event"]] == ["paused", "unpaused"]


@pytest.fixture
def two(story: Story) -> Story:
    """Two phases that ask, alpha first."""
    story.phase("alpha")
    story.phase("beta")
    story.executor("alpha").waits().asks(QUESTION).commits("a.txt", "text")
    story.executor("beta").waits().asks("Which colour?").commits("b.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    for name in ("alpha", "beta"):
        story.until_waiting(name)
        story.open_door(name)
        story.until_state(**{name: "asking"})
    return story


def test_the_popup_settles_what_is_asked_the_oldest_first(two: Story) -> None:
    """Rule: prefix + B, a: the list, the prompt with numbered options, an answer, the next one, and it is gone."""
    load(two)
    with two.attached() as person:
        open_answers(person)
        person.expect("2 ask, oldest first")
        person.expect("which one? ")
        assert person.text.index("1  alpha") < person.text.index("2  beta")
        person.press("7\n")
        person.expect("there is no number 7")
        person.press("\n")
        person.expect("  1  yes")
        person.press("\n")
        person.expect("nothing was typed")
        person.press("2\n")
        person.expect("Which colour?")
        person.press("blue\n")
        person.expect_gone("nothing was typed")
    two.until_state(alpha="landed", beta="landed")
    assert (two.answers("alpha"), two.answers("beta")) == (["n"], ["blue"])
    assert [e["by"] for e in two.events("answered")] == ["person", "person"]
    assert not list(two.root.rglob("pwned"))


def test_leaving_the_popup_leaves_the_question_open(two: Story) -> None:
    """Rule: q types nothing, and ends it at once."""
    load(two)
    with two.attached() as person:
        open_answers(person)
        person.expect("2 ask, oldest first")
        person.expect("which one? ")
        person.press("2\n")
        person.expect("answer: ")
        person.press("q\n")
        person.expect_gone("answer: ")
    assert two.events("answered") == []
    assert two.status().states == {"alpha": "asking", "beta": "asking"}


def test_without_a_phase_the_oldest_question_is_meant(two: Story) -> None:
    """Rule: in a pipe it is shown, and answered only with a name; nothing is suggested, so nothing is accepted."""
    shown = two.batty("answer")
    assert QUESTION in shown.out
    assert "↳ next: batty answer alpha TEXT" in shown.err
    refused = two.batty("answer", "--accept")
    assert (refused.exit, "suggests no answer to what alpha asks" in refused.err) == (1, True)
    assert two.batty("answer", "alpha", "y", "--accept").exit == 2
    assert two.events("answered") == []


def suggests(story: Story, phase: str, answer: str) -> None:
    """Have the policy suggest an answer to what is asked: the same prompt, met again with another outcome."""
    met = story.events("prompted", phase)[-1]
    name, number = PhaseId(phase), met["key"].partition("-")[2]
    again = Prompted(
        run=met["run"],
        phase=name,
        key=f"9-{number}",
        kind=met["kind"],
        question=met["question"],
        text=met["text"],
        reason="suggested",
        would=answer,
        decision="suggest",
    )
    Project.around(story.repo).place.records.append(again)


def test_a_suggestion_is_taken_with_one_key(two: Story) -> None:
    """Rule: it is shown; Enter in the popup types it, as `--accept` does. It is typed as it is, a number too."""
    suggests(two, "alpha", "1")
    suggests(two, "beta", "blue")
    accepted = two.batty("answer", "beta", "--accept")
    assert "✓ answered beta: blue" in accepted.err
    load(two)
    with two.attached() as person:
        open_answers(person)
        person.expect("the policy suggests: 1   (Enter takes it)")
        person.press("\n")
        person.expect_gone("the policy suggests")
    two.until_state(alpha="landed", beta="landed")
    assert (two.answers("alpha"), two.answers("beta")) == (["1"], ["blue"])


def test_what_changed_while_somebody_thought_gets_no_answer(two: Story) -> None:
    """Rule: an answer is for what was shown; where the phase asks something else by then, nothing is typed."""
    load(two)
    with two.attached() as person:
        open_answers(person)
        person.expect("2 ask, oldest first")
        person.expect("which one? ")
        person.press("2\n")
        person.expect("answer: ")
        two.batty("answer", "beta", "red")
        person.press("blue\n")
        person.expect("beta asks something else by now: nothing was typed")
    two.until_state(beta="landed")
    assert two.answers("beta") == ["red"]
