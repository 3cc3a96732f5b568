"""Whether work moved is told by a few looks at files, and only what moved since the look before counts."""

from pathlib import Path

import pytest

from batty_tmux.core.events import Launching
from batty_tmux.core.watch import Watch, fold
from batty_tmux.drive import glance
from batty_tmux.drive.glance import Glance
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.repo import Repo

PHASE = PhaseId("phase-1")
CARD = "kanban/phase-1/tasks/001-a.md"
DAY = "2026-01-01T00:00:00Z"
TEXT = f"---\nid: 1\ntitle: A\nstatus: {{status}}\npriority: low\ncreated: {DAY}\nupdated: {DAY}\n---\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "shop", {CARD: TEXT.format(status="todo")})


def watch(repo: Repo) -> Watch:
    event = Launching(phase=PHASE, run=RunId("001"), branch=Branch("b"), worktree=str(repo.folder), start=Sha("s"))
    return fold(PHASE, [event])


def test_the_first_look_is_no_movement(repo: Repo) -> None:
    """A supervisor that starts anew has not seen anything move; what is there it knows from then on."""
    seen = Glance()
    assert seen.look(watch(repo)) == (False, False)
    assert seen.board is not None
    assert [task.status for task in seen.board.tasks] == ["todo"]
    assert seen.head == repo.tip("HEAD")


def test_cards_and_commits_are_told_once(repo: Repo) -> None:
    """Each by itself, at the next look, and not again."""
    seen = Glance()
    seen.look(watch(repo))
    repo.write(CARD, TEXT.format(status="in-progress"))
    assert seen.look(watch(repo)) == (True, False)
    repo.commit("Take it", {CARD: TEXT.format(status="in-progress")})
    assert seen.look(watch(repo)) == (False, True)
    assert seen.look(watch(repo)) == (False, False)
    assert seen.head == repo.tip("HEAD")


def test_nothing_is_read_where_nothing_moved(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle phase costs no parsing and no process."""
    seen = Glance()
    seen.look(watch(repo))

    def never(*_: object) -> None:
        raise AssertionError("looked again")

    monkeypatch.setattr(glance, "board_in_worktree", never)
    monkeypatch.setattr(Git, "tip", never)
    assert seen.look(watch(repo)) == (False, False)


def test_a_worktree_that_is_gone_is_no_movement(tmp_path: Path) -> None:
    """There is nothing to look at, before it is made and after it was removed."""
    event = Launching(
        phase=PHASE, run=RunId("001"), branch=Branch("b"), worktree=str(tmp_path / "gone"), start=Sha("s")
    )
    assert Glance().look(fold(PHASE, [event])) == (False, False)
    assert Glance().look(Watch(PHASE)) == (False, False)
