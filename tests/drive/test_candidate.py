"""The commit that the base would become: what it holds, what it keeps, and that nothing else decides it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from batty_tmux.core.events import CandidateBuilt, Conflicted
from batty_tmux.core.queue_plan import Build
from batty_tmux.core.queue_state import Entry
from batty_tmux.drive.candidate import build
from batty_tmux.host.objects import raw_commits
from batty_tmux.names import PhaseId, RunId, Sha
from tests.support.repo import Repo

CLAIMED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
BRANCH = "batty/phase-1-run-001"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", {"a": "1\n2\n3\n4\n5\n", "b": "b\n"})


def made(repo: Repo, head: str = BRANCH, at: datetime = CLAIMED) -> CandidateBuilt | Conflicted:
    entry = Entry(PhaseId("phase-1"), repo.tip(head), "refs/batty/claim/phase-1/1", 1, at)
    return build(repo.plumbing, Build(entry, repo.tip(), predicted=False), RunId("001"))


def built(repo: Repo, head: str = BRANCH, at: datetime = CLAIMED) -> CandidateBuilt:
    event = made(repo, head, at)
    assert isinstance(event, CandidateBuilt)
    assert event.tree == repo.tree(event.candidate)
    assert repo.plumbing.is_ancestor(repo.tip(), event.candidate)
    return event


def raw(repo: Repo, commit: str) -> bytes:
    return raw_commits(repo.plumbing, (Sha(commit),))[Sha(commit)]


class TestWhichCommit:
    def test_a_phase_on_top_of_the_base_is_its_own_candidate(self, repo: Repo) -> None:
        """Also with merges in it: an agent that merged main itself must not meet its conflicts again."""
        repo.phase("phase-1", {"new": "x\n"})
        base = repo.commit("base moves", {"b": "other\n"})
        tip = repo.tip(BRANCH)
        repo.grow(BRANCH, "merge main", {"b": "other\n"}, parents=(tip, base))
        event = built(repo)
        assert (event.how, event.candidate) == ("as-is", repo.tip(BRANCH))

    def test_commits_are_replayed_one_by_one_onto_a_base_that_moved(self, repo: Repo) -> None:
        repo.phase("phase-1", {"a": "one\n2\n3\n4\n5\n"})
        repo.grow(BRANCH, "second", {"new": "x\n"})
        repo.commit("base moves", {"a": "1\n2\n3\n4\nfive\n"})
        event = built(repo)
        assert event.how == "replay"
        assert repo.history(event.candidate) == ["start", "base moves", "work of phase-1", "second"]
        assert repo.files(event.candidate)["a"] == "one\n2\n3\n4\nfive\n"

    def test_what_the_base_holds_already_is_nothing_new(self, repo: Repo) -> None:
        """By ancestry, or because somebody brought the same change by another way."""
        repo.phase("phase-1", {"a": "other\n"})
        repo.commit("the same, by hand", {"a": "other\n"})
        assert (built(repo).how, built(repo).candidate) == ("nothing-new", repo.tip())
        assert built(repo, "main~1").how == "nothing-new"

    def test_a_commit_that_the_base_holds_is_dropped_and_the_others_stay(self, repo: Repo) -> None:
        repo.phase("phase-1", {"a": "other\n"})
        repo.grow(BRANCH, "second", {"new": "x\n"})
        repo.commit("the first, by hand", {"a": "other\n"})
        event = built(repo)
        assert (event.how, repo.history(event.candidate)) == ("replay", ["start", "the first, by hand", "second"])

    def test_a_commit_that_was_empty_on_purpose_stays(self, repo: Repo) -> None:
        repo.phase("phase-1", {"new": "x\n"})
        repo.grow(BRANCH, "nothing, on purpose", {})
        repo.commit("base moves", {"b": "other\n"})
        assert repo.history(built(repo).candidate)[-2:] == ["work of phase-1", "nothing, on purpose"]

    def test_an_evil_merge_keeps_what_only_the_merge_brought(self, repo: Repo) -> None:
        """A rebase would leave out the merge, and its content with it, with exit status 0."""
        repo.phase("phase-1", {"new": "x\n"})
        repo.branch("side")
        repo.grow("side", "side", {"side": "s\n"})
        evil = {"side": "s\n", "evil": "only in the merge\n"}
        repo.grow(BRANCH, "merge side", evil, parents=(BRANCH, "side"))
        repo.commit("base moves", {"b": "other\n"})
        event = built(repo)
        assert event.how == "merge"
        assert repo.files(event.candidate)["evil"] == "only in the merge\n"
        assert repo.git("log", "-1", "--format=%P", event.candidate).split() == [repo.tip(), repo.tip(BRANCH)]

    def test_where_only_the_whole_applies_it_is_merged_whole(self, repo: Repo) -> None:
        """A first commit that conflicts and a second that takes it back: replay fails, the merge is clean."""
        repo.phase("phase-1", {"a": "clash\n2\n3\n4\n5\n"})
        repo.grow(BRANCH, "take it back", {"a": "1\n2\n3\n4\n5\n", "new": "x\n"})
        repo.commit("base moves", {"a": "other\n2\n3\n4\n5\n"})
        event = built(repo)
        assert event.how == "merge"
        assert repo.files(event.candidate)["a"] == "other\n2\n3\n4\n5\n"

    def test_a_replay_that_would_bring_back_what_was_taken_back_is_not_taken(self, repo: Repo) -> None:
        """The base took a change and reverted it; three ways say: gone, one by one would say: here again."""
        first = repo.commit("a change", {"a": "changed\n"})
        repo.branch(BRANCH, "main~1")
        repo.git("update-ref", f"refs/heads/{BRANCH}", first)
        repo.grow(BRANCH, "more", {"new": "x\n"})
        repo.commit("revert it", {"a": "1\n2\n3\n4\n5\n"})
        event = built(repo)
        assert repo.files(event.candidate) == repo.files("main") | {"new": "x\n"}

    def test_a_renamed_file_takes_the_bases_changes_with_it(self, repo: Repo) -> None:
        repo.phase("phase-1", {"a": None, "moved/a": "1\n2\n3\n4\n5\n"})
        repo.commit("base moves", {"a": "1\n2\n3\n4\nfive\n"})
        files = repo.files(built(repo).candidate)
        assert "a" not in files
        assert files["moved/a"] == "1\n2\n3\n4\nfive\n"

    def test_a_history_of_its_own_is_a_conflict_and_not_the_end_of_the_queue(self, repo: Repo) -> None:
        """Git refuses to merge what has no common commit; the lander must live to land the others."""
        tree = repo.tree()
        repo.git("branch", BRANCH, repo.git("commit-tree", tree, "-m", "from nowhere"))
        repo.commit("base moves", {"b": "other\n"})
        assert isinstance(made(repo), Conflicted)


class TestConflict:
    def test_it_names_its_paths_and_touches_nothing(self, repo: Repo) -> None:
        repo.phase("phase-1", {"a": "theirs\n", "b": None, "new": "x\n"})
        repo.commit("base moves", {"a": "ours\n", "b": "changed\n"})
        repo.write("b", "uncommitted")
        repo.write("mine", "untracked")
        before = (repo.snapshot_files(), repo.git("for-each-ref"), repo.git("status", "--porcelain"))
        event = made(repo)
        assert isinstance(event, Conflicted)
        assert event.paths == ("a", "b")
        assert (repo.snapshot_files(), repo.git("for-each-ref"), repo.git("status", "--porcelain")) == before

    def test_a_file_where_the_base_has_a_folder_is_one(self, repo: Repo) -> None:
        repo.phase("phase-1", {"thing": "a file\n"})
        repo.commit("base moves", {"thing/inside": "x\n"})
        event = made(repo)
        assert isinstance(event, Conflicted)
        assert event.paths

    def test_files_are_not_moved_silently_into_a_renamed_folder(self, repo: Repo) -> None:
        """The base renames a folder, the phase adds to the old one: git would move the new file, unasked."""
        lines = "".join(f"{n}\n" for n in range(20))
        repo.commit("a folder", {"old/1": lines, "old/2": lines + "2\n"})
        repo.phase("phase-1", {"old/3": "new\n"})
        repo.commit("rename it", {"old/1": None, "old/2": None, "new/1": lines, "new/2": lines + "2\n"})
        assert isinstance(made(repo), Conflicted)


class TestWhatIsKept:
    def test_author_encoding_and_message_stay_byte_for_byte(self, repo: Repo) -> None:
        """Also latin-1, CRLF, no last newline; the committer keeps the name, and gets the time of the claim."""
        repo.phase("phase-1", {"new": "x\n"})
        tree, parent = repo.tree(BRANCH), repo.tip("main")
        kept = b"encoding iso-8859-1\n\n\xfcber\r\n\r\n  indented\n\n# no comment\n\ntrailer: yes"
        who = b"author J\xf6rg > X <j@x.de> 1700000000 -0730\n"
        line = b"committer C\xf6mmitter <c@x.de> %s\n"
        head = f"tree {tree}\nparent {parent}\n".encode() + who + line % b"1700000001 +0545" + kept
        repo.git("update-ref", f"refs/heads/{BRANCH}", repo.plumbing.write_commit(head))
        base = repo.commit("base moves", {"b": "other\n"})
        event = built(repo)
        assert event.how == "replay"
        when = b"%d +0000" % int(CLAIMED.timestamp())
        assert raw(repo, event.candidate) == (f"tree {event.tree}\nparent {base}\n".encode() + who + line % when + kept)

    def test_a_signature_that_would_be_false_is_dropped(self, repo: Repo) -> None:
        repo.phase("phase-1", {"new": "x\n"})
        head, _, message = raw(repo, repo.tip(BRANCH)).partition(b"\n\n")
        extra = (
            b"\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1\n \n -----END SSH SIGNATURE-----\nx-other kept\n  and this"
        )
        signed = repo.plumbing.write_commit(head + extra + b"\n\n" + message)
        repo.git("update-ref", f"refs/heads/{BRANCH}", signed)
        repo.commit("base moves", {"b": "other\n"})
        assert built(repo).how == "replay"
        text = raw(repo, built(repo).candidate)
        assert b"SIGNATURE" not in text
        assert b"\nx-other kept\n  and this\n\n" in text

    def test_bytes_of_files_stay_whatever_the_attributes_say_of_line_ends(self, repo: Repo) -> None:
        """CRLF in the repository under `text`: a checkout shows it as changed for ever, a rebase refuses."""
        repo.commit("attributes", {".gitattributes": "*.txt text eol=crlf\n"})
        repo.branch("crlf")
        repo.grow("crlf", "as it came", {"x.txt": b"one\r\ntwo\r\n"})
        repo.git("reset", "-q", "--hard", "crlf")
        repo.phase("phase-1", {"y.txt": b"y\r\n", "z.txt": b"z\n"})
        repo.grow("main", "base moves", {"b": "other\n"})
        event = built(repo)
        for path, blob in (("x.txt", b"one\r\ntwo\r\n"), ("y.txt", b"y\r\n"), ("z.txt", b"z\n")):
            assert repo.git("rev-parse", f"{event.candidate}:{path}") == repo.blob(blob)

    def test_a_link_and_an_executable_stay_what_they_are(self, repo: Repo) -> None:
        folder = repo.worktree("side", "-b", BRANCH)
        (folder / "link").symlink_to("a")
        repo.write("run", "#!/bin/sh\n", into=folder).chmod(0o755)
        repo.git("add", "-A", cwd=folder)
        repo.git("commit", "-q", "-m", "modes", cwd=folder)
        repo.commit("base moves", {"b": "other\n"})
        blobs = repo.plumbing.blobs(built(repo).candidate)
        assert (blobs["link"].mode, blobs["run"].mode) == ("120000", "100755")


class TestOneAnswer:
    """A candidate is a function of base, head and claim: after a crash its verdict still fits."""

    def test_the_same_again_and_another_for_another_claim(self, repo: Repo) -> None:
        repo.phase("phase-1", {"new": "x\n"})
        repo.commit("base moves", {"b": "other\n"})
        first = built(repo)
        assert built(repo) == first
        later = built(repo, at=datetime(2026, 2, 3, 4, 5, 7, tzinfo=UTC))
        assert later.candidate != first.candidate
        assert later.tree == first.tree

    def test_the_time_zone_of_the_machine_does_not_count(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        repo.phase("phase-1", {"new": "x\n"})
        repo.commit("base moves", {"b": "other\n"})
        first = built(repo)
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        assert built(repo) == first

    @pytest.mark.parametrize("rung", ["replay", "merge"])
    def test_nothing_that_a_user_or_a_caller_sets_counts(
        self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rung: str
    ) -> None:
        """Their rebase, merge, signing and identity settings, failing hooks, a leaked GIT_DIR: the same commit."""
        repo.phase("phase-1", {"a": None, "moved/a": "one\n2\n3\n4\n5\n"})
        repo.grow(BRANCH, "fixup! work of phase-1", {"new": "x\n"})
        if rung == "merge":
            repo.branch("side")
            repo.grow("side", "side", {"side": "s\n"})
            repo.grow(BRANCH, "merge", {"side": "s\n", "evil": "e\n"}, parents=(BRANCH, "side"))
        repo.branch("stacked", BRANCH)
        repo.commit("base moves", {"a": "1\n2\n3\n4\nfive\n"})
        calm = built(repo)
        assert calm.how == rung
        refs = repo.git("for-each-ref")
        _make_hostile(repo, tmp_path, monkeypatch)
        assert built(repo) == calm
        for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMITTER_NAME", "GIT_OBJECT_DIRECTORY"):
            monkeypatch.delenv(name)
        assert repo.git("for-each-ref") == refs
        assert not (tmp_path / "ran").exists()


def _make_hostile(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail = repo.write("fail", f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n", into=tmp_path)
    fail.chmod(0o755)
    hooks = ("pre-commit", "post-commit", "commit-msg", "post-rewrite", "reference-transaction", "pre-rebase")
    for name in hooks:
        repo.write(f"hooks/{name}", fail.read_text(), into=tmp_path).chmod(0o755)
    settings = {
        "core.hooksPath": str(tmp_path / "hooks"),
        "core.fsmonitor": str(fail),
        "core.editor": str(fail),
        "core.pager": str(fail),
        "core.autocrlf": "true",
        "commit.gpgSign": "true",
        "gpg.program": str(fail),
        "commit.template": str(fail),
        "commit.cleanup": "verbatim",
        "commit.verbose": "true",
        "i18n.commitEncoding": "latin-1",
        "i18n.logOutputEncoding": "utf-16",
        "log.showSignature": "true",
        "rebase.updateRefs": "true",
        "rebase.autoSquash": "true",
        "rebase.autoStash": "true",
        "merge.renames": "false",
        "merge.renameLimit": "1",
        "merge.directoryRenames": "true",
        "merge.renormalize": "true",
        "merge.conflictStyle": "zdiff3",
        "merge.ff": "false",
        "diff.renames": "false",
        "diff.external": str(fail),
        "diff.noprefix": "true",
        "color.ui": "always",
        "user.name": "Somebody Else",
        "user.email": "",
        "user.useConfigOnly": "true",
    }
    for key, value in settings.items():
        repo.git("config", key, value)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Nobody")
