"""Make an entry's candidate, and look at what git made before anybody relies on it."""

import msgspec

from batty_tmux.core.events import AnyEvent, CandidateBuilt, Conflicted, Launching, Refused
from batty_tmux.core.gate_files import definition, touched
from batty_tmux.core.queue_plan import Build
from batty_tmux.drive import candidate
from batty_tmux.drive.ground import Ground
from batty_tmux.drive.losses import examine
from batty_tmux.errors import CommandFailed
from batty_tmux.names import PhaseId, RunId, Sha

Built = CandidateBuilt | Conflicted | Refused

_OF_THE_DISK = ("No space left on device", "Disk quota exceeded", "Read-only file system", "Input/output error")


def build(ground: Ground, effect: Build, run: RunId) -> Built:
    """Put the entry on its base. What is wrong with one entry is its outcome, and stops no other.

    Raises CommandFailed where it is the disk that is at fault, which no entry is to blame for.
    """
    try:
        built = candidate.build(ground.place.git, effect, run)
        return _looked_at(ground, effect, built) if isinstance(built, CandidateBuilt) else _foreseen(effect, built)
    except CommandFailed as failure:
        if any(words in failure.stderr for words in _OF_THE_DISK):
            raise
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
        changed, loss = examine(git, built.base, entry.head, built.candidate, start)
        if loss is not None and loss.code not in entry.accepted:
            refused = _refused(effect, built.run, loss.code, loss.reason, loss.paths)
            conflict = Conflicted(phase=entry.phase, head=entry.head, base=built.base, paths=loss.paths)
            return _foreseen(effect, conflict) if effect.predicted else refused
        gate = definition(ground.gate.command, ground.gate.setup, ground.gate.files)
        built = msgspec.structs.replace(built, flags=touched(changed, gate))
    return built


def _refused(effect: Build, run: RunId, code: str, reason: str, paths: tuple[str, ...]) -> Refused:
    entry = effect.entry
    return Refused(run=run, phase=entry.phase, head=entry.head, base=effect.onto, code=code, reason=reason, paths=paths)
