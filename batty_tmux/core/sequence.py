"""Which phase a run launches next, and what keeps each of the others: the order, the window of time, slots, agents."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from batty_tmux.core.board import Phase, cycle
from batty_tmux.core.placement import ALONE, HERE, Seat, at_work, choose, why_not, wish
from batty_tmux.core.plan import waits_for
from batty_tmux.core.status import Kept, PhaseStatus, Run, State
from batty_tmux.core.window import Stage
from batty_tmux.names import PhaseId

_ONE_AT_A_TIME: Final = frozenset({"reviewing", "queued", "gating", "deferred"})
_UNDECIDED: Final[frozenset[State]] = frozenset({"held", "failed", "conflict", "red"})


@dataclass(frozen=True)
class Terms:
    """On what terms phases are launched now.

    `limits` says how many phases an agent may have at work, by its name; `agent` works where nothing names one.
    `stage` is where this moment lies in the run's window, `closed` says so in words where that is not inside.
    `seats` are the hosts.
    """

    run: Run
    limits: Mapping[str, int] = field(default_factory=dict)
    agent: str = ""
    stage: Stage = "open"
    closed: str = ""
    seats: Sequence[Seat] = ALONE


def agent_of(phase: Phase, terms: Terms) -> str:
    """Return who works on a phase that is not launched yet: the run's --agent, else its board's, else run.agent."""
    return terms.run.agent or phase.agent or terms.agent


def busy(statuses: Iterable[PhaseStatus], terms: Terms) -> Counter[str]:
    """Count the phases that each agent has at work: those that hold a slot."""
    return Counter(s.watch.agent or agent_of(s.phase, terms) for s in statuses if s.holds_a_slot)


def wanted(phase: PhaseId, run: Run) -> bool:
    """Tell whether the run was asked for the phase."""
    return not run.wanted or phase in run.wanted


def takes_a_slot(status: PhaseStatus, parallel: int) -> bool:
    """Tell whether a phase keeps a window busy; one at a time, until it has landed or waits for a person."""
    return status.holds_a_slot or (parallel == 1 and status.state in _ONE_AT_A_TIME)


def half_launched(status: PhaseStatus) -> bool:
    """Tell whether a launch was cut off before its window was open."""
    watch = status.watch
    return watch.launching is not None and watch.launched is None and watch.state == "working"


def chosen(statuses: Sequence[PhaseStatus], terms: Terms) -> PhaseStatus | None:
    """Return the phase to launch now: one whose launch was cut off, else the first in natural order that may start."""
    if terms.run.stopped or not terms.run.id:
        return None
    half = next((status for status in statuses if half_launched(status)), None)
    if half is not None or terms.run.hosted:
        return half
    kept = outlook(statuses, terms)
    return next((status for status in statuses if kept.get(status.phase.id) == ("", "")), None)


def placed(status: PhaseStatus, statuses: Sequence[PhaseStatus], terms: Terms) -> str:
    """Return the host for a phase that is launched now; "" is this machine."""
    return status.watch.host if half_launched(status) else places(statuses, terms).get(status.phase.id, "")


def places(statuses: Sequence[PhaseStatus], terms: Terms) -> dict[PhaseId, str]:
    """Return on which host each phase starts that starts now."""
    return {
        phase: host for phase, (kept, words, host) in _outlook(statuses, terms).items() if (kept, words) == ("", "")
    }


def outlook(statuses: Sequence[PhaseStatus], terms: Terms) -> dict[PhaseId, tuple[Kept, str]]:
    """Say of every phase that is ready what keeps it, a code and the words; two empty texts where it starts now.

    Each of those takes its slot and its agent from the ones after it; who is kept by its agent lets others by.
    """
    return {phase: (kept, words) for phase, (kept, words, _) in _outlook(statuses, terms).items()}


def _outlook(statuses: Sequence[PhaseStatus], terms: Terms) -> dict[PhaseId, tuple[Kept, str, str]]:
    run = terms.run
    taken = [status.phase.id for status in statuses if takes_a_slot(status, run.parallel)]
    agents, hosts = busy(statuses, terms), Counter(at_work(statuses))
    told: dict[PhaseId, tuple[Kept, str, str]] = {}
    for status in statuses:
        if status.state != "ready":
            continue
        phase, agent = status.phase.id, agent_of(status.phase, terms)
        kept, words = _kept(phase, agent, taken, agents, terms)
        host = None
        if (kept, words) == ("", ""):
            host = _host(phase, hosts, terms)
            if host is None:
                kept, words = "host", why_not(terms.seats, wish(phase, run))
        told[phase] = kept, words, host or ""
        if host is not None:
            taken.append(phase)
            agents[agent] += 1
            hosts[host] += 1
    return told


def _host(phase: PhaseId, busy_: Mapping[str, int], terms: Terms) -> str | None:
    if terms.seats == ALONE and wish(phase, terms.run) in {None, HERE}:
        return HERE
    return choose(terms.seats, busy_, terms.run.parallel, wish(phase, terms.run))


def _kept(
    phase: PhaseId, agent: str, taken: Sequence[PhaseId], agents: Mapping[str, int], terms: Terms
) -> tuple[Kept, str]:
    run, most = terms.run, terms.limits.get(agent, 0)
    if run.id and not wanted(phase, run):
        return "unwanted", ""
    if run.stopped:
        return "stopped", "the run was stopped"
    if terms.stage != "open":
        return terms.stage, terms.closed
    if len(taken) >= run.parallel:
        one = f"starts after {taken[0]}: one at a time"
        return "slots", one if run.parallel == 1 else f"starts when one of the {run.parallel} windows is free"
    if most and agents.get(agent, 0) >= most:
        return "agent", f"waits for a {agent}: {agents[agent]} of {most} at work"
    return "", ""


def is_going(statuses: Sequence[PhaseStatus], run: Run) -> bool:
    """Tell whether the run still goes on: something moves or waits for a verdict, or its window or order keep phases.

    Later phases are launched in it; after it, `work` begins a new one.
    """
    if not run.id or run.stopped:
        return False
    named = {phase for phase, _ in run.after}
    return any(
        status.is_awaited
        or status.state in _UNDECIDED
        or (status.state == "ready" and run.window.until is not None and wanted(status.phase.id, run))
        or (status.state in {"ready", "blocked"} and status.phase.id in named)
        for status in statuses
    )


def is_on(statuses: Sequence[PhaseStatus], run: Run) -> bool:
    """Tell whether phases may be launched in the run without a word of a person: it goes on, or has hardly begun."""
    begun = any(status.watch.run == run.id for status in statuses)
    return bool(run.id) and not run.stopped and (not begun or is_going(statuses, run))


def explained(statuses: Sequence[PhaseStatus], terms: Terms) -> tuple[PhaseStatus, ...]:
    """Return the statuses with words for what keeps those that have not started, and what to do about it."""
    kept = outlook(statuses, terms)
    states = {status.phase.id: status for status in statuses}
    loop = cycle(status.phase for status in statuses if status.state == "blocked") or ()
    made = []
    for status in statuses:
        if status.state == "ready":
            # without a run nothing is kept: it waits for the word of a person
            code, words = kept[status.phase.id] if terms.run.id else ("", "")
            made.append(replace(status, kept=code, says=words, next=_next(status, code)))
        elif status.state == "blocked":
            made.append(_blocked(status, states, loop, terms.run))
        else:
            made.append(status)
    return tuple(made)


def _next(status: PhaseStatus, kept: Kept) -> str:
    commands: Mapping[Kept, str] = {"stopped": "batty resume", "over": "batty work all", "": status.next}
    return commands.get(kept, status.next if kept == "unwanted" else "")


def _blocked(
    status: PhaseStatus, states: Mapping[PhaseId, PhaseStatus], loop: Sequence[PhaseId], run: Run
) -> PhaseStatus:
    """Say what a phase waits for, and where that does not come by itself, why not and what would bring it."""
    mine = status.phase.id
    if mine in loop:
        circle = " -> ".join((*loop, loop[0]) if loop[0] != loop[-1] else loop)
        return replace(status, says=f"waits for itself: {circle}", next=_edit(mine))
    landed = {phase for phase, other in states.items() if other.state == "landed"}
    waits, command = [], ""
    for other in waits_for(status.phase, landed):
        there = states.get(other)
        why, go = _why(there, run) if there is not None else (f", which is no phase of {run.base or 'the base'}", "")
        waits.append(f"{other}{why}")
        command = command or (go if there is not None else _edit(mine))
    return replace(status, says="waits for " + ", ".join(waits), next=command)


def _why(there: PhaseStatus, run: Run) -> tuple[str, str]:
    if there.state in _UNDECIDED or there.state == "skipped":
        return f", which is {there.state}", there.next
    if run.id and there.state == "ready" and not wanted(there.phase.id, run):
        return ", which nobody asked for", f"batty work {there.phase.id}"
    return "", ""


def _edit(phase: PhaseId) -> str:
    return f"${{EDITOR:-vi}} kanban/{phase}/PHASE.md"
