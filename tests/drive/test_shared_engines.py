"""The same over a network that is cut, and with a lock in a Redis that comes and goes: what is lost is time."""

import os
import threading
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from batty_tmux.core.events import GateFinished, Landed, Reachable, Unreachable
from batty_tmux.drive import neighbours
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host import remote
from tests.support.engines import Engine, redis_server
from tests.support.lander import Lander
from tests.support.machines import Network, need_namespaces
from tests.support.server import eventually
from tests.support.shared import Hub, faults


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with redis_server(tmp_path) as found:
        yield found


def at_once(*landers: Lander) -> None:
    threads = [threading.Thread(target=lander.land) for lander in landers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def filled(hub: Hub, names: tuple[str, ...], each: int) -> list[Lander]:
    landers = [hub.clone(name) for name in names]
    for lander, name in zip(landers, names, strict=True):
        for number in range(each):
            lander.approve(f"{name}-{number}", {f"{name}{number}": "x\n"})
    return landers


class TestLock:
    @pytest.mark.parametrize("gate", ["each", "batch"])
    def test_under_the_lock_no_gate_is_in_vain_and_both_come_through(
        self, tmp_path: Path, engine: Engine, gate: str
    ) -> None:
        more = f'lock = "{engine.address}"\ngate = "{gate}"\nslots = 2\n'
        hub = Hub.make(tmp_path / "hub.git", gate="sleep 0.2", more=more)
        landers = filled(hub, ("one", "two"), 4)
        at_once(*landers)
        assert [set(lander.states.values()) for lander in landers] == [{"landed"}, {"landed"}]
        landed = {e.tree for lander in landers for e in lander.events if isinstance(e, Landed)}
        gated = [e.tree for lander in landers for e in lander.events if isinstance(e, GateFinished)]
        if gate == "each":
            assert (len(gated), set(gated)) == (8, landed)
        assert faults(hub, *landers) == []
        # who has landed lets the other one go on: neither has it until it is through
        whose = [subject.split()[-1].partition("-")[0] for subject in hub.history()[2:]]
        assert gate == "batch" or max(len(list(row)) for _, row in groupby(whose)) < 4

    def test_a_redis_that_is_killed_while_it_is_held_costs_nothing_but_time(
        self, tmp_path: Path, engine: Engine
    ) -> None:
        """It is said once, in the journal and by status; once it is back it is used again, and that is said."""
        hub = Hub.make(tmp_path / "hub.git", more=f'lock = "{engine.address}"\n')
        (one,) = filled(hub, ("one",), 3)

        def killed(event: object) -> None:
            if isinstance(event, GateFinished):
                engine.kill()

        one.on_event = killed
        one.land()
        assert set(one.states.values()) == {"landed"}
        assert [event.what for event in one.events if isinstance(event, Unreachable)] == ["lock"]
        assert "machines may gate in vain" in neighbours.lines(Project.around(one.repo.folder))[0]
        engine.start()
        one.on_event = lambda _: None
        one.approve("late", {"late": "x\n"})
        one.land()
        assert [event.what for event in one.events if isinstance(event, Reachable)] == ["lock"]
        assert neighbours.lines(Project.around(one.repo.folder)) == ()
        assert faults(hub, one) == []

    def test_what_is_said_of_the_lock_holds_no_password(self, tmp_path: Path) -> None:
        hub = Hub.make(tmp_path / "hub.git", more='lock = "redis://me:hunter2@127.0.0.1:1/0"\n')
        (one,) = filled(hub, ("one",), 1)
        one.land()
        assert one.states == {"one-0": "landed"}
        (told,) = [event for event in one.events if isinstance(event, Unreachable)]
        assert "hunter2" not in str(told)
        found = neighbours.survey(
            one.repo.folder, Project.around(one.repo.folder).base, Project.around(one.repo.folder).config
        )
        assert found.lockless
        assert "hunter2" not in str(found)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    with Network.of(tmp_path, "hub") as found:
        monkeypatch.setenv("PATH", found["hub"].environ["PATH"])
        # a cut is noticed within seconds here
        impatient = ("BatchMode=yes", "ConnectTimeout=2", "ServerAliveInterval=1", "ServerAliveCountMax=2")
        monkeypatch.setattr(remote, "_SSH", impatient)
        yield found


def over_ssh(network: Network, tmp_path: Path) -> Hub:
    folder = tmp_path / "hub.git"
    return Hub.make(folder, url=f"ssh://hub{folder}")


class TestNetwork:
    def test_two_machines_land_over_ssh(self, network: Network, tmp_path: Path) -> None:
        hub = over_ssh(network, tmp_path)
        landers = filled(hub, ("one", "two"), 2)
        at_once(*landers)
        assert [set(lander.states.values()) for lander in landers] == [{"landed"}, {"landed"}]
        assert faults(hub, *landers) == []

    def test_a_cut_before_a_fetch_ends_the_lander_and_what_is_queued_stays(
        self, network: Network, tmp_path: Path
    ) -> None:
        hub = over_ssh(network, tmp_path)
        (one,) = filled(hub, ("one",), 1)
        cut(network)
        with pytest.raises(BattyError) as refused:
            one.land()
        assert refused.value.code == "remote-unreachable"
        assert "timed out" in " ".join(refused.value.evidence)
        network["hub"].plug()
        one.land()
        assert one.states == {"one-0": "landed"}

    def test_a_cut_in_the_middle_of_a_push_leaves_the_landing_begun(self, network: Network, tmp_path: Path) -> None:
        """Nobody can know whether it arrived: when the network is back, that is asked, and it lands once."""
        hub = over_ssh(network, tmp_path)
        (one,) = filled(hub, ("one",), 1)
        at = tmp_path / "pushing"
        hook = hub.hook("pre-receive", f": >'{at}'; read -r x <'{tmp_path}/go' || :")
        os.mkfifo(tmp_path / "go")
        failed: list[BattyError] = []

        def land() -> None:
            try:
                one.land()
            except BattyError as refused:
                failed.append(refused)

        thread = threading.Thread(target=land)
        thread.start()
        eventually(at.exists, "the push")
        cut(network)
        thread.join()
        assert [error.code for error in failed] == ["remote-unreachable"]
        assert one.entry("one-0").landing is not None
        hook.unlink()
        (tmp_path / "go").write_text("go on\n")
        network["hub"].plug()
        one.land()
        assert (one.states, one.gated) == ({"one-0": "landed"}, ["one-0"])
        assert faults(hub, one) == []


def cut(network: Network) -> None:
    need_namespaces("unplugging a host")
    network["hub"].unplug()
