"""batty queue: what is landing, why what is not is not, and what to do about it."""

from pathlib import Path

import click

from batty_tmux.commands.show import as_json, console, say, table
from batty_tmux.core.events import CandidateBuilt, Conflicted, Prioritized, QueuePaused, QueueResumed
from batty_tmux.core.queue_plan import standstill
from batty_tmux.core.queue_report import (
    efficiency,
    expected_seconds,
    flake_lines,
    history,
    span_words,
    told,
    usual_seconds,
    why,
)
from batty_tmux.core.report import age
from batty_tmux.core.status import next_command
from batty_tmux.drive import conflicts
from batty_tmux.drive.overview import queue_rows
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.resume import look_after, wake_lander
from batty_tmux.drive.sendback import send_back
from batty_tmux.drive.trial import try_out
from batty_tmux.drive.undo import move_back, take_back
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.names import RunId, clean

_HEADINGS = ("#", "phase", "state", "since", "wait", "head", "reason", "paths")


@click.group(invoke_without_command=True)
@click.option("--json", "json_", is_flag=True, help="For programs.")
@click.pass_context
def command(ctx: click.Context, json_: bool) -> None:
    """Show the merge queue; retry, resolve or skip an entry.

    \b
    Examples:
      batty queue
      batty queue explain phase-3
      batty queue resolve phase-3
    """
    if ctx.invoked_subcommand is not None:
        return
    project = Project.around(ctx.obj)
    look_after(project)
    if json_:
        as_json(queue_rows(project.queue()))
    else:
        _show(project)


def _show(project: Project) -> None:
    queue = project.queue()
    stopped = standstill(queue)
    if stopped is not None:
        click.echo(f"! stands still: {clean(stopped, 400)}\n  ↳ next: batty queue resume")
    rows = queue_rows(queue)
    if rows:
        cells = [
            (
                str(row.position),
                row.phase,
                row.state,
                age(row.at, now()),
                span_words(row.expected_seconds),
                row.head[:9],
                clean(row.reason or "", 200),
                ", ".join(clean(path, 80) for path in row.paths),
            )
            for row in rows
        ]
        console().print(table(_HEADINGS, cells))
    else:
        click.echo("the merge queue is empty")
    for line in flake_lines(queue):
        click.echo(line)
    _show_figures(project)


def _show_figures(project: Project) -> None:
    queue = project.queue()
    usual = usual_seconds(queue)
    done = efficiency(project.place.records.events, queue.rate)
    if usual is None or not done.entries:
        return
    figures = f"a gate takes {span_words(usual)}; {done.entries} settled with {done.runs} gate runs"
    say(f"{figures}; {100 * queue.rate:.0f} in 100 turn out red, for which no way needs under {done.fewest:.1f}")


@command.command()
@click.argument("phase")
@click.option("--by", type=click.Choice(["agent"]), help="Give it back to the phase's agent, with the gate's log.")
@click.option("--accept", multiple=True, metavar="CODE", help="Let it land although it was refused for this reason.")
@click.pass_obj
def retry(repo: Path, phase: str, by: str | None, accept: tuple[str, ...]) -> None:
    """Try an entry again, on the base as it is now."""
    project = Project.around(repo)
    name = named_phase(phase)
    if by == "agent":
        send_back(project, name)
        say(f"✓ {phase} goes back to its agent\n↳ to see it at work, run: batty attach {phase}")
        return
    conflicts.retry(project, name, accept)
    wake_lander(project)
    say(f"✓ {phase} is in the queue again")


