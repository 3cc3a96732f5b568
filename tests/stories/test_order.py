"""Who starts when: dependencies, slots, natural order; and boards that cannot be read."""

from pathlib import Path

from tests.support.hostile import TITLES
from tests.support.story import Story


def launched(story: Story) -> list[str]:
    return [event["phase"] for event in story.events("launching")]


def test_a_phase_waits_until_what_it_depends_on_has_landed(story: Story) -> None:
    """Rule: blocked until then, with the name in `says`; it starts from a base that holds what it waited for."""
    story.phase("alpha")
    story.phase("beta", after=["alpha"])
    story.executor("alpha").waits().commits("a.txt", "text")
    story.executor("beta").runs("cp a.txt b.txt").runs("git add b.txt").commits("c.txt", "text")
    waiting = story.background("work", "all", "--parallel", "3", "--wait")
    story.until_waiting("alpha")
    seen = story.peek()
    assert seen.states["beta"] == "blocked"
    assert "alpha" in seen.says("beta")
    story.open_door("alpha")
    assert waiting.result().exit == 0
    story.assert_proved("alpha", "beta")
    assert story.landed_text("b.txt") == "text"


def test_windows_are_filled_in_natural_order(story: Story) -> None:
    """Rule: --parallel 2 keeps two at work, and starts the next as one has freed its slot: 2, 2.5, then 10."""
    for name in ("phase-10", "phase-2", "phase-2.5"):
        story.phase(name)
        story.executor(name).waits().commits(f"{name}.txt", "text")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("phase-2")
    story.until_waiting("phase-2.5")
    assert story.status().states == {"phase-2": "working", "phase-2.5": "working", "phase-10": "ready"}
    story.open_door("phase-2.5")
    story.until_waiting("phase-10")
    assert launched(story) == ["phase-2", "phase-2.5", "phase-10"]
    story.open_door("phase-2")
    story.open_door("phase-10")
    story.until(lambda seen: seen.all_are("landed"))


def test_one_at_a_time_is_the_default(story: Story) -> None:
    """Rule: without --parallel the next starts when the one before has landed, or is held."""
    for name in ("alpha", "beta", "gamma"):
        story.phase(name)
        story.executor(name).commits(f"{name}.txt", "text")
    story.executor("beta").exits(1)
    assert story.batty("work", "all", "--wait").exit == 1
    told = [(e["event"], e["phase"]) for e in story.events() if e["event"] in {"launching", "landed", "held"}]
    assert told == [
        ("launching", "alpha"),
        ("landed", "alpha"),
        ("launching", "beta"),
        ("held", "beta"),
        ("launching", "gamma"),
        ("landed", "gamma"),
    ]


def test_a_cycle_and_an_unknown_name_are_refused(story: Story) -> None:
    """Rule: both are refused by name, with the file to edit, before anything is made."""
    story.phase("alpha", after=["beta"])
    story.phase("beta", after=["alpha"])
    refused = story.batty("work", "all")
    assert refused.exit == 1
    assert "alpha -> beta -> alpha" in refused.err
    assert "${EDITOR:-vi} kanban/alpha/PHASE.md" in refused.err
    head = "---\ndepends_on: [gone]\n---\n"
    (story.repo / "kanban/alpha/PHASE.md").write_text(head)
    story.git("commit", "--quiet", "--all", "--message", "Break the cycle")
    refused = story.batty("work", "all", "--parallel", "2")
    assert refused.exit == 1
    assert "alpha depends on gone" in refused.err
    assert story.events() == []
    assert not story.worktrees.exists()


def test_what_cannot_be_read_stops_only_itself(story: Story) -> None:
    """Rule: a broken task file is named with its line, a folder that can be no phase by its name; others go on."""
    story.phase("alpha")
    story.executor("alpha").commits("a.txt", "text")
    story.phase("broken")
    story.file("kanban/broken/tasks/001-task.md", "---\nid: 1\ntitle: [\nstatus: todo\n---\n")
    story.file("kanban/-t $(touch pwned)/config.yml", "version: 11\n")
    before = (story.repo / "kanban/broken/tasks/001-task.md").read_text()
    said = story.batty("work", "all", "--parallel", "3", "--wait")
    assert said.exit == 1
    assert "kanban/broken/tasks/001-task.md:" in said.err
    assert "cannot be a phase's" in said.err
    seen = story.status()
    assert seen.states == {"alpha": "landed", "broken": "held"}
    assert seen.of("broken")["next"] == "${EDITOR:-vi} kanban/broken/tasks/001-task.md"
    assert launched(story) == ["alpha"]
    assert (story.repo / "kanban/broken/tasks/001-task.md").read_text() == before
    assert "001-task.md:" in story.batty("status").out


def test_titles_run_nothing(story: Story) -> None:
    """Rule: whatever a title says, a whole run of it runs nothing, breaks nothing, and lands."""
    phases = [title for title in TITLES if "touch" in title or "{{" in title or len(title) > 100]
    for number, title in enumerate(phases, 1):
        story.phase(f"phase-{number}", tasks=2, title=title, goal=f"Do {title}")
        story.task(f"phase-{number}", 1, TITLES[number])
        story.task(f"phase-{number}", 2, TITLES[-1 - number])
        story.executor(f"phase-{number}").asks(f"Overwrite {TITLES[3]}? [y/N]").commits(f"{number}.txt", "text")
    story.policy("act", ("Overwrite", "y"))
    story.review("human")
    story.batty("work", "all", "--parallel", str(len(phases)))
    seen = story.until(lambda seen: seen.all_are("reviewing"))
    assert [seen.of(f"phase-{n}")["done"] for n in range(1, len(phases) + 1)] == [2] * len(phases)
    for words in (("status",), ("plan",), ("log",), ("work", "all", "--dry-run"), ("review", "phase-1")):
        assert "\x1b" not in story.batty(*words).out
    for number in range(1, len(phases) + 1):
        story.batty("review", f"phase-{number}", "--merge")
    seen = story.until(lambda seen: seen.all_are("landed"))
    story.assert_proved(*seen.landed)
    assert [path for path in Path(story.root).rglob("*pwned*") if path.parent.name != "kanban"] == []
