"""What a machine and a repository lack, and the command that mends it: facts -> findings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "missing"]

MIN_PYTHON = (3, 11)
MIN_TMUX = (3, 2)
DEPENDABLE_TMUX = (3, 6)
"""Older servers often lose the pane-died hook: they miss the child's end while utempter holds SIGCHLD."""
MIN_GIT = (2, 38)
MIN_FREE = 1_000_000_000
"""Bytes; each phase is a whole checkout."""

_SKEWED = 5.0
"""Seconds that two clocks may differ: times in logs are read side by side, nothing is decided by them."""
_DEVELOPMENT = (9999, 0)
_NUMBER = re.compile(r"(\d+)\.(\d+)")
_PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}


@dataclass(frozen=True)
class Version:
    """A program's version: the two numbers that decide, and what it says of itself."""

    number: tuple[int, int]
    shown: str


@dataclass(frozen=True)
class Finding:
    """One check. `missing` keeps batty from working; `note` does not. `mend` is a command, or empty."""

    check: str
    state: State
    says: str
    mend: str = ""


@dataclass(frozen=True)
class Machine:
    """What is installed. Versions are None where the program is not found."""

    python: tuple[int, int]
    tmux: Version | None
    git: Version | None
    installer: str
    kanban_md: str | None
    batty: str | None
    batty_is_ours: bool
    own_folder: str


@dataclass(frozen=True)
class AgentFacts:
    """An agent's program: where it was found, and its version where asking for it is harmless."""

    name: str
    program: str
    found: str | None
    version: str
    chosen: bool


@dataclass(frozen=True)
class PlaceFacts:
    """The folder of the worktrees. `free` is in bytes, of the file system it is or would be on."""

    path: str
    exists: bool
    inside: bool
    writable: bool
    free: int


@dataclass(frozen=True)
class Fittings:
    """What new worktrees get and take. `room` says it in words, `lacking` that it cannot do.

    `cached` are the folders of run.cache, `kept` what the cache holds in words, `by` how copies are made; `locked`
    says that the base has lock files.
    """

    exposed: tuple[str, ...]
    left_out: tuple[str, ...]
    room: str
    lacking: bool
    setup: bool
    cached: tuple[str, ...]
    kept: str
    by: str
    locked: bool


@dataclass(frozen=True)
class WorkersFacts:
    """The cluster that gates run on. `problem` is why it cannot be used, `mend` what helps.

    `mine` and `theirs` are the engine's versions here and at the scheduler, `tools` names those of this machine. `fit`
    are workers and how many gates each runs at once, `others` those whose tools differ, each with how.
    """

    url: str
    problem: str = ""
    mend: str = ""
    mine: str = ""
    theirs: str = ""
    tools: str = ""
    fit: tuple[tuple[str, int], ...] = ()
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class HostFacts:
    """Another host. `problem` is why it could not be asked, with the command that mends it; then nothing else is known.

    `free` is in bytes; `skew` how many seconds its clock is ahead of ours; `agents` are programs and where they are.
    """

    name: str
    address: str
    problem: str = ""
    mend: str = ""
    version: str = ""
    tmux: Version | None = None
    git: Version | None = None
    free: int = 0
    skew: float = 0.0
    agents: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class GuardFacts:
    """The hooks that keep executors off the base. `stale` are missing or changed, `unguarded` are refs that move."""

    folder: str
    installed: bool
    stale: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setup:
    """What the base branch holds. `problem` is why its batty.toml cannot be used; `commit` commits `uncommitted`."""

    base: str
    has_file: bool
    problem: str
    gate: str
    phases: int
    uncommitted: tuple[str, ...]
    ignored: tuple[str, ...]
    commit: str
    draft: str = ""
    """What is wrong with the checkout's own batty.toml, where that is another one."""
    faults: tuple[str, ...] = ()
    """What keeps the boards on the base from being worked on: unreadable files, cycles, unknown names."""


