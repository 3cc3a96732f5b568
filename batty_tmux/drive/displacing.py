"""A phase whose host does not answer begins elsewhere; what is left of it there is ended when the host comes back."""

from datetime import timedelta
from typing import Final

from batty_tmux.core.afar import Leftover, leftovers
from batty_tmux.core.events import AttemptEnded, LaunchFailed
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.hosting import Afar
from batty_tmux.drive.project import Project, program
from batty_tmux.drive.windows import find_window
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import attempt
from batty_tmux.host.process import detach
from batty_tmux.names import RunId

_EVERY: Final = timedelta(seconds=30)
_IDLE: Final = frozenset({"ready", "blocked", "landed"})


def displace(project: Project, status: PhaseStatus, host: str) -> None:
    """Have a phase begin on another host, from the last commits that were fetched, unless it is well where it is.

    Raises BattyError for one that works, on a host that answers.
    """
    watch = status.watch
    if status.state in _IDLE or (watch.launching is not None and watch.host == host and watch.lost is None):
        return
    there = watch.host or "this machine"
    if not watch.host or (watch.lost is None and watch.state not in {"held", "failed"}):
        what = f"{watch.phase} is {status.state} on {there}, which answers"
        raise BattyError("at-work", what, next=f"batty attach {watch.phase}")
    if watch.host == host:
        raise BattyError("host-away", f"{host} does not answer", next=f"batty work {watch.phase} --on here")
    reason = f"a person has it begin on {host or 'this machine'}, from its last commits that are here"
    project.place.records.append(
        LaunchFailed(run=RunId(watch.run), phase=watch.phase, where=watch.host, code="displaced", reason=reason)
    )
    window = find_window(project.terminal, project, watch.phase, RunId(watch.run))
    if window is not None:
        project.terminal.kill_window(window.window)


class Settling:
    """Has somebody look, now and then and beside the supervisor's loop, whether a lost host is back."""

    def __init__(self) -> None:
        self._due = monotonic() + _EVERY.total_seconds() / 6

    def go(self, project: Project) -> None:
        if monotonic() < self._due:
            return
        self._due = monotonic() + _EVERY.total_seconds()
        if leftovers(project.place.records.events):
            argv = (*program(), "--repo", str(project.place.home), "hook", "settle")
            detach(argv, cwd=project.place.home, log=project.place.state / "hosts.log")


def settle(project: Project) -> tuple[AttemptEnded, ...]:
    """End what is left of given up launches on the hosts that answer, and fetch what they had committed there."""
    ended: list[AttemptEnded] = []
    with attempt(project.place.state / "settle.lock") as held:
        if held is None:
            return ()
        for left in leftovers(project.place.records.events):
            try:
                _end(project, left)
            except BattyError as problem:
                if problem.code not in {"no-host", "no-clone"}:
                    continue
            event = AttemptEnded(run=RunId(left.run), phase=left.phase, where=left.host, branch=left.branch)
            project.place.records.append(event)
            ended.append(event)
    return tuple(ended)


def _end(project: Project, left: Leftover) -> None:
    afar = Afar.of(project, left.host)
    said = afar.ask("end", left.phase, "--branch", left.branch)
    if said.get("head"):
        afar.fetch(left.branch)
