"""What an executor cannot do to main by mistake, in a run as it is."""

import shlex

from tests.support.story import Story


def test_an_executor_that_moves_main_by_mistake_is_told_so_and_goes_on(story: Story) -> None:
    """Rule: git refuses it in the executor's own worktree and in the user's checkout; the user's git is free."""
    said = story.repo.parent / "said"
    lines = (
        "git update-ref refs/heads/main HEAD",
        "git update-ref refs/batty/mine HEAD",
        f"git -C {shlex.quote(str(story.repo))} commit --allow-empty -m oops",
    )
    story.phase("alpha")
    executor = story.executor("alpha").commits("a.txt", "text")
    for line in lines:
        executor.runs(f"! {line} 2>>{shlex.quote(str(said))} || exit 3")
    executor.waits().commits("b.txt", "text")
    story.begin()
    main, config = story.git("rev-parse", "main"), (story.repo / ".git/config").read_text()
    story.batty("work", "all", "--detach")
    story.until_waiting("alpha")
    assert said.read_text().count("batty: refused: this would move") == len(lines), said.read_text()
    assert story.git("rev-parse", "main") == main
    assert story.git("for-each-ref", "refs/batty/mine") == ""
    assert (story.repo / ".git/config").read_text() == config
    assert story.batty("doctor").out.count("in force") == 1
    story.git("commit", "--allow-empty", "--message", "By the user")
    assert story.git("rev-parse", "main~1") == main
