"""`batty queue` and its commands: what they say, what they refuse, and that the next command is one that works."""

from collections.abc import Callable
from pathlib import Path

import pytest

from batty_tmux.core.events import BaseMoved, GateStarted, PhaseHeld, Refused, Reviewed
from batty_tmux.drive import hooks
from batty_tmux.names import PhaseId, Sha
from tests.support.desk import Desk
from tests.support.lander import RUN

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """Landers that a command would start beside the test run when the test says so."""
    monkeypatch.setattr(hooks, "detach", lambda *_args, **_more: None)
    return lambda *phases, **more: Desk.make(tmp_path, *phases, **more)


def red(made: Desk) -> Desk:
    """Phase one is red; nothing else is in the queue."""
    made.approve("one", {"broken": "x"})
    made.lander.land()
    return made


def test_an_empty_queue_says_so(desk: MakeDesk) -> None:
    """And no figures where no gate has run."""
    said = desk("one").batty()
    assert (said.stdout, said.stderr) == ("the merge queue is empty\n", "")


def test_what_cannot_land_is_shown_with_its_reason_and_its_way_out(desk: MakeDesk) -> None:
    """The command that goes on stands below the table, as it is typed."""
    made = red(desk("one"))
    said = made.batty()
    assert "✗ red" in said.stdout
    assert "↳ one: batty queue retry one --by agent" in said.stdout
    assert made.batty("--json").stdout.count('"state": "red"') == 1


def test_explain_tells_the_story_and_the_log(desk: MakeDesk) -> None:
    """Each gate once with what it said, and at the end the state with its code."""
    said = red(desk("one")).batty("explain", "one").stdout
    assert said.count("the gate says fail") == 2
    assert "the gate without it says pass" in said
    assert "now: red: the gate ended with 1 [gate-fail]" in said
    assert "its last gate's log: /" in said


def test_explain_of_what_was_never_queued_and_of_what_is_not_there(desk: MakeDesk) -> None:
    """The first has a state all the same; the second is a mistake in typing."""
    made = desk("one")
    assert made.batty("explain", "one").stdout == "one was never in the merge queue: ready\n"
    assert "no phase is called two" in made.batty("explain", "two").stderr


def test_skip_leaves_out_once_and_retry_takes_in_again(desk: MakeDesk) -> None:
    """A second skip says what it already is."""
    made = red(desk("one"))
    assert made.batty("skip", "one").exit_code == 0
    assert (made.state("one"), made.status("one").next) == ("skipped", "batty queue retry one")
    assert "one is skipped in the merge queue" in made.batty("skip", "one").stderr
    assert made.batty("retry", "one").exit_code == 0
    assert made.state("one") == "queued"


def test_priority_orders_what_waits(desk: MakeDesk) -> None:
    """The highest is first; of equals, who came first."""
    made = desk("one", "two", "three")
    made.batty("pause")
    for name in ("one", "two", "three"):
        made.approve(name, {f"{name}.txt": name})
    assert "number 1" in made.batty("priority", "three", "2").stderr
    assert "number 2" in made.batty("priority", "two").stderr
    assert [entry.phase for entry in made.project.queue().waiting] == ["three", "two", "one"]
    made.batty("resume")
    made.lander.land()
    assert made.lander.landed == ["three", "two", "one"]
    assert made.batty("priority", "one").exit_code == 1


def test_a_pause_does_not_hide_what_else_stops_the_queue(desk: MakeDesk) -> None:
    """Resuming ends both, so both are told before, and once more by it."""
    made = desk("one")
    made.batty("pause", "release")
    made.lander.write(BaseMoved(old=made.repo.tip(), new=made.repo.tip()))
    shown = made.batty().stdout
    assert "is paused: release" in shown
    assert "stands still: the base went" in shown
    told = made.batty("resume").stderr
    assert "release" in told
    assert "the base went" in told
    assert made.batty("resume").stderr == "✓ nothing stops the queue\n"


def test_try_gates_and_lands_nothing_and_its_verdict_serves_the_queue(desk: MakeDesk) -> None:
    """One run in all, however often it is tried, and none when it lands."""
    made = desk("one")
    before = made.repo.tip()
    made.launch("one", {"one.txt": "1"})
    assert "it would land" in made.batty("try", "one").stderr
    assert "known from before" in made.batty("try", "one").stdout
    assert made.repo.tip() == before
    made.approve("one")
    made.lander.land()
    assert made.lander.states == {"one": "landed"}
    assert [e.purpose for e in made.lander.events if isinstance(e, GateStarted)] == ["try"]


def test_try_says_what_would_keep_it_from_landing(desk: MakeDesk) -> None:
    """A red with its log and a conflict with its paths, both with exit status 1; no new commit is neither."""
    made = desk("one", "two", "three", files={"f.txt": "a\n"})
    made.launch("one", {"broken": "x"})
    made.launch("two", {"f.txt": "b\n"})
    said = made.batty("try", "one")
    assert (said.exit_code, "gate fail" in said.stdout) == (1, True)
    made.repo.commit("mine", {"f.txt": "c\n"})
    said = made.batty("try", "two")
    assert (said.exit_code, "conflicts in f.txt" in said.stdout) == (1, True)
    assert made.batty("try", "three").stderr.endswith("next: batty work three")


def test_an_agent_gets_it_back_only_so_often(desk: MakeDesk) -> None:
    """queue.rework times since the launch; then a person has to say what is to be done."""
    made = red(desk("one"))
    for _ in range(2):
        made.lander.write(
            Reviewed(run=RUN, phase=PhaseId("one"), verdict="rework", by="human", head=Sha(""), cause="red")
        )
    made.lander.approve("one")
    made.lander.land()
    said = made.batty("retry", "one", "--by", "agent")
    assert said.exit_code == 1
    assert "went back to its agent 2 times already" in said.stderr
    assert 'batty review one --rework "..."' in said.stderr


def test_an_agent_does_not_get_what_its_gate_did_not_refuse(desk: MakeDesk) -> None:
    """The log that it would be given has nothing to do with why it is held."""
    made = desk("one")
    made.approve("one", {"one.txt": "1"})
    head = made.lander.entry("one").head
    told = Refused(
        phase=PhaseId("one"), head=head, base=made.repo.tip(), code="silent-revert", reason="lost", paths=("f",)
    )
    made.lander.write(told)
    assert "another reason than its gate: lost" in made.batty("retry", "one", "--by", "agent").stderr


def test_what_was_moved_off_the_base_lands_again(desk: MakeDesk) -> None:
    """It says so, and the command that it names claims it anew; the verdict on its tree is known."""
    made = desk("one")
    made.land("one", {"one.txt": "1"})
    made.repo.git("reset", "-q", "--hard", "HEAD~1")
    seen = made.status("one")
    assert (seen.state, seen.says, seen.next) == (
        "held",
        "it had landed, and the base no longer holds it",
        "batty queue retry one",
    )
    runs = len(made.lander.gated)
    assert made.batty("retry", "one").exit_code == 0
    made.batty("resume")
    made.lander.land()
    made.batty("resume")
    made.lander.land()
    assert (made.state("one"), len(made.lander.gated)) == ("landed", runs)


def test_a_phase_whose_work_was_withdrawn_is_not_in_the_queue(desk: MakeDesk) -> None:
    """And every command says so."""
    made = red(desk("one"))
    made.lander.write(PhaseHeld(run=RUN, phase=PhaseId("one"), state="held", code="escalated", reason="ask"))
    for words in (("retry", "one"), ("skip", "one"), ("resolve", "one"), ("priority", "one")):
        assert "one is not in the merge queue" in made.batty(*words).stderr
