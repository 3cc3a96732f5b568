"""Claude Code, started interactively in its pane. Flags and hooks accepted by 2.1.197 and 2.1.332.

What its hooks were seen to do, in both: PermissionRequest runs as soon as the dialog is due, and for a question of
its own (AskUserQuestion) too. The dialog stands on the screen meanwhile, and a key settles it at once: a hook that
waits holds up nobody, and what it prints afterwards is ignored. What it prints in time takes the dialog away. At its
time-out the dialog stays. A bare "allow" is ignored for a plan and for a question. No hook tells of the dialogs
before the first turn (trust, API key), of a refusal by a key, of an interruption: they are left to the screen.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Final

from batty_tmux.host.agents.launch import Channel, Launch, first_prompt

family: Final = "claude"
reports: Final = True
names_its_session: Final = True

_ROUTINE = ("batty-tmux board", "kanban-md", "git status", "git diff", "git log", "git add", "git commit")
"""Commands that a brief tells the agent to use; asking about each commit would make a person sit beside it."""

_AFTER_A_TOOL: Final = "PostToolUse"
_REPORTED: Final = (
    "SessionStart",
    "UserPromptSubmit",
    _AFTER_A_TOOL,
    "PostToolUseFailure",
    "Notification",
    "Stop",
    "StopFailure",
    "PreCompact",
    "SessionEnd",
)
"""Events of which batty only hears. An older version ignores a name that it does not know, since 2.1.101."""

_ASKED: Final = "PermissionRequest"

_TIMEOUT: Final = 5
"""Seconds that a hook has which tells something."""
_WAIT: Final = 120
"""Seconds in which an answer may still come by hook: as long as a supervisor agent may think. Nobody waits for it."""

_PATTERN_SIGNS = re.compile(r"([\\*?\[\]!#])")


def argv(launch: Launch) -> tuple[str, ...]:
    """Return the command line.

    The mode is acceptEdits: the worktree is the agent's own, and each of its edits passes the gate and a review
    before it lands, so asking about them protects nothing; commands still ask, and so do files outside. It is
    also a mode that keeps its name between versions ("default" became "manual").
    """
    return (
        "claude",
        "--permission-mode",
        "acceptEdits",
        "--settings",
        _settings(launch),
        *_conversation(launch),
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
    return json.dumps({"hookSpecificOutput": {"hookEventName": _AFTER_A_TOOL, "additionalContext": words}})


def _conversation(launch: Launch) -> tuple[str, ...]:
    """Return the flags that choose the conversation.

    A conversation goes on by its id after a kill -9 too, but it is written down only a moment after it began. Each
    of these ends with status 1 before a turn begins: `--resume` and `--continue` where there is no such
    conversation, `--session-id` where there is one already.
    """
    if not launch.resume:
        return ("--session-id", launch.session) if launch.session else ()
    return ("--resume", launch.session) if launch.session else ("--continue",)


def _settings(launch: Launch) -> str:
    """Return session-only settings: the brief may be read, and the steps that every brief asks for may be done.

    The Read rule is a gitignore pattern; "//" makes it absolute. Claude Code itself splits compound commands
    and matches each part, so `git add . && rm -rf /` still asks. Hooks of the user's own run beside these.
    """
    pattern = _PATTERN_SIGNS.sub(r"\\\1", launch.brief.as_posix().lstrip("/"))
    settings: dict[str, object] = {
        "permissions": {"allow": [f"Read(//{pattern})", *(f"Bash({c}:*)" for c in _ROUTINE)]},
    }
    hooks = _hooks(launch)
    if hooks:
        settings["hooks"] = hooks
    return json.dumps(settings)


def _hooks(launch: Launch) -> dict[str, list[dict[str, object]]]:
    hooks: dict[str, list[dict[str, object]]] = {}
    if launch.notice is not None:
        hooks[_AFTER_A_TOOL] = [_entry(_told_once(launch.notice), _TIMEOUT)]
    if launch.report is not None:
        for event, line, timeout in _reporting(launch.report):
            hooks.setdefault(event, []).append(_entry(line, timeout))
    return hooks


def _reporting(channel: Channel) -> tuple[tuple[str, str, int], ...]:
    told = tuple((event, channel.hook(), _TIMEOUT) for event in _REPORTED)
    return (*told, (_ASKED, channel.hook(wait=True), _WAIT))


def _entry(line: str, timeout: int) -> dict[str, object]:
    return {"hooks": [{"type": "command", "command": line, "timeout": timeout}]}


def _told_once(file: Path) -> str:
    """Return a line of shell that prints the notice once; renamed first, since tools may run side by side.

    It runs after each tool call: where there is no notice, the shell starts nothing.
    """
    new, told = shlex.quote(str(file)), shlex.quote(str(file.with_suffix(".told")))
    return f"if [ -e {new} ] && mv -f {new} {told} 2>/dev/null; then cat {told}; fi"
