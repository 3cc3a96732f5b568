"""How a phase is named on the command line: a word that the shell can complete."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from batty_tmux.errors import BattyError

Names = Callable[[Path], Iterable[tuple[str, str]]]
"""What there is to name in a repository: each with a word on it for shells that show one."""


class Named(click.types.StringParamType):
    """The name of a phase. It is only completed here; what it names, the command finds out."""

    name = "phase"

    def __init__(self, names: Names) -> None:
        self.names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Return what there is now. Where nothing can be found out, nothing is offered: a shell shows no errors."""
        repo = ctx.find_root().params.get("repo") or Path.cwd()
        try:
            there = list(self.names(repo))
        except (BattyError, OSError):
            return []
        return [CompletionItem(name, help=told) for name, told in there if name.startswith(incomplete)]


def _phases(*states: str) -> Names:
    """Return the phases in these states, of all where none is given."""

    def names(repo: Path) -> Iterable[tuple[str, str]]:
        from batty_tmux.drive.project import Project  # noqa: PLC0415 -- only a shell that asks pays for it

        statuses = Project.around(repo).statuses()
        return [(str(status.phase.id), status.state) for status in statuses if not states or status.state in states]

    return names


def _entries(repo: Path) -> Iterable[tuple[str, str]]:
    from batty_tmux.drive.project import Project  # noqa: PLC0415 -- as in _phases

    return [(str(entry.phase), entry.state) for entry in Project.around(repo).queue().entries]


def _launchable(repo: Path) -> Iterable[tuple[str, str]]:
    return [("all", "every phase that is ready"), *_phases()(repo)]


PHASE = Named(_phases())
ASKING = Named(_phases("asking"))
JUDGED = Named(_phases("reviewing", "held", "failed", "red", "conflict"))
AT_WORK = Named(_phases("working", "asking", "stuck", "checking"))
ENTRY = Named(_entries)
LAUNCHABLE = Named(_launchable)
