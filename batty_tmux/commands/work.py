"""batty work: launch a phase, or every ready one, and keep the windows full."""

import os
from pathlib import Path

import click

from batty_tmux.commands.attach import attach
from batty_tmux.commands.naming import LAUNCHABLE, PHASE
from batty_tmux.commands.show import as_json, say
from batty_tmux.commands.tables import console, table
from batty_tmux.commands.wait import interactive, wait
from batty_tmux.core.report import GLYPHS, explain
from batty_tmux.core.space import Judged
from batty_tmux.core.status import current_run
from batty_tmux.core.window import Window, window
from batty_tmux.drive.exchange import freshen
from batty_tmux.drive.fill import Filled
from batty_tmux.drive.outline import Outline, OutlineRow, outline
from batty_tmux.drive.project import WALL, Project
from batty_tmux.drive.provisions import exposed, provisions
from batty_tmux.drive.resume import look_after
from batty_tmux.drive.room import look
from batty_tmux.drive.runs import Wish, begin, meant, to_make
from batty_tmux.errors import BattyError, UsageError
from batty_tmux.host.clock import now
from batty_tmux.names import PhaseId, clean

_HEADINGS = ("phase", "starts", "agent", "tasks", "branch", "worktree", "title")


@click.command()
@click.argument("which", metavar="all|PHASE", type=LAUNCHABLE)
@click.option("--parallel", type=click.IntRange(1, 64), metavar="N", help="Windows at work at once.  [run.parallel]")
@click.option("--agent", metavar="NAME", help="Which agent works.  [run.agent]")
@click.option("--base", metavar="NAME", help="The branch that phases land on.  [run.base]")
@click.option("--after", multiple=True, metavar="PHASE", type=PHASE, help="Start when it has landed; may be repeated.")
@click.option("--no-after", is_flag=True, help="Take back what --after said before.")
@click.option("--on", default="", metavar="HOST", help='Work there: a name of [hosts], or "here".')
@click.option("--from", "opens", default="", metavar="TIME", help='Launch nothing before: "22:00", "2h", "now".')
@click.option("--until", default="", metavar="TIME", help='Launch nothing after: "07:00", "8h", "never".')
@click.option("--attach", "mode", flag_value="attach", help="Go to the session (the default on a terminal).")
@click.option("--detach", "mode", flag_value="detach", help="Return at once (the default without one).")
@click.option("--wait", "mode", flag_value="wait", help="Return when nothing can move without you.")
@click.option("--dry-run", is_flag=True, help="Say exactly what would be done, and do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print the plan of the run, for programs.")
@click.pass_obj
def command(
    repo: Path,
    which: str,
    parallel: int | None,
    agent: str | None,
    base: str | None,
    after: tuple[str, ...],
    no_after: bool,
    on: str,
    opens: str,
    until: str,
    mode: str | None,
    dry_run: bool,
    json_: bool,
) -> int:
    """Run a phase, or every ready one, each in its own window and worktree.

    \b
    Examples:
      batty work all --parallel 3 --until 07:00
      batty work phase-2 --agent codex --wait
      batty work phase-3 --after phase-2 --on h2
    """
    project = Project.around(repo, base)
    if project.base.remote and not dry_run:
        freshen(project.place, project.base)
        project = Project.around(repo, base)
    project.refuse_bad_settings()
    project.refuse_bad_order()
    phases = () if which == "all" else (project.phase(which).id,)
    for line in (*project.broken_words(), *project.uncommitted_words(), *_provided_words(project)):
        say(clean(line, 300))
    others = tuple(project.phase(name).id for name in after)
    wish = Wish(phases, parallel, agent or "", others, no_after, _window(opens, until), on)
    if dry_run:
        started = meant(project, wish)
        plan = outline(project, current_run([started], project.run))
        room = look(project.place.home, project.base, project.config, to_make(project, started))
        _show(plan, room, phases, json_=json_)
        return 0
    if not project.board.phases:
        raise BattyError("no-phases", f"{project.base} has no phases in kanban/", next="batty init")
    look_after(project)
    if all(s.state == "landed" for s in project.statuses() if not phases or s.phase.id in phases):
        _tell(project, Filled((), ()), phases)
        if json_:
            as_json(outline(project, project.run))
        return 0
    started = meant(project, wish)
    room = look(project.place.home, project.base, project.config, to_make(project, started))
    if room.verdict == "tight":
        say(f"! little room on the disk: {room.says}   ↳ next: batty clean")
    launched = begin(project, started, dict(os.environ))
    project = Project.around(repo, base)
    _tell(project, launched, phases)
    if json_:
        as_json(outline(project, project.run))
    if mode == "wait":
        return wait(project)
    if mode == "attach" or (mode is None and interactive()):
        attach(project, None)
    say("↳ to see it, run: batty attach   to wait for it: batty work " + which + " --wait")
    return 1 if launched.failed and not launched.launched else 0


