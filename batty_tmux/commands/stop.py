"""batty stop: end the executors; everything they did stays."""

from pathlib import Path

import click

from batty_tmux.commands.show import as_json, say
from batty_tmux.config_rules import span
from batty_tmux.core.coming_back import Stopped, asked_line, stopped_line
from batty_tmux.drive.project import Project
from batty_tmux.drive.stopping import Stopping
from batty_tmux.errors import BattyError, UsageError


@click.command()
@click.option("--now", "at_once", is_flag=True, help="Ask nobody to commit first.")
@click.option("--timeout", default="60s", show_default=True, metavar="TIME", help="How long agents have to commit.")
@click.option("--json", "json_", is_flag=True, help="For programs: how each phase was left.")
@click.pass_obj
def command(repo: Path, at_once: bool, timeout: str, json_: bool) -> None:
    """Ask the agents to commit, end the executors, launch nothing more.

    Worktrees, branches, queue and journal stay as they are, and so does what is not committed. ^C while it waits ends
    the executors at once.

    \b
    Examples:
      batty stop
      batty stop --now && batty status
    """
    seconds = span(timeout)
    if seconds is None:
        what = f"--timeout is a time such as 90s or 5m, not {timeout!r}"
        raise UsageError("bad-timeout", what, next="batty stop --timeout 60s")
    project = Project.around(repo)
    if not project.run.id:
        raise BattyError("no-run", "nothing is running", next="batty work all")
    stopping = Stopping(project, lambda names, left: say(asked_line(names, left)))
    ended = stopping.stop(0.0 if at_once else seconds)
    then, command_ = _next(Project.around(repo))
    if json_:
        as_json({"version": 1, "run": project.run.id, "stopped": [_row(one) for one in ended], "next": command_})
        return
    if stopping.interrupted:
        say("! interrupted: what had not committed by then was ended as it was")
    for one in ended:
        say(stopped_line(one))
    names = ", ".join(one.phase for one in ended)
    say(f"✓ stopped{': ' + names if names else ''}; nothing was removed\n↳ {then}, run: {command_}")


def _next(project: Project) -> tuple[str, str]:
    """Say what there is left to do: where all phases are over, there is nothing to go on with."""
    is_over = all(status.state in {"landed", "skipped"} for status in project.statuses())
    return ("to clean up", "batty clean") if is_over else ("to go on", "batty resume")


def _row(one: Stopped) -> dict[str, object]:
    return {
        "phase": one.phase,
        "how": one.how,
        "why": one.why or None,
        "uncommitted": one.uncommitted,
        "worktree": one.worktree,
        "snapshot": one.snapshot or None,
    }
