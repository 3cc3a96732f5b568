"""Supervise one phase from its orchestrator pane: see, decide, do, say. May be killed and started again at will."""

import os
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.config_rules import span
from batty_tmux.core import sensors, supervise
from batty_tmux.core.activity import of_screen
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    ExecutorExited,
    ExecutorStarted,
    LaunchFailed,
    Nudged,
    Paused,
    Unpaused,
)
from batty_tmux.core.sensors import Sees, Signs
from batty_tmux.core.supervise import Effect, Nudge, RunPhaseGate
from batty_tmux.drive.answers import answer
from batty_tmux.drive.bar import Bar
from batty_tmux.drive.chronicle import Chronicle, Note
from batty_tmux.drive.director import Director
from batty_tmux.drive.displacing import Settling
from batty_tmux.drive.effects import Worker, perform
from batty_tmux.drive.executor import LOST_ITS_TERMINAL, exit_status
from batty_tmux.drive.glance import Glance
from batty_tmux.drive.hands import Hands
from batty_tmux.drive.hearing import Hearing
from batty_tmux.drive.horizon import Horizon
from batty_tmux.drive.post import Post
from batty_tmux.drive.project import BOARDS
from batty_tmux.drive.prompting import Prompter
from batty_tmux.drive.radar import Sweep
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.senses import Exits
from batty_tmux.drive.setting_up import retry
from batty_tmux.drive.sight import Sight
from batty_tmux.drive.standing import Standing, patience_of
from batty_tmux.drive.toil import Toil
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic, now

TICK = 1.0
"""Seconds between two looks at the journal and at what only a clock can tell."""
GLANCE = 5.0
"""Seconds between two glances at board and branch while the pane prints nothing."""


