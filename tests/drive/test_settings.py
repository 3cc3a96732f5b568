"""Settings come from the base branch's tip, and which branch that is follows one order."""

from pathlib import Path

import pytest

from batty_tmux.config import ConfigError
from batty_tmux.drive.settings import (
    base_branch,
    base_of,
    commit_command,
    ignored,
    own_settings,
    repository,
    settings,
    uncommitted,
)
from batty_tmux.errors import BattyError
from batty_tmux.host.process import run
from batty_tmux.names import Base
from tests.support.repo import bare_repository


def git(repo: Path, *words: str) -> str:
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    return run(("git", "-C", str(repo), *words), env=dates).check().stdout.strip()


def commit(repo: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "--allow-empty", "-m", "change")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository on main with one commit, and a home folder of its own."""
    folder = bare_repository(tmp_path, monkeypatch)
    commit(folder, {"README": "x\n"})
    return folder


def code(caught: pytest.ExceptionInfo[BattyError]) -> str:
    assert caught.value.next
    return caught.value.code


def test_a_folder_outside_of_any_checkout_is_refused(repo: Path) -> None:
    with pytest.raises(BattyError) as caught:
        repository(repo.parent)
    assert code(caught) == "no-repository"


def test_a_repository_without_commits_is_refused_with_the_way_to_one(repo: Path) -> None:
    empty = repo.parent / "empty"
    empty.mkdir()
    git(empty, "init", "-q", "-b", "main")
    with pytest.raises(BattyError) as caught:
        repository(empty)
    assert (code(caught), caught.value.next.startswith("git commit")) == ("no-commits", True)


def test_the_top_of_the_checkout_is_found_from_below(repo: Path) -> None:
    (repo / "a b").mkdir()
    assert repository(repo / "a b") == repo.resolve()


def test_the_base_is_what_is_asked_then_the_own_file_then_origin_then_main_then_master(repo: Path) -> None:
    for name in ("asked", "own", "remote", "master"):
        git(repo, "branch", name)
    git(repo, "update-ref", "refs/remotes/origin/remote", "HEAD")
    git(repo, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/remote")
    (repo / "batty.toml").write_text("[run]\nbase = 'own'\nparallel = 'nonsense'\n")
    assert base_branch(repo, "asked") == "asked"
    assert base_branch(repo, None) == "own"
    (repo / "batty.toml").unlink()
    assert base_branch(repo, None) == "remote"
    git(repo, "symbolic-ref", "-d", "refs/remotes/origin/HEAD")
    assert base_branch(repo, None) == "main"
    git(repo, "branch", "-m", "main", "topic")
    assert base_branch(repo, None) == "master"


@pytest.mark.parametrize("asked", ["nowhere", "-x", "main^{tree}", "../main", "main~1"])
def test_a_base_that_is_no_local_branch_is_refused_with_those_that_are(repo: Path, asked: str) -> None:
    commit(repo, {})
    with pytest.raises(BattyError) as caught:
        base_branch(repo, asked)
    assert (code(caught), caught.value.evidence) == ("no-base", ("main",))


def test_a_tag_is_never_taken_for_the_base(repo: Path) -> None:
    """A tag of the same name as the branch would win a plain rev-parse."""
    commit(repo, {"batty.toml": "[run]\nparallel = 2\n"})
    git(repo, "tag", "main", "HEAD~1")
    assert settings(repo, base_of(repo, base_branch(repo, "main"))).run.parallel == 2


def test_no_guess_is_made_where_nothing_names_a_base(repo: Path) -> None:
    git(repo, "branch", "-m", "main", "topic")
    with pytest.raises(BattyError) as caught:
        base_branch(repo, None)
    assert code(caught) == "no-base"


def test_settings_are_those_of_the_base_and_of_nothing_else(repo: Path) -> None:
    commit(repo, {"batty.toml": "[run]\nparallel = 2\n"})
    git(repo, "switch", "-q", "-c", "topic")
    commit(repo, {"batty.toml": "[run]\nparallel = 3\n"})
    (repo / "batty.toml").write_text("[run]\nparallel = 4\n")
    assert settings(repo, Base("main")).run.parallel == 2
    assert own_settings(repo).run.parallel == 4


def test_a_base_without_a_file_has_the_defaults(repo: Path) -> None:
    (repo / "batty.toml").write_text("[run]\nparallel = 4\n")
    assert settings(repo, Base("main")).run.parallel == 1


def test_a_fault_on_the_base_is_told_with_branch_file_and_line(repo: Path) -> None:
    commit(repo, {"batty.toml": "[run]\n\nx = 2\n"})
    with pytest.raises(ConfigError, match=r"^main:batty\.toml:3: run\.x: "):
        settings(repo, Base("main"))


def test_a_file_that_is_a_link_or_no_utf8_or_huge_is_refused(repo: Path) -> None:
    (repo / "batty.toml").symlink_to("/etc/hostname")
    commit(repo, {})
    with pytest.raises(ConfigError, match="is not a file"):
        settings(repo, Base("main"))
    (repo / "batty.toml").unlink()
    (repo / "batty.toml").write_bytes(b"[run]\r\n# \xff\r\n")
    commit(repo, {})
    with pytest.raises(ConfigError, match=r"main:batty\.toml:2: is not UTF-8"):
        settings(repo, Base("main"))
    commit(repo, {"batty.toml": "#" * 2_000_000})
    with pytest.raises(ConfigError, match="KiB"):
        settings(repo, Base("main"))


def test_windows_line_ends_are_read(repo: Path) -> None:
    (repo / "batty.toml").write_bytes(b"[run]\r\nparallel = 5\r\n")
    commit(repo, {})
    assert settings(repo, Base("main")).run.parallel == 5


def test_uncommitted_names_what_the_base_does_not_have(repo: Path) -> None:
    commit(repo, {"batty.toml": "", "kanban/a/PHASE.md": "a\n", "kanban/b/PHASE.md": "b\n"})
    assert uncommitted(repo, Base("main")) == ()
    (repo / "README").write_text("other\n")
    (repo / "kanban/a/PHASE.md").write_text("changed\n")
    (repo / "kanban/b/PHASE.md").unlink()
    (repo / "kanban/ü").mkdir()
    (repo / "kanban/ü/PHASE.md").write_text("new\n")
    (repo / "kanban/a/.lock").touch()
    (repo / "kanban/a/activity.jsonl").write_text("{}\n")
    assert uncommitted(repo, Base("main")) == ("kanban/a/PHASE.md", "kanban/b/PHASE.md", "kanban/ü/PHASE.md")


def test_uncommitted_compares_with_the_base_from_another_branch_too(repo: Path) -> None:
    git(repo, "switch", "-q", "-c", "topic")
    commit(repo, {"batty.toml": "[run]\nparallel = 2\n"})
    assert uncommitted(repo, Base("main")) == ("batty.toml",)
    assert uncommitted(repo, Base("topic")) == ()


def test_an_ignored_board_is_named_apart(repo: Path) -> None:
    """kanban-md offers to put a board into .gitignore; then no commit would ever take it."""
    commit(repo, {".gitignore": "kanban/\n"})
    (repo / "kanban/a").mkdir(parents=True)
    (repo / "kanban/a/config.yml").write_text("version: 11\n")
    assert uncommitted(repo, Base("main")) == ()
    assert ignored(repo) == ("kanban/a/config.yml",)


def test_the_commit_command_commits_exactly_these_paths(repo: Path) -> None:
    (repo / "batty.toml").write_text("")
    (repo / "staged").write_text("mine\n")
    git(repo, "add", "staged")
    line = commit_command(repo, Base("main"), uncommitted(repo, Base("main")))
    run(("sh", "-c", line), cwd=repo).check()
    assert git(repo, "show", "--name-only", "--format=", "HEAD") == "batty.toml"
    assert uncommitted(repo, Base("main")) == ()


def test_the_commit_command_goes_to_the_base_first(repo: Path) -> None:
    git(repo, "switch", "-q", "-c", "topic")
    assert commit_command(repo, Base("main"), ("batty.toml",)).startswith("git switch main && ")
