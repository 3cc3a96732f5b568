"""Run run.setup in a fresh worktree, before any agent is there: in the pane, with a log, with cached dependencies."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from batty_tmux.core.events import LaunchFailed, Relaunching, SettingUp, SetUp
from batty_tmux.core.failures import last_words
from batty_tmux.core.watch import Watch
from batty_tmux.drive.command_log import Scribe, fresh_log, settle_left
from batty_tmux.drive.dependencies import Wanted, keep, restore, wanted
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.files import tail
from batty_tmux.host.lock import Held, attempt, exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.host.watched_run import run_and_keep
from batty_tmux.names import RunId

_DONE = "batty-set-up"
"""In git's own folder of the worktree, and gone with it: a worktree that is made again is set up again."""
_TAIL = 40
_INTERRUPTED = 130
_Cached = Literal["", "hit", "kept", "none"]
_RETRIES = frozenset({"r", "retry"})


def set_up(project: Project, watch: Watch, worktree: Path, environ: dict[str, str]) -> None:
    """Run run.setup once per worktree. Raises BattyError `setup-failed`, journaled before, where it fails."""
    command = project.config.run.setup
    done = Git(worktree).private(_DONE)
    if not command or done.exists():
        return
    run = RunId(watch.run)
    folder = project.place.phase_folder(run, watch.phase)
    settle_left(folder)
    log = fresh_log(folder, "setup")
    project.place.records.append(SettingUp(run=run, phase=watch.phase, command=command, log=str(log)))
    begun = monotonic()
    with _dependencies(project, watch, worktree, environ["PATH"]) as (it, held, problem):
        how = restore(it, worktree, held) if it is not None and held is not None else ""
        if how:
            _say("the dependencies of an earlier worktree with the same lock files are there")
        _say(f"run.setup: {command}")
        told = {"BATTY_CACHE": "hit" if how else "miss"} if project.config.run.cache else {}
        _run(project, watch, worktree, {**environ, **told}, log)
        why = problem
        if it is not None and held is not None and not how:
            why = _keep_dependencies(project, watch, worktree, environ["PATH"], it, held)
    done.touch()
    word: _Cached = "" if not project.config.run.cache else "hit" if how else "none" if why else "kept"
    seconds = round(monotonic() - begun, 3)
    project.place.records.append(SetUp(run=run, phase=watch.phase, seconds=seconds, cache=word, how=how, why=why))


def failure(project: Project, watch: Watch) -> LaunchFailed | None:
    """Return how the setup of a phase failed, while the phase stands there."""
    if watch.held is None or watch.held.code != "setup-failed":
        return None
    told = (e for e in reversed(project.place.records.events) if isinstance(e, LaunchFailed))
    return next((event for event in told if event.phase == watch.phase), None)


def retry(project: Project, watch: Watch, typed: str) -> bool:
    """Try a failed setup again where a person typed so in the lower pane; tell whether that is what was meant."""
    failed = watch.held is not None and watch.held.code == "setup-failed"
    if not failed or typed.strip().lower() not in _RETRIES:
        return False
    project.place.records.append(Relaunching(run=RunId(watch.run), phase=watch.phase, by="person"))
    return True


def _keep_dependencies(project: Project, watch: Watch, worktree: Path, path: str, it: Wanted, held: Held) -> str:
    """Keep what the setup has fetched; return why not. What an agent may have touched is not kept."""
    if watch.attempt:
        return "an agent has been in this worktree"
    now = wanted(project, worktree, path)
    if isinstance(now, str) or now.key != it.key:
        return now if isinstance(now, str) else "run.setup changed what it is known by"
    try:
        return keep(it, worktree, held)
    except OSError as problem:
        return f"it could not be kept: {problem.strerror or problem}"


@contextmanager
def _dependencies(
    project: Project, watch: Watch, worktree: Path, path: str
) -> Iterator[tuple[Wanted | None, Held | None, str]]:
    """Yield what is to be cached, under its lock: who has the same lock files waits for the first, and takes its copy.

    Where there is nothing to cache, or the other takes too long, the setup runs without.
    """
    it = wanted(project, worktree, path) if project.config.run.cache else ""
    if isinstance(it, str):
        yield None, None, it
        return
    with attempt(it.lock) as held:
        if held is not None:
            yield it, held, ""
            return
    _say(f"{watch.phase} waits for the setup of another phase with the same lock files")
    waiting = exclusive(it.lock, timeout=project.config.patience.setup_seconds)
    try:
        other = waiting.__enter__()
    except BattyError:
        yield None, None, "the setup of another phase with the same lock files takes too long"
        return
    try:
        yield it, other, ""
    finally:
        waiting.__exit__(None, None, None)


def _run(project: Project, watch: Watch, worktree: Path, environ: dict[str, str], log: Path) -> None:
    command, limit = project.config.run.setup, project.config.patience
    with exclusive(log) as writing, Scribe(writing) as scribe:

        def keep(said: bytes) -> None:
            # a log that ended too early is no reason for the setup to end
            with suppress(BrokenPipeError):
                scribe.said.write(said)

        status = run_and_keep(command, cwd=worktree, env=environ, keep=keep, timeout=limit.setup_seconds)
    if status == 0:
        return
    what = {
        None: f"run.setup was ended after {limit.setup} (patience.setup)",
        _INTERRUPTED: "run.setup was interrupted",
    }.get(status, f"run.setup ended with {status}")
    words = last_words(tail(log, _TAIL))
    event = LaunchFailed(
        run=RunId(watch.run), phase=watch.phase, reason=what, evidence=words, code="setup-failed", log=str(log)
    )
    project.place.records.append(event)
    evidence = (command, f"all it said is in {log}", "or type r and Enter in the lower pane")
    raise BattyError("setup-failed", what, evidence=evidence, next=f"batty work {watch.phase}")


def _say(line: str) -> None:
    sys.stdout.write(f"batty: {line}\n")
    sys.stdout.flush()
