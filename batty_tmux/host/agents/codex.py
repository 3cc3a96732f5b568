"""Codex CLI, started interactively in its pane. Flags and settings accepted by 0.169.0."""

from typing import Final

from batty_tmux.host.agents.launch import Launch, first_prompt

family: Final = "codex"

_SETTINGS: Final = (
    # the update dialog opens with the caret on "Update now"
    "check_for_update_on_startup=false",
    # as settings and not as -s and -a: those may be given once only, and the user may give them in args
    'sandbox_mode="workspace-write"',
    'approval_policy="on-request"',
)


def argv(launch: Launch) -> tuple[str, ...]:
    """Return the command line.

    `--no-daemon`, because a shared background server would run every phase's commands in one environment.
    `resume --last` takes the newest conversation whose working directory is this worktree.
    """
    return (
        "codex",
        *(("resume", "--last") if launch.resume else ()),
        "--no-daemon",
        *(word for setting in _SETTINGS for word in ("-c", setting)),
        *launch.args,
        # without this an option that takes many values (--image in args) would take the prompt too
        "--",
        first_prompt(launch),
    )


def environment(_launch: Launch) -> dict[str, str]:
    """Codex needs nothing of its own."""
    return {}


def notice(_words: str) -> str:
    """Nothing: Codex runs a hook only after a person has trusted it, once for each worktree, on a screen of its own."""
    return ""
