"""Two people with a clone each, one main: each runs their own phases, and both see what the other has landed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import eventually
from tests.support.story import PATIENCE, Story

Pair = tuple[Story, Story, Path]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two clones of one bare repository, on machines that share nothing else: HOME, tmux, journal."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two, hub = Story(tmp_path / "one"), Story(tmp_path / "two"), tmp_path / "shop.git"
    one.settings["queue"] = {"remote": "origin"}
    for phase in ("alpha", "beta"):
        one.phase(phase)
        one.executor(phase).commits(f"{phase}.txt", phase)
    one.begin()
    one.git("clone", "--quiet", "--bare", str(one.repo), str(hub), cwd=tmp_path)
    for clone in (one, two):
        if clone is two:
            for file in clone.repo.iterdir():
                file.unlink()
            clone.git("clone", "--quiet", str(hub), str(clone.repo), cwd=tmp_path)
            clone._begun = True
        else:
            clone.git("remote", "add", "origin", str(hub))
            clone.git("fetch", "--quiet", "origin")
    try:
        yield one, two, hub
    finally:
        one.close()
        two.close()


def state(story: Story, phase: str) -> str:
    rows = story.batty("status", "--json").json["phases"]
    return str(next(row["state"] for row in rows if row["phase"] == phase))


def test_each_lands_their_own_and_sees_the_others(pair: Pair) -> None:
    """Rule: what one lands is on the remote and in the other's next phase; no branch of anybody's is moved by force."""
    one, two, hub = pair
    assert "base       origin/main" in one.batty("work", "all", "--dry-run").out
    one.batty("work", "alpha")
    eventually(lambda: state(one, "alpha") == "landed", "the landing of alpha", PATIENCE)
    assert state(two, "alpha") == "ready", "nothing was fetched there yet"
    two.batty("work", "beta")
    eventually(lambda: state(two, "beta") == "landed", "the landing of beta", PATIENCE)
    assert state(two, "alpha") == "landed"
    there = one.git("ls-tree", "--name-only", "main", cwd=hub).split()
    assert {"alpha.txt", "beta.txt"} <= set(there)
    # beta began where alpha had landed, and two's own checkout came along
    assert (two.worktrees / "beta-run-001" / "alpha.txt").exists()
    assert {"alpha.txt", "beta.txt"} <= {file.name for file in two.repo.iterdir()}
    assert one.git("rev-list", "--merges", "main", cwd=hub) == ""
