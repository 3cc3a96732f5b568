"""Old pins go, and never one that alone keeps unlanded work alive or that something waits for."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from batty_tmux.core.events import PhaseHeld, PinsChanged, PinsDropped
from batty_tmux.core.pins import expected
from batty_tmux.drive import hooks, retention
from batty_tmux.drive.retention import drop, outlived
from batty_tmux.host import clock
from batty_tmux.host.lock import exclusive
from batty_tmux.names import PhaseId
from tests.support.desk import Desk
from tests.support.lander import RUN

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """Landers that a command would start beside the test run when the test says so."""
    monkeypatch.setattr(hooks, "detach", lambda *_args, **_more: None)
    return lambda *phases, **more: Desk.make(tmp_path, *phases, **more)


def days_later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setattr(retention, "now", lambda: clock.now() + timedelta(days=days))


def pins(made: Desk) -> set[str]:
    return set(made.repo.git("for-each-ref", "--format=%(refname)", "refs/batty/").splitlines())


def withdraw(made: Desk, name: str) -> None:
    made.lander.write(PhaseHeld(run=RUN, phase=PhaseId(name), state="held", code="escalated", reason="ask"))


def test_pins_of_what_landed_go_when_their_time_is_over(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a day earlier; the base holds all of it, and the lander misses none of them."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    days_later(monkeypatch, 29)
    assert outlived(made.project) == {}
    days_later(monkeypatch, 31)
    assert {ref.split("/")[2] for ref in pins(made)} == {"claim", "cand", "main", "landed"}
    assert drop(made.project) is not None
    assert pins(made) == set()
    assert expected(made.lander.events) == {}
    made.lander.land()
    assert not made.lander.all(PinsChanged)


def test_the_last_pin_of_unlanded_work_stays(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that was withdrawn and whose branch is gone is all that git has of it; with a branch it may go."""
    made = desk("one", "two")
    for name in ("one", "two"):
        made.repo.phase(name, {f"{name}.txt": name})
        made.approve(name)
        withdraw(made, name)
    made.repo.git("branch", "-q", "-D", "batty/one-run-001")
    days_later(monkeypatch, 31)
    assert set(outlived(made.project)) == {"refs/batty/claim/two/1"}
    drop(made.project)
    assert pins(made) == {"refs/batty/claim/one/1"}


def test_what_waits_keeps_its_pins(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it has been waiting, skipped ones too: a person may take them in again."""
    made = desk("one", "two")
    made.approve("one", {"broken": "x"})
    made.approve("two", {"two.txt": "2"})
    made.lander.land()
    made.batty("skip", "one")
    days_later(monkeypatch, 31)
    assert not {ref for ref in outlived(made.project) if "/one/" in ref}


def test_what_the_base_has_lost_keeps_its_pins(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are how it can be landed again."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    made.repo.git("reset", "-q", "--hard", "HEAD~1")
    made.repo.git("worktree", "remove", str(made.repo.folder.parent / "shop.batty" / "one-run-001"))
    made.repo.git("branch", "-q", "-D", "batty/one-run-001")
    days_later(monkeypatch, 31)
    assert {ref.split("/")[2] for ref in outlived(made.project)} <= {"cand", "main"}
    drop(made.project)
    made.repo.git("reflog", "expire", "--expire=now", "--all")
    made.repo.git("gc", "--quiet", "--prune=now")
    assert made.repo.plumbing.tip(made.lander.entry("one").head) is not None


def test_a_kill_between_word_and_deed_is_made_good(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the journal calls dropped is not put back, stops nothing, and goes the next time."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    days_later(monkeypatch, 31)
    made.lander.write(PinsDropped(refs=tuple(sorted(outlived(made.project)))))
    made.lander.land()
    assert not made.lander.all(PinsChanged)
    assert pins(made)
    drop(made.project)
    assert pins(made) == set()
    assert len(made.lander.all(PinsDropped)) == 1


def test_nothing_is_dropped_while_a_lander_is_at_work(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be about to rely on any of them."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    days_later(monkeypatch, 31)
    before = pins(made)
    with exclusive(made.lander.place.landing_lock):
        assert drop(made.project) is None
    assert pins(made) == before
