"""batty queue: what is landing, why what is not is not, and what to do about it."""

from pathlib import Path

import click

from batty_tmux.commands.naming import ENTRY
from batty_tmux.commands.show import as_json, say
from batty_tmux.commands.tables import console, table
from batty_tmux.core.events import CandidateBuilt, Conflicted, Prioritized, QueuePaused, QueueResumed
from batty_tmux.core.queue_report import (
    expected_seconds,
    figures,
    flake_lines,
    history,
    log_folders,
    span_words,
    standstill_lines,
    stops,
    told,
    why,
)
from batty_tmux.core.queue_state import MOVES_ON
from batty_tmux.core.report import GLYPHS, age
from batty_tmux.drive import conflicts, neighbours
from batty_tmux.drive.overview import queue_rows
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.resume import look_after, wake_lander
from batty_tmux.drive.sendback import send_back
from batty_tmux.drive.trial import try_out
from batty_tmux.drive.undo import move_back, take_back
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.names import PhaseId, RunId, clean

_HEADINGS = ("#", "phase", "state", "since", "wait", "head", "reason")


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
        as_json(queue_rows(project.queue(), project.hosts()))
    else:
        _show(project)


def _show(project: Project) -> None:
    queue = project.queue()
    lines = standstill_lines(queue)
    for line in (*lines, *neighbours.lines(project)):
        click.echo(line)
    rows = queue_rows(queue, project.hosts())
    if rows:
        cells = [
            (
                str(row.position),
                f"{row.phase} ({row.phase_host})" if row.phase_host else row.phase,
                f"{GLYPHS[row.state]} {row.state}",
                age(row.at, now()),
                span_words(row.expected_seconds),
                row.head[:9],
                "see above" if lines and row.state in MOVES_ON else clean(row.reason or "", 200),
            )
            for row in rows
        ]
        console().print(table(_HEADINGS, cells))
    else:
        click.echo("the merge queue is empty")
    for line in flake_lines(queue):
        click.echo(line)
    for row in rows:
        step = project.status(PhaseId(row.phase)).next
        if step:
            click.echo(f"↳ {row.phase}: {step}")
    shown = figures(queue, project.place.records.events)
    if shown:
        say(shown)


@command.command()
@click.argument("phase", type=ENTRY)
@click.option("--by", type=click.Choice(["agent"]), help="Give it back to the phase's agent, with the gate's log.")
@click.option("--accept", multiple=True, metavar="CODE", help="Let it land although it was refused for this reason.")
@click.pass_obj
def retry(repo: Path, phase: str, by: str | None, accept: tuple[str, ...]) -> None:
    """Try an entry again, on the base as it is now.

    \b
    Example:
      batty queue retry phase-2 --by agent
    """
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
@click.argument("phase", type=ENTRY)
@click.option("--here", is_flag=True, help="Do not open a tmux window; print where to work.")
@click.option("--by", type=click.Choice(["agent"]), help="Have the phase's agent settle it.")
@click.option("--accept", multiple=True, metavar="CODE", help="Claim it although it was refused for this reason.")
@click.pass_obj
def resolve(repo: Path, phase: str, here: bool, by: str | None, accept: tuple[str, ...]) -> None:
    """Settle a conflict by hand, in a worktree of its own; run it again when the merge is committed.

    \b
    Example:
      batty queue resolve phase-2
    """
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
    todo = (
        "mend the files there, git add and git commit them"
        if outcome.paths
        else "all of it is settled there: look at it, and git commit it"
    )
    say(f"  {todo}\n↳ then run: batty queue resolve {phase}")


@command.command()
@click.argument("phase", type=ENTRY)
@click.pass_obj
def skip(repo: Path, phase: str) -> None:
    """Leave an entry out; its branch, worktree and commits stay.

    \b
    Example:
      batty queue skip phase-2
    """
    project = Project.around(repo)
    skipped = conflicts.skip(project, named_phase(phase))
    kept = "stays as it landed" if skipped.undoes else "is skipped; everything of it is kept"
    say(f"✓ {phase} {kept}\n↳ to take it in again, run: batty queue retry {phase}")


@command.command()
@click.argument("phase", type=ENTRY)
@click.argument("number", type=click.IntRange(-99, 99), default=1)
@click.option("--now", "now_", is_flag=True, help="Pass those too whose gate has begun; their gates run again.")
@click.pass_obj
def priority(repo: Path, phase: str, number: int, now_: bool) -> None:
    """Let an entry pass those of a lower priority; 0 is everybody's, 1 is given where no number is.

    \b
    Example:
      batty queue priority phase-2 5
    """
    project = Project.around(repo)
    entry = conflicts.entry_of(project, named_phase(phase), conflicts.MOVING)
    event = Prioritized(run=RunId(project.watch(entry.phase).run), phase=entry.phase, priority=number, now=now_)
    project.place.records.append(event)
    wake_lander(project)
    place = [e.phase for e in project.queue().waiting].index(entry.phase) + 1
    say(f"✓ {phase} has priority {number}; it is number {place} in the queue")


