"""What had ended when somebody comes back, and for how long: read before anything is mended."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from batty_tmux.core.coming_back import Ended, Found
from batty_tmux.core.supervise import HOLDS_A_SLOT, Watch
from batty_tmux.drive.executor import exit_status
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.host.clock import now
from batty_tmux.host.offspring import booted

_SCARCE: Final = 64 << 20
"""Bytes on the disk below which a journal, a gate's worktree or a commit may soon not fit."""


def look_back(project: Project) -> Found:
    """Tell what had ended, how long ago the last sign of life was, and what the journal did not hear of."""
    watches = [project.watch(phase.id) for phase in project.board.phases]
    last, at = _last_sign(project), now()
    since = booted()
    anew = since is not None and last is not None and since > last
    return Found(
        ended=_ended(project, watches, anew=anew),
        quiet=None if last is None else max(0, int((at - last).total_seconds())),
        up=int((at - since).total_seconds()) if since is not None and anew else None,
        notes=(*_unheard(project, watches), *_of_the_journal(project.place), *_of_the_disk(project.place)),
    )


def _ended(project: Project, watches: list[Watch], *, anew: bool) -> Ended:
    launched = [watch.launched for watch in watches if watch.launched is not None]
    server = project.terminal.identity()
    there = {pane.pane for pane in project.terminal.panes()}
    if launched and all(one.server != server for one in launched):
        return "machine" if anew else "tmux"
    if project.run.stopped:
        return "stop"
    kept = [watch.launched for watch in watches if watch.launched is not None and not watch.closed]
    return "windows" if any(one.server != server or one.pane not in there for one in kept) else ""


def _last_sign(project: Project) -> datetime | None:
    """Return when anything was last written: to the journal, or by a supervisor or an executor of the run."""
    events = project.place.records.events
    folder = project.place.state / "runs" / project.run.id
    written = [datetime.fromtimestamp(seconds, UTC) for seconds in _times(folder)]
    told = [events[-1].at] if events else []
    present = now()
    return max((at for at in (*told, *written) if at <= present), default=None)


def _times(folder: Path) -> Iterator[float]:
    for path in folder.glob("*/*"):
        try:
            yield path.lstat().st_mtime
        except FileNotFoundError:
            continue


def _unheard(project: Project, watches: list[Watch]) -> Iterator[str]:
    """Name the executors that ended while nobody wrote it down: their supervisors had died, or the disk was full."""
    server = project.terminal.identity()
    for watch in watches:
        # where tmux has ended, its executors ended of that
        there = watch.launched is not None and watch.launched.server == server
        if there and watch.state in HOLDS_A_SLOT and watch.executor == "running":
            status = exit_status(project, watch)
            if status is not None:
                yield f"{watch.phase}: its executor had ended with status {status}, and the journal had not heard of it"


def _of_the_journal(place: Place) -> Iterator[str]:
    if place.records.journal.size() > place.records.offset:
        yield "the journal's last line was cut off, as on a full disk: what it said is found out from git and tmux"
    if place.records.unreadable:
        yield f"{place.records.unreadable} lines of the journal cannot be read: batty doctor"


def _of_the_disk(place: Place) -> Iterator[str]:
    free = shutil.disk_usage(place.state).free
    if free < _SCARCE:
        yield f"only {free >> 20} MiB are free on the disk of {place.state}: df -h {place.state}"
