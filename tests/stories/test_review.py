"""A person judges: what waits, what they read, and what each verdict does."""

from tests.support.story import Story


def test_a_phase_waits_for_its_reviewer(story: Story) -> None:
    """Rule: review by human is the default; nothing lands before --merge, and the packet shows what would."""
    del story.settings["review"]["by"]
    story.phase("alpha", title="Sell things")
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "all")
    seen = story.until_state(alpha="reviewing")
    assert seen.of("alpha")["next"] == "batty review alpha"
    packet = story.batty("review", "alpha")
    for told in ("Sell things", "a.txt", "Task 1 of alpha", "test ! -e broken", "Write a.txt"):
        assert told in packet.out
    assert "batty review alpha --merge" in packet.err
    assert story.history() == ["Start"]
    assert story.batty("review", "alpha", "--merge").exit == 0
    story.until_state(alpha="landed")
    story.assert_proved("alpha")
    assert story.batty("review", "alpha", "--merge").exit == 1


def test_rework_and_escalation(story: Story) -> None:
    """Rule: rework starts the executor again in the same worktree, told why; escalation holds it with the reason."""
    story.review("human")
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "spaces").then().runs("test -e a.txt").commits("a.txt", "tabs")
    story.batty("work", "all")
    story.until_state(alpha="reviewing")
    story.batty("review", "alpha", "--rework", "Use tabs, not spaces.")
    story.until(lambda seen: seen.states["alpha"] == "reviewing" and len(story.starts("alpha")) == 2)
    first, second = story.starts("alpha")
    assert "Use tabs, not spaces." not in first.read_text()
    assert "Use tabs, not spaces." in second.read_text()
    assert (story.worktree("alpha") / "a.txt").read_text() == "tabs\n"

    story.batty("review", "alpha", "--escalate", "Ask Bob about tabs.")
    seen = story.status()
    assert (seen.states["alpha"], seen.says("alpha")) == ("held", "Ask Bob about tabs.")
    story.batty("review", "alpha", "--merge")
    story.until_state(alpha="landed")
    story.assert_proved("alpha")


def test_what_is_merged_is_what_was_proved(story: Story) -> None:
    """Rule: a commit that a person adds while the phase waits is gated before it may be merged."""
    story.review("human")
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="reviewing")
    there = story.worktree("alpha")
    (there / "broken").touch()
    refused = story.batty("review", "alpha", "--merge")
    assert refused.exit == 1
    assert "broken" in refused.err
    story.git("add", "broken", cwd=there)
    story.git("commit", "--quiet", "--message", "Break it", cwd=there)
    refused = story.batty("review", "alpha", "--merge")
    assert refused.exit == 1
    assert "the gate" in refused.err
    story.git("rm", "--quiet", "broken", cwd=there)
    story.git("commit", "--quiet", "--message", "Mend it", cwd=there)
    assert story.batty("review", "alpha", "--merge").exit == 0
    story.until_state(alpha="landed")
    story.assert_proved("alpha")


def test_what_a_reviewer_asked_for_stays_asked_for(story: Story) -> None:
    """Rule: when batty starts the executor once more after a rework, the brief says both what it is for and that."""
    story.review("human")
    story.phase("alpha")
    second = story.executor("alpha").commits("a.txt", "spaces").then()
    second.commits("a.txt", "tabs").leaves_uncommitted("left.txt")
    second.then().runs("git add left.txt").runs("git commit --quiet --message Left")
    story.batty("work", "all")
    story.until_state(alpha="reviewing")
    story.batty("review", "alpha", "--rework", "Use tabs, not spaces.")
    story.until(lambda seen: seen.states["alpha"] == "reviewing" and len(story.starts("alpha")) == 3)
    _, reworked, nudged = (path.read_text() for path in story.starts("alpha"))
    assert reworked.count("Use tabs, not spaces.") == 1
    assert (nudged.count("Use tabs, not spaces."), "left.txt" in nudged) == (1, True)


def test_the_packet_names_who_else_changes_a_file(story: Story) -> None:
    """Rule: though both could land. One that would conflict is told of as such, and not twice."""
    story.review("human")
    story.file("list.txt", "\n".join(map(str, range(20))))
    for name, first, last in (("alpha", 1, 1), ("beta", 19, 19), ("gamma", 1, 1)):
        story.phase(name)
        story.executor(name).runs(f"sed -i '{first},{last}s/.*/{name}/' list.txt; git commit -qam 'List by {name}'")
    story.batty("work", "all", "--parallel", "3")
    story.until_state(alpha="reviewing", beta="reviewing", gamma="reviewing")
    story.until(lambda seen: len(story.events("collided")) >= 2, "the radar")
    told = story.batty("review", "alpha", "--json").json
    assert told["shared"] == [{"phase": "beta", "paths": ["list.txt"]}]
    assert [row["phase"] for row in told["collisions"]] == ["gamma"]
    assert "## Also changed by\n\n- beta: `list.txt`\n" in story.batty("review", "alpha").out
