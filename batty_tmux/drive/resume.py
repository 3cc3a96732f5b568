"""Go on from wherever everything was left: the journal says what is owed, tmux and git say what is there."""

from collections.abc import Mapping
from dataclasses import dataclass

from batty_tmux.core import queue_plan
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.executor import end_unseen
from batty_tmux.drive.fill import cut_off, fill
from batty_tmux.drive.gate_log import settle_left
from batty_tmux.drive.hooks import summon_lander
from batty_tmux.drive.project import Project, program
from batty_tmux.drive.windows import find_window, open_window, session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.terminal import PaneFacts
from batty_tmux.names import PaneId, PhaseId, RunId

_NEEDS_A_WINDOW = frozenset({"working", "asking", "stuck", "checking", "reviewing", "queued", "held", "failed"})


@dataclass(frozen=True)
class Mended:
    """What was found wanting and put right."""

    supervisors: tuple[PhaseId, ...] = ()
    windows: tuple[PhaseId, ...] = ()
    lander: bool = False


def look_after(project: Project, statuses: tuple[PhaseStatus, ...] | None = None) -> Mended:
    """Do what is owed without opening anything: respawn dead supervisors, start a lander if one is due.

    Every command begins with this. Windows that are gone come back with `batty resume` only. `statuses` are those of
    this moment, where they are known.
    """
    if project.fault is None and cut_off(project.statuses() if statuses is None else statuses, project.run):
        fill(project)
    return Mended(revive_supervisors(project), (), wake_lander(project))


def revive_supervisors(project: Project) -> tuple[PhaseId, ...]:
    """Respawn the supervisors whose panes are there and dead; return their phases."""
    active = _active(project)
    panes = _panes(project) if active else {}
    return tuple(watch.phase for watch in active if _revive(project, watch, panes))


def bring_back(project: Project) -> Mended:
    """Open the windows that are gone, as after a reboot, and do everything else that is owed."""
    windows: list[PhaseId] = []
    for folder in (project.place.state / "runs").glob("*/*/"):
        settle_left(folder)
    for watch in _active(project):
        if _revive(project, watch, _panes(project)):
            continue
        if find_window(project.terminal, project, watch.phase, RunId(watch.run)) is None:
            end_unseen(project, watch)
            project.place.records.append(open_window(project, watch))
            windows.append(watch.phase)
    return Mended((), tuple(windows), wake_lander(project))


def wake_lander(project: Project) -> bool:
    """Start a lander if the queue calls for anything; it leaves at once if another holds the lock."""
    if project.fault is not None or not project.config.gate.command.strip():
        return False
    queue = project.queue()
    if not queue.tip or not queue_plan.owed(queue):
        return False
    summon_lander(project, session_id(project, project.terminal))
    return True


def _active(project: Project) -> list[Watch]:
    if project.run.stopped:
        return []
    watches = [project.watch(phase.id) for phase in project.board.phases]
    return [watch for watch in watches if watch.launched is not None and watch.state in _NEEDS_A_WINDOW]


def _revive(project: Project, watch: Watch, panes: Mapping[tuple[str, str], PaneFacts]) -> bool:
    """Respawn the phase's supervisor if its pane is there and dead."""
    launched = watch.launched
    pane = panes.get((launched.server, launched.orchestrator)) if launched is not None else None
    if pane is None or not pane.dead:
        return False
    argv = (*program(), "--repo", str(project.place.home), "supervise", watch.phase, "--run", watch.run)
    done = project.terminal.respawn(PaneId(pane.pane), argv, project.place.home, {})
    if not done.ok:
        raise BattyError("respawn", f"tmux did not respawn the supervisor of {watch.phase}", next="batty doctor")
    return True


def _panes(project: Project) -> dict[tuple[str, str], PaneFacts]:
    """List the panes that there are by server and id: ids of another tmux server say nothing."""
    server = project.terminal.identity()
    return {} if server is None else {(server, pane.pane): pane for pane in project.terminal.panes()}
