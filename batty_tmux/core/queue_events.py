"""What happens to the merge queue, and to what it lands on."""

from typing import Literal

import msgspec

from batty_tmux.core.event import Event, PhaseEvent
from batty_tmux.core.phase_events import VerdictWord
from batty_tmux.names import PhaseId, Sha


class Enqueued(PhaseEvent, frozen=True, kw_only=True, tag="enqueued"):
    """`undoes` is the landed commit that this claim reverts; `accept` are refusals taken upon themselves."""

    head: Sha
    claim: str
    undoes: Sha = Sha("")
    accept: tuple[str, ...] = ()


class CandidateBuilt(PhaseEvent, frozen=True, kw_only=True, tag="candidate-built"):
    """`flags` are the paths by which the candidate changes its own gate: it is gated alone."""

    head: Sha
    base: Sha
    candidate: Sha
    tree: Sha
    how: Literal["as-is", "replay", "merge", "nothing-new"]
    flags: tuple[str, ...] = ()


class Conflicted(PhaseEvent, frozen=True, kw_only=True, tag="conflicted"):
    """`predicted`: what it was put on has not landed yet, so that this may not come true."""

    head: Sha
    base: Sha
    paths: tuple[str, ...]
    predicted: bool = False


class Refused(PhaseEvent, frozen=True, kw_only=True, tag="candidate-refused"):
    """The candidate could be built and must not land, or could not be built for another reason than a conflict."""

    head: Sha
    base: Sha
    code: str
    reason: str
    paths: tuple[str, ...] = ()


class Ejected(PhaseEvent, frozen=True, kw_only=True, tag="ejected"):
    """Its tree was refused by the gate twice, and what it was put on passed: the fault is this entry's."""

    head: Sha
    candidate: Sha
    verdict: VerdictWord
    status: int | None
    log: str
    failed: tuple[str, ...] = ()


class Landing(PhaseEvent, frozen=True, kw_only=True, tag="landing"):
    """`phases` land together, by one fast-forward to the last one's candidate; `phase` is that last one.

    `remote` is whose branch is to go there, by a push; "" is the branch here.
    """

    base: Sha
    candidate: Sha
    checkout: str = ""
    remote: str = ""
    phases: tuple[PhaseId, ...] = ()


class Landed(PhaseEvent, frozen=True, kw_only=True, tag="landed"):
    head: Sha
    base: Sha
    candidate: Sha
    tree: Sha


class Deferred(PhaseEvent, frozen=True, kw_only=True, tag="deferred"):
    """What is in the way of a landing is in the checkout; or it is the `remote` that says no."""

    candidate: Sha
    checkout: str
    reason: str
    paths: tuple[str, ...] = ()
    half_done: bool = False
    remote: str = ""


class Retried(PhaseEvent, frozen=True, kw_only=True, tag="retried"):
    """Back to the start of its turn: by a person, or because the base moved first.

    `accept` are codes of refusals that the person has looked at and takes upon themselves.
    """

    reason: str = ""
    accept: tuple[str, ...] = ()


class Prioritized(PhaseEvent, frozen=True, kw_only=True, tag="prioritized"):
    """Goes before the entries of a lower priority whose gate has not begun; `now`: before those too."""

    priority: int
    now: bool = False


class Resolving(PhaseEvent, frozen=True, kw_only=True, tag="resolving"):
    worktree: str
    base: Sha
    head: Sha


class Skipped(PhaseEvent, frozen=True, kw_only=True, tag="skipped"):
    pass


class QueuePaused(Event, frozen=True, kw_only=True, tag="queue-paused"):
    reason: str = ""


class QueueResumed(Event, frozen=True, kw_only=True, tag="queue-resumed"):
    """A person has looked: what had stopped the queue, and reds of the base, no longer count."""


class LanderStopped(Event, frozen=True, kw_only=True, tag="lander-stopped"):
    """Gates cannot be run, which is no entry's fault: what is queued stays queued. `advice` is the next command."""

    code: str
    reason: str
    evidence: tuple[str, ...] = ()
    advice: str = ""


class BaseMoved(Event, frozen=True, kw_only=True, tag="base-moved"):
    """The base is not where the journal left it. `known` says how it got there, where that is a person's doing.

    `remote` is whose branch it is, where it is no branch here: what only grew there is known.
    """

    old: Sha
    new: Sha
    known: str = ""
    remote: str = ""


class Unreachable(Event, frozen=True, kw_only=True, tag="unreachable"):
    """What other machines share with this one does not answer: the remote, without which nothing lands, or the lock."""

    what: Literal["remote", "lock"]
    where: str
    reason: str


class Reachable(Event, frozen=True, kw_only=True, tag="reachable"):
    """It answers again."""

    what: Literal["remote", "lock"]


class TurnsRefused(Event, frozen=True, kw_only=True, tag="turns-refused"):
    """The remote takes no refs by which machines take turns: it goes on without, less fairly."""

    remote: str
    reason: str


class Following(Event, frozen=True, kw_only=True, tag="following"):
    """The user's branch is to go where the remote's is, in the checkout that has it, if one has."""

    base: Sha
    candidate: Sha
    checkout: str = ""


class Followed(Event, frozen=True, kw_only=True, tag="followed"):
    """How that ended; `reason` is what was in the way, for which nothing was changed."""

    candidate: Sha
    reason: str = ""


class PinsChanged(Event, frozen=True, kw_only=True, tag="pins-changed"):
    """Refs of batty's own that were moved or deleted by somebody else; `restored` were put back."""

    refs: tuple[str, ...]
    restored: tuple[str, ...] = ()


class PinsDropped(Event, frozen=True, kw_only=True, tag="pins-dropped"):
    """Refs of batty's own whose time was over were deleted."""

    refs: tuple[str, ...]


class Collision(msgspec.Struct, frozen=True):
    """Another phase, and the paths in which both cannot land as they are. An empty name is the base."""

    phase: str
    paths: tuple[str, ...]


class Collided(PhaseEvent, frozen=True, kw_only=True, tag="collided"):
    """All that the phase's commit would conflict with now; an empty list says that it no longer does."""

    head: Sha
    collisions: tuple[Collision, ...] = ()
