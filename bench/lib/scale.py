"""What the core needs for queues and journals that are far larger than any repository will have."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from lib.results import Scale

from batty_tmux.core import merge_queue
from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    CandidateBuilt,
    Deferred,
    Enqueued,
    GateFinished,
    GateStarted,
    Landed,
    Landing,
    Nudged,
)
from batty_tmux.core.queue_plan import chain, owed
from batty_tmux.core.queue_state import GateKey, Now, Queue, observe
from batty_tmux.names import PhaseId, Sha

WAITING = 1000
EVENTS = 100_000
OWED_BAR, FOLD_BAR = 0.01, 1.0
_TIP = Sha("tip")
_KEY = GateKey("gate", "machine", "clean")


def scale(rounds: int) -> tuple[Scale, ...]:
    """Time each measure `rounds` times; what is decided is looked at first, so that an empty answer counts as none."""
    events = numbered(journal(others=10))
    dense = numbered(journal(others=0))
    lines = [msgspec.json.encode(event) for event in events]
    decoder = msgspec.json.Decoder(AnyEvent)
    built = {batch: deciding(built_queue(), batch=batch) for batch in (False, True)}
    return (
        Scale(
            "owed, 1,000 entries, nothing built yet", OWED_BAR, timed(deciding(fresh_queue(), batch=False), rounds * 10)
        ),
        Scale("owed, 1,000 entries built, green and in the way, each", OWED_BAR, timed(built[False], rounds * 10)),
        Scale("owed, 1,000 entries built, green and in the way, batch", OWED_BAR, timed(built[True], rounds * 10)),
        Scale(
            "fold 100,000 events, two fifths of them the queue's",
            FOLD_BAR,
            timed(lambda: merge_queue.fold(events), rounds),
        ),
        Scale("fold 100,000 events, all of them the queue's", FOLD_BAR, timed(lambda: merge_queue.fold(dense), rounds)),
        Scale("decode the same 100,000 events", 0, timed(lambda: [decoder.decode(line) for line in lines], rounds)),
    )


def timed(work: Callable[[], object], rounds: int) -> tuple[float, ...]:
    """Return the seconds of this process on a core: what others do beside it is not in them."""
    seconds = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        seconds.append(round(time.process_time() - begun, 6))
    return tuple(seconds)


def deciding(queue: Queue, *, batch: bool) -> Callable[[], object]:
    """Return the question as a lander asks it: it looks at the world anew each time."""
    parked = Sha(f"c{WAITING}") if queue.waiting[0].state == "deferred" else Sha("")
    now = Now(tip=_TIP, tree=Sha("tree"), gate=_KEY, slots=8, batch=batch, parked=parked)
    seen = observe(queue, now)
    if (
        len(queue.waiting) != WAITING
        or bool(owed(seen)) == bool(parked)
        or len(chain(seen)) != (WAITING if parked else 0)
    ):
        raise SystemExit("this is not the queue that was meant")
    return lambda: owed(observe(queue, now))


def fresh_queue() -> Queue:
    events = (Enqueued(phase=PhaseId(f"p{n}"), head=Sha(f"h{n}"), claim="claim") for n in range(1, WAITING + 1))
    return merge_queue.fold(numbered([BaseMoved(old=Sha(""), new=_TIP, known="first seen"), *events]))


def built_queue() -> Queue:
    """Return a queue in which everything is gated, and waits for a file of the user's to go out of the way."""
    events: list[AnyEvent] = [BaseMoved(old=Sha(""), new=_TIP, known="first seen")]
    for number in range(1, WAITING + 1):
        events += gated(number, Sha(f"c{number - 1}") if number > 1 else _TIP)
    events += [
        Deferred(phase=PhaseId(f"p{n}"), candidate=Sha(f"c{n}"), checkout="/home", reason="in the way")
        for n in range(1, WAITING + 1)
    ]
    return merge_queue.fold(numbered(events))


def journal(others: int) -> list[AnyEvent]:
    """Return 99,000 events of landings, each with this many events that are not the queue's, and 1,000 that wait."""
    events: list[AnyEvent] = [BaseMoved(old=Sha(""), new=_TIP, known="first seen")]
    tip, number = _TIP, 0
    while len(events) < EVENTS - WAITING:
        number += 1
        events += (Nudged(phase=PhaseId(f"p{number}"), text="go on") for _ in range(others))
        events += (*gated(number, tip), *landed(number, tip))
        tip = Sha(f"c{number}")
    events = events[: EVENTS - WAITING]
    events += (Enqueued(phase=PhaseId(f"w{n}"), head=Sha(f"w{n}"), claim="claim") for n in range(WAITING))
    return events


def gated(number: int, base: Sha) -> Iterator[AnyEvent]:
    phase, head, made, tree = PhaseId(f"p{number}"), Sha(f"h{number}"), Sha(f"c{number}"), Sha(f"t{number}")
    key: dict[str, Any] = {"gate": _KEY.gate, "environment": _KEY.environment, "hygiene": _KEY.hygiene}
    yield Enqueued(phase=phase, head=head, claim=f"refs/batty/claim/{phase}/1")
    yield CandidateBuilt(phase=phase, head=head, base=base, candidate=made, tree=tree, how="replay")
    yield GateStarted(purpose="queue", phase=phase, commit=made, tree=tree, log="log", **key)
    yield GateFinished(purpose="queue", phase=phase, commit=made, tree=tree, log="log", verdict="pass", **key)


def landed(number: int, base: Sha) -> Iterator[AnyEvent]:
    phase, made = PhaseId(f"p{number}"), Sha(f"c{number}")
    yield Landing(phase=phase, base=base, candidate=made)
    yield Landed(phase=phase, head=Sha(f"h{number}"), base=base, candidate=made, tree=Sha(f"t{number}"))


def numbered(events: list[AnyEvent]) -> list[AnyEvent]:
    return [msgspec.structs.replace(event, seq=number) for number, event in enumerate(events, 1)]
