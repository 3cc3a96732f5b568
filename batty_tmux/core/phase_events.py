"""What happens to a phase, from its launch to its verdict."""

from typing import Literal

from batty_tmux.core.event import PhaseEvent
from batty_tmux.names import Branch, Sha

VerdictWord = Literal["pass", "fail", "timeout", "infra"]
Purpose = Literal["phase", "queue", "control", "try"]
"""Why a gate runs: a phase's own contract; a candidate of the queue; the base, to know whether a red is the
candidate's at all; a person who wants to see."""


class Launching(PhaseEvent, frozen=True, kw_only=True, tag="launching"):
    """A slot was given to the phase: worktree and windows follow. `ports` is the first of its ports, 0 in old runs.

    `start` is the base's commit that it began from. Its branch begins there, or at `tip` where it goes on with what an
    earlier launch had committed.
    """

    branch: Branch
    worktree: str
    start: Sha
    ports: int = 0
    tip: Sha = Sha("")

    @property
    def first(self) -> Sha:
        """The commit that its branch is made at."""
        return self.tip or self.start


class Launched(PhaseEvent, frozen=True, kw_only=True, tag="launched"):
    session: str
    window: str
    pane: str
    orchestrator: str
    server: str


class LaunchFailed(PhaseEvent, frozen=True, kw_only=True, tag="launch-failed"):
    """`code` is "setup-failed" where run.setup did: then `log` has what it said, and `evidence` the end of that.

    It is "host-away" where the host did not answer, and "displaced" where a person has the phase begin elsewhere: then
    it is as ready as before.
    """

    reason: str
    evidence: tuple[str, ...] = ()
    code: str = "launch-failed"
    log: str = ""


class SettingUp(PhaseEvent, frozen=True, kw_only=True, tag="setting-up"):
    """run.setup begins in the phase's worktree, before any agent was there."""

    command: str
    log: str = ""


class SetUp(PhaseEvent, frozen=True, kw_only=True, tag="set-up"):
    """run.setup has succeeded. `cache` tells whether dependencies were taken from it ("hit", by `how`) or kept in it.

    `why` is the reason where neither was, and something was to be cached.
    """

    seconds: float = 0.0
    cache: Literal["", "hit", "kept", "none"] = ""
    how: str = ""
    why: str = ""


class ExecutorStarted(PhaseEvent, frozen=True, kw_only=True, tag="executor-started"):
    """`session` is the id of the agent's own conversation, "" where it gives none to choose.

    `hooks` says that the agent was told to report by hooks; whether it does is heard.
    """

    attempt: int
    pid: int
    agent: str = ""
    session: str = ""
    hooks: bool = False


class ExecutorExited(PhaseEvent, frozen=True, kw_only=True, tag="executor-exited"):
    """`status` as a shell says it: 128 + n for signal n."""

    attempt: int
    status: int


class Inspected(PhaseEvent, frozen=True, kw_only=True, tag="inspected"):
    """What the contract found, before the gate: empty tuples are good."""

    head: Sha
    tree: Sha
    commits: int
    undone: tuple[str, ...] = ()
    dirty: tuple[str, ...] = ()
    provided: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def contract_problem(seen: Inspected) -> str | None:
    """Name the first thing that the contract misses, before the gate is asked; None when all of it holds."""
    if seen.broken:
        return "broken-board"
    if seen.undone:
        return "undone"
    if seen.provided:
        return "provided-committed"
    if seen.dirty:
        return "uncommitted"
    return "no-commits" if seen.commits == 0 else None


class BoardCommitted(PhaseEvent, frozen=True, kw_only=True, tag="board-committed"):
    """Only files of the phase's own board were left uncommitted; batty committed them."""

    head: Sha
    paths: tuple[str, ...]


class Relaunching(PhaseEvent, frozen=True, kw_only=True, tag="relaunching"):
    """`resume` goes on with the agent's own conversation; `cause` is set where no person asked for it."""

    feedback: str = ""
    by: Literal["batty", "person"] = "batty"
    resume: bool = False
    cause: Literal["", "crash", "limit"] = ""


