"""Repositories as they really are: line ends, submodules, filters, merge drivers, odd names, odd settings.

Beside these, tests/drive/test_candidate.py holds renames on one side, renamed folders, empty and repeated commits,
links and modes; tests/drive/test_gate.py a sparse checkout's gate; tests/drive/test_losses.py names that are one.
"""

import os
from pathlib import Path

import pytest

from batty_tmux.core.events import CandidateBuilt, Conflicted
from tests.support.lander import Lander
from tests.support.repo import Repo

TEN = "".join(f"{n}\n" for n in range(10))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo", {"a": TEN, "b": "b\n"})
    made.gate("test ! -e broken")
    return made


@pytest.fixture
def lander(repo: Repo) -> Lander:
    return Lander(repo)


def line(number: int, text: str) -> str:
    return TEN.replace(f"{number}\n", f"{text}\n")


def built(lander: Lander, phase: str = "phase-1") -> CandidateBuilt:
    return next(e for e in reversed(lander.events) if isinstance(e, CandidateBuilt) and e.phase == phase)


def clash(lander: Lander, phase: str = "phase-1") -> tuple[str, ...]:
    return next(e.paths for e in reversed(lander.events) if isinstance(e, Conflicted) and e.phase == phase)


def of_the_phase(repo: Repo) -> Path:
    """Return a worktree on the branch of the first phase."""
    return repo.worktree("phase-1", "-b", "batty/phase-1-run-001")


def commit(repo: Repo, folder: Path, message: str = "work") -> None:
    repo.git("add", "-A", cwd=folder)
    repo.git("commit", "-q", "-m", message, cwd=folder)


