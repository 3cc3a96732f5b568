"""batty work: launch a phase, or every ready one, and keep the windows full."""

import os
from pathlib import Path

import click

from batty_tmux.commands.show import console, say, table
from batty_tmux.commands.wait import attach, interactive, wait
from batty_tmux.core.board import Phase
from batty_tmux.core.plan import Assignment, assignments
from batty_tmux.core.report import explain
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.drive.runs import begin, next_run
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId


@click.command()
@click.argument("which", metavar="all|PHASE")
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
    project.refuse_bad_order()
    phases = () if which == "all" else (project.phase(which).id,)
    count = parallel or project.config.run.parallel
    for broken in project.board.refused:
        say(f"! {broken.path}: {broken.problem}")
    for line in project.uncommitted_words():
        say(line)
    if dry_run:
        _show_plan(project, phases, count, agent or "")
        return 0
    if not project.board.phases:
        raise BattyError("no-phases", f"{project.base} has no phases in kanban/", next="batty init")
    look_after(project)
    launched = begin(project, phases, count, agent or "", dict(os.environ))
    for phase in launched.launched:
        say(f"● {phase} is launched")
    for failure in launched.failed:
        error = BattyError(
            "launch-failed",
            f"{failure.phase} was not launched: {failure.reason}",
            evidence=failure.evidence,
            next=f"batty work {failure.phase}",
        )
        for line in explain(error):
            say(line)
    project = Project.around(repo, base)
    if mode == "wait":
        return wait(project)
    if mode == "attach" or (mode is None and interactive()):
        attach(project, None)
    say("↳ to see it, run: batty attach   to wait for it: batty work " + which + " --wait")
    return 1 if launched.failed and not launched.launched else 0


def _show_plan(project: Project, phases: tuple[PhaseId, ...], parallel: int, agent: str) -> None:
    queue = project.queue()
    landed = project.landed(queue)
    chosen = [p for p in project.board.phases if not phases or p.id in phases]
    going = [s for s in project.statuses() if s.phase.id not in landed and s.watch.launching is not None]
    fresh = [p for p in chosen if p.id not in {s.phase.id for s in going if not s.watch.closed}]

    def who(phase: Phase) -> str:
        return agent or phase.agent or project.config.run.agent

    rows = assignments(fresh, next_run(project), who, parallel, str(project.worktrees), landed)
    click.echo(f"base       {project.base} at {queue.tip[:9]}")
    click.echo(f"gate       {project.config.gate.command or '(none: set gate.command in batty.toml)'}")
    click.echo(f"parallel   {parallel}")
    click.echo(f"review     by {project.config.review.by}\n")
    console().print(table(("phase", "starts", "agent", "tasks", "branch", "worktree", "title"), map(_row, rows)))
    for phase in sorted(landed & {p.id for p in chosen}):
        click.echo(f"{phase} has landed already")
    for status in going:
        if not status.watch.closed:
            click.echo(f"{status.phase.id} is {status.state} already")
    if not rows:
        click.echo("nothing to launch")


def _row(row: Assignment) -> tuple[str, ...]:
    return (row.phase, row.starts, row.agent, str(row.tasks), row.branch, row.worktree, row.title)
