"""Claude Code, started interactively in its pane. Flags accepted by 2.1.197 and 2.1.330."""

import json
import re
import shlex
from pathlib import Path
from typing import Final

from batty_tmux.host.agents.launch import Launch, first_prompt

family: Final = "claude"

_ROUTINE = ("batty-tmux board", "kanban-md", "git status", "git diff", "git log", "git add", "git commit")
"""Commands that a brief tells the agent to use; asking about each commit would make a person sit beside it."""

_EVENT: Final = "PostToolUse"
_HOOK_TIMEOUT: Final = 5
"""Seconds."""

_PATTERN_SIGNS = re.compile(r"([\\*?\[\]!#])")


def argv(launch: Launch) -> tuple[str, ...]:
    """Return the command line.

    The mode is acceptEdits: the worktree is the agent's own, and each of its edits passes the gate and a review
    before it lands, so asking about them protects nothing; commands still ask, and so do files outside. It is
    also a mode that keeps its name between versions ("default" became "manual").
    `--continue` ends with status 1 when there is no conversation in the worktree yet: start anew then.
    """
    return (
        "claude",
        "--permission-mode",
        "acceptEdits",
        "--settings",
        _settings(launch),
        *(("--continue",) if launch.resume else ()),
        *launch.args,
        # without this an option that takes many values (--allowedTools in args) would take the prompt too
        "--",
        first_prompt(launch),
    )


def environment(_launch: Launch) -> dict[str, str]:
    """Keep the program from replacing itself while phases run on it."""
    return {"DISABLE_AUTOUPDATER": "1"}


def notice(words: str) -> str:
    """Return what the hook prints: Claude Code adds it to what it reads after its next tool call."""
    return json.dumps({"hookSpecificOutput": {"hookEventName": _EVENT, "additionalContext": words}})


def _settings(launch: Launch) -> str:
    """Return session-only settings: the brief may be read, and the steps that every brief asks for may be done.

    The Read rule is a gitignore pattern; "//" makes it absolute. Claude Code itself splits compound commands
    and matches each part, so `git add . && rm -rf /` still asks.
    """
    pattern = _PATTERN_SIGNS.sub(r"\\\1", launch.brief.as_posix().lstrip("/"))
    settings: dict[str, object] = {
        "permissions": {"allow": [f"Read(//{pattern})", *(f"Bash({c}:*)" for c in _ROUTINE)]},
    }
    if launch.notice is not None:
        hook = {"type": "command", "command": _hook(launch.notice), "timeout": _HOOK_TIMEOUT}
        settings["hooks"] = {_EVENT: [{"hooks": [hook]}]}
    return json.dumps(settings)


def _hook(file: Path) -> str:
    """Return a line of shell that prints the notice once; renamed first, since tools may run side by side.

    It runs after each tool call: where there is no notice, the shell starts nothing.
    """
    new, told = shlex.quote(str(file)), shlex.quote(str(file.with_suffix(".told")))
    return f"if [ -e {new} ] && mv -f {new} {told} 2>/dev/null; then cat {told}; fi"
