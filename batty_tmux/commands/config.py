"""`batty config`: the configuration that holds, and where each value comes from."""

import json
from pathlib import Path

import click
import msgspec

from batty_tmux.config import FILE, given, literal, parse, values
from batty_tmux.config_tables import Config
from batty_tmux.drive.settings import base_branch, base_of, base_text, commit_command, repository, uncommitted
from batty_tmux.names import Base


@click.command("config")
@click.option("--base", metavar="NAME", help="The branch whose tip is read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, base: str | None, as_json: bool) -> None:
    """Print the configuration in force, as the base branch's tip has it.

    \b
    Example:
      batty config --json
    """
    repo = repository(context.obj if isinstance(context.obj, Path) else Path.cwd())
    branch = base_of(repo, base_branch(repo, base))
    text = base_text(repo, branch)
    config = parse(text or "", f"{branch}:{FILE}")
    rows = [(key, value, _origin(key, given(text or ""))) for key, value in values(config)]
    if as_json:
        click.echo(_as_json(branch, rows, has_file=text is not None))
    else:
        _print(branch, rows, config, has_file=text is not None)
    waiting = uncommitted(repo, branch)
    if FILE in waiting:
        click.echo(f"The {FILE} of your checkout is not the one on {branch}: {_next(repo, branch)}", err=True)


def _origin(key: str, keys: frozenset[str]) -> str:
    return "file" if key in keys else "default"


def _next(repo: Path, branch: Base) -> str:
    return commit_command(repo, branch, (FILE,))


def _as_json(branch: Base, rows: list[tuple[str, object, str]], *, has_file: bool) -> str:
    keys = [{"key": key, "value": msgspec.to_builtins(value), "from": origin} for key, value, origin in rows]
    return json.dumps(
        {"base": branch.name, "remote": branch.remote, "file": FILE if has_file else None, "keys": keys},
        indent=2,
        ensure_ascii=False,
    )


def _print(branch: Base, rows: list[tuple[str, object, str]], config: Config, *, has_file: bool) -> None:
    click.echo(f"# {branch}:{FILE}" if has_file else f"# {branch} has no {FILE}: all defaults")
    shown = [(f"{key} = {literal(value)}", origin) for key, value, origin in rows]
    width = min(60, max(len(line) for line, _ in shown))
    for line, origin in shown:
        click.echo(f"{line:<{width}}  # {origin}")
    if not config.gate.command:
        click.echo("gate.command is not set, so nothing can land: $EDITOR batty.toml", err=True)
