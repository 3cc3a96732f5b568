"""batty answer: type for a person into an executor that asks."""

from pathlib import Path

import click

from batty_tmux.commands.show import say
from batty_tmux.drive.answers import answer
from batty_tmux.drive.project import Project
from batty_tmux.drive.resume import look_after
from batty_tmux.errors import BattyError


@click.command()
@click.argument("phase")
@click.argument("text", required=False)
@click.pass_obj
def command(repo: Path, phase: str, text: str | None) -> None:
    """Answer a prompt that policy left to a person; Enter follows the text. Without a text, show the prompt.

    \b
    Example:
      batty answer phase-2 y
    """
    project = Project.around(repo)
    look_after(project)
    watch = project.watch(project.phase(phase).id)
    if watch.prompt is None:
        raise BattyError("nothing-asked", f"{phase} asks nothing now", next="batty status")
    if text is None:
        click.echo(watch.prompt.text or watch.prompt.question)
        say(f"↳ next: batty answer {phase} TEXT")
        return
    answer(project, watch, text)
    say(f"✓ answered {phase}")
