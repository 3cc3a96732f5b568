"""The one description of batty.toml: its tables, keys, defaults, kinds and meanings."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from batty_tmux.config_rules import span


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class Run(_Table, frozen=True):
    base: Annotated[str, Meta(description='Branch that phases land on; "" finds it: origin/HEAD, main, master.')] = ""
    parallel: Annotated[
        int, Meta(ge=1, le=64, description="Windows at work when --parallel is not given; 1 is one at a time.")
    ] = 1
    worktrees: Annotated[str, Meta(description="Where phase worktrees are made, seen from the repository.")] = (
        "../{repo}.batty"
    )
    agent: Annotated[str, Meta(description="Agent that works on a phase: claude, codex, or one of [agents].")] = (
        "claude"
    )
    session: Annotated[str, Meta(description="Name of the tmux session.")] = "{repo}"
    layout: Annotated[str, Meta(description="A layout of batty by name, or the path of one in the repository.")] = (
        "phase"
    )
    setup: Annotated[str, Meta(description="Command run in a fresh worktree before the agent starts.")] = ""
    provide: Annotated[
        tuple[str, ...], Meta(description='Ignored files of your checkout to copy into a worktree, such as ".env".')
    ] = ()


class Agent(_Table, frozen=True):
    command: Annotated[
        tuple[str, ...],
        Meta(description="Program and arguments; {brief} {phase} {board} {worktree} {run} are filled in."),
    ] = ()
    args: Annotated[tuple[str, ...], Meta(description="More arguments for the agent's command line.")] = ()


class Gate(_Table, frozen=True):
    command: Annotated[
        str, Meta(description="What must pass before anything lands: run by sh -c in the tree that is gated.")
    ] = ""
    timeout: Annotated[str, Meta(description='Longest time that it may take: "90s", "30m", "2h".')] = "30m"
    setup: Annotated[str, Meta(description="Command run once in a fresh gate worktree.")] = ""
    keep: Annotated[
        tuple[str, ...], Meta(description="Ignored paths kept from one gate to the next, for caches; nothing else is.")
    ] = ()

    files: Annotated[
        tuple[str, ...],
        Meta(description="More files that define the gate: a phase that changes one is flagged and gated alone."),
    ] = ()

    @property
    def seconds(self) -> float:
        """The timeout, in seconds."""
        return span(self.timeout) or 0.0


class Review(_Table, frozen=True):
    by: Annotated[
        Literal["human", "auto"], Meta(description="human waits for `batty review`; auto merges what passed.")
    ] = "human"


class Rule(_Table, frozen=True):
    match: Annotated[str, Meta(description="Regular expression, searched in the text of the whole prompt.")]
    answer: Annotated[str, Meta(description="What is typed, followed by Enter.")]
    name: Annotated[str, Meta(description="What the log calls the rule.")] = ""


class Policy(_Table, frozen=True):
    mode: Annotated[
        Literal["observe", "suggest", "act"],
        Meta(description="What may be done about a prompt: show it, suggest an answer, or type it."),
    ] = "act"
    rule: Annotated[tuple[Rule, ...], Meta(description="Answers of your own, tried in order.")] = ()


class Queue(_Table, frozen=True):
    gate: Annotated[
        Literal["each", "batch"], Meta(description="each gates every landed phase alone; batch, several at once.")
    ] = "each"
    slots: Annotated[
        Literal["auto"] | Annotated[int, Meta(ge=1, le=64)], Meta(description="Gates that may run at the same time.")
    ] = "auto"
    rework: Annotated[
        int, Meta(ge=0, le=20, description="Times that a red or a conflict may go back to a phase's agent.")
    ] = 2
    retention: Annotated[
        str, Meta(description='How long what was landed stays pinned: "30d", "12h"; older pins `batty clean` drops.')
    ] = "30d"


class Attention(_Table, frozen=True):
    bell: Annotated[bool, Meta(description="Ring the bell in a phase's lower pane when it comes to wait for you.")] = (
        True
    )
    desktop: Annotated[
        Literal["off", "osc", "notify-send"],
        Meta(description="Notify outside of tmux too: by your terminal (osc), or by the program notify-send."),
    ] = "off"


class Config(_Table, frozen=True):
    run: Run = Run()
    agents: dict[str, Agent] = msgspec.field(default_factory=dict)
    gate: Gate = Gate()
    review: Review = Review()
    policy: Policy = Policy()
    queue: Queue = Queue()
    attention: Attention = Attention()
