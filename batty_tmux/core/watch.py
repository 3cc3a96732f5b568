"""What is known of one phase, folded from the journal, from its launch to the moment the merge queue takes over."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Literal

from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    BoardCommitted,
    Cleaned,
    Consulted,
    Consulting,
    DirectorAsked,
    DirectorSaid,
    Enqueued,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateMoved,
    GatePlaced,
    GateStarted,
    GateStopped,
    HooksHeard,
    HooksSilent,
    Inspected,
    Landed,
    Launched,
    LaunchFailed,
    Launching,
    Limited,
    LimitOver,
    Nudged,
    Paused,
    PhaseHeld,
    Prompted,
    PromptGone,
    Relaunching,
    Reviewed,
    ReviewWanted,
    SettingUp,
    Skipped,
    Stalled,
    Stirred,
    Unpaused,
)
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
    """

    phase: PhaseId
    run: str = ""
    launching: Launching | None = None
    launched: Launched | None = None
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
                return f"the gate runs on the committed tip{f', at {self.gate_host}' if self.gate_host else ''}"
            case "reviewing":
                return f"waits for your verdict{self._directors()}"
            case _:
                return ""

    def _directors(self) -> str:
        """Return what a director makes of it, as the end of a sentence; nothing where none was asked."""
        said = self.directed
        if said is None:
            return "; a director reads it first" if self.directing is not None else ""
        why = f": {said.reasons[0]}" if said.reasons else ""
        if said.outcome == "failed":
            return f"; the director gave none{why}"
        return f"; the director says {said.outcome}, {round(100 * said.confidence)} % sure{why}"


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


def fold(phase: PhaseId, events: "list[AnyEvent]") -> Watch:
    return reduce(apply, (e for e in events if getattr(e, "phase", None) == phase), Watch(phase))


def observe(watch: Watch, *, idle: bool, finished: bool) -> Watch:
    """Tell the watch what the supervisor sees now. An executor that moves again has not been inspected."""
    stirred = watch.executor == "running" and watch.idle and not idle
    inspected = None if stirred and watch.state in {"working", "stuck"} else watch.inspected
    return replace(watch, idle=idle, finished=finished, inspected=inspected)


def apply(watch: Watch, event: AnyEvent) -> Watch:
    """Fold one event of this phase."""
    before = watch.state
    after = _launched(watch, event) or _supervised(watch, event) or _judged(watch, event) or watch
    return replace(after, since=event.at) if after.state != before else after


def _launched(watch: Watch, event: AnyEvent) -> Watch | None:
    """Fold what happens to the window and the executor in it."""
    match event:
        case Launching():
            return Watch(watch.phase, run=event.run, launching=event)
        case Launched(server=server, pane=pane):
            before = watch.launched
            if before is None:
                return replace(watch, launched=event)
            if (before.server, before.pane) == (server, pane):
                return watch
            if watch.is_done:
                # what is left is to be proved, and that needs no executor
                return replace(watch, launched=event, executor="exited", status=0, prompt=None, gating=None)
            # what ran in the window that is gone went with it; the new window starts its own
            fresh = replace(watch, launched=event, executor="none", status=None, prompt=None, inspected=None)
            return replace(fresh, setting_up=None)
        case LaunchFailed():
            return replace(watch, held=_failed(event), setting_up=None)
        case SettingUp():
            # until its agent starts: what a start was asked for is under way
            return replace(watch, setting_up=event)
        case ExecutorStarted():
            return replace(
                _active(watch),
                attempt=event.attempt,
                started=event,
                agent=event.agent,
                executor="running",
                status=None,
                session=event.session or watch.session,
                resumed=(watch.relaunch is not None and watch.relaunch.resume)
                or (event.session != "" and event.session == watch.session),
                hooks="awaited" if event.hooks else "none",
                paused=_by_hand(watch),
                limited=None,
                relaunch=None,
            )
        case ExecutorExited(attempt=attempt, status=status) if attempt == watch.attempt:
            return replace(
                watch,
                executor="exited",
                status=status,
                ended=event.at,
                prompt=None,
                inspected=None,
                stalled=None,
                paused=_by_hand(watch),
            )
        case Relaunching():
            byhand = event.by == "person"
            return replace(
                _active(watch),
                relaunch=event,
                limited=watch.limited if event.cause == "limit" else None,
                nudges=0 if byhand else watch.nudges,
                crashes=0 if byhand else watch.crashes + (event.cause == "crash"),
            )
        case _:
            return None


