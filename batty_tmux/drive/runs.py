"""Begin a run, or join one that is going on."""

import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from batty_tmux.config_rules import HERE
from batty_tmux.core.board import cycle
from batty_tmux.core.checks import MIN_GIT, MIN_TMUX, version
from batty_tmux.core.events import Relaunching, RunStarted
from batty_tmux.core.plan import Pair, pairs_after, with_after
from batty_tmux.core.sequence import is_going, places
from batty_tmux.core.status import NO_RUN, PhaseStatus, Run, current_run
from batty_tmux.core.window import Window
from batty_tmux.drive.displacing import displace
from batty_tmux.drive.executor import adapter
from batty_tmux.drive.fill import Filled, fill, unreadable
from batty_tmux.drive.hooks import remember_environment
from batty_tmux.drive.project import SETTINGS, Project
from batty_tmux.drive.room import refuse_no_room
from batty_tmux.drive.settings import base_text
from batty_tmux.drive.windows import ensure_session
from batty_tmux.errors import BattyError, UsageError
from batty_tmux.host.clock import now
from batty_tmux.host.files import write_atomically
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PhaseId, RunId

_NUMBERED = re.compile(r"-run-(\d{3,})$")


@dataclass(frozen=True)
class Wish:
    """What `batty work` was asked for. No phases means all; None means as the run that goes on has it.

    `forget` takes back what an earlier --after said of these phases. `on` is the host that they are wanted on.
    """

    phases: tuple[PhaseId, ...] = ()
    parallel: int | None = None
    agent: str = ""
    after: tuple[PhaseId, ...] = ()
    forget: bool = False
    window: Window | None = None
    on: str = ""


def meant(project: Project, wish: Wish) -> RunStarted:
    """Return what would be journaled for a wish: in the run that goes on, else a new one.

    What is not said stays as it is in a run that goes on; of a window only one that is not over. Raises BattyError for
    an order that cannot be.
    """
    number, run = next_run(project), project.run
    joins = number == run.id
    stays = run.window if joins and run.window.stage(now()) != "over" else Window()
    window = wish.window or stays
    return RunStarted(
        run=number,
        base=project.base.name,
        parallel=wish.parallel or (run.parallel if joins else 0) or project.config.run.parallel,
        phases=wish.phases,
        agent=wish.agent,
        socket=_socket(project.terminal),
        after=_after(project, wish, run if joins else NO_RUN),
        opens=window.opens,
        until=window.until,
        boards=tuple(phase.id for phase in project.board.phases),
        unreadable=unreadable(project),
        on=_on(project, wish),
    )


def _on(project: Project, wish: Wish) -> tuple[tuple[PhaseId, str], ...]:
    """Return which phases are wanted where. Raises UsageError for a host that there is not."""
    if not wish.on:
        return ()
    hosts = {HERE: ""} | {name: name if host.ssh else "" for name, host in project.config.hosts.items()}
    if wish.on not in hosts:
        raise UsageError("no-host", f"batty.toml has no host {wish.on!r}", evidence=tuple(hosts), next="batty config")
    return tuple((phase, hosts[wish.on]) for phase in wish.phases or (p.id for p in project.phases))


def _after(project: Project, wish: Wish, run: Run) -> tuple[Pair, ...]:
    """Return the pairs of --after and --no-after. Refuses who does not exist, has started, or would wait for itself."""
    asked = tuple(project.phase(name).id for name in wish.after)
    back = tuple((phase, PhaseId("")) for phase in wish.phases or (p.id for p in project.phases)) if wish.forget else ()
    if not asked:
        return back
    begun = {s.phase.id: s for s in project.statuses() if s.state not in {"ready", "blocked"}}
    at_work = next((begun[phase] for phase in wish.phases if phase in begun), None)
    if at_work is not None:
        what = f"{at_work.phase.id} is {at_work.state}: --after is for a phase that has not started"
        raise BattyError("has-started", what, next="batty status")
    pairs = tuple(p for p in pairs_after(project.phases, wish.phases, asked) if p[0] not in begun)
    kept = () if wish.forget else run.after
    loop = cycle(with_after(project.phases, (*kept, *pairs)))
    if loop:
        circle = " -> ".join((*loop, loop[0]) if loop[0] != loop[-1] else loop)
        what = f"with --after these phases would wait for each other: {circle}"
        raise BattyError("phase-cycle", what, evidence=(f"--after {' --after '.join(asked)}",), next="batty plan")
    return (*back, *pairs)


