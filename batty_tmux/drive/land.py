"""Advance the base to a gated commit, under the landing lock. One fast-forward may land several entries.

Everything here may be killed at any point. What was begun is in the journal before it is done, and what was
done is asked of git, by ancestry: a landing whose outcome was lost is found out, never repeated.
"""

from pathlib import Path

from batty_tmux.core import merge_queue
from batty_tmux.core.events import Deferred, Landed, Landing, Retried
from batty_tmux.core.pins import landing_pins
from batty_tmux.core.queue_plan import Land, Settle
from batty_tmux.core.queue_state import Entry
from batty_tmux.drive.checkout import Blocked, Holder, advance, holder, mend, obstacle
from batty_tmux.drive.exchange import deliver
from batty_tmux.drive.ground import Ground, run_of
from batty_tmux.host.lock import Held
from batty_tmux.names import Sha, clean

Outcome = tuple[Landed, ...] | tuple[Deferred, ...] | tuple[Retried, ...]
"""One event for each entry that was to land, all of one kind."""


def land(ground: Ground, effect: Land, held: Held) -> Outcome:
    """Advance the base from exactly the tip that the chain was built on to exactly the gated commit."""
    entries, base, target = effect.entries, effect.base, effect.last
    if target.sha == base:
        return _landed(ground, entries)
    # a remote's branch is in nobody's checkout: the user's own only follows it
    kept_by = None if ground.base.remote else holder(ground.place.git, ground.base.name)
    if kept_by is not None:
        there = ground.place.checkout(kept_by.folder)
        blocked = obstacle(there, base, target.sha, kept_by.operation)
        if blocked is not None:
            return _stopped(ground, entries, base, kept_by.folder, blocked)
    begun = Landing(
        run=run_of(ground, entries[-1]),
        phase=entries[-1].phase,
        base=base,
        candidate=target.sha,
        checkout=str(kept_by.folder) if kept_by else "",
        remote=ground.base.remote,
        phases=tuple(entry.phase for entry in entries),
    )
    written = ground.place.records.append(begun)
    landing = next(e for e in reversed(written) if isinstance(e, Landing) and e.candidate == target.sha)
    if ground.base.remote:
        return _push(ground, entries, landing, held)
    # who has it by now: under a checkout of the base, moving the ref alone would undo us with the user's next commit
    return _move(ground, entries, landing, kept_by or holder(ground.place.git, ground.base.name), held, again=False)


def settle(ground: Ground, effect: Settle, held: Held) -> Outcome:
    """Go on from a landing that was begun: it happened, or it is mended and done again, or it is off."""
    git, landing, entries = ground.place.git, effect.landing, effect.entries
    if git.is_ancestor(landing.candidate, ground.ref) or git.tip(ground.ref) != landing.base:
        return _settled(ground, entries, landing)
    folder = Path(landing.checkout)
    if landing.checkout and folder.exists():
        blocked = mend(ground.place.checkout(folder), ground.base.name, landing, held)
        if blocked is not None:
            return _deferred(ground, entries, folder, blocked, keep_landing=True)
    return _advance(ground, entries, landing, held)


def _advance(ground: Ground, entries: tuple[Entry, ...], landing: Landing, held: Held) -> Outcome:
    if ground.base.remote:
        return _push(ground, entries, landing, held)
    kept_by = holder(ground.place.git, ground.base.name)
    if kept_by is not None:
        there = ground.place.checkout(kept_by.folder)
        blocked = obstacle(there, landing.base, landing.candidate, kept_by.operation)
        if blocked is not None:
            return _stopped(ground, entries, landing.base, kept_by.folder, blocked)
    return _move(ground, entries, landing, kept_by, held, again=True)


def _move(
    ground: Ground, entries: tuple[Entry, ...], landing: Landing, kept_by: Holder | None, held: Held, *, again: bool
) -> Outcome:
    """Move the base where nothing was found in the way a moment ago; git refuses what has come since.

    A git that was killed says that it failed, and may have moved the base before: the base is asked, not git's status.
    """
    there = ground.place.checkout(kept_by.folder) if kept_by is not None else None
    refused = advance(there, ground.base.name, landing, held) if there else _move_ref(ground, landing, again=again)
    if refused is None or ground.place.git.is_ancestor(landing.candidate, ground.ref):
        return _settled(ground, entries, landing)
    folder = kept_by.folder if kept_by is not None else ground.place.home
    # git writes the files first and moves the branch last: where it fails in between, they are half-way
    unmended = mend(there, ground.base.name, landing, held) if there else None
    if unmended is not None:
        return _deferred(ground, entries, folder, unmended, keep_landing=True)
    return _stopped(ground, entries, landing.base, folder, refused)


