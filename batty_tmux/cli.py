"""The command line: chooses a command, and turns what goes wrong into words and exit codes. Nothing else.

Commands are imported when they are chosen, so that help and hooks do not pay for tmux and git libraries.
"""

import errno
import importlib
import json
import os
import shlex
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from batty_tmux import __version__
from batty_tmux.errors import BattyError

_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

COMMANDS = {
    "work": "Run a phase, or every ready one, each in its own window and worktree.",
    "status": "Show what every phase is doing, asking, or waiting for.",
    "dashboard": "Show the whole run, with keys and mouse; runs in the home window.",
    "attach": "Go to the session, or to a phase's window.",
    "answer": "Answer a prompt that policy left to a person.",
    "pause": "Have supervision type nothing into a phase, until `batty unpause`.",
    "unpause": "Let the supervision of a phase go on.",
    "review": "Read a phase's packet and give a verdict: merge, rework or escalate.",
    "queue": "Show the merge queue; retry, resolve or skip an entry.",
    "board": "List, show, pick and move the tasks of a board.",
    "plan": "Draw the phases and what they wait for.",
    "log": "Show what happened, in order.",
    "report": "Tell what a run did and where its time went, as one page, and prove what landed.",
    "resume": "Go on from where everything was left, after a kill or a reboot.",
    "stop": "End the executors and launch nothing more; everything stays.",
    "clean": "Remove windows and worktrees of landed phases, after proof.",
    "init": "Write a commented batty.toml and a first board.",
    "doctor": "Check tmux, git, agents and the repository, and how to mend them.",
    "config": "Show the configuration in force and where it comes from.",
    "policy": "Show the rules by which prompts are answered.",
    "demo": "Run the main job on a sample repository, and prove what it did.",
    "completion": "Print what a shell needs to complete batty's words.",
    "unload": "Take back what the tmux plugin set.",
}
INTERNAL = {
    "supervise": "Supervise one phase; runs in its orchestrator pane.",
    "executor": "Become a phase's agent; runs in its executor pane.",
    "land": "Land what is approved, unless another lander is at it.",
    "hook": "What tmux calls.",
    "hosted": "What another machine asks whose phases work here.",
}

USAGE, BUG, INTERRUPTED = 2, 3, 130


class Lazy(click.Group):
    """A group that imports a command only when it is chosen."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*COMMANDS, *INTERNAL]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS and cmd_name not in INTERNAL:
            return None
        command = importlib.import_module(f"batty_tmux.commands.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for a mistyped one."""
        near = get_close_matches(args[0], COMMANDS, n=1) if args else []
        if args and near and args[0] not in COMMANDS and args[0] not in INTERNAL:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        with formatter.section("What tmux runs"):
            formatter.write_dl(list(INTERNAL.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Work there.")
@click.version_option(__version__, "--version", prog_name="batty")
@click.pass_context
def batty(ctx: click.Context, repo: Path | None) -> None:
    """Run coding agents side by side in tmux, and land their work one gated tree at a time.

    \b
    Examples:
      batty init                        in your repository, then commit what it wrote
      batty work all --parallel 3       three phases at once
      batty status                      what they do, and what needs you
    """
    ctx.obj = repo or Path.cwd()


def main() -> int:
    """Run the command line; return 0, 1, 2, 3 or 130 as contract.md says."""
    try:
        result = batty.main(prog_name="batty", standalone_mode=False)
    except BattyError as refused:
        _tell(refused)
        return refused.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as wrong:
        _tell_usage(wrong)
        return USAGE
    except (KeyboardInterrupt, click.exceptions.Abort):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # whoever read our output has left, for which click calls sys.exit, and nothing else does; point stdout
        # elsewhere so that the interpreter's last flush is quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as problem:  # noqa: BLE001 -- the last resort: a bug becomes a log that can be reported
        # the terminal was closed under us, as when tmux is killed: there is nobody to tell
        if isinstance(problem, OSError) and problem.errno == errno.EIO:
            return INTERRUPTED
        if isinstance(problem, OSError) and problem.errno in _OF_THE_DISK:
            where = f" ({problem.filename})" if problem.filename else ""
            full = BattyError("disk", f"the disk refuses to be written: {problem.strerror}{where}", next="df -h .")
            _tell(full)
            return full.exit_code
        return _bug()
    return result if isinstance(result, int) else 0


def _tell(refused: BattyError) -> None:
    # imported here: every refusal needs the words, no success does
    from batty_tmux.core.report import explain  # noqa: PLC0415

    if "--json" in sys.argv:
        told = {"code": refused.code, "message": refused.what, "next": refused.next}
        click.echo(json.dumps({"error": told}))
        return
    for line in explain(refused):
        click.echo(line, err=True)


def _tell_usage(wrong: click.ClickException) -> None:
    if "--json" in sys.argv:
        told = {"code": "usage", "message": wrong.format_message(), "next": "batty --help"}
        click.echo(json.dumps({"error": told}))
    else:
        wrong.show()


def _bug() -> int:
    from batty_tmux.drive.redaction import HURRY, redacted  # noqa: PLC0415 -- only a bug needs it

    story = f"batty {__version__}\npython {sys.version}\nargv {shlex.join(sys.argv)}\n\n{traceback.format_exc()}"
    with NamedTemporaryFile("w", prefix="batty-bug-", suffix=".log", errors="backslashreplace", delete=False) as log:
        log.write(redacted(story, HURRY))
    last = traceback.format_exc().strip().splitlines()[-1]
    click.echo(f"✗ a bug in batty: {last}\n  the whole story is in {log.name}", err=True)
    return BUG