class GateStarted(PhaseEvent, frozen=True, kw_only=True, tag="gate-started"):
    """`gate`, `environment` and `hygiene` are digests: of the command, of the machine, of how clean a slot is.

    `host` is the scheduler that is to find a worker for it, "" where it runs here.
    """

    purpose: Purpose
    commit: Sha
    tree: Sha
    gate: str
    log: str
    environment: str = ""
    hygiene: str = ""
    host: str = ""


class GatePlaced(PhaseEvent, frozen=True, kw_only=True, tag="gate-placed"):
    """A worker of a cluster, `host`, has begun to run the gate."""

    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str
    host: str


class GateMoved(PhaseEvent, frozen=True, kw_only=True, tag="gate-moved"):
    """A worker did not bring the gate to an end, or did not begin it, for a reason of its own. Another one tries."""

    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str
    host: str
    why: str


class GateFinished(PhaseEvent, frozen=True, kw_only=True, tag="gate-finished"):
    """`cpu` in seconds and `memory` in bytes are of the command and what it waited for.

    `beside` is how many other gates ran when it started; `failed` names the tests that its runner said failed.
    `host` is the worker that ran it, "" where that was here.
    """

    purpose: Purpose
    commit: Sha
    tree: Sha
    gate: str
    log: str
    verdict: VerdictWord
    environment: str = ""
    hygiene: str = ""
    status: int | None = None
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    beside: int = 0
    failed: tuple[str, ...] = ()
    host: str = ""


class GateStopped(PhaseEvent, frozen=True, kw_only=True, tag="gate-stopped"):
    """The run was ended before its verdict: nobody needs to know it any more."""

    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str


class ReviewWanted(PhaseEvent, frozen=True, kw_only=True, tag="review-wanted"):
    head: Sha
    packet: str = ""


class Reviewed(PhaseEvent, frozen=True, kw_only=True, tag="reviewed"):
    """`cause` is set where the queue, not a reading of the work, sent it back: how often is bounded."""

    verdict: Literal["merge", "rework", "escalate"]
    by: Literal["human", "auto", "director"]
    head: Sha
    feedback: str = ""
    cause: Literal["", "red", "conflict"] = ""


class DirectorAsked(PhaseEvent, frozen=True, kw_only=True, tag="director-asked"):
    """A director is asked what it thinks of a phase that waits; `number` counts the calls for it in its run, from 1.

    `snapshot` is the file with all that it is told.
    """

    head: Sha
    number: int
    agent: str
    snapshot: str = ""


class DirectorSaid(PhaseEvent, frozen=True, kw_only=True, tag="director-said"):
    """What it said of the commit. `confidence` from 0 to 1, `cost` in dollars where the agent tells it.

    It is advice: where it may decide, a verdict of the director's follows. A call is "lost" when batty was ended
    while it was made.
    """

    head: Sha
    number: int
    outcome: Literal["merge", "rework", "escalate", "failed", "lost"]
    reasons: tuple[str, ...] = ()
    feedback: str = ""
    confidence: float = 0.0
    seconds: float = 0.0
    cost: float | None = None

    @property
    def words(self) -> str:
        """Return what it makes of the phase, in short."""
        why = f": {self.reasons[0]}" if self.reasons else ""
        if self.outcome == "failed":
            return f"the director gave none{why}"
        return f"the director says {self.outcome}, {round(100 * self.confidence)} % sure{why}"


class PhaseHeld(PhaseEvent, frozen=True, kw_only=True, tag="held"):
    """Waits for a person. `state` is what status shows: held, or failed for an executor that broke off."""

    state: Literal["held", "failed"]
    code: str
    reason: str
    evidence: tuple[str, ...] = ()


class Cleaned(PhaseEvent, frozen=True, kw_only=True, tag="cleaned"):
    """Worktree, branch and window of a landed phase were removed, after proof."""
