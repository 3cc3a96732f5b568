"""Keep as many windows at work as the run asks for: called by whoever freed a slot or changed a dependency."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from batty_tmux.core.events import AnyEvent, BoardsChanged, Launched, LaunchFailed
from batty_tmux.core.sequence import chosen, half_launched, is_on, placed
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.hosting import AWAY
from batty_tmux.drive.project import Project
from batty_tmux.drive.room import NO_ROOM
from batty_tmux.drive.windows import launch, session_id
from batty_tmux.host.lock import Held, attempt, exclusive
from batty_tmux.names import PhaseId


@dataclass(frozen=True)
class Filled:
    """`news` are changes of the boards on the base that nobody had told of; `done` is false where another is at it."""

    launched: tuple[PhaseId, ...]
    failed: tuple[LaunchFailed, ...]
    news: tuple[AnyEvent, ...] = ()
    done: bool = True


def fill(project: Project, *, patient: bool = True) -> Filled:
    """Launch ready phases, first in natural order, until the run's windows are full.

    A phase whose launch was cut off by a crash comes first. Serialized by the fill lock; who is not `patient` leaves
    at once where another has it.
    """
    launched: list[PhaseId] = []
    failed: list[LaunchFailed] = []
    news: tuple[AnyEvent, ...] = ()
    lock = project.place.fill_lock
    asked: AbstractContextManager[Held | None] = exclusive(lock) if patient else attempt(lock)
    with asked as held:
        if held is None:
            return Filled((), (), done=False)
        while True:
            project = Project.at(project.place, project.base.name)
            news += _told(project)
            status = chosen(project.statuses(), project.terms()) if project.fault is None else None
            if status is None:
                return Filled(tuple(launched), tuple(failed), news)
            host = placed(status, project.statuses(), project.terms())
            event = launch(project, status.phase, project.run.id, held, host)
            if isinstance(event, Launched):
                launched.append(status.phase.id)
            elif event.code != AWAY:
                failed.append(event)
                if event.code == NO_ROOM:
                    # nor is there for the next one, which stays ready
                    return Filled(tuple(launched), tuple(failed))


def owes_a_launch(project: Project, statuses: tuple[PhaseStatus, ...] | None = None) -> bool:
    """Tell whether a launch was cut off, or a run that is on has room for a phase that nobody has seen to.

    Without its session a run is not on: after a reboot, who only looks starts no agent. `statuses` are those of this
    moment, where they are known.
    """
    if project.fault is not None:
        return False
    terms = project.terms()
    statuses = project.statuses() if statuses is None else statuses
    found = chosen(statuses, terms)
    if found is None or not is_on(statuses, terms.run):
        return False
    return half_launched(found) or session_id(project, project.terminal) is not None


def unreadable(project: Project) -> tuple[str, ...]:
    """Name the files of boards that cannot be read, each with its line."""
    return tuple(f"{phase.id}/{bad.path}:{bad.line}" for phase in project.board.phases for bad in phase.broken)


def _told(project: Project) -> tuple[AnyEvent, ...]:
    """Journal, once, which phases a commit brought to the base or took from it while the run is on."""
    run, broken = project.run, unreadable(project)
    there = tuple(phase.id for phase in project.board.phases)
    if not run.boards or run.stopped or (there, broken) == (run.boards, run.unreadable):
        return ()
    event = BoardsChanged(
        run=run.id,
        boards=there,
        added=tuple(phase for phase in there if phase not in run.boards),
        removed=tuple(phase for phase in run.boards if phase not in there),
        unreadable=broken,
    )
    project.place.records.append(event)
    return (event,)
