"""Phases whose gates run on workers of a cluster, from `batty work` to the report."""

from pathlib import Path

import pytest

from tests.support.engines import dask_cluster
from tests.support.server import eventually
from tests.support.story import Story

pytestmark = pytest.mark.timeout(180)


def test_phases_land_with_gates_on_workers_and_each_is_told_where(story: Story, tmp_path: Path) -> None:
    """Rule: own gates and the queue's run there; status says where one is while it is, the report where each was."""
    (tmp_path / "engine").mkdir()
    with dask_cluster(tmp_path / "engine", "w1", "w2") as cluster:
        story.settings["gate"] |= {"workers": cluster.address, "toolchain": "echo the same"}
        story.review("auto")
        for name in ("alpha", "beta"):
            story.phase(name)
            story.executor(name).commits(f"{name}.txt", name)
        waiting = story.gate_waits_at("alpha.txt")
        working = story.background("work", "all", "--parallel", "2", "--wait")
        eventually(waiting.exists, "a gate at a worker")
        seen = story.until(lambda seen: "runs on the committed tip, at w" in seen.says("alpha"), "where its gate is")
        assert seen.states["alpha"] == "checking"
        story.open_door("gate")
        assert working.result().exit == 0
        assert {event.get("host") for event in story.events("gate-finished") if event.get("seconds")} <= {"w1", "w2"}
        assert {event["purpose"] for event in story.events("gate-placed")} == {"phase", "queue"}
        story.assert_proved(*story.status().landed)

        assert '"host": "w' in story.batty("report", "--json").out
        doctor = story.batty("doctor").out
        assert "w1 (1), w2 (1)" in doctor
