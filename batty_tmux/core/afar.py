"""What this machine and a host that it has a phase on tell each other. All that comes from there is hostile."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec.structs import fields, replace

from batty_tmux.core.attention import age_of
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    AttemptEnded,
    BoardCommitted,
    Consulted,
    Consulting,
    ExecutorExited,
    ExecutorStarted,
    GateFinished,
    GateMoved,
    GatePlaced,
    GateStarted,
    GateStopped,
    HooksHeard,
    HooksSilent,
    HostOpened,
    HostProved,
    Inspected,
    Launched,
    LaunchFailed,
    Launching,
    Limited,
    LimitOver,
    Nudged,
    Paused,
    PhaseEvent,
    PhaseHeld,
    Prompted,
    PromptGone,
    Relaunching,
    Reviewed,
    ReviewWanted,
    SettingUp,
    SetUp,
    Stalled,
    Stirred,
    Unpaused,
)
from batty_tmux.core.watch import Watch
from batty_tmux.names import PhaseId, Sha, clean

LONGEST: Final = 1 << 20
"""Bytes of one line from a host. The journal's own are shorter by far."""
_WORDS: Final = 64 * 1024
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLACES: Final = ("log", "snapshot", "packet")
"""Fields that hold a path of the host: never one to open here."""
_Told = (
    Answered
    | BoardCommitted
    | Consulted
    | Consulting
    | ExecutorExited
    | ExecutorStarted
    | GateFinished
    | GateMoved
    | GatePlaced
    | GateStarted
    | GateStopped
    | HooksHeard
    | HooksSilent
    | Inspected
    | LaunchFailed
    | Limited
    | LimitOver
    | Nudged
    | Paused
    | PhaseHeld
    | Prompted
    | PromptGone
    | Relaunching
    | SettingUp
    | SetUp
    | Stalled
    | Stirred
    | Unpaused
)
"""What a host may tell of a phase, and stands here as it stands there."""
Mirrored = _Told | HostOpened | HostProved

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


@dataclass(frozen=True)
class Of:
    """Which launch is followed: nothing of another phase, run or branch is taken from the host."""

    host: str
    phase: PhaseId
    run: str


def mirrored(line: bytes, of: Of) -> Mirrored | None:
    """Return an event of a host's journal as it stands in ours; None for what is not for us, or not to be believed.

    A host tells what its executor and its supervisor do. It gives no verdict, claims and lands nothing, and what was
    decided here and came back from there is known already.
    """
    if len(line) > LONGEST:
        return None
    try:
        event = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(event, PhaseEvent) or event.seq <= 0 or event.there or event.where:
        return None
    if (event.phase, event.run) != (of.phase, of.run) or not _is_sound(event):
        return None
    if (
        isinstance(event, GateStarted | GatePlaced | GateMoved | GateFinished | GateStopped)
        and event.purpose != "phase"
    ):
        return None
    if isinstance(event, LaunchFailed) and event.code in {"host-away", "displaced"}:
        return None
    found = _ours(event, of)
    return None if found is None else replace(found, where=of.host, there=event.seq, seq=0)


def _ours(event: AnyEvent, of: Of) -> Mirrored | None:
    match event:
        case ReviewWanted(head=head):
            return HostProved(run=event.run, phase=event.phase, head=head)
        case Launched(window=window, pane=pane, server=server):
            # where it works is told by the launching there, which the host's answer to our opening it holds
            return HostOpened(run=event.run, phase=event.phase, worktree="", window=window, pane=pane, server=server)
        case _ if isinstance(event, _Told):
            told = {
                name: _place(of.host, str(getattr(event, name, ""))) for name in _PLACES if getattr(event, name, "")
            }
            return replace(event, **told)
        case _:
            return None


def _place(host: str, path: str) -> str:
    return f"{host}:{clean(path, 400)}"


def _is_sound(event: PhaseEvent) -> bool:
    """Tell whether every commit that an event names could be one, and no text is longer than any of ours."""
    for each in fields(event):
        value = getattr(event, each.name)
        if each.name in {"head", "commit", "tree"} and _SHA.fullmatch(str(value)) is None:
            return False
        texts = value if isinstance(value, tuple) else (value,)
        if sum(len(text) for text in texts if isinstance(text, str)) > _WORDS:
            return False
    return True


def since(events: Iterable[AnyEvent], phase: PhaseId, host: str) -> int:
    """Return the last line of the host's journal that ours has, of the phase's newest launch there."""
    last = 0
    for event in events:
        if isinstance(event, PhaseEvent) and event.phase == phase:
            if isinstance(event, Launching):
                last = 0
            elif event.where == host:
                last = max(last, event.there)
    return last


# -- what was decided here

