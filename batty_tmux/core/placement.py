"""On which host a phase is launched: how many may be at work on each, which of them answer, what a person wants."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from batty_tmux.core.events import (
    AnyEvent,
    AttemptEnded,
    Cleaned,
    HostBack,
    HostLost,
    Landed,
    LaunchFailed,
    Launching,
    PhaseEvent,
    Skipped,
)
from batty_tmux.core.status import PhaseStatus, Run
from batty_tmux.names import PhaseId

HERE: Final = ""
"""This machine."""
PASSED_OVER: Final = timedelta(seconds=60)
"""How long nothing is launched on a host that did not answer when something was to be."""


@dataclass(frozen=True)
class Seat:
    """A host, and how many phases may be at work there; None is what the others leave. One that is `away` is silent."""

    name: str
    parallel: int | None
    away: bool = False


ALONE: Final = (Seat(HERE, None),)
"""Where no hosts are configured."""


def at_work(statuses: Iterable[PhaseStatus]) -> dict[str, int]:
    """Count the phases that hold a slot on each host."""
    found: dict[str, int] = {}
    for status in statuses:
        if status.holds_a_slot:
            found[status.watch.host] = found.get(status.watch.host, 0) + 1
    return found


def choose(seats: Sequence[Seat], busy: Mapping[str, int], total: int, wanted: str | None = None) -> str | None:
    """Return the host for one more phase: that with the most free slots, this machine at a tie; None where none has.

    `total` are the slots of the run, of which this machine has what the hosts that answer leave, unless it has a limit
    of its own. `wanted` is where a person wants it.
    """
    there = [seat for seat in seats if not seat.away]
    others = sum(seat.parallel for seat in there if seat.parallel is not None)
    free = {
        seat.name: (max(0, total - others) if seat.parallel is None else seat.parallel) - busy.get(seat.name, 0)
        for seat in there
        if wanted in {None, seat.name}
    }
    names = sorted(free, key=lambda name: (-free[name], name != HERE, name))
    return names[0] if names and free[names[0]] > 0 else None


def wish(phase: PhaseId, run: Run) -> str | None:
    """Return where a person wants the phase in this run; None where they left it open."""
    return dict(run.on).get(phase)


def why_not(seats: Sequence[Seat], wanted: str | None) -> str:
    """Say what a phase waits for that no host takes now."""
    there = {seat.name: seat for seat in seats}
    if wanted is not None:
        name = wanted or "this machine"
        if wanted not in there:
            return f"waits for {name}, which batty.toml does not have"
        return f"waits for {name}, which does not answer" if there[wanted].away else f"waits for a slot on {name}"
    away = [seat.name for seat in seats if seat.away]
    passed = f"; {', '.join(away)} {'is' if len(away) == 1 else 'are'} passed over for now: batty log" if away else ""
    return f"waits for a slot on a host{passed}"


def silent(events: Iterable[AnyEvent], now: datetime) -> frozenset[str]:
    """Return the hosts that nothing is launched on now: a phase was lost there, or nobody answered a moment ago."""
    lost: dict[str, set[PhaseId]] = {}
    refused: dict[str, datetime] = {}
    for event in events:
        match event:
            case HostLost(where=host, phase=phase):
                lost.setdefault(host, set()).add(phase)
            case Launching(phase=phase) | Landed(phase=phase) | Skipped(phase=phase) | Cleaned(phase=phase):
                # nobody follows it there any more, so nobody would tell that the host is back: it is tried again
                for host in [name for name, phases in lost.items() if phases == {phase}]:
                    del lost[host]
                    refused[host] = event.at
            case HostBack(where=host) | AttemptEnded(where=host):
                # one answer is enough: it is the host that is there, not the phase
                lost.pop(host, None)
                refused.pop(host, None)
            case LaunchFailed(code="host-away", where=host):
                refused[host] = event.at
            case PhaseEvent(where=host) if host and event.there:
                refused.pop(host, None)
            case _:
                pass
    recent = {host for host, at in refused.items() if now - at < PASSED_OVER}
    return frozenset(recent | lost.keys())
