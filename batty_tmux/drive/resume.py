"""Go on from wherever everything was left: the journal says what is owed, tmux and git say what is there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batty_tmux.core import queue_plan
from batty_tmux.core.attention import waiting
from batty_tmux.core.coming_back import Found, Opened
from batty_tmux.core.events import RunResumed
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import HOLDS_A_SLOT, Watch
from batty_tmux.drive.aftermath import look_back
from batty_tmux.drive.command_log import settle_left
from batty_tmux.drive.executor import agent_of, end_unseen, is_continued
from batty_tmux.drive.fill import fill, owes_a_launch
from batty_tmux.drive.hooks import dress, remember_environment, summon_lander
from batty_tmux.drive.mending import mend
from batty_tmux.drive.project import Project, program
from batty_tmux.drive.remnants import Remnant, give_place, remnants, why_it_stays
from batty_tmux.drive.runs import start_stopped
from batty_tmux.drive.windows import ensure_home, ensure_session, find_window, home_window, open_window, session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.lock import exclusive
from batty_tmux.host.terminal import PaneFacts
from batty_tmux.names import PaneId, PhaseId, RunId, WindowId

_NEEDS_A_WINDOW = frozenset({"working", "asking", "stuck", "checking", "reviewing", "queued", "held", "failed"})


@dataclass(frozen=True)
class Mended:
    """What was found wanting and put right."""

    supervisors: tuple[PhaseId, ...] = ()
    lander: bool = False


def look_after(project: Project, statuses: tuple[PhaseStatus, ...] | None = None) -> Mended:
    """Do what is owed: respawn dead supervisors, start a lander, launch what a run that is on has room for.

    Every command begins with this. Windows that are gone come back with `batty resume` only. `statuses` are those of
    this moment, where they are known.
    """
    if owes_a_launch(project, statuses):
        fill(project, patient=False)
    return Mended(revive_supervisors(project), wake_lander(project))


def revive_supervisors(project: Project) -> tuple[PhaseId, ...]:
    """Respawn the supervisors whose panes are there and dead; return their phases."""
    active = _active(project)
    panes = _panes(project) if active else {}
    return tuple(watch.phase for watch in active if _revive(project, watch, panes))


def come_back(project: Project, environ: Mapping[str, str], base: str = "") -> Found:
    """Go on with the newest run, whatever had ended; return what was found and done. `base` is its branch's new name.

    It may be done while everything runs, and by several at once: each does what is still missing.
    """
    place, run = project.place, project.run
    before = look_back(project)
    if run.stopped or (base and base != run.base):
        place.records.append(RunResumed(run=run.id, base=base))
    if run.stopped:
        start_stopped(project)
    with exclusive(place.fill_lock):
        place.records.refresh()
        found = _bring_back(project, environ, before)
    launched = fill(project)
    lander = wake_lander(project)
    project = Project.at(place, project.base.name)
    queue = project.queue()
    statuses = project.statuses()
    return replace(
        found,
        launched=launched.launched,
        lander=lander,
        gate=project.fault is None and bool(project.config.gate.command.strip()),
        queued=tuple(s.phase.id for s in statuses if s.state in {"queued", "gating"}),
        waits=tuple(one.name for one in waiting(statuses, now(), queue)),
        next=next((one.command for one in waiting(statuses, now(), queue) if one.command), "batty attach"),
        stays=(*found.stays, *((failure.phase, failure.reason) for failure in launched.failed)),
    )


def _bring_back(project: Project, environ: Mapping[str, str], before: Found) -> Found:
    """Open the windows that are gone, as after a reboot; close those that were restored without their programs."""
    left = remnants(project)
    session = ensure_session(project, project.run.id, environ)
    if any(old.session == session for old in left):
        # a session of ours that was restored: its own options were not
        dress(project.terminal, session)
    if any(old.phase is None for old in left):
        ensure_home(project)
    remember_environment(project.terminal, session, environ)
    for folder in (project.place.state / "runs").glob("*/*/"):
        settle_left(folder)
    opened: list[Opened] = []
    revived: list[PhaseId] = []
    stays: list[tuple[PhaseId, str]] = []
    notes = list(before.notes)
    states = {status.phase.id: str(status.state) for status in project.statuses()}
    for watch in _active(project):
        try:
            notes += mend(project, watch)
            if _revive(project, watch, _panes(project)):
                revived.append(watch.phase)
            elif (busy := next((r for r in left if r.phase == watch.phase and r.runs), None)) is not None:
                stays.append((watch.phase, why_it_stays(busy)))
            elif find_window(project.terminal, project, watch.phase, RunId(watch.run)) is None:
                opened.append(_open(project, watch, states[watch.phase]))
        except BattyError as problem:
            stays.append((watch.phase, "; ".join((problem.what, *problem.evidence[:2]))))
    closed = tuple(old.name for old in left if give_place(project.terminal, old, _window_of(project, old)))
    return replace(
        before,
        opened=tuple(opened),
        supervisors=tuple(revived),
        closed=closed,
        notes=tuple(notes),
        stays=tuple(stays),
    )


def _open(project: Project, watch: Watch, state: str) -> Opened:
    end_unseen(project, watch)
    begins = watch.state in HOLDS_A_SLOT and not watch.is_done
    goes_on = begins and is_continued(watch, agent_of(project, watch.phase))
    project.place.records.append(open_window(project, watch))
    return Opened(watch.phase, state, "conversation" if goes_on else "anew" if begins else "waits")


def _window_of(project: Project, old: Remnant) -> WindowId | None:
    """Return the window that takes a remnant's place: its phase's, or the home window."""
    if old.phase is not None:
        there = find_window(project.terminal, project, old.phase, old.run)
        return there.window if there is not None else None
    return home_window(project)


def wake_lander(project: Project) -> bool:
    """Start a lander if the queue calls for anything; it leaves at once if another holds the lock."""
    if project.fault is not None or not project.config.gate.command.strip():
        return False
    queue = project.queue()
    if not queue.tip or not queue_plan.owed(queue) or queue_plan.rests(queue, now()):
        return False
    summon_lander(project, session_id(project, project.terminal))
    return True


def _active(project: Project) -> list[Watch]:
    if project.run.stopped:
        return []
    watches = [project.watch(phase.id) for phase in project.phases]
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
