"""Stop a run: agents are asked to commit, then their executors end. What is not committed stays where it is.

Everything is journaled before it is done, so a stop that is cut off is finished by the next one.
"""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from batty_tmux.core import liveness, prompts
from batty_tmux.core.attention import hold
from batty_tmux.core.coming_back import ASKED_TO_STOP, How, Stopped
from batty_tmux.core.events import PhaseHeld, RunStopped
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.executor import family_of
from batty_tmux.drive.keyboard import Outcome, write
from batty_tmux.drive.project import Project
from batty_tmux.drive.wip import kept
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.offspring import has_ended
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import kill_group, pause
from batty_tmux.names import PaneId, PhaseId, RunId

Tell = Callable[[Sequence[PhaseId], float], None]
"""Hears whom the stop waits for, and for how many seconds it has."""

_STOPPABLE = frozenset({"working", "asking", "stuck"})
_LOOK = 0.3
_RESTED = 3.0
"""Seconds at rest after which an agent that was asked counts as having done what it will."""
_LAST_WORDS = 5.0
"""Seconds that executors have to end in, once they are told to."""


@dataclass
class _Ask:
    """One executor that is to end. `why_not` says why it was not asked; `rests` since when its agent is at rest."""

    watch: Watch
    family: str
    pid: int | None
    why_not: str = ""
    asked: bool = False
    how: How | Literal[""] = ""
    rests: float | None = None

    @property
    def worktree(self) -> Path:
        return Path(self.watch.launching.worktree) if self.watch.launching else Path()


@dataclass
class Stopping:
    """`interrupted` ends the wait: what has not committed by then is ended as it is."""

    project: Project
    tell: Tell
    asks: list[_Ask] = field(default_factory=list)
    interrupted: bool = False

    def stop(self, seconds: float) -> tuple[Stopped, ...]:
        """End the executors and launch nothing more; `seconds` is how long agents have to commit, 0 to ask none."""
        self.project.place.records.append(RunStopped(run=self.project.run.id))
        self.asks = [_ask(self.project, s) for s in self.project.statuses() if _is_at_work(s)]
        try:
            if seconds > 0:
                self._ask_all()
                self._wait(monotonic() + seconds)
        except KeyboardInterrupt:
            self.interrupted = True
        return self._end()

    # -- asking

    def _ask_all(self) -> None:
        for ask in self.asks:
            ask.why_not = ask.why_not or self._cannot_be_asked(ask)
            if not ask.why_not and not _dirty(ask):
                ask.how = "committed"
            elif not ask.why_not:
                self._say(ask)

    def _cannot_be_asked(self, ask: _Ask) -> str:
        watch = ask.watch
        if watch.host:
            return f"{watch.host} ends it, and keeps there what is not committed"
        if ask.pid is None or watch.launched is None:
            return "its window is gone"
        if ask.family == "any":
            return "a command of your own has no composer to write in"
        if hold(watch):
            return "it is yours: its supervision is paused"
        if watch.limited is not None:
            return "it is at a usage limit"
        screen = self.project.terminal.capture(PaneId(watch.launched.pane)) or ""
        if prompts.read(screen, ask.family) is not None:
            return "it asks something"
        return ""

    def _say(self, ask: _Ask) -> None:
        launched = ask.watch.launched
        outcome = (
            write(self.project.terminal, PaneId(launched.pane), ask.family, ASKED_TO_STOP)
            if launched is not None
            else Outcome.NOT_VERIFIED
        )
        if outcome is not Outcome.CHOSEN:
            ask.why_not = "its composer does not take words now"
        ask.asked = not ask.why_not

    # -- waiting

    def _wait(self, deadline: float) -> None:
        told: list[PhaseId] = []
        while waiting := [ask for ask in self.asks if not ask.how and not ask.why_not]:
            names = [ask.watch.phase for ask in waiting]
            if names != told:
                self.tell(names, max(0.0, deadline - monotonic()))
                told = names
            if monotonic() >= deadline:
                return
            pause(_LOOK)
            for ask in waiting:
                self._look(ask)

    def _look(self, ask: _Ask) -> None:
        if ask.pid is None or has_ended(ask.pid):
            ask.how = "exited"
            return
        launched = ask.watch.launched
        screen = self.project.terminal.capture(PaneId(launched.pane)) if launched else None
        if not _rests(screen or "", ask.family):
            ask.rests = None
            return
        ask.rests = monotonic() if ask.rests is None else ask.rests
        if not _dirty(ask):
            ask.how = "committed"
        elif monotonic() - ask.rests >= _RESTED:
            ask.how = "left"

    # -- ending

    def _end(self) -> tuple[Stopped, ...]:
        ended: list[Stopped] = []
        pids: list[int] = []
        for ask in self.asks:
            watch = self.project.watch(ask.watch.phase)
            if watch.state not in _STOPPABLE or watch.run != ask.watch.run:
                # while its agent was waited for, it went on to its gate or to its review
                continue
            ended.append(self._ended(ask))
            if ask.pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(ask.pid, signal.SIGTERM)
                pids.append(ask.pid)
        _until_gone(pids)
        return tuple(ended)

    def _ended(self, ask: _Ask) -> Stopped:
        watch = ask.watch
        dirty = _dirty(ask)
        ref, problem = kept(ask.worktree, watch.phase) if dirty else ("", "")
        self.project.place.records.append(
            PhaseHeld(
                run=RunId(watch.run), phase=watch.phase, state="held", code="stopped", reason="batty stop ended it"
            )
        )
        return Stopped(
            phase=watch.phase,
            how=ask.how or ("late" if ask.asked else "not-asked"),
            why=ask.why_not,
            uncommitted=len(dirty),
            worktree=str(ask.worktree),
            snapshot=ref,
            problem=problem,
        )


def _is_at_work(status: PhaseStatus) -> bool:
    watch = status.watch
    return watch.launched is not None and watch.executor != "exited" and watch.state in _STOPPABLE


def _ask(project: Project, status: PhaseStatus) -> _Ask:
    watch = status.watch
    return _Ask(watch, family_of(project, watch.agent), _process(project, watch))


def _process(project: Project, watch: Watch) -> int | None:
    """Return the process that leads the executor's group, if its pane still runs the one that was started."""
    launched = watch.launched
    if launched is None or watch.host or project.terminal.identity() != launched.server:
        # of a phase on another host the pane here only shows it
        return None
    pane = next((p for p in project.terminal.panes() if p.pane == launched.pane), None)
    if pane is None or pane.dead:
        return None
    starting = watch.executor == "none"
    return pane.pid if starting or (watch.started is not None and pane.pid == watch.started.pid) else None


def _dirty(ask: _Ask) -> tuple[str, ...]:
    try:
        return Git(ask.worktree).status().dirty if ask.worktree.is_dir() else ()
    except BattyError:
        # a git that is just at work there, or none that can be read: nothing is proved to be committed
        return ("?",)


def _rests(screen: str, family: str) -> bool:
    """Tell whether an agent's turn is over: its composer is there, and nothing says that it is at work."""
    there = liveness.composer_of(screen, family) is not None
    return there and not liveness.busy(screen, family) and prompts.read(screen, family) is None


def _until_gone(pids: Sequence[int]) -> None:
    """Wait for the processes to end; after their last words they are ended with all of their group."""
    deadline = monotonic() + _LAST_WORDS
    left = list(pids)
    while left and monotonic() < deadline:
        left = [pid for pid in left if not has_ended(pid)]
        if left:
            pause(_LOOK / 3)
    for pid in left:
        kill_group(pid)