def begin(project: Project, started: RunStarted, environ: Mapping[str, str]) -> Filled:
    """Start phases in a new run, or in the one that still has phases moving.

    A phase that is held or failed gets its executor again, in the same worktree.
    """
    refuse_unable(project, started)
    for phase, host in started.on:
        displace(project, project.status(phase), host)
    refuse_no_room(project.place.home, project.base, project.config, to_make(project, started))
    _keep_settings(project, started.run)
    project.place.records.append(started)
    for name in started.phases:
        _again(project, project.status(name))
    session = ensure_session(project, started.run, environ)
    remember_environment(project.terminal, session, environ)
    return fill(project)


def refuse_unable(project: Project, started: RunStarted) -> None:
    """Raise what keeps any phase from being launched, or from landing: programs, a committer, the gate, an agent."""
    _refuse_old_programs(project)
    _refuse_nobody(project)
    _ = project.gate
    for phase in project.board.phases:
        if not started.phases or phase.id in started.phases:
            adapter(project, started.agent or phase.agent or project.config.run.agent)


def to_make(project: Project, started: RunStarted) -> int:
    """Return how many worktrees a run that is begun like this makes at once, on this machine."""
    run = current_run([started], project.run)
    return sum(host == "" for host in places(project.statuses(run=run), project.terms(run)).values())


def _keep_settings(project: Project, run: RunId) -> None:
    """Keep the settings with the run: should the base's break later, what runs goes on by these."""
    text = base_text(project.place.home, project.base)
    write_atomically(project.place.run_folder(run) / SETTINGS, text or "")


def _again(project: Project, status: PhaseStatus) -> None:
    """Start the executor of a held or failed phase again."""
    watch = status.watch
    if watch.state not in {"held", "failed"}:
        return
    project.place.records.append(Relaunching(run=RunId(watch.run), phase=watch.phase, by="person"))


def next_run(project: Project) -> RunId:
    """Return the run that phases are launched in: the one that is going on, else the next free number.

    A number is taken by a branch or a folder of that number too: nothing that is there is ever reused.
    """
    run = project.run
    if is_going(project.statuses(), run):
        return run.id
    branches = project.place.git.say("for-each-ref", "--format=%(refname)", "refs/heads/batty/").splitlines()
    folders = [path.name for path in project.worktrees.glob("*-run-*")] if project.worktrees.is_dir() else []
    names = [*branches, *folders, f"-run-{run.id}" if run.id else ""]
    taken = [int(found[1]) for name in names if (found := _NUMBERED.search(name))]
    return RunId(f"{max(taken, default=0) + 1:03d}")


def start_stopped(project: Project) -> None:
    """Let the executors that `batty stop` ended start again, in their worktrees as they are."""
    for status in project.statuses():
        held = status.watch.held
        if held is not None and held.code == "stopped":
            again = Relaunching(run=RunId(status.watch.run), phase=status.phase.id, by="person", resume=True)
            project.place.records.append(again)


def end_executor(project: Project, phase: PhaseId) -> None:
    """Ask the phase's executor to end, if its pane still runs the process that was started."""
    watch = project.watch(phase)
    launched = watch.launched
    if launched is None or watch.host or project.terminal.identity() != launched.server:
        return
    pane = next((p for p in project.terminal.panes() if p.pane == launched.pane), None)
    starting = watch.executor == "none"
    if (
        pane is not None
        and not pane.dead
        and (starting or (watch.started is not None and pane.pid == watch.started.pid))
    ):
        with suppress(ProcessLookupError):
            os.killpg(pane.pid, signal.SIGTERM)


def _socket(terminal: Terminal) -> str:
    if terminal.socket is not None:
        return str(terminal.socket)
    identity = terminal.identity()
    return identity.rsplit(",", 2)[0] if identity else ""


def _refuse_nobody(project: Project) -> None:
    """Refuse to start agents that could not commit: they would all end with an error that says nothing of why."""
    if not project.place.git.run("var", "GIT_COMMITTER_IDENT").ok:
        what = "git does not know who commits here, so no agent could"
        raise BattyError("no-identity", what, next='git config user.name "..." && git config user.email "..."')


def _refuse_old_programs(project: Project) -> None:
    """Refuse a tmux without the options that windows need, and a git that cannot merge in memory."""
    found = project.terminal.version()
    if found < MIN_TMUX:
        what = f"tmux {found[0]}.{found[1]} is too old; batty needs {MIN_TMUX[0]}.{MIN_TMUX[1]}"
        raise BattyError("old-tmux", what, next="batty doctor")
    git = version(project.place.git.say("version"))
    if git is not None and git.number < MIN_GIT:
        what = f"git {git.shown} is too old; batty needs {MIN_GIT[0]}.{MIN_GIT[1]}"
        raise BattyError("old-git", what, next="batty doctor")
