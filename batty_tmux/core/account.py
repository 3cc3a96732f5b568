"""What a run did, as `batty report` tells it: its lanes, prompts, gate runs, landings, costs, and what is open."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Literal

from batty_tmux.core.asked import Asked, Costs
from batty_tmux.core.events import AnyEvent, GateFinished, GatePlaced, GateStarted, GateStopped, Purpose, VerdictWord
from batty_tmux.core.report import Proof
from batty_tmux.core.timeline import Kind, Lane, Span, Stretch
from batty_tmux.names import PhaseId, Sha

Ending = VerdictWord | Literal["stopped", "unfinished"]
"""What came of a gate run: its verdict, or that it was ended before, or that no end of it is known."""


@dataclass(frozen=True)
class GateTold:
    """One gate run. `host` is the worker that ran it, "" where that was here.

    `tail` are the last rows of its log, `rows_left_out` whether there are more above them.
    """

    phase: PhaseId
    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str
    begin: datetime
    ending: Ending
    seconds: float = 0.0
    status: int | None = None
    failed: tuple[str, ...] = ()
    host: str = ""
    tail: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        return self.ending in {"fail", "timeout", "infra"}


def gates(events: Iterable[AnyEvent]) -> tuple[GateTold, ...]:
    """Return the gate runs among the events, in the order in which they began; their logs are not read here."""
    found: dict[str, GateTold] = {}
    for event in events:
        match event:
            case GateStarted():
                found[event.log] = _begun(event)
            case GateFinished(log=log, verdict=verdict) if event.seconds or log in found:
                begun = found.get(log) or _begun(event)
                found[log] = GateTold(
                    event.phase,
                    event.purpose,
                    event.commit,
                    event.tree,
                    log,
                    begun.begin,
                    verdict,
                    event.seconds,
                    event.status,
                    event.failed,
                    event.host,
                )
            case GatePlaced(log=log, host=host) if log in found:
                found[log] = replace(found[log], host=host)
            case GateStopped(log=log) if log in found:
                begun = found[log]
                length = (event.at - begun.begin).total_seconds()
                found[log] = replace(_begun(event, begun.begin, "stopped", max(0.0, length)), host=begun.host)
            case _:
                pass
    return tuple(found.values())


def _begun(
    event: GateStarted | GateFinished | GateStopped,
    at: datetime | None = None,
    ending: Ending = "unfinished",
    seconds: float = 0.0,
) -> GateTold:
    return GateTold(event.phase, event.purpose, event.commit, event.tree, event.log, at or event.at, ending, seconds)


@dataclass(frozen=True)
class Account:
    """All that is told of one run. `zone` is the reader's; `activity` is what each phase's agent did, in words.

    `landed_here` are the candidates that landed in this run: the proof is of every run.
    """

    project: str
    agent: str
    parallel: int
    span: Span
    made: datetime
    zone: tzinfo
    lanes: tuple[Lane, ...]
    axis: tuple[Stretch, ...]
    prompts: tuple[Asked, ...]
    gates: tuple[GateTold, ...]
    proof: Proof
    landed_here: frozenset[Sha]
    costs: Costs
    activity: dict[str, str]

    @property
    def seconds(self) -> float:
        return (self.span.end - self.span.begin).total_seconds()

    def spent(self, kind: Kind) -> float:
        """Return the seconds of all phases together: two side by side for a minute make two."""
        return sum(lane.seconds(kind) for lane in self.lanes)

    @property
    def landed(self) -> tuple[Lane, ...]:
        return tuple(lane for lane in self.lanes if lane.last.state == "landed")

    @property
    def waiting(self) -> tuple[Lane, ...]:
        """The phases that wait for a person now."""
        return tuple(lane for lane in self.lanes if lane.last.kind == "waiting" and self.span.newest)
