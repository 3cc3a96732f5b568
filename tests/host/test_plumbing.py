"""Git, asked and told: nothing of a user's configuration, of the environment or of a name changes the answer."""

from pathlib import Path

import pytest

from batty_tmux.errors import BattyError, CommandFailed
from batty_tmux.host.halfway import on_disk
from batty_tmux.host.objects import raw_commits
from batty_tmux.host.plumbing import ZERO, Blob, Git, find_repository, state_folder
from batty_tmux.names import Sha
from tests.support.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo")


class TestAsking:
    def test_a_tip_is_a_commit_or_nothing(self, repo: Repo) -> None:
        """A tag leads to its commit; a tree, an option and a name that is not there lead nowhere."""
        repo.git("tag", "-a", "v1", "-m", "one")
        git = repo.plumbing
        assert git.tip("refs/tags/v1") == git.tip("refs/heads/main") == repo.tip()
        assert (git.tip("main^{tree}"), git.tip("--help"), git.tip("nowhere")) == (None, None, None)

    def test_ancestry_is_asked_and_a_broken_question_is_no_answer(self, repo: Repo) -> None:
        first = repo.tip()
        second = repo.commit("second")
        git = repo.plumbing
        assert git.is_ancestor(first, second)
        assert git.is_ancestor(second, second)
        assert not git.is_ancestor(second, first)
        with pytest.raises(CommandFailed):
            git.is_ancestor("1" * 40, second)

    def test_many_are_asked_for_at_once(self, repo: Repo) -> None:
        """Which commits a ref holds, and where branches are; what is no branch is left out."""
        first = repo.tip()
        repo.branch("side")
        side = repo.grow("side", "one", {"a": "1\n"})
        second = repo.commit("second")
        git = repo.plumbing
        assert git.held_by("refs/heads/main", (first, second, side)) == {first, second}
        assert git.held_by("refs/heads/nowhere", ()) == frozenset()
        assert git.tips(("main", "side", "nowhere")) == {"main": second, "side": side}
        with pytest.raises(CommandFailed):
            git.held_by("refs/heads/main", (Sha("1" * 40),))

    def test_commits_come_oldest_first_with_their_parents(self, repo: Repo) -> None:
        repo.branch("side")
        one = repo.grow("side", "one", {"a": "1\n"})
        two = repo.grow("side", "two", {"b": "2\n"})
        assert repo.plumbing.commits("main", "side") == [(one, (repo.tip(),)), (two, (one,))]

    def test_bytes_that_are_not_utf_8_come_back_as_they_went(self, repo: Repo) -> None:
        """In a commit's message and author, and in a path."""
        raw = (
            f"tree {repo.tree()}\nparent {repo.tip()}\n".encode()
            + b"author J\xf6rg <j@x> 1 +0000\ncommitter J\xf6rg <j@x> 1 +0000\nencoding latin-1\n\n\xfcber\r\n\nno end"
        )
        git = repo.plumbing
        made = git.write_commit(raw)
        assert raw_commits(git, (made,)) == {made: raw}
        repo.branch("odd")
        repo.write("caf\udce9 \n\t'\"*", "x")
        repo.git("add", "-A")
        repo.git("commit", "-q", "-m", "odd name")
        assert git.changed("main~1", "main") == ("caf\udce9 \n\t'\"*",)
        assert list(git.blobs("main", ("caf\udce9 \n\t'\"*",))) == ["caf\udce9 \n\t'\"*"]

    def test_status_names_every_kind_of_uncommitted_file_but_no_ignored_one(self, repo: Repo) -> None:
        """Also where the user has told git status to be quiet, or to follow renames."""
        repo.commit("more", {"old": "same content\n" * 9, "gone": "x", ".gitignore": "*.log\nbuild/\n"})
        for key, value in {"status.showUntrackedFiles": "no", "status.renames": "true"}.items():
            repo.git("config", key, value)
        repo.write("README", "changed")
        repo.write("staged", "x")
        repo.git("add", "staged")
        repo.git("mv", "old", "new")
        (repo.folder / "gone").unlink()
        for name in ("folder/a", "folder/b", "x.log", "build/1", "build/sub/2"):
            repo.write(name, "x")
        status = repo.plumbing.status()
        assert set(status.tracked) == {"README", "staged", "old", "new", "gone"}
        assert status.untracked == ("folder/a", "folder/b")
        assert set(repo.plumbing.ignored()) == {"x.log", "build/"}

    @pytest.mark.parametrize("name", ["a b", "-x", "caf\u00e9"])
    def test_worktrees_are_found_under_any_name(self, repo: Repo, name: str) -> None:
        folder = repo.folder.parent / name
        repo.git("worktree", "add", "-q", "-b", "side", "--", str(folder))
        trees = repo.plumbing.worktrees()
        assert [(tree.path, tree.branch, tree.head) for tree in trees] == [
            (repo.folder, "main", repo.tip()),
            (folder, "side", repo.tip()),
        ]

    def test_the_branch_of_a_checkout_has_its_own_name_beside_a_tag_of_the_same(self, repo: Repo) -> None:
        """Git shortens the branch to heads/main then, and nothing would ever land again."""
        repo.git("tag", "main")
        assert repo.plumbing.head_branch() == "main"
        repo.git("checkout", "-q", "--detach")
        assert repo.plumbing.head_branch() is None

    @pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "revert", "bisect"])
    def test_an_operation_in_progress_is_named(self, repo: Repo, operation: str) -> None:
        repo.branch("side")
        repo.grow("side", "theirs", {"README": "theirs\n"})
        repo.commit("ours", {"README": "ours\n"})
        repo.commit("later", {"README": "later\n"})
        assert repo.plumbing.in_progress() is None
        words = {"revert": ("revert", "main~1"), "bisect": ("bisect", "start")}.get(operation, (operation, "side"))
        repo.try_git(*words)
        assert repo.plumbing.in_progress() == operation

    def test_texts_are_the_regular_files_below_a_folder(self, repo: Repo) -> None:
        """No symlink's target is taken for content, and a name's newline or a missing last newline is kept."""
        repo.write("boards/a/1.md", "one\n\ntwo")
        repo.write("boards/b.md", "")
        repo.write("other/c.md", "no")
        (repo.folder / "boards" / "link.md").symlink_to("/etc/passwd")
        repo.git("add", "-A")
        repo.git("commit", "-q", "-m", "boards")
        assert repo.plumbing.texts("main", "boards") == {"a/1.md": "one\n\ntwo", "b.md": ""}
        assert repo.plumbing.texts("main", "none") == {}


