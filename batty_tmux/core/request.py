"""What is judged: one thing that is asked, whether a screen showed it, a hook told it or the journal kept it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Final

from batty_tmux.core.events import Prompted
from batty_tmux.core.prompts import Prompt

MAX_TEXT: Final = 20_000
"""Characters of a request that rules see. A longer one is judged by a person."""
MAX_ROWS: Final = 4
"""Rows of a command on a screen whose breaks may be the pane's: all ways to join them are judged."""
_MAX_WRAPPED: Final = 2_000


@dataclass(frozen=True)
class Request:
    """One thing that is asked.

    `kind` is a prompt's (`core/prompts.py`), `tool` what Claude Code calls it: Bash, Edit, Read, WebFetch,
    mcp__server__tool. `command` and `paths` are what it would run or touch, `text` all that is asked. A `menu` is
    answered by choosing one of `options`, else a line is typed, unless it is a tool that is asked about. `whole` is
    False where a part is not seen; `wrapped` says that a line break in `command` may be the pane's. `folder` is where
    it would run; "" is the worktree.
    """

    kind: str
    tool: str = ""
    command: str = ""
    paths: tuple[str, ...] = ()
    text: str = ""
    question: str = ""
    options: tuple[str, ...] = ()
    menu: bool = False
    whole: bool = True
    family: str = "any"
    wrapped: bool = False
    folder: str = ""

    @property
    def typed(self) -> bool:
        """Whether the answer is a line of text."""
        return not self.menu and not self.tool

    @property
    def readings(self) -> tuple[str, ...]:
        """The command in all ways in which its rows may have been one line; none when there are too many."""
        rows = self.command.split("\n")
        if not self.wrapped or len(rows) == 1:
            return (self.command,) if self.command else ()
        if len(rows) > MAX_ROWS or len(self.command) > _MAX_WRAPPED:
            return ()
        joints = product(("\n", " ", ""), repeat=len(rows) - 1)
        joined = ("".join(part for pair in zip(rows, (*joint, ""), strict=True) for part in pair) for joint in joints)
        return tuple(dict.fromkeys(joined))


def of_prompt(prompt: Prompt) -> Request:
    """Return what a screen asks."""
    request = Request(
        kind=prompt.kind,
        text=prompt.text,
        question=prompt.question,
        options=tuple(option.label for option in prompt.options),
        menu=prompt.caret is not None,
        whole=prompt.whole,
        family=prompt.family,
    )
    return _about(request, prompt.tool, prompt.subject, wrapped=True)


def of_record(event: Prompted) -> Request:
    """Return what was asked when this was journaled."""
    request = Request(
        kind=event.kind,
        text=event.text,
        question=event.question,
        options=event.options,
        menu=event.menu,
        whole=event.whole,
        family=event.family,
    )
    return _about(request, event.tool, event.subject, wrapped=event.via == "screen")


_FILES: Final = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "Read", "Glob", "Grep", "LS"})
WRITES: Final = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})


def _about(request: Request, tool: str, subject: str, *, wrapped: bool) -> Request:
    """Say which command or file it is about; dialogs of commands and edits are known also without a tool's name."""
    tool = tool or {"edit": "Edit", "permission": "Bash"}.get(request.kind if subject else "", "")
    if not subject or not tool:
        return replace(request, tool=tool)
    if tool == "Bash":
        return replace(request, tool=tool, command=subject, wrapped=wrapped and "\n" in subject)
    return replace(request, tool=tool, paths=(subject,) if tool in _FILES else ())


# --- from a tool's input ------------------------------------------------------------------------------------

_KINDS: Final = {"AskUserQuestion": "question", "ExitPlanMode": "plan"} | dict.fromkeys(WRITES, "edit")
_PATHS: Final = ("file_path", "notebook_path", "path")
_COMMANDS: Final = ("command", "cmd", "script")


def of_tool(tool: str, tool_input: Mapping[str, object], family: str = "claude", folder: str = "") -> Request:
    """Return what a hook tells of a tool. Total: a wrong kind of value counts as text that somebody should look at."""
    tool = tool[:200]
    text = _text_of(tool, tool_input)
    command = next((told for key in _COMMANDS if (told := _line(tool_input.get(key)))), "")
    paths = tuple(path for key in _PATHS if isinstance(path := tool_input.get(key), str) and path)
    loose = any(str(key).startswith("dangerously") and value for key, value in islice(tool_input.items(), 200))
    odd = any(tool_input.get(key) is not None and not _line(tool_input[key]) for key in (*_PATHS, *_COMMANDS))
    question, options = _asked(tool_input)
    return Request(
        kind="bypass" if loose else _KINDS.get(tool, "permission"),
        tool=tool,
        command="" if tool in _FILES else command,
        paths=paths if tool in _FILES else (),
        text=text,
        question=question or text.partition("\n")[0][:500],
        options=options,
        menu=bool(options),
        whole=not odd,
        family=family,
        folder=folder,
    )


def _line(value: object) -> str:
    """Return a command as a line; some agents tell it as words."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        return shlex.join(value)
    return ""


def _text_of(tool: str, tool_input: Mapping[str, object]) -> str:
    """Write the input as text, cut where a person would have to judge it anyway."""
    rows = [tool]
    for key, value in islice(tool_input.items(), 200):
        told = value if isinstance(value, str) else repr(value) if isinstance(value, (int, float)) else _nested(value)
        rows.append(f"{str(key)[:200]}: {told[: MAX_TEXT + 1]}")
    return "\n".join(rows)[: MAX_TEXT + 1]


def _nested(value: object, deep: int = 0) -> str:
    """Write lists and tables with their texts; what is deeper than six is left out."""
    most = 6
    if isinstance(value, str):
        return value[: MAX_TEXT + 1]
    if isinstance(value, Mapping):
        parts = [f"{str(key)[:200]}: {_nested(part, deep + 1)}" for key, part in islice(value.items(), 200)]
    elif isinstance(value, (list, tuple)):
        parts = [_nested(part, deep + 1) for part in islice(value, 200)]
    else:
        return str(value)[:200]
    return "; ".join(parts)[: MAX_TEXT + 1] if deep < most else ""


def _asked(tool_input: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    """Return the question and its options, where exactly one is asked."""
    questions = tool_input.get("questions")
    if not isinstance(questions, list) or len(questions) != 1 or not isinstance(questions[0], Mapping):
        return "", ()
    options = questions[0].get("options")
    labels = (
        [option.get("label") for option in options if isinstance(option, Mapping)] if isinstance(options, list) else []
    )
    return str(questions[0].get("question", ""))[:2000], tuple(str(label)[:500] for label in labels[:50] if label)
