"""Agents that ask, loop, hit a limit, crash and finish: what the policy allows goes through without a person."""

import re
from pathlib import Path

from tests.support.attached import Attached
from tests.support.story import Story

YES = "pytest -q"
"""A command that the standard rules allow."""


def test_four_agents_go_through_without_a_person(story: Story) -> None:
    """Rule: each is answered, nudged, resumed or relaunched by name, everything lands, and the journal explains it."""
    story.settings["patience"] = {"relaunches": 2, "nudges": 1, "idle": "2s"}
    for name in ("asks", "crashes", "limited", "loops"):
        story.phase(name)
    story.claude("asks", [{"do": "ask", "command": YES}, {"do": "ask", "command": "git status"}, {"do": "finish"}])
    # once its question is answered, somebody listens to its hooks
    loop: list[dict[str, object]] = [{"do": "ask", "command": YES}, {"do": "use", "command": "ls missing", "times": 7}]
    story.claude("loops", [*loop, {"do": "hear"}, {"do": "finish"}])
    story.claude("limited", [{"do": "limit", "words": "resets in 2s"}, {"do": "finish"}])
    story.claude("crashes", [{"do": "use", "command": "ls"}, {"do": "crash", "status": 139}], [{"do": "finish"}])

    said = story.batty("work", "all", "--parallel", "4", "--wait")

    assert said.exit == 0, story.told()
    assert sorted(story.status().landed) == ["asks", "crashes", "limited", "loops"]
    first, second = story.heard("asks", "answers")
    # the first may come before its supervisor listens: then the dialog is answered by keys
    assert first in {f"hook allow: {YES}", f"key allow: {YES}"}
    assert second == "hook allow: git status"
    answered = story.events("answered", "asks")
    assert [(e["by"], bool(e["rule"])) for e in answered] == [("policy", True)] * 2
    assert [e["decision"] for e in story.events("prompted", "asks")] == ["answer"] * 2

    assert [e["code"] for e in story.events("stalled", "loops")] == ["loop"]
    nudge = story.events("nudged", "loops")[0]
    assert nudge["why"] == "loop"
    assert story.heard("loops", "messages") == [nudge["text"]]
    assert len(story.events("stalled", "loops")) == 1, "told once, it went on"

    assert story.heard("limited", "answers") == ["limit 1"]
    assert story.events("limited", "limited")[0]["until"]
    assert story.events("limit-over", "limited")[0]["by"] == "clock"
    assert story.heard("limited", "messages") == ["The usage limit is over. Go on where you were."]

    begun, resumed = story.heard("crashes", "sessions")
    assert re.fullmatch(r"begun [0-9a-f-]{36}", begun)
    assert resumed == begun.replace("begun", "resumed")
    assert [e["cause"] for e in story.events("relaunching", "crashes")] == ["crash"]

    assert not [e for e in story.events("answered") if e["by"] == "person"]
    assert not story.events("consulting")


UNHEARD_OF = """\
 Claude would like to reboot the moon

 ❯ 1. Of course
   2. Rather not

 Enter to confirm · Esc to cancel"""  # noqa: RUF001 -- the caret that the agent draws
"""A dialog that no version of any agent has."""


def test_a_dialog_that_nobody_knows_is_shown_at_once_and_never_typed_into(story: Story) -> None:
    """Rule: not even by a rule that fits everything; a person's own choice is taken."""
    story.policy("act", ("(?s).*", "yes"))
    story.phase("alpha")
    story.claude("alpha", [{"do": "paint", "dialog": UNHEARD_OF}, {"do": "finish"}])
    story.batty("work", "all")
    seen = story.until_state(alpha="asking")
    assert "reboot the moon" in seen.says("alpha")
    prompt = story.events("prompted", "alpha")[-1]
    assert (prompt["kind"], prompt["reason"]) == ("unknown", "a dialog that batty does not know")
    pane = story.events("launched", "alpha")[-1]["pane"]
    assert story.heard("alpha", "answers") == []
    story.tmux("send-keys", "-t", pane, "Down")
    story.tmux("send-keys", "-t", pane, "Enter")
    story.until_state(alpha="landed")
    assert story.heard("alpha", "answers") == ["dialog 2"]
    assert not story.events("answered", "alpha")


def test_hooks_that_say_nothing_are_said_to_be_dead_and_the_screen_takes_over(story: Story) -> None:
    """Rule: an agent that works without a report is supervised by its screen, and the journal says so."""
    story.phase("alpha")
    ask = {"do": "ask", "command": YES}
    story.claude("alpha", [{"do": "mute"}, ask, {"do": "rest"}, {"do": "wait"}, ask, {"do": "finish"}])
    story.batty("work", "all")
    story.until(lambda _: story.events("hooks-silent", "alpha"), "the word about its hooks")
    story.open_door("alpha")
    story.until_state(alpha="landed")
    assert story.heard("alpha", "answers") == [f"key allow: {YES}"] * 2
    assert not story.events("hooks-heard", "alpha")


