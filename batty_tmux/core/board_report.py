"""Tasks and boards as a person or a program reads them, in the forms that kanban-md prints.

Titles and bodies come from anyone: no character that a terminal would obey is printed.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from batty_tmux.core.board import BoardConfig, Phase, Task, overdue
from batty_tmux.core.frontmatter import instant

_ZERO = "0001-01-01T00:00:00Z"
_OBEYED = {"Cc", "Cf", "Cs", "Co"}
_TITLE = 48
_RULE = "─"
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """Return one printable line."""
    line = " ".join(text.split("\n"))
    return "".join(c for c in line if c == "\t" or unicodedata.category(c) not in _OBEYED)


def list_lines(tasks: Iterable[Task]) -> str:
    """One line a task."""
    return "\n".join(_line(task) for task in tasks)


def list_table(tasks: Sequence[Task]) -> str:
    header = ("ID", "STATUS", "PRIORITY", "TITLE", "CLAIMED", "TAGS", "DUE")
    rows = [_cells(task) for task in tasks]
    least, most = (4, 8, 10, 5, 9, 6), (None, None, None, 50, None, 30)
    widths = []
    for column, (low, high) in enumerate(zip(least, most, strict=True)):
        widest = max((len(row[column]) + 2 for row in rows), default=0)
        widths.append(max(low, min(widest, high or widest)))
    return "\n".join(_row(row, widths) for row in (header, *rows))


def task_lines(task: Task) -> str:
    """Return the task in short: its line, its days, its text."""
    first = _line(task) + (f" est:{visible(task.estimate)}" if task.estimate else "")
    days = [("created", task.created or _ZERO), ("updated", task.updated or _ZERO)]
    days += [(name, at) for name, at in (("started", task.started), ("completed", task.completed)) if at]
    lines = [first, "  " + " ".join(f"{name}:{at[:10]}" for name, at in days)]
    if task.body:
        lines += [f"  {visible(line)}" for line in task.body.split("\n")]
    return "\n".join(lines)


def task_table(task: Task) -> str:
    """Return everything about a task, one field a line, then its text."""
    head = f"Task #{task.id}: {visible(task.title)}"
    lines = [head, _RULE * len(head)]
    lines += [f"  {name + ':':<12} {visible(value)}" for name, value in _fields(task) if value]
    if task.body:
        lines += ["", *(visible(line) for line in task.body.split("\n"))]
    return "\n".join(lines)


def _fields(task: Task) -> list[tuple[str, str]]:
    since = f" (since {_minute(task.claimed_since)})" if task.claimed_since else ""
    created, started, completed = (instant(at) for at in (task.created or _ZERO, task.started, task.completed))
    return [
        ("Status", task.status),
        ("Priority", task.priority),
        ("Class", task.service_class),
        ("Assignee", task.assignee or "--"),
        ("Tags", ", ".join(task.tags) or "--"),
        ("Due", task.due.isoformat() if task.due else "--"),
        ("Estimate", task.estimate or "--"),
        ("Created", _minute(task.created or _ZERO)),
        ("Updated", _minute(task.updated or _ZERO)),
        ("Started", _minute(task.started)),
        ("Completed", _minute(task.completed)),
        ("Lead time", _between(created, completed)),
        ("Cycle time", _between(started, completed)),
        ("Claimed by", task.claimed_by + since if task.claimed_by else ""),
    ]


def summary_lines(phase: Phase, now: datetime) -> str:
    """Return the board in short: a line a column, then the priorities."""
    tasks, config = _shown(phase)
    lines = [f"{visible(config.name)} ({len(tasks)} tasks)"]
    for status in config.columns:
        count, blocked, late = _counts(status, tasks, config, now)
        limit = f"/{config.wip_limit(status)}" if config.wip_limit(status) > 0 else ""
        notes = [f"{number} {word}" for number, word in ((blocked, "blocked"), (late, "overdue")) if number]
        lines.append(f"  {visible(status)}: {count}{limit}" + (f" ({', '.join(notes)})" if notes else ""))
    priorities = Counter(task.priority for task in tasks)
    lines.append("Priority: " + " ".join(f"{visible(name)}={priorities[name]}" for name in config.priorities))
    return "\n".join(lines)


def summary_table(phase: Phase, now: datetime) -> str:
    tasks, config = _shown(phase)
    lines = [visible(config.name), f"Total: {len(tasks)} tasks", ""]
    lines.append(f"{'STATUS':<16} {'COUNT':>6} {'WIP':>8} {'BLOCKED':>8} {'OVERDUE':>8}")
    for status in config.columns:
        count, blocked, late = _counts(status, tasks, config, now)
        wip = f"{count}/{config.wip_limit(status)}" if config.wip_limit(status) > 0 else "--"
        lines.append(f"{visible(status):<16} {count:>6} {wip:<8} {blocked:>8} {late:>8}")
    lines += ["", f"{'PRIORITY':<16} {'COUNT':>6}"]
    priorities = Counter(task.priority for task in tasks)
    lines += [f"{visible(name):<16} {priorities[name]:>6}" for name in config.priorities]
    if config.classes:
        classes = Counter(task.service_class or "standard" for task in tasks)
        lines += ["", f"{'CLASS':<16} {'COUNT':>6}"]
        lines += [f"{visible(known.name):<16} {classes[known.name]:>6}" for known in config.classes]
    return "\n".join(lines)


def summary_object(phase: Phase, now: datetime) -> dict[str, object]:
    """Return the board's figures under the keys of `kanban-md board --json`."""
    tasks, config = _shown(phase)
    statuses = []
    for status in config.columns:
        count, blocked, late = _counts(status, tasks, config, now)
        limit = {"wip_limit": config.wip_limit(status)} if config.wip_limit(status) else {}
        statuses.append({"status": status, "count": count, **limit, "blocked": blocked, "overdue": late})
    priorities = Counter(task.priority for task in tasks)
    classes = Counter(task.service_class or "standard" for task in tasks)
    found: dict[str, object] = {
        "board_name": config.name,
        "total_tasks": len(tasks),
        "statuses": statuses,
        "priorities": [{"priority": name, "count": priorities[name]} for name in config.priorities],
    }
    if config.classes:
        found["classes"] = [{"class": known.name, "count": classes[known.name]} for known in config.classes]
    return found


