"""A director's call and its word: asked once, read strictly, and deciding only where it may."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.consult_reply import MAX_REPLY
from batty_tmux.core.direct import (
    LIMIT,
    SCHEMA,
    Limits,
    Opinion,
    compose,
    forbidden,
    is_to_be_asked,
    lost,
    next_number,
    read,
)
from batty_tmux.core.events import AnyEvent, DirectorAsked, DirectorSaid, Launching, Reviewed, ReviewWanted
from batty_tmux.core.flags import Flag
from batty_tmux.core.review import Changed, Packet
from batty_tmux.core.supervise import Watch, apply
from batty_tmux.names import Branch, PhaseId, RunId, Sha

PHASE, RUN, HEAD = PhaseId("alpha"), RunId("001"), Sha("a" * 40)
BOARD = "kanban/alpha"
FREE = Limits(decides=True, confidence=0.8, lines=20, files=2, reworks=1)


def asked(number: int = 1, head: Sha = HEAD) -> DirectorAsked:
    return DirectorAsked(run=RUN, phase=PHASE, head=head, number=number, agent="x")


def said(outcome: Any = "merge", number: int = 1, **more: Any) -> DirectorSaid:
    full = {"confidence": 0.9, "feedback": "mend it", **more}
    return DirectorSaid(run=RUN, phase=PHASE, head=HEAD, number=number, outcome=outcome, **full)


def after(*events: AnyEvent) -> tuple[Watch, list[AnyEvent]]:
    begun: list[AnyEvent] = [
        Launching(run=RUN, phase=PHASE, branch=Branch("b"), worktree="/w", start=Sha("s")),
        ReviewWanted(run=RUN, phase=PHASE, head=HEAD),
        *events,
    ]
    watch = Watch(PHASE)
    for event in begun:
        watch = apply(watch, event)
    return watch, begun


def packet(*files: Changed, **more: Any) -> Packet:
    made = Packet(PHASE, "t", "g", HEAD, Sha("b"), "b", "/w", (), (), files or (Changed("a.py", 3, 1),), None, "", ())
    return replace(made, **more)


def test_a_commit_is_asked_about_once() -> None:
    """Not again after its word; not while it is asked; and again after a rework, which is another commit."""
    assert is_to_be_asked(*after())
    assert not is_to_be_asked(*after(asked()))
    for outcome in ("merge", "escalate", "failed"):
        assert not is_to_be_asked(*after(asked(), said(outcome)))
    back = Reviewed(run=RUN, phase=PHASE, verdict="rework", by="human", head=HEAD, feedback="x")
    again = ReviewWanted(run=RUN, phase=PHASE, head=Sha("c" * 40))
    watch, events = after(asked(), said(), back, again)
    assert is_to_be_asked(watch, events)
    assert next_number(watch, events) == 2
    assert not is_to_be_asked(*after(asked(), said(), back, ReviewWanted(run=RUN, phase=PHASE, head=HEAD)))


def test_a_call_that_was_cut_off_is_made_once_more() -> None:
    """The second time the person reads alone."""
    watch, _ = after(asked())
    ended = lost(watch)
    assert ended is not None
    assert (ended.outcome, ended.number, ended.head) == ("lost", 1, HEAD)
    assert is_to_be_asked(*after(asked(), ended))
    twice = after(asked(), ended, asked(2), said("lost", 2))
    assert not is_to_be_asked(*twice)
    assert twice[0].says == "waits for your verdict"
    assert lost(after()[0]) is None


def test_what_waits_says_what_the_director_makes_of_it() -> None:
    """In the one line that status, bar and popup have."""
    assert after()[0].says == "waits for your verdict"
    assert after(asked())[0].says == "waits for your verdict; a director reads it first"
    told = after(asked(), said("rework", reasons=("no test",)))[0].says
    assert told == "waits for your verdict; the director says rework, 90 % sure: no test"


@pytest.mark.parametrize(
    ("verdict", "made", "limits", "back", "why"),
    [
        (said(), packet(), FREE, 0, ""),
        (said(), packet(Changed("a.py", 3, 1), Changed(f"{BOARD}/tasks/1.md", 90, 90)), FREE, 0, ""),
        (said(), packet(), replace(FREE, paths=("*.py",)), 0, ""),
        (said("rework"), packet(), FREE, 0, ""),
        (said("rework"), packet(Changed("a.py", 999, 0)), FREE, 0, ""),
        (said(), packet(), replace(FREE, decides=False), 0, "review.decides is off"),
        (said("escalate"), packet(), FREE, 0, "a person decides"),
        (said("failed"), packet(), FREE, 0, "a person decides"),
        (said(), packet(head=Sha("c" * 40)), FREE, 0, "moved"),
        (said(confidence=0.79), packet(), FREE, 0, "review.confidence"),
        (said(confidence=float("nan")), packet(), FREE, 0, "review.confidence"),
        (said(), packet(Changed("a.py", 20, 1)), FREE, 0, "21 lines"),
        (said(), packet(Changed("a", 1, 0), Changed("b", 1, 0), Changed("c", 1, 0)), FREE, 0, "3 files"),
        (said(), packet(Changed("a.png", -1, -1)), FREE, 0, "not text"),
        (said(), packet(), replace(FREE, paths=("docs/",)), 0, "a.py is not within review.paths"),
        (said(), packet(flags=(Flag("Makefile", "gate", "w"),)), FREE, 0, "change of the rules"),
        (said(), packet(flags=(Flag("x.yml", "elsewhere", "w"),)), FREE, 0, "nobody expected"),
        (said("rework", feedback=""), packet(), FREE, 0, "what is to be done"),
        (said("rework"), packet(), FREE, 1, "allows 1"),
    ],
)
def test_its_word_decides_only_within_the_limits(
    verdict: DirectorSaid, made: Packet, limits: Limits, back: int, why: str
) -> None:
    """Each limit alone is enough, and is named."""
    told = forbidden(verdict, made, limits, BOARD, back)
    assert (why in told) if why else told == ""


def reply(**changes: object) -> bytes:
    full = {"verdict": "merge", "confidence": 0.9, "reasons": ["r"], "feedback": ""}
    return json.dumps({**full, **changes}).encode()


def test_a_verdict_is_read() -> None:
    """As the schema says; reasons are one harmless line each, and five at most."""
    assert read(reply(), "command") == Opinion("merge", ("r",), "", 0.9)
    told = read(reply(verdict="rework", reasons=["a\n\x1b[31mb", *"cdefgh"], feedback="do\u202e it"), "command")
    assert told.reasons == ("a [31mb", "c", "d", "e", "f")
    assert told.feedback == "do it"
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"]) == {"verdict", "confidence", "reasons", "feedback"}


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "Merge"},
        {"verdict": None},
        {"confidence": True},
        {"confidence": 1.1},
        {"confidence": "0.9"},
        {"reasons": "because"},
        {"reasons": [1]},
        {"feedback": 3},
    ],
)
def test_what_is_not_plainly_a_verdict_is_none(changes: dict[str, object]) -> None:
    """It is a person's then."""
    assert read(reply(**changes), "command").outcome == "failed"


@given(st.binary())
def test_any_bytes_are_read(data: bytes) -> None:
    """Nothing raises."""
    assert read(data, "command").outcome in {"failed", "merge", "rework", "escalate"}


def test_too_much_is_not_read() -> None:
    assert read(b" " * (MAX_REPLY + 1), "command").outcome == "failed"


def test_what_it_is_told_is_bounded_and_quoted() -> None:
    """Whatever the diff is: the marker is nowhere in it, and the packet has room beside it."""
    message = compose(packet(), "the packet", "+x\n" * 400_000, "the guide")
    assert len(message) <= LIMIT
    marker = message.split("\n", 1)[0]
    assert message.count(f"{marker} begin") == message.count(f"{marker} end") == 3
    assert "the packet" in message
    assert "the guide" in message
