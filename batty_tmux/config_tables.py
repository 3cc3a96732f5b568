"""The one description of batty.toml: its tables, keys, defaults, kinds and meanings."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from batty_tmux.config_rules import ASKABLE, span, volume


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
    cache: Annotated[
        tuple[str, ...],
        Meta(description='Ignored folders that run.setup fills, kept for the next worktree: "node_modules", ".venv".'),
    ] = ()
    links: Annotated[
        bool,
        Meta(description="Share cached files by hard links, instead of giving each worktree its own."),
    ] = False
    quota: Annotated[str, Meta(description='What the cache may take on the disk: "500M", "10G".')] = "10G"

    @property
    def cache_bytes(self) -> int:
        return volume(self.quota) or 0


class Agent(_Table, frozen=True):
    command: Annotated[
        tuple[str, ...],
        Meta(description="Program and arguments; {brief} {phase} {board} {worktree} {run} are filled in."),
    ] = ()
    args: Annotated[tuple[str, ...], Meta(description="More arguments for the agent's command line.")] = ()
    parallel: Annotated[
        int, Meta(ge=0, le=64, description="Phases that this agent may have at work at once; 0 is no limit of its own.")
    ] = 0


class Host(_Table, frozen=True):
    ssh: Annotated[str, Meta(description='How ssh reaches it: "user@host"; "" is this machine.')] = ""
    parallel: Annotated[int, Meta(ge=1, le=64, description="Phases that may be at work there at once.")] = 2
    folder: Annotated[str, Meta(description="Where clones and worktrees are kept there.")] = "~/.batty-hosts"
    batty: Annotated[str, Meta(description="The program batty there, where it is not on the PATH that ssh gives.")] = (
        "batty"
    )


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
    workers: Annotated[
        str,
        Meta(description='Where gates run: "" is here; "dask://HOST:PORT" a cluster\'s scheduler, dask+tls:// by TLS.'),
    ] = ""
    fetch: Annotated[
        str,
        Meta(description='URL from which workers fetch what they gate; "" sends them what they lack with the order.'),
    ] = ""
    toolchain: Annotated[
        str,
        Meta(
            description="Command whose words name the tools of a machine, in place of its PATH and its programs' times."
        ),
    ] = ""

    @property
    def seconds(self) -> float:
        """The timeout, in seconds."""
        return span(self.timeout) or 0.0


class Review(_Table, frozen=True):
    by: Annotated[
        Literal["human", "auto", "director"],
        Meta(
            description="human waits for `batty review`; auto merges what passed; director has an agent read it first."
        ),
    ] = "human"
    director: Annotated[
        Literal["claude", "codex", "command"], Meta(description="Agent that reads first: claude, codex, or command.")
    ] = "claude"
    command: Annotated[
        tuple[str, ...],
        Meta(description="A director of your own: reads the packet and the diff on its input, prints JSON."),
    ] = ()
    model: Annotated[str, Meta(description='Model that the director is to use; "" is its own choice.')] = ""
    args: Annotated[tuple[str, ...], Meta(description="More arguments for the director's command line.")] = ()
    timeout: Annotated[str, Meta(description='Longest time that it may take: "90s", "5m".')] = "5m"
    budget: Annotated[str, Meta(description="Dollars that a reading may cost, where the agent can be held to it.")] = (
        "1"
    )
    decides: Annotated[
        bool, Meta(description="Whether the director's word is a verdict, within the limits below; else it is advice.")
    ] = False
    confidence: Annotated[
        float, Meta(ge=0, le=1, description="It decides nothing that it is less sure of than this: 0 to 1.")
    ] = 0.8
    limit_lines: Annotated[
        int, Meta(ge=0, le=100_000, description="Lines added and removed up to which it may merge.")
    ] = 200
    limit_files: Annotated[int, Meta(ge=0, le=10_000, description="Changed files up to which it may merge.")] = 10
    paths: Annotated[
        tuple[str, ...],
        Meta(description='Patterns within which all must lie that it merges, such as "docs/"; none: anywhere.'),
    ] = ()
    reworks: Annotated[
        int, Meta(ge=0, le=20, description="Times that it may send a phase back to its agent by itself.")
    ] = 1

    @property
    def caller(self) -> "Supervisor":
        """How the director is called: as a supervisor agent is."""
        return Supervisor(
            by=self.director,
            command=self.command,
            model=self.model,
            args=self.args,
            timeout=self.timeout,
            budget=self.budget,
            confidence=self.confidence,
        )


class Rule(_Table, frozen=True):
    answer: Annotated[
        str, Meta(description='"yes", "no", an option\'s words, or the text to type; "ask" leaves it to you.')
    ]
    match: Annotated[str, Meta(description="Regular expression, searched in the text of the whole prompt.")] = ""
    kind: Annotated[
        str, Meta(description='Kind of prompt: "permission", "edit", "confirm"; `batty log --json` tells.')
    ] = ""
    tool: Annotated[str, Meta(description='The agent\'s tool, as a glob: "Bash", "mcp__github__*".')] = ""
    command: Annotated[
        str, Meta(description='Glob, or /regular expression/, that every command of the line must fit: "pytest *".')
    ] = ""
    paths: Annotated[
        tuple[str, ...], Meta(description='Globs seen from the worktree, one of which every path must fit: "docs/*".')
    ] = ()
    name: Annotated[str, Meta(description="What the log calls the rule.")] = ""


MATCHERS = ("match", "kind", "tool", "command", "paths")
"""The keys of a rule that say what it is for; at least one is given."""


class Policy(_Table, frozen=True):
    mode: Annotated[
        Literal["observe", "suggest", "act", "full"],
        Meta(description="Show what would be answered, suggest it, or answer; full allows all that is not denied."),
    ] = "act"
    set: Annotated[
        Literal["careful", "standard", "trusting"],
        Meta(description="Built-in rules, tried after your own: `batty policy` shows them."),
    ] = "standard"
    rule: Annotated[
        tuple[Rule, ...], Meta(description="Rules of your own, tried in order; all keys given must fit.")
    ] = ()


class Patience(_Table, frozen=True):
    stuck: Annotated[
        str, Meta(description="How long nothing may move while an agent works until it counts as stuck.")
    ] = "20m"
    idle: Annotated[
        str, Meta(description="The same once its turn has ended and tasks are open: then it is told to go on.")
    ] = "2m"
    nudges: Annotated[
        int, Meta(ge=0, le=20, description="Times that an agent is told, for each way of being stuck, before you are.")
    ] = 1
    relaunches: Annotated[
        int, Meta(ge=0, le=20, description="Times that an agent that crashed is started again by itself.")
    ] = 2
    hold: Annotated[
        str, Meta(description="How long nothing is typed for you after a key of yours in an agent's pane.")
    ] = "30s"
    setup: Annotated[str, Meta(description='Longest time that run.setup may take: "90s", "30m", "2h".')] = "30m"
    host: Annotated[str, Meta(description="How long a host may be silent until you are told to decide.")] = "2m"
    limits: Annotated[
        Literal["resume", "wait"],
        Meta(description="What follows a usage limit that is over: the agent is told to go on, or you are waited for."),
    ] = "resume"

    @property
    def host_seconds(self) -> float:
        """How long a host may be silent, in seconds."""
        return span(self.host) or 0.0

    @property
    def setup_seconds(self) -> float:
        """The time that run.setup may take, in seconds."""
        return span(self.setup) or 0.0


class Supervisor(_Table, frozen=True):
    by: Annotated[
        Literal["", "claude", "codex", "command"],
        Meta(description='Agent asked about a prompt that no rule answers: claude, codex, command, or "" for none.'),
    ] = ""
    command: Annotated[
        tuple[str, ...],
        Meta(description="A program of your own: reads the question on its input, prints the answer as JSON."),
    ] = ()
    model: Annotated[str, Meta(description='Model that claude or codex is to use; "" is their own choice.')] = ""
    args: Annotated[tuple[str, ...], Meta(description="More arguments for the supervisor's command line.")] = ()
    timeout: Annotated[str, Meta(description='Longest time that a call may take: "45s", "2m".')] = "90s"
    calls: Annotated[int, Meta(ge=0, le=1000, description="Calls for one phase in one run.")] = 20
    budget: Annotated[str, Meta(description="Dollars that a call may cost, where the agent can be held to it.")] = (
        "0.50"
    )
    confidence: Annotated[
        float, Meta(ge=0, le=1, description="An answer that is less sure than this goes to a person: 0 to 1.")
    ] = 0.7
    kinds: Annotated[
        tuple[str, ...], Meta(description="Prompts that it may be asked about; secrets, logins and trust never are.")
    ] = ASKABLE

    @property
    def seconds(self) -> float:
        """The timeout, in seconds."""
        return span(self.timeout) or 0.0


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
    remote: Annotated[
        str,
        Meta(
            description='Remote whose branch is the base, such as "origin": landing is a push; "" is your own branch.'
        ),
    ] = ""
    lock: Annotated[
        str,
        Meta(description='Redis by which machines take turns at the gate: "redis://host:6379/0"; "" is none.'),
    ] = ""
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
    patience: Patience = Patience()
    supervisor: Supervisor = Supervisor()
    queue: Queue = Queue()
    attention: Attention = Attention()
    hosts: dict[str, Host] = msgspec.field(default_factory=dict)
