"""batty queue: what is landing, and what to do about what cannot."""

from pathlib import Path

import click

from batty_tmux.commands.show import as_json, console, say, table
from batty_tmux.core.events import QueuePaused, QueueResumed
from batty_tmux.drive import conflicts
from batty_tmux.drive.overview import queue_rows
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.resume import look_after, wake_lander

_HEADINGS = ("#", "phase", "state", "head", "reason", "paths")


@click.group(invoke_without_command=True)
@click.option("--json", "json_", is_flag=True, help="For programs.")
@click.pass_context
def command(ctx: click.Context, json_: bool) -> None:
    """Show the merge queue; retry, resolve or skip an entry.

    \b
    Examples:
      batty queue
      batty queue resolve phase-3
    """
    if ctx.invoked_subcommand is not None:
        return
    project = Project.around(ctx.obj)
    look_after(project)
    queue = project.queue()
    rows = queue_rows(queue)
    if json_:
        as_json(rows)
        return
    if queue.paused is not None:
        click.echo(f"paused: {queue.paused}")
    if not rows:
        click.echo("the merge queue is empty")
        return
    cells = [(str(r.position), r.phase, r.state, r.head[:9], r.reason or "", ", ".join(r.paths)) for r in rows]
    console().print(table(_HEADINGS, cells))


@command.command()
@click.argument("phase")
@click.pass_obj
def retry(repo: Path, phase: str) -> None:
    """Try an entry again, on the base as it is now."""
    project = Project.around(repo)
    conflicts.retry(project, named_phase(phase))
    wake_lander(project)
    say(f"✓ {phase} is in the queue again")


@command.command()
@click.argument("phase")
@click.option("--here", is_flag=True, help="Do not open a tmux window; print where to work.")
@click.pass_obj
def resolve(repo: Path, phase: str, here: bool) -> None:
    """Settle a conflict by hand, in a worktree of its own; run it again when the merge is committed."""
    project = Project.around(repo)
    outcome = conflicts.resolve(project, named_phase(phase), window=not here)
    if outcome.resolved:
        say(f"✓ {phase} is resolved as {outcome.head[:9]}; the gate runs before it lands")
        return
    click.echo(str(outcome.folder))
    for path in outcome.paths:
        say(f"  conflict in {path}")
    say(f"↳ mend the files there, git add and git commit them, then run: batty queue resolve {phase}")


@command.command()
@click.argument("phase")
@click.pass_obj
def skip(repo: Path, phase: str) -> None:
    """Leave an entry out; its branch, worktree and commits stay."""
    project = Project.around(repo)
    conflicts.skip(project, named_phase(phase))
    say(f"✓ {phase} is skipped; everything of it is kept\n↳ to take it in again, run: batty queue retry {phase}")


@command.command()
@click.argument("reason", required=False, default="")
@click.pass_obj
def pause(repo: Path, reason: str) -> None:
    """Land nothing more until `batty queue resume`."""
    Project.around(repo).place.records.append(QueuePaused(reason=reason))
    say("✓ the queue is paused\n↳ to go on, run: batty queue resume")


@command.command()
@click.pass_obj
def resume(repo: Path) -> None:
    """Land again."""
    project = Project.around(repo)
    project.place.records.append(QueueResumed())
    wake_lander(project)
    say("✓ the queue goes on")
