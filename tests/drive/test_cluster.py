"""Gates on the workers of a real scheduler: what they say of the code counts, what happens to them never does."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batty_tmux.core.events import GateFinished, GateMoved, GatePlaced
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.place import Place
from batty_tmux.names import PhaseId, RunId
from tests.support.engines import Cluster, dask_cluster
from tests.support.repo import Repo

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", {".gitignore": "cache/\n", "src/a.py": "a = 1\n"})


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "engine"
    folder.mkdir()
    with dask_cluster(folder, "w1") as cluster:
        yield cluster


def gated(repo: Repo, cluster: Cluster, command: str, ref: str = "main", **more: str) -> GateFinished:
    spec = GateSpec(command, 60, "", (), workers=cluster.address, **more)
    subject = Subject(PhaseId("phase-1"), repo.tip(ref), repo.tree(ref), "queue", RunId("001"), os.environ)
    return run_gate(Place.around(repo.folder), spec, subject, repo.folder.parent / "slots")


def said(finished: GateFinished) -> str:
    return Path(finished.log).read_text()


def test_a_worker_gives_verdict_log_and_time(repo: Repo, cluster: Cluster) -> None:
    passed = gated(repo, cluster, "echo out; echo err >&2; pwd; ls")
    assert (passed.verdict, passed.status, passed.host) == ("pass", 0, "w1"), said(passed)
    assert passed.seconds > 0
    assert said(passed).split()[:2] == ["out", "err"]
    assert "src" in said(passed)
    assert Path(passed.log).stat().st_mode & 0o777 == 0o400
    red = gated(repo, cluster, "echo FAILED test_x.py::test_a; exit 3")
    assert (red.verdict, red.status, red.host) == ("fail", 3, "w1")
    assert gated(repo, cluster, "no-such-program").verdict == "infra"
