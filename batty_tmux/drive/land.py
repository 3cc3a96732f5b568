"""Advance the base to gated commits, one after another, under the landing lock.

Everything here may be killed at any point. What was begun is in the journal before it is done, and what was
done is asked of git, by ancestry: a landing whose outcome was lost is found out, never repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from batty_tmux.core import merge_queue
from batty_tmux.core.events import AnyEvent, CandidateBuilt, Deferred, Landed, Landing, Retried
from batty_tmux.core.merge_queue import Build, Candidate, Effect, Entry, Land, Queue, RunGate, Settle
from batty_tmux.drive.candidate import build
from batty_tmux.drive.checkout import Blocked, advance, holder, mend, obstacle
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.place import Place
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import Held, attempt
from batty_tmux.host.plumbing import ZERO
from batty_tmux.names import RunId, Sha


@dataclass(frozen=True)
class Ground:
    """What a lander stands on: the repository, its base branch, the gate as the base defines it."""

    place: Place
    base: str
    gate: GateSpec
    slots: Path
    environ: dict[str, str]

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.base}"


Tell = Callable[[AnyEvent], None]
Look = Callable[[], Ground]


def drain(look: Look, tell: Tell) -> bool:
    """Land whatever can land; return False if another lander holds the lock and will see to it.

    The ground is looked at anew before each step: a landing may change the gate itself, which the base defines.
    The queue is looked at once more after the lock is let go, so an entry that came in between is not left.
    """
    while True:
        with attempt(look().place.landing_lock) as held:
            if held is None:
                return False
            _until_nothing_is_owed(look, held, tell)
        effect = next_effect(look())
        if effect is None or effect.entry.state == "deferred":
            return True


def queue_now(ground: Ground) -> Queue:
    """Fold the journal and look where the base is."""
    tip = ground.place.git.tip(ground.ref)
    if tip is None:
        raise BattyError("no-base", f"the base branch {ground.base} does not exist", next="batty doctor")
    queue = merge_queue.fold(ground.place.records.events)
    return merge_queue.observe(queue, tip=tip, gate=ground.gate.digest)


def next_effect(ground: Ground) -> Effect | None:
    return merge_queue.owed(queue_now(ground))


def _until_nothing_is_owed(look: Look, held: Held, tell: Tell) -> None:
    while True:
        ground = look()
        effect = next_effect(ground)
        if effect is None:
            return
        before = len(ground.place.records.events)
        event = perform(replace(ground, place=ground.place.holding(held)), effect, held)
        if len(ground.place.records.events) > before:
            # a landing that is still in the way of the same files is no news
            tell(event)
        if isinstance(event, Deferred):
            return


def perform(ground: Ground, effect: Effect, held: Held) -> AnyEvent:
    """Do one effect and journal its outcome. Doing it twice does it once."""
    match effect:
        case Build(entry=entry):
            event = build(ground.place.git, effect, run_of(ground, entry))
            if isinstance(event, CandidateBuilt):
                # before anybody relies on it: it may wait for days, on no branch, while git collects garbage
                ground.place.git.pin(f"refs/batty/cand/{event.candidate[:16]}", event.candidate)
            ground.place.records.append(event)
            return event
        case RunGate(entry=entry, candidate=candidate):
            run = run_of(ground, entry)
            subject = Subject(entry.phase, candidate.sha, candidate.tree, "queue", run, ground.environ)
            return run_gate(ground.place, ground.gate, subject, ground.slots)
        case Land(entry=entry, candidate=candidate):
            return land(ground, entry, candidate, held)
        case Settle(entry=entry, landing=landing):
            return _settle(ground, entry, landing, held)
        case _:
            assert_never(effect)


def land(ground: Ground, entry: Entry, candidate: Candidate, held: Held) -> Landed | Deferred | Retried:
    """Advance the base from exactly the tip that the candidate was built on to exactly the gated commit."""
    if not candidate.new:
        return _landed(ground, entry, candidate)
    kept_by = holder(ground.place.git, ground.base)
    if kept_by is not None:
        there = ground.place.checkout(kept_by.folder)
        blocked = obstacle(there, ground.base, candidate.base, candidate.sha, kept_by.operation)
        if blocked is not None:
            return _stopped(ground, entry, candidate.base, candidate.sha, kept_by.folder, blocked)
    begun = Landing(
        run=run_of(ground, entry),
        phase=entry.phase,
        base=candidate.base,
        candidate=candidate.sha,
        checkout=str(kept_by.folder) if kept_by else "",
    )
    written = ground.place.records.append(begun)
    landing = next(e for e in reversed(written) if isinstance(e, Landing) and e.phase == entry.phase)
    return _advance(ground, entry, landing, held)


def _advance(ground: Ground, entry: Entry, landing: Landing, held: Held) -> Landed | Deferred | Retried:
    kept_by = holder(ground.place.git, ground.base)
    if kept_by is None:
        moves = [
            (ground.ref, landing.candidate, landing.base),
            (f"refs/batty/main/{landing.seq}", landing.base, ZERO),
            (f"refs/batty/landed/{landing.seq}", landing.candidate, ZERO),
        ]
        if ground.place.git.move_refs(moves, f"batty: land {entry.phase}"):
            return _settled(ground, entry, landing)
        stuck = Blocked(f"git could not move {ground.ref}; a lock that was left on it may be why", ())
        return _stopped(ground, entry, landing.base, landing.candidate, ground.place.home, stuck)
    there = ground.place.checkout(kept_by.folder)
    blocked = obstacle(there, ground.base, landing.base, landing.candidate, kept_by.operation)
    if blocked is not None:
        return _stopped(ground, entry, landing.base, landing.candidate, kept_by.folder, blocked)
    refused = advance(there, landing, held)
    if refused is None:
        return _settled(ground, entry, landing)
    # git writes the files first and moves the branch last: where it fails in between, they are half-way
    unmended = mend(there, ground.base, landing, held)
    if unmended is not None:
        return _deferred(ground, entry, landing.candidate, kept_by.folder, unmended, keep_landing=True)
    return _stopped(ground, entry, landing.base, landing.candidate, kept_by.folder, refused)


def _stopped(
    ground: Ground, entry: Entry, base: Sha, candidate: Sha, checkout: Path, blocked: Blocked
) -> Deferred | Retried:
    """Wait for what is in the way; where it is a base that moved, there is nothing to wait for: begin again."""
    if ground.place.git.tip(ground.ref) != base:
        return _begin_again(ground, entry)
    return _deferred(ground, entry, candidate, checkout, blocked)


def _begin_again(ground: Ground, entry: Entry) -> Retried:
    event = Retried(run=run_of(ground, entry), phase=entry.phase, reason="the base moved first")
    ground.place.records.append(event)
    return event


def _settle(ground: Ground, entry: Entry, landing: Landing, held: Held) -> Landed | Deferred | Retried:
    """Go on from a landing that was begun: it happened, or it is mended and done again, or it is off."""
    git = ground.place.git
    if git.is_ancestor(landing.candidate, ground.ref) or git.tip(ground.ref) != landing.base:
        return _settled(ground, entry, landing)
    folder = Path(landing.checkout)
    if landing.checkout and folder.exists():
        blocked = mend(ground.place.checkout(folder), ground.base, landing, held)
        if blocked is not None:
            return _deferred(ground, entry, landing.candidate, folder, blocked, keep_landing=True)
    return _advance(ground, entry, landing, held)


def _settled(ground: Ground, entry: Entry, landing: Landing) -> Landed | Retried:
    """Ask git whether the base holds the candidate, and journal the answer."""
    git = ground.place.git
    if not git.is_ancestor(landing.candidate, ground.ref):
        return _begin_again(ground, entry)
    git.pin(f"refs/batty/main/{landing.seq}", landing.base)
    git.pin(f"refs/batty/landed/{landing.seq}", landing.candidate)
    return _landed(ground, entry, Candidate(landing.base, landing.candidate, git.tree(landing.candidate)))


def _landed(ground: Ground, entry: Entry, candidate: Candidate) -> Landed:
    event = Landed(
        run=run_of(ground, entry),
        phase=entry.phase,
        head=entry.head,
        base=candidate.base,
        candidate=candidate.sha,
        tree=candidate.tree,
    )
    ground.place.records.append(event)
    return event


def _deferred(
    ground: Ground, entry: Entry, candidate: Sha, checkout: Path, blocked: Blocked, *, keep_landing: bool = False
) -> Deferred:
    """Say what is in the way; once, not each time that somebody looks."""
    event = Deferred(
        run=run_of(ground, entry),
        phase=entry.phase,
        candidate=candidate,
        checkout=str(checkout),
        reason=blocked.reason,
        paths=blocked.paths,
        half_done=keep_landing,
    )
    now = merge_queue.fold(ground.place.records.events).of(entry.phase) or entry
    told = (now.state, now.reason, now.paths, now.landing is not None)
    if told != ("deferred", blocked.reason, blocked.paths, keep_landing):
        ground.place.records.append(event)
    return event


def run_of(ground: Ground, entry: Entry) -> RunId:
    events = ground.place.records.events
    return next((e.run for e in reversed(events) if getattr(e, "phase", None) == entry.phase and e.run), RunId("000"))
