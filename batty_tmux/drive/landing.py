"""The lander: drain the queue, and let everybody know: windows to fill, status bars, the user's hooks."""

from collections.abc import Callable

from batty_tmux.core.events import (
    AnyEvent,
    BaseMoved,
    Conflicted,
    Deferred,
    Ejected,
    Landed,
    PinsChanged,
    Refused,
)
from batty_tmux.drive.bar import attention, show_summary
from batty_tmux.drive.conflicts import menu
from batty_tmux.drive.fill import fill
from batty_tmux.drive.ground import Lookout
from batty_tmux.drive.hooks import LANDED, caller_environment, fire
from batty_tmux.drive.lander import drain
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import revive_supervisors
from batty_tmux.drive.runs import end_executor
from batty_tmux.drive.windows import session_id

_NEWS = (Landed, Conflicted, Ejected, Refused, Deferred, BaseMoved, PinsChanged)


def land_all(project: Project, tell: Callable[[AnyEvent], None]) -> bool:
    """Land what is approved and start what that frees; False when another lander is at it."""
    revive_supervisors(project)
    session = session_id(project, project.terminal)
    environ = caller_environment(project.terminal, session)
    home, base = project.place.home, project.base

    def known(event: AnyEvent) -> None:
        tell(event)
        if isinstance(event, _NEWS):
            _spread(Project.around(home, base), event)

    mine = drain(Lookout(project.place, base, environ), known)
    if mine:
        fresh = Project.around(home, base)
        fill(fresh)
        show_summary(fresh)
    return mine


def _spread(project: Project, event: AnyEvent) -> None:
    """Tell windows and the user's hooks what the queue did. Status bars are each phase's supervisor's to change."""
    session = session_id(project, project.terminal)
    match event:
        case Landed(phase=phase):
            end_executor(project, phase)
            fire(project, session, LANDED)
            fill(project)
        case Conflicted(phase=phase, predicted=False) | Ejected(phase=phase) | Refused(phase=phase):
            attention(project)
            menu(project, phase)
        case Deferred() | BaseMoved(known="") | PinsChanged():
            attention(project)
        case _:
            pass
