"""Supervise one phase from its orchestrator pane: see, decide, do, say. May be killed and started again at will."""

import os
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.core import policy, prompts, supervise
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    ExecutorExited,
    ExecutorStarted,
    LaunchFailed,
    Prompted,
    PromptGone,
)
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.supervise import Effect, Watch
from batty_tmux.drive.answers import answer, choose, digest
from batty_tmux.drive.bar import Bar
from batty_tmux.drive.effects import Worker, perform
from batty_tmux.drive.executor import LOST_ITS_TERMINAL, exit_status, family_of, started_pid
from batty_tmux.drive.policies import policy_of
from batty_tmux.drive.project import BOARDS, Project, board_in_worktree
from batty_tmux.drive.radar import Sweep
from batty_tmux.drive.senses import Exits, drained, readable
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.terminal import PaneFacts
from batty_tmux.names import PaneId, PhaseId, RunId

QUIET = 0.06
"""Seconds without output after which a screen is read: a dialog is painted in one burst."""
LONGEST = 1.0
"""Seconds between two looks at board, journal and process when nothing announces itself."""
UNHEARD = 10.0
"""Seconds after an answer in which the prompt must have gone from the screen."""
IDLE = 2.0
"""Seconds that an agent's empty composer must stay before its turn counts as over."""
IDLE_UNKNOWN = 15.0
"""The same for a program whose screen nothing is known about: it must not have printed for so long."""

Say = Callable[[AnyEvent], None]


