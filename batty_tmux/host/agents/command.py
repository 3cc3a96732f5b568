"""Any command line program as an agent: `[agents.NAME] command = ["my-agent", "--task", "{brief}"]`."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from batty_tmux.errors import BattyError
from batty_tmux.host.agents.launch import Launch
from batty_tmux.names import clean

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True)
class CommandAdapter:
    """A configured command. `family` says whose prompts its screen shows."""

    family: str = "any"
    reports: bool = False
    names_its_session: bool = False

    def argv(self, launch: Launch) -> tuple[str, ...]:
        """Return the command with its placeholders filled in, then the user's args as they stand.

        A value stays inside the word that names it, whatever it holds. `{{` and `}}` are literal braces.
        Raises BattyError "unknown-placeholder".
        """
        values = _values(launch)
        return (*(_filled(word, values) for word in launch.command), *launch.args)

    def environment(self, _launch: Launch) -> dict[str, str]:
        """Nothing: what a program of the user's needs is in the caller's environment."""
        return {}

    def notice(self, _words: str) -> str:
        """Nothing: nobody knows what a program of the user's reads while it works."""
        return ""


def _values(launch: Launch) -> dict[str, str]:
    return {
        "brief": str(launch.brief),
        "phase": launch.phase,
        "board": str(launch.board),
        "worktree": str(launch.worktree),
        "run": launch.run,
    }


def _filled(word: str, values: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        sign, name = found.group(), found.group(1)
        if sign in {"{{", "}}"}:
            return sign[0]
        if name in values:
            return values[name]
        raise _unknown(word, sign, name, values)

    return _BRACES.sub(value, word)


def _unknown(word: str, sign: str, name: str | None, values: dict[str, str]) -> BattyError:
    near = get_close_matches(name or "", values, n=1)
    hint = f"; the nearest is {{{near[0]}}}" if near else ""
    return BattyError(
        "unknown-placeholder",
        f"`{clean(sign)}` in the agent's command is not a placeholder{hint}",
        evidence=(
            f"word: {clean(word)}",
            f"placeholders: {' '.join('{' + known + '}' for known in values)}; a literal brace is doubled",
        ),
        next="batty config",
    )