def _push(ground: Ground, entries: tuple[Entry, ...], landing: Landing, held: Held) -> Outcome:
    """Push the candidate, and have the remote decide. What came of it is asked of what can be fetched afterwards.

    Raises BattyError `remote-unreachable` where that cannot be known now: the landing then stays begun.
    """
    refused = deliver(ground, landing, held)
    git = ground.place.git
    if refused is None or git.is_ancestor(landing.candidate, ground.ref):
        return _settled(ground, entries, landing)
    if git.tip(ground.ref) != landing.base:
        return _begin_again(ground, entries)
    return _deferred(ground, entries, None, refused)


def _move_ref(ground: Ground, landing: Landing, *, again: bool) -> Blocked | None:
    """Move a base that is checked out nowhere, and pin what lands with it."""
    pins = [(ref, commit, None) for ref, commit in landing_pins(landing)]
    moves = [(ground.ref, landing.candidate, landing.base), *pins]
    done = ground.place.git.move_refs(moves, f"batty: land {landing.phase}", again=again)
    told = clean(done.stderr.strip().replace("\n", " "), 300)
    return None if done.ok else Blocked(f"git could not move {ground.ref}: {told}", ())


def _stopped(ground: Ground, entries: tuple[Entry, ...], base: Sha, checkout: Path, blocked: Blocked) -> Outcome:
    """Wait for what is in the way; where it is a base that moved, there is nothing to wait for: begin again."""
    if ground.place.git.tip(ground.ref) != base:
        return _begin_again(ground, entries)
    return _deferred(ground, entries, checkout, blocked)


def _begin_again(ground: Ground, entries: tuple[Entry, ...]) -> tuple[Retried, ...]:
    events = tuple(Retried(run=run_of(ground, e), phase=e.phase, reason="the base moved first") for e in entries)
    ground.place.records.append(*events)
    return events


def _settled(ground: Ground, entries: tuple[Entry, ...], landing: Landing) -> Outcome:
    """Ask git whether the base holds the candidate, and journal the answer."""
    git = ground.place.git
    if not git.is_ancestor(landing.candidate, ground.ref):
        return _begin_again(ground, entries)
    git.pin_all(landing_pins(landing))
    return _landed(ground, entries)


def _landed(ground: Ground, entries: tuple[Entry, ...]) -> tuple[Landed, ...]:
    events = tuple(
        Landed(
            run=run_of(ground, entry),
            phase=entry.phase,
            head=entry.head,
            base=entry.candidate.base,
            candidate=entry.candidate.sha,
            tree=entry.candidate.tree,
        )
        for entry in entries
        if entry.candidate is not None
    )
    ground.place.records.append(*events)
    return events


def _deferred(
    ground: Ground, entries: tuple[Entry, ...], checkout: Path | None, blocked: Blocked, *, keep_landing: bool = False
) -> tuple[Deferred, ...]:
    """Say what is in the way; once, not each time that somebody looks. Without a checkout it is the remote."""
    events = tuple(
        Deferred(
            run=run_of(ground, entry),
            phase=entry.phase,
            candidate=entry.candidate.sha,
            checkout=str(checkout or ""),
            remote="" if checkout else ground.base.remote,
            reason=blocked.reason,
            paths=blocked.paths,
            half_done=keep_landing,
        )
        for entry in entries
        if entry.candidate is not None
    )
    queue = merge_queue.fold(ground.place.records.events)
    wanted = ("deferred", blocked.reason, blocked.paths, keep_landing)
    known = {e.phase: (e.state, e.reason, e.paths, e.landing is not None) for e in queue.entries}
    fresh = tuple(event for event in events if known[event.phase] != wanted)
    if fresh:
        ground.place.records.append(*fresh)
    return events