@command.command()
@click.argument("phase", type=ENTRY)
@click.pass_obj
def explain(repo: Path, phase: str) -> None:
    """Tell everything that happened to a phase in the queue, and why it is where it is.

    \b
    Example:
      batty queue explain phase-2
    """
    project = Project.around(repo)
    name = named_phase(phase)
    queue, events = project.queue(), project.place.records.events
    for at, text in history(name, events):
        click.echo(f"{at.astimezone():%m-%d %H:%M:%S}  {clean(text, 500)}")
    status = next((status for status in project.statuses() if status.phase.id == name), None)
    entry = queue.speaking(name)
    if status is None and entry is None:
        project.phase(phase)
    if entry is None:
        click.echo(f"{phase} was never in the merge queue: {status.state if status else 'it is gone'}")
        return
    state = status.state if status is not None else entry.state
    words = why(queue, entry) if entry.state == state and state != "landed" else (status.says if status else "")
    code = f" [{entry.code}]" if entry.code and state != "landed" else ""
    click.echo(f"now: {state}{': ' if words else ''}{clean(words, 400)}{code}")
    wait = expected_seconds(queue).get(name)
    if wait is not None:
        click.echo(f"expected to land in about {span_words(wait)}")
    if entry.log:
        click.echo(f"its last gate's log: {entry.log}")
    elif folders := log_folders(name, events):
        click.echo(f"gate logs: {', '.join(folders)}")
    if status is not None and status.next:
        say(f"↳ next: {status.next}")


@command.command("try")
@click.argument("phase", type=ENTRY)
@click.pass_context
def try_(ctx: click.Context, phase: str) -> None:
    """Build a phase's last commit on the base and gate it, now; nothing lands.

    \b
    Example:
      batty queue try phase-2
    """
    project = Project.around(ctx.obj)
    trial = try_out(project, named_phase(phase))
    nothing = isinstance(trial.built, CandidateBuilt) and trial.built.how == "nothing-new"
    found = "no commit of it is new to the base" if nothing else told(trial.built) or ""
    click.echo(f"{phase}: {clean(found, 400)}")
    if trial.run is not None:
        before = " (known from before)" if trial.known else ""
        click.echo(f"{phase}: gate {trial.run.verdict} in {trial.run.seconds:.1f} s{before}, log in {trial.run.log}")
    if isinstance(trial.built, Conflicted):
        say(f"↳ to settle it now: git merge {project.base} in its worktree, or batty queue resolve {phase} once queued")
    elif trial.passed:
        say("✓ there is nothing to land yet" if nothing else "✓ it would land")
    ctx.exit(0 if trial.passed else 1)


@command.command()
@click.argument("phase", type=ENTRY)
@click.option(
    "--move-back", "move_back_", is_flag=True, help="Put the base back instead, where nobody has built on it."
)
@click.pass_obj
def undo(repo: Path, phase: str, move_back_: bool) -> None:
    """Take back what a phase landed, by a revert that is gated and landed; twice brings it back.

    \b
    Example:
      batty queue undo phase-2
    """
    project = Project.around(repo)
    name = named_phase(phase)
    if move_back_:
        done = move_back(project, name)
        when = "was taken back" if done.brings_back else "landed"
        say(f"✓ {project.base} is at {done.base[:9]} again, as before {phase} {when}")
        if not done.brings_back:
            say(f"↳ to land it anew, run: batty queue retry {phase}")
        return
    done = take_back(project, name)
    if done.claim is None:
        raise BattyError("no-claim", f"nothing was claimed for {phase}", next="batty queue")
    does = f"brings back what {phase} landed" if done.brings_back else f"takes back {done.landed.candidate[:9]}"
    say(f"✓ {done.claim.head[:9]} {does}; it is gated, then lands\n↳ next: batty queue")


@command.command()
@click.argument("reason", required=False, default="")
@click.pass_obj
def pause(repo: Path, reason: str) -> None:
    """Land nothing more until `batty queue resume`.

    \b
    Example:
      batty queue pause "release day"
    """
    Project.around(repo).place.records.append(QueuePaused(reason=reason))
    say("✓ the queue is paused\n↳ to go on, run: batty queue resume")


@command.command()
@click.pass_obj
def resume(repo: Path) -> None:
    """Go on: after a pause, and where the queue stood still until somebody has looked.

    \b
    Example:
      batty queue resume
    """
    project = Project.around(repo)
    stopped = stops(project.queue())
    project.place.records.append(QueueResumed())
    wake_lander(project)
    say("✓ the queue goes on" if stopped else "✓ nothing stops the queue")
    for what in stopped:
        say(f"  until now it {clean(what, 300)}")
