"""Read a board from disk, and change one of its tasks so that no two agents get the same one.

Every change holds an exclusive lock on `<board>/.lock` (the file that kanban-md locks as well) from the first
read to the last write.
"""

import json
import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from batty_tmux.core.board import (
    Broken,
    Phase,
    Task,
    claimed,
    moved,
    over_limit,
    parse_config,
    parse_phase,
    parse_task,
    pick,
    released,
)
from batty_tmux.core.board_config import BoardConfig
from batty_tmux.core.board_report import visible
from batty_tmux.core.frontmatter import stamp
from batty_tmux.errors import BattyError
from batty_tmux.host import files
from batty_tmux.host.clock import now as time_now
from batty_tmux.host.lock import exclusive
from batty_tmux.names import PhaseId

LOCK_SECONDS = 30.0
_LONGEST_CLAIM = 100


@dataclass(frozen=True)
class Opened:
    """A board as it was read, with the text of each of its tasks."""

    folder: Path
    phase: Phase
    texts: dict[str, str]

    def file(self, task: Task) -> Path:
        return self.folder / task.path


@dataclass(frozen=True)
class Change:
    """What a pick or a move did; `old_status` is None when the task stayed in its column."""

    task: Task
    old_status: str | None
    file: Path
    warnings: tuple[str, ...] = ()


def find_board(given: str | None, default: str | None, cwd: Path) -> Path:
    """Return the board's folder: the given one, else `default`, else the nearest one upwards from `cwd`."""
    named = given or default
    if named:
        folder = cwd / named
        if (folder / "config.yml").is_file() or (folder / "tasks").is_dir():
            return folder
        source = "--dir" if given else "BATTY_BOARD"
        what = f"{source} names {folder}, which holds neither config.yml nor tasks"
        raise BattyError("board-not-found", what, next=_LIST)
    for above in (cwd, *cwd.parents):
        if (above / "kanban" / "config.yml").is_file():
            return above / "kanban"
        if (above / "config.yml").is_file() and (above / "tasks").is_dir():
            return above
    raise BattyError("board-not-found", "no board here or above: name its folder with --dir", next=_LIST)


_LIST = "batty board list --dir kanban/<phase>"


def _next(folder: Path, words: str) -> str:
    return f"batty board {words} --dir {shlex.quote(str(folder))}"


def open_board(folder: Path) -> Opened:
    """Read a board. Raises BattyError `board-not-found` or `board-unreadable`; broken tasks are in `phase`."""
    text = files.read_text(folder / "config.yml")
    if text is None and not (folder / "tasks").is_dir():
        what = f"{folder} holds neither config.yml nor tasks: name a board with --dir"
        raise BattyError("board-not-found", what, next=_LIST)
    # a phase is launched without the file too, by the defaults: its agent must be able to finish it
    own = {} if text is None else {"config.yml": text}
    config = BoardConfig() if text is None else parse_config(text, "config.yml")
    if isinstance(config, Broken):
        place = f"{folder / config.path}:{config.line}: {config.problem}"
        raise BattyError("board-unreadable", "the board's configuration cannot be read", evidence=(place,), next=_LIST)
    tasks = folder / config.tasks_dir
    if not tasks.resolve().is_relative_to(folder.resolve()):
        raise BattyError("board-unreadable", f"{tasks} leads out of the board", next=_LIST)
    inside = tasks.relative_to(folder)
    texts = {(inside / name).as_posix(): text for name, text in files.read_tree(tasks).items()}
    phase = parse_phase(PhaseId(folder.resolve().name), {**own, **texts})
    return Opened(folder, phase, texts)


def find_task(board: Opened, number: int) -> Task:
    """Return the task with that id; of several, the one whose file is named after it, as kanban-md does."""
    found = [task for task in board.phase.tasks if task.id == number]
    if found:
        return next((task for task in found if _file_number(task.path) == number), found[0])
    broken = [bad for bad in board.phase.broken if _file_number(bad.path) == number]
    if broken:
        evidence = tuple(f"{board.folder / bad.path}:{bad.line}: {bad.problem}" for bad in broken)
        raise BattyError(
            "task-unreadable", f"task #{number} cannot be read", evidence=evidence, next=_next(board.folder, "list")
        )
    raise BattyError("task-not-found", f"task not found: #{number}", next=_next(board.folder, "list"))


def pick_task(
    folder: Path, *, claim: str, status: str | None = None, move: str | None = None, tags: Iterable[str] = ()
) -> Change:
    """Claim the next task, and move it if asked to; no two callers are given the same one.

    Raises BattyError: nothing-to-pick, invalid-status, invalid-claim, wip-limit-exceeded, and what
    `open_board` raises.
    """
    _check_claim_name(claim)
    with exclusive(folder / ".lock", timeout=LOCK_SECONDS):
        board, now = open_board(folder), time_now()
        for name in (status, move):
            if name is not None:
                _check_status(board, name)
        task = pick(board.phase.tasks, board.phase.config, now, status, tags)
        if task is None:
            raise BattyError("nothing-to-pick", "no unblocked, unclaimed tasks found", next=_next(folder, "list"))
        text = board.texts[task.path]
        old = task.status if move is not None and move != task.status else None
        if move is not None and old is not None:
            _check_limit(board, task, move)
            text = moved(text, move, now, board.phase.config)
        change = _write(board, task, claimed(text, claim, now), old)
        _log(folder, now, "claim", task.id, claim)
        if old is not None:
            _log(folder, now, "move", task.id, f"{old} -> {change.task.status}")
        return change