def task_object(task: Task, file: str) -> dict[str, object]:
    """Return a task under the keys of `kanban-md show --json`; what is empty there is left out here."""
    optional: dict[str, object] = {
        "started": task.started,
        "completed": task.completed,
        "assignee": task.assignee,
        "tags": list(task.tags),
        "due": task.due.isoformat() if task.due else "",
        "estimate": task.estimate,
        "parent": task.parent,
        "depends_on": list(task.depends_on),
        "blocked": task.blocked,
        "block_reason": task.block_reason,
        "claimed_by": task.claimed_by,
        "claimed_at": task.claimed_since,
        "class": task.service_class,
        "body": task.body,
        "file": file,
    }
    return {
        "id": task.id,
        "title": task.title,
        "status": task.status,
        "priority": task.priority,
        "created": task.created or _ZERO,
        "updated": task.updated or _ZERO,
    } | {key: value for key, value in optional.items() if value or (key == "parent" and value is not None)}


def json_text(value: object) -> str:
    """Write JSON as kanban-md lays it out; bytes that were not UTF-8 show as the replacement character."""
    return _SURROGATE.sub("\ufffd", json.dumps(value, indent=2, ensure_ascii=False))


def _shown(phase: Phase) -> tuple[tuple[Task, ...], BoardConfig]:
    archive = set(phase.config.names) - set(phase.config.columns)
    return tuple(task for task in phase.tasks if task.status not in archive), phase.config


def _counts(status: str, tasks: Iterable[Task], config: BoardConfig, now: datetime) -> tuple[int, int, int]:
    inside = [task for task in tasks if task.status == status]
    return len(inside), sum(task.blocked for task in inside), sum(overdue(task, now, config) for task in inside)


def _line(task: Task) -> str:
    claim = f" @{task.claimed_by}" if task.claimed_by else ""
    tags = f" ({', '.join(task.tags)})" if task.tags else ""
    due = f" due:{task.due.isoformat()}" if task.due else ""
    return visible(f"#{task.id} [{task.status}/{task.priority}] {task.title}{claim}{tags}{due}")


def _cells(task: Task) -> tuple[str, ...]:
    claim = f"@{task.claimed_by}" if task.claimed_by else "--"
    due = task.due.isoformat() if task.due else "--"
    words = (str(task.id), task.status, task.priority, task.title, claim, ",".join(task.tags) or "--", due)
    cells = [visible(word) for word in words]
    if len(cells[3]) > _TITLE:
        cells[3] = cells[3][: _TITLE - 3] + "..."
    return tuple(cells)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
    return " ".join([*padded, cells[-1]]).rstrip(" ")


def _minute(stamp: str) -> str:
    return f"{stamp[:10]} {stamp[11:16]}".strip()


def _between(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    length = end - start
    hours, minutes = divmod(int(length / timedelta(minutes=1)), 60)
    return f"{hours // 24}d {hours % 24}h" if hours >= 24 else f"{hours}h {minutes}m"  # noqa: PLR2004 - a day
