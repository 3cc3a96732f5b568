"""What git merges without a word and must not land: names that are one, orphaned links, work that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batty_tmux.core.events import CandidateBuilt
from batty_tmux.core.queue_plan import Build
from batty_tmux.core.queue_state import Entry
from batty_tmux.drive.candidate import build
from batty_tmux.drive.losses import Loss, losses
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done
from batty_tmux.names import PhaseId, RunId, Sha
from tests.support.repo import Files, Repo

BRANCH = "batty/phase-1-run-001"
TEN = "".join(f"{n}\n" for n in range(10))
CLAIMED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", {"a": TEN, "b": TEN, "docs/x": "x\n"})


def candidate(repo: Repo) -> CandidateBuilt | None:
    entry = Entry(PhaseId("phase-1"), repo.tip(BRANCH), "refs/batty/claim/phase-1/1", 1, CLAIMED)
    event = build(repo.plumbing, Build(entry, repo.tip(), predicted=False), RunId("001"))
    return event if isinstance(event, CandidateBuilt) else None


def found(repo: Repo, start: str | None = None) -> Loss | None:
    event = candidate(repo)
    assert event is not None
    begun = None if start is None else repo.tip(start)
    return losses(repo.plumbing, repo.tip(), repo.tip(BRANCH), event.candidate, begun)


def said(repo: Repo, start: str | None = None) -> tuple[str, tuple[str, ...]] | None:
    loss = found(repo, start)
    return None if loss is None else (loss.code, loss.paths)


def line(number: int, text: str) -> str:
    """Return ten lines, one of them another."""
    return TEN.replace(f"{number}\n", f"{text}\n")


@pytest.fixture
def agent(repo: Repo) -> Path:
    """The phase's worktree; main has gained in `a` and the phase has worked in `b`."""
    folder = repo.worktree("phase-1", "-b", BRANCH)
    repo.commit("work", {"b": line(2, "phase")}, into=folder)
    repo.commit("main gains", {"a": line(5, "gained"), "fresh": "fresh\n"})
    return folder


def merge(repo: Repo, folder: Path, *words: str, other: str = "main") -> None:
    repo.git("merge", "-q", "--no-ff", "-m", "merge", *words, other, cwd=folder)


class TestNames:
    @pytest.mark.parametrize(
        ("new", "names"),
        [
            ("readme", ("README", "readme")),
            ("Docs/y", ("Docs", "docs")),
            ("Docs/x", ("Docs", "docs")),
            ("Docs", ("Docs", "docs")),
            ("A", ("A", "a")),
            ("docs/X", ("docs/X", "docs/x")),
            ("deep/er/x", None),
            ("docs/xx", None),
        ],
    )
    def test_a_name_that_differs_only_in_case_from_another_is_found(
        self, repo: Repo, new: str, names: tuple[str, ...] | None
    ) -> None:
        """Files, folders, and a file beside a folder: on macOS and Windows one of the two would be gone."""
        repo.phase("phase-1", {new: "x\n"})
        repo.commit("base moves", {"b": "other\n"})
        assert said(repo) == (names and ("case-collision", names))

    @pytest.mark.parametrize(
        ("one", "other"),
        [("\u00e9", "e\u0301"), ("\u00c9", "e\u0301"), ("\u1e9e", "SS"), ("\u0130", "i\u0307"), ("\u03a3", "\u03c2")],
    )
    def test_letters_that_look_the_same_are_the_same(self, repo: Repo, one: str, other: str) -> None:
        repo.commit("base", {f"{one}/x": "x\n"})
        repo.phase("phase-1", {f"{other}/y": "y\n"})
        assert said(repo) == ("case-collision", tuple(sorted((one, other))))

    def test_two_phases_that_are_right_alone_are_not_together(self, repo: Repo) -> None:
        repo.phase("phase-1", {"Notes.md": "one\n"})
        repo.commit("another phase", {"notes.md": "two\n"})
        assert said(repo) == ("case-collision", ("Notes.md", "notes.md"))

    def test_a_file_whose_case_changes_is_no_collision(self, repo: Repo) -> None:
        repo.phase("phase-1", {"README": None, "Readme": "read me\n", "docs/x": None, "Docs/x": "x\n"})
        assert found(repo) is None

    def test_what_the_base_has_already_is_not_the_candidates_fault(self, repo: Repo) -> None:
        repo.branch("both")
        repo.grow("both", "base", {"Docs/y": "y\n", "readme": "x\n"})
        repo.git("checkout", "-q", "-B", "main", "both")
        repo.phase("phase-1", {"Docs/new": "x\n", "docs/another": "x\n", "readme": "changed\n"})
        assert found(repo) is None

    def test_names_that_are_no_text_are_compared_too(self, repo: Repo) -> None:
        repo.phase("phase-1", {"odd\udcff\n'": "x\n", "ODD\udcff\n'": "y\n"})
        assert said(repo) == ("case-collision", ("ODD\udcff\n'", "odd\udcff\n'"))


