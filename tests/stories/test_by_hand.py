"""A whole run from the menu to the base: by keys alone, and by the mouse alone."""

import pytest

from tests.support.attached import PREFIX, Attached
from tests.support.reader import load
from tests.support.story import Story

LOAD = 90
"""Seconds: a popup starts Python, and the machine may be busy."""


def at_home(story: Story) -> None:
    """Two phases, one of which asks; a person in their own tmux, in the repository, with the plugin."""
    story.review("human")
    for name in ("alpha", "beta"):
        story.phase(name, title=f"Title of {name}")
    story.executor("alpha").asks("Shall I go on? [y/n]").commits("a.txt", "a")
    story.executor("beta").commits("b.txt", "b")
    assert story.batty("status").exit == 0
    story.tmux("new-session", "-d", "-s", "mine", "-c", str(story.repo), "exec cat")
    story.tmux("set-option", "-g", "status-right", "#{batty_status}")
    load(story)


def until_reviewing(story: Story, *names: str) -> None:
    story.until(lambda seen: all(seen.states[name] == "reviewing" for name in names), "all to wait for a verdict", LOAD)


def landed(story: Story) -> None:
    seen = story.until(lambda seen: seen.all_are("landed"), "both landed", LOAD)
    story.assert_proved(*seen.landed)


@pytest.mark.timeout(300)
def test_keys_alone_lead_from_the_menu_to_the_base(story: Story) -> None:
    """Rule: launched, asked, answered, reviewed and landed, and no command was typed."""
    at_home(story)
    with story.attached() as person:
        person.expect("[mine]")
        person.press(f"{PREFIX}B")
        person.expect("Launch all phases", LOAD)
        person.press("L")
        person.expect("any key closes this", LOAD)
        person.press(" ")
        person.expect_gone("any key closes this")
        story.until(lambda seen: seen.states["alpha"] == "asking", "alpha to ask", LOAD)
        person.expect("batty needs you", LOAD)
        person.press(f"{PREFIX}B")
        person.expect("Answer...", LOAD)
        person.press("a")
        person.expect("Shall I go on?", LOAD)
        person.press("y\r")
        person.expect_gone("Shall I go on?")
        until_reviewing(story, "alpha", "beta")
        person.press(f"{PREFIX}B")
        person.expect("Review...", LOAD)
        person.press("r")
        person.expect("of 2", LOAD)
        person.expect("m merge", LOAD)
        person.press("m")
        person.expect("is in the merge queue", LOAD)
        person.press("\r")
        person.expect("Review of", LOAD)
        person.expect("m merge", LOAD)
        person.press("m")
        person.expect_gone("Review of")
        landed(story)


@pytest.mark.timeout(300)
def test_the_mouse_alone_leads_from_the_menu_to_the_base(story: Story) -> None:
    """Rule: as by keys; a rule of the policy answers the question, since an answer is typed."""
    story.policy("act", ("Shall I go on", "y"))
    at_home(story)
    for option, value in (("mouse", "on"), ("status-right", "CLICK HERE")):
        story.tmux("set-option", "-g", option, value)
    with story.attached() as person:
        chosen(person, "Launch all phases")
        person.expect("any key closes this", LOAD)
        until_reviewing(story, "alpha", "beta")
        chosen(person, "Review...")
        person.expect("1 of 2", LOAD)
        person.expect("m merge", LOAD)
        person.click("m merge")
        person.expect("is in the merge queue", LOAD)
        person.click("Enter next")
        person.expect("1 of 1", LOAD)
        person.expect("m merge", LOAD)
        person.click("m merge")
        person.expect_gone("Review of")
        landed(story)
        chosen(person, "Dashboard")
        person.expect("landed 2", LOAD)


def chosen(person: Attached, entry: str) -> None:
    """Click on the status line, then on an entry of the menu."""
    person.expect("CLICK HERE")
    person.click("CLICK HERE")
    person.expect(entry, LOAD)
    person.click(entry)