@dataclass
class Supervisor:
    """The state of the loop. Everything that must outlive it is in the journal."""

    project: Project
    phase: PhaseId
    run: RunId
    say: Say
    worker: Worker = field(default_factory=Worker)
    sweep: Sweep = field(default_factory=Sweep)
    screen: str = ""
    stirred: float = field(default_factory=monotonic)
    unread: bool = True
    answered: float = field(default_factory=monotonic)
    exits: Exits | None = None
    refused: str = ""
    read: int = 0
    folded: int = 0
    acted: tuple[Effect, int] | None = None
    watch: Watch = field(init=False)
    bar: Bar = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.phase)
        self.bar = Bar(self.project, self.phase)
        self._read_journal(quietly=True)

    def supervise(self, typed: int | None) -> None:
        """Run until the phase is closed: landed, skipped or cleaned. `typed` is where a person's lines come from."""
        fifo = self._fifo()
        if not fifo.is_fifo():
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo, 0o600)
        self._listen()
        marks = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        with selectors.DefaultSelector() as selector:
            selector.register(marks, selectors.EVENT_READ, "screen")
            selector.register(self.worker.wake, selectors.EVENT_READ, "worker")
            if typed is not None:
                selector.register(typed, selectors.EVENT_READ, "typed")
            self.exits = Exits(selector)
            while not self.watch.closed:
                with self._telling():
                    self.step()
                    self.refused = ""
                running = self.watch.executor == "running"
                self.exits.follow(started_pid(self.project, self.watch) if running else None)
                with self._telling():
                    self._wait(selector, marks, self.exits)
        os.close(marks)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Go on where git or tmux refuse: say it once in this pane, and owe the same again at the next step."""
        try:
            yield
        except BattyError as refused:
            if str(refused) != self.refused:
                self.bar.tell(refused)
            self.refused = str(refused)
            self.acted = None

    def step(self) -> None:
        """Read what is new, look at executor, screen and board, then do what is owed until nothing is."""
        self._read_journal()
        if self.watch.state in supervise.HOLDS_A_SLOT and self.watch.executor == "running":
            if self.unread or self._is_unheard():
                self._look_at_screen()
            self._look_at_board()
            self._look_at_executor()
        elif self.watch.state in supervise.HOLDS_A_SLOT and self.watch.executor == "none":
            self._look_at_launch()
        while (effect := self._due()) is not None:
            self.acted = (effect, self.folded)
            perform(self.project, self.watch, effect, self.worker)
            self._read_journal()
        self.sweep.go(self.project, self.watch)
        self._read_journal()
        self.bar.show(self.watch, self.folded)

    def _due(self) -> Effect | None:
        """Return what is owed, unless it was done and nothing has happened to the phase since."""
        if self.worker.busy:
            return None
        effect = supervise.owed(self.watch, f"{BOARDS}/{self.phase}")
        return None if (effect, self.folded) == self.acted else effect

    def _wait(self, selector: selectors.BaseSelector, marks: int, exits: Exits) -> None:
        """Sleep until something happens; after output, until it has been quiet for a moment."""
        happened = {str(key.data): key.fd for key, _ in selector.select(LONGEST)}
        if "typed" in happened:
            self._answer_by_hand(selector, happened["typed"])
        if "worker" in happened:
            self.worker.collect()
        if "exit" in happened:
            exits.forget()
            self.project.terminal.wake_server()
        if "screen" in happened:
            self.unread = True
            self.sweep.stirred = True
            deadline = monotonic() + LONGEST
            while drained(marks) and monotonic() < deadline:
                self.stirred = monotonic()
                if not readable(marks, QUIET):
                    break

    # -- senses

    def _read_journal(self, *, quietly: bool = False) -> None:
        records = self.project.place.records
        records.refresh()
        news, self.read = records.events[self.read :], len(records.events)
        for event in news:
            if getattr(event, "phase", None) == self.phase:
                self.watch = supervise.apply(self.watch, event)
                self.folded += 1
                if isinstance(event, Answered):
                    self.answered = monotonic()
                if isinstance(event, ExecutorStarted):
                    # the silence before it says nothing about this one, and a dead pane had no pipe
                    self.stirred = monotonic()
                    self.unread = True
                    self._listen()
                if not quietly:
                    self.say(event)

    def _record(self, event: AnyEvent) -> None:
        self.project.place.records.append(event)
        self._read_journal()

    def _look_at_executor(self) -> None:
        status = exit_status(self.project, self.watch)
        if status is None and self.exits is not None and self.exits.watching:
            return
        launched = self.watch.launched
        if launched is not None and self.project.terminal.identity() != launched.server:
            # the tmux server is gone and the executor with it: `batty resume` starts it again, it has not failed
            return
        if status is None and not self._is_alive():
            # once more: the wrapper writes its status just before it is gone
            late = exit_status(self.project, self.watch)
            status = LOST_ITS_TERMINAL if late is None else late
        if status is not None:
            self._record(ExecutorExited(run=self.run, phase=self.phase, attempt=self.watch.attempt, status=status))

    def _look_at_launch(self) -> None:
        """Take note of an executor that ended before it had started, as when it is killed in run.setup."""
        pane = self._pane()
        if pane is not None and pane.dead and self.watch.relaunch is None:
            reason = "its executor ended before it had started"
            self._record(LaunchFailed(run=self.run, phase=self.phase, reason=reason))

    def _is_alive(self) -> bool:
        """Ask tmux whether the executor's process is there."""
        pane = self._pane()
        return pane is not None and not pane.dead and pane.pid == started_pid(self.project, self.watch)

    def _look_at_screen(self) -> None:
        if self.watch.launched is None:
            return
        self.unread = False
        pane = PaneId(self.watch.launched.pane)
        self.screen = self.project.terminal.capture(pane) or ""
        seen = prompts.read(self.screen, self._family())
        known = self.watch.prompt
        same = known is not None and seen is not None and digest(seen) == known.key.partition("-")[2]
        unheard = same and self._is_unheard()
        if known is not None and (not same or unheard):
            self._record(PromptGone(run=self.run, phase=self.phase, key=known.key))
        if seen is not None and self.watch.prompt is None and self._is_steady(pane, seen):
            self._meet(pane, seen, "it was answered, and still asks" if unheard else "")

    def _is_steady(self, pane: PaneId, seen: Prompt) -> bool:
        """Read the screen a second time: a dialog that is still being painted is not answered."""
        again = prompts.read(self.project.terminal.capture(pane) or "", self._family())
        return again is not None and digest(again) == digest(seen)

    def _is_unheard(self) -> bool:
        """Tell whether a prompt was answered so long ago that the answer cannot have been taken."""
        return self.watch.answered and monotonic() - self.answered > UNHEARD

    def _meet(self, pane: PaneId, seen: Prompt, doubt: str) -> None:
        """Journal a prompt that appeared, and answer it if the policy says so. Once per appearance.

        With a doubt it is a person's: what was typed once and did nothing is not typed again.
        """
        events = self.project.place.records.events
        number = 1 + sum(isinstance(e, Prompted) and e.phase == self.phase for e in events)
        key = f"{number}-{digest(seen)}"
        decided = policy.on_screen(seen, policy_of(self.project), self._worktree())
        outcome = policy.Ask(doubt) if doubt else decided
        asked = Prompted(
            run=self.run,
            phase=self.phase,
            key=key,
            kind=seen.kind,
            question=seen.question,
            text=seen.text[:4000],
            reason="" if isinstance(outcome, policy.Answer) else policy.reason(outcome),
        )
        self._record(asked)
        if isinstance(outcome, policy.Answer):
            self._type(pane, seen, key, outcome)
        else:
            self.bar.attention()

    def _type(self, pane: PaneId, seen: Prompt, key: str, outcome: policy.Answer) -> None:
        told = outcome.text if outcome.text is not None else " ".join(outcome.keys)
        # journaled before it is typed: a supervisor that dies in between leaves the prompt to a person, and
        # never answers it twice
        self._record(
            Answered(run=self.run, phase=self.phase, key=key, by="policy", answer=told, rule=outcome.give.rule)
        )
        if outcome.text is not None:
            self.project.terminal.type_line(pane, outcome.text)
        else:
            choose(self.project.terminal, pane, seen, outcome.keys)

    def _look_at_board(self) -> None:
        board = board_in_worktree(self.watch)
        family = self._family()
        quiet = monotonic() - self.stirred
        told = prompts.idle(self.screen, family) and quiet >= IDLE
        idle = told or (family == "any" and self.watch.prompt is None and quiet >= IDLE_UNKNOWN)
        finished = board is not None and board.finished
        self.watch = supervise.observe(self.watch, idle=idle, finished=finished)
        self.bar.progress(board)

    def _answer_by_hand(self, selector: selectors.BaseSelector, typed: int) -> None:
        """Type what a person wrote into this pane, if the executor asks something."""
        text = os.read(typed, 65536).decode("utf-8", "replace")
        if not text:
            selector.unregister(typed)
            return
        try:
            answer(self.project, self.watch, text.rstrip("\r\n"))
        except BattyError as refused:
            self.bar.tell(refused)

    def _fifo(self) -> Path:
        return self.project.place.phase_folder(self.run, self.phase) / "dirty"

    def _listen(self) -> None:
        """Have tmux mark, by writing into a FIFO, that the executor's pane printed. The bytes are never parsed."""
        pane = self._pane()
        if pane is not None and not pane.dead and self._fifo().is_fifo():
            self.project.terminal.pipe(pane.pane, self._fifo())

    def _pane(self) -> PaneFacts | None:
        launched = self.watch.launched
        if launched is None or self.project.terminal.identity() != launched.server:
            return None
        return next((pane for pane in self.project.terminal.panes() if pane.pane == launched.pane), None)

    def _worktree(self) -> str:
        return self.watch.launching.worktree if self.watch.launching else ""

    def _family(self) -> str:
        return family_of(self.project, self.watch.agent)