class TestLinks:
    def linked(self, repo: Repo, path: str, modules: str | None) -> None:
        folder = repo.worktree("phase-1", "-b", BRANCH)
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path}", cwd=folder)
        if modules is not None:
            repo.write(".gitmodules", modules, into=folder)
            repo.git("add", ".gitmodules", cwd=folder)
        repo.git("commit", "-q", "-m", "a link", cwd=folder)

    def test_a_repository_that_was_added_by_accident_is_found(self, repo: Repo) -> None:
        """`git add .` with a clone inside: a link to a commit that nobody else has, and none of its files."""
        self.linked(repo, "vendor/lib", None)
        assert said(repo) == ("missing-submodule", ("vendor/lib",))

    def test_one_that_is_not_among_those_known_is_found_too(self, repo: Repo) -> None:
        self.linked(repo, "vendor/lib", '[submodule "vendor"]\n\tpath = vendor\n\turl = ../x\n')
        assert said(repo) == ("missing-submodule", ("vendor/lib",))

    def test_a_submodule_that_is_declared_is_fine_and_so_is_one_that_moves(self, repo: Repo) -> None:
        self.linked(repo, "vendor/lib", '[submodule "any.path"]\n\tpath = vendor/lib\n\turl = ../x\n\tignore = all\n')
        assert found(repo) is None
        repo.git("update-ref", "refs/heads/main", BRANCH)
        folder = repo.folder.parent / "phase-1"
        repo.git("update-index", "--cacheinfo", f"160000,{'2' * 40},vendor/lib", cwd=folder)
        repo.git("rm", "-q", "--cached", ".gitmodules", cwd=folder)
        repo.git("commit", "-q", "-m", "moved", cwd=folder)
        assert found(repo) is None


