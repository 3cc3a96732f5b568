"""The lander, and those who hear of what it does: windows to fill, status bars, the radar, the user's hooks."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread

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
from batty_tmux.drive import radar
from batty_tmux.drive.bar import attention, show_summary
from batty_tmux.drive.conflicts import menu
from batty_tmux.drive.fill import fill
from batty_tmux.drive.ground import Lookout
from batty_tmux.drive.hooks import LANDED, caller_environment, fire
from batty_tmux.drive.lander import drain
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import revive_supervisors
from batty_tmux.drive.runs import end_executor
from batty_tmux.drive.windows import session_id

_NEWS = (Landed, Conflicted, Ejected, Refused, Deferred, BaseMoved, PinsChanged)


def land_all(project: Project, tell: Callable[[AnyEvent], None]) -> bool:
    """Land what is approved and start what that frees; False when another lander is at it."""
    revive_supervisors(project)
    environ = caller_environment(project.terminal, session_id(project, project.terminal))
    herald = _Herald(project)

    def known(event: AnyEvent) -> None:
        tell(event)
        if isinstance(event, _NEWS):
            herald.hear(event)

    try:
        mine = drain(Lookout(project.place, project.base.name, environ), known)
    finally:
        herald.finish()
    if mine:
        fresh = Project.at(project.place, project.base.name)
        fill(fresh)
        show_summary(fresh)
    return mine


class _Herald:
    """Tells windows and hooks beside the lander: the next landing does not wait for a window to open.

    What has come in meanwhile is told together. Raises in `finish` what went wrong in telling.
    """

    def __init__(self, project: Project) -> None:
        self._place = Place.around(project.place.home)
        self._base = project.base.name
        self._heard: SimpleQueue[AnyEvent | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._failure: BaseException | None = None
        self._known: radar.Known = {}

    def hear(self, event: AnyEvent) -> None:
        self._heard.put(event)
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Wait until all that was heard has been told."""
        if self._thread is not None:
            self._heard.put(None)
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            going = True
            while going:
                heard = [self._heard.get()]
                while not self._heard.empty():
                    heard.append(self._heard.get())
                going = None not in heard
                self._spread([event for event in heard if event is not None])
        except BaseException as failure:  # noqa: BLE001 -- finish() raises it in the lander's own thread
            self._failure = failure

    def _spread(self, events: Sequence[AnyEvent]) -> None:
        if not events:
            return
        project = Project.at(self._place, self._base)
        session = session_id(project, project.terminal)
        landed = [event.phase for event in events if isinstance(event, Landed)]
        for phase in landed:
            end_executor(project, phase)
            fire(project, session, LANDED)
        if landed:
            radar.look(project, known=self._known)
            fill(project)
        for event in events:
            match event:
                case Conflicted(predicted=False, phase=phase) | Ejected(phase=phase) | Refused(phase=phase):
                    attention(project)
                    menu(project, phase)
                case Deferred() | BaseMoved(known="") | PinsChanged():
                    attention(project)
                case _:
                    pass
