"""Watches a repository for somebody who looks at it all the time, at the price of what has changed.

What moves is told by a few `stat` calls. git and tmux are asked only then, and now and then for what no file tells, in
one thread: however slow git is, nobody's keys wait for it, and no second look is begun beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from batty_tmux.core import radar
from batty_tmux.core.attention import hold, hold_line
from batty_tmux.core.board import Phase
from batty_tmux.core.dashboard import Facts
from batty_tmux.core.queue_report import standstill_lines
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.report import collision_lines
from batty_tmux.core.status import PhaseStatus, Run
from batty_tmux.core.supervise import Watch
from batty_tmux.drive import neighbours
from batty_tmux.drive.glance import Stamp, of_board
from batty_tmux.drive.project import BOARDS, Project, board_in_worktree
from batty_tmux.drive.resume import look_after
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.names import PhaseId, Sha, clean

_LOOK = 0.25
"""Seconds between two looks at the journal's size and at where the base is."""
_BOARDS = 12
"""Every so many of them also go to the boards in the worktrees."""
_MEND, _DEFERRED = 30.0, 10.0
"""Seconds between two looks at what is owed, such as a supervisor that has died; the fewer while a landing is deferred,
since a person who has cleared its way waits for it."""
_COMMITTED = 3
"""Every so many of those ask git what of settings and boards is not committed."""
_REST = 4
"""How many times as long as a look has taken it rests after it: while much happens, it takes a fifth of a core."""


@dataclass
class Lookout:
    """Call `watch` in a thread of its own, and `end` from any other."""

    project: Project
    _at: tuple[Sha | None, Run] | None = None
    _files: tuple[object, ...] = ()
    _boards: dict[PhaseId, tuple[Path, Stamp, Phase | None]] = field(default_factory=dict)
    _uncommitted: tuple[str, ...] | None = None
    _patience: float = _MEND
    _ended: Event = field(default_factory=Event, repr=False)
    _bell: Event = field(default_factory=Event, repr=False)

    def watch(self, tell: Callable[[Facts | BattyError], None]) -> None:
        """Tell what is there, and again whenever it is something else, until `end`."""
        told: Facts | BattyError | None = None
        looks, mended, mends = 0, -_MEND, 0
        while not self._ended.is_set():
            began, looks = monotonic(), looks + 1
            due = began - mended >= self._patience
            if due:
                mends += 1
                self._uncommitted = None if mends % _COMMITTED == 1 else self._uncommitted
            if due or self.stirred(boards=looks % _BOARDS == 0) or self._bell.is_set():
                self._bell.clear()
                found = self._seen(mends=due)
                mended = monotonic() if due else mended
                if not _same(found, told):
                    tell(found)
                    told = found
            self._bell.wait(min(_DEFERRED, max(_LOOK, _REST * (monotonic() - began))))

    def look_now(self) -> None:
        """Have the next look come at once."""
        self._bell.set()

    def end(self) -> None:
        self._ended.set()
        self._bell.set()

    def stirred(self, *, boards: bool = True) -> bool:
        """Tell whether a file says that something may be another than at the last look."""
        if self._stamp() != self._files:
            return True
        return boards and any(of_board(folder) != stamp for folder, stamp, _ in self._boards.values())

    def look(self) -> Facts:
        """Look at everything. Raises BattyError where that cannot be."""
        self._files = self._stamp()
        self._open()
        project = self.project
        queue, statuses = project.queue(), project.statuses(self._board)
        return Facts(
            project.place.name, project.run, str(project.base), queue, statuses, self._notes(project, queue, statuses)
        )

    def _seen(self, *, mends: bool) -> Facts | BattyError:
        try:
            facts = self.look()
            if mends:
                done = look_after(self.project, facts.statuses)
                facts = self.look() if done.supervisors else facts
        except BattyError as refused:
            self._patience = _DEFERRED
            return refused
        self._patience = _DEFERRED if any(status.state == "deferred" for status in facts.statuses) else _MEND
        return facts

    def _stamp(self) -> tuple[object, ...]:
        """Stamp what moves when anything happens: the journal, and where git keeps the base."""
        common = self.project.place.state.parent
        refs = (self.project.base.ref, "packed-refs", "reftable/tables.list")
        return (self.project.place.records.journal.size(), *(_moment(common / ref) for ref in refs))

    def _open(self) -> None:
        """Read settings and boards again where the base is another, or the run."""
        place = self.project.place
        place.records.refresh()
        if self._where() != self._at:
            self.project = Project.at(place)
            self._at = self._where()
            self._uncommitted = None

    def _where(self) -> tuple[Sha | None, Run]:
        return self.project.place.git.tip(self.project.base.ref), self.project.run

    def _board(self, watch: Watch) -> Phase | None:
        """Read a phase's own board, unless none of its files is another."""
        if watch.launching is None or watch.host:
            return self.project.board_of(watch)
        folder = Path(watch.launching.worktree) / BOARDS / watch.phase
        stamp = of_board(folder)
        known = self._boards.get(watch.phase)
        if known is None or known[:2] != (folder, stamp):
            known = (folder, stamp, board_in_worktree(watch))
            self._boards[watch.phase] = known
        return known[2]

    def _notes(self, project: Project, queue: Queue, statuses: tuple[PhaseStatus, ...]) -> tuple[str, ...]:
        """Return what wants to be read beside states, each with its command on the same line."""
        if self._uncommitted is None:
            self._uncommitted = project.uncommitted_words()
        seen = radar.fold(project.place.records.events)
        by = [(s.phase.id, hold(s.watch)) for s in statuses if s.holds_a_slot]
        told = [_one_line(standstill_lines(queue))] if queue.paused is not None else []
        shared = neighbours.lines(project)
        told += [_one_line(shared)] if shared else []
        told += [hold_line(phase, why) for phase, why in by if why]
        told += collision_lines({phase: radar.of(seen, phase) for phase in seen.told}, str(project.base))
        told += [_one_line(self._uncommitted)] if self._uncommitted else []
        told += [f"! {clean(broken, 300)}" for broken in project.broken_words()]
        return tuple(told if statuses else [*told, f"{project.base} has no phases in kanban/   ↳ next: batty init"])


def _one_line(lines: tuple[str, ...] | list[str]) -> str:
    return "   ".join(line.strip() for line in lines)


def _moment(file: Path) -> tuple[int, int]:
    try:
        told = file.stat()
    except OSError:
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)


def _same(found: Facts | BattyError, told: Facts | BattyError | None) -> bool:
    if isinstance(found, BattyError):
        return isinstance(told, BattyError) and (found.code, found.what) == (told.code, told.what)
    return found == told