class TestMerges:
    @pytest.mark.parametrize("how", [(), ("-X", "ours"), ("-X", "theirs"), ("-s", "resolve")])
    def test_an_honest_merge_of_the_base_is_none(self, repo: Repo, agent: Path, how: tuple[str, ...]) -> None:
        merge(repo, agent, *how)
        assert found(repo) is None
        repo.commit("main moves on", {"a": line(5, "again"), "b": line(8, "main")})
        assert found(repo) is None

    @pytest.mark.parametrize("after", [False, True])
    def test_a_merge_that_keeps_nothing_of_the_base_is_found(self, repo: Repo, agent: Path, after: bool) -> None:
        """`-s ours`; also where the base has moved on since, and git merges the rest without a word."""
        merge(repo, agent, "-s", "ours")
        if after:
            repo.commit("main moves on", {"other": "x\n"})
        assert said(repo) == ("silent-revert", ("a", "fresh"))

    def test_it_is_found_where_the_base_is_the_first_parent(self, repo: Repo, agent: Path) -> None:
        """The agent stood on main and merged its own branch into it, taking all of that."""
        old = repo.tip(BRANCH)
        made = repo.git("commit-tree", repo.tree(BRANCH), "-p", "main", "-p", old, "-m", "merge phase into main")
        repo.git("update-ref", f"refs/heads/{BRANCH}", made)
        assert said(repo) == ("silent-revert", ("a", "fresh"))

    def test_it_is_found_before_the_phase_has_work_of_its_own(self, repo: Repo) -> None:
        """Both parents are the base's then."""
        folder = repo.worktree("phase-1", "-b", BRANCH)
        repo.commit("main gains", {"a": line(5, "gained")})
        merge(repo, folder, "-s", "ours")
        assert said(repo) == ("silent-revert", ("a",))

    def test_it_is_found_where_a_branch_inside_the_phase_brought_the_base(self, repo: Repo, agent: Path) -> None:
        repo.branch("side", "main")
        repo.grow("side", "on a branch of its own", {"side": "s\n"})
        merge(repo, agent, "-s", "ours", other="side")
        assert said(repo) == ("silent-revert", ("a", "fresh"))

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("a", TEN),
            ("a", line(5, "by hand")),
            ("a", line(5, "gained\n5")),
            ("a", None),
            ("fresh", None),
            ("fresh", "another\n"),
        ],
    )
    def test_a_merge_that_was_edited_by_hand_is_found(
        self, repo: Repo, agent: Path, path: str, text: str | None
    ) -> None:
        """What the base added, changed or took away in one file, undone in the merge itself."""
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        if text is None:
            (agent / path).unlink()
        else:
            repo.write(path, text, into=agent)
        repo.git("commit", "-q", "-a", "-m", "merge", cwd=agent)
        assert said(repo) == ("silent-revert", (path,))

    def test_a_file_that_the_base_removed_and_the_merge_kept_is_found(self, repo: Repo, agent: Path) -> None:
        repo.commit("remove", {"docs/x": None})
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.write("docs/x", "x\n", into=agent)
        repo.git("add", "-A", cwd=agent)
        repo.git("commit", "-q", "-m", "merge", cwd=agent)
        assert said(repo) == ("silent-revert", ("docs/x",))

    def test_a_change_to_a_file_that_the_phase_renamed_is_found(self, repo: Repo, agent: Path) -> None:
        repo.commit("rename", {"a": None, "moved/a": TEN}, into=agent)
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        assert "gained" in (agent / "moved" / "a").read_text()
        repo.write("moved/a", TEN, into=agent)
        repo.git("commit", "-q", "-a", "-m", "merge", cwd=agent)
        assert said(repo) == ("silent-revert", ("moved/a",))

    def test_one_hunk_of_a_file_that_both_changed_is_found(self, repo: Repo, agent: Path) -> None:
        """`git checkout HEAD -- b` in the merge: git had put both sides together without a conflict."""
        repo.commit("far from the phase's", {"b": line(8, "gained")})
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.git("checkout", "-q", "HEAD", "--", "b", cwd=agent)
        repo.git("commit", "-q", "-m", "merge", cwd=agent)
        assert said(repo) == ("silent-revert", ("b",))

    @pytest.mark.parametrize("text", ["x\n", "x\nmore\n"])
    def test_a_mode_that_the_base_changed_and_the_merge_did_not_is_found(
        self, repo: Repo, agent: Path, text: str
    ) -> None:
        repo.write("docs/x", text)
        repo.git("add", "docs/x")
        repo.git("update-index", "--chmod=+x", "docs/x")
        repo.git("commit", "-q", "-m", "mode")
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.git("update-index", "--chmod=-x", "docs/x", cwd=agent)
        repo.git("commit", "-q", "-m", "merge", cwd=agent)
        assert said(repo) == ("silent-revert", ("docs/x",))

    def test_a_change_that_is_gone_from_a_file_that_the_merge_moved_is_found(self, repo: Repo, agent: Path) -> None:
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.git("mv", "a", "elsewhere", cwd=agent)
        repo.write("elsewhere", TEN, into=agent)
        repo.git("commit", "-q", "-a", "-m", "merge", cwd=agent)
        assert said(repo) == ("silent-revert", ("a",))

    def test_octopus_merges_are_looked_at_too(self, repo: Repo, agent: Path) -> None:
        repo.branch("side", BRANCH)
        repo.grow("side", "side", {"side": "s\n"})
        tip = repo.tip(BRANCH)
        merge(repo, agent, other="main")
        honest = repo.grow(BRANCH, "octopus", {"side": "s\n"}, parents=(tip, "main", "side"))
        assert found(repo) is None
        repo.git("update-ref", f"refs/heads/{BRANCH}", honest)
        repo.grow(BRANCH, "evil octopus", {"a": TEN}, parents=(tip, "main", "side"))
        assert said(repo) == ("silent-revert", ("a",))


