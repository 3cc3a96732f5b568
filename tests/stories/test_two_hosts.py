"""Two hosts, one main, eight phases, one host dies."""

import pytest

from tests.support.machines import need_namespaces
from tests.support.story import Story
from tests.support.two_hosts import PHASES, TwoHosts


@pytest.mark.timeout(400)
def test_two_hosts_one_main_eight_phases_one_host_dies(story: Story, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Everything lands on the remote's main, once, each tree gated; what the lost host had committed is not lost."""
    need_namespaces("the death of a host")
    told: list[str] = []
    with TwoHosts.at(tmp_path_factory.mktemp("far"), story, told.append) as tale:
        landed = tale.run()
        assert sorted(landed) == sorted(PHASES)
        story.assert_proved(*landed)
        assert tale.on_forge() == [f"{phase}/{which}" for phase in PHASES for which in ("first", "second")]
        assert story.git("rev-parse", "origin/main") == story.git("rev-parse", "main")
        gates = story.events("gate-finished")
        assert "gates of h1" in {event["host"] for event in gates} <= {"gates of h1", "gates of h2"}
        assert {event["verdict"] for event in gates} <= {"pass", "infra"}
        hosts = {row["phase"]: row["host"] for row in story.status().raw["phases"]}
        assert set(hosts.values()) == {"", "h1"}
    assert told[-1] == "all eight have landed"
