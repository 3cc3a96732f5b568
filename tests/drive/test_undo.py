"""Undo: a revert that is gated and landed, and what the phase is called before, meanwhile and after."""

from collections.abc import Callable
from pathlib import Path

import pytest

from batty_tmux.core.events import Relaunching
from batty_tmux.drive import hooks
from batty_tmux.names import PhaseId
from tests.support.desk import Desk
from tests.support.lander import RUN

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """Landers that a command would start beside the test run when the test says so."""
    monkeypatch.setattr(hooks, "detach", lambda *_args, **_more: None)
    return lambda *phases, **more: Desk.make(tmp_path, *phases, **more)


def test_an_undo_lands_a_revert_and_holds_the_phase(desk: MakeDesk) -> None:
    """The content is gone, the history is not; what depends on the phase has nothing to stand on."""
    made = desk("one")
    before = made.repo.tree()
    made.land("one", {"one.txt": "1"})
    landed = made.repo.tip()
    assert made.batty("undo", "one").exit_code == 0
    seen = made.status("one")
    assert (seen.state, seen.says) == ("queued", "what it landed is being taken back")
    made.lander.land()
    assert made.repo.tree() == before
    assert made.repo.plumbing.is_ancestor(landed, "main")
    seen = made.status("one")
    assert (seen.state, seen.next) == ("held", "batty queue undo one")
    assert seen.says == f"undone: {made.repo.tip()[:9]} takes back {landed[:9]}"
    assert PhaseId("one") not in made.project.landed(made.project.queue())


def test_an_undo_of_an_undo_brings_the_work_back_and_so_on(desk: MakeDesk) -> None:
    """Only whether the number of undoings is odd counts."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    whole = made.repo.tree()
    for state in ("held", "landed", "held", "landed"):
        assert made.batty("undo", "one").exit_code == 0
        made.lander.land()
        assert made.state("one") == state
        assert (made.repo.tree() == whole) == (state == "landed")
    assert made.repo.history()[-4:] == ["Take back one", "Bring back one", "Take back one", "Bring back one"]


def test_an_undo_that_is_skipped_leaves_the_phase_landed(desk: MakeDesk) -> None:
    """It is the undoing that was skipped; taken in again, it takes back."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    made.batty("undo", "one")
    assert "one stays as it landed" in made.batty("skip", "one").stderr
    assert made.state("one") == "landed"
    assert made.batty("retry", "one").exit_code == 0
    made.lander.land()
    assert made.state("one") == "held"


