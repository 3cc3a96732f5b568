"""Start a phase's agent in its pane, and know afterwards how it ended."""

import os
import shutil
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from batty_tmux.core.events import ExecutorStarted, LaunchFailed
from batty_tmux.core.supervise import HOLDS_A_SLOT, Watch
from batty_tmux.drive import blocks, guard
from batty_tmux.drive.hooks import caller_environment
from batty_tmux.drive.project import BOARDS, Project, program
from batty_tmux.drive.reports import issue
from batty_tmux.drive.setting_up import set_up
from batty_tmux.drive.windows import session_id, write_brief
from batty_tmux.errors import BattyError
from batty_tmux.host.agents import adapter as agents
from batty_tmux.host.lock import Held, attempt, exclusive
from batty_tmux.host.process import become, kill_group
from batty_tmux.names import PhaseId, RunId

LOST_ITS_TERMINAL = 129
"""What a shell says of a program ended by SIGHUP: the pane was closed before anything was written down."""

_LAST_WORDS = 5
"""Seconds that an executor without a window has, once it is told to end."""

# sh stays between tmux and the agent: 0.1 MB that writes the exit status down, whatever tmux loses. It ignores
# what the terminal sends to both, so that it outlives the agent; descriptor 8 is the lock of the phase's executor.
_WRAPPER = 'trap : HUP INT QUIT TERM; "$@" 8>&-; s=$?; echo "$s" >"$0.new" && mv "$0.new" "$0"; exit "$s"'
_LOCK_DESCRIPTOR = 8


def start(project: Project, phase: PhaseId, run: RunId) -> None:
    """Become the phase's agent. Does not return.

    Raises BattyError when there is nothing to start: the phase is not at work, or its executor is alive.
    """
    watch = project.watch(phase)
    folder = project.place.phase_folder(run, phase)
    with attempt(folder / "executor.lock") as held:
        if held is None:
            what = f"the executor of {phase} is alive in another pane; a phase has one"
            raise BattyError("executor-alive", what, next=f"batty attach {phase}")
        if watch.launching is None or watch.run != run or watch.state not in HOLDS_A_SLOT:
            what = f"{phase} is {watch.state}: there is nothing for an executor to do"
            raise BattyError("nothing-to-do", what, next="batty status")
        if watch.is_done:
            what = f"the executor of {phase} has done its work: what is left is the gate, and a review"
            raise BattyError("nothing-to-do", what, next="batty status")
        _start(project, watch, held)


def _start(project: Project, watch: Watch, held: Held) -> None:
    run, phase = RunId(watch.run), watch.phase
    number = watch.attempt + 1
    worktree = Path(watch.launching.worktree) if watch.launching else project.place.home
    if not worktree.is_dir():
        what = f"the worktree {worktree} is gone"
        _fail(project, watch, what, ())
        raise BattyError("no-worktree", what, next=f"batty work {phase}")
    brief = write_brief(project, project.phase(phase), watch, number, _feedback(watch))
    name = agent_of(project, phase)
    environ = _environment(project, watch, brief)
    _warn_of_ports(watch, project)
    set_up(project, watch, worktree, environ)
    agent = adapter(project, name)
    own = project.config.agents.get(name)
    resume = is_continued(watch, name)
    session = watch.session if resume else str(uuid4()) if agent.names_its_session else ""
    launch = agents.Launch(
        brief=brief,
        phase=phase,
        board=worktree / BOARDS / phase,
        worktree=worktree,
        run=run,
        args=own.args if own else (),
        command=own.command if own else (),
        resume=resume,
        notice=notice_file(project, phase, run),
        session=session,
        report=issue(folder_of_reports(project, phase, run), agent.family) if agent.reports else None,
    )
    argv = agent.argv(launch)
    if shutil.which(argv[0], path=environ["PATH"]) is None:
        what = f"{argv[0]} is not on the PATH, so {phase} has no executor"
        _fail(project, watch, what, ())
        raise BattyError("no-agent", what, next="batty doctor")
    # not before run.setup, which is the user's own: tools that install hooks refuse where core.hooksPath is set
    guarded = guard.environment(guard.install(project.place, project.base.name, project.base.remote))
    status = exit_file(project, phase, run, number)
    status.unlink(missing_ok=True)
    project.place.records.append(
        ExecutorStarted(
            run=run,
            phase=phase,
            attempt=number,
            pid=os.getpid(),
            agent=name,
            session=session,
            hooks=launch.report is not None,
        )
    )
    os.chdir(worktree)
    os.dup2(held.descriptor, _LOCK_DESCRIPTOR, inheritable=True)
    become(("/bin/sh", "-c", _WRAPPER, str(status), *argv), {**environ, **agent.environment(launch), **guarded})


