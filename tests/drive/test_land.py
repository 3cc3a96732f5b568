"""The lander: approved phases reach the base in order, each as a commit whose own tree has passed the gate."""

from pathlib import Path

import pytest

from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Conflicted,
    Deferred,
    GateFinished,
    Landed,
    Landing,
    QueuePaused,
    QueueResumed,
    Retried,
)
from batty_tmux.drive.checkout import Blocked, obstacle
from batty_tmux.drive.gate import Subject, run_gate
from batty_tmux.drive.lander import _Lander
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, Sha
from tests.support.lander import RUN, Lander, look
from tests.support.repo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Red where a file `broken` is in the tree."""
    made = Repo.make(tmp_path / "repo", {"a": "1\n2\n3\n4\n5\n", "b": "b\n", ".gitignore": ".env\n"})
    made.gate("test ! -e broken")
    return made


@pytest.fixture
def lander(repo: Repo) -> Lander:
    return Lander(repo)


def proved(lander: Lander) -> None:
    """Assert that the base was only ever moved to trees that had passed, in the journal's order."""
    passed: set[str] = set()
    for event in lander.events:
        if isinstance(event, GateFinished) and event.verdict == "pass":
            passed.add(event.tree)
        if isinstance(event, Landing):
            assert lander.repo.tree(event.candidate) in passed
        if isinstance(event, Landed) and event.candidate != event.base:
            assert event.tree in passed
            assert lander.repo.tree(event.candidate) == event.tree


class TestOrder:
    def test_approved_phases_land_in_the_order_of_their_approval(self, repo: Repo, lander: Lander) -> None:
        for name in ("phase-2", "phase-1", "phase-3"):
            lander.approve(name, {f"{name}.txt": "x\n"})
        assert lander.land()
        assert lander.landed == ["phase-2", "phase-1", "phase-3"]
        assert repo.history()[2:] == ["work of phase-2", "work of phase-1", "work of phase-3"]
        assert repo.git("status", "--porcelain") == ""
        proved(lander)

    def test_a_conflict_and_a_red_gate_go_aside_and_the_others_land(self, repo: Repo, lander: Lander) -> None:
        lander.approve("phase-1", {"a": "one\n2\n3\n4\n5\n"})
        lander.approve("phase-2", {"a": "two\n2\n3\n4\n5\n"})
        lander.approve("phase-3", {"broken": "x\n"})
        lander.approve("phase-4", {"c": "x\n"})
        assert lander.land()
        assert lander.states == {"phase-1": "landed", "phase-2": "conflict", "phase-3": "red", "phase-4": "landed"}
        assert lander.entry("phase-2").paths == ("a",)
        assert "broken" not in repo.files()
        proved(lander)

    def test_a_gate_that_could_not_run_is_held_and_never_lands(self, repo: Repo, lander: Lander) -> None:
        repo.gate("test ! -e missing || exit 127")
        lander.approve("phase-1", {"missing": "x\n"})
        lander.approve("phase-2", {"c": "x\n"})
        lander.land()
        assert lander.states == {"phase-1": "held", "phase-2": "landed"}

    def test_two_phases_that_are_green_alone_and_red_together_do_not_both_land(
        self, repo: Repo, lander: Lander
    ) -> None:
        """What a merge without conflicts cannot see, and the reason for a queue."""
        repo.gate("test ! -e one || test ! -e two")
        lander.approve("phase-1", {"one": "x\n"})
        lander.approve("phase-2", {"two": "x\n"})
        lander.land()
        assert lander.states == {"phase-1": "landed", "phase-2": "red"}

    def test_what_the_base_holds_already_lands_without_a_gate_and_moves_nothing(
        self, repo: Repo, lander: Lander
    ) -> None:
        head = lander.approve("phase-1", {"c": "x\n"})
        repo.git("merge", "-q", "--ff-only", head)
        lander.land()
        assert (lander.states, lander.gated, repo.tip()) == ({"phase-1": "landed"}, [], head)

    def test_a_paused_queue_stands_still_until_it_goes_on(self, repo: Repo, lander: Lander) -> None:
        lander.approve("phase-1", {"c": "x\n"})
        lander.write(QueuePaused(run=RUN))
        old = repo.tip()
        assert lander.land()
        assert repo.tip() == old
        lander.write(QueueResumed(run=RUN))
        lander.land()
        assert lander.states == {"phase-1": "landed"}