class TestWhatIsMeant:
    def test_an_ordinary_commit_may_take_back_what_a_merge_brought(self, repo: Repo, agent: Path) -> None:
        """It stands in its diff, where a reviewer sees it."""
        merge(repo, agent)
        repo.commit("not what we need", {"a": TEN, "fresh": None}, into=agent)
        assert found(repo) is None

    def test_a_merge_may_bring_more_than_its_sides(self, repo: Repo, agent: Path) -> None:
        """The tests are red after a clean merge, and the agent repairs that in the merge."""
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.write("a", line(5, "gained").replace("8\n", "repaired\n"), into=agent)
        repo.write("more", "x\n", into=agent)
        repo.git("add", "-A", cwd=agent)
        repo.git("commit", "-q", "-m", "merge", cwd=agent)
        assert found(repo) is None

    def test_a_merge_may_move_what_the_base_brought(self, repo: Repo, agent: Path) -> None:
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.git("mv", "a", "elsewhere", cwd=agent)
        repo.git("commit", "-q", "-m", "merge", cwd=agent)
        assert found(repo) is None

    def test_brackets_and_empty_lines_may_go_from_elsewhere(self, repo: Repo, agent: Path) -> None:
        """What the base adds ends in a line that many others are like."""
        text = "f {\n\n}\n" + TEN
        repo.commit("start", {"code": text}, into=agent)
        merge(repo, agent)
        repo.git("update-ref", "refs/heads/main", BRANCH)
        repo.git("reset", "-q", "--hard")
        repo.commit("more", {"b": "b\n"}, into=agent)
        repo.commit("gain", {"code": text + "g {\n\n}\n"})
        repo.git("merge", "-q", "--no-ff", "--no-commit", "main", cwd=agent)
        repo.write("code", TEN + "g {\n\n}\n", into=agent)
        repo.git("commit", "-q", "-a", "-m", "merge", cwd=agent)
        assert found(repo) is None

    def test_what_a_phase_drops_of_its_own_branches_is_its_own_affair(self, repo: Repo, agent: Path) -> None:
        repo.branch("side", BRANCH)
        repo.grow("side", "side", {"side": "s\n", "a": line(1, "side")})
        merge(repo, agent, "-s", "ours", other="side")
        merge(repo, agent)
        repo.commit("more", {"a": line(5, "gained").replace("9\n", "phase\n"), "side": "another\n"}, into=agent)
        assert found(repo) is None

    def test_a_file_that_is_only_touched_later_is_still_lost(self, repo: Repo, agent: Path) -> None:
        """The later diff does not show that main's line is gone."""
        merge(repo, agent, "-s", "ours")
        repo.commit("more work", {"a": line(9, "phase")}, into=agent)
        assert said(repo) == ("silent-revert", ("a", "fresh"))

    def test_what_a_later_commit_brings_back_is_not_lost(self, repo: Repo, agent: Path) -> None:
        merge(repo, agent, "-s", "ours")
        repo.commit("oh", {"a": line(5, "gained").replace("9\n", "phase\n"), "fresh": "fresh\n"}, into=agent)
        assert found(repo) is None
        repo.commit("and now in the open", {"a": TEN, "fresh": None}, into=agent)
        assert found(repo) is None

    def test_what_the_base_changed_again_is_not_brought_back_by_it(self, repo: Repo, agent: Path) -> None:
        """Only the phase's own commits excuse the phase."""
        merge(repo, agent, "-s", "ours")
        repo.commit("main edits elsewhere", {"a": line(5, "gained").replace("0\n", "zero\n")})
        merge(repo, agent)
        assert said(repo) == ("silent-revert", ("a", "fresh"))


