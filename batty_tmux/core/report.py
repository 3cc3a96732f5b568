"""Every word that a person reads: what happened, the thing named, the evidence, the next command last."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from batty_tmux.core.attention import age_of
from batty_tmux.core.attention import typeable as _typeable
from batty_tmux.core.events import (
    AnyEvent,
    AttemptEnded,
    BoardCommitted,
    BoardsChanged,
    Collided,
    Collision,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateStarted,
    HostBack,
    HostLost,
    HostOpened,
    HostProved,
    Inspected,
    Launched,
    LaunchFailed,
    Launching,
    PhaseHeld,
    Relaunching,
    Reviewed,
    ReviewWanted,
    SettingUp,
    SetUp,
)
from batty_tmux.core.queue_report import told as of_the_queue
from batty_tmux.core.radar import words
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import contract_problem
from batty_tmux.core.supervision_report import told as of_supervision
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, clean

GLYPHS = {
    "blocked": "·",
    "ready": "·",
    "working": "●",
    "asking": "?",
    "stuck": "!",
    "checking": "◌",
    "reviewing": "?",
    "queued": "→",
    "gating": "◌",
    "conflict": "✗",
    "red": "✗",
    "deferred": "!",
    "landed": "✓",
    "held": "!",
    "skipped": "-",
    "failed": "✗",
}
"""One glyph a state, so that a bar or a table reads without colour."""

Tone = Literal["calm", "works", "waits", "fails", "done"]

TONES: dict[str, Tone] = {
    "working": "works",
    "checking": "works",
    "queued": "works",
    "gating": "works",
    "asking": "waits",
    "stuck": "waits",
    "reviewing": "waits",
    "deferred": "waits",
    "held": "waits",
    "conflict": "fails",
    "red": "fails",
    "failed": "fails",
    "landed": "done",
}
"""Which colour a state has, by what it means for a person; of those that are not here, none."""

HEADINGS = ("phase", "state", "since", "done", "task or reason", "next")

_SHORT = 9
_EVIDENCE = 12


def explain(error: BattyError) -> list[str]:
    """Return the lines that tell a refusal: what, the evidence, the next command."""
    shown = [f"  {clean(text, 200)}" for text in error.evidence[:_EVIDENCE]]
    more = len(error.evidence) - _EVIDENCE
    lines = [f"✗ {clean(error.what, 400)}", *shown, *([f"  and {more} more"] if more > 0 else [])]
    return [*lines, f"↳ next: {_typeable(error.next)}"] if error.next else lines


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago that was, in the one unit that matters."""
    return age_of(None if since is None else max(0, int((now - since).total_seconds())))


def status_row(status: PhaseStatus, now: datetime) -> tuple[str, ...]:
    """Return one phase as the cells under HEADINGS."""
    told = status.says or (clean(status.task.title) if status.task else "")
    if status.state == "landed" and status.entry is not None and status.entry.landed is not None:
        told = status.entry.landed.candidate[:_SHORT]
    return (
        str(status.phase.id),
        f"{GLYPHS[status.state]} {status.state}{f' on {status.watch.host}' if status.watch.host else ''}",
        age(status.since, now),
        f"{status.done}/{status.total}",
        clean(told, 160),
        _typeable(status.next),
    )


def summary(statuses: Sequence[PhaseStatus]) -> str:
    """Return the counts of the run for the status bar: "2 working 1 asking 3/8 landed"."""
    counts = Counter(str(status.state) for status in statuses)
    told = [f"{GLYPHS[s]} {counts[s]} {s}" for s in GLYPHS if counts[s] and s not in {"landed", "blocked", "ready"}]
    return "  ".join([*told, f"{GLYPHS['landed']} {counts['landed']}/{len(statuses)}"])


def counts(statuses: Sequence[PhaseStatus]) -> dict[str, int]:
    """Return how many phases work, ask, are in the merge queue and have landed, and how many there are.

    What works is supervised or gated, what asks waits for an answer or a verdict.
    """
    of = Counter(str(status.state) for status in statuses)
    return {
        "working": of["working"] + of["checking"],
        "asking": of["asking"] + of["reviewing"],
        "queued": of["queued"] + of["gating"],
        "landed": of["landed"],
        "total": len(statuses),
    }


def narrate(event: AnyEvent) -> str | None:
    """Return one line for a person, or None for what is of no interest."""
    phase = getattr(event, "phase", "")
    host = getattr(event, "where", "")
    there = f"on {host[:40]}: " if host else ""
    told = (
        _of_a_host(event)
        or _of_the_executor(event)
        or _of_the_contract(event)
        or of_supervision(event)
        or of_the_queue(event)
    )
    told = told or _of_the_radar(event) or _of_the_run(event)
    return f"{phase}{': ' if phase else ''}{clean(there + told, 300)}" if told else None


def log_line(event: AnyEvent) -> str | None:
    """Return one line of the log, with its time; None for what is of no interest."""
    told = narrate(event)
    return f"{event.at.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}  {told}" if told else None


def _of_the_executor(event: AnyEvent) -> str | None:
    match event:
        case Launching(branch=branch):
            return f"gets a worktree on {branch}"
        case Launched():
            return "its window is open"
        case LaunchFailed(code="setup-failed", reason=reason, log=log):
            again = f"to try again: batty work {event.phase}, or r and Enter in the lower pane"
            return f"{reason}; {again}; all it said is in {log}"
        case SettingUp(command=command):
            return f"run.setup prepares its worktree: {command}"
        case SetUp():
            return _set_up(event)
        case LaunchFailed(reason=reason):
            return f"could not be launched: {reason}"
        case ExecutorStarted(agent=agent, attempt=attempt):
            return f"{agent} starts" if attempt == 1 else f"{agent} starts again (attempt {attempt})"
        case ExecutorExited(status=status):
            return f"the executor ended with status {status}"
        case _:
            return None


