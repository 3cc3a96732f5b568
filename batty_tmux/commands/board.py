"""`batty board`: what `kanban-md board|list|show|pick|move` do, for executors that have no kanban-md.

The same words and the same short forms, so that a brief may name either program. Picks and moves are atomic
here, which kanban-md's are not.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from batty_tmux.core import board_report as report
from batty_tmux.core.board import ARCHIVED, Task
from batty_tmux.drive import boards
from batty_tmux.drive.boards import Change, Opened
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now

_F = TypeVar("_F", bound=Callable[..., object])
_FORMS = {"json": "json", "compact": "compact", "oneline": "compact"}


def _common(function: _F) -> _F:
    """Add the options that every subcommand takes."""
    for option in (
        click.option("--json", "form", flag_value="json", help="Print JSON."),
        click.option("--compact", "--oneline", "form", flag_value="compact", help="Print one line a task."),
        click.option("--table", "form", flag_value="table", help="Print a table (the default)."),
        click.option("--dir", "folder", metavar="DIR", help="The board's folder, such as kanban/phase-1."),
    ):
        function = option(function)
    return function


def _folder(given: str | None) -> Path:
    above = click.get_current_context().parent
    inherited = above.params.get("folder") if above is not None else None
    return boards.find_board(given or inherited, os.environ.get("BATTY_BOARD"), Path.cwd())


def _form(given: str | None) -> str:
    above = click.get_current_context().parent
    inherited = above.params.get("form") if above is not None else None
    return given or inherited or _FORMS.get(os.environ.get("KANBAN_OUTPUT", ""), "table")


@click.group(name="board", invoke_without_command=True)
@_common
@click.pass_context
def command(context: click.Context, folder: str | None, form: str | None) -> None:
    """Show a board; list, show, pick and move its tasks.

    The board is --dir, else $BATTY_BOARD, else the nearest kanban/ with a config.yml.

    \b
    Example:
      batty board --dir kanban/phase-1
    """
    if context.invoked_subcommand is not None:
        return
    board = _opened(_folder(folder))
    form = _form(form)
    if form == "json":
        click.echo(report.json_text(report.summary_object(board.phase, now())))
    else:
        click.echo((report.summary_lines if form == "compact" else report.summary_table)(board.phase, now()))


@command.command("list")
@_common
@click.option("--status", multiple=True, help="Only these statuses, separated by commas.")
@click.option("--priority", multiple=True, help="Only these priorities, separated by commas.")
@click.option("--tag", help="Only tasks with this tag.")
@click.option("--claimed-by", help="Only tasks of this agent.")
@click.option("--unclaimed", is_flag=True, help="Only tasks without a claim, or with an expired one.")
@click.option("--archived", is_flag=True, help="Only archived tasks.")
def list_tasks(
    folder: str | None,
    form: str | None,
    status: tuple[str, ...],
    priority: tuple[str, ...],
    tag: str | None,
    claimed_by: str | None,
    unclaimed: bool,
    archived: bool,
) -> None:
    """List the tasks, without archived ones.

    \b
    Example:
      batty board list --dir kanban/phase-1 --status todo
    """
    board = _opened(_folder(folder))
    statuses, priorities = ({ARCHIVED} if archived else _words(status)), _words(priority)
    timeout = board.phase.config.claim_timeout
    tasks = [
        task
        for task in board.phase.tasks
        if (task.status in statuses if statuses else task.status != ARCHIVED)
        and (not priorities or task.priority in priorities)
        and (tag is None or tag in task.tags)
        and (claimed_by is None or task.claimed_by == claimed_by)
        and not (unclaimed and task.is_claimed(now(), timeout))
    ]
    form = _form(form)
    if form == "json":
        click.echo(report.json_text([_object(board, task) for task in tasks]))
    elif not tasks:
        click.echo("No tasks found.", err=True)
    else:
        click.echo((report.list_lines if form == "compact" else report.list_table)(tasks))


@command.command()
@_common
@click.argument("id")
def show(folder: str | None, form: str | None, id: str) -> None:  # noqa: A002 - kanban-md's word
    """Show one task with its text.

    \b
    Example:
      batty board show 3 --dir kanban/phase-1
    """
    board = boards.open_board(_folder(folder))
    _print_task(boards.find_task(board, _number(id)), _form(form), board.folder)


@command.command()
@_common
@click.option("--claim", required=True, metavar="NAME", help="Who claims the task.")
@click.option("--status", help="Pick from this column only.")
@click.option("--move", metavar="STATUS", help="Move the picked task there.")
@click.option("--tags", multiple=True, help="Only tasks with one of these tags.")
@click.option("--no-body", is_flag=True, help="Print only what was picked.")
def pick(
    folder: str | None,
    form: str | None,
    claim: str,
    status: str | None,
    move: str | None,
    tags: tuple[str, ...],
    no_body: bool,
) -> None:
    """Claim the next task that is ready, and print it.

    \b
    Example:
      batty board pick --dir kanban/phase-1 --claim ada --move in-progress
    """
    place, form = _folder(folder), _form(form)
    _warn(boards.open_board(place))
    change = boards.pick_task(place, claim=claim, status=status, move=move, tags=_words(tags))
    if form != "json":
        click.echo(_picked(change, claim))
        if no_body:
            return
        click.echo()
    _print_task(change.task, form, place)


@command.command()
@_common
@click.argument("ids", metavar="ID[,ID...]")
@click.argument("status", required=False)
@click.option("--next", "step", flag_value=1, type=int, help="Move to the next status.")
@click.option("--prev", "step", flag_value=-1, type=int, help="Move to the previous status.")
@click.option("--claim", metavar="NAME", help="Claim the task while moving it.")
def move(
    folder: str | None, form: str | None, ids: str, status: str | None, step: int | None, claim: str | None
) -> None:
    """Move tasks to another status.

    \b
    Example:
      batty board move 3 done --dir kanban/phase-1 --claim ada
    """
    numbers = list(dict.fromkeys(_number(word) for word in ids.split(",") if word.strip()))
    if not numbers:
        raise BattyError("invalid-task-id", "no task id was given", next="batty board list")
    if status is None and step is None:
        again = f"batty board move {numbers[0]} --next"
        raise BattyError("invalid-input", "give a status, or --next or --prev", next=again)
    place, form = _folder(folder), _form(form)
    _warn(boards.open_board(place))
    target = boards.beside(step or 0) if status is None else _fixed(status)
    if len(numbers) == 1:
        _print_move(boards.move_task(place, numbers[0], target, claim), form)
    else:
        _move_several(place, numbers, target, claim, form)


def _move_several(
    place: Path, numbers: list[int], target: Callable[[Opened, Task], str], claim: str | None, form: str
) -> None:
    results: list[dict[str, object]] = []
    for number in numbers:
        try:
            boards.move_task(place, number, target, claim)
            results.append({"id": number, "ok": True})
        except BattyError as error:
            results.append({"id": number, "ok": False, "error": error.what, "code": error.code})
    failed = [result for result in results if not result["ok"]]
    if form == "json":
        click.echo(report.json_text(results))
    else:
        for result in failed:
            click.echo(f"Error: task #{result['id']}: {result['error']}", err=True)
        click.echo(f"Completed {len(results) - len(failed)}/{len(results)} operations")
    if failed:
        click.get_current_context().exit(1)


def _print_move(change: Change, form: str) -> None:
    for warning in change.warnings:
        click.echo(f"Warning: {warning}", err=True)
    task = change.task
    if form == "json":
        shown = report.task_object(task, str(change.file.absolute()))
        click.echo(report.json_text(shown | {"changed": change.old_status is not None}))
    elif change.old_status is None:
        click.echo(f"Task #{task.id} is already at {report.visible(task.status)}")
    else:
        click.echo(report.visible(f"Moved task #{task.id}: {change.old_status} -> {task.status}"))


def _print_task(task: Task, form: str, folder: Path) -> None:
    if form == "json":
        click.echo(report.json_text(report.task_object(task, str((folder / task.path).absolute()))))
    else:
        click.echo((report.task_lines if form == "compact" else report.task_table)(task))


def _picked(change: Change, claim: str) -> str:
    task = change.task
    did = "Picked" if change.old_status is None else "Picked and moved"
    went = task.status if change.old_status is None else f"{change.old_status} -> {task.status}"
    return report.visible(f"{did} task #{task.id}: {task.title} ({went}, claimed by {claim})")


def _opened(folder: Path) -> Opened:
    board = boards.open_board(folder)
    _warn(board)
    return board


def _warn(board: Opened) -> None:
    for bad in board.phase.broken:
        where = report.visible(f"{bad.path}:{bad.line}: {bad.problem}")
        click.echo(f"Warning: skipping malformed file {where}", err=True)


def _object(board: Opened, task: Task) -> dict[str, object]:
    return report.task_object(task, str(board.file(task).absolute()))


def _fixed(status: str) -> Callable[[Opened, Task], str]:
    return lambda _board, _task: status


def _words(values: tuple[str, ...]) -> set[str]:
    return {word.strip() for value in values for word in value.split(",") if word.strip()}


def _number(word: str) -> int:
    digits = word.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:  # noqa: PLR2004 - what kanban-md can hold
        raise BattyError("invalid-task-id", f'invalid task ID "{report.visible(word)[:40]}"', next="batty board list")
    return int(digits)
