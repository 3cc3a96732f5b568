"""Codex CLI, started interactively in its pane. Flags, settings and hooks accepted by 0.169.0.

Its hooks come with the command line, and so does the trust in them. Codex runs a hook only if the digest of its
words is among its settings, under the layer and the place it stands at: what a person writes there by saying "trust
all". Ours go there for this session only, so nothing is written into the user's settings, and nothing else is
trusted: a hook that the worktree brings is still asked about. `--dangerously-bypass-hook-trust` would run that too.
Where a coming Codex digests otherwise, it asks on its screen whether to trust them, and none runs unless told so.

While PermissionRequest waits, the dialog is not painted yet ("Running hook"), so it must be answered at once, with
no decision too; at the time-out Codex says that the hook failed, and asks on the screen. `notify` is not used: it
reports the end of the turn that makes up a title as well. Left to the screen: trust in the folder and in hooks,
updates, a refusal by a key, limits and failed turns, questions of its own.
"""

import hashlib
import json
import re
from typing import Final

from batty_tmux.host.agents.launch import Channel, Launch, first_prompt

family: Final = "codex"
reports: Final = True
names_its_session: Final = False

_SETTINGS: Final = (
    # the update dialog opens with the caret on "Update now"
    "check_for_update_on_startup=false",
    # as settings and not as -s and -a: those may be given once only, and the user may give them in args
    'sandbox_mode="workspace-write"',
    'approval_policy="on-request"',
)

_REPORTED: Final = (
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "Stop",
    "Interrupt",
    "PreCompact",
    "SessionEnd",
)
_ASKED: Final = "PermissionRequest"
_TIMEOUT: Final = 3
"""Seconds that a hook has. Codex allows no more for the last ones of a session, and digests what it allows."""

_LAYER: Final = "/<session-flags>/config.toml"
"""What Codex calls the settings of its command line."""
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")
_UNQUOTABLE = re.compile("[\x7f\ud800-\udfff]")


def argv(launch: Launch) -> tuple[str, ...]:
    """Return the command line.

    `--no-daemon`, because a shared background server would run every phase's commands in one environment.
    `resume --last` takes the newest conversation whose working directory is this worktree; with an id, that one.
    """
    settings = (*_SETTINGS, *(_hooks(launch.report) if launch.report else ()))
    return (
        "codex",
        *(("resume", launch.session or "--last") if launch.resume else ()),
        "--no-daemon",
        *(word for setting in settings for word in ("-c", setting)),
        *launch.args,
        # without this an option that takes many values (--image in args) would take the prompt too
        "--",
        first_prompt(launch),
    )


def environment(_launch: Launch) -> dict[str, str]:
    """Codex needs nothing of its own."""
    return {}


def notice(_words: str) -> str:
    """Nothing yet: whether what a hook of Codex prints after a tool reaches its model has not been tried."""
    return ""


def _hooks(channel: Channel) -> tuple[str, ...]:
    """Return the settings with the hooks, and with the trust in exactly them.

    The trust is one table: Codex splits the name of a setting at each dot, within quotes too.
    """
    lines = {**dict.fromkeys(_REPORTED, channel.hook()), _ASKED: channel.hook(wait=True)}
    if any(_UNQUOTABLE.search(line) for line in lines.values()):
        return ()
    trust = ",".join(
        f"{_quoted(_place(event))}={{trusted_hash={_quoted(_digest(event, lines[event]))}}}" for event in lines
    )
    return (
        *(f"hooks.{event}=[{{hooks=[{_handler(line)}]}}]" for event, line in lines.items()),
        f"hooks.state={{{trust}}}",
    )


def _handler(line: str) -> str:
    return f'{{type="command",command={_quoted(line)},timeout={_TIMEOUT}}}'


def _place(event: str) -> str:
    return f"{_LAYER}:{_snake(event)}:0:0"


def _digest(event: str, line: str) -> str:
    """Return the digest of a hook as Codex takes it: of its settings in JSON, sorted, with the defaults filled in."""
    handler = {"type": "command", "command": line, "timeout": _TIMEOUT, "async": False}
    told = {"event_name": _snake(event), "hooks": [handler]}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _snake(event: str) -> str:
    return _WORDS.sub("_", event).lower()


def _quoted(text: str) -> str:
    """Return the text as a basic string of TOML, which escapes as JSON does."""
    return json.dumps(text, ensure_ascii=False)
