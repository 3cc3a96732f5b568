"""The tasks of a board: what kanban-md keeps in tasks/NNN-words.md.

The rules are kanban-md's own: what may be picked and in which order, which stamps a move sets. Edits are made
in the text, so that what a person wrote stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from batty_tmux.core import frontmatter
from batty_tmux.core.board_config import BoardConfig, Broken
from batty_tmux.core.frontmatter import Fields, UnreadableError
from batty_tmux.errors import BattyError

_ORDER = (
    *("id", "title", "status", "priority", "created", "updated", "started", "completed", "assignee", "tags"),
    *("due", "estimate", "parent", "depends_on", "blocked", "block_reason", "claimed_by", "claimed_at", "class"),
)


@dataclass(frozen=True)
class Task:
    """One task. `path` is relative to what it was parsed from.

    `created`, `updated`, `started`, `completed` and `claimed_since` are RFC 3339 with all the digits that the
    file has, "" where it has none; `claimed_at` is the last of them as a moment.
    """

    id: int
    title: str
    status: str
    priority: str = ""
    tags: tuple[str, ...] = ()
    depends_on: tuple[int, ...] = ()
    claimed_by: str = ""
    claimed_at: datetime | None = None
    blocked: bool = False
    body: str = ""
    path: str = ""
    block_reason: str = ""
    assignee: str = ""
    due: date | None = None
    estimate: str = ""
    parent: int | None = None
    service_class: str = ""
    created: str = ""
    updated: str = ""
    started: str = ""
    completed: str = ""
    claimed_since: str = ""

    def claim_left(self, now: datetime, timeout: timedelta | None) -> timedelta | None:
        """Return how long the claim still counts (negative when it has expired), None if it never ends."""
        if timeout is None or self.claimed_at is None:
            return None
        return timeout - (now - self.claimed_at)

    def is_claimed(self, now: datetime, timeout: timedelta | None) -> bool:
        left = self.claim_left(now, timeout)
        return bool(self.claimed_by) and (left is None or left >= timedelta(0))


def parse_task(text: str, path: str) -> Task | Broken:
    """Read a task file, or say in which line it is broken. Accepts exactly what kanban-md accepts."""
    try:
        parts = frontmatter.split(text)
        return _task(frontmatter.fields(parts.head, 1), parts.body, path)
    except UnreadableError as error:
        return Broken(path, error.line, error.problem)


def _task(fields: Fields, body: str, path: str) -> Task:
    number = fields.integer("id")
    title, status = fields.string("title"), fields.string("status")
    missing = "id" if number is None or number < 1 else "title" if not title.strip() else "status"
    if number is None or number < 1 or not title.strip() or not status.strip():
        raise UnreadableError(fields.line(missing), f"{missing} is missing")
    since = fields.moment("claimed_at")
    return Task(
        id=number,
        title=title,
        status=status,
        priority=fields.string("priority"),
        tags=fields.strings("tags"),
        depends_on=fields.integers("depends_on"),
        claimed_by=fields.string("claimed_by"),
        claimed_at=frontmatter.instant(since),
        blocked=fields.flag("blocked"),
        body=body,
        path=path,
        block_reason=fields.string("block_reason"),
        assignee=fields.string("assignee"),
        due=fields.day("due"),
        estimate=fields.string("estimate"),
        parent=fields.integer("parent"),
        service_class=fields.string("class"),
        created=fields.moment("created"),
        updated=fields.moment("updated"),
        started=fields.moment("started"),
        completed=fields.moment("completed"),
        claimed_since=since,
    )


def pick(
    tasks: Iterable[Task],
    config: BoardConfig,
    now: datetime,
    status: str | None = None,
    tags: Iterable[str] = (),
) -> Task | None:
    """Choose the task to work on next, or None: the order is class, due date, priority, id.

    Passed over are tasks that are claimed and not expired, blocked, or wait for a task that is not done; a
    dependency that does not exist holds nothing up. Without `status` any unfinished task may be picked; with
    `tags` only a task with one of them. The due date counts among tasks of the class fixed-date alone.
    """
    everything = tuple(tasks)
    unfinished = {task.id for task in everything if not config.is_terminal(task.status)}
    active = {name for name in config.names if not config.is_terminal(name)} if status is None else {status}
    asked = set(tags)
    ready = (
        task
        for task in everything
        if task.status in active
        and not task.is_claimed(now, config.claim_timeout)
        and not task.blocked
        and unfinished.isdisjoint(task.depends_on)
        and (not asked or not asked.isdisjoint(task.tags))
    )
    return min(ready, key=lambda task: _urgency(task, config), default=None)


def _urgency(task: Task, config: BoardConfig) -> tuple[int, date, int, int]:
    classes = [known.name for known in config.classes]
    service = task.service_class if task.service_class in classes else "standard"
    rank = classes.index(service) if service in classes else -1
    due = task.due if task.service_class == "fixed-date" and task.due else date.max
    priority = config.priorities.index(task.priority) if task.priority in config.priorities else -1
    return (rank, due, -priority, task.id)


def over_limit(task: Task, status: str, tasks: Iterable[Task], config: BoardConfig) -> str | None:
    """Say which limit on work in progress keeps the task from entering the status; None if none does."""
    everything = tuple(tasks)
    service = next((known for known in config.classes if known.name == task.service_class), None)
    if service is not None and service.wip_limit > 0:
        count = sum(other.service_class == service.name and other.id != task.id for other in everything)
        if count >= service.wip_limit:
            return f"{service.name} WIP limit reached ({count}/{service.wip_limit} board-wide)"
    if service is not None and service.bypass_column_wip:
        return None
    limit, count = config.wip_limit(status), sum(other.status == status for other in everything)
    if 0 < limit <= count and task.status != status:
        return f'WIP limit reached for "{status}" ({count}/{limit})'
    return None


def moved(text: str, status: str, now: datetime, config: BoardConfig | None = None) -> str:
    """Return the task file with another status, and the stamps that kanban-md sets on such a move.

    `started` is set once, on leaving the first status; `completed` on reaching the end, and dropped on leaving
    it. Raises BattyError `task-unreadable` when the file cannot be edited.
    """
    rules = config or BoardConfig()
    task = _readable(text)
    at = frontmatter.stamp(now)
    changes: dict[str, str | None] = {"status": status, "updated": at}
    first = rules.names[0]
    ends = rules.is_terminal(status)
    if not task.started and (ends or (task.status == first != status)):
        changes["started"] = at
    if ends:
        changes["completed"] = at
    elif rules.is_terminal(task.status):
        changes["completed"] = None
    return _edited(text, changes)


def claimed(text: str, agent: str, now: datetime) -> str:
    """Return the task file with a claim. Raises BattyError as `moved` does."""
    _readable(text)
    at = frontmatter.stamp(now)
    return _edited(text, {"updated": at, "claimed_by": agent, "claimed_at": at})


def released(text: str, now: datetime | None = None) -> str:
    """Return the task file without a claim; `updated` changes only when `now` is given."""
    _readable(text)
    changes: dict[str, str | None] = {} if now is None else {"updated": frontmatter.stamp(now)}
    return _edited(text, changes | {"claimed_by": None, "claimed_at": None})


def _readable(text: str) -> Task:
    task = parse_task(text, "")
    if isinstance(task, Broken):
        raise BattyError("task-unreadable", f"line {task.line} of the task cannot be read: {task.problem}")
    return task


def _edited(text: str, changes: dict[str, str | None]) -> str:
    try:
        return frontmatter.patched(text, changes, _ORDER)
    except UnreadableError as error:
        raise BattyError("task-unreadable", f"the task cannot be edited: {error.problem}") from error


def overdue(task: Task, now: datetime, config: BoardConfig) -> bool:
    if task.due is None or config.is_terminal(task.status):
        return False
    return datetime(task.due.year, task.due.month, task.due.day, tzinfo=UTC) < now