def _window(opens: str, until: str) -> Window | None:
    """Read --from and --until; None where neither is given: as the run has it."""
    if not opens and not until:
        return None
    found = window(opens, until, now(), WALL)
    if isinstance(found, str):
        raise UsageError("bad-time", found, next="batty work all --until 07:00")
    return found


def _provided_words(project: Project) -> tuple[str, ...]:
    """Say which provided files hold secrets, and what is not copied though it was asked for."""
    home = project.place.home
    found = provisions(home, project.base, project.config.run.provide)
    return tuple(f"! {line}" for line in (*(one.says for one in exposed(home, found)), *found.left_out))


def _tell(project: Project, filled: Filled, phases: tuple[PhaseId, ...]) -> None:
    """Say what became of every phase that was asked for, also of those that were not launched, and why."""
    for failure in filled.failed:
        what = f"{failure.phase} was not launched: {failure.reason}"
        error = BattyError("launch-failed", what, evidence=failure.evidence, next=f"batty work {failure.phase}")
        for line in explain(error):
            say(line)
    failed = {failure.phase for failure in filled.failed}
    for status in project.statuses():
        if (phases and status.phase.id not in phases) or status.phase.id in failed:
            continue
        if status.phase.id in filled.launched:
            say(f"● {status.phase.id} is launched{f' on {status.watch.host}' if status.watch.host else ''}")
        elif status.state == "ready" and status.kept:
            command = f"   ↳ next: {status.next}" if status.next else ""
            colon = "" if status.kept in {"slots", "agent"} else ":"
            say(f"· {status.phase.id}{colon} {status.says}{command}")
        else:
            says = f": {clean(status.says, 200)}" if status.says else ""
            command = f"   ↳ next: {status.next}" if status.next else ""
            say(f"{GLYPHS[status.state]} {status.phase.id} is {status.state}{says}{command}")


def _show(plan: Outline, room: Judged, phases: tuple[PhaseId, ...], *, json_: bool) -> None:
    """Say what would be done, of these phases or of all."""
    if json_:
        as_json(plan)
        return
    rows = [row for row in plan.phases if not phases or row.phase in phases]
    click.echo(f"base       {plan.base} at {plan.base_sha[:9]}")
    click.echo(f"gate       {plan.gate or '(none: set gate.command in batty.toml)'}")
    click.echo(f"parallel   {plan.parallel}")
    for limit in plan.limits:
        click.echo(f"           {limit.parallel} of them {limit.agent}, {limit.at_work} at work")
    if plan.window is not None:
        click.echo(f"launches   {plan.window.words}")
    click.echo(f"review     by {plan.review}")
    lacks = {"enough": "", "tight": " (little: batty clean)", "too-little": " (TOO LITTLE: batty clean --cache)"}
    click.echo(f"disk       {room.says}{lacks[room.verdict]}\n")
    fresh = [row for row in rows if row.starts]
    console().print(table(_HEADINGS, map(_row, fresh)))
    for row in rows:
        if not row.starts:
            click.echo(f"{row.phase} is {row.state}{': ' + clean(row.says, 200) if row.says else ''}")
    if not fresh:
        click.echo("nothing to launch")


def _row(row: OutlineRow) -> tuple[str, ...]:
    left = str(row.total - row.done)
    return (row.phase, row.starts, row.agent, left, row.branch, row.worktree, row.title)
