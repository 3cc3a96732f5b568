"""Which verdicts the evidence allows."""

from dataclasses import replace

import pytest

from batty_tmux.core.events import GateFinished, Launching, PhaseHeld, Prompted, ReviewWanted, VerdictWord
from batty_tmux.core.review import Verdict, proved, refusal
from batty_tmux.core.supervise import Watch
from batty_tmux.names import Branch, PhaseId, Sha

PHASE = PhaseId("phase-1")
HEAD = Sha("head")


def gate(verdict: VerdictWord = "pass", commit: Sha = HEAD) -> GateFinished:
    return GateFinished(phase=PHASE, purpose="phase", commit=commit, tree=Sha("t"), gate="g", log="l", verdict=verdict)


PROVED = Watch(
    PHASE,
    launching=Launching(phase=PHASE, branch=Branch("b"), worktree="/w", start=Sha("s")),
    executor="exited",
    gate=gate(),
    wanted=ReviewWanted(phase=PHASE, head=HEAD),
)
HELD = PhaseHeld(phase=PHASE, state="held", code="c", reason="r")
VERDICTS: tuple[Verdict, ...] = ("merge", "rework", "escalate")


def code(watch: Watch, verdict: Verdict = "merge", head: Sha | None = HEAD, dirty: tuple[str, ...] = ()) -> str | None:
    told = refusal(watch, verdict, head, dirty)
    if told is not None:
        assert told[1]
    return told[0] if told else None


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_proved_phase_may_have_any_verdict(verdict: Verdict) -> None:
    """That is what the review is for."""
    assert code(PROVED, verdict) is None


@pytest.mark.parametrize(
    ("watch", "head", "dirty", "expected"),
    [
        (replace(PROVED, launching=None), HEAD, (), "not-launched"),
        (replace(PROVED, closed=True), HEAD, (), "over"),
        (replace(PROVED, queued=True), HEAD, (), "already-queued"),
        (replace(PROVED, wanted=None), HEAD, (), "still-working"),
        (PROVED, HEAD, ("f",), "uncommitted"),
        (PROVED, Sha("a later commit"), (), "not-proved"),
        (PROVED, None, (), "not-proved"),
        (replace(PROVED, gate=None), HEAD, (), "not-proved"),
        (replace(PROVED, gate=gate("fail")), HEAD, (), "not-proved"),
        (replace(PROVED, gate=gate("timeout")), HEAD, (), "not-proved"),
        (replace(PROVED, gate=gate("infra")), HEAD, (), "not-proved"),
        (replace(PROVED, gate=gate(commit=Sha("an earlier one"))), HEAD, (), "not-proved"),
    ],
)
def test_only_what_was_proved_is_merged(watch: Watch, head: Sha | None, dirty: tuple[str, ...], expected: str) -> None:
    """A passed gate on the very commit that the branch is at, nothing loose, nobody at work."""
    assert code(watch, "merge", head, dirty) == expected


@pytest.mark.parametrize("verdict", ["rework", "escalate"])
@pytest.mark.parametrize(
    "watch", [replace(PROVED, gate=None), replace(PROVED, queued=True), replace(PROVED, wanted=None)]
)
def test_what_lands_nothing_needs_no_proof(watch: Watch, verdict: Verdict) -> None:
    """A person may send a phase back, or to another person, at any time while it is there."""
    assert code(watch, verdict, Sha("moved"), ("loose",)) is None


@pytest.mark.parametrize("verdict", ["rework", "escalate"])
@pytest.mark.parametrize("watch", [replace(PROVED, launching=None), replace(PROVED, closed=True)])
def test_what_is_not_there_has_no_verdict(watch: Watch, verdict: Verdict) -> None:
    """Never launched, landed, or skipped."""
    assert code(watch, verdict) in {"not-launched", "over"}


def test_a_held_phase_is_merged_when_it_is_proved() -> None:
    """The person decides; the proof is not theirs to waive."""
    assert code(replace(PROVED, wanted=None, held=HELD)) is None
    assert code(replace(PROVED, wanted=None, held=HELD, gate=None)) == "not-proved"


def test_an_agent_that_asks_is_not_merged_without_proof() -> None:
    """Asking is not working, and still nothing is proved."""
    asking = replace(
        PROVED, wanted=None, gate=None, prompt=Prompted(phase=PHASE, key="k", kind="confirm", question="?")
    )
    assert code(asking) == "not-proved"


def test_proof_is_a_pass_on_exactly_this_commit() -> None:
    """Not on its tree under another commit, not on no commit."""
    assert proved(PROVED, HEAD)
    assert not proved(PROVED, Sha("HEAD"))
    assert not proved(PROVED, None)
