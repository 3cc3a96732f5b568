"""What an executor does, as a person would tell it: a task picked, a commit, a test run, a file changed, a command.

From the agent's own reports, git and the board; from text on the screen only where the agent does not report.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from batty_tmux.core.board import Phase
from batty_tmux.core.screen import rows_of

Kind = Literal["task", "commit", "test", "edit", "command", "tool"]

_MOST: Final = 200
"""Characters of what was done that are told."""


@dataclass(frozen=True)
class Activity:
    """One thing that was done. `ok` is False where it failed or was refused; `by` is who saw it."""

    at: datetime
    kind: Kind
    what: str
    ok: bool = True
    by: Literal["hook", "git", "board", "screen"] = "hook"


@dataclass(frozen=True)
class Tally:
    """How much of each was done, for a summary of the phase. `files` are the distinct ones that were changed."""

    tasks: int = 0
    commits: int = 0
    tests: int = 0
    failed: int = 0
    files: frozenset[str] = frozenset()
    commands: int = 0


def of_tool(tool: str, command: str, paths: Sequence[str], at: datetime, *, ok: bool = True) -> Activity:
    """Tell the use of a tool, by the names that Claude Code gives them."""
    if command:
        kind: Kind = "test" if is_test(command) else "command"
        return Activity(at, kind, command.partition("\n")[0][:_MOST], ok)
    if tool in _EDITS and paths:
        return Activity(at, "edit", paths[0][:_MOST], ok)
    return Activity(at, "tool", " ".join((tool, *paths[:1]))[:_MOST], ok)


def of_board(before: Phase | None, after: Phase | None, at: datetime) -> list[Activity]:
    """Tell which cards moved."""
    if before is None or after is None:
        return []
    was = {task.id: task.status for task in before.tasks}
    moved = (task for task in after.tasks if was.get(task.id) not in {None, task.status})
    return [Activity(at, "task", f"#{task.id} {task.title}: {task.status}"[:_MOST], by="board") for task in moved]


def of_commits(commits: Iterable[tuple[str, str]], at: datetime) -> list[Activity]:
    """Tell commits, each a pair of id and subject, oldest first."""
    return [Activity(at, "commit", f"{sha[:9]} {subject}"[:_MOST], by="git") for sha, subject in commits]


def of_screen(before: str, after: str, family: str, at: datetime) -> list[Activity]:
    """Tell what the rows say that were not there before, where the agent writes down its tools in rows of one form."""
    form = _ROWS.get(family)
    if form is None:
        return []
    old = frozenset(rows_of(before))
    found = (form.match(row) for row in rows_of(after) if row not in old)
    return [_of_row(match, at) for match in found if match is not None]


def tally(counted: Tally, done: Activity) -> Tally:
    """Count one more."""
    return Tally(
        tasks=counted.tasks + (done.kind == "task"),
        commits=counted.commits + (done.kind == "commit"),
        tests=counted.tests + (done.kind == "test"),
        failed=counted.failed + (done.kind == "test" and not done.ok),
        files=counted.files | {done.what} if done.kind == "edit" and len(counted.files) < _FILES else counted.files,
        commands=counted.commands + (done.kind == "command"),
    )


def summary(counted: Tally) -> str:
    """Return the counts in words, "" where nothing was counted."""
    rows = (
        (counted.tasks, "move of a card", "moves of cards"),
        (counted.commits, "commit", "commits"),
        (len(counted.files), "file changed", "files changed"),
        (counted.tests, "test run", "test runs"),
        (counted.commands, "other command", "other commands"),
    )
    told = [f"{count} {one if count == 1 else many}" for count, one, many in rows if count]
    if counted.failed and counted.tests:
        told = [f"{row} ({counted.failed} failed)" if "test run" in row else row for row in told]
    return ", ".join(told)


_FILES: Final = 5000
_EDITS: Final = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch"})
_ROWS: Final = {
    "claude": re.compile(r"^[●⏺] (?P<tool>[A-Z][A-Za-z]{1,30}|Update|mcp__\w{1,60})\((?P<what>[^)]{1,200})"),
    "codex": re.compile(r"^[•✔✗] (?P<tool>Ran|Edited|Added|Deleted|Read|Explored) (?P<what>\S.{0,200})"),
}
_SHELLS: Final = frozenset({"Bash", "PowerShell", "Ran"})
_CHANGES: Final = _EDITS | {"Update", "Edited", "Added", "Deleted"}

_RUNNERS = re.compile(
    r"(?:^|[;&|(]\s*|\s)(?:\S{0,80}/)?(?:pytest|tox|nox|jest|vitest|mocha|ava|rspec|phpunit|ctest|behave|nextest|"
    r"(?:npm|pnpm|yarn|bun|deno)(?: run)? t(?:est)?\b|(?:go|cargo|mix|swift|dotnet|zig|flutter|rake|bin/rails) test\b|"
    r"(?:mvn|gradle|gradlew)\b[^;&|]{0,80}\b(?:test|verify|check)\b|make (?:-\S+ )?(?:test|check)\S*|"
    r"python3? -m (?:pytest|unittest)|bin/test\b)(?![\w.])"
)


def is_test(command: str) -> bool:
    """Tell whether a command line runs tests, by the names of well-known runners."""
    return _RUNNERS.search(command[:2000]) is not None


def _of_row(found: re.Match[str], at: datetime) -> Activity:
    tool, what = found["tool"], found["what"].strip()
    if tool in _SHELLS:
        return Activity(at, "test" if is_test(what) else "command", what[:_MOST], by="screen")
    kind: Kind = "edit" if tool in _CHANGES else "tool"
    return Activity(at, kind, what[:_MOST] if kind == "edit" else f"{tool} {what}"[:_MOST], by="screen")