def test_files_that_git_shows_as_modified_for_ever_stop_nobody(repo: Repo, lander: Lander) -> None:
    """CRLF in the repository under `text`: no checkout is ever clean, neither the user's nor the gate's."""
    repo.commit("as it came", {"x.txt": b"one\r\ntwo\r\n"})
    repo.commit("attributes", {".gitattributes": "*.txt text\n"})
    (repo.folder / "x.txt").touch()
    assert repo.git("status", "--porcelain") == " M x.txt"
    lander.approve("phase-1", {"new.txt": b"new\r\n", "b": "changed\n"})
    lander.approve("phase-2", {"a": line(2, "two")})
    lander.land()
    assert lander.landed == ["phase-1", "phase-2"]
    assert repo.git("rev-parse", "main:new.txt") == repo.blob(b"new\r\n")
    assert (repo.folder / "x.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert repo.git("rev-parse", "main:x.txt") == repo.blob(b"one\r\ntwo\r\n")


class TestSubmodules:
    @pytest.fixture
    def library(self, repo: Repo, tmp_path: Path) -> Repo:
        """The repository holds another one at `lib`, which is initialised in the user's checkout."""
        with (Path(os.environ["HOME"]) / ".gitconfig").open("a") as file:
            file.write('[protocol "file"]\n\tallow = always\n')
        library = Repo.make(tmp_path / "library", {"code": "1\n"})
        repo.git("submodule", "--quiet", "add", str(library.folder), "lib")
        repo.git("config", "-f", ".gitmodules", "submodule.lib.ignore", "all")
        repo.git("commit", "-q", "-a", "-m", "a submodule")
        return library

    def test_a_phase_that_moves_one_lands_and_the_users_stays_as_it_is(
        self, repo: Repo, lander: Lander, library: Repo
    ) -> None:
        """Its folder in the user's checkout is a repository with work of its own, which is not ours to move."""
        new = library.commit("better", {"code": "2\n"})
        folder = of_the_phase(repo)
        repo.git("update-index", "--cacheinfo", f"160000,{new},lib", cwd=folder)
        repo.git("commit", "-q", "-m", "move it", cwd=folder)
        repo.commit("base moves", {"b": "other\n"})
        repo.write("lib/code", "mine, uncommitted\n")
        lander.approve("phase-1")
        lander.land()
        assert lander.states == {"phase-1": "landed"}
        assert repo.git("rev-parse", "main:lib") == new
        assert (repo.folder / "lib" / "code").read_text() == "mine, uncommitted\n"

    def test_a_gate_has_them_where_its_setup_fetches_them(self, repo: Repo, lander: Lander, library: Repo) -> None:
        """A new worktree has empty folders there; the next gate finds its own commit of them, not the last one's."""
        command = 'test "$(cat lib/code)" = "$(git show HEAD:b)"'
        repo.gate(command, setup="git submodule --quiet update --init")
        repo.commit("as the submodule", {"b": "1\n"})
        new = library.commit("better", {"code": "2\n"})
        lander.approve("phase-1", {"new": "x\n"})
        lander.land()
        folder = repo.worktree("phase-2", "-b", "batty/phase-2-run-001")
        repo.git("update-index", "--cacheinfo", f"160000,{new},lib", cwd=folder)
        repo.write("b", "2\n", into=folder)
        repo.git("add", "b", cwd=folder)
        repo.git("commit", "-q", "-m", "move it", cwd=folder)
        lander.approve("phase-2")
        lander.approve("phase-3", {"another": "x\n"})
        lander.land()
        assert lander.landed == ["phase-1", "phase-2", "phase-3"]

    def test_two_phases_that_move_one_to_different_commits_conflict_by_its_name(
        self, repo: Repo, lander: Lander, library: Repo
    ) -> None:
        for name in ("phase-1", "phase-2"):
            folder = repo.worktree(name, "-b", f"batty/{name}-run-001")
            new = library.commit(name, {"code": f"{name}\n"})
            repo.git("update-index", "--cacheinfo", f"160000,{new},lib", cwd=folder)
            repo.git("commit", "-q", "-m", "move it", cwd=folder)
            lander.approve(name)
        lander.land()
        assert lander.states == {"phase-1": "landed", "phase-2": "conflict"}
        assert clash(lander, "phase-2") == ("lib",)


class TestFilters:
    """A filter whose content cannot be fetched, as with Git LFS without its server: a checkout fails."""

    BROKEN = (("filter.lfs.clean", "cat"), ("filter.lfs.smudge", "false"), ("filter.lfs.required", "true"))

    def broken(self, repo: Repo) -> None:
        for key, value in self.BROKEN:
            repo.git("config", key, value)

    def test_a_phase_whose_files_cannot_be_fetched_is_held_and_not_red(self, repo: Repo, lander: Lander) -> None:
        """Its code is not to blame; merging does not run the filter, and the others land."""
        self.broken(repo)
        lander.approve("phase-1", {".gitattributes": "*.bin filter=lfs\n", "x.bin": "pointer\n"})
        lander.approve("phase-2", {"new": "x\n"})
        lander.land()
        assert lander.states == {"phase-1": "held", "phase-2": "landed"}
        assert "infra" in lander.verdicts("phase-1")
        assert "fail" not in lander.verdicts("phase-1")

    def test_where_the_bases_cannot_be_fetched_all_are_held(self, repo: Repo, lander: Lander) -> None:
        """No worktree can be made at all then."""
        repo.commit("big", {".gitattributes": "*.bin filter=lfs\n", "x.bin": "pointer\n"})
        self.broken(repo)
        lander.approve("phase-1", {"new": "x\n"})
        lander.approve("phase-2", {"newer": "x\n"})
        base = repo.tip()
        lander.land()
        assert not {"landed", "red"} & set(lander.states.values())
        assert set(lander.verdicts("phase-1")) == {"infra"}
        assert repo.tip() == base


class TestDrivers:
    """Drivers are what the base's own attributes name; what nobody committed decides nothing."""

    def both(self, repo: Repo, lander: Lander) -> None:
        lander.approve("phase-1", {"a": line(5, "phase")})
        repo.commit("base moves", {"a": line(5, "base")})

    def test_a_file_whose_lines_are_joined_lands_with_both(self, repo: Repo, lander: Lander) -> None:
        """`merge=union`, as projects have it for lists of changes."""
        repo.commit("attributes", {".gitattributes": "a merge=union\n"})
        self.both(repo, lander)
        lander.land()
        assert lander.states == {"phase-1": "landed"}
        assert repo.files()["a"] in {line(5, "base\nphase"), line(5, "phase\nbase")}

    def test_a_driver_of_the_users_is_asked_where_the_base_names_it(
        self, repo: Repo, lander: Lander, tmp_path: Path
    ) -> None:
        driver = repo.write("driver", '#!/bin/sh\necho "put together" >"$1"\n', into=tmp_path)
        driver.chmod(0o755)
        repo.git("config", "merge.ours.driver", f"'{driver}' %A")
        repo.commit("attributes", {".gitattributes": "a merge=ours\n"})
        self.both(repo, lander)
        lander.land()
        assert repo.files()["a"] == "put together\n"

    def test_one_that_is_not_there_is_as_none(self, repo: Repo, lander: Lander) -> None:
        repo.commit("attributes", {".gitattributes": "a merge=missing\n"})
        self.both(repo, lander)
        lander.land()
        assert clash(lander) == ("a",)

    @pytest.mark.parametrize("where", ["checkout", "branch", "phase", "global", "default"])
    def test_what_is_not_in_the_base_joins_nothing(
        self, repo: Repo, lander: Lander, tmp_path: Path, where: str
    ) -> None:
        """An attribute in a file that is not committed would turn a conflict into a file with both, unasked."""
        rule = "a merge=union\n"
        if where == "phase":
            lander.approve("phase-1", {"a": line(5, "phase"), ".gitattributes": rule})
            repo.commit("base moves", {"a": line(5, "base")})
        else:
            self.both(repo, lander)
        if where == "checkout":
            repo.write(".gitattributes", rule)
        elif where == "branch":
            repo.git("checkout", "-q", "-b", "elsewhere")
            repo.commit("attributes", {".gitattributes": rule})
        elif where == "global":
            repo.git("config", "core.attributesFile", str(repo.write("attributes", rule, into=tmp_path)))
        elif where == "default":
            repo.git("config", "merge.default", "union")
        lander.land()
        assert clash(lander) == ("a",)


def test_a_file_that_both_renamed_is_a_conflict_with_all_its_names(repo: Repo, lander: Lander) -> None:
    lander.approve("phase-1", {"a": None, "this": TEN})
    repo.commit("another way", {"a": None, "that": TEN})
    lander.land()
    assert set(clash(lander)) == {"a", "this", "that"}


class TestCrissCross:
    def cross(self, repo: Repo, lander: Lander) -> None:
        """The phase and main have merged each other's first commits, each its own way round."""
        branch = repo.phase("phase-1", {"a": line(2, "phase")})
        main = repo.commit("base", {"b": "base\n"})
        phase = repo.tip(branch)
        repo.grow(branch, "merge main", {"b": "base\n"}, parents=(phase, main))
        repo.git("merge", "-q", "--no-ff", "-m", "merge phase", phase)
        repo.grow(branch, "more", {"a": line(2, "phase").replace("8\n", "eight\n")})
        repo.commit("more", {"b": "more\n"})
        assert len(repo.git("merge-base", "--all", "main", branch).split()) == 2
        lander.approve("phase-1")

    def test_what_has_two_merge_bases_lands_whole(self, repo: Repo, lander: Lander) -> None:
        self.cross(repo, lander)
        lander.land()
        assert lander.states == {"phase-1": "landed"}
        assert repo.files()["a"] == line(2, "phase").replace("8\n", "eight\n")
        assert repo.files()["b"] == "more\n"

    def test_merge_bases_that_conflict_with_each_other_do_not_count(self, repo: Repo, lander: Lander) -> None:
        """Both sides have settled that conflict alike; git's own merge of the bases has marks in it."""
        branch = repo.phase("phase-1", {"a": line(5, "phase")})
        main = repo.commit("base", {"a": line(5, "base")})
        phase = repo.tip(branch)
        both = line(5, "both")
        repo.grow(branch, "merge main", {"a": both}, parents=(phase, main))
        repo.git("checkout", "-q", "--detach")
        repo.grow("main", "merge phase", {"a": both}, parents=(main, phase))
        repo.git("checkout", "-q", "main")
        repo.grow(branch, "more", {"a": both.replace("0\n", "zero\n")})
        repo.commit("more", {"a": both.replace("9\n", "nine\n")})
        lander.approve("phase-1")
        lander.land()
        assert repo.files()["a"] == both.replace("0\n", "zero\n").replace("9\n", "nine\n")


def test_a_repository_with_long_object_ids_lands_like_any(tmp_path: Path) -> None:
    """sha256: refs are made and moved by ids of 64 digits, also where there was none before."""
    folder = tmp_path / "repo"
    folder.mkdir()
    repo = Repo(folder)
    repo.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    repo.commit("start", {"a": TEN})
    repo.gate("test ! -e broken")
    lander = Lander(repo)
    lander.approve("phase-1", {"a": line(2, "phase")})
    lander.approve("phase-2", {"broken": "x\n"})
    repo.commit("base moves", {"b": "other\n"})
    lander.land()
    assert lander.states == {"phase-1": "landed", "phase-2": "red"}
    assert len(repo.tip()) == 64
    assert built(lander).how == "replay"


def test_a_checkout_of_a_part_stays_one_and_gets_what_is_its_part(repo: Repo, lander: Lander) -> None:
    repo.commit("more", {"in/x": "x\n", "out/y": "y\n"})
    repo.git("sparse-checkout", "set", "in")
    lander.approve("phase-1", {"in/x": "changed\n", "in/new": "x\n", "out/y": "changed\n", "out/new": "x\n"})
    lander.land()
    assert lander.states == {"phase-1": "landed"}
    assert (repo.folder / "in" / "x").read_text() == "changed\n"
    assert (repo.folder / "in" / "new").exists()
    assert not (repo.folder / "out").exists()
    assert repo.files()["out/y"] == "changed\n"
    assert repo.git("status", "--porcelain") == ""


def test_a_file_becomes_a_link_a_link_a_file_and_another_can_be_run(repo: Repo, lander: Lander) -> None:
    """Also where the base changes its content meanwhile."""
    (repo.folder / "link").symlink_to("a")
    commit(repo, repo.folder, "a link")
    folder = of_the_phase(repo)
    (folder / "link").unlink()
    (folder / "link").write_text("a file now\n")
    (folder / "b").unlink()
    (folder / "b").symlink_to("a")
    (folder / "a").chmod(0o755)
    commit(repo, folder)
    repo.commit("base moves", {"a": line(5, "base")})
    lander.approve("phase-1")
    lander.land()
    assert lander.states == {"phase-1": "landed"}
    assert (repo.folder / "b").is_symlink()
    assert not (repo.folder / "link").is_symlink()
    assert os.access(repo.folder / "a", os.X_OK)
    assert (repo.folder / "a").read_text() == line(5, "base")
    assert repo.git("status", "--porcelain") == ""


ODD = ("new\nline", 'quo"te', "tab\t", "back\\slash", "\udcff\udcfe", "-x", " lead", "\u00fcber", ":(top)a", "*", "a'b")


@pytest.mark.parametrize("way", ["lands", "conflicts", "waits"])
def test_odd_names_land_conflict_and_are_told_of_as_they_are(repo: Repo, lander: Lander, way: str) -> None:
    """New lines, quotes, bytes that are no text, and names that look like options or patterns."""
    lander.approve("phase-1", {f"odd/{name}": "phase\n" for name in ODD})
    told = {f"odd/{name}".encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for name in ODD}
    if way == "conflicts":
        repo.git("checkout", "-q", "--detach")
        repo.grow("main", "base moves", {f"odd/{name}": "base\n" for name in ODD})
        lander.land()
        assert set(clash(lander)) == told
        return
    if way == "waits":
        for name in ODD:
            repo.write(f"odd/{name}", "mine\n")
        lander.land()
        assert set(lander.entry("phase-1").paths) == told
        return
    repo.commit("base moves", {"b": "other\n"})
    lander.land()
    assert lander.states == {"phase-1": "landed"}
    for name in ODD:
        assert (repo.folder / f"odd/{name}").read_text() == "phase\n"


def test_what_lands_is_the_same_commit_whatever_the_user_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the whole landing: worktrees, gates, candidates and the fast-forward of the user's checkout."""
    tips = []
    for name in ("calm", "hostile"):
        repo = Repo.make(tmp_path / name / "repo", {"a": TEN, "b": "b\n"})
        repo.gate("test ! -e broken")
        lander = Lander(repo)
        for number in (1, 2, 3):
            branch = repo.phase(f"phase-{number}", {"a": line(number * 3, "phase"), f"new-{number}": "x\n"})
            repo.grow(branch, f"fixup! work of phase-{number}", {f"more-{number}": "x\n"})
            lander.approve(f"phase-{number}")
        repo.commit("base moves", {"b": "other\n"})
        if name == "hostile":
            _make_hostile(repo, tmp_path)
            monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
            monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere"))
        lander.land()
        assert lander.states == {f"phase-{number}": "landed" for number in (1, 2, 3)}
        tips.append([built(lander, f"phase-{number}").tree for number in (1, 2, 3)])
        assert repo.git("rev-parse", "HEAD") == repo.tip() == built(lander, "phase-3").candidate
    assert tips[0] == tips[1]
    assert not (tmp_path / "ran").exists()


def _make_hostile(repo: Repo, tmp_path: Path) -> None:
    poison = repo.write("poison", f"#!/bin/sh\necho \"$0 $*\" >>'{tmp_path}/ran'\nexit 1\n", into=tmp_path)
    poison.chmod(0o755)
    hooks = ("post-checkout", "post-merge", "pre-merge-commit", "reference-transaction", "post-index-change")
    for folder in ("hooks", "template/hooks"):
        for hook in hooks:
            repo.write(f"{folder}/{hook}", poison.read_text(), into=tmp_path).chmod(0o755)
    for key, value in {
        "core.hooksPath": str(tmp_path / "hooks"),
        "init.templateDir": str(tmp_path / "template"),
        "commit.gpgSign": "true",
        "gpg.program": str(poison),
        "merge.verifySignatures": "true",
        "merge.autoStash": "true",
        "merge.ff": "false",
        "merge.conflictStyle": "zdiff3",
        "merge.stat": "true",
        "merge.renames": "false",
        "pull.rebase": "true",
        "rebase.updateRefs": "true",
        "rebase.autoSquash": "true",
        "rebase.autoStash": "true",
        "commit.template": str(poison),
        "core.editor": str(poison),
        "core.pager": str(poison),
        "core.fsmonitor": str(poison),
        "diff.external": str(poison),
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "diff.ignoreSubmodules": "all",
        "diff.orderFile": str(tmp_path / "missing"),
        "diff.algorithm": "patience",
        "status.showUntrackedFiles": "no",
        "status.branch": "true",
        "checkout.defaultRemote": "nowhere",
        "worktree.guessRemote": "true",
        "branch.autoSetupMerge": "always",
        "log.showSignature": "true",
        "color.ui": "always",
        "user.useConfigOnly": "true",
    }.items():
        repo.git("config", key, value)
