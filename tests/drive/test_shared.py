"""Several machines land on one branch of a remote, which alone decides: nothing is lost, landed twice or ungated."""

import threading
from pathlib import Path

import pytest

from batty_tmux.core.events import BaseMoved, GateFinished, Landed, Retried
from batty_tmux.drive.project import Project
from tests.support.lander import Lander
from tests.support.repo import Repo
from tests.support.shared import Hub, faults


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
