"""Looks at the machine and the repository for `batty doctor`; what it means is decided in core/checks."""

import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from batty_tmux.config import BUILT_IN, FILE, ConfigError, parse
from batty_tmux.config_tables import Config
from batty_tmux.core.board import cycle, parse_board, unknown_dependencies
from batty_tmux.core.checks import (
    AgentFacts,
    Fittings,
    HostFacts,
    Machine,
    PlaceFacts,
    Setup,
    Version,
    WorkersFacts,
    version,
)
from batty_tmux.core.space import size
from batty_tmux.drive import dependencies
from batty_tmux.drive.cluster import NAMED, Cluster
from batty_tmux.drive.gate import GateSpec
from batty_tmux.drive.hosting import Afar
from batty_tmux.drive.place import Place
from batty_tmux.drive.provisions import exposed, provisions
from batty_tmux.drive.room import look
from batty_tmux.drive.settings import BOARDS, base_text, commit_command, ignored, own_settings, uncommitted
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.copying import clones
from batty_tmux.host.plumbing import Git, state_folder
from batty_tmux.host.process import run
from batty_tmux.names import Base, clean

_INSTALLERS = {
    "apt-get": "sudo apt-get install",
    "dnf": "sudo dnf install",
    "pacman": "sudo pacman -S",
    "apk": "sudo apk add",
    "zypper": "sudo zypper install",
    "brew": "brew install",
}
_PATIENCE = 15
"""Seconds for a program to say its version; agents written for Node take one or two on a cold disk."""


def machine() -> Machine:
    batty = shutil.which("batty")
    own = Path(sys.executable).parent
    return Machine(
        python=(sys.version_info[0], sys.version_info[1]),
        tmux=_asked("tmux", "-V"),
        git=_asked("git", "--version"),
        installer=next((words for name, words in _INSTALLERS.items() if shutil.which(name)), "install"),
        kanban_md=shutil.which("kanban-md"),
        batty=batty,
        batty_is_ours=batty is not None and (batty == os.environ.get("BATTY_LAUNCHER") or _is_ours(Path(batty))),
        own_folder=str(own) if (own / "batty").exists() else "",
    )


def identity(folder: Path) -> tuple[str, str]:
    """Return the name and email that git would commit with here, each empty where it is not set."""
    git = Git(folder)
    name, email = (git.run("config", "--get", key).stdout.strip() for key in ("user.name", "user.email"))
    return name, email


def setup(repo: Path, base: Base) -> tuple[Setup, Config]:
    """Return what the base holds, and its configuration: the defaults where that cannot be used."""
    config, problem, text = Config(), "", None
    try:
        text = base_text(repo, base)
        config = config if text is None else parse(text, f"{base}:{FILE}")
    except ConfigError as error:
        problem = error.what
    rows = Git(repo).say("ls-tree", "-d", "--name-only", "--full-tree", base.ref, f"{BOARDS}/")
    waiting, hidden = uncommitted(repo, base), ignored(repo)
    commit = commit_command(repo, base, (*waiting, *hidden), force=bool(hidden)) if waiting or hidden else ""
    has_file = text is not None or bool(problem)
    draft = _draft(repo) if FILE in waiting else ""
    phases = len(rows.splitlines())
    faults = _faults(repo, base)
    setup = Setup(str(base), has_file, problem, config.gate.command, phases, waiting, hidden, commit, draft, faults)
    return setup, config


def _faults(repo: Path, base: Base) -> tuple[str, ...]:
    """Return what keeps the boards on the base from being worked on."""
    board = parse_board(Git(repo).texts(base.ref, BOARDS))
    told = [f"{BOARDS}/{b.path}: {b.problem}" for b in board.refused]
    told += [f"{BOARDS}/{p.id}/{b.path}:{b.line}: {b.problem}" for p in board.phases for b in p.broken]
    told += [f"{phase} depends on {other}, which does not exist" for phase, other in unknown_dependencies(board.phases)]
    loop = cycle(board.phases)
    return (*told, f"these phases wait for each other: {', '.join(loop)}") if loop else tuple(told)


def agents(config: Config, repo: Path) -> tuple[AgentFacts, ...]:
    """Look for the program of the agent that is chosen and of every one that is configured."""
    names = dict.fromkeys((config.run.agent, *config.agents))
    return tuple(_agent(name, config, repo) for name in names)


def worktrees(config: Config, repo: Path) -> Path:
    """Return the folder for phase worktrees, seen from the main checkout, whichever worktree this is."""
    home = Git(repo).worktrees()[0].path
    return Path(os.path.normpath(home / config.run.worktrees.replace("{repo}", home.name)))


