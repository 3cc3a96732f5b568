"""How long nothing moves is counted in the machine's waking hours."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from batty_tmux.core.events import ExecutorStarted, Launched, Stalled
from batty_tmux.drive import standing
from batty_tmux.drive.post import Post
from batty_tmux.drive.standing import Standing
from batty_tmux.host import clock
from batty_tmux.names import PhaseId, RunId
from tests.support.desk import Desk

NIGHT = timedelta(hours=9)


def at_work(folder: Path) -> Standing:
    desk = Desk.make(folder, "one")
    desk.launch("one", {"one.txt": "1"})
    run, phase = RunId("001"), PhaseId("one")
    window = Launched(run=run, phase=phase, session="$0", window="@0", pane="%0", orchestrator="%1", server="gone,1,1")
    desk.lander.write(window)
    desk.lander.write(ExecutorStarted(run=run, phase=phase, attempt=1, pid=1, agent="claude"))
    return Standing(Post(desk.project, phase, run))


def stalls(made: Standing) -> list[Stalled]:
    return [event for event in made.post.project.place.records.events if isinstance(event, Stalled)]


def test_a_night_with_the_lid_closed_makes_nobody_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock on the wall jumps by nine hours: neither the silence nor the end of the turn is that old."""
    made = at_work(tmp_path)
    made.check(idle=True, undone=1)
    monkeypatch.setattr(standing, "now", lambda: clock.now() + NIGHT)
    made.check(idle=True, undone=1)
    assert stalls(made) == []
    assert made.silent < 60


def test_the_same_time_awake_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine hours in which the machine ran, and its agent did nothing."""
    made = at_work(tmp_path)
    made.check(idle=False, undone=1)
    monkeypatch.setattr(standing, "awake", lambda: clock.awake() + NIGHT)
    made.check(idle=False, undone=1)
    assert [event.code for event in stalls(made)] == ["silent"]


def test_a_limit_ends_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    """What the agent said is a time of day: it comes whether the machine sleeps until then or not."""
    made = at_work(tmp_path)
    made.limit("You've hit your session limit · resets in 3h")
    limited = made.post.watch.limited
    assert limited is not None
    assert limited.until is not None
    assert timedelta(hours=2) < limited.until - clock.now() < timedelta(hours=4)


def test_awake_does_not_go_with_the_clock_on_the_wall() -> None:
    """It is no time of day, so that nobody compares it with one by mistake and is nearly right."""
    assert clock.awake() < datetime(2000, 1, 1, tzinfo=clock.now().tzinfo)
