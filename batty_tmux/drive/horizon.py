"""Notice what nobody is told of: a commit of somebody's on the base, and the run's window that opens or ends.

A look is a few `stat` calls and the clock. git is asked only when the base moved, and boards are read only when what
moved is theirs and not batty's own landing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from batty_tmux.core.events import AnyEvent, Landing
from batty_tmux.core.status import NO_RUN, Run, current_run
from batty_tmux.core.window import Stage
from batty_tmux.drive.fill import fill
from batty_tmux.drive.notify import refresh
from batty_tmux.drive.project import BOARDS, SETTINGS, Project
from batty_tmux.host.clock import now
from batty_tmux.host.files import stamp

_Stamps = tuple[tuple[int, int, int] | None, ...]


@dataclass
class Horizon:
    """What was there at the last look."""

    refs: _Stamps | None = None
    content: str = ""
    stage: Stage | None = None
    run: Run = NO_RUN
    _read: int = field(default=0, repr=False)

    def changed(self, project: Project) -> bool:
        """Look once; tell whether boards or settings on the base, or the stage of the window, are others than before.

        The first look finds no change.
        """
        stage = self._stage(project)
        refs = self._refs(project)
        if (refs, stage) == (self.refs, self.stage):
            return False
        first, before = self.refs is None, (self.content, self.stage)
        if refs != self.refs:
            self.content = self._content(project)
        self.refs, self.stage = refs, stage
        return not first and (self.content, self.stage) != before and not (stage == before[1] and _is_ours(project))

    def forget(self) -> None:
        """Take the next look for one that finds a change."""
        self.refs, self.content, self.stage = (), "", None

    def go(self, project: Project, tell: Callable[[AnyEvent], None]) -> None:
        """Look, and launch what has come into reach; tell of boards that came or went, and of a window's end."""
        before = self.stage
        if not self.changed(project):
            return
        filled = fill(project, patient=False)
        if not filled.done:
            # who has the lock may have read the boards before they changed
            self.forget()
            return
        for event in filled.news:
            tell(event)
        if self.stage != before:
            refresh(project)

    def _stage(self, project: Project) -> Stage:
        events = project.place.records.events
        if len(events) != self._read:
            self.run = current_run(events[self._read :], self.run)
            self._read = len(events)
        return self.run.window.stage(now())

    def _refs(self, project: Project) -> _Stamps:
        """Stamp the files in which git may keep where the base is."""
        common = project.place.git.common_folder
        names = (project.base.ref, "packed-refs", "reftable/tables.list")
        return tuple(stamp(common / name) for name in names)

    def _content(self, project: Project) -> str:
        return project.place.git.say("ls-tree", "--full-tree", project.base.ref, "--", SETTINGS, BOARDS)


def _is_ours(project: Project) -> bool:
    """Tell whether the base is where a landing put it: the lander sees to the windows that this frees."""
    tip = project.place.git.tip(project.base.ref)
    events = project.place.records.events
    return any(isinstance(event, Landing) and event.candidate == tip for event in reversed(events))