def version(text: str) -> Version | None:
    """Read what `PROGRAM --version` or `tmux -V` printed; None for nothing.

    A development build without numbers ("tmux master", "tmux openbsd-7.6") counts as the newest.
    """
    line = next((row.strip() for row in text.splitlines() if row.strip()), "")
    if not line:
        return None
    shown = re.sub(r"^(tmux|git version) ", "", line)[:60]
    found = _NUMBER.search(shown)
    if found is None or shown.startswith("openbsd"):
        return Version(_DEVELOPMENT, shown)
    return Version((int(found[1]), int(found[2])), shown)


def machine(facts: Machine) -> tuple[Finding, ...]:
    python = ".".join(map(str, facts.python))
    found = [
        _at_least("tmux", facts.tmux, MIN_TMUX, facts.installer),
        *_tmux_notes(facts.tmux),
        _at_least("git", facts.git, MIN_GIT, facts.installer),
    ]
    if facts.python < MIN_PYTHON:
        found.append(Finding("python", "missing", f"{python}; 3.11 is needed", f"{facts.installer} python3"))
    else:
        found.append(Finding("python", "ok", python))
    found.append(_command(facts))
    words = facts.kanban_md or "not found; `batty board` does without"
    return (*found, Finding("kanban-md", "ok" if facts.kanban_md else "note", words))


def identity(name: str, email: str) -> Finding:
    """Judge who git says commits; batty's landings and the agents' commits need one."""
    lacks = [key for key, value in (("user.name", name), ("user.email", email)) if not value.strip()]
    if not lacks:
        return Finding("identity", "ok", f"{name} <{email}>")
    examples = {"user.name": "Your Name", "user.email": "you@example.com"}
    mend = " && ".join(f'git config --global {key} "{examples[key]}"' for key in lacks)
    return Finding("identity", "missing", f"git has no {' and no '.join(lacks)}", mend)


def setup(facts: Setup) -> tuple[Finding, ...]:
    found = [Finding("base", "ok", facts.base), _file(facts)]
    if facts.faults:
        found.append(Finding("boards", "missing", _listed(facts.faults), "batty plan"))
    elif facts.phases:
        found.append(Finding("boards", "ok", f"{facts.phases} in kanban/ on {facts.base}"))
    else:
        waits = any(path.startswith("kanban/") for path in (*facts.uncommitted, *facts.ignored))
        mend = facts.commit if waits else "batty init"
        found.append(Finding("boards", "missing", f"no phase in kanban/ on {facts.base}", mend))
    if facts.uncommitted:
        names = _listed(facts.uncommitted)
        found.append(Finding("uncommitted", "note", f"not seen by batty, not on {facts.base}: {names}", facts.commit))
    if facts.draft:
        found.append(Finding("draft", "note", facts.draft, "$EDITOR batty.toml"))
    if facts.ignored:
        found.append(Finding("ignored", "note", f"ignored by git: {_listed(facts.ignored)}", facts.commit))
    return tuple(found) if facts.problem else (*found, _gate(facts))


def agents(facts: tuple[AgentFacts, ...]) -> tuple[Finding, ...]:
    return tuple(_agent(agent) for agent in facts)


def place(facts: PlaceFacts) -> Finding:
    if facts.inside:
        says = f"{facts.path} is inside the checkout, where test runners and file watchers would find it"
        return Finding("worktrees", "missing", says, '$EDITOR batty.toml  # [run] worktrees = "../{repo}.batty"')
    if not facts.writable:
        says = f"{facts.path} cannot be written"
        return Finding("worktrees", "missing", says, '$EDITOR batty.toml  # [run] worktrees = "..."')
    if facts.free < MIN_FREE:
        says = f"{facts.free // 1_000_000} MB free at {facts.path}; at least 1 GB is needed"
        return Finding("worktrees", "missing", says, "batty clean")
    says = f"{facts.path}, {facts.free / 1e9:.1f} GB free"
    if not facts.exists:
        return Finding("worktrees", "ok", f"{says}; made when first needed")
    return Finding("worktrees", "ok", says)


