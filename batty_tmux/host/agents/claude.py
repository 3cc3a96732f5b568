"""Claude Code, started interactively in its pane. Flags accepted by 2.1.197 and 2.1.330."""

import json
import re
from pathlib import Path
from typing import Final

from batty_tmux.host.agents.launch import Launch, first_prompt

family: Final = "claude"

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
        _settings(launch.brief),
        *(("--continue",) if launch.resume else ()),
        *launch.args,
        # without this an option that takes many values (--allowedTools in args) would take the prompt too
        "--",
        first_prompt(launch),
    )


def environment(_launch: Launch) -> dict[str, str]:
    """Keep the program from replacing itself while phases run on it."""
    return {"DISABLE_AUTOUPDATER": "1"}


def _settings(brief: Path) -> str:
    """Return session-only settings that allow reading the brief, which lies outside the worktree, and nothing else.

    The rule is a gitignore pattern; "//" makes it absolute.
    """
    pattern = _PATTERN_SIGNS.sub(r"\\\1", brief.as_posix().lstrip("/"))
    return json.dumps({"permissions": {"allow": [f"Read(//{pattern})"]}})
