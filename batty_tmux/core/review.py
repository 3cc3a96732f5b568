"""What a reviewer reads, and which verdicts the evidence allows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from batty_tmux.core.events import DirectorSaid, GateFinished
from batty_tmux.core.flags import Flag
from batty_tmux.core.supervise import Watch
from batty_tmux.names import PhaseId, Sha

Verdict = Literal["merge", "rework", "escalate"]


@dataclass(frozen=True)
class Commit:
    sha: Sha
    author: str
    at: datetime
    subject: str


@dataclass(frozen=True)
class Changed:
    """Lines added and removed in a file; -1 for a binary one."""

    path: str
    added: int
    removed: int


@dataclass(frozen=True)
class Settled:
    """One prompt of the phase that was answered. `why` is the policy's rule, or the supervisor agent's reason."""

    question: str
    answer: str
    by: Literal["policy", "supervisor", "person"]
    why: str = ""


@dataclass(frozen=True)
class Collides:
    """`phase` is "" for the base. No paths: the histories have nothing in common."""

    phase: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Packet:
    """The evidence for one phase, pinned at a commit."""

    phase: PhaseId
    title: str
    goal: str
    head: Sha
    base: Sha
    branch: str
    worktree: str
    tasks: tuple[tuple[int, str, str], ...]
    commits: tuple[Commit, ...]
    files: tuple[Changed, ...]
    gate: GateFinished | None
    gate_command: str
    answers: tuple[Settled, ...]
    summary: str = ""
    activity: str = ""
    """What its executors did, counted in words."""
    dirty: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    """What changes the rules that it is judged by, or lies where nobody expected it."""
    collisions: tuple[Collides, ...] = ()
    """With what it could not land as both are now."""
    shared: tuple[Collides, ...] = ()
    """Which other phases change some of its files, and could land all the same."""
    log: tuple[str, ...] = ()
    """The last lines of the gate's log."""
    advice: DirectorSaid | None = None
    """What the director said of this very commit."""
    told: str = ""
    """Why the director's word is advice alone, or that it decides."""

    @property
    def lines(self) -> int:
        """Lines added and removed, where git counts lines."""
        return sum(max(0, file.added) + max(0, file.removed) for file in self.files)


def refusal(watch: Watch, verdict: Verdict, head: Sha | None, dirty: tuple[str, ...]) -> tuple[str, str] | None:
    """Return (code, reason) when the verdict cannot be given now.

    Merging needs a passed gate on the very commit that the branch is at, and nothing left uncommitted: what
    is landed is what was proved.
    """
    if watch.launching is None:
        return "not-launched", "it was never launched"
    if watch.closed:
        return "over", "it has landed or was skipped"
    if verdict != "merge":
        return None
    if watch.queued:
        return "already-queued", "it is in the merge queue already"
    if watch.state == "working":
        return "still-working", "its executor is at work"
    if dirty:
        return "uncommitted", f"{len(dirty)} files in its worktree are not committed"
    if not proved(watch, head):
        return "not-proved", "the gate has not passed on its last commit"
    return None


def proved(watch: Watch, head: Sha | None) -> bool:
    """Tell whether the phase's own gate passed on exactly this commit."""
    return watch.gate is not None and watch.gate.verdict == "pass" and watch.gate.commit == head
