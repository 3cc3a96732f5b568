"""History is read from the repository that is meant, whatever its folder is called."""

from pathlib import Path

import pytest

from batty_tmux.host.git import commits_between, diffstat, first_parents
from tests.support.repo import Repo


@pytest.mark.parametrize("name", ["plain", "a $HOME b", "~", "it's #(x) %H"])
def test_history_of_a_folder_with_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitPython expands $NAME in folders it is given as text, and goes on in the current directory instead."""
    repo = Repo.make(tmp_path / name)
    base = repo.tip("main")
    tip = repo.commit("Second\n\nwith a body", {"a.txt": "one\ntwo\n"})
    monkeypatch.chdir(tmp_path)
    assert [c.subject for c in commits_between(repo.folder, base, tip)] == ["Second"]
    assert [c.sha for c in first_parents(repo.folder, tip, 5)][:2] == [tip, base]
    assert diffstat(repo.folder, base, tip) == [("a.txt", 2, 0)]
