"""The user's checkout of the base: only fast-forwarded, and never a byte of theirs in the way of it changed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from batty_tmux.core.events import Landing
from batty_tmux.drive.checkout import Blocked, advance, holder, mend, obstacle, overlap
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, Sha
from tests.support.repo import Files, Repo

IGNORE = ".env\n*.log\nbuild/\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    files = {".gitignore": IGNORE, "a": "a\n", "b": "b\n", "dir/c": "c\n", "dir/d": "d\n"}
    return Repo.make(tmp_path / "repo", files)


def next_commit(repo: Repo, files: Files) -> Sha:
    """Return a commit on top of main that is on no branch that is checked out."""
    repo.branch(f"next-{repo.commits}")
    return repo.grow(f"next-{repo.commits}", "next", files)


def landing(repo: Repo, new: Sha, base: Sha | None = None) -> Landing:
    return Landing(
        phase=PhaseId("phase-1"),
        base=base or repo.tip(),
        candidate=new,
        checkout=str(repo.folder),
        at=datetime(2026, 1, 1, tzinfo=UTC),
        seq=7,
    )


def blocked(repo: Repo, new: Sha) -> Blocked | None:
    found = holder(repo.plumbing, "main")
    assert found is not None
    return obstacle(Git(found.folder), repo.tip(), new, found.operation)


def advanced(repo: Repo, new: Sha) -> Blocked | None:
    with exclusive(repo.folder.parent / "lock") as held:
        return advance(repo.plumbing, "main", landing(repo, new), held)


def mended(repo: Repo, begun: Landing) -> Blocked | None:
    with exclusive(repo.folder.parent / "lock") as held:
        return mend(repo.plumbing, "main", begun, held)


class TestAdvance:
    def test_everything_uncommitted_that_is_not_in_the_way_keeps_every_byte(self, repo: Repo) -> None:
        """Modified, staged, both, deleted, untracked, ignored, hidden from git: as they were, and still so."""
        repo.write("a", "modified\n")
        repo.write("dir/d", "staged\n")
        repo.git("add", "dir/d")
        repo.write("dir/d", "and modified\n")
        (repo.folder / "README").unlink()
        for name in ("untracked", "dir/untracked", ".env", "dir/x.log", "build/out/1"):
            repo.write(name, f"mine: {name}")
        (repo.folder / "empty").mkdir()
        new = next_commit(repo, {"b": "new\n", "dir/c": None, "dir/new": "x\n", "other/new": "x\n"})
        files, status = repo.snapshot_files(), repo.git("status", "--porcelain")
        assert blocked(repo, new) is None
        assert advanced(repo, new) is None
        assert repo.tip() == new
        assert repo.git("status", "--porcelain") == status
        after = repo.snapshot_files()
        changed = {f"{repo.folder}/{name}" for name in ("b", "dir/c", "dir/new", "other/new")}
        assert {path for path in files.keys() | after.keys() if files.get(path) != after.get(path)} == changed
        assert (repo.folder / "empty").is_dir()

    @pytest.mark.parametrize("name", ["a", "README", "new", ".env", "dir/c", "build/x", "dir/new.log"])
    def test_git_itself_refuses_what_was_not_seen_in_time(self, repo: Repo, name: str) -> None:
        """The user saves a file between the look and the landing: their bytes stay, and the base as it was."""
        new = next_commit(repo, {name: "theirs\n"})
        old = repo.tip()
        repo.write(name, "saved just now\n")
        files = repo.snapshot_files()
        told = advanced(repo, new)
        assert told is not None
        assert told.paths == (name,)
        assert (repo.tip(), repo.snapshot_files()) == (old, files)

    @pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
    def test_a_change_that_the_user_hid_from_git_stays(self, repo: Repo, flag: str) -> None:
        new = next_commit(repo, {"a": "theirs\n"})
        old = repo.tip()
        repo.git("update-index", flag, "a")
        repo.write("a", "my local settings\n")
        assert advanced(repo, new) is not None
        assert (repo.tip(), (repo.folder / "a").read_text()) == (old, "my local settings\n")


class TestObstacle:
    @pytest.mark.parametrize(
        ("theirs", "mine", "paths"),
        [
            ({"a": "new\n"}, {"a": "modified"}, ("a",)),
            ({"a": None}, {"a": "modified"}, ("a",)),
            ({"a": "new\n"}, {"a": None}, ("a",)),
            ({"new": "x\n"}, {"new": "untracked"}, ("new",)),
            ({"new/sub": "x\n"}, {"new": "a file where a folder must be"}, ("new",)),
            ({"new": "x\n"}, {"new/1": "a folder where a file must be", "new/2": "x"}, ("new/1", "new/2")),
            ({".env": "x\n"}, {".env": "SECRET=1"}, (".env",)),
            ({"build": "x\n"}, {"build/1": "ignored"}, ("build/",)),
            ({"build/new": "x\n"}, {"build/1": "ignored"}, ("build/",)),
            ({"x.log/new": "x\n"}, {"x.log": "ignored"}, ("x.log",)),
            ({"dir/c": None, "dir/d": None, "dir": "now a file\n"}, {"dir/x.log": "ignored"}, ("dir/x.log",)),
            ({"a": "new\n", "b": "new\n"}, {"a": "1", "b": "2", "dir/c": "3"}, ("a", "b")),
        ],
    )
    def test_each_kind_of_file_in_the_way_is_named(
        self, repo: Repo, theirs: Files, mine: dict[str, str | None], paths: tuple[str, ...]
    ) -> None:
        """And the look changes nothing, not even the index."""
        new = next_commit(repo, theirs)
        for name, text in mine.items():
            if text is None:
                (repo.folder / name).unlink()
            else:
                repo.write(name, text)
        index = (repo.folder / ".git" / "index").read_bytes()
        files = repo.snapshot_files()
        told = blocked(repo, new)
        assert told is not None
        assert told.paths == paths
        assert (repo.snapshot_files(), (repo.folder / ".git" / "index").read_bytes()) == (files, index)

    def test_a_staged_file_is_in_the_way_also_where_it_is_gone_from_disk(self, repo: Repo) -> None:
        new = next_commit(repo, {"new": "x\n"})
        repo.write("new", "staged")
        repo.git("add", "new")
        (repo.folder / "new").unlink()
        told = blocked(repo, new)
        assert told is not None
        assert told.paths == ("new",)

    def test_a_git_at_work_is_waited_for(self, repo: Repo) -> None:
        new = next_commit(repo, {"a": "x\n"})
        lock = repo.write(".git/index.lock", "")
        told = blocked(repo, new)
        assert told is not None
        assert str(lock) in told.reason

    def test_a_base_that_moved_is_not_landed_on(self, repo: Repo) -> None:
        """Not a commit of the user's, and not one that they took back."""
        old = repo.commit("before")
        begun = landing(repo, next_commit(repo, {"a": "x\n"}))
        theirs = repo.commit("the user's")
        with exclusive(repo.folder.parent / "lock") as held:
            assert advance(repo.plumbing, "main", begun, held) is not None
            assert repo.tip() == theirs
            repo.git("reset", "-q", "--hard", old)
            repo.git("reset", "-q", "--hard", "HEAD~1")
            assert advance(repo.plumbing, "main", begun, held) is not None, "it would bring back what was taken away"
            repo.git("reset", "-q", "--hard", old)
            assert advance(repo.plumbing, "main", begun, held) is None


