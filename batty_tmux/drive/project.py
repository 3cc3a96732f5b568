"""A repository as batty sees it now: its base, configuration and boards, and the state of every phase."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from batty_tmux.config import ConfigError, parse
from batty_tmux.config_tables import Config
from batty_tmux.core.afar import lost_words
from batty_tmux.core.board import Board, Phase, cycle, parse_board, parse_phase, unknown_dependencies
from batty_tmux.core.events import Landed, Launching
from batty_tmux.core.placement import ALONE, HERE, Seat, silent
from batty_tmux.core.plan import with_after
from batty_tmux.core.queue_state import Entry, GateKey, Now, Queue, observe
from batty_tmux.core.sequence import Terms, explained
from batty_tmux.core.status import PhaseStatus, Run, current_run, derive
from batty_tmux.core.supervise import HOLDS_A_SLOT, Watch
from batty_tmux.core.window import Clock
from batty_tmux.drive.gate import GateSpec
from batty_tmux.drive.ground import worktrees
from batty_tmux.drive.place import Place
from batty_tmux.drive.renamed import no_base
from batty_tmux.drive.settings import base_branch, commit_command, opened, uncommitted
from batty_tmux.errors import BattyError, UsageError
from batty_tmux.host.clock import from_wall, now, on_wall
from batty_tmux.host.files import read_tree
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import Base, PhaseId, SessionId, Sha, phase_id

BOARDS = "kanban"
SETTINGS = "batty.toml"
WALL = Clock(from_wall, on_wall)


@dataclass(frozen=True)
class Project:
    place: Place
    base: Base
    config: Config
    board: Board
    fault: ConfigError | None = None
    """What is wrong with batty.toml on the base; `config` is then the one that the run began with."""

    @classmethod
    def around(cls, folder: Path, base: str | None = None) -> "Project":
        """Open the repository around a folder. Configuration and boards are those of the base's tip."""
        return cls.at(Place.around(folder), base)

    @classmethod
    def at(cls, place: Place, base: str | None = None) -> "Project":
        """Open a repository that was found before, as it is now."""
        place.records.refresh()
        name = base or current_run(place.records.events).base or base_branch(place.home, None)
        found = opened(place.home, name)
        if found.tip is None:
            raise no_base(place, found.base)
        board = parse_board(place.git.texts(found.tip, BOARDS))
        if isinstance(found.config, ConfigError):
            return cls(place, found.base, _settings_of_run(place), board, found.config)
        return cls(place, found.base, found.config, board)

    @property
    def run(self) -> Run:
        return current_run(self.place.records.events)

    @cached_property
    def terminal(self) -> Terminal:
        """The tmux server of $TMUX, unless the run has its session on another; else the run's, else the default one."""
        here = Terminal.from_environment(os.environ)
        run = self.run.socket
        if not run or (here.socket is not None and str(here.socket) == run):
            return here
        there = Terminal(Path(run))
        if here.socket is None:
            return there if there.alive() else here
        state = str(self.place.state)
        return there if any(facts.repo == state for facts in there.sessions()) else here

    def connect(self, session: str) -> None:
        """Speak to tmux over a standing connection from here on: for who has much to say to it."""
        self.__dict__["terminal"] = self.terminal.connected(SessionId(session))

    @property
    def worktrees(self) -> Path:
        """The folder that phase worktrees are made in, from the main checkout."""
        return worktrees(self.place, self.config)

    @property
    def gate(self) -> GateSpec:
        """The gate as the base says it now. Raises BattyError where it says nothing that can be read."""
        self.refuse_bad_settings()
        return GateSpec.of(self.config)

    def refuse_bad_settings(self) -> None:
        """Raise what is wrong with batty.toml on the base: nothing is launched or landed by guesses."""
        if self.fault is not None:
            raise self.fault

    @property
    def phases(self) -> tuple[Phase, ...]:
        """All phases of the base's boards, and those at work whose boards have since left it."""
        return (*self.board.phases, *self._departed())

    def phase(self, name: str) -> Phase:
        """Find a phase by name. Raises UsageError `no-phase` naming those that exist."""
        found = next((phase for phase in self.phases if phase.id == name), None)
        if found is None:
            known = tuple(str(phase.id) for phase in self.board.phases)
            raise UsageError(
                "no-phase", f"no phase is called {name} on {self.base}", evidence=known, next="batty status"
            )
        return found

    def queue(self) -> Queue:
        """Return the queue with what is true now, as far as it can be told without running a gate."""
        queue = self.place.records.queue()
        where = self.place.git.tip_and_tree(self.base.ref)
        if where is None:
            return queue
        known = self.fault is None and self.config.gate.command.strip()
        key = queue.key_of(self.gate.digest, self.gate.hygiene) if known else GateKey()
        wanted = self.config.queue
        at_once = wanted.slots if isinstance(wanted.slots, int) else 1
        seen = Now(tip=where[0], tree=where[1], gate=key, slots=at_once, batch=wanted.gate == "batch")
        return observe(queue, seen)

    def watch(self, phase: PhaseId) -> Watch:
        return self.place.records.watch(phase)

    def board_of(self, watch: Watch) -> Phase | None:
        """Read the phase's own board: from its worktree, or of a phase on another host from its last fetched commit."""
        if not watch.host or watch.launching is None:
            return board_in_worktree(watch)
        tip = self.place.git.tip(f"refs/heads/{watch.launching.branch}")
        return parse_phase(watch.phase, self.place.git.texts(tip, f"{BOARDS}/{watch.phase}")) if tip else None

    def hosts(self) -> dict[PhaseId, str]:
        """Return on which other hosts phases work, or were worked on."""
        return {phase.id: host for phase in self.phases if (host := self.watch(phase.id).host)}

    def landed(self, queue: Queue) -> frozenset[PhaseId]:
        """Return the phases that are over: all their tasks are done on the base, and no launch of theirs goes on.

        One whose tasks were opened again, or that got new ones, is not: it can be launched anew. Nor is one whose
        work was taken back, or is being: a person decides how that goes on.
        """
        held = self.held_by_base(queue)
        known = {phase.id for phase in self.board.phases}
        done = {phase.id for phase in self.board.phases if phase.finished}
        moving = {phase for phase in done - held if supervise_holds(self.watch(phase))}
        back = {p for p in done | held if queue.undoing(p) or self.undone(p, queue)}
        return frozenset(((done - moving) | (held - known)) - back)

    def held_by_base(self, queue: Queue) -> frozenset[PhaseId]:
        """Return the phases whose landed commit the base holds, by ancestry."""
        there = self._on_base(queue.entries)
        return frozenset(e.phase for e in queue.entries if e.landed and e.landed.candidate in there)

    def undone(self, phase: PhaseId, queue: Queue) -> Landed | None:
        """Return what took back the phase's work; None where the base has it, or never had."""
        of_it = [entry for entry in queue.entries if entry.phase == phase and entry.landed]
        if not any(entry.undoes for entry in of_it):
            return None
        return queue.undone(phase, self._on_base(of_it))

    def _newest_on_base(self, phase: PhaseId, queue: Queue) -> Entry | None:
        of_it = [entry for entry in queue.entries if entry.phase == phase]
        there = self._on_base(of_it)
        held = [entry for entry in of_it if entry.landed is not None and entry.landed.candidate in there]
        return max(held, key=lambda entry: entry.number, default=None)

    def _on_base(self, entries: Iterable[Entry]) -> frozenset[Sha]:
        landed = {entry.landed.candidate for entry in entries if entry.landed is not None}
        return self.place.git.held_by(self.base.ref, landed)

    def terms(self, run: Run | None = None) -> Terms:
        """Return on what terms phases are launched at this moment, in the newest run or one that might be."""
        run, at = run or self.run, now()
        limits = {name: agent.parallel for name, agent in self.config.agents.items() if agent.parallel}
        stage, closed = run.window.stage(at), run.window.told(at, WALL)
        return Terms(run, limits, self.config.run.agent, stage, closed, self._seats(at))

    def _seats(self, at: datetime) -> tuple[Seat, ...]:
        hosts = self.config.hosts
        if not hosts or self.run.hosted:
            return ALONE
        away = silent(self.place.records.events, at)
        own = next((host.parallel for host in hosts.values() if not host.ssh), None)
        others = (Seat(name, host.parallel, name in away) for name, host in hosts.items() if host.ssh)
        return (Seat(HERE, own), *others)

    def statuses(
        self, board: Callable[[Watch], Phase | None] | None = None, *, run: Run | None = None
    ) -> tuple[PhaseStatus, ...]:
        """Derive the state of every phase on the base's boards, and of those launched that are no longer there.

        `board` reads a phase's own board, for who keeps what it has read. `run` is one that might be, where it is to be
        said how that would go.
        """
        queue = self.queue()
        landed = self.landed(queue)
        terms = self.terms(run)
        there = self._windows_there()
        phases = with_after(self.phases, terms.run.after)
        heads = self._heads(phases)
        read = board or self.board_of
        seen = [self._seen(self._status(phase, queue, landed, heads, read), there) for phase in phases]
        return explained(seen, terms)

    def _heads(self, phases: Sequence[Phase]) -> Mapping[str, Sha]:
        """Return the tips of the phases' branches, in one call of git."""
        launched = [watch.launching.branch for phase in phases if (watch := self.watch(phase.id)).launching]
        return self.place.git.tips(launched) if launched else {}

    def _windows_there(self) -> frozenset[tuple[str, str]]:
        """Return (server, pane) of every pane there is; asked of tmux only while a phase is at work."""
        watches = [self.watch(phase.id) for phase in self.phases]
        if not any(watch.launched is not None and watch.state in HOLDS_A_SLOT for watch in watches):
            return frozenset()
        server = self.terminal.identity() or ""
        return frozenset((server, pane.pane) for pane in self.terminal.panes())

    def _reached(self, status: PhaseStatus) -> PhaseStatus:
        """Say so where the phase's host does not answer, and what a person may do once that has taken long."""
        lost = status.watch.lost
        if lost is None or not status.holds_a_slot:
            return status
        seconds = (now() - lost.at).total_seconds() + lost.silent
        long = seconds >= self.config.patience.host_seconds
        then = f"batty work {status.phase.id} --on here" if long else ""
        return replace(status, says=lost_words(status.watch, int(seconds)), next=then or status.next, lost=long)

    def _seen(self, status: PhaseStatus, there: frozenset[tuple[str, str]]) -> PhaseStatus:
        """Say so where a phase is at work by the journal and its window is gone: nobody supervises it."""
        launched = status.watch.launched
        if launched is None or not status.holds_a_slot or (launched.server, launched.pane) in there:
            departed = self.board.phase(status.phase.id) is None
            gone = f"its board has left {self.base}; it goes on with its own"
            status = replace(status, says=gone) if departed and status.state == "working" else status
            return self._reached(status)
        return replace(status, state="stuck", says="its window is gone", next="batty resume")

    def _departed(self) -> list[Phase]:
        """Return phases that were launched and whose folder has since left the base, until they are over."""
        known = {phase.id for phase in self.board.phases}
        events = self.place.records.events
        launched = dict.fromkeys(e.phase for e in events if isinstance(e, Launching) and e.phase not in known)
        watches = [watch for name in launched if supervise_holds(watch := self.watch(name))]
        return [self.board_of(watch) or Phase(watch.phase, str(watch.phase)) for watch in watches]

    def status(self, phase: PhaseId) -> PhaseStatus:
        """Return the phase's status. One whose board has left the base is told of even when it is over."""
        found = next((status for status in self.statuses() if status.phase.id == phase), None)
        if found is not None:
            return found
        queue, gone = self.queue(), Phase(phase, str(phase))
        return self._status(gone, queue, self.landed(queue), self._heads((gone,)), self.board_of)

    def _status(
        self,
        phase: Phase,
        queue: Queue,
        landed: frozenset[PhaseId],
        heads: Mapping[str, Sha],
        read: Callable[[Watch], Phase | None],
    ) -> PhaseStatus:
        watch = self.watch(phase.id)
        undone = self.undone(phase.id, queue)
        back = undone is not None or queue.undoing(phase.id) is not None
        if watch.closed and not back and phase.id not in landed and phase.id in self.held_by_base(queue):
            # its board has open tasks again: what was landed is history, and the phase starts from the beginning
            watch = Watch(phase.id)
            queue = queue.without(phase.id)
        status = derive(phase, watch, queue, landed, read(watch), undone)
        if status.state == "landed" and status.entry is not None and status.entry.undoes:
            # it may be an undoing that was itself moved off the base
            status = replace(status, entry=self._newest_on_base(phase.id, queue) or status.entry)
        return replace(status, head=heads.get(watch.launching.branch, "") if watch.launching else "")

    def uncommitted_words(self) -> tuple[str, ...]:
        """Say which of batty.toml and the boards are not on the base yet, and the command that commits them."""
        paths = uncommitted(self.place.home, self.base)
        if not paths:
            return ()
        shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")  # noqa: PLR2004
        told = commit_command(self.place.home, self.base, paths)
        return (f"! not on {self.base}, so batty does not see it: {shown}", f"  ↳ next: {told}")

    def broken_words(self) -> tuple[str, ...]:
        """Name what on the base cannot be read: batty.toml, and each file of a board, with its line."""
        told = [self.fault.what] if self.fault is not None else []
        told += [f"kanban/{b.path}: {b.problem}" for b in self.board.refused]
        for phase in self.board.phases:
            told += [f"kanban/{phase.id}/{b.path}:{b.line}: {b.problem}" for b in phase.broken]
        return tuple(told)

    def bad_order(self) -> tuple[str, ...]:
        """Say what is wrong with the phases' dependencies: who waits for each other, who for what does not exist."""
        loop = cycle(with_after(self.board.phases, self.run.after))
        told = [f"these phases wait for each other: {_circle(loop)}"] if loop else []
        unknown = unknown_dependencies(self.board.phases)
        return (*told, *(f"{phase} depends on {other}, and no such phase exists" for phase, other in unknown))

    def refuse_bad_order(self) -> None:
        """Raise BattyError for a cycle or an unknown name among the phases' dependencies."""
        loop = cycle(self.board.phases)
        if loop:
            what = f"these phases wait for each other: {_circle(loop)}"
            raise BattyError("phase-cycle", what, next=f"${{EDITOR:-vi}} {BOARDS}/{loop[0]}/PHASE.md")
        unknown = unknown_dependencies(self.board.phases)
        if unknown:
            phase, other = unknown[0]
            evidence = tuple(f"{p} depends on {o}" for p, o in unknown)
            what = f"{phase} depends on {other}, and no such phase exists"
            raise BattyError(
                "unknown-phase", what, evidence=evidence, next=f"${{EDITOR:-vi}} {BOARDS}/{phase}/PHASE.md"
            )


