"""batty answer: type for a person into an executor that asks."""

import shutil
import sys
from pathlib import Path

import click

from batty_tmux.commands.naming import ASKING
from batty_tmux.commands.show import say
from batty_tmux.core.attention import Waiting, age_of, prompt_lines, suggestion, waiting_lines
from batty_tmux.core.report import explain
from batty_tmux.drive.answers import answer
from batty_tmux.drive.asked import Asked, asked, questions, settle
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, clean

_LEAVES = "q"
_AROUND = 8
"""Rows of a terminal that a prompt is not shown in: what stands around it."""


@click.command()
@click.argument("phase", required=False, type=ASKING)
@click.argument("text", required=False)
@click.option("--accept", is_flag=True, help="Answer with what the policy suggests.")
@click.pass_obj
def command(repo: Path, phase: str | None, text: str | None, accept: bool) -> None:
    """Answer a prompt that policy left to a person; Enter follows the text.

    Without a phase, the one that has asked for the longest. Without a text, a terminal shows the prompt and asks for
    an answer; elsewhere the prompt is only shown.

    \b
    Example:
      batty answer phase-2 y
    """
    if accept and text is not None:
        raise click.UsageError("Give a text or --accept, not both.")
    project = Project.around(repo)
    look_after(project)
    if text is None and not accept and sys.stdin.isatty() and sys.stdout.isatty():
        converse(project, project.phase(phase).id if phase else None)
        return
    name = project.phase(phase).id if phase else _oldest(project)
    if text is not None:
        answer(project, project.watch(name), text)
        say(f"✓ answered {name}")
        return
    shown = asked(project, name)
    if accept:
        _accept(project, name, shown)
        return
    click.echo("\n".join(prompt_lines(shown.prompt, shown.options)))
    say(f"↳ next: batty answer {name} TEXT")


def _accept(project: Project, phase: PhaseId, shown: Asked) -> None:
    text = suggestion(shown.prompt)
    if not text:
        what = f"the policy suggests no answer to what {phase} asks"
        raise BattyError("nothing-suggested", what, next=f"batty answer {phase}")
    if not settle(project, phase, shown, text):
        raise BattyError("asks-another", f"{phase} asks something else by now", next=f"batty answer {phase}")
    say(f"✓ answered {phase}: {clean(text)}")


def _oldest(project: Project) -> PhaseId:
    found = questions(project)
    if not found or found[0].phase is None:
        raise BattyError("nothing-asked", "no phase asks anything now", next="batty status")
    return found[0].phase


def converse(project: Project, only: PhaseId | None) -> None:
    """Show what is asked and take a person's answers, the oldest first, until nothing is asked or they leave."""
    answered = 0
    while True:
        project.place.records.refresh()
        found = [one for one in questions(project) if only in {None, one.phase}]
        if not found:
            if only is not None and not answered:
                raise BattyError("nothing-asked", f"{only} asks nothing now", next="batty status")
            click.echo("nothing is asked now" if not answered else f"✓ answered {answered}: nothing more is asked")
            return
        chosen = found[0] if len(found) == 1 else _choose(found)
        typed = None if chosen is None else _answer(project, chosen)
        if typed is None:
            click.echo("left open")
            return
        answered += typed


def _choose(found: list[Waiting]) -> Waiting | None:
    """Let a person choose among the phases that ask; None when they leave."""
    click.echo(f"\n{len(found)} ask, oldest first")
    for number, one in enumerate(found, 1):
        told = f"  {number}  {one.name}  {age_of(one.seconds)}  {clean(one.question, 160)}"
        click.echo(told)
    while True:
        line = _typed("which one? (its number, Enter for the first, q leaves them open) ")
        if line is None:
            return None
        number = int(line) if line.isascii() and line.isdigit() and len(line) < 4 else 0  # noqa: PLR2004
        if not line or 0 < number <= len(found):
            return found[max(number - 1, 0)]
        click.echo(f"there is no number {clean(line, 20)}")


def _answer(project: Project, one: Waiting) -> bool | None:
    """Show a prompt and take lines until one answers it.

    False when it was gone by then, and nothing was typed; None when the person leaves it open.
    """
    phase = PhaseId(one.name)
    shown = asked(project, phase)
    rows = shutil.get_terminal_size().lines - len(shown.options) - _AROUND
    told = prompt_lines(shown.prompt, shown.options, rows)
    click.echo("\n".join(["", *waiting_lines(one, ages=True)[:1], "", *told, ""]))
    suggested = suggestion(shown.prompt)
    if suggested:
        click.echo(f"the policy suggests: {clean(suggested, 160)}   (Enter takes it)")
    while True:
        line = _typed("answer: (q leaves it open) ")
        if line is None:
            return None
        if not line and not suggested:
            click.echo("nothing was typed")
            continue
        try:
            done = settle(project, phase, shown, shown.means(line) if line else suggested)
        except BattyError as refused:
            click.echo("\n".join(explain(refused)))
            continue
        click.echo(f"✓ answered {phase}" if done else f"! {phase} asks something else by now: nothing was typed")
        return done


def _typed(prompt: str) -> str | None:
    """Read a line from the terminal; None when it says that the person leaves."""
    try:
        line = input(prompt).strip()
    except EOFError:
        return None
    return None if line == _LEAVES else line
