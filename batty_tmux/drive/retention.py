"""Drop the pins of what is long over. A pin that alone keeps unlanded work alive is never among them.

The journal hears of it before git does: a pin that is gone and still expected would look like somebody's doing, and
stop the queue. Killed in between, what was named and is still there goes the next time.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from batty_tmux.config_rules import span
from batty_tmux.core.events import AnyEvent, CandidateBuilt, Landed, Landing, PinsDropped
from batty_tmux.core.pins import candidate_pin, expected, landing_pins
from batty_tmux.core.queue_state import GIVEN_UP, Entry, Queue
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.host.clock import now
from batty_tmux.host.lock import attempt
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, Sha

Pins = dict[str, Sha]


def outlived(project: Project) -> Pins:
    """Return the pins older than queue.retention that nothing waits for and that keep nothing alive by themselves."""
    place, queue = project.place, project.queue()
    events = place.records.events
    kept = expected(events)
    cutoff = now() - timedelta(seconds=span(project.config.queue.retention) or 0)
    on_base = _OnBase(place.git, project.base.ref)
    old = {
        **_claims(queue, cutoff, on_base),
        **_landings(events, cutoff, on_base),
        **_candidates(queue, events, cutoff),
    }
    old = {ref: sha for ref, sha in old.items() if kept.get(ref) == sha}
    alone = {sha for sha in _given_up(queue, old) if not _kept_otherwise(place.git, sha, old)}
    return {ref: sha for ref, sha in old.items() if sha not in alone} | _half_dropped(place, events, kept)


def drop(project: Project) -> Pins | None:
    """Drop what has outlived its time and return it; None where a lander is at work, which may need any of it."""
    with attempt(project.place.landing_lock) as held:
        if held is None:
            return None
        project.place.records.refresh()
        pins = outlived(project)
        known = expected(project.place.records.events)
        named = tuple(sorted(ref for ref in pins if ref in known))
        if named:
            project.place.records.append(PinsDropped(refs=named))
        return {ref: sha for ref, sha in pins.items() if project.place.git.drop_ref(ref, sha)}


class _OnBase:
    """Whether the base holds a commit; each is asked once."""

    def __init__(self, git: Git, ref: str) -> None:
        self._git = git
        self._ref = ref
        self._known: dict[Sha, bool] = {}

    def __call__(self, commit: Sha) -> bool:
        if commit not in self._known:
            self._known[commit] = self._git.is_ancestor(commit, self._ref)
        return self._known[commit]


def _claims(queue: Queue, cutoff: datetime, on_base: _OnBase) -> Pins:
    """Return the claims of what landed, was withdrawn or was followed by another claim, before the cutoff."""
    left = ((entry, _left_at(queue, entry, on_base)) for entry in queue.entries)
    return {entry.claim: entry.head for entry, at in left if at is not None and at < cutoff}


def _left_at(queue: Queue, entry: Entry, on_base: _OnBase) -> datetime | None:
    """Return when the entry was over; None while it is not, and where the base no longer holds what it landed."""
    if entry.landed is not None:
        return entry.landed.at if on_base(entry.landed.candidate) else None
    if entry.state != "withdrawn":
        return None
    later = [e.claimed_at for e in queue.entries if e.phase == entry.phase and e.number > entry.number]
    return min(later, default=entry.since)


def _landings(events: Iterable[AnyEvent], cutoff: datetime, on_base: _OnBase) -> Pins:
    """Return where the base was before and after each landing that was over before the cutoff, and that it holds."""
    old: Pins = {}
    begun: dict[PhaseId, Landing] = {}
    for event in events:
        match event:
            case Landing():
                begun |= dict.fromkeys(event.phases or (event.phase,), event)
            case Landed(phase=phase, at=at) if phase in begun:
                pins = landing_pins(begun.pop(phase))
                if at < cutoff:
                    old |= {ref: sha for ref, sha in pins if on_base(sha)}
            case _:
                pass
    return old


def _candidates(queue: Queue, events: Iterable[AnyEvent], cutoff: datetime) -> Pins:
    """Return the candidates built before the cutoff that no entry may land as any more."""
    waiting = {e.candidate.sha for e in queue.entries if e.candidate and e.state not in {"landed", "withdrawn"}}
    newest = {event.candidate: event.at for event in events if isinstance(event, CandidateBuilt)}
    return {candidate_pin(sha): sha for sha, at in newest.items() if at < cutoff and sha not in waiting}


def _given_up(queue: Queue, old: Pins) -> set[Sha]:
    """Return the commits of old claims that never landed."""
    return {entry.head for entry in queue.entries if entry.state in GIVEN_UP and entry.claim in old}


def _kept_otherwise(git: Git, commit: Sha, old: Pins) -> bool:
    """Tell whether some ref that stays holds the commit: a branch, a tag, another pin."""
    refs = git.say("for-each-ref", "--format=%(refname)", f"--contains={commit}").splitlines()
    return any(ref not in old for ref in refs)


def _half_dropped(place: Place, events: list[AnyEvent], kept: Pins) -> Pins:
    """Return what the journal says was dropped and git still has, as it was: somebody was killed in between."""
    said = {ref for event in events if isinstance(event, PinsDropped) for ref in event.refs} - set(kept)
    if not said:
        return {}
    once = expected(event for event in events if not isinstance(event, PinsDropped))
    rows = place.git.say("for-each-ref", "--format=%(refname) %(objectname)", "refs/batty/").splitlines()
    there = dict(row.split(" ", 1) for row in rows)
    return {ref: once[ref] for ref in said if ref in once and there.get(ref) == once[ref]}
