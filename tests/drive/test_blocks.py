"""Ports that phases of all repositories share out among themselves: real sockets, a HOME of the test's."""

import socket
from pathlib import Path

import pytest

from batty_tmux.core import ports
from batty_tmux.core.phase_events import Launching
from batty_tmux.drive import blocks
from batty_tmux.drive.place import Place
from batty_tmux.host.ports import heard, registry
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.repo import Repo

A, B = PhaseId("phase-1"), PhaseId("phase-2")


def places(tmp_path: Path) -> tuple[Place, Place]:
    return tuple(Place.around(Repo.make(tmp_path / name).folder) for name in ("one", "two"))  # type: ignore[return-value]


def tree(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / "trees" / name
    folder.mkdir(parents=True)
    return folder


def test_a_phase_keeps_its_block_and_gives_it_back_with_its_worktree(tmp_path: Path) -> None:
    """Rule: the same at each launch while something listens on it too; free for others once it is released."""
    one, _ = places(tmp_path)
    first = blocks.claim(one, A, tree(tmp_path, "a"))
    with socket.create_server(("127.0.0.1", first)):
        assert blocks.taken(first) == (first,)
        assert blocks.claim(one, A, tmp_path / "trees" / "a") == first
    blocks.release(one, A)
    assert [file.name for file in registry().iterdir()] == ["lock"]


def test_another_repository_s_phase_gets_another_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: also where both wish for the same one."""
    monkeypatch.setattr(ports, "wish", lambda _: 7)
    one, two = places(tmp_path)
    given = [blocks.claim(one, A, tree(tmp_path, "a")), blocks.claim(two, A, tree(tmp_path, "b"))]
    given.append(blocks.claim(two, B, tree(tmp_path, "c")))
    assert given == [ports.base_of(block) for block in (7, 8, 9)]


@pytest.mark.parametrize(
    ("family", "place"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), (socket.AF_INET6, "::1")]
)
def test_a_block_on_which_something_listens_is_passed_over(
    tmp_path: Path, family: socket.AddressFamily, place: str
) -> None:
    """Rule: wherever it listens, on any of the twenty."""
    one, _ = places(tmp_path)
    wished = ports.base_of(ports.wish(f"{one.state}\0{A}"))
    with socket.create_server((place, wished + 13), family=family):
        assert heard(ports.of(wished)) == {wished + 13}
        assert blocks.claim(one, A, tree(tmp_path, "a")) != wished


def test_a_claim_without_a_worktree_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: once it is no longer young; and what is no claim is not read as one."""
    monkeypatch.setattr(ports, "wish", lambda _: 7)
    one, two = places(tmp_path)
    gone = tmp_path / "trees" / "gone"
    assert blocks.claim(one, A, gone) == ports.base_of(7)
    assert blocks.claim(two, A, tree(tmp_path, "b")) == ports.base_of(8)
    monkeypatch.setattr(blocks, "_YOUNG", -1.0)
    (registry() / "9").write_text("[")
    (registry() / "99999").write_text("{}")
    assert blocks.claim(two, B, tree(tmp_path, "c")) == ports.base_of(7)


def test_a_home_that_cannot_be_written_costs_no_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: then the journal tells which blocks this repository's other phases have."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(ports, "wish", lambda _: 7)
    one, _ = places(tmp_path)
    there = tree(tmp_path, "b")
    launching = Launching(
        run=RunId("001"), phase=B, branch=Branch("b"), worktree=str(there), start=Sha("0" * 40), ports=ports.base_of(7)
    )
    one.records.append(launching)
    assert blocks.claim(one, A, tree(tmp_path, "a")) == ports.base_of(8)
