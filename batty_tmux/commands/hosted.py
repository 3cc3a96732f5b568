"""batty hosted: what another machine asks of the batty on this one, over ssh. JSON in, JSON out."""

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click
import msgspec

from batty_tmux.drive import hosted
from batty_tmux.drive.feed import Feed
from batty_tmux.drive.hosted import Clone, Opening
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.showing import show_here
from batty_tmux.errors import BattyError
from batty_tmux.names import RunId, Sha

_MOST = 1 << 18
"""Bytes of one request."""

P = ParamSpec("P")


@click.group(hidden=True)
@click.option("--folder", required=True, type=click.Path(path_type=Path))
@click.option("--clone", required=True)
@click.pass_context
def command(ctx: click.Context, folder: Path, clone: str) -> None:
    """Serve another machine whose phases work here. Nobody types this: `batty work` does, with [hosts.NAME]."""
    ctx.obj = Clone(folder, clone)


def _answering(
    do: Callable[Concatenate[Clone, P], dict[str, Any]],
) -> Callable[Concatenate[Clone, P], int]:
    """Print what a verb returns, or how it was refused, as one line of JSON: the last that is printed."""

    @wraps(do)
    def answering(clone: Clone, /, *args: P.args, **kwargs: P.kwargs) -> int:
        try:
            said = do(clone, *args, **kwargs)
        except BattyError as refused:
            told = {"code": refused.code, "message": refused.what, "evidence": refused.evidence, "next": refused.next}
            click.echo(json.dumps({"error": told}))
            return 1
        click.echo(json.dumps({"batty": "done", **said}, ensure_ascii=False))
        return 0

    return answering


def _given() -> dict[str, Any]:
    text = sys.stdin.read(_MOST)
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise BattyError("bad-request", "the request is no JSON object", next="batty doctor")
    return given


@command.command()
@click.option("--agent", "agents", multiple=True)
@click.pass_obj
@_answering
def hello(clone: Clone, agents: tuple[str, ...]) -> dict[str, Any]:
    """Tell versions, disk, clock, and where agents' programs are."""
    return hosted.hello(agents, clone.folder)


@command.command()
@click.pass_obj
@_answering
def make(clone: Clone) -> dict[str, Any]:
    """Make the clone that commits are pushed to."""
    given = _given()
    place = clone.make(str(given.get("name", "")), str(given.get("email", "")))
    return {"path": str(place.home)}


@command.command("open")
@click.pass_obj
@_answering
def open_(clone: Clone) -> dict[str, Any]:
    """Launch a phase here."""
    try:
        asked = msgspec.convert(_given(), Opening)
    except msgspec.ValidationError as wrong:
        raise BattyError("bad-request", f"this is no launch of a phase: {wrong}", next="batty doctor") from wrong
    return dict(hosted.open_phase(clone.place(), asked))


@command.command()
@click.argument("phase")
@click.option("--run", required=True)
@click.option("--branch", required=True)
@click.option("--since", type=click.IntRange(min=0), default=0)
@click.pass_obj
def follow(clone: Clone, phase: str, run: str, branch: str, since: int) -> int:
    """Tell what happens to a phase, and obey what is decided of it, line by line."""
    try:
        project = Project.at(clone.place())
        Feed(project, named_phase(phase), RunId(run), branch, since).feed(sys.stdin.fileno())
    except BattyError as refused:
        click.echo(json.dumps({"error": {"code": refused.code, "message": refused.what, "evidence": refused.evidence}}))
        return 1
    return 0


@command.command()
@click.argument("phase")
@click.option("--key", required=True)
@click.pass_obj
@_answering
def answer(clone: Clone, phase: str, key: str) -> dict[str, Any]:
    """Type an answer to the prompt with this key."""
    text = str(_given().get("text", ""))
    return {"answered": hosted.type_answer(Project.at(clone.place()), named_phase(phase), key, text)}


@command.command()
@click.argument("phase")
@click.option("--branch", required=True)
@click.pass_obj
@_answering
def end(clone: Clone, phase: str, branch: str) -> dict[str, Any]:
    """End a launch that goes on elsewhere."""
    return {"head": hosted.end(Project.at(clone.place()), named_phase(phase), branch)}


@command.command()
@click.argument("phase")
@click.option("--branch", required=True)
@click.option("--head", required=True)
@click.option("--ignored", is_flag=True)
@click.option("--dry-run", "dry", is_flag=True)
@click.pass_obj
@_answering
def close(clone: Clone, phase: str, branch: str, head: str, *, ignored: bool, dry: bool) -> dict[str, Any]:
    """Remove what a landed phase left here, after proof."""
    project = Project.at(clone.place())
    return {"stays": hosted.close(project, named_phase(phase), branch, Sha(head), ignored=ignored, dry=dry)}


@command.command()
@click.argument("phase")
@click.pass_obj
def show(clone: Clone, phase: str) -> None:
    """Show the phase's executor on this terminal."""
    show_here(Project.at(clone.place()), named_phase(phase), os.environ)
