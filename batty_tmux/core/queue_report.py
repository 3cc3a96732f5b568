"""The merge queue in words: what happened to an entry, why it is where it is, how long it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log
from pathlib import PurePosixPath
from statistics import median

from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Ejected,
    Enqueued,
    Followed,
    GateFinished,
    GateMoved,
    GatePlaced,
    GateStarted,
    GateStopped,
    Landed,
    LanderStopped,
    Landing,
    PhaseHeld,
    PinsChanged,
    Prioritized,
    Purpose,
    QueuePaused,
    QueueResumed,
    Reachable,
    Refused,
    Resolving,
    Retried,
    Reviewed,
    Skipped,
    TurnsRefused,
    Unreachable,
)
from batty_tmux.core.prefix_search import batch_size, fewest_runs
from batty_tmux.core.queue_plan import standstill
from batty_tmux.core.queue_state import MOVES_ON, Entry, GateRun, Queue
from batty_tmux.names import PhaseId, clean

_SHORT = 9
_LATELY = 9
"""Gate runs that the usual time of a gate is the median of."""

_GATES: Mapping[Purpose, str] = {
    "phase": "the gate of the phase itself",
    "queue": "the gate",
    "control": "the gate without it",
    "try": "the gate, to try it,",
}

_FLAKES = 3
"""How many of them are shown: older ones have been seen."""

OF_AN_ENTRY = (
    Enqueued,
    CandidateBuilt,
    Conflicted,
    Refused,
    Ejected,
    GateStarted,
    GatePlaced,
    GateMoved,
    GateStopped,
    GateFinished,
    Landing,
    Landed,
    Deferred,
    Resolving,
    Retried,
    Prioritized,
    Skipped,
    Reviewed,
    PhaseHeld,
)
"""What `explain` tells of a phase."""


def told(event: AnyEvent) -> str | None:
    """Return what happened to an entry, or to the queue, as half a sentence; None for what is of no interest."""
    match event:
        case Enqueued(head=head, undoes=undoes):
            return f"in the merge queue at {head[:_SHORT]}" + (f", to take back {undoes[:_SHORT]}" if undoes else "")
        case CandidateBuilt(how="nothing-new"):
            return "the base holds all of it already"
        case CandidateBuilt(candidate=candidate, base=base, flags=flags):
            alone = f"; it changes its own gate ({', '.join(flags[:3])}), so it is gated alone" if flags else ""
            return f"candidate {candidate[:_SHORT]} on {base[:_SHORT]}{alone}"
        case Conflicted(paths=paths, predicted=True, base=base):
            return f"would conflict in {', '.join(paths[:5])} with {base[:_SHORT]}, which has not landed yet"
        case Conflicted(paths=paths):
            return f"conflicts in {', '.join(paths)}: batty queue resolve {event.phase}"
        case Refused(reason=reason, paths=paths):
            return f"may not land: {reason}{': ' if paths else ''}{', '.join(paths[:5])}"
        case Ejected():
            return _ejected(event)
        case GateStopped(commit=commit):
            return f"the gate on {commit[:_SHORT]} was stopped before it had a verdict"
        case GatePlaced(commit=commit, host=host):
            return f"the gate on {commit[:_SHORT]} runs at {clean(host, 80)}"
        case GateMoved(commit=commit, host=host, why=why):
            return f"the gate on {commit[:_SHORT]} leaves {clean(host, 80)}: {clean(why, 300)}"
        case Deferred(reason=reason, paths=paths):
            return f"waits: {reason} {', '.join(paths)}"
        case Landed(candidate=candidate):
            return f"landed as {candidate[:_SHORT]}"
        case Resolving(worktree=worktree):
            return f"is being resolved in {worktree}"
        case Retried(reason=reason):
            return f"goes back to the start of its turn{': ' + reason if reason else ''}"
        case Prioritized(priority=priority):
            return f"has priority {priority} now"
        case Skipped():
            return "skipped; its branch and worktree stay"
        case _:
            return _of_all(event)


def _ejected(event: Ejected) -> str:
    what = {"fail": "the gate fails", "timeout": "the gate runs out of time"}.get(event.verdict, "the gate cannot run")
    tests = f" in {', '.join(event.failed[:5])}" if event.failed else ""
    return f"{what}{tests}, twice on the same tree, and not without it; log in {event.log}"


def _of_all(event: AnyEvent) -> str | None:
    match event:
        case QueuePaused(reason=reason):
            return f"the merge queue is paused{': ' + reason if reason else ''}"
        case QueueResumed():
            return "the merge queue goes on"
        case LanderStopped(reason=reason):
            return f"no gate can run: {reason}"
        case BaseMoved(old="") | BaseMoved(known="first seen"):
            return None
        case BaseMoved(new=new, known=known) if known:
            return f"the base went to {new[:_SHORT]}: {known}"
        case BaseMoved(old=old, new=new, remote=remote) if remote:
            went = f"{remote} went from {old[:_SHORT]} to {new[:_SHORT]}, which does not hold what was there"
            return f"{went}; the merge queue stands still"
        case BaseMoved(old=old, new=new):
            return (
                f"the base went from {old[:_SHORT]} to {new[:_SHORT]}, nobody knows how; the merge queue stands still"
            )
        case PinsChanged(refs=refs, restored=restored):
            back = f", {len(restored)} put back" if restored else ""
            return f"refs of batty's own were changed ({', '.join(refs[:3])}{back}); the merge queue stands still"
        case _:
            return _of_others(event)


def _of_others(event: AnyEvent) -> str | None:
    """Tell what concerns a base that is a remote's, or the machines that land there too."""
    match event:
        case Unreachable(what="remote", where=where, reason=reason):
            return f"{where} cannot be reached, so nothing lands; what is queued stays: {reason}"
        case Unreachable(where=where, reason=reason):
            return f"the lock at {where} cannot be had; it goes on without, and may gate in vain: {reason}"
        case Reachable(what=what):
            return f"the {what} answers again"
        case TurnsRefused(remote=remote, reason=reason):
            return f"{remote} takes no refs by which machines take turns, so it goes on without: {reason}"
        case Followed(reason=reason) if reason:
            return f"your own branch stays where it is: {reason}"
        case _:
            return None