def is_continued(watch: Watch, agent: str) -> bool:
    """Tell whether this start goes on with a conversation: of the same agent, and cut off, not sent back."""
    if watch.relaunch is not None and not watch.relaunch.resume:
        return False
    return bool(watch.attempt and watch.session) and watch.agent == agent


def _feedback(watch: Watch) -> str:
    """Return what this start is for, and what a reviewer asked for before: a nudge does not make that undone."""
    told = watch.relaunch.feedback if watch.relaunch else ""
    earlier = "" if watch.asked in told else f"The reviewer had asked before:\n\n{watch.asked}"
    return "\n\n".join(part for part in (told, earlier) if part)


def end_unseen(project: Project, watch: Watch) -> None:
    """End an executor that outlived its window: a killed tmux server hangs up on the pane's first process only.

    Nobody could see or answer it, and while it lives no other can be started.
    """
    lock = project.place.phase_folder(RunId(watch.run), watch.phase) / "executor.lock"
    with attempt(lock) as held:
        pid = watch.started.pid if held is None and watch.started is not None else None
    if pid is None:
        return
    # that the lock is held proves that the process of this number is still the one that was started
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGHUP)
    try:
        with exclusive(lock, timeout=_LAST_WORDS):
            return
    except BattyError:
        kill_group(pid)


def _fail(project: Project, watch: Watch, reason: str, evidence: tuple[str, ...]) -> None:
    event = LaunchFailed(run=RunId(watch.run), phase=watch.phase, reason=reason, evidence=evidence)
    project.place.records.append(event)


def _environment(project: Project, watch: Watch, brief: Path) -> dict[str, str]:
    """Return the caller's environment, scrubbed, with what contract.md promises an executor."""
    session = session_id(project, project.terminal)
    environ = caller_environment(project.terminal, session)
    folder = Path(watch.launching.worktree) / BOARDS / watch.phase if watch.launching else Path()
    own = {
        "BATTY_PHASE": str(watch.phase),
        "BATTY_RUN": watch.run,
        "BATTY_BRIEF": str(brief),
        "BATTY_BOARD": str(folder),
        "BATTY_PORT_BASE": str(blocks.base(watch, project.place.records)),
        "PATH": environ.get("PATH", os.defpath) + os.pathsep + str(_shims(project)),
    }
    here = {key: os.environ[key] for key in ("TMUX", "TMUX_PANE", "TERM") if key in os.environ}
    return {**environ, **here, **own}


def _warn_of_ports(watch: Watch, project: Project) -> None:
    """Say which of the phase's ports something listens on: it keeps them, since what it was told stays true."""
    busy = blocks.taken(blocks.base(watch, project.place.records))
    if busy:
        sys.stdout.write(f"batty: something listens on {', '.join(map(str, busy))} of this phase's ports\n")


def _shims(project: Project) -> Path:
    """Make a folder with the command `batty-tmux`, for agents whose PATH has none; it comes last on theirs."""
    folder = project.place.state / "bin"
    folder.mkdir(exist_ok=True)
    shim = folder / "batty-tmux"
    words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in program())
    text = f'#!/bin/sh\nexec {words} "$@"\n'
    if not shim.exists() or shim.read_text() != text:
        fresh = shim.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(fresh.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        fresh.replace(shim)
    return folder


def agent_of(project: Project, phase: PhaseId) -> str:
    """Return who works on a phase: the run's --agent, else what its PHASE.md names, else run.agent."""
    named = project.board.phase(phase)
    return project.run.agent or (named.agent if named else "") or project.config.run.agent


def adapter(project: Project, name: str) -> agents.Adapter:
    own = project.config.agents.get(name)
    return agents.adapter_of(name, own.command if own else ())


def family_of(project: Project, agent: str) -> str:
    """Return which agent's screens to expect in the executor's pane."""
    return adapter(project, agent or project.run.agent or project.config.run.agent).family


def notice_file(project: Project, phase: PhaseId, run: RunId) -> Path:
    """Return the file by which the phase's agent hears something while it works, where it reads one."""
    return project.place.phase_folder(run, phase) / "radar.json"


def folder_of_reports(project: Project, phase: PhaseId, run: RunId) -> Path:
    """Return the folder by which the agent's hooks report to the phase's supervisor."""
    return project.place.phase_folder(run, phase) / "reports"


def exit_file(project: Project, phase: PhaseId, run: RunId, number: int) -> Path:
    return project.place.phase_folder(run, phase) / f"exit-{number}"


def exit_status(project: Project, watch: Watch) -> int | None:
    """Return what the executor's wrapper wrote down at its end, None while there is nothing."""
    file = exit_file(project, watch.phase, RunId(watch.run), watch.attempt)
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None
