"""A landed phase's worktree and branch go only after proof that all of it is on the base."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from batty_tmux.commands.clean import command
from batty_tmux.drive import hooks
from batty_tmux.drive.cleanup import clean, cleanable
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId
from tests.support.desk import Desk
from tests.support.server import eventually
from tests.support.story import Story

MakeDesk = Callable[..., Desk]
ONE = PhaseId("one")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """Landers that a command would start beside the test run when the test says so."""
    monkeypatch.setattr(hooks, "detach", lambda *_args, **_more: None)
    return lambda *phases, **more: Desk.make(tmp_path, *phases, **more)


def reason(made: Desk) -> str:
    return dict(cleanable(made.project))[ONE]


def folder(made: Desk) -> Path:
    return made.repo.folder.parent / "shop.batty" / "one-run-001"


def test_what_was_replayed_is_proved_by_what_it_changes(desk: MakeDesk) -> None:
    """The branch's own commits are not on the base; later work on the same lines does not spoil the proof."""
    made = desk("one", files={"f.txt": "a\n"})
    made.launch("one", {"f.txt": "b\n"})
    made.repo.commit("mine", {"mine.txt": "m"})
    made.approve("one")
    made.lander.land()
    made.repo.commit("later", {"f.txt": "c\n"})
    assert made.lander.how("one") == "replay"
    assert reason(made) == ""
    clean(made.project, ONE)
    assert not folder(made).exists()
    assert made.repo.git("branch", "--list", "batty/*") == ""
    assert cleanable(made.project) == []


def test_what_is_not_on_the_base_stays(desk: MakeDesk) -> None:
    """Another commit on the branch, a file that nobody added, an ignored one: each is named."""
    made = desk("one")
    made.land("one", {"one.txt": "1", ".gitignore": "*.log\n"})
    (folder(made) / "new").touch()
    assert reason(made) == "1 files are not committed, such as new"
    (folder(made) / "new").rename(folder(made) / "new.log")
    assert "1 ignored files would go with it, such as new.log" in reason(made)
    (folder(made) / "new.log").unlink()
    made.repo.commit("more", {"more.txt": "m"}, into=folder(made))
    assert "its branch has commits that were not landed" in reason(made)
    with pytest.raises(BattyError, match="stays"):
        clean(made.project, ONE)
    assert (folder(made) / "more.txt").exists()


def test_what_was_taken_back_stays_and_what_was_brought_back_may_go(desk: MakeDesk) -> None:
    """Undone work is a person's to decide about."""
    made = desk("one")
    made.repo.commit("mine", {"mine.txt": "m"})
    made.land("one", {"one.txt": "1"})
    made.batty("undo", "one")
    made.lander.land()
    assert reason(made) == "its state is held, next: batty queue undo one"
    made.batty("undo", "one")
    made.lander.land()
    assert reason(made) == ""


def test_a_dry_run_removes_nothing(desk: MakeDesk) -> None:
    """It says what could go, and the same command without it does that."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    said = CliRunner().invoke(command, ["--dry-run"], obj=made.repo.folder)
    assert "one: its window, worktree and branch can go: all of it is on main" in said.stdout
    assert folder(made).exists()
    assert CliRunner().invoke(command, [], obj=made.repo.folder).stdout == "one: removed\n"
    assert not folder(made).exists()


def test_what_still_runs_in_the_window_is_not_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that did not end when it was asked to may be at something; a person looks first."""
    story = Story(tmp_path)
    monkeypatch.setenv("TMUX_TMPDIR", str(story.short))
    try:
        story.phase("one")
        story.executor("one").runs("trap '' TERM").commits("one.txt", "1").waits()
        story.batty("work", "all")
        story.until_state(one="landed")
        story.until_waiting("one")
        kept = story.batty("clean", "--ignored")
        assert "one stays: something still runs in its window (process " in kept.err
        assert "one" in story.windows()
        story.open_door("one")
        eventually(lambda: "one: removed" in story.batty("clean", "--ignored").out, "the end of the agent")
        assert "one" not in story.windows()
    finally:
        story.close()