def move_task(folder: Path, number: int, target: Callable[[Opened, Task], str], claim: str | None = None) -> Change:
    """Move a task to the status that `target` names, and claim it if `claim` is given.

    Raises BattyError: task-not-found, task-claimed (by another, not expired), claim-required, invalid-status,
    invalid-claim, wip-limit-exceeded, and what `open_board` raises.
    """
    if claim is not None:
        _check_claim_name(claim)
    with exclusive(folder / ".lock", timeout=LOCK_SECONDS):
        board, now = open_board(folder), time_now()
        task = find_task(board, number)
        status = target(board, task)
        _check_status(board, status)
        _check_owner(board, task, claim, now)
        if task.status == status:
            return Change(task, None, board.file(task))
        _check_entry(board, task, status, claim)
        text = board.texts[task.path]
        if task.claimed_by and task.claimed_by != claim:
            text = released(text)
        text = moved(text, status, now, board.phase.config)
        change = _write(board, task, text if claim is None else claimed(text, claim, now), task.status)
        _log(folder, now, "move", task.id, f"{task.status} -> {status}")
        blocked = (f"task #{task.id} is blocked ({visible(task.block_reason)})",) if task.blocked else ()
        return replace(change, warnings=blocked)


def beside(step: int) -> Callable[[Opened, Task], str]:
    """Return a target for `move_task`: the status that many columns after the task's."""

    def target(board: Opened, task: Task) -> str:
        names = board.phase.config.names
        place = names.index(task.status) if task.status in names else -1
        if place < 0 or not 0 <= place + step < len(names):
            end = "last" if step > 0 else "first"
            what = f"task #{task.id} is already at the {end} status ({visible(task.status)})"
            raise BattyError("boundary-error", what, next=_next(board.folder, f"show {task.id}"))
        return names[place + step]

    return target


def _write(board: Opened, task: Task, text: str, old_status: str | None) -> Change:
    written = parse_task(text, task.path)
    if isinstance(written, Broken):
        raise BattyError("task-unreadable", f"task #{task.id} cannot be edited: {written.problem}")
    files.write_atomically(board.file(task), text)
    return Change(written, old_status, board.file(task))


def _log(folder: Path, now: datetime, action: str, number: int, detail: str) -> None:
    entry = {"timestamp": stamp(now), "action": action, "task_id": number, "detail": detail}
    # the log is a convenience: a full disk must not undo a move that has been made
    with suppress(OSError):
        files.append_line(folder / "activity.jsonl", json.dumps(entry, ensure_ascii=False, separators=(",", ":")))


def _check_claim_name(claim: str) -> None:
    if not claim.strip() or len(claim) > _LONGEST_CLAIM or not claim.isprintable():
        what = f"a claim is a name: 1 to {_LONGEST_CLAIM} printable characters"
        raise BattyError("invalid-claim", what, next="batty board pick --claim NAME")


def _check_status(board: Opened, status: str) -> None:
    names = board.phase.config.names
    if status not in names:
        allowed = "allowed: " + ", ".join(visible(name) for name in names)
        raise BattyError(
            "invalid-status",
            f'invalid status "{visible(status)}"',
            evidence=(allowed,),
            next=_next(board.folder, "list"),
        )


def _check_owner(board: Opened, task: Task, claim: str | None, now: datetime) -> None:
    timeout = board.phase.config.claim_timeout
    if task.claimed_by == claim or not task.is_claimed(now, timeout):
        return
    left = task.claim_left(now, timeout)
    expires = "never expires" if left is None else f"expires in {_minutes(left)}"
    what = f'task #{task.id} is claimed by "{visible(task.claimed_by)}" ({expires})'
    raise BattyError("task-claimed", what, next=_next(board.folder, f"show {task.id}"))


def _check_entry(board: Opened, task: Task, status: str, claim: str | None) -> None:
    if board.phase.config.requires_claim(status) and claim is None:
        again = _next(board.folder, f"move {task.id} {shlex.quote(status)} --claim NAME")
        raise BattyError("claim-required", f'status "{visible(status)}" requires --claim NAME', next=again)
    _check_limit(board, task, status)


def _check_limit(board: Opened, task: Task, status: str) -> None:
    reason = over_limit(task, status, board.phase.tasks, board.phase.config)
    if reason is not None:
        raise BattyError("wip-limit-exceeded", visible(reason), next=_next(board.folder, "list"))


def _minutes(left: timedelta) -> str:
    hours, minutes = divmod(int(left / timedelta(minutes=1)), 60)
    return f"{hours}h{minutes}m0s" if hours else f"{minutes}m0s" if minutes else "0s"


def _file_number(path: str) -> int | None:
    digits = path.rpartition("/")[2].partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None  # noqa: PLR2004