def place(config: Config, repo: Path) -> PlaceFacts:
    path = worktrees(config, repo)
    near = next(folder for folder in (path, *path.parents) if folder.exists())
    home = Git(repo).worktrees()[0].path.resolve()
    inside = path.resolve().is_relative_to(home)
    writable = near.is_dir() and os.access(near, os.W_OK | os.X_OK)
    return PlaceFacts(str(path), path.is_dir(), inside, writable, shutil.disk_usage(near).free)


def fittings(config: Config, repo: Path, base: Base) -> Fittings:
    """Look at what a new worktree gets, and whether the disk has room for as many as may be at work at once."""
    home = Git(repo).worktrees()[0].path
    found = provisions(home, base, config.run.provide)
    judged = look(home, base, config, config.run.parallel)
    there = dependencies.folder_of(worktrees(config, repo), state_folder(Git(home)))
    entries = dependencies.kept(there)
    by = "hardlink" if config.run.links else "reflink" if entries and clones(there) else "copy"
    return Fittings(
        exposed=tuple(one.says for one in exposed(home, found)),
        left_out=found.left_out,
        room=judged.says,
        lacking=judged.verdict == "too-little",
        setup=bool(config.run.setup),
        cached=config.run.cache,
        kept=f"{len(entries)} kept, {size(sum(each.size for each in entries))}",
        by=by,
        locked=dependencies.has_locks(home, base),
    )


def workers(config: Config) -> WorkersFacts:
    """Reach the cluster that gates run on, and ask each worker for its tools, beside those of this shell."""
    spec, url = GateSpec.of(config), config.gate.workers
    try:
        wanted, tools = spec.wanted(os.environ), spec.key(os.environ).environment
        with closing(Cluster(url)) as cluster:
            mine, theirs = cluster.connect().versions()
            fit, others = cluster.look(wanted)
    except BattyError as problem:
        mend = problem.next if problem.next != "batty doctor" else f"dask scheduler --port {url.rpartition(':')[2]}"
        return WorkersFacts(url, "; ".join((problem.what, *problem.evidence[:1])), mend)
    seats = sorted((clean(seat.name, NAMED), seat.threads) for seat in fit.values())
    rest = tuple(sorted(others.items()))
    return WorkersFacts(url, mine=mine, theirs=theirs, tools=tools, fit=tuple(seats), others=rest)


def hosts(config: Config, repo: Path, base: Base) -> tuple[HostFacts, ...]:
    """Ask every other host what it has, all at once: one that is down takes ten seconds to be known for it."""
    there = {name: host for name, host in config.hosts.items() if host.ssh}
    if not there:
        return ()
    # a path seen from the repository is there as soon as a worktree is
    known = (facts.program for facts in agents(config, repo) if facts.chosen)
    programs = {program for program in known if program.startswith("/") or "/" not in program}
    place = Place.around(repo)
    with ThreadPoolExecutor(len(there)) as pool:
        return tuple(pool.map(lambda name: _host(Afar(place, base, name, there[name]), sorted(programs)), there))


def _host(afar: Afar, programs: Sequence[str]) -> HostFacts:
    try:
        said = afar.ask("hello", *(word for program in programs for word in ("--agent", program)), timeout=30)
    except BattyError as problem:
        mend = problem.next if problem.code == "no-batty" else ""
        return HostFacts(afar.name, afar.told.ssh, problem="; ".join((problem.what, *problem.evidence[-1:])), mend=mend)
    found = said.get("agents")
    there = found if isinstance(found, dict) else {}
    return HostFacts(
        name=afar.name,
        address=afar.told.ssh,
        version=clean(str(said.get("version", "")), 40),
        tmux=version(str(said.get("tmux", ""))[:80]),
        git=version(str(said.get("git", ""))[:80]),
        free=int(_number(said.get("free"))),
        skew=_number(said.get("time")) - now().timestamp(),
        agents=tuple((program, clean(str(there.get(program, "")), 200)) for program in programs),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _draft(repo: Path) -> str:
    """Return what is wrong with the checkout's own file, before it is committed."""
    try:
        own_settings(repo)
    except ConfigError as error:
        return error.what
    return ""


def _agent(name: str, config: Config, repo: Path) -> AgentFacts:
    known = config.agents.get(name)
    program = known.command[0] if known and known.command else name
    found = shutil.which(program if "/" not in program else str(repo / program))
    # a program of the user's own may do anything when it is started, whatever it is asked
    asked = _asked(found, "--version") if found and Path(program).name in BUILT_IN else None
    return AgentFacts(name, program, found, asked.shown if asked else "", name == config.run.agent)


def _asked(program: str, option: str) -> Version | None:
    """Ask a program for its version; None where it is not found or does not answer."""
    if shutil.which(program) is None:
        return None
    done = run((program, option), timeout=_PATIENCE)
    return version(done.stdout) if done.ok else None


def _is_ours(command: Path) -> bool:
    """Tell our start script from another program called batty by the package that it names."""
    with command.open("rb") as file:
        return b"batty_tmux" in file.read(8192)