def test_hooks_that_fall_silent_are_not_waited_for(story: Story) -> None:
    """Rule: a dialog of which no hook had told ends the trust in them, though they reported before."""
    story.phase("alpha")
    ask, again = {"do": "ask", "command": YES}, {"do": "ask", "command": "git status"}
    story.claude("alpha", [ask, {"do": "use", "command": "ls"}, {"do": "mute"}, again, {"do": "finish"}])
    assert story.batty("work", "all", "--wait").exit == 0
    assert story.events("hooks-heard", "alpha")
    assert story.events("hooks-silent", "alpha")


def test_a_parked_phase_comes_back_after_the_end_of_tmux(story: Story) -> None:
    """Rule: `batty resume` opens its window again, and its agent goes on with its own conversation."""
    story.phase("alpha")
    story.claude("alpha", [{"do": "limit", "words": "resets in 3h"}], [{"do": "finish"}])
    story.batty("work", "all")
    seen = story.until(lambda seen: "goes on by itself" in seen.says("alpha"), "the limit")
    assert (seen.states["alpha"], len(seen.raw["attention"])) == ("stuck", 0)
    assert seen.says("alpha").startswith("You've hit your session limit")
    story.kill_tmux()
    assert "batty resume" in story.batty("status").out
    assert story.batty("resume").exit == 0
    story.until_state(alpha="landed")
    begun, resumed = story.heard("alpha", "sessions")
    assert resumed == begun.replace("begun", "resumed")


def test_a_command_that_works_in_silence_is_no_rest(story: Story) -> None:
    """Rule: of a program that nothing is known about, what it runs tells; one that only waits counts as at rest."""
    story.settings["patience"] = {"idle": "1s", "nudges": 0}
    story.phase("works")
    story.phase("waits")
    story.executor("works").runs('until test -e "$HOME/enough"; do :; done')
    story.executor("waits").waits()
    story.batty("work", "all", "--parallel", "2")
    story.until(lambda _: story.events("stalled", "waits"), "the word that nothing moves")
    assert not story.events("stalled", "works")
    window = story.events("launched", "works")[-1]["window"]
    assert story.tmux("show-options", "-wv", "-t", window, "@batty_sees") == "working"
    (Path(story.env["HOME"]) / "enough").touch()
    story.open_door("waits")
    story.until_state(works="landed", waits="landed")
    assert not story.events("stalled", "works")


def test_a_key_in_the_executors_pane_holds_its_supervision(story: Story) -> None:
    """Rule: while a person types there nothing is answered for them; once they have stopped for a while, it is."""
    story.settings["patience"] = {"hold": "3s"}
    story.phase("alpha")
    story.claude("alpha", [{"do": "hear"}, {"do": "ask", "command": YES}, {"do": "finish"}])
    story.batty("work", "all")
    story.until(lambda _: story.events("launched", "alpha"), "its window")
    launched = story.events("launched", "alpha")[-1]
    with story.attached() as person:
        story.tmux("select-window", "-t", launched["window"])
        story.tmux("select-pane", "-t", launched["pane"])
        person.expect("accept edits on")
        # a look at who is there, before the first key
        story.until(lambda _: story.events("executor-started", "alpha"), "its executor")
        person.press("g")
        person.expect("❯ g")  # noqa: RUF001 -- the composer's mark
        story.until(lambda _: held(story, person), "the hold")
        assert story.tmux("display-message", "-p", "-t", launched["window"], "#{@batty_hold}") == "you"
        person.press("o\r")
        story.until(lambda _: story.events("prompted", "alpha"), "its question")
        assert story.events("prompted", "alpha")[0]["decision"] == "ask"
        story.until(lambda _: story.events("answered", "alpha"), "the answer after the hold")
    types = [event["event"] for event in story.events("", "alpha")]
    assert types.index("unpaused") < types.index("answered")
    assert story.events("unpaused", "alpha")[0]["by"] == "quiet"
    story.until_state(alpha="landed")
    assert story.heard("alpha", "answers") == [f"key allow: {YES}"]


def held(story: Story, person: Attached) -> bool:
    """Tell whether supervision is on hold; if not yet, press one more key: tmux tells keys by the second."""
    if story.events("paused", "alpha"):
        return True
    person.press("o")
    return False
