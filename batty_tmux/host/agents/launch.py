"""What every agent is started from, and what an adapter owes."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batty_tmux.names import PhaseId, RunId


@dataclass(frozen=True)
class Channel:
    """Where the agent's hooks report: a folder of the supervisor's, and the word that proves whose hooks they are."""

    folder: Path
    token: str

    @property
    def script(self) -> Path:
        """The hook: a copy of `hooks/report.sh`, so that it is there as long as its folder is."""
        return self.folder / "report.sh"

    def hook(self, *, wait: bool = False) -> str:
        """Return the line of shell that an agent runs, the event on its stdin. With `wait` it prints the answer.

        A shell that cannot open its script ends with 2, which an agent takes for a refusal: looked for first.
        """
        script, folder, token = (shlex.quote(str(word)) for word in (self.script, self.folder, self.token))
        return f"[ ! -r {script} ] || exec /bin/sh {script} {folder} {token}{' wait' if wait else ''}"


@dataclass(frozen=True)
class Launch:
    """One start of an executor. Paths are absolute.

    `args` are the user's own words (`[agents.NAME] args`), placed after batty's so that they win where the
    agent lets the last one win; `command` is `[agents.NAME] command`, empty for a built-in agent.
    `session` is the id of the agent's own conversation: with `resume` the one to go on with, else the one to begin,
    where the agent lets it be chosen. `resume` without it asks for the last conversation in this worktree.
    `notice` is a file that comes and goes while the agent works: what its next turn should know.
    `report` is where its hooks say what it does, where it has any.
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
    session: str = ""
    report: Channel | None = None


class Adapter(Protocol):
    """How one agent CLI is started. The modules `claude` and `codex` are adapters themselves."""

    @property
    def family(self) -> str:
        """Whose prompts to expect on the screen: "claude", "codex" or "any"."""

    @property
    def reports(self) -> bool:
        """Whether it can be told, for one session, to report by hooks: `Launch.report` is used."""

    @property
    def names_its_session(self) -> bool:
        """Whether a first start takes the id of the conversation from `Launch.session`; else a report tells it."""

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