def _failed(event: LaunchFailed) -> PhaseHeld:
    evidence = (*event.evidence, f"all of it is in {event.log}") if event.log else event.evidence
    return PhaseHeld(phase=event.phase, state="failed", code=event.code, reason=event.reason, evidence=evidence)


def _supervised(watch: Watch, event: AnyEvent) -> Watch | None:
    """Fold what happens between the executor and whoever supervises it."""
    match event:
        case Prompted():
            return replace(watch, prompt=event, answered=False)
        case Answered(key=key) if watch.prompt is not None and watch.prompt.key == key:
            return replace(watch, answered=True, consulting=None)
        case PromptGone(key=key) if watch.prompt is not None and watch.prompt.key == key:
            return replace(watch, prompt=None, answered=False, consulting=None)
        case Consulting():
            return replace(watch, consulting=event, consults=watch.consults + 1)
        case Consulted(number=number) if watch.consulting is not None and watch.consulting.number == number:
            return replace(watch, consulting=None)
        case Nudged(why=""):
            return replace(watch, nudges=watch.nudges + 1, inspected=None, idle=False)
        case Nudged(why=why):
            return replace(watch, stalls=(*watch.stalls, why), stalled=None, idle=False)
        case Paused():
            return replace(watch, paused=_by_hand(watch) or event)
        case Unpaused(by="quiet"):
            return replace(watch, paused=_by_hand(watch))
        case Unpaused():
            return replace(watch, paused=None)
        case Limited():
            return replace(watch, limited=event)
        case LimitOver():
            return replace(watch, limited=None)
        case Stalled():
            return replace(watch, stalled=event)
        case Stirred():
            return replace(watch, stalled=None)
        case HooksHeard(attempt=attempt, session=session) if attempt == watch.attempt:
            return replace(watch, hooks="heard", session=session or watch.session)
        case HooksSilent(attempt=attempt) if attempt == watch.attempt:
            return replace(watch, hooks="silent")
        case _:
            return None


def _by_hand(watch: Watch) -> Paused | None:
    """Return the pause that a person asked for: only a person ends it, or a new launch."""
    return watch.paused if watch.paused is not None and watch.paused.by == "person" else None


def _judged(watch: Watch, event: AnyEvent) -> Watch | None:
    """Fold the contract, the gate, and the verdict."""
    match event:
        case Inspected():
            return replace(watch, inspected=event)
        case BoardCommitted():
            return replace(watch, inspected=None)
        case GateStarted(purpose="phase"):
            return replace(watch, gating=event, gate_host="")
        case GatePlaced(purpose="phase", host=host):
            return replace(watch, gate_host=host)
        case GateMoved(purpose="phase"):
            return replace(watch, gate_host="")
        case GateStopped(purpose="phase"):
            return replace(watch, gating=None, gate_host="")
        case GateFinished(purpose="phase"):
            return replace(watch, gating=None, gate_host="", gate=event)
        case ReviewWanted():
            return replace(watch, wanted=event, reviewed=None)
        case DirectorAsked():
            return replace(watch, directing=event)
        case DirectorSaid(number=number) if watch.directing is not None and watch.directing.number == number:
            return replace(watch, directing=None, directed=None if event.outcome == "lost" else event)
        case Reviewed(verdict="merge"):
            return replace(watch, reviewed=event, held=None)
        case Reviewed(verdict="rework", feedback=feedback, head=head):
            asked = Relaunching(phase=watch.phase, feedback=feedback, seq=event.seq)
            told = replace(
                _active(watch), reviewed=event, relaunch=asked, nudges=0, crashes=0, reworked=head, asked=feedback
            )
            return replace(told, directed_back=watch.directed_back + (event.by == "director"))
        case Reviewed(verdict="escalate", feedback=feedback):
            held = PhaseHeld(phase=watch.phase, state="held", code="escalated", reason=feedback or "escalated")
            return replace(watch, reviewed=event, held=held, wanted=None, queued=False)
        case Enqueued():
            return replace(watch, queued=True, held=None, wanted=None)
        case PhaseHeld():
            return replace(watch, held=event, wanted=None, queued=False)
        case Landed() | Cleaned() | Skipped():
            return replace(watch, closed=True)
        case _:
            return None


def _active(watch: Watch) -> Watch:
    """Return the watch as it is when an executor (re)starts: nothing that was found before is still true."""
    return replace(
        watch,
        held=None,
        setting_up=None,
        wanted=None,
        reviewed=None,
        directing=None,
        directed=None,
        queued=False,
        closed=False,
        prompt=None,
        answered=False,
        consulting=None,
        stalled=None,
        stalls=(),
        inspected=None,
        gate=None,
        gating=None,
        idle=False,
    )
