"""Resolutions are remembered for batty's own worktrees, and rerere is not switched on for the user by that."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from batty_tmux.drive import hooks
from batty_tmux.drive.memory import remembered
from tests.support.desk import Desk

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """Landers that a command would start beside the test run when the test says so."""
    monkeypatch.setattr(hooks, "detach", lambda *_args, **_more: None)
    return lambda *phases, **more: Desk.make(tmp_path, *phases, **more)


def conflict(made: Desk, *names: str) -> None:
    """Bring phases with one and the same change into conflict with a person's commit."""
    for name in names:
        made.launch(name, {"f.txt": "one\ntheirs\nthree\n"})
    made.repo.commit("mine", {"f.txt": "one\nmine\nthree\n"})
    for name in names:
        made.approve(name)
    made.lander.land()
    assert {made.lander.states[name] for name in names} == {"conflict"}


def settle(made: Desk, name: str) -> None:
    folder = Path(made.batty("resolve", name, "--here").stdout.strip())
    (folder / "f.txt").write_text("one\nboth\nthree\n")
    made.repo.git("commit", "-q", "--all", "-m", "settle", cwd=folder)
    assert made.batty("resolve", name).exit_code == 0


def test_the_same_conflict_is_settled_once(desk: MakeDesk) -> None:
    """The second time it lies there settled, for a person to look at and commit; nothing is left in git's folder."""
    made = desk("one", "two", files={"f.txt": "one\ntwo\nthree\n"})
    conflict(made, "one", "two")
    settle(made, "one")
    again = made.batty("resolve", "two", "--here")
    folder = Path(again.stdout.strip())
    assert (folder / "f.txt").read_text() == "one\nboth\nthree\n"
    assert "all of it is settled there: look at it, and git commit it" in again.stderr
    made.repo.git("commit", "-q", "-m", "as before", cwd=folder)
    assert made.batty("resolve", "two").exit_code == 0
    assert not (made.repo.folder / ".git" / "rr-cache").exists()
    assert made.repo.try_git("config", "--get-regexp", "rerere").stdout == ""


def test_a_users_own_memory_is_shared_and_left_where_it_is(desk: MakeDesk) -> None:
    """Whoever has rerere on has asked git for just this."""
    made = desk("one", files={"f.txt": "one\ntwo\nthree\n"})
    made.repo.git("config", "rerere.enabled", "true")
    theirs = made.repo.folder / ".git" / "rr-cache"
    conflict(made, "one")
    # git has made it by now, and would make it anew
    shutil.rmtree(theirs)
    settle(made, "one")
    assert list(theirs.glob("*/postimage"))
    assert not (made.lander.place.state / "rr-cache").exists()


def test_what_was_lent_when_somebody_was_killed_is_taken_back(desk: MakeDesk) -> None:
    """That the folder exists would switch rerere on for the user."""
    place = desk("one").lander.place
    shown, own = place.home / ".git" / "rr-cache", place.state / "rr-cache"
    with remembered(place):
        assert shown.is_dir()
    own.rename(shown)
    with remembered(place):
        pass
    assert (shown.exists(), own.is_dir()) == (False, True)
