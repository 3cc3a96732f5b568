"""Two phases change the same lines, and both are told while they are at work."""

from tests.support.server import eventually
from tests.support.story import PATIENCE, Story


def test_a_collision_is_told_where_people_look(story: Story) -> None:
    """Rule: each of the two hears of the other in its orchestrator pane, in status and in its packet; once."""
    story.review("human")
    story.settings["run"]["parallel"] = 2
    story.file("shared.txt", "as it was")
    for name in ("alpha", "beta"):
        story.phase(name)
        story.executor(name).commits("shared.txt", f"by {name}").waits()
    story.batty("work", "all")
    for name, other in (("alpha", "beta"), ("beta", "alpha")):
        told = f"{name}: would conflict with {other} in shared.txt"
        eventually(lambda n=name, t=told: t in story.screen(n, "orchestrator"), told, PATIENCE)  # type: ignore[misc]
        assert story.screen(name, "orchestrator").count("would conflict") == 1
        assert story.status().of(name)["collisions"] == [{"phase": other, "paths": ["shared.txt"]}]
        assert f"! {name} would conflict with {other} in shared.txt" in story.batty("status").out
        packet = story.batty("review", name).out
        assert f"## Would conflict with\n\n- {other}: `shared.txt`\n" in packet
    assert len(story.events("collided")) == 2