class TestVerdicts:
    def test_the_gate_of_the_phase_itself_counts_where_the_tree_is_the_same(self, repo: Repo, lander: Lander) -> None:
        """Also where the commit is another: a verdict belongs to the tree."""
        repo.phase("phase-1", {"c": "x\n"})
        head = repo.tip("batty/phase-1-run-001")
        ground = look(repo.folder)()
        subject = Subject(PhaseId("phase-1"), head, repo.tree(head), "phase", RUN, ground.environ)
        run_gate(ground.place, ground.gate, subject, ground.slots)
        repo.commit("nothing")
        lander.approve("phase-1")
        lander.land()
        assert lander.how("phase-1") == "replay"
        assert (lander.landed, lander.gated) == (["phase-1"], ["phase-1"])
        proved(lander)

    def test_a_verdict_of_another_gate_does_not_count(self, repo: Repo, lander: Lander) -> None:
        """A landing changes the gate: what comes after it is judged by the new one, and it itself by the old."""
        lander.approve("phase-1", {"batty.toml": '[gate]\ncommand = "test ! -e bad"\n', "broken": "x\n"})
        lander.approve("phase-2", {"batty.toml": '[gate]\ncommand = "test ! -e bad"\n'})
        lander.approve("phase-3", {"bad": "x\n"})
        lander.approve("phase-4", {"broken": "x\n"})
        lander.land()
        assert lander.states == {"phase-1": "red", "phase-2": "landed", "phase-3": "red", "phase-4": "landed"}

    def test_a_phase_cannot_bring_its_own_gate(self, repo: Repo, lander: Lander) -> None:
        lander.approve("phase-1", {"batty.toml": '[gate]\ncommand = "true"\n', "broken": "x\n"})
        lander.land()
        assert lander.states == {"phase-1": "red"}