def fittings(facts: Fittings) -> tuple[Finding, ...]:
    found = [Finding("secrets", "note", told) for told in facts.exposed]
    found += [Finding("provided", "note", told) for told in facts.left_out]
    found.append(Finding("disk", "missing" if facts.lacking else "ok", facts.room, "batty clean" * facts.lacking))
    return (*found, *_cache(facts))


def _cache(facts: Fittings) -> tuple[Finding, ...]:
    edit = '$EDITOR batty.toml  # [run] cache = ["node_modules"]'
    if not facts.cached:
        slow = facts.setup and facts.locked
        says = "run.setup fetches dependencies anew for each worktree; run.cache can keep them"
        return (Finding("cache", "note", says, edit),) if slow else ()
    if not facts.setup:
        return (Finding("cache", "note", "run.cache keeps what run.setup fetches, and there is no run.setup", edit),)
    if not facts.locked:
        return (Finding("cache", "note", "run.cache goes by lock files, and the base has none"),)
    return (Finding("cache", "ok", f"{_listed(facts.cached)}: {facts.kept}, by {facts.by}"),)


def workers(facts: WorkersFacts) -> tuple[Finding, ...]:
    """Judge the workers that gates run on: without one that fits, nothing can land."""
    if facts.problem:
        return (Finding("workers", "missing", facts.problem, facts.mend),)
    found = [Finding("scheduler", "ok", f"{facts.url}, Dask {facts.theirs or 'of an unknown version'}")]
    if facts.mine != facts.theirs:
        says = f"{facts.url} has Dask {facts.theirs or 'of an unknown version'}, and here is {facts.mine}"
        found = [Finding("scheduler", "note", says, f"pip install distributed=={facts.theirs or facts.mine}")]
    slots = sum(threads for _, threads in facts.fit)
    names = _listed(tuple(f"{name} ({threads})" for name, threads in facts.fit))
    says = f"{slots} at once, tools {facts.tools}: {names}" if facts.fit else "none fits, so no gate can run"
    mend = f"dask worker {_tcp(facts.url)} --name NAME --nthreads 1"
    found.append(Finding("workers", "ok" if facts.fit else "missing", says, "" if facts.fit else mend))
    for name, differs in facts.others:
        says = f"runs no gate: {_listed(differs)}"
        found.append(Finding(f"worker {name}", "note", says, "$EDITOR batty.toml  # [gate] toolchain"))
    return tuple(found)


def _tcp(url: str) -> str:
    """Return a scheduler's address as its own programs take it."""
    return url.replace("dask+tls://", "tls://").replace("dask://", "tcp://")


def guard(facts: GuardFacts) -> Finding:
    """Judge the guard. It holds back accidents only, so that its absence is told but keeps nobody from working."""
    mend = "batty doctor --fix"
    if not facts.installed:
        return Finding("guard", "ok", f"{facts.folder}; made when the first executor starts")
    if facts.stale:
        return Finding("guard", "note", f"missing or not current in {facts.folder}: {_listed(facts.stale)}", mend)
    if facts.unguarded:
        says = f"git does not obey {facts.folder}: an executor could move {_listed(facts.unguarded)}"
        return Finding("guard", "note", says, mend)
    return Finding("guard", "ok", f"in force, tried by {facts.folder}")


def hosts(found: Sequence[HostFacts], own: str) -> tuple[Finding, ...]:
    """Judge each host: what a person has named and cannot be used is a fault, though others take its phases."""
    return tuple(finding for facts in found for finding in _host(facts, own))


