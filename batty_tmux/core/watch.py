"""What happens to one phase, folded from the journal, from its launch to the moment the merge queue takes over."""

from dataclasses import replace
from functools import reduce

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
    HostBack,
    HostLost,
    HostOpened,
    HostProved,
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
from batty_tmux.core.watch_state import HOLDS_A_SLOT, Watch, WatchState
from batty_tmux.names import PhaseId

__all__ = ["HOLDS_A_SLOT", "Watch", "WatchState", "apply", "fold", "observe"]


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
    after = (
        _afar(watch, event) or _launched(watch, event) or _supervised(watch, event) or _judged(watch, event) or watch
    )
    return replace(after, since=event.at) if after.state != before else after


def _afar(watch: Watch, event: AnyEvent) -> Watch | None:
    """Fold what happens between here and the host that the phase works on."""
    match event:
        case LaunchFailed(code="host-away" | "displaced"):
            return Watch(watch.phase) if watch.host == event.where else watch
        case HostOpened():
            same = watch.there is None or (watch.there.server, watch.there.pane) == (event.server, event.pane)
            return replace(watch if same else _reopened(watch), there=event)
        case HostLost() | HostBack():
            return replace(watch, lost=event if isinstance(event, HostLost) else None)
        case HostProved():
            return replace(watch, proved=event)
        case Launched() if watch.host:
            # the window here only shows it
            return replace(watch, launched=event)
        case _:
            return None


def _reopened(watch: Watch) -> Watch:
    """Return the watch with a new window: what ran in the one that is gone went with it."""
    if watch.is_done:
        # what is left is to be proved, and that needs no executor
        return replace(watch, executor="exited", status=0, prompt=None, gating=None)
    return replace(watch, executor="none", status=None, prompt=None, inspected=None, setting_up=None)


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
            return replace(_reopened(watch), launched=event)
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
        proved=None,
        idle=False,
    )
