"""Whether a phase's work moved, at the price of a few `stat` calls: its board's files, and its branch's log."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.core.board import Phase
from batty_tmux.core.watch import Watch
from batty_tmux.drive.project import BOARDS, board_in_worktree
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha

Stamp = tuple[tuple[str, int, int], ...]


@dataclass
class Glance:
    """What was there at the last look. `board` and `head` are read again only when their files are others."""

    board: Phase | None = None
    head: Sha | None = None
    _board: Stamp = ()
    _head: Stamp = ()
    _log: Path | None = field(default=None, repr=False)

    def look(self, watch: Watch) -> tuple[bool, bool]:
        """Look once; return whether the board, and whether the branch's tip, is another than at the look before."""
        if watch.launching is None:
            return False, False
        worktree = Path(watch.launching.worktree)
        return self._look_at_board(worktree, watch), self._look_at_head(worktree)

    def _look_at_board(self, worktree: Path, watch: Watch) -> bool:
        found = of_board(worktree / BOARDS / watch.phase)
        if found == self._board:
            return False
        known, before, self._board = bool(self._board), self.board, found
        self.board = board_in_worktree(watch)
        return known and self.board != before

    def _look_at_head(self, worktree: Path) -> bool:
        if self._log is None and worktree.is_dir():
            self._log = Git(worktree).private("logs/HEAD")
        stamp = _stamp_of(self._log) if self._log is not None else ()
        if stamp == self._head:
            return False
        self._head = stamp
        before, self.head = self.head, Git(worktree).tip("HEAD")
        return before is not None and self.head != before


def of_board(folder: Path) -> Stamp:
    """Return what is another as soon as a file of the board in that folder is."""
    return (*_stamp(folder), *_stamp(folder / "tasks"))


def _stamp(folder: Path) -> Stamp:
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in entries]
    except OSError:
        return ()
    return tuple(sorted(found))


def _stamp_of(file: Path) -> Stamp:
    try:
        told = file.stat()
    except OSError:
        return ()
    return ((file.name, told.st_mtime_ns, told.st_size),)
