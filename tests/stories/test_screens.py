"""The menu, the answers and the status line to the letter, at two sizes; the other screens have tests of their own."""

import re
from pathlib import Path

import pytest

from tests.support.attached import PREFIX, Attached
from tests.support.reader import load
from tests.support.story import Story

GOLDEN = Path(__file__).parent / "golden"
LOAD = 90
"""Seconds: a popup starts Python, and the machine may be busy."""
HOSTILE = "it's #(touch pwned) #{session_name} #[fg=red]x [bold]b[/] שלום " + "long " * 1000


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (250, 60)])
def test_they_look_as_they_should(story: Story, columns: int, rows: int) -> None:
    """Rule: what is offered and asked, with a title and a task that are code to whoever reads them; nothing runs."""
    story.review("human")
    story.phase("alpha", title=HOSTILE)
    story.task("alpha", 1, HOSTILE)
    story.executor("alpha").waits().asks("Shall I go on? [y/n]").commits("a.txt", "a")
    story.batty("work", "all")
    story.until_waiting("alpha")
    story.tmux("set-option", "-g", "status-right", "#{batty_status}")
    story.tmux("set-option", "-g", "status-right-length", "120")
    load(story)
    launched = story.events("launched", "alpha")[-1]
    with story.attached(columns, rows) as person:
        story.open_door("alpha")
        story.until_state(alpha="asking")
        story.tmux("select-window", "-t", launched["window"])
        person.expect("asking", LOAD)
        person.press(f"{PREFIX}B")
        person.expect(lambda: "Stop..." in person.text and "┘" in person.text, LOAD)
        shown = [boxed(person)]
        person.press("a")
        person.expect("Shall I go on?", LOAD)
        person.expect("answer: ", LOAD)
        shown.append(boxed(person))
        person.press("q\r")
        person.expect_gone("answer: ")
        # what follows is tmux's own: the host's name and the time
        shown.append(person.lines[-1].partition('  "')[0])
    told = f"\n{'=' * columns}\n".join(shown) + "\n"
    golden = GOLDEN / f"screens-{columns}x{rows}.txt"
    assert told == golden.read_text()
    assert not list(story.root.rglob("pwned"))


def boxed(person: Attached) -> str:
    """Return what stands in a box, with its ages and days left out."""
    rows = [re.search("[┌│├└].*[┐│┤┘]", line) for line in person.lines]
    text = "\n".join(row[0][:-1].rstrip() for row in rows if row is not None)
    return re.sub(r"\d{4}-\d\d-\d\d", "THE-DAY", re.sub(r"\b\d+s:", "AGE:", text))
