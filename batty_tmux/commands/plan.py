"""batty plan: the phases and what they wait for, as text, as a picture, for programs."""

import sys
from pathlib import Path

import click

from batty_tmux.commands.show import as_json, say
from batty_tmux.commands.tables import console
from batty_tmux.core.plan_picture import picture
from batty_tmux.core.plan_text import drawn, mermaid
from batty_tmux.core.sequence import is_on
from batty_tmux.core.status import Run, current_run
from batty_tmux.drive.outline import Outline, heading, nodes, outline
from batty_tmux.drive.project import Project
from batty_tmux.drive.runs import Wish, meant
from batty_tmux.errors import BattyError
from batty_tmux.host.files import read_text, write_atomically
from batty_tmux.names import clean


@click.command()
@click.option("--svg", metavar="FILE", help="Draw it as a picture into a file; - prints it.")
@click.option("--mermaid", "mermaid_", is_flag=True, help="Print it as a Mermaid flowchart, which GitHub draws.")
@click.option("--json", "json_", is_flag=True, help="For programs.")
@click.pass_obj
def command(repo: Path, svg: str | None, mermaid_: bool, json_: bool) -> int:
    """Draw the phases, what each waits for, and how far it is.

    Shows the run that goes on, else what `batty work all` would do. Ends with 1 where an order cannot be kept.

    \b
    Examples:
      batty plan
      batty plan --svg plan.svg
    """
    project = Project.around(repo)
    told = outline(project, _run(project))
    if json_:
        as_json(told)
    elif mermaid_:
        click.echo(mermaid(nodes(told)), nl=False)
    elif svg == "-":
        click.echo(_picture(project, told), nl=False)
    elif svg:
        _write(repo / svg, _picture(project, told))
        say(f"✓ the plan is drawn in {clean(svg, 200)}")
    else:
        _draw(told)
    for problem in told.problems:
        say(f"! {clean(problem, 300)}")
    return 1 if project.bad_order() else 0


def _run(project: Project) -> Run:
    """Return the run that is on, else the one that `work all` would begin."""
    run = project.run
    if is_on(project.statuses(), run):
        return run
    return current_run([meant(project, Wish())])


def _draw(told: Outline) -> None:
    if not told.phases:
        raise BattyError("no-phases", f"{told.base} has no phases in kanban/", next="batty init")
    # a pipe is given whole lines
    columns = console().width if sys.stdout.isatty() else 1000
    click.echo(heading(told))
    for line in drawn(nodes(told), columns):
        click.echo(line)


def _picture(project: Project, told: Outline) -> str:
    return picture(nodes(told), f"{project.place.name}: what waits for what", heading(told))


def _write(path: Path, text: str) -> None:
    """Write the picture. Refuses to write over anything that is not one."""
    there = read_text(path)
    if path.exists() and not (there or "").startswith("<svg"):
        raise BattyError("not-a-picture", f"{path} is there and is no picture", next="batty plan --svg plan.svg")
    try:
        write_atomically(path, text)
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror}"
        raise BattyError("cannot-write", what, next="batty plan --svg plan.svg") from error