class TestConflicts:
    @pytest.fixture
    def clash(self, repo: Repo, agent: Path) -> Path:
        repo.commit("clash", {"a": line(5, "phase")}, into=agent)
        return agent

    def test_ours_is_fine_where_it_holds_some_of_the_bases_lines(self, repo: Repo, agent: Path) -> None:
        repo.commit("more", {"a": line(5, "gained\nsecond")})
        repo.commit("some of the same", {"a": line(5, "gained\nmine")}, into=agent)
        self.settle(repo, agent, line(5, "gained\nmine"))
        assert found(repo) is None

    @pytest.mark.parametrize("keeps", [True, False])
    def test_a_file_that_the_base_removed_and_the_phase_changed(self, repo: Repo, clash: Path, keeps: bool) -> None:
        repo.commit("remove", {"a": None})
        self.settle(repo, clash, line(5, "phase") if keeps else None)
        assert said(repo) == (("dropped-change", ("a",)) if keeps else None)

    def test_of_two_names_for_a_renamed_file_one_may_be_chosen(self, repo: Repo, agent: Path) -> None:
        repo.commit("take it back", {"b": TEN}, into=agent)
        repo.git("mv", "b", "two")
        repo.git("commit", "-q", "-m", "that way")
        repo.git("mv", "b", "one", cwd=agent)
        repo.git("commit", "-q", "-m", "this way", cwd=agent)
        assert not repo.try_git("merge", "-q", "main", cwd=agent).ok
        repo.git("rm", "-q", "--cached", "b", "two", cwd=agent)
        (agent / "two").unlink()
        repo.git("add", "-A", cwd=agent)
        repo.git("commit", "-q", "-m", "merge", cwd=agent)
        assert found(repo) is None

    def settle(self, repo: Repo, folder: Path, text: str | None) -> None:
        assert not repo.try_git("merge", "-q", "main", cwd=folder).ok
        if text is None:
            repo.git("rm", "-q", "a", cwd=folder)
        else:
            repo.write("a", text, into=folder)
            repo.git("add", "a", cwd=folder)
        repo.git("commit", "-q", "-m", "merge", cwd=folder)

    def test_one_that_is_settled_by_ours_is_a_dropped_change(self, repo: Repo, clash: Path) -> None:
        merge(repo, clash, "-X", "ours")
        assert said(repo) == ("dropped-change", ("a",))

    @pytest.mark.parametrize("text", ["gained", "phase\ngained", "gained by phase", "both", "phase "])
    def test_one_that_is_settled_with_something_of_both_or_of_neither_is_not(
        self, repo: Repo, clash: Path, text: str
    ) -> None:
        """Whoever wrote what neither side had has looked at it."""
        self.settle(repo, clash, line(5, text))
        assert found(repo) is None

    def test_ours_is_fine_where_it_holds_the_bases_lines(self, repo: Repo, agent: Path) -> None:
        repo.commit("the same and more", {"a": line(5, "gained\nand more")}, into=agent)
        self.settle(repo, agent, line(5, "gained\nand more"))
        assert found(repo) is None

    def test_ours_beside_another_hunk_of_the_bases_that_is_kept_is_fine(self, repo: Repo, clash: Path) -> None:
        repo.commit("another hunk", {"a": line(5, "gained").replace("0\n", "zero\n")})
        merge(repo, clash, "-X", "ours")
        assert found(repo) is None

    @pytest.mark.parametrize("keeps", [True, False])
    def test_a_file_that_the_phase_removed_and_the_base_changed(self, repo: Repo, agent: Path, keeps: bool) -> None:
        repo.commit("remove", {"a": None}, into=agent)
        self.settle(repo, agent, line(5, "gained") if keeps else None)
        assert said(repo) == (None if keeps else ("dropped-change", ("a",)))

    def test_what_lies_in_the_users_checkout_does_not_settle_it(self, repo: Repo, clash: Path) -> None:
        """Attributes there would make it a merge without a conflict, and the phase's answer a loss."""
        self.settle(repo, clash, line(5, "by both"))
        repo.write(".gitattributes", "a merge=union\n")
        assert found(repo) is None