class TestHolder:
    def test_the_main_checkout_a_linked_one_or_nobody(self, repo: Repo) -> None:
        found = holder(repo.plumbing, "main")
        assert found is not None
        assert (found.folder, found.operation) == (repo.folder, None)
        repo.git("switch", "-q", "-c", "elsewhere")
        assert holder(repo.plumbing, "main") is None
        linked = repo.worktree("linked", "main")
        found = holder(repo.plumbing, "main")
        assert found is not None
        assert (found.folder, found.operation) == (linked, None)

    def test_a_worktree_whose_folder_is_gone_holds_nothing(self, repo: Repo) -> None:
        repo.git("switch", "-q", "-c", "elsewhere")
        linked = repo.worktree("linked", "main")
        linked.rename(linked.parent / "gone")
        assert holder(repo.plumbing, "main") is None

    @pytest.mark.parametrize("operation", ["rebase", "rebase --apply", "bisect", "merge", "cherry-pick", "revert"])
    def test_an_operation_that_will_come_back_to_the_base_holds_it(self, repo: Repo, operation: str) -> None:
        """HEAD is detached in a rebase and a bisect; git update-ref would move main under them all the same."""
        repo.branch("side")
        repo.grow("side", "theirs", {"a": "theirs\n"})
        repo.commit("ours", {"a": "ours\n"})
        repo.commit("later", {"a": "later\n"})
        if operation == "bisect":
            repo.git("bisect", "start", "main", "main~2")
        else:
            command, *options = operation.split()
            assert not repo.try_git(command, *options, "main~1" if command == "revert" else "side").ok
        found = holder(repo.plumbing, "main")
        assert found is not None
        assert (found.folder, found.operation) == (repo.folder, operation.split(maxsplit=1)[0])
        told = blocked(repo, next_commit(repo, {"b": "x\n"}))
        assert told is not None
        assert f"a {found.operation} is in progress" in told.reason