class TestBaseMoves:
    @pytest.mark.parametrize("after", [CandidateBuilt, GateFinished])
    def test_what_was_gated_on_an_older_base_is_built_and_gated_again(
        self, repo: Repo, lander: Lander, after: type[AnyEvent]
    ) -> None:
        """The user commits between gate and landing: their commit stays, and nothing ungated lands on it."""
        repo.gate("test ! -e c || test ! -e theirs")
        lander.approve("phase-1", {"c": "x\n"})
        moved: list[str] = []

        def move(event: AnyEvent) -> None:
            if isinstance(event, after) and not moved:
                moved.append(repo.commit("the user's", {"theirs": "x\n"}))

        lander.on_event = move
        lander.land()
        assert (repo.tip(), lander.states) == (moved[0], {"phase-1": "red"})
        assert sorted(lander.verdicts("phase-1")[-3:]) == ["fail", "fail", "pass"], "confirmed, and the base alone"
        proved(lander)

    def test_a_commit_that_the_user_takes_back_is_not_landed_again(self, repo: Repo, lander: Lander) -> None:
        taken_back = repo.commit("too early", {"early": "x\n"})
        lander.approve("phase-1", {"c": "x\n"}, start="main~1")

        def reset(event: AnyEvent) -> None:
            if isinstance(event, GateFinished) and repo.tip() == taken_back:
                repo.git("reset", "-q", "--hard", "main~1")

        lander.on_event = reset
        lander.land()
        assert repo.history() == ["start", "set the gate", "work of phase-1"]
        proved(lander)

    def test_a_base_that_moves_at_the_last_moment_begins_again_in_the_same_run(
        self, repo: Repo, lander: Lander, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody would call another lander: the user's commit does not."""
        lander.approve("phase-1", {"c": "x\n"})

        def late(there: Git, old: Sha, new: Sha, operation: str | None) -> Blocked | None:
            if "in between" not in repo.history():
                repo.commit("in between")
            return obstacle(there, old, new, operation)

        monkeypatch.setattr("batty_tmux.drive.land.obstacle", late)
        lander.land()
        assert (lander.states, repo.history()[-2:]) == ({"phase-1": "landed"}, ["in between", "work of phase-1"])
        assert [type(event) for event in lander.events if isinstance(event, Retried)] == [Retried]
        proved(lander)


class TestDeferred:
    def test_files_of_the_users_in_the_way_are_waited_for_and_then_it_lands(self, repo: Repo, lander: Lander) -> None:
        """Theirs keep every byte; what is behind is gated on top meanwhile, and lands with it."""
        lander.approve("phase-1", {"b": "new\n"})
        lander.approve("phase-2", {"c": "x\n"})
        repo.write("b", "uncommitted\n")
        files, old = repo.snapshot_files(), repo.tip()
        assert lander.land()
        assert (lander.states, repo.tip()) == ({"phase-1": "deferred", "phase-2": "deferred"}, old)
        assert (lander.entry("phase-1").paths, repo.snapshot_files()) == (("b",), files)
        lander.land()
        assert lander.all(Deferred) == ["phase-1", "phase-2"]
        repo.git("stash", "-q")
        lander.land()
        assert lander.states == {"phase-1": "landed", "phase-2": "landed"}
        assert lander.gated == ["phase-1", "phase-2"]
        proved(lander)

    def test_an_ignored_secret_is_never_overwritten(self, repo: Repo, lander: Lander) -> None:
        lander.approve("phase-1", {".env": "theirs\n"})
        repo.write(".env", "SECRET=1")
        lander.land()
        assert (lander.states, (repo.folder / ".env").read_text()) == ({"phase-1": "deferred"}, "SECRET=1")

    def test_a_candidate_that_waits_outlives_garbage_collection(self, repo: Repo, lander: Lander) -> None:
        """On no branch, gated before as another commit with the same tree, so no gate of its own pinned it."""
        repo.phase("phase-1", {"b": "new\n"})
        head = repo.tip("batty/phase-1-run-001")
        ground = look(repo.folder)()
        subject = Subject(PhaseId("phase-1"), head, repo.tree(head), "phase", RUN, ground.environ)
        run_gate(ground.place, ground.gate, subject, ground.slots)
        repo.commit("nothing")
        lander.approve("phase-1")
        repo.write("b", "uncommitted\n")
        lander.land()
        assert (lander.states, lander.how("phase-1")) == ({"phase-1": "deferred"}, "replay")
        repo.git("reflog", "expire", "--expire=now", "--all")
        repo.git("gc", "-q", "--prune=now")
        repo.git("checkout", "-q", "--", "b")
        lander.land()
        assert lander.states == {"phase-1": "landed"}

    @pytest.mark.parametrize("lock", ["refs/heads/main.lock", "HEAD.lock", "index.lock"])
    @pytest.mark.parametrize("held_by", ["checkout", "nobody"])
    def test_a_lock_that_was_left_on_the_base_defers_and_leaves_no_half_landing(
        self, repo: Repo, lander: Lander, lock: str, held_by: str
    ) -> None:
        """Git writes the files before it finds that it may not move the branch."""
        lander.approve("phase-1", {"b": None, "c": "x\n", "a": "new\n"})
        repo.write("mine", "uncommitted\n")
        if held_by == "nobody":
            repo.git("switch", "-q", "-c", "elsewhere")
        before = (repo.snapshot_files(), repo.tip(), repo.git("status", "--porcelain"))
        stale = repo.write(f".git/{lock}", "")
        lander.land()
        if held_by == "checkout" or lock.startswith("refs"):
            assert lander.states == {"phase-1": "deferred"}
            stale.unlink()
            assert (repo.snapshot_files(), repo.tip(), repo.git("status", "--porcelain")) == before
            lander.land()
        assert lander.states == {"phase-1": "landed"}
        proved(lander)


class TestWhereTheBaseIs:
    def test_in_no_worktree_the_refs_of_the_landing_move_with_it(self, repo: Repo, lander: Lander) -> None:
        repo.git("switch", "-q", "-c", "elsewhere")
        old, files = repo.tip(), repo.snapshot_files()
        lander.approve("phase-1", {"b": "new\n"})
        lander.land()
        landing = next(event for event in lander.events if isinstance(event, Landing))
        assert repo.tip(f"refs/batty/main/{landing.seq}") == old
        assert repo.tip(f"refs/batty/landed/{landing.seq}") == repo.tip() == landing.candidate
        assert repo.snapshot_files() == files
        assert repo.git("log", "-1", "-g", "--format=%gs", "main") == "batty: land phase-1"

    def test_in_a_linked_worktree_that_one_advances(self, repo: Repo, lander: Lander) -> None:
        repo.git("switch", "-q", "-c", "elsewhere")
        linked = repo.worktree("linked", "main")
        lander.approve("phase-1", {"b": "new\n"})
        lander.land()
        assert ((linked / "b").read_text(), (repo.folder / "b").read_text()) == ("new\n", "b\n")
        assert repo.git("status", "--porcelain", cwd=linked) == ""

    def test_in_the_checkout_the_undo_ref_is_written_too(self, repo: Repo, lander: Lander) -> None:
        old = repo.tip()
        lander.approve("phase-1", {"b": "new\n"})
        lander.land()
        landing = next(event for event in lander.events if isinstance(event, Landing))
        assert (repo.tip(f"refs/batty/main/{landing.seq}"), landing.checkout) == (old, str(repo.folder))


class TestLanders:
    def test_of_two_at_once_one_leaves(self, repo: Repo, lander: Lander) -> None:
        lander.approve("phase-1", {"c": "x\n"})
        with exclusive(lander.place.landing_lock):
            assert not lander.land()
        assert lander.landed == []

    @pytest.mark.parametrize("after", [GateFinished, Landed, Conflicted])
    def test_what_is_approved_while_it_works_lands_too(self, repo: Repo, lander: Lander, after: type[AnyEvent]) -> None:
        lander.approve("phase-1", {"a": "one\n"})
        lander.approve("phase-2", {"a": "two\n"})

        def more(event: AnyEvent) -> None:
            if isinstance(event, after) and "phase-3" not in lander.states:
                lander.approve("phase-3", {"c": "x\n"})

        lander.on_event = more
        lander.land()
        assert lander.states == {"phase-1": "landed", "phase-2": "conflict", "phase-3": "landed"}

    def test_what_is_approved_when_it_has_just_let_go_is_not_left(
        self, repo: Repo, lander: Lander, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Enqueued before the lock was free, so whoever enqueued it has left: the holder looks once more."""

        work = _Lander.work

        def and_then(self: _Lander) -> None:
            work(self)
            if "phase-2" not in lander.states:
                lander.approve("phase-2", {"c": "x\n"})

        lander.approve("phase-1", {"d": "x\n"})
        monkeypatch.setattr(_Lander, "work", and_then)
        lander.land()
        assert lander.landed == ["phase-1", "phase-2"]
