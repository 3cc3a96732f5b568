"""Phases of another machine, here on the host: open their windows, end them, obey what was decided of them there.

Whoever comes over ssh may do all that its user may; what it says is checked all the same, since it comes from boards.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from batty_tmux import __version__
from batty_tmux.config_rules import text_problem
from batty_tmux.core.afar import Order, last_order, obeyed
from batty_tmux.core.events import AnyEvent, Cleaned, LaunchFailed, Launching, RunStarted, Skipped
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.answers import answer
from batty_tmux.drive.blocks import claim, release
from batty_tmux.drive.cleanup import at_work, unsaved
from batty_tmux.drive.hooks import remember_environment
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.runs import end_executor, refuse_unable
from batty_tmux.drive.windows import ensure_session, find_window, launch
from batty_tmux.drive.wip import kept
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import run
from batty_tmux.names import Branch, PhaseId, RunId, Sha

_CLONE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_RUN: Final = re.compile(r"\d{3,6}")
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MANY: Final = 64
"""Windows at work at once: the limit of a host is kept by who sends phases there."""


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phase to launch: its branch begins at `start`, or goes on at `tip`, and is to land on `base` elsewhere."""

    phase: str
    run: str
    branch: str
    start: str
    base: str
    tip: str = ""
    agent: str = ""


@dataclass(frozen=True)
class Clone:
    """The folder of one repository of one other machine's."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        if _CLONE.fullmatch(self.name) is None or self.name.endswith("."):
            raise BattyError("bad-clone", f"{self.name!r} is no name of a clone", next="batty doctor")
        return self.folder.expanduser() / self.name

    def place(self) -> Place:
        if not (self.path / ".git").is_dir():
            raise BattyError("no-clone", f"there is no clone {self.path}", next="batty doctor")
        return Place.around(self.path)

    def make(self, name: str, email: str) -> Place:
        """Make the clone, empty: commits are pushed to it. What is there already stays."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        git = Git(self.path)
        if not (self.path / ".git").is_dir():
            # on no branch of anybody's, so that each of them may be pushed
            git.run("init", "--quiet", "--initial-branch", "batty-nothing").check()
        git.run("config", "receive.autogc", "false").check()
        if not git.run("var", "GIT_COMMITTER_IDENT").ok or not git.run("config", "--get", "user.email").ok:
            for key, value in (("user.name", name), ("user.email", email)):
                if value:
                    git.run("config", key, value).check()
        return Place.around(self.path)


def open_phase(place: Place, asked: Opening) -> Mapping[str, str]:
    """Launch a phase, or find it launched; return where. Raises BattyError."""
    phase = _checked(asked)
    with exclusive(place.fill_lock) as held:
        place.records.refresh()
        started = _run(asked, phase)
        if _news(place, started):
            place.records.append(started)
        project = Project.at(place)
        project.refuse_bad_settings()
        refuse_unable(project, started)
        _intend(project, asked, phase)
        session = ensure_session(project, started.run, os.environ)
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SSH_")}
        remember_environment(project.terminal, session, environ)
        event = launch(project, project.phase(phase), started.run, held)
    if isinstance(event, LaunchFailed):
        raise BattyError(event.code, event.reason, evidence=event.evidence, next="batty doctor")
    launching = project.watch(phase).launching
    worktree = launching.worktree if launching else ""
    return {"worktree": worktree, "window": event.window, "pane": event.pane, "server": event.server}


def _checked(asked: Opening) -> PhaseId:
    phase = named_phase(asked.phase)
    fits = re.fullmatch(rf"batty/{re.escape(phase)}-run-\d{{3,6}}", asked.branch)
    if fits is None or not _RUN.fullmatch(asked.run) or not _SHA.fullmatch(asked.start):
        raise BattyError("bad-request", "this is no launch of a phase", next="batty doctor")
    if asked.tip and not _SHA.fullmatch(asked.tip):
        raise BattyError("bad-request", "this is no launch of a phase", next="batty doctor")
    if not asked.base or text_problem(("run", "base"), asked.base):
        raise BattyError("bad-request", "the base is not the name of a branch", next="batty doctor")
    return phase


def _run(asked: Opening, phase: PhaseId) -> RunStarted:
    run = RunId(asked.run)
    return RunStarted(run=run, base=asked.base, parallel=_MANY, phases=(phase,), agent=asked.agent, hosted=True)


def _news(place: Place, started: RunStarted) -> bool:
    """Tell whether the run is another than the newest here, or does not know of the phase yet."""
    newest = [e for e in place.records.events if isinstance(e, RunStarted) and e.phases == started.phases]
    last = next((e for e in reversed(place.records.events) if isinstance(e, RunStarted)), None)
    known = any((e.run, e.base, e.agent) == (started.run, started.base, started.agent) for e in newest)
    return not known or last is None or last.run != started.run