class TestMend:
    """A fast-forward that was killed: taken back where it is ours, byte for byte; else left, and told."""

    THEIRS = {"a": "new\n", "b": None, "dir/c": None, "fresh": "fresh\n", "deep/er/x": "x\n", "two": "2\n"}  # noqa: RUF012

    def half(self, repo: Repo, *, index: bool = False) -> Landing:
        """Leave the checkout as a git killed in the middle leaves it."""
        repo.write("mine", "untracked")
        repo.write("dir/d", "modified, and not in the way\n")
        begun = landing(repo, next_commit(repo, self.THEIRS))
        (repo.folder / "b").unlink()
        (repo.folder / "dir" / "c").unlink()
        repo.write("a", "new\n")
        repo.write("fresh", "fre")
        repo.write("deep/er/x", "x\n")
        if index:
            # killed between index and ref
            repo.git("read-tree", begun.candidate)
            repo.write("two", "2\n")
            repo.write("fresh", "fresh\n")
        else:
            repo.write(".git/index.lock", "half an index")
        return begun

    @pytest.mark.parametrize("index", [False, True])
    def test_what_was_begun_is_taken_back_and_can_be_done_again(self, repo: Repo, index: bool) -> None:
        begun = self.half(repo, index=index)
        assert mended(repo, begun) is None
        assert repo.git("status", "--porcelain").splitlines() == [" M dir/d", "?? mine"]
        assert advanced(repo, begun.candidate) is None
        assert (repo.tip(), (repo.folder / "mine").read_text()) == (begun.candidate, "untracked")
        assert (repo.folder / "dir" / "d").read_text() == "modified, and not in the way\n"

    def test_a_landing_that_had_not_begun_to_write_is_nothing_to_mend(self, repo: Repo) -> None:
        begun = landing(repo, next_commit(repo, self.THEIRS))
        files = repo.snapshot_files()
        assert mended(repo, begun) is None
        assert repo.snapshot_files() == files

    @pytest.mark.parametrize("name", ["a", "b", "dir/c", "fresh", "deep/er/x", "two"])
    def test_what_the_user_wrote_since_is_not_touched_and_neither_is_the_rest(self, repo: Repo, name: str) -> None:
        begun = self.half(repo)
        repo.write(name, "written by a person since\n")
        files = repo.snapshot_files()
        told = mended(repo, begun)
        assert told is not None
        assert told.paths == (name,)
        assert repo.snapshot_files() == files

    def test_what_the_user_staged_since_is_not_touched(self, repo: Repo) -> None:
        begun = self.half(repo)
        (repo.folder / ".git" / "index.lock").unlink()
        content = (repo.folder / "a").read_bytes()
        repo.write("a", "staged by a person\n")
        repo.git("add", "a")
        (repo.folder / "a").write_bytes(content)
        told = mended(repo, begun)
        assert told is not None
        assert told.paths == ("a",)
        assert repo.git("show", ":a") == "staged by a person"

    def test_a_git_of_the_users_that_is_at_work_is_waited_for(self, repo: Repo) -> None:
        begun = self.half(repo)
        with (repo.folder / ".git" / "index.lock").open("ab"):
            assert mended(repo, begun) is not None
        assert mended(repo, begun) is None

    def test_where_the_user_has_gone_elsewhere_nothing_is_mended(self, repo: Repo) -> None:
        begun = landing(repo, next_commit(repo, {"a": "new\n"}))
        repo.git("switch", "-q", "-c", "elsewhere")
        repo.write("a", "new\n")
        assert mended(repo, begun) is None
        assert (repo.folder / "a").read_text() == "new\n"

    def test_a_file_that_became_a_folder_is_never_cleared_of_what_is_in_it(self, repo: Repo) -> None:
        """Putting the file back would remove the folder with all that the user has in it."""
        begun = landing(repo, next_commit(repo, {"a": None, "a/inside": "x\n"}))
        (repo.folder / "a").unlink()
        repo.write("a/inside", "x\n")
        repo.write("a/mine", "written by a person since\n")
        told = mended(repo, begun)
        assert told is not None
        assert (repo.folder / "a" / "mine").read_text() == "written by a person since\n"

    @pytest.mark.parametrize("written", [("a/inside",), ()])
    def test_a_file_that_became_a_folder_of_ours_becomes_the_file_again(
        self, repo: Repo, written: tuple[str, ...]
    ) -> None:
        begun = landing(repo, next_commit(repo, {"a": None, "a/inside": "x\n"}))
        (repo.folder / "a").unlink()
        (repo.folder / "a").mkdir()
        for name in written:
            repo.write(name, "x\n")
        assert mended(repo, begun) is None
        assert (repo.git("status", "--porcelain"), (repo.folder / "a").read_text()) == ("", "a\n")

    def test_a_folder_that_became_a_file_becomes_the_folder_again(self, repo: Repo) -> None:
        begun = landing(repo, next_commit(repo, {"dir/c": None, "dir/d": None, "dir": "now a file\n"}))
        for name in ("c", "d"):
            (repo.folder / "dir" / name).unlink()
        (repo.folder / "dir").rmdir()
        repo.write("dir", "now a")
        assert mended(repo, begun) is None
        assert repo.git("status", "--porcelain") == ""

    def test_a_submodule_that_moved_is_no_obstacle(self, repo: Repo) -> None:
        """Its folder is not ours to look into: git leaves it alone in a fast-forward."""
        first, second = "1" * 40, "2" * 40
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{first},module")
        (repo.folder / "module").mkdir()
        repo.git("commit", "-q", "-m", "a submodule")
        repo.branch("bump")
        repo.git("update-index", "--cacheinfo", f"160000,{second},module")
        tree = repo.git("write-tree")
        bump = Sha(repo.git("commit-tree", tree, "-p", "main", "-m", "bump"))
        repo.git("update-index", "--cacheinfo", f"160000,{first},module")
        assert mended(repo, landing(repo, bump)) is None
        repo.git("update-index", "--cacheinfo", f"160000,{second},module")
        assert mended(repo, landing(repo, bump)) is None
        assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("changed", "present", "hits"),
    [
        ((), ("a",), ()),
        (("a",), ("b", "aa", "a.b"), ()),
        (("a",), ("a",), ("a",)),
        (("a/b",), ("a",), ("a",)),
        (("a",), ("a/b",), ("a/b",)),
        (("a",), ("a/b/c",), ("a/b/c",)),
        (("a/b",), ("a/c",), ()),
        (("a",), ("a/",), ("a/",)),
        (("a/b/c",), ("a/",), ("a/",)),
        (("a/b/c",), ("a/b/",), ("a/b/",)),
        (("a/b",), ("a/c/",), ()),
        (("ab/c",), ("a/",), ()),
        (("x", "b", "a"), ("b", "a"), ("a", "b")),
    ],
)
def test_overlap(changed: tuple[str, ...], present: tuple[str, ...], hits: tuple[str, ...]) -> None:
    """The same path, or one that the other needs to be a folder; a slash at the end stands for all below."""
    assert overlap(changed, present) == hits
