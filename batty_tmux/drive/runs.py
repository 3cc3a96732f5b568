"""Begin a run, or join one that is going on."""

import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress

from batty_tmux.core.checks import MIN_GIT, MIN_TMUX, version
from batty_tmux.core.events import Relaunching, RunStarted
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.executor import adapter
from batty_tmux.drive.fill import Filled, fill
from batty_tmux.drive.hooks import remember_environment
from batty_tmux.drive.project import SETTINGS, Project
from batty_tmux.drive.settings import base_text
from batty_tmux.drive.windows import ensure_session
from batty_tmux.errors import BattyError
from batty_tmux.host.files import write_atomically
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PhaseId, RunId

_NUMBERED = re.compile(r"-run-(\d{3,})$")


def begin(
    project: Project, phases: tuple[PhaseId, ...], parallel: int, agent: str, environ: Mapping[str, str]
) -> Filled:
    """Start phases in a new run, or in the one that still has phases moving. No phases means all.

    A phase that is held or failed gets its executor again, in the same worktree.
    """
    _refuse_old_programs(project)
    _refuse_nobody(project)
    _ = project.gate
    for phase in project.board.phases:
        if not phases or phase.id in phases:
            adapter(project, agent or phase.agent or project.config.run.agent)
    run = next_run(project)
    _keep_settings(project, run)
    project.place.records.append(
        RunStarted(
            run=run,
            base=project.base,
            parallel=parallel,
            phases=phases,
            agent=agent,
            socket=_socket(project.terminal),
        )
    )
    for name in phases:
        _again(project, project.status(name))
    session = ensure_session(project, run, environ)
    remember_environment(project.terminal, session, environ)
    return fill(project)


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
    going = any(s.is_awaited or s.state in {"held", "failed", "conflict", "red"} for s in project.statuses())
    if run.id and going and not run.stopped:
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
    if launched is None or project.terminal.identity() != launched.server:
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
