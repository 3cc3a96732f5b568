"""The words that people read: every event has some or none on purpose, and no text gets at the terminal."""

from datetime import timedelta

import pytest

from batty_tmux.core.board import Broken, Phase, Task
from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Cleaned,
    DirectorSaid,
    Following,
    GateFinished,
    Landed,
    Landing,
    Launching,
    PinsDropped,
    Prompted,
    PromptGone,
    RunResumed,
    RunStarted,
    RunStopped,
)
from batty_tmux.core.flags import Flag
from batty_tmux.core.packet_report import packet_markdown
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.report import (
    GLYPHS,
    HEADINGS,
    HeldRow,
    Proof,
    ProvedLanding,
    age,
    explain,
    narrate,
    proof_lines,
    status_row,
    summary,
)
from batty_tmux.core.review import Changed, Collides, Commit, Packet, Settled
from batty_tmux.core.status import PhaseStatus, State, derive
from batty_tmux.core.supervise import fold
from batty_tmux.errors import BattyError
from batty_tmux.names import Branch, PhaseId, Sha
from tests.support.hostile import TITLES
from tests.support.journaled import AT, TYPES, one_of_each

PHASE = PhaseId("phase-1")
SILENT = {RunStarted, RunStopped, RunResumed, PromptGone, Landing, PinsDropped, Cleaned, Following}
"""Told by the command that causes them, or of no interest until their outcome is known."""


def is_harmless(line: str) -> bool:
    """Nothing that a terminal obeys, and no second line."""
    return line.isprintable()


def one_line_each(lines: list[str]) -> None:
    assert [line for line in lines if not is_harmless(line)] == []


def test_every_kind_of_event_is_told_or_is_silent_on_purpose() -> None:
    """A new event must be decided about."""
    told = {type(event) for event in one_of_each("x") if narrate(event) is not None}
    assert told == set(TYPES) - SILENT


@pytest.mark.parametrize("text", TITLES)
def test_an_event_is_told_on_one_harmless_line(text: str) -> None:
    """Whatever an agent, a branch or a file is called; and the line says which phase it is about."""
    for event in one_of_each(text):
        line = narrate(event)
        if line is not None:
            assert is_harmless(line), event
            assert line.startswith("phase-1: ") or not hasattr(event, "phase")
            assert len(line) <= 320


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Launching(phase=PHASE, branch=Branch("b"), worktree="/w", start=Sha("s")), "gets a worktree on b"),
        (Prompted(phase=PHASE, key="k", kind="confirm", question="Go?"), "asks: Go?"),
        (
            Prompted(phase=PHASE, key="k", kind="confirm", question="Go?", reason="no rule"),
            "asks, and waits for you (no rule): Go?",
        ),
        (
            CandidateBuilt(
                phase=PHASE,
                head=Sha("h"),
                base=Sha("b" * 40),
                candidate=Sha("b" * 40),
                tree=Sha("t"),
                how="nothing-new",
            ),
            "the base holds all of it already",
        ),
        (
            Landed(phase=PHASE, head=Sha("h"), base=Sha("b"), candidate=Sha("0123456789abcdef"), tree=Sha("t")),
            "landed as 012345678",
        ),
    ],
)
def test_what_is_told_names_the_thing(event: AnyEvent, words: str) -> None:
    """Short ids, the question, the reason."""
    assert narrate(event) == f"phase-1: {words}"


@pytest.mark.parametrize("text", TITLES)
def test_a_refusal_is_told_on_harmless_lines(text: str) -> None:
    """What, the evidence, and the next command, which may hold the name of a file."""
    error = BattyError("code", f"what {text}", evidence=(text, text), next=f"batty work {text}")
    lines = explain(error)
    one_line_each(lines)
    assert lines[0].startswith("✗ what")
    assert lines[-1].startswith("↳ next: batty work")
    assert len(lines) == 4


def test_a_refusal_with_much_evidence_says_how_much_is_left_out() -> None:
    """A page of it helps nobody."""
    lines = explain(BattyError("code", "what", evidence=tuple(str(n) for n in range(100))))
    assert lines[-1] == "  and 88 more"
    assert len(lines) == 14


def test_a_next_command_stays_as_it_must_be_typed() -> None:
    """Quotes and number signs are the shell's business."""
    typed = 'batty review phase-1 --rework "mend #3"'
    assert explain(BattyError("code", "what", next=typed))[-1] == f"↳ next: {typed}"


def status(title: str = "t", state: State = "working", says: str = "", **changes: object) -> PhaseStatus:
    phase = Phase(PHASE, title, tasks=(Task(1, title, "in-progress"),))
    made = PhaseStatus(phase, state, AT, says, "", fold(PHASE, []), None, task=phase.tasks[0], done=0, total=1)
    return made.__class__(**{**made.__dict__, **changes})


@pytest.mark.parametrize("text", TITLES)
def test_a_row_of_the_status_is_harmless(text: str) -> None:
    """The task's title, the reason, and a broken file's name in the next command."""
    broken = Phase(PHASE, text, broken=(Broken(f"tasks/{text}", 3, text),))
    rows = (
        status_row(status(text), AT),
        status_row(status(says=text, next=f"batty x {text}"), AT),
        status_row(derive(broken, fold(PHASE, []), Queue(), (), None), AT),
    )
    for row in rows:
        assert len(row) == len(HEADINGS)
        one_line_each(list(row))


