"""Chooses the adapter of an agent by its name in the configuration."""

import shutil
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from batty_tmux.errors import BattyError
from batty_tmux.host.agents import claude, codex
from batty_tmux.host.agents.command import CommandAdapter
from batty_tmux.host.agents.launch import Adapter, Launch
from batty_tmux.names import clean

__all__ = ["BUILT_IN", "Adapter", "Launch", "adapter_of", "executable"]

BUILT_IN: Final[dict[str, Adapter]] = {"claude": claude, "codex": codex}


def adapter_of(name: str, command: tuple[str, ...] = ()) -> Adapter:
    """Return how to start the agent `name`; a configured command wins over a built-in agent of that name.

    Raises BattyError "unknown-agent", naming the nearest agent there is.
    """
    if command:
        return CommandAdapter(family_of(command))
    if name in BUILT_IN:
        return BUILT_IN[name]
    near = get_close_matches(name, BUILT_IN, n=1)
    raise BattyError(
        "unknown-agent",
        f"there is no agent {clean(name)!r}" + (f"; the nearest is {near[0]!r}" if near else ""),
        evidence=(f"built in: {', '.join(BUILT_IN)}; any other needs `[agents.NAME] command` in batty.toml",),
        next=f"batty work all --agent {near[0]}" if near else "batty doctor",
    )


def family_of(command: Sequence[str]) -> str:
    """Tell by the program's file name whose prompts a command shows."""
    program = Path(command[0]).name
    return program if program in BUILT_IN else "any"


def executable(argv: Sequence[str]) -> Path | None:
    """Return the program that a command line would start, looked up on PATH; None where there is none."""
    found = shutil.which(argv[0]) if argv else None
    return Path(found) if found else None
