"""What is copied into a worktree: ignored files only, never over anything, never through a link, within bounds."""

import os
from pathlib import Path

import pytest

from batty_tmux.drive.project import Project
from batty_tmux.drive.provisions import committed, exposed, provide, provided, provisions
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Base
from tests.support.repo import Repo, digest


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "shop", {".gitignore": "*.local\nlocal/\nbig/\n.env*\n", "README": "read me"})


def given(repo: Repo, patterns: str, names: tuple[str, ...] = ()) -> Path:
    """Commit the patterns and run.provide, make a worktree, and provide."""
    named = ", ".join(f"'{name}'" for name in names)
    repo.commit("patterns", {".worktreeinclude": patterns, "batty.toml": f"[run]\nprovide = [{named}]\n"})
    tree = repo.worktree("tree", "-b", "tree")
    provide(Project.around(repo.folder), Git(tree))
    return tree


def new_in(tree: Path) -> set[str]:
    return set(Git(tree).run("ls-files", "-z", "--others").stdout.split("\0")) - {""}


def test_patterns_are_those_of_gitignore(repo: Repo) -> None:
    """Comments, negation, anchors, ** and folders, as other tools that read this file take them."""
    for path in (".env", ".env.prod", "a/b/.env", "local/x", "local/deep/y", "a.local", "z/a.local"):
        repo.write(path, "1")
    tree = given(repo, "# words\n\n.env*\n!.env.prod\nlocal/\n/a.local\n")
    assert new_in(tree) == {".env", "a/b/.env", "local/x", "local/deep/y", "a.local"}


def test_only_what_git_ignores_in_both_is_copied(repo: Repo) -> None:
    """Neither a tracked file, nor an untracked one, nor what the tip of the worktree does not ignore."""
    repo.commit("tracked though ignored", {"t.local": "theirs"})
    repo.write("t.local", "mine")
    repo.write("new.txt", "1")
    repo.write("other.tmp", "1")
    repo.write(".git/info/exclude", "")
    tree = given(repo, "*\n")
    assert new_in(tree) == set()
    assert (tree / "t.local").read_text() == "theirs"


@pytest.mark.parametrize(
    "name", ["a\nb.local", "-rf.local", "$(touch x).local", "\x1b[2J.local", "ä .local", "'\".local"]
)
def test_hostile_names_are_names(repo: Repo, name: str) -> None:
    """A file is copied under its own name, whatever that is, and nothing else happens."""
    repo.write(name, "text")
    tree = given(repo, "*.local\n")
    assert [path.name for path in tree.iterdir() if path.name.endswith(".local")] == [name]
    assert (tree / name).read_text() == "text"


@pytest.mark.parametrize(
    "patterns", ["../*\n", "/etc/passwd\n", "/../../x\n", "**/../**\n", ".git/config\n", "\0\n", "[\n", "!\n", "\\\n"]
)
def test_hostile_patterns_name_nothing_outside(repo: Repo, patterns: str) -> None:
    """Patterns choose among the checkout's ignored files; there are no others for them."""
    (repo.folder.parent / "outside.local").write_text("1")
    repo.write("a.local", "1")
    tree = given(repo, patterns)
    assert new_in(tree) <= {"a.local"}


def test_links_are_neither_copied_nor_followed(repo: Repo, tmp_path: Path) -> None:
    """Rule: an agent that writes to what it was given changes nothing of the user's."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("key")
    (repo.folder / "link.local").symlink_to(secret / "key")
    (repo.folder / "local").symlink_to(secret)
    repo.write("big/real", "1")
    (repo.folder / "big" / "inner").symlink_to(secret)
    tree = given(repo, "link.local\nlocal\n", ("local/key", "link.local", "big"))
    assert new_in(tree) == {"big/real"}
    told = provisions(repo.folder, Base("main"), ("local/key", "link.local", "big")).left_out
    assert sum("link" in line for line in told) >= 3
    # nor where the worktree has one on the way
    repo.write("deep.local/x", "1")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree / "deep.local").symlink_to(outside)
    repo.commit("more", {".worktreeinclude": "deep.local/\n"})
    provide(Project.around(repo.folder), Git(tree))
    assert list(outside.iterdir()) == []


def test_nothing_is_copied_over_and_the_checkout_is_only_read(repo: Repo) -> None:
    """Twice is once; what an agent changed or removed a folder for stays as it is."""
    repo.write(".env", "user's")
    repo.write("local/x", "x")
    before = {path: digest(path) for path in repo.folder.rglob("*") if path.is_file() and ".git/" not in str(path)}
    tree = given(repo, ".env\nlocal/\n")
    (tree / ".env").write_text("agent's")
    provide(Project.around(repo.folder), Git(tree))
    assert (tree / ".env").read_text() == "agent's"
    assert (repo.folder / ".env").read_text() == "user's"
    now = {path: digest(path) for path in before}
    assert now == before
    assert not list(tree.parent.glob(".provide-*"))


def test_pipes_sockets_and_other_repositories_stay_where_they_are(repo: Repo) -> None:
    """Only files are copied, and nobody waits for a pipe."""
    (repo.folder / "local").mkdir()
    os.mkfifo(repo.folder / "local" / "pipe")
    repo.write("local/x", "x")
    Repo.make(repo.folder / "local" / "nested", {"y.local": "y"})
    tree = given(repo, "local/\n", ("local",))
    assert new_in(tree) == {"local/x"}


def test_too_much_is_left_out_and_named(repo: Repo) -> None:
    """A pattern that names a folder of dependencies does not make each launch copy it."""
    for number in range(2100):
        repo.write(f"big/{number}", "")
    repo.write(".env", "1")
    tree = given(repo, "big/\n.env\n")
    assert new_in(tree) == {".env"}
    (told,) = provisions(repo.folder, Base("main"), ()).left_out
    assert "big/ is left out (2100 files" in told
    assert "run.cache" in told


def test_what_was_provided_by_a_pattern_stops_a_phase_that_commits_it(repo: Repo) -> None:
    """As what run.provide names does."""
    repo.write(".env.dev", "A=1")
    tree = given(repo, ".env*\n")
    assert provided(Git(tree)) == (".env.dev",)
    assert committed(Project.around(repo.folder), Git(tree), ("README", ".env.dev")) == (".env.dev",)


def test_a_file_of_patterns_that_is_a_link_names_nothing(repo: Repo) -> None:
    """It is read from the base's tip, as git has it there."""
    repo.write(".env", "1")
    (repo.folder / ".worktreeinclude").symlink_to(".gitignore")
    repo.git("add", ".worktreeinclude")
    repo.commit("a link")
    assert provisions(repo.folder, Base("main"), ()).paths == ()


def test_secrets_are_named_by_file_and_kind(repo: Repo) -> None:
    """What is told has no value in it, also of a file without a name that tells."""
    repo.write(".env", "API_TOKEN=ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5\n")
    repo.write("id.local", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----\n")
    repo.write("plain.local", "COLOUR=blue\n")
    found = provisions(repo.folder, Base("main"), (".env", "id.local", "plain.local"))
    told = [one.says for one in exposed(repo.folder, found)]
    assert [line.split(" ")[0] for line in told] == [".env", "id.local"]
    assert "github-token" in told[0]
    assert "private-key" in told[1]
    assert "ghp_" not in "".join(told)
