"""What a phase calls for next, until its verdict is asked for.

"Done" is never the executor's word: the board must be finished, everything committed, and the gate passed on the
committed tip in a pristine tree.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final, Literal

from batty_tmux.core.events import Inspected
from batty_tmux.core.phase_events import contract_problem
from batty_tmux.core.watch import HOLDS_A_SLOT, Watch, WatchState, apply, fold, observe
from batty_tmux.names import Sha

__all__ = [
    "HOLDS_A_SLOT",
    "Watch",
    "WatchState",
    "apply",
    "contract_problem",
    "fold",
    "is_to_be_told",
    "observe",
    "owed",
    "within",
]

NUDGES: Final = 1
"""How often an executor is told what its contract misses before a person is asked."""
SLACK: Final = timedelta(seconds=5)
"""How long after a limit's end an agent is told to go on: its clock and ours may differ."""
_STILLBORN: Final = timedelta(seconds=10)
"""An executor that lived no longer could not go on with its conversation: the next start begins a new one."""
_NO_CRASH: Final = frozenset({126, 127, 129, 130, 143})
"""Statuses that another try does not better: no such program, or ended on purpose (its window closed, ^C, SIGTERM)."""


@dataclass(frozen=True)
class Patience:
    """How much is tried before a person is asked: nudges for each way of being stuck, relaunches after a crash."""

    nudges: int = 1
    relaunches: int = 2
    resumes: bool = True
    """Whether a usage limit that is over is taken up by itself."""


PATIENT: Final = Patience()


@dataclass(frozen=True)
class Inspect:
    """Look at board, worktree and commits, for whether the contract holds before the gate."""


@dataclass(frozen=True)
class CommitBoard:
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Nudge:
    """Tell the executor something; `why` is the code of what it is stuck in, "" for its contract."""

    text: str
    why: str = ""


@dataclass(frozen=True)
class RunPhaseGate:
    head: Sha
    tree: Sha


@dataclass(frozen=True)
class AskReview:
    head: Sha


@dataclass(frozen=True)
class Hold:
    state: Literal["held", "failed"]
    code: str
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relaunch:
    feedback: str


@dataclass(frozen=True)
class Revive:
    """Start the executor again without being asked; with `resume` it goes on with its conversation."""

    cause: Literal["crash", "limit"]
    resume: bool


@dataclass(frozen=True)
class GoOn:
    """The usage limit is over: tell the executor to go on."""


Effect = Inspect | CommitBoard | Nudge | RunPhaseGate | AskReview | Hold | Relaunch | Revive | GoOn


def owed(watch: Watch, board: str, now: datetime, patience: Patience = PATIENT) -> Effect | None:
    """Return what the phase calls for next, or None while it works, or waits for a person or the queue.

    `board` is the phase's board folder, from the worktree's root.
    """
    if watch.state not in HOLDS_A_SLOT or watch.launched is None:
        return None
    if watch.relaunch is not None and watch.awaits_relaunch:
        return Relaunch(watch.relaunch.feedback)
    if watch.executor == "none":
        return None
    if watch.executor == "exited" and watch.status != 0:
        return _after_a_crash(watch, now, patience)
    if watch.limited is not None and watch.executor == "running":
        return GoOn() if _limit_is_over(watch, now, patience) else None
    if watch.inspected is not None:
        return _after_inspection(watch, watch.inspected, board)
    if watch.executor == "exited" or (watch.idle and watch.finished):
        return Inspect()
    return _when_stuck(watch)


def _after_a_crash(watch: Watch, now: datetime, patience: Patience) -> Effect | None:
    resume = not (watch.resumed and watch.started is not None and watch.ended - watch.started.at < _STILLBORN)
    if watch.limited is not None and watch.limited.until is not None and patience.resumes:
        return Revive("limit", resume) if _limit_is_over(watch, now, patience) else None
    if watch.crashes < patience.relaunches and watch.status not in _NO_CRASH:
        return Revive("crash", resume)
    again = f", {watch.crashes + 1} times" if watch.crashes else ""
    return Hold("failed", "executor-failed", f"the executor ended with status {watch.status}{again}")


