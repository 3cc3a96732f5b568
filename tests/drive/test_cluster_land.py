"""A merge queue whose gates run on workers lands what it would land here, and loses nothing to what happens there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.commands.status import screen
from batty_tmux.core.events import GateFinished, GateMoved, GateStarted, GateStopped, LanderStopped
from batty_tmux.core.queue_report import standstill_lines
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.process import Done, run
from tests.support.engines import Cluster, dask_cluster
from tests.support.lander import Lander
from tests.support.repo import Repo
from tests.support.server import eventually

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "engine").mkdir()
    with dask_cluster(tmp_path / "engine") as cluster:
        yield cluster


def add(cluster: Cluster, *names: str) -> None:
    for name in names:
        cluster.add_worker(name)
    cluster.wait_for_workers(len(cluster.workers))


def batty(repo: Repo, *words: str, **environ: str) -> Done:
    argv = (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(repo.folder), *words)
    return run(argv, cwd=repo.folder, env=environ, timeout=120)


def number_in(file: Path) -> int:
    eventually(lambda: file.exists() and file.read_text().strip(), f"a number in {file}")
    return int(file.read_text())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_as_many_gates_run_as_workers_have_room_and_the_bad_one_is_found(
    repo: Repo, empty: Cluster, tmp_path: Path
) -> None:
    """Each of the first three ends only when it has met the others: they run at once, by no more than the defaults."""
    add(empty, "w1", "w2", "w3")
    meet = f"touch {tmp_path}/$BATTY_PHASE; until [ $(ls {tmp_path} | grep -c phase) = 3 ]; do sleep 0.05; done"
    repo.gate(f"{meet}; test ! -e bad", workers=empty.address)
    lander = Lander(repo)
    for number in (1, 2, 3):
        lander.approve(f"phase-{number}", {f"file-{number}" if number != 2 else "bad": "x\n"})
    assert lander.land()
    assert lander.states == {"phase-1": "landed", "phase-2": "red", "phase-3": "landed"}
    ran = [event for event in lander.events if isinstance(event, GateFinished)]
    assert {event.host for event in ran} == {"w1", "w2", "w3"}
    assert {event.environment for event in ran} == {
        event.environment for event in lander.events if isinstance(event, GateStarted)
    }


def test_a_killed_scheduler_leaves_everything_queued_and_the_next_lander_goes_on(
    repo: Repo, empty: Cluster, tmp_path: Path
) -> None:
    add(empty, "w1")
    go = tmp_path / "go"
    repo.gate(f"echo $$ >{tmp_path}/pid; until test -e {go}; do sleep 0.05; done", workers=empty.address)
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "a\n"})
    with subprocess.Popen(
        (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(repo.folder), "land"),
        cwd=repo.folder,
        stderr=subprocess.PIPE,
        text=True,
    ) as landing:
        pid = number_in(tmp_path / "pid")
        eventually(lambda: lander.entry("phase-1").host == "w1", "word of where it is")
        assert "at w1" in shown(repo, "phase-1")
        empty.scheduler.kill()
        told = landing.communicate(timeout=60)[1]
    assert landing.returncode == 1
    assert "the scheduler dask://" in told
    assert "batty doctor" in told
    assert lander.states == {"phase-1": "queued"}
    assert isinstance(lander.events[-1], LanderStopped)
    eventually(lambda: not alive(pid), "the end of the gate at the worker")
    assert "no gate can run now: the scheduler" in "\n".join(standstill_lines(lander.queue))
    row = json.loads(batty(repo, "status", "--json").stdout)
    assert [one["next"] for one in row["attention"]] == ["batty doctor"]
    number = len(lander.events)
    # each command calls a lander, which may be at it
    for _ in range(2):
        eventually(lambda: batty(repo, "land").status == 1, "the same refusal")
    assert len(lander.events) - number <= 1, "a standing problem fills no journal"
    assert "missing  workers" in batty(repo, "doctor").stdout
    empty.workers.pop().kill()
    empty.scheduler.start()
    go.touch()
    add(empty, "w2")
    batty(repo, "land").check()
    assert lander.states == {"phase-1": "landed"}
    assert standstill_lines(lander.queue) == []
    assert lander.verdicts("phase-1") == ["pass"]


def shown(repo: Repo, phase: str) -> str:
    queue: list[dict[str, str]] = json.loads(batty(repo, "queue", "--json").stdout)
    return next(row["reason"] + row["host"] for row in queue if row["phase"] == phase)


def test_without_a_worker_that_fits_the_lander_stops_and_no_entry_is_touched(repo: Repo, empty: Cluster) -> None:
    empty.add_worker("odd", {**os.environ, "PATH": f"/nowhere:{os.environ['PATH']}"})
    empty.wait_for_workers(1)
    repo.gate("true", workers=empty.address)
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "a\n"})
    for _ in range(2):
        with pytest.raises(BattyError) as told:
            lander.land()
        assert told.value.code == "no-worker"
    assert lander.states == {"phase-1": "queued"}
    assert len(lander.all(LanderStopped)) == 1
    assert lander.gated == []
    found = batty(repo, "doctor").stdout
    assert "worker odd   runs no gate: PATH" in found
    add(empty, "w1")
    assert lander.land()
    assert lander.states == {"phase-1": "landed"}


def landing_beside(repo: Repo) -> "subprocess.Popen[bytes]":
    """Start a lander of its own; leaving the block waits for its end."""
    argv = (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(repo.folder), "land")
    return subprocess.Popen(argv, cwd=repo.folder, stderr=subprocess.DEVNULL)


def test_a_killed_lander_ends_its_gates_on_workers(repo: Repo, empty: Cluster, tmp_path: Path) -> None:
    """What the next one then gates again is all that is lost."""
    add(empty, "w1")
    repo.gate(f"echo $$ >{tmp_path}/pid; test -e {tmp_path}/go || exec sleep 600", workers=empty.address)
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "a\n"})
    with landing_beside(repo) as landing:
        pid = number_in(tmp_path / "pid")
        landing.send_signal(signal.SIGKILL)
    eventually(lambda: not alive(pid), "the end of the gate at the worker")
    (tmp_path / "go").touch()
    assert lander.land()
    assert lander.states == {"phase-1": "landed"}


def test_a_gate_that_nobody_needs_any_more_is_ended_there(repo: Repo, empty: Cluster, tmp_path: Path) -> None:
    add(empty, "w1")
    repo.gate(f"echo $$ >{tmp_path}/pid; test -e other || exec sleep 600", workers=empty.address)
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "a\n"})
    with landing_beside(repo) as landing:
        pid = number_in(tmp_path / "pid")
        batty(repo, "queue", "skip", "phase-1").check()
        assert batty(repo, "land").status == 0
        assert landing.wait(timeout=60) == 0
    eventually(lambda: not alive(pid), "the end of the gate at the worker")
    assert lander.all(GateStopped) == ["phase-1"]
    assert not [event for event in lander.events if isinstance(event, GateMoved)]


def test_who_has_no_workers_imports_nothing_of_them(repo: Repo, tmp_path: Path) -> None:
    """Nor needs it: with the package hidden everything goes on as it was."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor name in ('distributed', 'dask'): sys.modules[name] = None\n"
    )
    repo.gate("true")
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "a\n"})
    hidden = {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    batty(repo, "land", **hidden).check()
    assert lander.states == {"phase-1": "landed"}
    repo.gate("true", workers="dask://127.0.0.1:1")
    lander.approve("phase-2", {"b": "b\n"})
    told = batty(repo, "land", **hidden)
    assert told.status == 1
    assert "pip install 'batty-tmux[cluster]'" in told.stderr
    assert lander.states["phase-2"] == "queued"


def test_status_and_report_name_the_worker(repo: Repo, empty: Cluster) -> None:
    add(empty, "w1")
    repo.commit("board", {"kanban/phase-1/PHASE.md": "# One\n"})
    repo.gate("true", workers=empty.address)
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "a\n"})
    assert lander.land()
    landed = json.loads(batty(repo, "status", "--json").stdout)["landed"]
    assert [row["gate"]["host"] for row in landed] == ["w1"]
    assert "at w1" in batty(repo, "queue", "explain", "phase-1").stdout
    assert screen(Project.around(repo.folder)) is not None