def _circle(loop: tuple[PhaseId, ...]) -> str:
    return " -> ".join((*loop, loop[0]) if loop[0] != loop[-1] else loop)


def _settings_of_run(place: Place) -> Config:
    """Return the settings that the newest run began with; all defaults where there are none."""
    run = current_run(place.records.events)
    kept = place.state / "runs" / run.id / SETTINGS
    try:
        return parse(kept.read_text(), str(kept)) if run.id and kept.is_file() else Config()
    except ConfigError:
        return Config()


def supervise_holds(watch: Watch) -> bool:
    """Tell whether a launch of the phase is still going on, whatever its board on the base says."""
    return watch.state not in {"idle", "closed"}


def board_in_worktree(watch: Watch) -> Phase | None:
    """Read the phase's own board from its worktree: that is where its executor moves cards."""
    if watch.launching is None:
        return None
    folder = Path(watch.launching.worktree) / BOARDS / watch.phase
    return parse_phase(watch.phase, read_tree(folder)) if folder.is_dir() else None


def program() -> tuple[str, ...]:
    """Return the command line that starts this very batty again, from any folder and any shell."""
    return (sys.executable, "-P", "-m", "batty_tmux")


def named_phase(text: str) -> PhaseId:
    """Take a phase's name from a command line. Raises UsageError when it cannot be one."""
    name = phase_id(text)
    if name is None:
        raise UsageError("bad-phase-name", f"{text!r} cannot be the name of a phase", next="batty status")
    return name
