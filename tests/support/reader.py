"""A person in front of the reader: the plugin's key, a popup, and what it shows without what differs by machine."""

import re
import shlex
import sys

from batty_tmux.host import files
from tests.support.attached import PREFIX, Attached
from tests.support.story import Story

KEYS = "q leave"
"""Is on the screen as soon as the reader is."""


def load(story: Story) -> None:
    """Load the plugin as tmux's configuration does, with this batty as its command."""
    batty = story.root / "batty"
    env = " ".join(shlex.quote(f"{key}={value}") for key, value in story.env.items())
    # tmux tells a popup which server it is on, and menu.sh who looks on: both must come through
    batty.write_text(
        f'#!/bin/sh\nexec env {env} TMUX="$TMUX" BATTY_CLIENT="$BATTY_CLIENT" '
        f'{shlex.quote(sys.executable)} -P -m batty_tmux "$@"\n'
    )
    batty.chmod(0o755)
    where = story.tmux("display-message", "-p", "#{socket_path},#{pid},0")
    story.run("tmux", "set-option", "-g", "@batty-command", str(batty)).check()
    story.run("sh", str(files.share() / "tmux" / "batty.tmux"), env={"TMUX": where}).check()


def open_reader(person: Attached, shows: str) -> None:
    """Press the two keys that lead there, and wait until a phase is shown."""
    person.expect("phase")
    person.press(PREFIX + "B")
    person.expect("Review...")
    person.press("r")
    person.expect(shows, seconds=60)
    person.expect("m merge", seconds=60)


def inside(person: Attached) -> str:
    """Return what stands in the popup; ids, ages and seconds are made the same for all machines."""
    rows = [line for line in person.lines if line.count("│") >= 2]
    text = "\n".join(row[row.index("│") + 1 : row.rindex("│")].rstrip() for row in rows)
    # how much of it was seen depends on when the supervisor looked
    text = re.sub(r"^- its agent: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\b[0-9a-f]{9,40}\b", lambda found: "0" * len(found[0]), text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "THEN", text)
    text = re.sub(r"index [0-9a-f]{7}\.\.[0-9a-f]{7}", "index 0000000..0000000", text)
    text = re.sub(r" +(\d of \d), \d+[smh]$", r"  \1, AGE", text, flags=re.MULTILINE)
    return re.sub(r"\d+\.\d s\b", "N s", text)
