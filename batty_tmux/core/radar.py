"""The radar: which phases could not land as they are, beside which others, and what of that was told already.

A collision is told when it comes, when its paths change and when it has gone, and never in between.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from batty_tmux.core.events import (
    AnyEvent,
    Cleaned,
    Collided,
    Collision,
    Enqueued,
    ExecutorStarted,
    Landed,
    Launching,
    PhaseHeld,
    Retried,
    Reviewed,
    Skipped,
)
from batty_tmux.names import Branch, PhaseId, RunId, Sha, clean, natural

_SHOWN = 5
"""How many paths are named; the journal and --json have them all."""


@dataclass(frozen=True)
class Standing:
    """A phase that is not over. `claim` is the commit by which it waits in the queue; else its branch counts."""

    run: RunId = RunId("")
    branch: Branch = Branch("")
    claim: Sha = Sha("")
    agent: str = ""


@dataclass(frozen=True)
class Radar:
    """`told` is what was last said of each phase that collides; `skipped` phases come back when they are retried."""

    standing: Mapping[PhaseId, Standing]
    skipped: Mapping[PhaseId, Standing]
    told: Mapping[PhaseId, Collided]


@dataclass(frozen=True)
class _Draft:
    """A radar while it is folded: the same three, changed in place, since copies would make 100,000 events slow."""

    standing: dict[PhaseId, Standing]
    skipped: dict[PhaseId, Standing]
    told: dict[PhaseId, Collided]

    def change(self, phase: PhaseId, **changes: str) -> None:
        self.standing[phase] = replace(self.standing.get(phase, Standing()), **changes)  # type: ignore[arg-type]

    def over(self, phase: PhaseId) -> Standing | None:
        """Forget a phase that no longer goes anywhere: it can collide with nothing."""
        self.told.pop(phase, None)
        self.skipped.pop(phase, None)
        return self.standing.pop(phase, None)


def fold(events: Iterable[AnyEvent]) -> Radar:
    draft = _Draft({}, {}, {})
    for event in events:
        hear = _HEARD.get(type(event))
        if hear is not None:
            hear(draft, event)
    return Radar(draft.standing, draft.skipped, draft.told)


def _launching(draft: _Draft, event: Launching) -> None:
    draft.skipped.pop(event.phase, None)
    draft.change(event.phase, run=event.run, branch=event.branch, claim="")


def _started(draft: _Draft, event: ExecutorStarted) -> None:
    if event.phase in draft.standing:
        draft.change(event.phase, agent=event.agent)


def _enqueued(draft: _Draft, event: Enqueued) -> None:
    known = draft.skipped.pop(event.phase, None)
    if known is not None:
        draft.standing[event.phase] = known
    draft.change(event.phase, run=event.run, claim=event.head)


def _reviewed(draft: _Draft, event: Reviewed) -> None:
    if event.verdict != "merge":
        _withdrawn(draft, event)


def _withdrawn(draft: _Draft, event: Reviewed | PhaseHeld) -> None:
    if event.phase in draft.standing:
        draft.change(event.phase, claim="")


def _over(draft: _Draft, event: Landed | Cleaned) -> None:
    draft.over(event.phase)


def _skipped(draft: _Draft, event: Skipped) -> None:
    standing = draft.over(event.phase)
    if standing is not None:
        draft.skipped[event.phase] = standing


def _retried(draft: _Draft, event: Retried) -> None:
    standing = draft.skipped.pop(event.phase, None)
    if standing is not None:
        draft.standing[event.phase] = standing


def _collided(draft: _Draft, event: Collided) -> None:
    """Remember what was told, unless the phase was over before the words were written down."""
    if event.phase not in draft.standing:
        return
    if event.collisions:
        draft.told[event.phase] = event
    else:
        draft.told.pop(event.phase, None)


_HEARD: Mapping[type, Callable[..., None]] = {
    Launching: _launching,
    ExecutorStarted: _started,
    Enqueued: _enqueued,
    Reviewed: _reviewed,
    PhaseHeld: _withdrawn,
    Landed: _over,
    Cleaned: _over,
    Skipped: _skipped,
    Retried: _retried,
    Collided: _collided,
}


def news(radar: Radar, phase: PhaseId, head: Sha, collisions: Iterable[Collision]) -> Collided | None:
    """Return what is to be told of a phase, or None where nothing of it is new: another head alone is not."""
    now = ordered(collisions)
    told = radar.told.get(phase)
    if now == (told.collisions if told is not None else ()):
        return None
    run = radar.standing.get(phase, Standing()).run
    return Collided(run=run, phase=phase, head=head, collisions=now)


def of(radar: Radar, phase: PhaseId) -> tuple[Collision, ...]:
    """Return what the phase was told, without those who have left since."""
    told = radar.told.get(phase)
    return tuple(c for c in (told.collisions if told else ()) if not c.phase or c.phase in radar.standing)


def beside(radar: Radar, phase: PhaseId, other: PhaseId, collisions: Iterable[Collision]) -> tuple[Collision, ...]:
    """Return what the phase was told, with only its collision with `other` as it is now."""
    return (*(c for c in of(radar, phase) if c.phase != other), *(c for c in collisions if c.phase == other))


def ordered(collisions: Iterable[Collision]) -> tuple[Collision, ...]:
    """Return collisions in the order in which they are told: the base first, then phases by name; paths sorted."""
    sorted_ = sorted(collisions, key=lambda c: (c.phase != "", natural(c.phase)))
    return tuple(Collision(c.phase, tuple(sorted(set(c.paths)))) for c in sorted_)


def words(collisions: Iterable[Collision], base: str = "the base") -> str:
    """Return one line for a person: "would conflict with phase-3 in src/a.py; with the base in README".

    No paths is what git says of histories that have nothing in common.
    """
    told = [f"with {clean(c.phase or base)}{_places(c.paths)}" for c in ordered(collisions)]
    return "would conflict " + "; ".join(told) if told else "would no longer conflict with anything"


def _places(paths: tuple[str, ...]) -> str:
    if not paths:
        return ", which has no history in common with it"
    more = len(paths) - _SHOWN
    return " in " + ", ".join(clean(path) for path in paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def advice(collisions: Iterable[Collision], base: str) -> str:
    """Return what an agent at work is told: the same fact, and what it can do about it without leaving its task."""
    there = ordered(collisions)
    lines = [f"batty looked at your last commit: it {words(there, base)}."]
    if any(c.phase for c in there):
        lines.append(
            "Other phases are being worked on beside yours. Whichever lands second will have to be reconciled, so "
            "change no more in those files than your task needs."
        )
    if any(not c.phase for c in there):
        lines.append(
            f"{clean(base)} has moved on since your branch began. Before you finish, merge {clean(base)} into your "
            "branch, keep what both sides meant, and run the gate again."
        )
    return " ".join(lines)