Verb = Literal["rework", "start", "pause", "unpause", "stop"]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person, or the queue, decided here of a phase that works there. `order` is its `seq` in our journal."""

    order: int
    verb: Verb
    feedback: str = ""
    by: Literal["human", "auto", "director"] = "human"
    head: str = ""
    cause: Literal["", "red", "conflict"] = ""
    resume: bool = False


def orders(events: Iterable[AnyEvent], phase: PhaseId) -> tuple[Order, ...]:
    """Return all that was decided here of the phase since its newest launch, in order."""
    found: list[Order] = []
    for event in events:
        if not isinstance(event, PhaseEvent) or event.phase != phase:
            continue
        if isinstance(event, Launching):
            found = []
        elif not event.where and (order := _order(event)) is not None:
            found.append(order)
    return tuple(found)


def _order(event: PhaseEvent) -> Order | None:
    match event:
        case Reviewed(verdict="rework", by=by, feedback=feedback, head=head, cause=cause):
            return Order(order=event.seq, verb="rework", by=by, feedback=feedback, head=head, cause=cause)
        case Relaunching(by="person", feedback=feedback, resume=resume):
            return Order(order=event.seq, verb="start", feedback=feedback, resume=resume)
        case Paused(by="person"):
            return Order(order=event.seq, verb="pause")
        case Unpaused(by="person"):
            return Order(order=event.seq, verb="unpause")
        case PhaseHeld(code="stopped"):
            return Order(order=event.seq, verb="stop")
        case _:
            return None


def obeyed(order: Order, phase: PhaseId, run: str) -> AnyEvent:
    """Return an order as the host journals it, with the number that keeps it from being obeyed twice."""
    common: Mapping[str, object] = {"run": run, "phase": phase, "there": order.order}
    match order.verb:
        case "rework":
            told = {"by": order.by, "feedback": order.feedback, "head": Sha(order.head), "cause": order.cause}
            return Reviewed(verdict="rework", **common, **told)  # type: ignore[arg-type]  # named and typed above
        case "start":
            return Relaunching(by="person", feedback=order.feedback, resume=order.resume, **common)  # type: ignore[arg-type]  # as above
        case "pause":
            return Paused(by="person", **common)  # type: ignore[arg-type]  # as above
        case "unpause":
            return Unpaused(by="person", **common)  # type: ignore[arg-type]  # as above
        case "stop":
            reason = "batty stop ended it"
            return PhaseHeld(state="held", code="stopped", reason=reason, **common)  # type: ignore[arg-type]  # as above


def last_order(events: Iterable[AnyEvent], phase: PhaseId) -> int:
    """Return the newest order that the host's own journal has, since the phase's newest launch there."""
    last = 0
    for event in events:
        if isinstance(event, PhaseEvent) and event.phase == phase:
            last = 0 if isinstance(event, Launching) else max(last, event.there)
    return last


# -- what is owed here


@dataclass(frozen=True)
class Fetch:
    head: Sha


@dataclass(frozen=True)
class AskReview:
    head: Sha


def owed(watch: Watch, tip: Sha | None) -> Fetch | AskReview | None:
    """Return what follows here from what the host has proved. `tip` is where the phase's branch is here."""
    if watch.proved is None or watch.state != "checking":
        return None
    return AskReview(watch.proved.head) if tip == watch.proved.head else Fetch(watch.proved.head)


def lost_words(watch: Watch, seconds: int) -> str:
    """Say of a phase whose host has been silent for so long what becomes of it."""
    if watch.proved is not None and watch.state == "checking":
        then = "its review waits for its commits"
    elif watch.executor == "running":
        then = "its agent goes on"
    else:
        then = "it goes on where it was when that is back"
    return f"{watch.host} has not answered for {age_of(seconds)}; {then}"


# -- what is left behind


@dataclass(frozen=True)
class Leftover:
    """A launch on a host that goes on elsewhere, or anew: what is left of it there is to end."""

    host: str
    phase: PhaseId
    run: str
    branch: str


def leftovers(events: Iterable[AnyEvent]) -> tuple[Leftover, ...]:
    """Return the launches on hosts that were given up, and of which nobody has said that they ended."""
    newest: dict[PhaseId, Leftover | None] = {}
    left: dict[tuple[str, str], Leftover] = {}
    for event in events:
        match event:
            case Launching(where=host, branch=branch):
                before = newest.get(event.phase)
                if before is not None and (before.host, before.branch) != (host, branch):
                    left[before.host, before.branch] = before
                newest[event.phase] = Leftover(host, event.phase, event.run, branch) if host else None
            case LaunchFailed(code="host-away" | "displaced"):
                before = newest.pop(event.phase, None)
                if before is not None and before.host == event.where:
                    left[before.host, before.branch] = before
            case AttemptEnded(where=host, branch=branch):
                left.pop((host, branch), None)
            case _:
                pass
    return tuple(left.values())
