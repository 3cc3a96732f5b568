"""Commits travel as bytes: as few as the other side needs, and never half of them."""

from pathlib import Path

import pytest

from batty_tmux.errors import BattyError, CommandFailed
from batty_tmux.host.bundles import bare, bundle, fetch, unbundle
from batty_tmux.host.process import run
from tests.support.repo import Repo

REF = "refs/batty/gated/x"
OF = "refs/batty/candidate"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", {"large": "".join(f"{number * 7919 % 10007}\n" for number in range(20_000))})
    repo.grow("main", "second", {"a": "a\n"})
    return repo


def test_what_the_other_side_has_is_left_out(repo: Repo, tmp_path: Path) -> None:
    base = repo.tip()
    new = repo.grow("main", "third", {"b": "b\n"})
    git, there = repo.plumbing, bare(tmp_path / "there", "sha1")
    whole, thin = bundle(git, {OF: base}, ()), bundle(git, {OF: new}, (base,))
    assert len(thin) * 10 < len(whole)
    assert not unbundle(there, thin, {OF: REF})
    assert unbundle(there, whole, {OF: f"{REF}-base"})
    assert unbundle(there, thin, {OF: REF})
    assert there.tip(REF) == new
    assert there.run("fsck", "--connectivity-only").ok


def test_a_commit_that_the_other_side_has_takes_no_bytes(repo: Repo) -> None:
    assert bundle(repo.plumbing, {OF: repo.tip("main~1")}, (repo.tip(),)) == b""


def test_making_one_leaves_no_trace(repo: Repo) -> None:
    before = repo.git("for-each-ref"), repo.git("status", "--porcelain")
    bundle(repo.plumbing, {OF: repo.tip()}, ())
    assert (repo.git("for-each-ref"), repo.git("status", "--porcelain")) == before


def test_what_is_broken_on_its_way_is_not_taken(repo: Repo, tmp_path: Path) -> None:
    there = bare(tmp_path / "there", "sha1")
    whole = bundle(repo.plumbing, {OF: repo.tip()}, ())
    broken = whole[:-200] + b"\0" * 200
    with pytest.raises(CommandFailed):
        unbundle(there, broken, {OF: REF})
    assert there.tip(REF) is None


def test_a_repository_of_the_newer_kind_travels_too(tmp_path: Path) -> None:
    folder = tmp_path / "newer"
    run(("git", "init", "-q", "-b", "main", "--object-format=sha256", str(folder))).check()
    repo = Repo(folder)
    tip = repo.commit("first", {"a": "a\n"})
    there = bare(tmp_path / "there", "sha256")
    assert unbundle(there, bundle(repo.plumbing, {OF: tip}, ()), {OF: REF})
    assert there.tip(REF) == tip


@pytest.mark.parametrize("source", ["ext::sh -c 'touch hit'", "--upload-pack=touch hit", "/nowhere"])
def test_nothing_but_a_repository_is_fetched_from(tmp_path: Path, source: str) -> None:
    there = bare(tmp_path / "there", "sha1")
    with pytest.raises(CommandFailed):
        fetch(there, source, {"refs/heads/main": REF})
    assert not list(tmp_path.rglob("hit"))


def test_a_kind_of_repository_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BattyError, match="no kind"):
        bare(tmp_path / "there", "--template=x")


def test_several_commits_travel_in_one(repo: Repo, tmp_path: Path) -> None:
    """Also one that stands on what the other side has, and one that it has."""
    there = bare(tmp_path / "there", "sha1")
    first, second = repo.tip("main~1"), repo.tip()
    assert unbundle(there, bundle(repo.plumbing, {OF: first}, ()), {OF: REF})
    both = {OF: second, "refs/batty/base": first}
    assert unbundle(there, bundle(repo.plumbing, both, (first,)), {OF: REF, "refs/batty/base": f"{REF}-base"})
    assert (there.tip(REF), there.tip(f"{REF}-base")) == (second, first)