def stops(queue: Queue) -> list[str]:
    """Return everything that keeps the queue from landing until a person has looked; a pause first."""
    paused = [f"is paused: {queue.paused}"] if queue.paused is not None else []
    still = standstill(queue)
    return [*paused, *([f"stands still: {still}"] if still is not None else [])]


def _at(host: str) -> str:
    """Return where a gate is, as the end of a half sentence; nothing where that is here."""
    return f", at {clean(host, 80)}" if host else ""


def trouble_lines(queue: Queue) -> list[str]:
    """Return what a person reads while no gate can run anywhere, and the command that finds out more."""
    told = queue.trouble
    if told is None:
        return []
    rows = [
        f"! no gate can run now: {clean(told.reason, 400)}",
        *(f"  {clean(row, 300)}" for row in told.evidence[:12]),
    ]
    return [*rows, f"  ↳ next: {clean(told.advice, 200)}   then: batty land"]


def standstill_lines(queue: Queue) -> list[str]:
    """Return what a person reads while nothing lands, and the command that goes on; nothing while the queue works."""
    told = [f"! the merge queue {clean(what, 400)}" for what in stops(queue)]
    if not told:
        return trouble_lines(queue)
    look = (
        []
        if told[-1].startswith("! the merge queue is paused")
        else ["  look at that first: to go on says it is right"]
    )
    return [*told, *look, "  ↳ next: batty queue resume"]


def usual_seconds(queue: Queue) -> float | None:
    """Return how long the gate that is in force takes lately; None where it has not run yet."""
    runs = [run for (_, key), of in queue.runs.items() if key == queue.now.gate for run in of if run.passed]
    lately = sorted(runs, key=lambda run: run.seq)[-_LATELY:]
    return median(run.seconds for run in lately) if lately else None


def expected_seconds(queue: Queue) -> dict[PhaseId, float]:
    """Return for each waiting entry how long it may take until it lands, if nothing is red and nothing in the way.

    Empty where no gate has run yet, and while the queue stands still.
    """
    usual = usual_seconds(queue)
    if usual is None or stops(queue):
        return {}
    doubtful = [entry for entry in queue.waiting if not _passed(queue, entry)]
    return {entry.phase: usual * _rounds(queue, place) for place, entry in enumerate(doubtful, 1)}


def _passed(queue: Queue, entry: Entry) -> bool:
    return entry.candidate is not None and any(run.passed for run in queue.runs_of(entry.candidate.tree))


def _rounds(queue: Queue, place: int) -> float:
    """Return how many times the gate must run, one after another, until the entry at this place is through."""
    slots, rate = queue.now.slots, queue.rate
    if not queue.now.batch:
        return ceil(place / slots)
    size = batch_size(rate, slots)
    good = 1 - rate
    return max(1.0, place * rate * (1 / (1 - good**size) + log(size, slots + 1)))


def figures(queue: Queue, events: list[AnyEvent]) -> str:
    """Return one line on how long a gate takes and how few of them were needed; nothing before the first."""
    usual, done = usual_seconds(queue), efficiency(events, queue.rate)
    if usual is None or not done.runs:
        return ""
    settled = f"{done.entries} settled with {done.runs} gate run{'s' if done.runs != 1 else ''}"
    return f"a gate takes about {span_words(usual)}; {settled}"


@dataclass(frozen=True)
class Efficiency:
    """How many gate runs the last entries took, beside the fewest that any order of running could."""

    entries: int
    runs: int
    fewest: float


def efficiency(events: list[AnyEvent], rate: float) -> Efficiency:
    """Count the queue's own runs, controls too, and what they settled."""
    runs = sum(1 for e in events if isinstance(e, GateFinished) and e.purpose in {"queue", "control"})
    settled = sum(1 for e in events if isinstance(e, Landed | Ejected))
    return Efficiency(settled, runs, fewest_runs(settled, rate))


