"""Keep as many windows at work as the run asks for: called by whoever freed a slot or changed a dependency."""

from dataclasses import dataclass

from batty_tmux.core.events import Launched, LaunchFailed
from batty_tmux.core.plan import ready
from batty_tmux.core.status import PhaseStatus, Run
from batty_tmux.drive.project import Project
from batty_tmux.drive.windows import launch
from batty_tmux.host.lock import exclusive
from batty_tmux.names import PhaseId

_ONE_AT_A_TIME = frozenset({"reviewing", "queued", "gating", "deferred"})


@dataclass(frozen=True)
class Filled:
    launched: tuple[PhaseId, ...]
    failed: tuple[LaunchFailed, ...]


def fill(project: Project) -> Filled:
    """Launch ready phases, first in natural order, until the run's windows are full.

    A phase whose launch was cut off by a crash comes first. Serialized by the fill lock.
    """
    launched: list[PhaseId] = []
    failed: list[LaunchFailed] = []
    with exclusive(project.place.fill_lock) as held:
        while True:
            project = Project.at(project.place, project.base)
            if project.fault is not None:
                return Filled(tuple(launched), tuple(failed))
            run = project.run
            status = _next(project.statuses(), run)
            if status is None:
                return Filled(tuple(launched), tuple(failed))
            event = launch(project, status.phase, run.id, held)
            if isinstance(event, Launched):
                launched.append(status.phase.id)
            else:
                failed.append(event)


def _next(statuses: tuple[PhaseStatus, ...], run: Run) -> PhaseStatus | None:
    if run.stopped or not run.id:
        return None
    half = next((s for s in statuses if half_launched(s)), None)
    if half is not None:
        return half
    if sum(takes_a_slot(status, run.parallel) for status in statuses) >= run.parallel:
        return None
    idle = [s.phase.id for s in statuses if s.state == "ready" and wanted(s.phase.id, run)]
    landed = [s.phase.id for s in statuses if s.state == "landed"]
    can = ready([s.phase for s in statuses], idle, landed)
    return next((s for s in statuses if can and s.phase.id == can[0].id), None)


def cut_off(statuses: tuple[PhaseStatus, ...], run: Run) -> bool:
    """Tell whether a launch, or a whole run, was killed before its first window was open."""
    if run.stopped or not run.id:
        return False
    begun = any(status.watch.run == run.id for status in statuses)
    ready_ones = any(status.state == "ready" and wanted(status.phase.id, run) for status in statuses)
    return any(half_launched(status) for status in statuses) or (not begun and ready_ones)


def half_launched(status: PhaseStatus) -> bool:
    watch = status.watch
    return watch.launching is not None and watch.launched is None and watch.state == "working"


def takes_a_slot(status: PhaseStatus, parallel: int) -> bool:
    """Tell whether a phase keeps a window busy; one at a time, until it has landed or waits for a person."""
    return status.holds_a_slot or (parallel == 1 and status.state in _ONE_AT_A_TIME)


def wanted(phase: PhaseId, run: Run) -> bool:
    return not run.wanted or phase in run.wanted
