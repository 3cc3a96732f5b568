"""What is known of one phase, from its launch to the moment the merge queue takes over. `watch` folds it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from batty_tmux.core.events import (
    Consulting,
    DirectorAsked,
    DirectorSaid,
    ExecutorStarted,
    GateFinished,
    GateStarted,
    HostLost,
    HostOpened,
    HostProved,
    Inspected,
    Launched,
    Launching,
    Limited,
    Paused,
    PhaseHeld,
    Prompted,
    Relaunching,
    Reviewed,
    ReviewWanted,
    SettingUp,
    Stalled,
)
from batty_tmux.core.phase_events import contract_problem
from batty_tmux.names import PhaseId, Sha

WatchState = Literal[
    "idle", "working", "asking", "stuck", "checking", "reviewing", "queued", "held", "failed", "closed"
]

HOLDS_A_SLOT: frozenset[WatchState] = frozenset({"working", "asking", "stuck", "checking"})

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Watch:
    """What is known of one phase in its newest launch.

    `idle`, `finished` and `stall` are observed by whoever supervises, never journaled: the agent's turn is over,
    and every task on the worktree's own board is done.
    `nudges` counts those for the contract, `stalls` those for each code of being stuck. `crashes` counts relaunches
    that nobody asked for; `ended` is when the executor did; `session` is the agent's own conversation.
    `directed_back` counts how often a director sent the phase back. `gate_host` is the worker at which its own gate is,
    "" where that is here.
    `there` is its window on another host, `lost` that this does not answer, `proved` what is to be fetched from it.
    """

    phase: PhaseId
    run: str = ""
    launching: Launching | None = None
    launched: Launched | None = None
    there: HostOpened | None = None
    lost: HostLost | None = None
    proved: HostProved | None = None
    setting_up: SettingUp | None = None
    attempt: int = 0
    executor: Literal["none", "running", "exited"] = "none"
    started: ExecutorStarted | None = None
    ended: datetime = _NEVER
    status: int | None = None
    agent: str = ""
    prompt: Prompted | None = None
    answered: bool = False
    consulting: Consulting | None = None
    consults: int = 0
    paused: Paused | None = None
    limited: Limited | None = None
    stalled: Stalled | None = None
    stalls: tuple[str, ...] = ()
    hooks: Literal["none", "awaited", "heard", "silent"] = "none"
    session: str = ""
    inspected: Inspected | None = None
    gating: GateStarted | None = None
    gate_host: str = ""
    gate: GateFinished | None = None
    wanted: ReviewWanted | None = None
    reviewed: Reviewed | None = None
    directing: DirectorAsked | None = None
    directed: DirectorSaid | None = None
    directed_back: int = 0
    held: PhaseHeld | None = None
    nudges: int = 0
    crashes: int = 0
    resumed: bool = False
    relaunch: Relaunching | None = None
    reworked: Sha = Sha("")
    asked: str = ""
    queued: bool = False
    closed: bool = False
    idle: bool = False
    finished: bool = False
    since: datetime = _NEVER

    @property
    def host(self) -> str:
        """Where it works; "" is this machine."""
        return self.launching.where if self.launching is not None else ""

    @property
    def awaits_relaunch(self) -> bool:
        """Whether its executor is to be started again in its pane. A window that was opened since starts it itself."""
        if self.relaunch is None or self.setting_up is not None:
            # it was started for this already, and prepares the worktree
            return False
        return self.launched is None or self.launched.seq <= self.relaunch.seq

    @property
    def is_done(self) -> bool:
        """Whether its executor has nothing left to do, unless it is sent back: it ended well, or its contract holds."""
        if self.relaunch is not None:
            return False
        met = self.inspected is not None and contract_problem(self.inspected) is None
        return met or (self.executor == "exited" and self.status == 0)

    @property
    def state(self) -> WatchState:
        if self.launching is None:
            return "idle"
        if self.closed:
            return "closed"
        if self.held is not None:
            return self.held.state
        if self.queued:
            return "queued"
        if self.wanted is not None:
            return "reviewing"
        if self.inspected is not None and contract_problem(self.inspected) is None:
            return "checking"
        if self.limited is not None:
            return "stuck"
        if self.prompt is not None and not self.answered and self.consulting is None:
            return "asking"
        return "stuck" if self.stalled is not None else "working"

    @property
    def says(self) -> str:
        """Return the question, the reason, or what the phase waits for; empty when it just works."""
        match self.state:
            case "held" | "failed" if self.held is not None:
                return self.held.reason
            case "asking" if self.prompt is not None:
                return self.prompt.wording
            case "stuck" if self.limited is not None:
                return self.limited.reason
            case "stuck" if self.stalled is not None:
                return self.stalled.reason
            case "working" if self.setting_up is not None:
                return "run.setup prepares its worktree"
            case "checking":
                if self.proved is not None:
                    return f"its commits come from {self.host}"
                return f"the gate runs on the committed tip{f', at {self.gate_host}' if self.gate_host else ''}"
            case "reviewing":
                return f"waits for your verdict{self._directors()}"
            case _:
                return ""

    def _directors(self) -> str:
        """Return what a director makes of it, as the end of a sentence; nothing where none was asked."""
        if self.directed is None:
            return "; a director reads it first" if self.directing is not None else ""
        return f"; {self.directed.words}"