def _intend(project: Project, asked: Opening, phase: PhaseId) -> None:
    """Journal the launch under the branch that was asked for; what went on under another is ended first."""
    watch = project.watch(phase)
    if watch.launching is not None and watch.launching.branch == asked.branch and not watch.closed:
        return
    if watch.launching is not None and not watch.closed:
        end(project, phase, watch.launching.branch)
    branch = Branch(asked.branch)
    path = project.worktrees / branch.removeprefix("batty/")
    ports = claim(project.place, phase, path)
    project.place.records.append(
        Launching(
            run=RunId(asked.run),
            phase=phase,
            branch=branch,
            worktree=str(path),
            start=Sha(asked.start),
            tip=Sha(asked.tip),
            ports=ports,
        )
    )


def end(project: Project, phase: PhaseId, branch: str) -> str:
    """End a launch that goes on elsewhere: its executor and its window. Its worktree stays; return its last commit."""
    watch = project.watch(phase)
    if watch.launching is not None and watch.launching.branch == branch and not watch.closed:
        kept(Path(watch.launching.worktree), phase)
        end_executor(project, phase)
        project.place.records.append(Skipped(run=RunId(watch.run), phase=phase))
        window = find_window(project.terminal, project, phase, RunId(watch.run))
        if window is not None:
            project.terminal.kill_window(window.window)
    return project.place.git.tip(f"refs/heads/{branch}") or ""


def close(project: Project, phase: PhaseId, branch: str, head: Sha, *, ignored: bool, dry: bool) -> str:
    """Remove window, worktree and branch of a phase that landed as `head`; return why not, where it must stay."""
    watch = project.watch(phase)
    if watch.launching is None or watch.launching.branch != branch:
        return ""
    tip, folder = project.place.git.tip(f"refs/heads/{branch}"), Path(watch.launching.worktree)
    if tip is not None and tip != head:
        return f"its branch there is at {tip[:9]}, and {head[:9]} was landed"
    reason = at_work(project, watch) or unsaved(folder, phase, ignored=ignored)
    if reason or dry:
        return reason
    window = find_window(project.terminal, project, phase, RunId(watch.run))
    if window is not None:
        project.terminal.kill_window(window.window)
    with exclusive(project.place.state / "worktrees.lock"):
        if folder.exists():
            project.place.git.remove_worktree(folder).check()
    if tip is not None:
        project.place.git.drop_ref(f"refs/heads/{branch}", tip)
    release(project.place, phase)
    if not watch.closed or not isinstance(_last(project, phase), Cleaned):
        project.place.records.append(Cleaned(run=RunId(watch.run), phase=phase))
    return ""


def _last(project: Project, phase: PhaseId) -> AnyEvent | None:
    return next((e for e in reversed(project.place.records.events) if getattr(e, "phase", None) == phase), None)


def obey(project: Project, phase: PhaseId, order: Order) -> bool:
    """Do what was decided elsewhere of a phase here, once; false where it was done before, or is over."""
    with exclusive(project.place.state / "orders.lock"):
        project.place.records.refresh()
        watch = project.watch(phase)
        if watch.launching is None or watch.closed or order.order <= last_order(project.place.records.events, phase):
            return False
        if order.verb == "stop":
            kept(Path(watch.launching.worktree), phase)
        project.place.records.append(obeyed(order, phase, watch.run))
    if order.verb == "stop":
        end_executor(project, phase)
    return True


def type_answer(project: Project, phase: PhaseId, key: str, text: str) -> bool:
    """Type an answer to the prompt that has this key; false where that was answered already."""
    with exclusive(project.place.state / "orders.lock"):
        project.place.records.refresh()
        watch: Watch = project.watch(phase)
        if watch.prompt is None or watch.prompt.key != key:
            raise BattyError("asks-another", f"{phase} asks something else by now", next=f"batty answer {phase}")
        if watch.answered:
            return False
        answer(project, watch, text)
        return True


def hello(agents: tuple[str, ...], folder: Path) -> dict[str, object]:
    """Return what doctor wants to know of this host."""
    near = next(path for path in (folder.expanduser(), *folder.expanduser().parents) if path.exists())
    return {
        "batty": "hello",
        "version": __version__,
        "tmux": _said("tmux", "-V"),
        "git": _said("git", "--version"),
        "free": shutil.disk_usage(near).free,
        "time": now().timestamp(),
        "agents": {name: shutil.which(name) or "" for name in agents},
    }


def _said(program: str, option: str) -> str:
    if shutil.which(program) is None:
        return ""
    return run((program, option), timeout=15).stdout.strip()