@command.command()
@click.argument("phase")
@click.option("--here", is_flag=True, help="Do not open a tmux window; print where to work.")
@click.option("--by", type=click.Choice(["agent"]), help="Have the phase's agent settle it.")
@click.option("--accept", multiple=True, metavar="CODE", help="Claim it although it was refused for this reason.")
@click.pass_obj
def resolve(repo: Path, phase: str, here: bool, by: str | None, accept: tuple[str, ...]) -> None:
    """Settle a conflict by hand, in a worktree of its own; run it again when the merge is committed."""
    project = Project.around(repo)
    name = named_phase(phase)
    if by == "agent":
        send_back(project, name)
        say(f"✓ {phase} goes back to its agent with the conflict\n↳ to see it at work, run: batty attach {phase}")
        return
    outcome = conflicts.resolve(project, name, window=not here, accept=accept)
    if outcome.resolved:
        say(f"✓ {phase} is resolved as {outcome.head[:9]}; the gate runs before it lands")
        return
    click.echo(str(outcome.folder))
    for path in outcome.paths:
        say(f"  conflict in {clean(path, 200)}")
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
@click.argument("phase")
@click.argument("number", type=click.IntRange(-99, 99), default=1)
@click.option("--now", "now_", is_flag=True, help="Pass those too whose gate has begun; their gates run again.")
@click.pass_obj
def priority(repo: Path, phase: str, number: int, now_: bool) -> None:
    """Let an entry pass those of a lower priority; 0 is everybody's, 1 is given where no number is."""
    project = Project.around(repo)
    entry = conflicts.entry_of(project, named_phase(phase), conflicts.MOVING)
    event = Prioritized(run=RunId(project.watch(entry.phase).run), phase=entry.phase, priority=number, now=now_)
    project.place.records.append(event)
    wake_lander(project)
    place = [e.phase for e in project.queue().waiting].index(entry.phase) + 1
    say(f"✓ {phase} has priority {number}; it is number {place} in the queue")


@command.command()
@click.argument("phase")
@click.pass_obj
def explain(repo: Path, phase: str) -> None:
    """Tell everything that happened to a phase in the queue, and why it is where it is."""
    project = Project.around(repo)
    name = project.phase(phase).id
    queue = project.queue()
    for at, text in history(name, project.place.records.events):
        click.echo(f"{at.astimezone():%Y-%m-%d %H:%M:%S}  {clean(text, 500)}")
    entry = queue.of(name)
    if entry is None:
        click.echo(f"{phase} was never in the merge queue: {project.status(name).state}")
        return
    status = project.status(name)
    click.echo(f"now: {status.state}: {clean(why(queue, entry), 400)}" + (f" [{entry.code}]" if entry.code else ""))
    wait = expected_seconds(queue).get(name)
    if wait is not None:
        click.echo(f"expected to land in about {span_words(wait)}")
    if entry.log:
        click.echo(f"gate log: {entry.log}")
    step = status.next or next_command(name, status.state)
    if step:
        say(f"↳ next: {step}")


@command.command("try")
@click.argument("phase")
@click.pass_context
def try_(ctx: click.Context, phase: str) -> None:
    """Build a phase's last commit on the base and gate it, now; nothing lands."""
    project = Project.around(ctx.obj)
    trial = try_out(project, named_phase(phase))
    click.echo(f"{phase}: {clean(told(trial.built) or '', 400)}")
    if trial.run is not None:
        before = " (known from before)" if trial.known else ""
        click.echo(f"{phase}: gate {trial.run.verdict} in {trial.run.seconds:.1f} s{before}, log in {trial.run.log}")
    if isinstance(trial.built, Conflicted):
        say(f"↳ to settle it now: git merge {project.base} in its worktree, or batty queue resolve {phase} once queued")
    elif trial.passed and isinstance(trial.built, CandidateBuilt):
        say("✓ it would land")
    ctx.exit(0 if trial.passed else 1)


@command.command()
@click.argument("phase")
@click.option(
    "--move-back", "move_back_", is_flag=True, help="Put the base back instead, where nobody has built on it."
)
@click.pass_obj
def undo(repo: Path, phase: str, move_back_: bool) -> None:
    """Take back what a phase landed, by a revert that is gated and landed; twice brings it back."""
    project = Project.around(repo)
    name = project.phase(phase).id
    if move_back_:
        done = move_back(project, name)
        say(f"✓ {project.base} is at {done.base[:9]} again, as before {phase} landed")
        return
    done = take_back(project, name)
    if done.claim is None:
        raise BattyError("no-claim", f"nothing was claimed for {phase}", next="batty queue")
    say(f"✓ {done.claim.head[:9]} takes back {done.landed.candidate[:9]}; it is gated, then lands\n↳ next: batty queue")


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
    """Go on: after a pause, and where the queue stood still until somebody has looked."""
    project = Project.around(repo)
    stopped = standstill(project.queue())
    project.place.records.append(QueueResumed())
    wake_lander(project)
    say("✓ the queue goes on" + (f"; what had stopped it: {clean(stopped, 300)}" if stopped else ""))
