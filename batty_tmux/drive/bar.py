"""What tmux's status line shows, pushed as options when it changes. No redraw ever starts a program.

Each option that is set redraws every client, so all go in one call and only when one of them is another.
"""

from dataclasses import dataclass, field

from batty_tmux.core.attention import hold
from batty_tmux.core.board import Phase
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.report import GLYPHS, TONES, explain
from batty_tmux.core.status import PhaseStatus, derive
from batty_tmux.core.supervise import HOLDS_A_SLOT, Watch
from batty_tmux.drive.notify import refresh
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, WindowId, clean

HOLD = "@batty_hold"
"""Option of a phase's window: "paused" by a person, "you" while one types there, "" while supervision is at it."""


@dataclass
class Bar:
    project: Project
    phase: PhaseId
    shown: dict[str, str | None] = field(default_factory=dict)
    board: Phase | None = None
    state: str = ""
    seen: tuple[object, ...] = ()

    def show(self, watch: Watch, folded: int, own: Phase | None, sees: str) -> None:
        """Push the phase's state, task and progress into its window's options, if anything happened to it.

        `own` is the worktree's own board, `sees` what the executor is seen to do. `folded` counts the phase's events:
        deriving the state asks git, so it is not done for nothing.
        """
        self.board = own
        task = self.board.current if self.board else None
        seen = (folded, self.board and (self.board.done, self.board.total), task and task.id, sees)
        if seen == self.seen:
            return
        self.seen = seen
        status = self._status(watch)
        board = self.board or status.phase
        task = board.current
        options: dict[str, str | None] = {
            "@batty_state": status.state,
            "@batty_glyph": GLYPHS[status.state],
            "@batty_tone": TONES.get(status.state, "calm"),
            "@batty_task": clean(task.title) if task else "",
            "@batty_progress": f"{board.done}/{board.total}",
            "@batty_says": clean(status.says),
            "@batty_sees": sees,
            HOLD: hold(watch),
        }
        if watch.launched is not None and options != self.shown:
            self.project.terminal.set_window(WindowId(watch.launched.window), options)
            self.shown = options
        if status.state != self.state:
            self.state = status.state
            # opened anew: a landing since may have changed every board
            show_summary(Project.around(self.project.place.home, self.project.base.name))

    def _status(self, watch: Watch) -> PhaseStatus:
        """Return the phase's status. While it holds a slot its own journal and board tell it: git is not asked.

        This comes between a dialog and the next one, in every window.
        """
        if watch.state in HOLDS_A_SLOT and self.board is not None:
            return derive(self.board, watch, Queue(), (), self.board)
        return Project.around(self.project.place.home, self.project.base.name).status(self.phase)

    def attention(self) -> None:
        attention(self.project)

    def tell(self, refused: BattyError) -> None:
        """Say in the orchestrator's pane why what was typed there did nothing."""
        for text in explain(refused):
            print(text, flush=True)  # noqa: T201 -- this pane is where the user reads


def show_summary(project: Project) -> None:
    """Push the counts of the whole run into the session's options."""
    refresh(project)


def attention(project: Project) -> None:
    """Tell a person of what has come to wait for them: the same look as for the counts, which tells of it once."""
    refresh(project)
