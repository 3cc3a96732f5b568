"""A run that is over, written by hand: events a minute apart, and the account that they give."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from batty_tmux.core import merge_queue
from batty_tmux.core.account import Account, gates
from batty_tmux.core.asked import asked, costs
from batty_tmux.core.board import Phase
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    CandidateBuilt,
    Consulted,
    Consulting,
    Enqueued,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateStarted,
    Inspected,
    Landed,
    Launched,
    Launching,
    PhaseHeld,
    Prompted,
    PromptGone,
    Reviewed,
    ReviewWanted,
    RunStarted,
)
from batty_tmux.core.report import Proof, ProvedLanding
from batty_tmux.core.status import PhaseStatus, derive
from batty_tmux.core.timeline import lanes, scale, span
from batty_tmux.core.watch import fold
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.journaled import AT

RUN = RunId("001")
ONE, TWO = PhaseId("phase-1"), PhaseId("phase-2")


def at(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def journal(*events: AnyEvent, begin: float = 0, step: float = 1) -> list[AnyEvent]:
    """Number the events and give them their times, a minute apart."""
    return [
        msgspec.structs.replace(event, run=RUN, seq=number + 1, at=at(begin + number * step))
        for number, event in enumerate(events)
    ]


def begun(base: str = "main") -> RunStarted:
    return RunStarted(run=RUN, base=base, parallel=2)


def launch(phase: PhaseId) -> tuple[AnyEvent, ...]:
    return (
        Launching(phase=phase, branch=Branch(f"b/{phase}"), worktree="/nowhere", start=Sha("root")),
        Launched(phase=phase, session="$1", window="@1", pane="%1", orchestrator="%2", server="s"),
        ExecutorStarted(phase=phase, attempt=1, pid=1, agent="claude"),
    )


def asks(phase: PhaseId, key: str = "1-k", question: str = "Go on?", **more: Any) -> Prompted:
    told = {"kind": "confirm", "reason": "no rule answers this", "decision": "ask", **more}
    return Prompted(phase=phase, key=key, question=question, **told)


def proves(phase: PhaseId) -> tuple[AnyEvent, ...]:
    """It ends, its own gate passes, it is reviewed."""
    head = Sha(f"head-{phase}")
    gate: dict[str, Any] = {"phase": phase, "purpose": "phase", "commit": head, "tree": Sha(f"tree-{phase}")}
    gate |= {"gate": "g", "log": f"/logs/{phase}/gate-1.log"}
    return (
        ExecutorExited(phase=phase, attempt=1, status=0),
        Inspected(phase=phase, head=head, tree=Sha(f"tree-{phase}"), commits=1),
        GateStarted(**gate),
        GateFinished(**gate, verdict="pass", seconds=60.0, status=0),
        ReviewWanted(phase=phase, head=head),
    )


def lands(phase: PhaseId) -> tuple[AnyEvent, ...]:
    head, sha, tree = Sha(f"head-{phase}"), Sha(f"cand-{phase}"), Sha(f"tree-of-{phase}")
    gate: dict[str, Any] = {"phase": phase, "purpose": "queue", "commit": sha, "tree": tree, "gate": "g"}
    gate["log"] = f"/logs/{phase}/gate-2.log"
    return (
        Reviewed(phase=phase, verdict="merge", by="human", head=head),
        Enqueued(phase=phase, head=head, claim="c"),
        CandidateBuilt(phase=phase, head=head, base=Sha("root"), candidate=sha, tree=tree, how="replay"),
        GateStarted(**gate),
        GateFinished(**gate, verdict="pass", seconds=60.0, status=0),
        Landed(phase=phase, head=head, base=Sha("root"), candidate=sha, tree=tree),
    )


def whole(phase: PhaseId) -> tuple[AnyEvent, ...]:
    return (*launch(phase), *proves(phase), *lands(phase))


def gate(purpose: str = "queue", log: str = "/l/gate-1.log", phase: PhaseId = ONE) -> dict[str, Any]:
    return {"phase": phase, "purpose": purpose, "commit": Sha("c" * 40), "tree": Sha("t" * 40), "gate": "g", "log": log}


def named(text: str) -> list[AnyEvent]:
    """Return a run in which everything that somebody can name is named so."""
    return journal(
        begun(),
        *whole(ONE),
        *launch(TWO),
        asks(TWO, "1-k", text, reason=text, tool=text, subject=text),
        Consulting(phase=TWO, key="1-k", number=1, agent=text),
        Consulted(phase=TWO, key="1-k", number=1, outcome="answer", answer=text, reason=text, confidence=0.9, cost=0.1),
        Answered(phase=TWO, key="1-k", by="supervisor", answer=text, rule=text, why=text),
        PromptGone(phase=TWO, key="1-k"),
        asks(TWO, "2-k", text, reason="", rule=text, decision="answer"),
        Answered(phase=TWO, key="2-k", by="policy", answer=text, rule=text, why=text),
        PromptGone(phase=TWO, key="2-k"),
        *proves(TWO),
        GateStarted(**gate(log=f"/l/{text}.log", phase=TWO)),
        GateFinished(**gate(log=f"/l/{text}.log", phase=TWO), verdict="fail", status=1, seconds=2.0, failed=(text,)),
        PhaseHeld(phase=TWO, state="held", code="c", reason=text),
    )


def statuses(
    events: Sequence[AnyEvent], phases: Iterable[Phase], landed: Iterable[PhaseId] = ()
) -> tuple[PhaseStatus, ...]:
    """Derive what `batty status` would say at the journal's end; `landed` are over on the base."""
    queue = merge_queue.fold(events)
    over = frozenset(landed) | {e.phase for e in events if isinstance(e, Landed)}
    return tuple(derive(phase, fold(phase.id, list(events)), queue, over, None) for phase in phases)


def account_of(
    events: Sequence[AnyEvent],
    phases: Sequence[Phase],
    *,
    now: float = 60,
    zone: tzinfo = UTC,
    project: str = "shop",
    subjects: Sequence[str] = ("Start",),
    activity: str = "",
) -> Account:
    """Return the account that these events give; every landing of them is proved."""
    rows = statuses(events, phases)
    told = span(events, RUN, at(now), moving=any(row.is_awaited or row.waits_for_a_person for row in rows))
    assert told is not None
    made = lanes(rows, events, told)
    landed = [event for event in events if isinstance(event, Landed)]
    proof = Proof(
        base="main",
        tip=Sha("cand-phase-1"),
        history=tuple((f"{number:040x}", subject) for number, subject in enumerate(subjects)),
        landings=tuple(
            ProvedLanding(e.phase, e.candidate, e.base, e.tree, True, True, True, e.candidate, 60.0, "/log")
            for e in landed
        ),
        held=(),
    )
    prompts = asked(events)
    return Account(
        project=project,
        agent="claude",
        parallel=2,
        span=told,
        made=at(now),
        zone=zone,
        lanes=made,
        axis=scale(told, made),
        prompts=prompts,
        gates=gates(events),
        proof=proof,
        landed_here=frozenset(e.candidate for e in landed),
        costs=costs(prompts),
        activity={row.phase: activity for row in made},
    )