class TestSquash:
    """`git reset --soft main`, and a commit from an index that is older than main."""

    def squash(self, repo: Repo, folder: Path) -> None:
        repo.git("tag", "begun", f"{BRANCH}~1")
        repo.git("reset", "-q", "--soft", "main", cwd=folder)
        repo.git("commit", "-q", "-m", "all of it in one", cwd=folder)

    @pytest.mark.parametrize("after", [False, True])
    def test_it_is_found_by_where_the_phase_began(self, repo: Repo, agent: Path, after: bool) -> None:
        """It looks like an ordinary commit; the paths are as they were then."""
        self.squash(repo, agent)
        if after:
            repo.commit("main moves on", {"other": "x\n"})
        assert said(repo, "begun") == ("silent-revert", ("a", "fresh"))
        assert said(repo) is None

    def test_a_rebase_and_a_squash_of_what_is_up_to_date_are_not(self, repo: Repo, agent: Path) -> None:
        repo.commit("more", {"b": line(2, "phase").replace("7\n", "seven\n")}, into=agent)
        repo.git("tag", "first", f"{BRANCH}~2")
        repo.git("rebase", "-q", "main", cwd=agent)
        assert found(repo, "first") is None
        repo.git("reset", "-q", "--soft", "main", cwd=agent)
        repo.git("commit", "-q", "-m", "all of it in one", cwd=agent)
        assert found(repo, "first") is None

    def test_a_revert_that_says_so_is_meant(self, repo: Repo, agent: Path) -> None:
        repo.git("tag", "begun", f"{BRANCH}~1")
        repo.git("rebase", "-q", "main", cwd=agent)
        repo.git("revert", "--no-edit", "main", cwd=agent)
        assert found(repo, "begun") is None
        repo.git("commit", "-q", "--amend", "-m", "take it away", cwd=agent)
        assert said(repo, "begun") == ("silent-revert", ("a", "fresh"))

    def test_a_new_file_of_the_bases_may_be_moved(self, repo: Repo, agent: Path) -> None:
        repo.git("tag", "begun", f"{BRANCH}~1")
        repo.git("rebase", "-q", "main", cwd=agent)
        repo.git("mv", "fresh", "docs/fresh", cwd=agent)
        repo.git("commit", "-q", "-m", "move", cwd=agent)
        assert found(repo, "begun") is None


@dataclass(frozen=True)
class Counted(Git):
    """Git that counts its calls."""

    calls: Any = None

    def run(self, *words: str, **more: Any) -> Done:
        self.calls.append(words)
        return Git.run(self, *words, **more)


class TestCost:
    @pytest.mark.parametrize(("files", "calls"), [({"b": "x\n"}, 2), ({"a": None}, 2), ({"new": "x\n"}, 3)])
    def test_a_phase_without_merges_costs_two_gits_and_one_for_new_paths(
        self, repo: Repo, files: Files, calls: int
    ) -> None:
        """It is asked for every candidate."""
        start = repo.tip()
        repo.phase("phase-1", files)
        repo.commit("base moves", {"other": "x\n"})
        event = candidate(repo)
        assert event is not None
        git = Counted(repo.folder, calls=[])
        assert losses(git, repo.tip(), event.head, event.candidate, start) is None
        assert len(git.calls) == calls


# -- histories of any kind

FILES = tuple(f"f/{name}" for name in "abcd")
sides = st.sampled_from(("main", BRANCH))
edits = st.tuples(st.just("edit"), sides, st.sampled_from(FILES), st.integers(0, 19))
others = st.tuples(st.sampled_from(("add", "remove")), sides, st.sampled_from(FILES), st.integers(0, 2))
pulls = st.tuples(st.sampled_from(("merge", "into", "rebase")), sides, st.just(""), st.just(0))
histories = st.lists(st.one_of(edits, edits, edits, others, pulls, pulls), min_size=3, max_size=12)
Step = tuple[str, str, str, int]