def _of_a_host(event: AnyEvent) -> str | None:
    match event:
        case HostOpened():
            return "its window there is open"
        case HostProved(head=head):
            return f"its contract holds there at {head[:_SHORT]}: it is fetched, and reviewed here"
        case HostLost(reason=reason):
            return f"{reason}; its agent goes on"
        case HostBack():
            return "the host answers again"
        case AttemptEnded(branch=branch):
            return f"what was left of {branch} there has ended; its worktree stays"
        case LaunchFailed(code="displaced", reason=reason):
            return reason
        case LaunchFailed(code="host-away", reason=reason):
            return f"not launched there: {reason}; it goes elsewhere, or waits"
        case _:
            return None


def _set_up(event: SetUp) -> str:
    told = {
        "hit": f"with dependencies of an earlier worktree ({event.how})",
        "kept": "its dependencies are kept for the next worktree",
        "none": f"nothing is cached: {event.why}",
    }.get(event.cache, "")
    return f"run.setup took {event.seconds:.1f} s{': ' if told else ''}{told}"


def _of_the_contract(event: AnyEvent) -> str | None:
    match event:
        case Inspected():
            problem = contract_problem(event)
            found = (*event.broken, *event.undone, *event.provided, *event.dirty)
            more = f": {', '.join(found[:3])}" if found else ""
            counted = "1 commit" if event.commits == 1 else f"{event.commits} commits"
            return f"{problem}{more}" if problem else f"{counted}, everything committed"
        case BoardCommitted(paths=paths):
            return f"batty committed its board: {', '.join(paths[:3])}"
        case Relaunching(feedback=feedback, cause=cause, resume=resume):
            why = {"crash": ", since it broke off", "limit": ", since its limit is over"}.get(cause, "")
            how = ", where it was" if resume else " with feedback" if feedback else ""
            return f"starts its executor again{how}{why}"
        case GateStarted(purpose="control", commit=commit, log=log):
            return f"as a control, the gate runs on {commit[:_SHORT]}, without it; log in {log}"
        case GateFinished(purpose="control", verdict=verdict, seconds=seconds, commit=commit):
            return f"control: gate {verdict} on {commit[:_SHORT]} after {seconds:.1f} s"
        case GateStarted(commit=commit, log=log):
            return f"the gate runs on {commit[:_SHORT]}, log in {log}"
        case GateFinished(verdict=verdict, seconds=seconds, commit=commit, host=host):
            return (
                f"gate {verdict} on {commit[:_SHORT]} after {seconds:.1f} s{f', at {clean(host, 80)}' if host else ''}"
            )
        case ReviewWanted():
            return f"waits for your verdict: batty review {event.phase}"
        case Reviewed(verdict=verdict, by=by):
            return f"verdict of the {by} review: {verdict}"
        case PhaseHeld(state=state, reason=reason):
            return f"{state}: {reason}"
        case _:
            return None


def _of_the_run(event: AnyEvent) -> str | None:
    if not isinstance(event, BoardsChanged):
        return None
    told = [(event.added, "came"), (event.removed, "left"), (event.unreadable, "cannot be read")]
    words = "; ".join(f"{', '.join(names)} {what}" for names, what in told if names)
    return f"boards on the base: {words or 'all can be read again'}"


def _of_the_radar(event: AnyEvent) -> str | None:
    return words(event.collisions) if isinstance(event, Collided) else None


def collision_lines(collisions: Mapping[PhaseId, Sequence[Collision]], base: str) -> list[str]:
    """Return a line for each phase that could not land beside the others as they all are now."""
    return [f"! {phase} {clean(words(there, base), 300)}" for phase, there in collisions.items() if there]


@dataclass(frozen=True)
class ProvedLanding:
    """One landing, checked: is it on the base, did the base only grow, did this very tree pass the gate."""

    phase: str
    sha: str
    base: str
    tree: str
    on_base: bool
    grew: bool
    gated: bool
    gate_commit: str
    seconds: float
    log: str

    @property
    def sound(self) -> bool:
        return self.on_base and self.grew and self.gated


@dataclass(frozen=True)
class HeldRow:
    phase: str
    state: str
    says: str
    next: str


@dataclass(frozen=True)
class Proof:
    base: str
    tip: str
    history: tuple[tuple[str, str], ...]
    landings: tuple[ProvedLanding, ...]
    held: tuple[HeldRow, ...]

    @property
    def sound(self) -> bool:
        return all(landing.sound for landing in self.landings)


def proof_lines(proof: Proof) -> list[str]:
    """Return the proof in words: history, the gate run of every landed tree, what is not landed and why."""
    lines = [f"{proof.base} is at {proof.tip[:_SHORT]}", "", "history"]
    lines += [f"  {sha[:_SHORT]} {clean(subject, 100)}" for sha, subject in proof.history]
    lines += ["", "landed, each gated as the very tree it is"]
    for landing in proof.landings:
        mark = GLYPHS["landed"] if landing.sound else GLYPHS["red"]
        told = (
            f"gate passed on {landing.gate_commit[:_SHORT]} in {landing.seconds:.1f} s"
            if landing.gated
            else "NOT GATED"
        )
        lines.append(f"  {mark} {landing.phase}  {landing.sha[:_SHORT]}  tree {landing.tree[:_SHORT]}  {told}")
        lines.append(f"    {_typeable(landing.log)}")
    if proof.held:
        lines += ["", "not landed"]
    for held in proof.held:
        lines.append(f"  {held.phase} is {held.state}{': ' + clean(held.says, 200) if held.says else ''}")
        if held.next:
            lines.append(f"    ↳ next: {_typeable(held.next)}")
    return lines