def why(queue: Queue, entry: Entry) -> str:
    """Say why the entry is where it is, in one sentence."""
    stopped = stops(queue) if entry.state in MOVES_ON else []
    if stopped:
        return f"the queue {'; it '.join(stopped)}"
    if queue.trouble is not None and entry.state in {"queued", "gating"}:
        return f"no gate can run now: {queue.trouble.reason}"
    if entry.state == "queued":
        return _why_queued(queue, entry)
    if entry.state == "gating":
        return f"the gate runs on its candidate{_at(entry.host)}"
    paths = f"{', '.join(entry.paths[:3])}{f' and {len(entry.paths) - 3} more' if len(entry.paths) > 3 else ''}"  # noqa: PLR2004
    if entry.state == "conflict":
        undoes = f", taking back {entry.undoes[:_SHORT]}" if entry.undoes else ""
        return f"conflicts in {paths}{undoes}"
    return f"{entry.reason or entry.state}{': ' if paths else ''}{paths}"


def _why_queued(queue: Queue, entry: Entry) -> str:
    ahead = [other.phase for other in queue.waiting[: queue.waiting.index(entry)]]
    if entry.clash is not None:
        return f"it would conflict in {', '.join(entry.clash[1][:3])} with what lands before it ({', '.join(ahead)})"
    if _passed(queue, entry):
        return (
            f"its tree has passed; it waits for {', '.join(ahead)}" if ahead else "its tree has passed; it lands next"
        )
    return f"{len(ahead)} before it" if ahead else "it is the next"


def flake_lines(queue: Queue) -> list[str]:
    """Return a line for each tree of which the gate said both, the newest last: the same code, another verdict."""
    newest = sorted(queue.flakes(), key=lambda flake: flake[1][-1].seq)[-_FLAKES:]
    return [_flake(tree, runs) for tree, runs in newest]


def _flake(tree: str, runs: tuple[GateRun, ...]) -> str:
    names = dict.fromkeys(name for run in runs for name in run.failed)
    said = ", ".join(run.verdict for run in runs)
    which = f" in {', '.join(list(names)[:5])}" if names else ""
    log_of = next((run.log for run in runs if not run.passed), "")
    return clean(f"! flaky{which}: the same tree {tree[:_SHORT]} got {said}; log in {log_of}", 400)


def history(phase: PhaseId, events: list[AnyEvent]) -> list[tuple[datetime, str]]:
    """Return what happened to a phase in the queue, oldest first, each with its time."""
    moved_back = f"undo of {phase}"
    mine = [
        e
        for e in events
        if (isinstance(e, OF_AN_ENTRY) and e.phase == phase) or (isinstance(e, BaseMoved) and e.known == moved_back)
    ]
    first = next((i for i, e in enumerate(mine) if isinstance(e, Enqueued)), len(mine))
    lines = [(e.at, _gate_words(e) or told(e)) for e in mine[max(0, first - 1) :]]
    return [(at, text) for at, text in lines if text]


def log_folders(phase: PhaseId, events: list[AnyEvent]) -> list[str]:
    """Return the folders that hold the gate logs named in the phase's history, oldest first."""
    logs = (e.log for e in events if isinstance(e, GateStarted) and e.phase == phase)
    return list(dict.fromkeys(str(PurePosixPath(path).parent) for path in logs))


def _gate_words(event: AnyEvent) -> str | None:
    match event:
        case GateStarted(purpose=purpose, commit=commit, log=path):
            return f"{_GATES[purpose]} begins on {commit[:_SHORT]}, {PurePosixPath(path).name}"
        case GateFinished(purpose=purpose, verdict=verdict, seconds=seconds, failed=failed, commit=commit, host=host):
            tests = f": {', '.join(failed[:5])}" if failed else ""
            return f"{_GATES[purpose]} says {verdict} of {commit[:_SHORT]} after {seconds:.1f} s{_at(host)}{tests}"
        case Conflicted(paths=paths, predicted=False):
            return f"conflicts in {', '.join(paths[:5])}"
        case Ejected():
            return _ejected(event).rpartition(";")[0]
        case Landing(candidate=candidate, base=base):
            return f"the base is to go from {base[:_SHORT]} to {candidate[:_SHORT]}"
        case Reviewed(cause=cause) if cause:
            return f"goes back to its agent: {'it conflicts' if cause == 'conflict' else 'its gate is red'}"
        case Reviewed(verdict=verdict, by=by):
            return f"verdict of the {by} review: {verdict}"
        case PhaseHeld(reason=reason):
            return f"held: {reason}"
        case _:
            return None


def span_words(seconds: float | None) -> str:
    """Return a length of time in the one unit that matters; "-" for an unknown one."""
    if seconds is None:
        return "-"
    whole = timedelta(seconds=max(1, round(seconds)))
    minutes = whole.total_seconds() / 60
    if minutes < 1:
        return f"{int(whole.total_seconds())}s"
    return f"{round(minutes)}m" if minutes < 90 else f"{minutes / 60:.1f}h"  # noqa: PLR2004