def _limit_is_over(watch: Watch, now: datetime, patience: Patience) -> bool:
    limit = watch.limited
    if limit is None or limit.until is None or not patience.resumes or watch.paused is not None:
        return False
    return now >= limit.until + SLACK


def is_to_be_told(watch: Watch, code: str, patience: Patience) -> bool:
    """Tell whether an executor that is stuck in this way is nudged: so many times in a launch, then a person looks."""
    return watch.stalls.count(code) < patience.nudges


def _when_stuck(watch: Watch) -> Effect | None:
    stall = watch.stalled
    if stall is None or not stall.nudge or watch.paused is not None or watch.prompt is not None:
        return None
    return Nudge(_WORDS[stall.code].format(reason=stall.reason), stall.code)


_WORDS: Final = {
    "silent": (
        "You have stopped, and your work is not done: {reason}. Go on with the next step. If something keeps you "
        "from it, say what it is in one line."
    ),
    "loop": (
        "You do the same again and again: {reason}. Stop, say in one line what you expected, and try another way."
    ),
    "context": "/compact",
    "denials": (
        "You were refused several times in a row: {reason}. Do not ask for it again. Reach your goal another way, "
        "within this directory, or say in one line what you need."
    ),
}


def _after_inspection(watch: Watch, seen: Inspected, board: str) -> Effect | None:
    if watch.executor == "running" and seen.head == watch.reworked:
        # silent, and still at the commit that was sent back: it thinks, it is not done
        return None
    problem = contract_problem(seen)
    if problem == "uncommitted" and all(within(board, path) for path in seen.dirty):
        return CommitBoard(seen.dirty)
    if problem is not None:
        return _nudge_or_hold(watch, seen, problem)
    if watch.gate is None or (watch.gate.commit, watch.gate.tree) != (seen.head, seen.tree):
        return RunPhaseGate(seen.head, seen.tree)
    match watch.gate.verdict:
        case "pass":
            return AskReview(seen.head)
        case "fail":
            told = f"The gate ended with status {watch.gate.status}. Its output is in {watch.gate.log}."
            text = f"{told}\nMend what it found and commit."
            hold = Hold("held", "gate-red", "its own gate fails", (watch.gate.log,))
            return _nudge(watch, text, hold)
        case _:
            reason = "the gate ran out of time" if watch.gate.verdict == "timeout" else "the gate could not run"
            return Hold("held", "gate-infra", reason, (watch.gate.log,))


def _nudge(watch: Watch, text: str, hold: Hold) -> Effect | None:
    if watch.nudges >= NUDGES:
        return hold
    return None if watch.paused is not None and watch.executor == "running" else Nudge(text)


def _nudge_or_hold(watch: Watch, seen: Inspected, problem: str) -> Effect | None:
    match problem:
        case "undone" if watch.executor == "running":
            return None
        case "undone":
            reason = f"the executor ended before {len(seen.undone)} of its tasks were done"
            return Hold("failed", "ended-early", reason, seen.undone)
        case "uncommitted":
            files = "\n".join(f"  {path}" for path in seen.dirty[:20])
            text = f"These files are not committed. Commit what belongs to the work, remove the rest:\n{files}"
            return _nudge(
                watch, text, Hold("held", "uncommitted", f"{len(seen.dirty)} files are not committed", seen.dirty)
            )
        case "provided-committed":
            return Hold("held", "provided-committed", "a provided file is in its commits", seen.provided)
        case "broken-board":
            return Hold("held", "broken-board", "its board cannot be read", seen.broken)
        case _:
            return Hold("held", "no-commits", "all tasks are done and nothing was committed")


def within(folder: str, path: str) -> bool:
    """Tell whether a path is below a folder, both from the same root."""
    return PurePosixPath(path).is_relative_to(PurePosixPath(folder))
