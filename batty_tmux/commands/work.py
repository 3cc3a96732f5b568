"""batty work: launch a phase, or every ready one, and keep the windows full."""

import os
from pathlib import Path

import click

from batty_tmux.commands.attach import attach
from batty_tmux.commands.naming import LAUNCHABLE
from batty_tmux.commands.show import say
from batty_tmux.commands.tables import console, table
from batty_tmux.commands.wait import interactive, wait
from batty_tmux.core.board import Phase
from batty_tmux.core.plan import Assignment, assignments
from batty_tmux.core.report import GLYPHS, explain
from batty_tmux.drive.fill import Filled, takes_a_slot
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.drive.runs import begin, next_run
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, clean


@click.command()
@click.argument("which", metavar="all|PHASE", type=LAUNCHABLE)
@click.option("--parallel", type=click.IntRange(1, 64), metavar="N", help="Windows at work at once.  [run.parallel]")
@click.option("--agent", metavar="NAME", help="Which agent works.  [run.agent]")
@click.option("--base", metavar="NAME", help="The branch that phases land on.  [run.base]")
@click.option("--attach", "mode", flag_value="attach", help="Go to the session (the default on a terminal).")
@click.option("--detach", "mode", flag_value="detach", help="Return at once (the default without one).")
@click.option("--wait", "mode", flag_value="wait", help="Return when nothing can move without you.")
@click.option("--dry-run", is_flag=True, help="Say exactly what would be done, and do nothing.")
@click.pass_obj
def command(
    repo: Path, which: str, parallel: int | None, agent: str | None, base: str | None, mode: str | None, dry_run: bool
) -> int:
    """Run a phase, or every ready one, each in its own window and worktree.

    \b
    Examples:
      batty work all --parallel 3
      batty work phase-2 --agent codex --wait
    """
    project = Project.around(repo, base)
    project.refuse_bad_settings()
    project.refuse_bad_order()
    phases = () if which == "all" else (project.phase(which).id,)
    going = project.run.parallel if next_run(project) == project.run.id else 0
    count = parallel or going or project.config.run.parallel
    for line in (*project.broken_words(), *project.uncommitted_words()):
        say(clean(line, 300))
    if dry_run:
        _show_plan(project, phases, count, agent or "")
        return 0
    if not project.board.phases:
        raise BattyError("no-phases", f"{project.base} has no phases in kanban/", next="batty init")
    look_after(project)
    if all(s.state == "landed" for s in project.statuses() if not phases or s.phase.id in phases):
        _tell(project, Filled((), ()), phases)
        return 0
    launched = begin(project, phases, count, agent or "", dict(os.environ))
    project = Project.around(repo, base)
    _tell(project, launched, phases)
    if mode == "wait":
        return wait(project)
    if mode == "attach" or (mode is None and interactive()):
        attach(project, None)
    say("↳ to see it, run: batty attach   to wait for it: batty work " + which + " --wait")
    return 1 if launched.failed and not launched.launched else 0


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
            say(f"● {status.phase.id} is launched")
        elif status.state == "ready":
            say(f"· {status.phase.id} starts when one of the {project.run.parallel} windows is free")
        else:
            says = f": {clean(status.says, 200)}" if status.says else ""
            command = f"   ↳ next: {status.next}" if status.next else ""
            say(f"{GLYPHS[status.state]} {status.phase.id} is {status.state}{says}{command}")


def _show_plan(project: Project, phases: tuple[PhaseId, ...], parallel: int, agent: str) -> None:
    queue = project.queue()
    landed = project.landed(queue)
    statuses = [s for s in project.statuses() if not phases or s.phase.id in phases]
    fresh = [s.phase for s in statuses if s.state in {"ready", "blocked"}]
    free = parallel - sum(takes_a_slot(s, parallel) for s in project.statuses())

    def who(phase: Phase) -> str:
        return agent or phase.agent or project.config.run.agent

    rows = assignments(fresh, next_run(project), who, free, str(project.worktrees), landed)
    click.echo(f"base       {project.base} at {queue.tip[:9]}")
    click.echo(f"gate       {project.config.gate.command or '(none: set gate.command in batty.toml)'}")
    click.echo(f"parallel   {parallel}")
    click.echo(f"review     by {project.config.review.by}\n")
    console().print(table(("phase", "starts", "agent", "tasks", "branch", "worktree", "title"), map(_row, rows)))
    for status in statuses:
        if status.phase not in fresh:
            click.echo(f"{status.phase.id} is {status.state}{': ' + clean(status.says, 200) if status.says else ''}")
    if not rows:
        click.echo("nothing to launch")


def _row(row: Assignment) -> tuple[str, ...]:
    return (row.phase, row.starts, row.agent, str(row.tasks), row.branch, row.worktree, row.title)