@dataclass
class Supervisor:
    """The loop. Everything that must outlive it is in the journal; each sense is a part of its own."""

    post: Post
    note: Note
    worker: Worker = field(default_factory=Worker)
    sweep: Sweep = field(default_factory=Sweep)
    glance: Glance = field(default_factory=Glance)
    hands: Hands = field(default_factory=Hands)
    toil: Toil = field(default_factory=Toil)
    horizon: Horizon = field(default_factory=Horizon)
    settling: Settling = field(default_factory=Settling)
    refused: str = ""
    acted: tuple[Effect, int] | None = None
    glanced: float = float("-inf")
    sees: Sees = "working"
    exits: Exits | None = None
    sight: Sight = field(init=False)
    standing: Standing = field(init=False)
    prompter: Prompter = field(init=False)
    director: Director = field(init=False)
    hearing: Hearing = field(init=False)
    chronicle: Chronicle = field(init=False)
    bar: Bar = field(init=False)

    def __post_init__(self) -> None:
        self.sight = Sight(self.post)
        self.standing = Standing(self.post)
        self.prompter = Prompter(self.post, self.sight, self.hands, self.standing)
        self.director = Director(self.post)
        self.chronicle = Chronicle(self.post.folder, redacted, self.note)
        self.hearing = Hearing(self.prompter, self.standing, self.chronicle)
        self.bar = Bar(self.post.project, self.post.phase)
        self.post.heeding.append(self._heed)

    def supervise(self, typed: int | None) -> None:
        """Run until the phase is closed: landed, skipped or cleaned. `typed` is where a person's lines come from."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.sight.open(), selectors.EVENT_READ, "screen")
            selector.register(self.worker.wake, selectors.EVENT_READ, "worker")
            selector.register(self.prompter.advice.wake, selectors.EVENT_READ, "consultant")
            selector.register(self.director.wake, selectors.EVENT_READ, "director")
            selector.register(self.hearing.desk.descriptor, selectors.EVENT_READ, "reports")
            if typed is not None:
                selector.register(typed, selectors.EVENT_READ, "typed")
            self.exits = Exits(selector)
            try:
                while not self.post.watch.closed:
                    with self._telling():
                        self.step()
                        self.refused = ""
                    with self._telling():
                        self._wait(selector, self.exits)
            finally:
                self.hearing.close()
                self.prompter.close()
                self.director.close()
                self.sight.close()

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
        """Read what is new, use every sense, then do what is owed until nothing is."""
        self.post.refresh()
        watch = self.post.watch
        if self.post.running:
            self._sense()
        elif watch.state in supervise.HOLDS_A_SLOT and watch.executor == "none":
            self._look_at_launch()
        while (effect := self._due()) is not None:
            self.acted = (effect, self.post.folded)
            perform(self.post.project, self.post.watch, effect, self.worker)
            self.post.refresh()
        if not self.post.project.run.hosted:
            self.sweep.go(self.post.project, self.post.watch)
            self.director.go()
            self.horizon.go(self.post.project, self._tell)
            self.settling.go(self.post.project)
        self.post.refresh()
        self.bar.show(self.post.watch, self.post.folded, self.glance.board, self.sees)

    def _tell(self, event: AnyEvent) -> None:
        """Tell what concerns the whole run in this pane, as what concerns the phase."""
        for heed in self.post.heeding:
            heed(event)

    def _due(self) -> Effect | None:
        """Return what is owed, unless it was done and nothing has happened to the phase since."""
        if self.worker.busy:
            return None
        post = self.post
        effect = supervise.owed(post.watch, f"{BOARDS}/{post.phase}", now(), patience_of(post.project))
        if isinstance(effect, RunPhaseGate) and self.worker.rests:
            return None
        if isinstance(effect, Nudge) and post.project.run.stopped:
            # its agent was asked to stop, not to go on
            return None
        return None if (effect, post.folded) == self.acted else effect

    def _heed(self, event: AnyEvent) -> None:
        """Draw from what was journaled, by whomever, what the senses must know."""
        match event:
            case Answered():
                self.prompter.answered = monotonic()
                if event.by == "person":
                    # whoever answers by rule may do so in a loop
                    self.standing.moved_on()
                self.sight.look_again(0.0)
            case Nudged():
                # what it did before is no sign that it did not hear
                self.standing.began()
            case ExecutorStarted():
                # the silence before it says nothing about this one, and a dead pane had no pipe
                self.sight.stirred = monotonic()
                self.standing.began()
                self.toil.began()
                self.prompter.began()
                self.hearing.began()
                self.sight.listen()
            case ExecutorExited():
                self.hearing.desk.release()
            case Unpaused():
                self.prompter.reconsider()
            case _:
                pass

    # -- waiting

    def _wait(self, selector: selectors.BaseSelector, exits: Exits) -> None:
        """Sleep until something happens. What a spinner prints wakes it for a moment, and is only counted."""
        started = self.post.watch.started
        exits.follow(started.pid if started is not None and self.post.watch.executor == "running" else None)
        end = monotonic() + TICK
        while True:
            until = min(end, self.sight.due()) if self.post.running else end
            others: dict[str, int] = {}
            for key, _ in selector.select(max(0.0, until - monotonic())):
                if key.data == "screen":
                    self.sight.printed()
                else:
                    others[key.data] = key.fd
            if others:
                self._serve(selector, others, exits)
                return
            if monotonic() >= until:
                return

    def _serve(self, selector: selectors.BaseSelector, happened: dict[str, int], exits: Exits) -> None:
        if "reports" in happened:
            self.hearing.hear()
        if "typed" in happened:
            self._answer_by_hand(selector, happened["typed"])
        if "worker" in happened:
            self.worker.collect()
        if "consultant" in happened:
            self.prompter.take_advice()
        if "director" in happened:
            self.director.take()
        if "exit" in happened:
            exits.forget()
            self.post.terminal.wake_server()

    # -- senses

    def _sense(self) -> None:
        """Look at hands, screen, work and process, as far as each is due, and draw the sum."""
        at = monotonic()
        looks = self.sight.due() <= at
        news = self._look_at_screen() if looks else False
        rested = at - self.glanced >= GLANCE
        if news or rested or self.post.watch.paused is not None:
            # what a person types there is news; who has come there is known by then
            self._look_at_hands()
        if news or rested:
            self.glanced = at
            self._look_at_work()
            self.hearing.hear()
        self._look_below()
        signs = self._signs()
        idle = sensors.is_idle(signs)
        board = self.glance.board
        undone = board.total - board.done if board is not None else 0
        if self.post.pane is not None:
            self.standing.check(idle=idle, undone=undone)
        finished = board is not None and board.finished
        self.post.watch = supervise.observe(self.post.watch, idle=idle, finished=finished)
        self.sees = sensors.state(signs)[0]
        self.hearing.check(signs)
        self._look_at_executor()

    def _signs(self) -> Signs:
        watch = self.post.watch
        return Signs(
            running=watch.executor == "running",
            limited=watch.limited is not None,
            stalled=watch.stalled is not None,
            turn=self.hearing.turn if watch.hooks == "heard" else "",
            prompt=watch.prompt.kind if watch.prompt is not None and not watch.answered else None,
            busy=self.sight.busy,
            rest=self.sight.rest,
            quiet=self.sight.quiet,
            toil=self.toil.busy,
            family=self.post.family,
        )

    def _look_at_hands(self) -> None:
        """Leave the pane to a person who presses keys there, until they have not done so for a while."""
        pane, paused = self.post.pane, self.post.watch.paused
        if pane is None:
            return
        pressed = self.hands.look(self.post.terminal, pane)
        hold = span(self.post.project.config.patience.hold) or 0.0
        if pressed and paused is None:
            self.post.record(Paused(run=self.post.run, phase=self.post.phase, by="keys"))
        elif paused is not None and paused.by == "keys" and self.hands.quiet() >= hold:
            self.post.record(Unpaused(run=self.post.run, phase=self.post.phase, by="quiet"))

    def _look_at_screen(self) -> bool:
        """Look once; tell whether the screen says anything new."""
        before = self.sight.screen
        news = self.sight.look()
        if news:
            self.standing.saw()
            self.standing.read(self.sight.screen, busy=self.sight.busy)
            if self.post.watch.hooks != "heard":
                self.chronicle.add(of_screen(before, self.sight.screen, self.post.family, now()))
        self.prompter.look(self.sight.screen, news=news)
        return news

    def _look_at_work(self) -> None:
        board, head = self.glance.board, self.glance.head
        cards, commits = self.glance.look(self.post.watch)
        if not (cards or commits):
            return
        self.standing.moved_on()
        self.sweep.stirred = self.sweep.stirred or commits
        if cards:
            self.chronicle.of_board(board, self.glance.board, now())
        if commits and self.post.watch.launching is not None:
            self.chronicle.of_head(Path(self.post.worktree), head, self.glance.head, now())

    def _look_below(self) -> None:
        """Count commands that are at work in silence as a sign of life."""
        started, idle = self.post.watch.started, self.post.watch.idle
        if started is not None and self.toil.look(
            started.pid, self.standing.silent, idle=idle, family=self.post.family
        ):
            self.standing.saw()

    def _look_at_executor(self) -> None:
        post = self.post
        if self.exits is not None and self.exits.watching:
            return
        status = exit_status(post.project, post.watch)
        launched = post.watch.launched
        if launched is not None and post.terminal.identity() != launched.server:
            # the tmux server is gone and the executor with it: `batty resume` starts it again, it has not failed
            return
        if status is None and not self._is_alive():
            # once more: the wrapper writes its status just before it is gone
            late = exit_status(post.project, post.watch)
            status = LOST_ITS_TERMINAL if late is None else late
        if status is not None:
            ended = ExecutorExited(run=post.run, phase=post.phase, attempt=post.watch.attempt, status=status)
            post.record(ended)

    def _look_at_launch(self) -> None:
        """Take note of an executor that ended before it had started, as when it is killed in run.setup."""
        pane = self.post.facts()
        watch = self.post.watch
        if pane is not None and pane.dead and not watch.awaits_relaunch:
            was = " while run.setup was at work" if watch.setting_up is not None else ""
            reason = f"its executor ended before it had started{was}"
            self.post.record(LaunchFailed(run=self.post.run, phase=self.post.phase, reason=reason))

    def _is_alive(self) -> bool:
        """Ask tmux whether the executor's process is there."""
        pane, started = self.post.facts(), self.post.watch.started
        return pane is not None and not pane.dead and started is not None and pane.pid == started.pid

    def _answer_by_hand(self, selector: selectors.BaseSelector, typed: int) -> None:
        """Type what a person wrote into this pane, if the executor asks something."""
        text = os.read(typed, 65536).decode("utf-8", "replace")
        if not text:
            selector.unregister(typed)
            return
        try:
            if retry(self.post.project, self.post.watch, text):
                return
            answer(self.post.project, self.post.watch, text.rstrip("\r\n"))
        except BattyError as refused:
            self.bar.tell(refused)