def test_a_bringing_back_that_is_skipped_leaves_the_phase_undone(desk: MakeDesk) -> None:
    """And it can be asked for again."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    made.batty("undo", "one")
    made.lander.land()
    made.batty("undo", "one")
    made.batty("skip", "one")
    assert (made.state("one"), made.status("one").next) == ("held", "batty queue undo one")
    assert made.batty("undo", "one").exit_code == 0
    made.lander.land()
    assert made.state("one") == "landed"


def test_a_red_undo_names_a_way_out_and_is_not_the_agents(desk: MakeDesk) -> None:
    """What landed later needs it: the gate says so, and the way out is to leave it."""
    made = desk("one", "two", gate="test ! -e two.txt || test -e one.txt")
    made.land("one", {"one.txt": "1"})
    made.land("two", {"two.txt": "2"})
    made.batty("undo", "one")
    made.lander.land()
    assert (made.state("one"), made.status("one").next) == ("red", "batty queue skip one")
    assert "its agent has no part in that" in made.batty("retry", "one", "--by", "agent").stderr
    assert made.batty("skip", "one").exit_code == 0
    assert made.state("one") == "landed"


def test_an_undo_that_comes_into_conflict_is_settled_and_still_an_undo(desk: MakeDesk) -> None:
    """The result of `resolve` takes the work back; the phase is undone, not landed anew."""
    made = desk("one", files={"f.txt": "a\n"})
    made.land("one", {"f.txt": "b\n", "one.txt": "1"})
    made.batty("undo", "one")
    made.repo.commit("mine", {"f.txt": "c\n"})
    made.lander.land()
    assert (made.state("one"), made.status("one").next) == ("conflict", "batty queue resolve one")
    folder = Path(made.batty("resolve", "one", "--here").stdout.strip())
    (folder / "f.txt").write_text("a\nc\n")
    made.repo.git("add", "--all", cwd=folder)
    made.repo.git("commit", "-q", "-m", "settle", cwd=folder)
    assert made.batty("resolve", "one").exit_code == 0
    made.lander.land()
    assert made.state("one") == "held"
    assert made.status("one").says.startswith("undone: ")
    assert "one.txt" not in made.repo.files()


def test_what_cannot_be_undone_is_refused_with_words(desk: MakeDesk) -> None:
    """Nothing landed; an undo is under way; newer work is queued, or at work; later work stands on it."""
    made = desk("one", "two", files={"f.txt": "a\n"})
    assert "holds nothing that one landed" in made.batty("undo", "one").stderr
    made.land("one", {"f.txt": "b\n"})
    made.batty("undo", "one")
    assert "is being undone already" in made.batty("undo", "one").stderr
    made.batty("skip", "one")
    made.lander.approve("one")
    assert "newer work of one is in the merge queue (queued)" in made.batty("undo", "one").stderr
    made.batty("skip", "one")
    made.lander.write(Relaunching(run=RUN, phase=PhaseId("one")))
    assert "was launched again and is working" in made.batty("undo", "one").stderr
    made.land("two", {"two.txt": "2"})
    made.repo.commit("mine", {"two.txt": "3"})
    said = made.batty("undo", "two").stderr
    assert "later work stands on what two landed" in said
    assert "two.txt" in said


def test_moving_back_puts_the_base_where_it_was(desk: MakeDesk) -> None:
    """The queue knows of it and goes on; what was moved off can be landed again, without a new gate run."""
    made = desk("one")
    before = made.repo.tip()
    made.repo.git("switch", "-q", "--detach")
    made.land("one", {"one.txt": "1"})
    landed, runs = made.repo.tip("main"), len(made.lander.gated)
    assert "batty queue retry one" in made.batty("undo", "one", "--move-back").stderr
    assert made.repo.tip("main") == before
    assert (made.state("one"), made.project.queue().frozen) == ("held", None)
    assert "undo of one" in made.batty("explain", "one").stdout
    assert made.batty("retry", "one").exit_code == 0
    made.lander.land()
    assert (made.repo.tip("main"), len(made.lander.gated)) == (landed, runs)
    assert made.state("one") == "landed"


def test_an_undo_that_is_moved_back_is_no_undo(desk: MakeDesk) -> None:
    """The base has the work again; what is shown is the commit as which it landed."""
    made = desk("one")
    made.repo.git("switch", "-q", "--detach")
    made.land("one", {"one.txt": "1"})
    landed = made.repo.tip("main")
    made.batty("undo", "one")
    made.lander.land()
    assert made.batty("undo", "one", "--move-back").exit_code == 0
    seen = made.status("one")
    assert seen.state == "landed"
    assert seen.entry is not None
    assert seen.entry.landed is not None
    assert seen.entry.landed.candidate == landed == made.repo.tip("main")


@pytest.mark.parametrize("who", ["checkout", "commit", "branch", "tag", "worktree"])
def test_the_base_is_not_moved_back_under_anybody(desk: MakeDesk, who: str) -> None:
    """Whoever has the landed commit would be left standing on one that the base has disowned."""
    made = desk("one")
    made.repo.git("switch", "-q", "--detach")
    made.land("one", {"one.txt": "1"})
    match who:
        case "checkout":
            made.repo.git("switch", "-q", "main")
        case "commit":
            made.repo.grow("main", "mine", {"mine.txt": "m"})
        case "branch":
            made.repo.branch("topic", "main")
        case "tag":
            made.repo.git("tag", "v1", "main")
        case _:
            made.repo.worktree("elsewhere", "--detach", "main")
    tip = made.repo.tip("main")
    said = made.batty("undo", "one", "--move-back")
    assert said.exit_code == 1
    assert "next: batty queue undo one" in said.stderr
    assert made.repo.tip("main") == tip
