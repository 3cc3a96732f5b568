"""Several machines land on one branch of a remote, which alone decides: nothing is lost, landed twice or ungated."""

import threading
from pathlib import Path

import pytest

from batty_tmux.core.events import (
    BaseMoved,
    Following,
    GateFinished,
    Landed,
    QueueResumed,
    Retried,
    TurnsRefused,
    Unreachable,
)
from batty_tmux.drive import neighbours
from batty_tmux.drive.courtesy import machine_name
from batty_tmux.drive.exchange import freshen
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from tests.support.lander import Lander
from tests.support.repo import Repo
from tests.support.shared import Hub, cut_off, faults


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub.make(tmp_path / "hub.git")


class TestLanding:
    def test_a_landing_is_a_push_and_the_users_branch_and_checkout_come_along(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n"})
        one.land()
        assert (one.states, hub.history()[-1]) == ({"phase-1": "landed"}, "work of phase-1")
        assert one.repo.tip("origin/main") == one.repo.tip("main") == hub.tip()
        assert (one.repo.folder / "c").read_text() == "x\n"
        assert one.repo.git("status", "--porcelain") == ""
        assert str(Project.around(one.repo.folder).base) == "origin/main"
        assert faults(hub, one) == []

    def test_what_another_machine_landed_first_is_built_upon_and_gated_again(self, hub: Hub) -> None:
        one, two = hub.clone("one"), hub.clone("two")
        one.approve("phase-1", {"c": "x\n"})
        two.approve("phase-2", {"d": "x\n"})

        def other_first(event: object) -> None:
            if isinstance(event, GateFinished) and not one.landed:
                one.land()

        two.on_event = other_first
        two.land()
        assert (one.states, two.states) == ({"phase-1": "landed"}, {"phase-2": "landed"})
        assert hub.history()[2:] == ["work of phase-1", "work of phase-2"]
        assert len(two.verdicts("phase-2")) == 2
        moved = [event for event in two.events if isinstance(event, BaseMoved) and event.old]
        assert [event.known for event in moved] == ["fetched from origin"]
        assert two.queue.frozen is None
        assert faults(hub, one, two) == []

    def test_two_landers_at_once_land_everything_once_in_one_line(self, hub: Hub) -> None:
        machines = [hub.clone("one"), hub.clone("two")]
        for number, lander in enumerate(machines):
            for phase in range(4):
                lander.approve(f"phase-{number}{phase}", {f"f{number}{phase}": "x\n"})
        threads = [threading.Thread(target=lander.land) for lander in machines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [set(lander.states.values()) for lander in machines] == [{"landed"}, {"landed"}]
        assert sorted(hub.history()[2:]) == [f"work of phase-{n}{p}" for n in range(2) for p in range(4)]
        assert faults(hub, *machines) == []


class TestRefusals:
    def test_a_remote_that_says_no_loses_nothing_and_is_asked_again(self, hub: Hub) -> None:
        """A protected branch: its own words are told, however hostile, and once it lets us it lands ungated anew."""
        one = hub.clone("one")
        hook = hub.hook("pre-receive", "printf 'protected \\033[31m#{pane_id} #(rm -rf ~)\\n' >&2; exit 1")
        one.approve("phase-1", {"c": "x\n"})
        old = hub.tip()
        one.land()
        entry = one.entry("phase-1")
        assert (entry.state, entry.code, entry.landing, hub.tip()) == ("deferred", "remote-refused", None, old)
        assert "pre-receive hook declined" in entry.reason
        assert "protected" in entry.reason
        assert entry.reason.isprintable()
        assert "#" not in entry.reason
        hook.unlink()
        one.land()
        assert (one.states, one.gated) == ({"phase-1": "landed"}, ["phase-1"])
        assert faults(hub, one) == []

    def test_a_hook_of_the_users_that_says_no_is_heard(self, hub: Hub) -> None:
        """Rule: pre-push runs, since it stands between this machine and the others; what it says is told."""
        one = hub.clone("one")
        hook = one.repo.write(".git/hooks/pre-push", "#!/bin/sh\necho a secret is in it >&2\nexit 1\n")
        hook.chmod(0o755)
        one.approve("phase-1", {"c": "x\n"})
        one.land()
        assert one.states == {"phase-1": "deferred"}
        assert "a secret is in it" in one.entry("phase-1").reason
        hook.unlink()
        one.land()
        assert one.states == {"phase-1": "landed"}

    def test_a_remote_that_was_moved_back_stops_the_queue_until_a_person_has_looked(self, hub: Hub) -> None:
        """Also where the candidate would go forward from there: a plain push would bring back what was taken away."""
        one, two = hub.clone("one"), hub.clone("two")
        two.approve("phase-2", {"d": "x\n"})
        two.land()
        one.approve("phase-1", {"c": "x\n"})

        def moved_back(event: object) -> None:
            if isinstance(event, GateFinished):
                hub.repo.git("update-ref", "refs/heads/main", "main~1")

        one.on_event = moved_back
        one.land()
        assert one.states == {"phase-1": "queued"}
        assert one.queue.frozen is not None
        assert "moved back" in one.queue.frozen
        assert hub.history() == ["start", "set the gate"]
        one.on_event = lambda _: None
        one.write(QueueResumed())
        one.land()
        assert hub.history()[2:] == ["work of phase-1"]
        assert "d" not in hub.repo.files()

    def test_commits_that_were_never_pushed_are_no_base(self, hub: Hub) -> None:
        one = hub.clone("one")
        own = one.repo.commit("my own", {"mine": "x\n"})
        one.approve("phase-1", {"c": "x\n"}, start="origin/main")
        one.land()
        assert hub.history()[2:] == ["work of phase-1"]
        assert one.repo.tip("main") == own
        told = " ".join(neighbours.lines(Project.around(one.repo.folder)))
        assert "main has 1 commit that origin/main has not, and lacks 1" in told


class TestUnreachable:
    def test_without_the_remote_what_is_queued_stays_and_the_next_lander_goes_on(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n"})
        url = cut_off(one)
        for _ in range(2):
            with pytest.raises(BattyError) as refused:
                one.land()
            assert (refused.value.code, refused.value.next) == ("remote-unreachable", "batty land")
        assert refused.value.evidence
        assert (one.states, one.gated) == ({"phase-1": "queued"}, [])
        assert "cannot be reached" in neighbours.lines(Project.around(one.repo.folder))[0]
        one.repo.git("remote", "set-url", "origin", url)
        one.land()
        assert one.states == {"phase-1": "landed"}
        assert neighbours.lines(Project.around(one.repo.folder)) == ()
        assert len(one.all(Unreachable)) == 2

    def test_a_remote_that_does_not_exist_is_named_with_the_command_that_adds_it(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n"})
        one.repo.git("config", "--remove-section", "remote.origin")
        with pytest.raises(BattyError) as refused:
            one.land()
        assert refused.value.next == "git remote add origin URL"

    def test_cut_off_between_gate_and_push_the_landing_stays_begun_and_is_settled(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n"})
        url: list[str] = []

        def cut(event: object) -> None:
            if isinstance(event, GateFinished):
                url.append(cut_off(one))

        one.on_event = cut
        with pytest.raises(BattyError, match="cannot be reached"):
            one.land()
        one.on_event = lambda _: None
        one.repo.git("remote", "set-url", "origin", url[0])
        one.land()
        assert (one.states, one.gated) == ({"phase-1": "landed"}, ["phase-1"])
        assert faults(hub, one) == []

    def test_a_push_that_arrived_and_was_never_answered_has_landed(self, hub: Hub, tmp_path: Path) -> None:
        """The connection ends after the remote has moved the branch: what counts is what is there."""
        one = hub.clone("one")
        dies = f": >'{tmp_path}/once'; kill -9 $PPID"
        hub.hook("reference-transaction", f"[ $1 != committed ] || [ -e '{tmp_path}/once' ] || {{ {dies}; }}")
        one.approve("phase-1", {"c": "x\n"})
        one.land()
        assert (tmp_path / "once").exists()
        assert (one.states, one.landed, one.all(Retried)) == ({"phase-1": "landed"}, ["phase-1"], [])
        assert faults(hub, one) == []


class TestOwnCheckout:
    def test_files_in_the_way_of_the_users_hold_up_nothing_and_keep_every_byte(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.repo.write("b", "uncommitted\n")
        one.repo.write(".env", "SECRET=1")
        before, tip = one.repo.snapshot_files(), one.repo.tip("main")
        one.approve("phase-1", {"b": "new\n"})
        one.approve("phase-2", {".env": "theirs\n"})
        one.land()
        assert one.states == {"phase-1": "landed", "phase-2": "landed"}
        assert (one.repo.snapshot_files(), one.repo.tip("main")) == (before, tip)
        assert neighbours.lines(Project.around(one.repo.folder)) == (
            "! your main is behind origin/main",
            "  ↳ next: git pull --ff-only",
        )

    def test_a_fast_forward_that_was_killed_half_way_is_mended(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n", "b": "new\n"})
        old = one.repo.tip("main")
        one.repo.write("b", "in the way\n")
        one.land()
        # what a git that was killed in the middle leaves: a file written, the branch where it was
        one.write(Following(base=old, candidate=hub.tip(), checkout=str(one.repo.folder)))
        one.repo.write("b", "new\n")
        one.land()
        assert one.repo.tip("main") == hub.tip()
        assert one.repo.git("status", "--porcelain") == ""
        assert one.queue.following is None

    def test_a_base_that_is_checked_out_nowhere_follows_too(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.repo.git("switch", "-q", "-c", "elsewhere")
        one.approve("phase-1", {"c": "x\n"})
        one.land()
        assert one.repo.tip("main") == hub.tip()


class TestTurns:
    def test_who_lost_twice_takes_the_turn_and_the_others_hold_until_it_has_landed(self, hub: Hub) -> None:
        """Each time that this one has gated, a person pushes; the third time nobody may, who asks."""
        one, two = hub.clone("one"), hub.clone("two")
        one.approve("phase-1", {"c": "x\n"})
        two.approve("phase-2", {"d": "x\n"})
        pushed: list[str] = []
        waited: list[str] = []

        def race(event: object) -> None:
            if not isinstance(event, GateFinished):
                return
            turn = hub.repo.git("for-each-ref", "--format=%(refname)", "refs/batty/")
            if not turn:
                pushed.append(hub.push("a person's", {f"p{len(pushed)}": "x\n"}))
            else:
                freshen(two.place, Project.around(two.repo.folder).base)
                waited.append(neighbours.lines(Project.around(two.repo.folder))[0])

        one.on_event = race
        one.land()
        assert (len(pushed), one.states) == (2, {"phase-1": "landed"})
        assert f"{machine_name(one.place)} has the turn on origin/main" in waited[0]
        assert hub.repo.git("for-each-ref", "refs/batty/") == ""
        two.land()
        assert two.states == {"phase-2": "landed"}
        assert faults(hub, one, two) == []

    def test_while_another_has_the_turn_nothing_is_gated_and_one_that_died_holds_nobody_up(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("batty_tmux.core.turns.LEFT", 4.0)
        one = hub.clone("one")
        blob = hub.repo.git("hash-object", "-w", "README", cwd=one.repo.folder)
        one.repo.git("push", "-q", "origin", f"{blob}:refs/batty/turn/main")
        one.approve("phase-1", {"c": "x\n"})
        began = monotonic()
        one.land()
        assert monotonic() - began >= 4
        assert one.states == {"phase-1": "landed"}
        assert hub.repo.git("for-each-ref", "refs/batty/") == ""

    def test_a_remote_that_takes_no_such_refs_is_landed_on_all_the_same(self, hub: Hub) -> None:
        one = hub.clone("one")
        hub.hook("update", "case $1 in refs/batty/*) echo no such refs here >&2; exit 1 ;; esac")
        one.approve("phase-1", {"c": "x\n"})
        pushed: list[str] = []

        def race(event: object) -> None:
            if isinstance(event, GateFinished) and len(pushed) < 4:
                pushed.append(hub.push("a person's", {f"p{len(pushed)}": "x\n"}))

        one.on_event = race
        one.land()
        assert one.states == {"phase-1": "landed"}
        (refused,) = [event for event in one.events if isinstance(event, TurnsRefused)]
        assert refused.reason.startswith("hook declined no such refs here")


def test_nothing_of_it_is_there_where_the_base_is_a_branch_here(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.gate("true")
    lander = Lander(repo)
    lander.approve("phase-1", {"c": "x\n"})
    lander.land()
    assert lander.states == {"phase-1": "landed"}
    assert not [event for event in lander.events if isinstance(event, Retried)]
    assert all(event.base for event in lander.events if isinstance(event, Landed))
    assert not (lander.place.state / "machine").exists()