@dataclass
class Story:
    """Main and a phase that grow at random; every merge is the one that git makes, or is not made."""

    repo: Repo
    begun: Sha
    numbers: Iterator[int]

    @classmethod
    @contextmanager
    def new(cls) -> "Iterator[Story]":
        with TemporaryDirectory() as folder:
            text = "".join(f"line {n}\n" for n in range(20))
            repo = Repo.make(Path(folder) / "repo", dict.fromkeys(FILES, text))
            # nothing is checked out, so that both branches can be grown
            repo.git("checkout", "-q", "--detach")
            repo.branch(BRANCH)
            yield cls(repo, repo.tip(), count())

    def play(self, step: Step) -> None:
        kind, side, path, at = step
        if kind in {"edit", "add", "remove"}:
            self.work(kind, side, path, at)
        elif kind == "rebase":
            event = candidate(self.repo)
            if event is not None:
                self.repo.git("update-ref", f"refs/heads/{BRANCH}", event.candidate)
        else:
            self.pull(mainward=kind == "into", tree=None)

    def work(self, kind: str, side: str, path: str, at: int) -> None:
        texts = self.repo.plumbing.texts(side, "f")
        lines = texts.get(path.removeprefix("f/"), "").splitlines()
        number = next(self.numbers)
        if kind == "add":
            self.repo.grow(side, "add", {f"f/new-{number}": f"new {number}\n" * 3})
        elif kind == "remove" and lines:
            self.repo.grow(side, "remove", {path: None})
        elif kind == "edit" and at < len(lines):
            lines[at] = f"edit {number}"
            self.repo.grow(side, "edit", {path: "".join(f"{text}\n" for text in lines)})

    def pull(self, *, mainward: bool, tree: Sha | None) -> bool:
        """Merge main into the phase; `mainward` with main as the first parent, `tree` instead of git's own."""
        repo = self.repo
        if repo.plumbing.is_ancestor("main", BRANCH):
            return False
        parents = ["main", BRANCH] if mainward else [BRANCH, "main"]
        merged = repo.plumbing.merge_tree(*parents)
        if merged.conflicts and tree is None:
            return False
        words = [word for parent in parents for word in ("-p", parent)]
        made = repo.git("commit-tree", tree or merged.tree, *words, "-m", f"merge {next(self.numbers)}")
        repo.git("update-ref", f"refs/heads/{BRANCH}", made)
        return True

    def loss(self) -> Loss | None:
        event = candidate(self.repo)
        if event is None:
            return None
        return losses(self.repo.plumbing, self.repo.tip(), event.head, event.candidate, self.begun)


@settings(max_examples=25, deadline=None)
@given(histories)
def test_what_git_merges_and_replays_itself_never_loses_anything(steps: list[Step]) -> None:
    """Edits, new and removed files on both sides, merges either way round, rebases, criss-cross or not."""
    with Story.new() as story:
        for step in steps:
            story.play(step)
        assert story.loss() is None


@settings(max_examples=25, deadline=None)
@given(
    histories.filter(lambda steps: len(steps) < 8),
    st.sampled_from(FILES),
    st.booleans(),
    st.lists(st.one_of(edits, pulls), max_size=3),
)
@example([], FILES[0], True, [("merge", "main", "", 0)])
def test_a_merge_that_drops_a_line_of_the_base_is_found_whatever_else_happened(
    before: list[Step], path: str, mainward: bool, after: list[Step]
) -> None:
    """On a stale branch, with work before and after it; other files, so that nothing brings the line back."""
    with Story.new() as story:
        repo = story.repo
        for step in before:
            story.play(step)
        text = repo.plumbing.texts("main", "f").get(path.removeprefix("f/"))
        if text is None or repo.plumbing.merge_tree(BRANCH, "main").conflicts:
            return
        repo.grow("main", "gain", {path: text + "gained\n"})
        merged = repo.plumbing.merge_tree(BRANCH, "main")
        kept = repo.plumbing.texts(merged.tree, "f").get(path.removeprefix("f/"))
        if merged.conflicts or kept is None:
            return
        repo.git("update-ref", "refs/heads/scratch", repo.git("commit-tree", merged.tree, "-m", "scratch"))
        repo.grow("scratch", "evil", {path: kept.replace("gained\n", "")})
        assert story.pull(mainward=mainward, tree=repo.tree("scratch"))
        for step in after:
            if step[2] != path and step[0] != "rebase":
                story.play(step)
        loss = story.loss()
        if candidate(repo) is None or path not in repo.plumbing.changed("main", BRANCH):
            return
        assert loss is not None
        assert (loss.code, loss.paths) == ("silent-revert", (path,))
