"""Every prompt of a run with what became of it: who answered it, by which rule, and how long it waited."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    Consulted,
    Consulting,
    ExecutorExited,
    ExecutorStarted,
    Launching,
    Prompted,
    PromptGone,
    Relaunching,
)
from batty_tmux.names import PhaseId

By = Literal["policy", "supervisor", "person", "pane", "open"]
"""Who settled it: `pane` where it went away and nobody told batty why, `open` where it still waits."""

_ENDS: Final = (ExecutorExited, ExecutorStarted, Launching, Relaunching)
"""Events after which nothing that was asked before is still on the screen."""


@dataclass(frozen=True)
class Call:
    """One question to the supervisor agent. `dollars` is None where it does not say, `outcome` "" where it was cut off.

    `confidence` is from 0 to 1.
    """

    phase: PhaseId
    key: str
    number: int
    agent: str
    at: datetime
    outcome: str = ""
    answer: str = ""
    confidence: float = 0.0
    reason: str = ""
    seconds: float = 0.0
    dollars: float | None = None


@dataclass(frozen=True)
class Asked:
    """One prompt. `rule` decided or let the answer pass, `why` is that rule's, the person's or the agent's reason.

    `until` is when it was settled, None while it is open; `reason` is why it was not answered at once.
    """

    phase: PhaseId
    key: str
    at: datetime
    question: str
    kind: str = ""
    via: str = "screen"
    reason: str = ""
    by: By = "open"
    rule: str = ""
    answer: str = ""
    why: str = ""
    until: datetime | None = None
    calls: tuple[Call, ...] = ()

    def waited(self, now: datetime) -> float:
        """Return the seconds from when it was met to when it was settled, or until now."""
        return max(0.0, ((self.until or now) - self.at).total_seconds())


@dataclass
class _Draft:
    rows: list[Asked] = field(default_factory=list)
    shown: dict[PhaseId, int] = field(default_factory=dict)
    places: dict[tuple[PhaseId, str], int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def fold(self, event: AnyEvent) -> None:
        match event:
            case Prompted():
                self._gone(event.phase, event.at)
                self.places[event.phase, event.key] = self.shown[event.phase] = len(self.rows)
                self.rows.append(_row(event))
            case Answered():
                self._answered(event)
            case PromptGone(phase=phase, key=key):
                if self.places.get((phase, key), -1) == self.shown.get(phase, -2):
                    self._gone(phase, event.at)
            case Consulting(phase=phase, key=key, number=number, agent=agent):
                self.calls.append(Call(phase, key, number, agent, event.at))
            case Consulted():
                self._consulted(event)
            case _ if isinstance(event, _ENDS):
                self._gone(event.phase, event.at)

    def _gone(self, phase: PhaseId, at: datetime) -> None:
        """Close what was open. An answer may be journaled just after: a person's keys come before their word."""
        number = self.shown.pop(phase, None)
        if number is not None and self.rows[number].by == "open":
            self.rows[number] = replace(self.rows[number], by="pane", until=at)

    def _answered(self, event: Answered) -> None:
        number = self.places.get((event.phase, event.key))
        if number is None or self.rows[number].by not in {"open", "pane"}:
            return
        row = self.rows[number]
        until = row.until or event.at
        self.rows[number] = replace(
            row, by=event.by, answer=event.answer, rule=event.rule or row.rule, why=event.why, until=until
        )

    def _consulted(self, event: Consulted) -> None:
        for at in range(len(self.calls) - 1, -1, -1):
            call = self.calls[at]
            if (call.phase, call.key, call.number) == (event.phase, event.key, event.number):
                self.calls[at] = replace(
                    call,
                    outcome=event.outcome,
                    answer=event.answer,
                    confidence=event.confidence,
                    reason=event.reason,
                    seconds=event.seconds,
                    dollars=event.cost,
                )
                return

    def done(self) -> tuple[Asked, ...]:
        of: dict[tuple[PhaseId, str], list[Call]] = {}
        for call in self.calls:
            of.setdefault((call.phase, call.key), []).append(call)
        return tuple(replace(row, calls=tuple(of.get((row.phase, row.key), ()))) for row in self.rows)


def _row(event: Prompted) -> Asked:
    return Asked(event.phase, event.key, event.at, event.wording, event.kind, event.via, event.reason, rule=event.rule)


def asked(events: Iterable[AnyEvent]) -> tuple[Asked, ...]:
    """Return the prompts among the events, in the order in which they came."""
    draft = _Draft()
    for event in events:
        draft.fold(event)
    return draft.done()


@dataclass(frozen=True)
class Costs:
    """What the agents say that they cost. `dollars` sums what was said, `untold` counts the calls that say nothing."""

    calls: int = 0
    seconds: float = 0.0
    dollars: float | None = None
    untold: int = 0


def costs(rows: Iterable[Asked]) -> Costs:
    """Sum the calls of the supervisor agent. Executors do not tell what they cost."""
    calls = [call for row in rows for call in row.calls]
    told = [call.dollars for call in calls if call.dollars is not None]
    return Costs(len(calls), sum(call.seconds for call in calls), sum(told) if told else None, len(calls) - len(told))