def test_the_name_of_a_broken_file_is_one_word_of_the_command_that_opens_it() -> None:
    """It is copied into a shell."""
    broken = Phase(PHASE, "t", broken=(Broken("tasks/1; rm -rf ~ #.md", 3, "p"),))
    made = derive(broken, fold(PHASE, []), Queue(), (), None)
    assert made.next == "${EDITOR:-vi} 'kanban/phase-1/tasks/1; rm -rf ~ #.md'"
    plain = Phase(PHASE, "t", broken=(Broken("tasks/001-a.md", 3, "p"),))
    assert derive(plain, fold(PHASE, []), Queue(), (), None).next == "${EDITOR:-vi} kanban/phase-1/tasks/001-a.md"


def test_a_summary_counts_and_never_quotes() -> None:
    """It goes into the status bar, where a title would be expanded."""
    rows = [status(title) for title in TITLES] + [status(state="landed"), status(state="asking")]
    assert summary(rows) == f"● {len(TITLES)} working  ? 1 asking  ✓ 1/{len(TITLES) + 2}"
    assert summary([]) == "✓ 0/0"


def test_every_state_has_a_glyph() -> None:
    """Or a table would end in a bug."""
    assert set(GLYPHS) == set(State.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (900000, "10d")],
)
def test_an_age_is_told_in_the_one_unit_that_matters(seconds: float, words: str) -> None:
    """A clock that was set back shows no negative age."""
    assert age(AT, AT + timedelta(seconds=seconds)) == words


def test_no_age_without_a_beginning() -> None:
    """A phase that was never launched."""
    assert age(None, AT) == "-"


GATE = GateFinished(
    phase=PHASE, purpose="phase", commit=Sha("c" * 40), tree=Sha("t"), gate="g", log="/l", verdict="pass", seconds=3.25
)


def packet(text: str, gate: GateFinished | None = GATE) -> Packet:
    return Packet(
        phase=PHASE,
        title=text,
        goal=f"first {text}\nsecond",
        head=Sha("h" * 40),
        base=Sha("b" * 40),
        branch=f"b{text}",
        worktree=f"/w{text}",
        tasks=((1, "done", text), (2, "todo", text)),
        commits=(Commit(Sha("c" * 40), text, AT, text),),
        files=(Changed(text, 3, 1), Changed(text, -1, -1)),
        gate=gate,
        gate_command=text,
        answers=(Settled(text, text, "person", text), Settled("q", "", "policy", "rule")),
        summary=f"{text}\n\n\tend",
        flags=(Flag(text, "elsewhere", text),),
        collisions=(Collides("phase-2", (text, text)), Collides("", ())),
        log=(text, "last"),
        advice=DirectorSaid(
            phase=PHASE, head=Sha("h" * 40), number=1, outcome="rework", reasons=(text, text), feedback=text or "x"
        ),
        told=text,
    )


@pytest.mark.parametrize("text", TITLES)
def test_a_packet_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    """Nor can a title or a subject begin a line of its own, and so forge evidence."""
    written = packet_markdown(packet(text))
    one_line_each(written.split("\n"))
    plain = packet_markdown(packet("x"))
    evidence = slice("## Evidence", "## Summary")
    assert len(between(written, evidence)) == len(between(plain, evidence))
    summary_ = between(written, slice("## Summary", "## End"))[2:-1]
    assert all(line.startswith(">") for line in summary_)
    assert len(between(written, slice("## End", "    last"))) == 3


def between(text: str, marks: slice) -> list[str]:
    lines = text.split("\n")
    first = next(n for n, line in enumerate(lines) if line.startswith(marks.start))
    last = next(n for n, line in enumerate(lines) if line.startswith(marks.stop))
    return lines[first:last]


def test_a_packet_says_what_was_proved() -> None:
    """Commit, gate, files, tasks, answers; and when no gate has run, that."""
    written = packet_markdown(packet("x"))
    for line in (
        "# Review of phase-1: x",
        "- [x] #1 x",
        "- [ ] #2 x",
        "- `x` +3 -1",
        "- `x` binary",
        "- gate `x`: pass on `ccccccccc` in 3.2 s, log `/l`",
        "- q → Enter (rule)",
        "## Prompts answered by policy",
        "- x → x (x)",
        "## Prompts answered by you",
        "- `x` elsewhere: x",
        "- says rework, 0 % sure; x",
        "- because x",
        "    last",
        "## Would conflict with",
        "- phase-2: `x`, `x`",
        "- the base: no history in common",
        ">     end",
    ):
        assert line in written.split("\n")
    assert "- gate `x`: has not run" in packet_markdown(packet("x", None)).split("\n")


def landing(*, gated: bool = True, grew: bool = True, on_base: bool = True, text: str = "/l") -> ProvedLanding:
    return ProvedLanding("phase-1", "s" * 40, "b" * 40, "t" * 40, on_base, grew, gated, "c" * 40, 3.2, text)


@pytest.mark.parametrize("text", TITLES)
def test_a_proof_is_harmless(text: str) -> None:
    """It quotes subjects, reasons and paths."""
    held = HeldRow("phase-2", "held", text, f"batty {text}")
    one_line_each(proof_lines(Proof("main", "s" * 40, (("a" * 40, text),), (landing(text=text),), (held,))))


@pytest.mark.parametrize("fault", ["gated", "grew", "on_base"])
def test_one_fault_makes_a_proof_unsound(fault: str) -> None:
    """Not on the base, the base was rewritten, or this very tree was not gated."""
    bad = landing(**{fault: False})  # type: ignore[arg-type]
    proof = Proof("main", "s" * 40, (), (landing(), bad), ())
    assert not proof.sound
    assert Proof("main", "s" * 40, (), (landing(),), ()).sound
    assert any(line.lstrip().startswith(GLYPHS["red"]) for line in proof_lines(proof))
    assert ("NOT GATED" in "\n".join(proof_lines(proof))) is (fault == "gated")
