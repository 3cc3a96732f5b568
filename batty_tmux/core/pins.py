"""The refs under refs/batty/ as the journal tells them: what must be there, so that nothing of it is collected."""

from collections.abc import Iterable

from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Enqueued,
    Landed,
    Landing,
    PinsChanged,
    PinsDropped,
)
from batty_tmux.names import PhaseId, Sha

_OF_PINS = (CandidateBuilt, Enqueued, Landed, Landing, PinsChanged, PinsDropped)


def candidate_pin(candidate: Sha) -> str:
    return f"refs/batty/cand/{candidate[:16]}"


def landing_pins(landing: Landing) -> tuple[tuple[str, Sha], tuple[str, Sha]]:
    """Return the refs that say where the base was before a landing, and after it."""
    return (f"refs/batty/main/{landing.seq}", landing.base), (f"refs/batty/landed/{landing.seq}", landing.candidate)


def expected(events: Iterable[AnyEvent]) -> dict[str, Sha]:
    """Return each ref that was made and not given up, with its commit.

    A ref is made before the event that speaks of it, so whatever is expected was there. What somebody else
    removed and could not be restored is no longer expected: that has been said.
    """
    pins: dict[str, Sha] = {}
    begun: dict[PhaseId, Landing] = {}
    for event in events:
        if not isinstance(event, _OF_PINS):
            continue
        match event:
            case Enqueued(claim=claim, head=head):
                pins[claim] = head
            case CandidateBuilt(candidate=candidate):
                pins[candidate_pin(candidate)] = candidate
            case Landing():
                begun |= dict.fromkeys(event.phases or (event.phase,), event)
            case Landed(phase=phase):
                landing = begun.pop(phase, None)
                if landing is not None:
                    pins |= dict(landing_pins(landing))
            case PinsChanged(refs=refs, restored=restored):
                for ref in set(refs) - set(restored):
                    pins.pop(ref, None)
            case PinsDropped(refs=refs):
                for ref in refs:
                    pins.pop(ref, None)
    return pins
