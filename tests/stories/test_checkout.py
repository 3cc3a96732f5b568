"""The user's own checkout of main: what is in the way waits, and nothing of theirs is touched."""

from tests.support.story import Story


def test_a_landing_waits_for_a_file_that_is_in_the_way(story: Story) -> None:
    """Rule: deferred, naming the path; nothing changes until the user moves it, then any command lands it."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "theirs")
    story.begin()
    story.file("a.txt", "mine")
    story.batty("work", "all")
    story.until_state(alpha="deferred")
    seen = story.status()
    assert "a.txt" in seen.says("alpha")
    assert seen.raw["queue"][0]["paths"] == ["a.txt"]
    assert (seen.states["alpha"], seen.of("alpha")["next"]) == ("deferred", "batty land")
    assert (story.repo / "a.txt").read_text() == "mine\n"
    assert story.history() == ["Start"]
    assert story.git("status", "--porcelain") == "?? a.txt"

    (story.repo / "a.txt").rename(story.repo / "mine.txt")
    story.status()
    story.until_state(alpha="landed")
    assert (story.repo / "a.txt").read_text() == "theirs\n"
    assert (story.repo / "mine.txt").read_text() == "mine\n"


def test_a_landing_waits_for_an_edit_and_then_goes_on_top_of_it(story: Story) -> None:
    """Rule: an uncommitted edit of the user's defers; once they commit it, the candidate is gated on top of it."""
    rows = [f"row {number}" for number in range(20)]
    story.file("rows.txt", "\n".join(rows))
    story.phase("alpha")
    story.executor("alpha").runs("sed -i.old 's/row 19/theirs/' rows.txt && rm rows.txt.old").runs(
        "git add rows.txt"
    ).commits("a.txt", "text")
    story.begin()
    mine = story.file("rows.txt", "\n".join(["mine", *rows[1:]]))
    waiting = story.background("work", "all", "--wait")
    story.until_state(alpha="deferred")
    assert mine.read_text().startswith("mine\n")
    assert not waiting.done()
    story.git("commit", "--quiet", "--all", "--message", "Mine")
    story.batty("land")
    assert waiting.result().exit == 0
    assert mine.read_text().splitlines() == ["mine", *rows[1:19], "theirs"]
    assert story.git("status", "--porcelain") == ""
    assert story.proof()["landings"][0]["gated"] is True