def _host(facts: HostFacts, own: str) -> tuple[Finding, ...]:
    check, on = f"host {facts.name}", f"ssh {facts.address}"
    if facts.problem:
        return (Finding(check, "missing", facts.problem, facts.mend or f"{on} true"),)
    if facts.version != own:
        says = f"has batty {facts.version or '(none)'}, and here it is {own}: both must be the same"
        return (Finding(check, "missing", says, f"{on} pip install batty-tmux=={own}"),)
    lacks = [
        f"{name} {found.shown if found else 'not found'}; {least[0]}.{least[1]} is needed"
        for name, found, least in (("tmux", facts.tmux, MIN_TMUX), ("git", facts.git, MIN_GIT))
        if found is None or found.number < least
    ]
    lacks += [f"{program} is not on the PATH there" for program, path in facts.agents if not path]
    if lacks:
        return (Finding(check, "missing", "; ".join(lacks), on),)
    notes = []
    if facts.free < MIN_FREE:
        notes.append(f"only {facts.free // 10**6} MB are free there")
    if abs(facts.skew) > _SKEWED:
        notes.append(f"its clock is {abs(facts.skew):.0f} s {'ahead' if facts.skew > 0 else 'behind'}")
    told = ", ".join((f"batty {facts.version}", *(path for _, path in facts.agents)))
    return (Finding(check, "note" if notes else "ok", "; ".join([told, *notes])),)


def passes(findings: tuple[Finding, ...]) -> bool:
    return all(finding.state != "missing" for finding in findings)


def _at_least(name: str, found: Version | None, least: tuple[int, int], installer: str) -> Finding:
    if found is None:
        return Finding(name, "missing", "not found", f"{installer} {name}")
    if found.number < least:
        wanted = ".".join(map(str, least))
        return Finding(name, "missing", f"{found.shown}; {wanted} is needed", f"{installer} {name}")
    return Finding(name, "ok", found.shown)


def _tmux_notes(found: Version | None) -> tuple[Finding, ...]:
    if found is None or not MIN_TMUX <= found.number < DEPENDABLE_TMUX:
        return ()
    says = "below 3.6 tmux can lose the end of a pane; batty watches the processes itself as well"
    return (Finding("pane-died", "note", says),)


def _command(facts: Machine) -> Finding:
    path = f'export PATH="{facts.own_folder}:$PATH"'
    if facts.batty is None:
        return Finding("batty", "note", "no `batty` on the PATH", path if facts.own_folder else "")
    if facts.batty_is_ours:
        return Finding("batty", "ok", facts.batty)
    says = f"{facts.batty} is another program of that name; `batty-tmux` is this one"
    return Finding("batty", "note", says, path if facts.own_folder else "batty-tmux --help")


def _file(facts: Setup) -> Finding:
    if facts.problem:
        return Finding("batty.toml", "missing", facts.problem, "$EDITOR batty.toml")
    if facts.has_file:
        return Finding("batty.toml", "ok", f"valid on {facts.base}")
    waits = "batty.toml" in {*facts.uncommitted, *facts.ignored}
    return Finding(
        "batty.toml", "note", f"none on {facts.base}: defaults hold", facts.commit if waits else "batty init"
    )


def _gate(facts: Setup) -> Finding:
    if facts.gate.strip():
        return Finding("gate", "ok", _listed(tuple(facts.gate.strip().splitlines()), 1))
    mend = '$EDITOR batty.toml  # [gate] command = "make test"' if facts.has_file else _file(facts).mend
    return Finding("gate", "missing", f"gate.command is not set on {facts.base}: nothing can land", mend)


def _agent(facts: AgentFacts) -> Finding:
    check = f"agent {facts.name}"
    if facts.found is not None:
        return Finding(check, "ok", f"{facts.found} {facts.version}".strip())
    package = _PACKAGES.get(facts.program)
    mend = f"npm install -g {package}" if package else f"$EDITOR batty.toml  # [agents.{facts.name}] command = [...]"
    return Finding(check, "missing" if facts.chosen else "note", f"{facts.program} is not on the PATH", mend)


def _listed(names: tuple[str, ...], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
