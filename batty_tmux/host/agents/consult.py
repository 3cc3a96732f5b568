"""How an agent is asked one question from the command line: flags of Claude Code 2.1.197 to 2.1.332, Codex 0.169.0.

It gets no tools, no hooks, no servers and no memory, keeps no conversation, and stands in an empty folder: whatever
talks it into something, there is nothing that it could do but give a wrong answer. The question is on its input and
never among its arguments, where `ps` would show it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from batty_tmux.host.process import scrubbed

Cli = Literal["claude", "codex", "command"]

_SCHEMA: Final = "schema.json"
_INSTRUCTIONS: Final = "instructions.md"
_LAST: Final = "last.json"

_OF_CODEX: Final = (
    # as settings and not as -s and -a: those may be given once only, and the user may give them in args
    'sandbox_mode="read-only"',
    'approval_policy="never"',
    'web_search="disabled"',
    # each of these is a tool, or brings some
    "features.shell_tool=false",
    "features.unified_exec=false",
    "features.view_image=false",
    "features.multi_agent=false",
    "features.goals=false",
    "features.apps=false",
    "features.plugins=false",
    # what belongs to the work on a project
    "features.hooks=false",
    "skills.include_instructions=false",
    "include_permissions_instructions=false",
    "include_environment_context=false",
    "project_doc_max_bytes=0",
)


@dataclass(frozen=True)
class Call:
    """One call. `folder` is its own and holds `files`; `schema` is what the reply must look like.

    `command` is `supervisor.command`, for a program of the user's; `args` are the user's words, after batty's.
    `budget` is in dollars.
    """

    folder: Path
    instructions: str
    schema: str
    command: tuple[str, ...] = ()
    model: str = ""
    args: tuple[str, ...] = ()
    budget: str = ""

    @property
    def stand(self) -> Path:
        """The empty folder that the program runs in."""
        return self.folder / "empty"

    @property
    def last(self) -> Path:
        """Where Codex leaves its last message."""
        return self.folder / _LAST


def argv(cli: Cli, call: Call) -> tuple[str, ...]:
    """Return the command line, one word an item; never passed through a shell."""
    match cli:
        case "claude":
            return (*_claude(call), *call.args)
        case "codex":
            # "-": the question is read from the input, whatever the args before it swallow
            return (*_codex(call), *call.args, "-")
        case "command":
            return (*call.command, *call.args)


def _claude(call: Call) -> tuple[str, ...]:
    """Safe mode leaves out hooks, CLAUDE.md, plugins and servers of the user's, and keeps how they log in."""
    return (
        *("claude", "-p", "--output-format", "json", "--json-schema", call.schema),
        *("--system-prompt", call.instructions),
        *("--tools", "", "--safe-mode", "--strict-mcp-config", "--no-session-persistence"),
        *(("--max-budget-usd", call.budget) if call.budget else ()),
        *(("--model", call.model) if call.model else ()),
    )


def _codex(call: Call) -> tuple[str, ...]:
    """The user's config.toml is left out, since it may start servers; a provider of theirs is named by `-c` in args."""
    settings = (*_OF_CODEX, f'model_instructions_file="{_toml(call.folder / _INSTRUCTIONS)}"')
    return (
        *("codex", "exec", "--json", "--output-schema", str(call.folder / _SCHEMA), "-o", str(call.last)),
        *("--skip-git-repo-check", "--ephemeral", "--ignore-user-config", "--ignore-rules", "--color", "never"),
        *(word for setting in settings for word in ("-c", setting)),
        *(("-m", call.model) if call.model else ()),
    )


def _toml(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def files(cli: Cli, call: Call) -> dict[str, str]:
    """Return what must stand in the call's folder, by name."""
    return {_SCHEMA: call.schema, _INSTRUCTIONS: call.instructions} if cli == "codex" else {}


def told(cli: Cli, call: Call, message: str) -> str:
    """Return what the program reads on its input. A program of the user's is told its task there too."""
    return f"{call.instructions}\n{message}" if cli == "command" else message


def environment(cli: Cli, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a call, from the one that the run was started in."""
    kept = {key: value for key, value in scrubbed(environ).items() if key not in _OF_A_PANE}
    return {**kept, "DISABLE_AUTOUPDATER": "1"} if cli == "claude" else kept


_OF_A_PANE: Final = frozenset({"TMUX", "TMUX_PANE", "PWD", "OLDPWD"})


def shown(words: tuple[str, ...], call: Call) -> tuple[str, ...]:
    """Return a command line for a person to read: the long texts that are the same each time are named."""
    names = {call.instructions: "INSTRUCTIONS", call.schema: "SCHEMA"}
    folder = str(call.folder)
    return tuple(names.get(word, word.replace(folder, "FOLDER") if folder != os.sep else word) for word in words)