class TestWriting:
    def test_refs_move_together_or_not_at_all(self, repo: Repo) -> None:
        """The undo ref and the base: a lost race writes neither."""
        first = repo.tip()
        repo.branch("side")
        new = repo.grow("side", "new", {"a": "1\n"})
        git = repo.plumbing
        other = repo.grow("main", "somebody was faster", {"b": "2\n"})
        moves = [("refs/heads/main", new, first), ("refs/batty/main/1", first, None)]
        assert not git.move_refs(moves, "test").ok
        assert (repo.tip(), git.tip("refs/batty/main/1")) == (other, None)
        moves = [("refs/heads/main", new, other), ("refs/batty/main/1", other, None)]
        assert git.move_refs(moves, "test").ok
        assert (repo.tip(), git.tip("refs/batty/main/1")) == (new, other)

    def test_a_pin_may_be_set_twice_but_never_moved(self, repo: Repo) -> None:
        first = repo.tip()
        git = repo.plumbing
        git.pin("refs/batty/cand/1", first)
        git.pin("refs/batty/cand/1", first)
        with pytest.raises(BattyError) as caught:
            git.pin("refs/batty/cand/1", repo.commit("second"))
        assert (caught.value.code, git.tip("refs/batty/cand/1")) == ("ref-taken", first)

    def test_a_branch_that_moved_is_not_deleted(self, repo: Repo) -> None:
        first = repo.tip()
        repo.branch("side")
        moved = repo.grow("side", "more", {"a": "1\n"})
        assert not repo.plumbing.drop_ref("refs/heads/side", first)
        assert repo.plumbing.drop_ref("refs/heads/side", moved)

    def test_a_worktree_with_work_in_it_is_not_removed(self, repo: Repo) -> None:
        folder = repo.worktree("side", "-b", "side")
        repo.write("note", "mine", into=folder)
        assert not repo.plumbing.remove_worktree(folder).ok
        assert (folder / "note").read_text() == "mine"

    def test_a_merge_in_the_database_touches_no_file_and_no_ref(self, repo: Repo) -> None:
        repo.branch("side")
        repo.grow("side", "theirs", {"README": "theirs\n", "new": "x\n"})
        repo.commit("ours", {"README": "ours\n"})
        repo.write("README", "and uncommitted")
        before = (repo.snapshot_files(), repo.git("for-each-ref"), repo.git("status", "--porcelain"))
        assert repo.plumbing.merge_tree("main", "side").conflicts == ("README",)
        assert (repo.snapshot_files(), repo.git("for-each-ref"), repo.git("status", "--porcelain")) == before


