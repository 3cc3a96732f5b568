"""A supervisor's post: the phase it watches, what has happened to it, and the tmux server it speaks to."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from batty_tmux.core import supervise
from batty_tmux.core.events import AnyEvent, LimitOver, Prompted
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.executor import family_of
from batty_tmux.drive.project import Project
from batty_tmux.host.terminal import PaneFacts, Terminal
from batty_tmux.names import PaneId, PhaseId, RunId

Heed = Callable[[AnyEvent], None]


@dataclass
class Post:
    """What all senses of one supervisor share. All that must outlive it is in the journal.

    `heeding` are told each event of the phase once it is folded, whoever journaled it. `folded` counts them;
    `prompts` how many prompts the phase had, in all its launches.
    """

    project: Project
    phase: PhaseId
    run: RunId
    heeding: list[Heed] = field(default_factory=list)
    watch: Watch = field(init=False)
    folded: int = 0
    prompts: int = 0
    limit_ended: datetime | None = None
    _read: int = 0
    _news: deque[AnyEvent] = field(default_factory=deque)
    _folding: bool = False

    def __post_init__(self) -> None:
        self.watch = Watch(self.phase)
        heeding, self.heeding = self.heeding, []
        self.refresh()
        self.heeding = heeding
        if self.watch.launched is not None:
            self.project.connect(self.watch.launched.session)

    @property
    def terminal(self) -> Terminal:
        return self.project.terminal

    @property
    def folder(self) -> Path:
        return self.project.place.phase_folder(self.run, self.phase)

    @property
    def worktree(self) -> str:
        return self.watch.launching.worktree if self.watch.launching else ""

    @property
    def family(self) -> str:
        return family_of(self.project, self.watch.agent)

    @property
    def running(self) -> bool:
        """Whether the executor is at work, as far as the journal knows."""
        return self.watch.state in supervise.HOLDS_A_SLOT and self.watch.executor == "running"

    @property
    def pane(self) -> PaneId | None:
        """The executor's pane; None before there is one."""
        return PaneId(self.watch.launched.pane) if self.watch.launched else None

    def refresh(self) -> None:
        """Read what the journal has got since, fold it, and tell it to who heeds it."""
        records = self.project.place.records
        records.refresh()
        self._news.extend(e for e in records.events[self._read :] if getattr(e, "phase", None) == self.phase)
        self._read = len(records.events)
        if self._folding:
            # whoever heeds an event may journal another, which comes after those that are there already
            return
        self._folding = True
        try:
            while self._news:
                self._fold(self._news.popleft())
        finally:
            self._folding = False

    def _fold(self, event: AnyEvent) -> None:
        self.watch = supervise.apply(self.watch, event)
        self.folded += 1
        self.prompts += isinstance(event, Prompted)
        if isinstance(event, LimitOver):
            self.limit_ended = event.at
        for heed in self.heeding:
            heed(event)

    def record(self, *events: AnyEvent) -> None:
        """Journal what has happened, in one write, and fold it."""
        self.project.place.records.append(*events)
        self.refresh()

    def facts(self) -> PaneFacts | None:
        """Return what tmux says of the executor's pane; None where it, or its server, is gone."""
        launched = self.watch.launched
        if launched is None or self.terminal.identity() != launched.server:
            return None
        return next((pane for pane in self.terminal.panes() if pane.pane == launched.pane), None)
