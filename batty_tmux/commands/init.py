"""`batty init`: a commented batty.toml and a first board. Nothing that exists is written over."""

import json
import os
from pathlib import Path

import click

from batty_tmux.config import FILE, describe
from batty_tmux.core.starter import SIGNS, Guess, board_files, guess_gate, settings_text
from batty_tmux.drive.settings import BOARDS, base_branch, base_of, commit_command, ignored, repository
from batty_tmux.errors import BattyError
from batty_tmux.host import clock

_MOST = 1_000_000
"""Bytes read of a file that may say how the tests are run."""


@click.command("init")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Write batty.toml and a first board into this repository.

    \b
    Example:
      batty init && git add batty.toml kanban && git commit -m "Set up batty"
    """
    repo = repository(context.obj if isinstance(context.obj, Path) else Path.cwd())
    if os.path.lexists(repo / FILE):
        raise BattyError("exists", f"{repo / FILE} exists already", next="batty config")
    gate = guess_gate(_signs(repo), (entry.name for entry in repo.iterdir()))
    keys = [(key.key, key.default, key.meaning) for key in describe()]
    wrote = [*_write_board(repo), *_write(repo, {FILE: settings_text(keys, gate)})]
    following = _commit(repo, tuple(wrote))
    if as_json:
        click.echo(json.dumps({"wrote": wrote, "gate": gate.command or None, "next": following}, indent=2))
        return
    _say(wrote, gate, following)


def _say(wrote: list[str], gate: Guess, following: str) -> None:
    for path in wrote:
        click.echo(f"wrote {path}")
    if not any(path.startswith(f"{BOARDS}/") for path in wrote):
        click.echo(f"{BOARDS}/ exists already and stays as it is")
    click.echo(f"gate: {gate.command} ({gate.because})" if gate.command else f"gate: set [gate] command in {FILE}")
    click.echo("Settings and boards count once they are committed on the base branch:")
    click.echo(following)


def _signs(repo: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name in SIGNS:
        path = repo / name
        try:
            if path.is_file():
                with path.open("rb") as file:
                    texts[name] = file.read(_MOST).decode("utf-8", "replace")
        except OSError:
            # a file that cannot be read says nothing about the tests
            continue
    return texts


def _write_board(repo: Path) -> list[str]:
    if os.path.lexists(repo / BOARDS):
        return []
    return _write(repo, {f"{BOARDS}/{path}": text for path, text in board_files(clock.now()).items()})


def _write(repo: Path, files: dict[str, str]) -> list[str]:
    """Make files that do not exist yet; one that turned up meanwhile is not written over."""
    for path, text in files.items():
        try:
            (repo / path).parent.mkdir(parents=True, exist_ok=True)
            with (repo / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            reason = error.strerror or "it cannot be written"
            raise BattyError("cannot-write", f"{repo / path}: {reason}", next="batty doctor") from error
    return list(files)


def _commit(repo: Path, wrote: tuple[str, ...]) -> str:
    try:
        base = base_of(repo, base_branch(repo, None))
    except BattyError:
        # which branch is the base is doctor's question; the files are committed where they are
        base = None
    return commit_command(repo, base, wrote, force=bool(ignored(repo)))