class TestFastForward:
    @pytest.mark.parametrize("options", ["--squash", "--no-ff", "--autostash", "-s ours", "--no-commit --no-ff"])
    def test_the_branchs_merge_options_do_not_change_what_a_fast_forward_is(self, repo: Repo, options: str) -> None:
        """With `-s ours` there, git makes a merge commit that throws the phase's work away."""
        repo.branch("side")
        new = repo.grow("side", "new", {"a": "1\n"})
        repo.git("config", "branch.main.mergeOptions", options)
        assert repo.plumbing.fast_forward(new, "main").ok
        assert (repo.tip(), repo.git("status", "--porcelain")) == (new, "")

    def test_hooks_do_not_run(self, repo: Repo) -> None:
        repo.branch("side")
        new = repo.grow("side", "new", {"a": "1\n"})
        for name in ("post-merge", "reference-transaction", "post-checkout", "post-index-change"):
            repo.write(f".git/hooks/{name}", f"#!/bin/sh\ntouch '{repo.folder}/ran'; exit 1\n").chmod(0o755)
        assert repo.plumbing.fast_forward(new, "main").ok
        assert not (repo.folder / "ran").exists()


class TestFinding:
    def test_the_top_is_found_from_below_and_outside_is_refused(self, repo: Repo, tmp_path: Path) -> None:
        repo.write("a/b/c", "x")
        assert find_repository(repo.folder / "a" / "b").folder == repo.folder
        with pytest.raises(BattyError) as caught:
            find_repository(tmp_path)
        assert caught.value.code == "no-repository"

    def test_all_worktrees_share_one_state_folder(self, repo: Repo) -> None:
        there = Git(repo.worktree("side", "-b", "side"))
        assert state_folder(there) == state_folder(repo.plumbing) == repo.folder / ".git" / "batty"


@pytest.mark.parametrize(
    ("content", "side"),
    [
        ("old content\n", "old"),
        ("new, longer content\n", "new"),
        ("new, lon", "partial"),
        ("old c", "partial"),
        ("", "partial"),
        (None, "missing"),
        ("old content\nand mine\n", "other"),
        ("mine", "other"),
    ],
)
def test_whose_content_a_file_has(repo: Repo, content: str | None, side: str) -> None:
    """Only what is provably ours, whole or cut off, may be taken back."""
    old, new = (Blob("100644", repo.blob(text)) for text in ("old content\n", "new, longer content\n"))
    if content is not None:
        repo.write("file", content)
    assert on_disk(repo.plumbing, "file", old, new) == side


def test_whose_content_a_file_has_is_judged_as_git_checks_it_out(repo: Repo) -> None:
    """With line endings as the attributes say; a link by where it leads; a folder is nobody's file."""
    repo.commit("attributes", {".gitattributes": "*.txt text eol=crlf\n"})
    old, new = (Blob("100644", repo.blob(text)) for text in ("old\n", "new\nline\n"))
    repo.write("a.txt", "new\r\nli")
    assert on_disk(repo.plumbing, "a.txt", old, new) == "partial"
    repo.write("a.txt", "old\r\n")
    assert on_disk(repo.plumbing, "a.txt", old, new) == "old"
    link = Blob("120000", repo.blob("there"))
    (repo.folder / "link").symlink_to("there")
    assert on_disk(repo.plumbing, "link", None, link) == "new"
    (repo.folder / "folder").mkdir()
    assert on_disk(repo.plumbing, "folder", old, None) == "other"
    assert on_disk(repo.plumbing, "none", None, Blob("100644", Sha(ZERO))) == "missing"


def test_a_worktree_that_another_git_is_just_making_is_waited_for(repo: Repo, tmp_path: Path) -> None:
    """A fetch looks at the HEADs of all worktrees; one that is being made has none, and git dies of it."""
    other = Repo.make(tmp_path / "other", {"new": "new"})
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    head = repo.folder / ".git" / "worktrees" / "linked" / "HEAD"
    kept = head.read_text()
    head.write_text(f"{ZERO}\n")
    asked, script = tmp_path / "asked", tmp_path / "upload-pack"
    # the second time that git asks, the worktree is made
    finish = f"[ $(wc -l <{asked}) -lt 2 ] || echo {kept.strip()} >{head}"
    script.write_text(f'#!/bin/sh\necho >>{asked}\n{finish}\nexec git-upload-pack "$@"\n')
    script.chmod(0o755)
    words = ("fetch", "--quiet", f"--upload-pack={script}", str(other.folder), "main:refs/heads/other")
    assert repo.plumbing.run(*words).ok
    assert len(asked.read_text().splitlines()) == 2
    assert repo.tip("other") == other.tip()
