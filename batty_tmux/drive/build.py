"""Make an entry's candidate, and look at what git made before anybody relies on it."""

import msgspec

from batty_tmux.core.events import AnyEvent, CandidateBuilt, Conflicted, Launching, Refused
from batty_tmux.core.gate_files import definition, touched
from batty_tmux.core.queue_plan import Build
from batty_tmux.core.space import Room, is_of_the_disk
from batty_tmux.drive import candidate
from batty_tmux.drive.ground import Ground
from batty_tmux.drive.losses import examine
from batty_tmux.errors import CommandFailed
from batty_tmux.host.machine import room
from batty_tmux.host.objects import harden
from batty_tmux.names import PhaseId, RunId, Sha

Built = CandidateBuilt | Conflicted | Refused


def build(ground: Ground, effect: Build, run: RunId) -> Built:
    """Put the entry on its base. What is wrong with one entry is its outcome, and stops no other.

    Raises CommandFailed where no entry is to blame: the disk is at fault, or git was killed twice.
    """
    try:
        return _built(ground, effect, run)
    except CommandFailed as failure:
        if not _was_killed(failure):
            return _at_fault(ground, effect, run, failure)
    return _built(ground, effect, run)


def _built(ground: Ground, effect: Build, run: RunId) -> Built:
    built = candidate.build(ground.place.git, effect, run)
    return _looked_at(ground, effect, built) if isinstance(built, CandidateBuilt) else _foreseen(effect, built)


def _was_killed(failure: CommandFailed) -> bool:
    return failure.exit_status is None or failure.exit_status < 0


def _at_fault(ground: Ground, effect: Build, run: RunId, failure: CommandFailed) -> Refused:
    """Blame the entry for what git could not do with it, unless the disk is to blame."""
    if is_of_the_disk(failure.stderr, Room(*room(ground.place.state))):
        raise failure
    told = (failure.stderr.strip().splitlines() or [failure.what])[-1]
    return _refused(effect, run, "cannot-build", told, ())


def start_of(events: list[AnyEvent], phase: PhaseId) -> Sha | None:
    """Return the commit on which the phase began, where it was launched by batty."""
    begun = (event.start for event in reversed(events) if isinstance(event, Launching) and event.phase == phase)
    return next(begun, None)


def _foreseen(effect: Build, conflict: Conflicted) -> Conflicted:
    return msgspec.structs.replace(conflict, predicted=effect.predicted)


def _looked_at(ground: Ground, effect: Build, built: CandidateBuilt) -> Built:
    git, entry = ground.place.git, effect.entry
    if built.how != "nothing-new":
        start = start_of(ground.place.records.events, entry.phase) if not entry.undoes else None
        changed, loss = examine(git, built.base, entry.head, built.candidate, start, merged=built.how == "replay")
        if loss is not None and loss.code not in entry.accepted:
            refused = _refused(effect, built.run, loss.code, loss.reason, loss.paths)
            conflict = Conflicted(phase=entry.phase, head=entry.head, base=built.base, paths=loss.paths)
            return _foreseen(effect, conflict) if effect.predicted else refused
        gate = definition(ground.gate.command, ground.gate.setup, ground.gate.files)
        built = msgspec.structs.replace(built, flags=touched(changed, gate))
        harden(git, built.candidate, built.base)
    return built


def _refused(effect: Build, run: RunId, code: str, reason: str, paths: tuple[str, ...]) -> Refused:
    entry = effect.entry
    return Refused(run=run, phase=entry.phase, head=entry.head, base=effect.onto, code=code, reason=reason, paths=paths)
