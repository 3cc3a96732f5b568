"""What every agent is started from, and what an adapter owes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batty_tmux.names import PhaseId, RunId


@dataclass(frozen=True)
class Launch:
    """One start of an executor. Paths are absolute.

    `args` are the user's own words (`[agents.NAME] args`), placed after batty's so that they win where the
    agent lets the last one win; `command` is `[agents.NAME] command`, empty for a built-in agent.
    `resume` asks for the agent's last conversation in this worktree, where the agent can do that.
    `notice` is a file that comes and goes while the agent works: what its next turn should know.
    """

    brief: Path
    phase: PhaseId
    board: Path
    worktree: Path
    run: RunId
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    resume: bool = False
    notice: Path | None = None


class Adapter(Protocol):
    """How one agent CLI is started. The modules `claude` and `codex` are adapters themselves."""

    @property
    def family(self) -> str:
        """Whose prompts to expect on the screen: "claude", "codex" or "any"."""

    def argv(self, launch: Launch) -> tuple[str, ...]:
        """Return the command line, one word an item; never passed through a shell."""

    def environment(self, launch: Launch) -> dict[str, str]:
        """Return what this agent needs beyond the BATTY_* variables that every executor gets."""

    def notice(self, words: str) -> str:
        """Return the whole text of the file `Launch.notice` that tells the agent this; "" if it reads none."""


def first_prompt(launch: Launch) -> str:
    """Return the words that start the agent. They begin with a letter: no CLI takes them for a flag or a command."""
    if launch.resume:
        return (
            f"You were interrupted. Read the file {launch.brief} again: it is your task, and it may have changed. "
            "Look at git log, git status and the board to see what is done, then go on until what it calls done holds."
        )
    return (
        f"Read the file {launch.brief} from beginning to end: it is your task. "
        "Do the work it describes, in this directory, until what it calls done holds."
    )
