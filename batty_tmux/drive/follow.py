"""Follow a phase on another host from its orchestrator pane here: journal what happens there, tell it what is decided.

May be killed and started again at will: what the journal has says from where on the host is to tell, each event of it
stands there once, and an order is given until the host has it.
"""

import os
import selectors
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from batty_tmux.core import afar
from batty_tmux.core.afar import AskReview, Fetch, Mirrored, Of
from batty_tmux.core.board import Phase
from batty_tmux.core.events import AnyEvent, HostBack, HostLost, HostOpened, LaunchFailed, PhaseHeld, ReviewWanted
from batty_tmux.drive import hosting
from batty_tmux.drive.answers import answer
from batty_tmux.drive.bar import Bar, attention
from batty_tmux.drive.director import Director
from batty_tmux.drive.displacing import Settling
from batty_tmux.drive.effects import ask_review
from batty_tmux.drive.fill import fill
from batty_tmux.drive.horizon import Horizon
from batty_tmux.drive.hosting import Afar
from batty_tmux.drive.post import Post
from batty_tmux.drive.project import Project
from batty_tmux.drive.radar import Sweep
from batty_tmux.drive.setting_up import retry
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.ssh import Line, Unreached
from batty_tmux.names import Sha, clean

TICK: Final = 1.0
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 7.0, 10.0)
"""Seconds until the next try to reach the host, the last of them from then on."""
_SILENT: Final = 20.0
"""Seconds without any sign of life, of which there is one every two, after which a connection counts as cut."""
_AGAIN: Final = 5.0
"""Seconds after a transfer that failed until the next."""
_HEAD: Final = 64


@dataclass
class Follower:
    """The loop. What must outlive it is in the journal."""

    post: Post
    sweep: Sweep = field(default_factory=Sweep)
    horizon: Horizon = field(default_factory=Horizon)
    settling: Settling = field(default_factory=Settling)
    board: Phase | None = None
    line: Line | None = None
    greeted: bool = False
    given: int = 0
    """The newest order that the host is known to have, or was told since the connection began."""
    known: int = 0
    """The last line of the host's journal that was heard."""
    tries: int = 0
    due: float = 0.0
    """When to try again to connect."""
    fetches: float = 0.0
    """When to try again to fetch."""
    heard: float = field(default_factory=monotonic)
    """When the host last gave a sign of life."""
    tip: str = ""
    """Where the branch is there, as far as it was told."""
    fetched: str = ""
    """Where it is here."""
    told: str = ""
    raised: bool = False
    director: Director = field(init=False)
    bar: Bar = field(init=False)

    def __post_init__(self) -> None:
        self.director = Director(self.post)
        self.bar = Bar(self.post.project, self.post.phase)

    @property
    def host(self) -> str:
        return self.post.watch.host

    def follow(self, typed: int | None) -> None:
        """Run until the phase is over, or works elsewhere. `typed` is where a person's lines come from."""
        launching = self.post.watch.launching
        branch = launching.branch if launching is not None else ""
        with selectors.DefaultSelector() as selector:
            selector.register(self.director.wake, selectors.EVENT_READ, "director")
            if typed is not None:
                selector.register(typed, selectors.EVENT_READ, "typed")
            try:
                while self._goes_on(branch):
                    self.step(selector)
                    for key, _ in selector.select(TICK):
                        self._serve(selector, str(key.data), key.fd)
            finally:
                self._hang_up(selector)
                self.director.close()

    def _goes_on(self, branch: str) -> bool:
        self.post.refresh()
        watch = self.post.watch
        return not watch.closed and watch.launching is not None and watch.launching.branch == branch

    def step(self, selector: selectors.BaseSelector) -> None:
        """Keep the connection, tell the host what it does not know, and do what is owed here."""
        self._guarded(lambda: self._keep(selector))
        self._guarded(self._order)
        self._guarded(self._settle)
        self._guarded(lambda: self.sweep.go(self.post.project, self.post.watch))
        self._guarded(self.director.go)
        self._guarded(lambda: self.horizon.go(self.post.project, self._tell))
        self.settling.go(self.post.project)
        self._guarded(self._raise)
        self.post.refresh()
        self._guarded(lambda: self.bar.show(self.post.watch, self.post.folded, self.board, "working"))

    def _guarded(self, do: Callable[[], None]) -> None:
        """Go on where git, tmux or the host refuse: say it once in this pane, and owe the same again."""
        try:
            do()
        except BattyError as refused:
            if str(refused) != self.told:
                self.bar.tell(refused)
            self.told = str(refused)

    def _tell(self, event: AnyEvent) -> None:
        for heed in self.post.heeding:
            heed(event)

    def _serve(self, selector: selectors.BaseSelector, what: str, descriptor: int) -> None:
        match what:
            case "host":
                self._guarded(lambda: self._hear(selector))
            case "director":
                self._guarded(self.director.take)
            case _:
                self._guarded(lambda: self._answer_by_hand(selector, descriptor))

    # -- the connection

    def _keep(self, selector: selectors.BaseSelector) -> None:
        if self.line is not None and monotonic() - self.line.heard > _SILENT:
            self._lose(selector, f"{self.host} has said nothing for {_SILENT:.0f} s")
        if self.line is not None or monotonic() < self.due:
            return
        launching = self.post.watch.launching
        if launching is None or self.post.watch.launched is None:
            return
        try:
            there = Afar.of(self._project(), self.host)
        except BattyError as gone:
            self._lose(selector, gone.what)
            return
        self.known = afar.since(self.post.project.place.records.events, self.post.phase, self.host)
        words = ("follow", self.post.phase, "--run", self.post.run, "--branch", launching.branch)
        self.line = there.line(*words, "--since", str(self.known))
        self.greeted = False
        selector.register(self.line, selectors.EVENT_READ, "host")

    def _project(self) -> Project:
        """Return the project as the base has it now: a host may have got another address."""
        return Project.around(self.post.project.place.home, self.post.project.base.name)

    def _lose(self, selector: selectors.BaseSelector, why: str) -> None:
        """Take note that the host does not answer, once, and try again later: its agent goes on."""
        self._hang_up(selector)
        self.due = monotonic() + _PAUSES[min(self.tries, len(_PAUSES) - 1)]
        self.tries += 1
        if self.post.watch.lost is None:
            silent = round(monotonic() - self.heard, 1)
            self._record(HostLost(where=self.host, reason=clean(why, 300), silent=silent, **self._own()))

    def _own(self) -> dict[str, Any]:
        return {"run": self.post.run, "phase": self.post.phase}

    def _hang_up(self, selector: selectors.BaseSelector) -> None:
        line, self.line = self.line, None
        if line is not None:
            selector.unregister(line)
            line.close()

    def _hear(self, selector: selectors.BaseSelector) -> None:
        if self.line is None:
            return
        news: list[AnyEvent] = []
        try:
            for line in self.line.lines():
                event = self._heard(line)
                news += [] if event is None else [event]
        except Unreached as cut:
            self._record(*news)
            self._lose(selector, cut.what)
            return
        except BattyError as strange:
            self._record(*news)
            self._lose(selector, strange.what)
            raise
        self._record(*news)

    def _heard(self, line: bytes) -> AnyEvent | None:
        """Take one line of the host's; return the event in it that our journal lacks."""
        said = _read(line)
        match said.get("batty"):
            case "hello":
                hosting.check_version(self.host, said)
                self.greeted, self.tries, self.given = True, 0, _number(said.get("orders"))
                self.told = ""
                if self.post.watch.lost is not None:
                    self._record(HostBack(where=self.host, **self._own()))
            case "event" if self.greeted:
                line = msgspec.json.encode(said.get("line"))
                event = afar.mirrored(line, Of(self.host, self.post.phase, self.post.run))
                self.heard = monotonic()
                if event is None or event.there <= self.known:
                    return None
                self.known = event.there
                return self._fresh(event)
            case "beat" if self.greeted:
                self.heard = monotonic()
                self.tip = str(said.get("head", ""))[:_HEAD]
            case _ if "error" in said:
                raise hosting.refused(self.host, said["error"])
            case _:
                pass
        return None

    def _fresh(self, event: Mirrored) -> Mirrored | None:
        """Return the event, unless it tells of the very window that we had opened; only then is its worktree told."""
        there = self.post.watch.there
        if not isinstance(event, HostOpened) or there is None:
            return event
        known = (event.server, event.pane) == (there.server, there.pane)
        return None if known else replace(event, worktree=there.worktree)

    def _record(self, *events: AnyEvent) -> None:
        """Journal what happened there, in one write, and do here what such a thing asks for."""
        if not events:
            return
        self.post.record(*events)
        if any(isinstance(event, PhaseHeld | LaunchFailed | ReviewWanted) for event in events):
            attention(self.post.project)
            fill(self.post.project, patient=False)

    def _raise(self) -> None:
        """Tell a person once when the host has been silent for longer than they are to be spared."""
        patience = self.post.project.config.patience.host_seconds
        long = self.post.watch.lost is not None and monotonic() - self.heard >= patience
        if long and not self.raised:
            attention(self.post.project)
        self.raised = long

    # -- what is decided here

    def _order(self) -> None:
        """Tell the host what was decided here, oldest first. It has the base as it is now before it hears of it."""
        if self.line is None or not self.greeted:
            return
        events = self.post.project.place.records.events
        left = [order for order in afar.orders(events, self.post.phase) if order.order > self.given]
        if not left:
            return
        Afar.of(self.post.project, self.host).push()
        for order in left:
            self.line.say(msgspec.json.encode(order).decode())
            self.given = order.order

    def _settle(self) -> None:
        """Fetch what was committed there, and ask for a review of what is proved and here."""
        watch, project = self.post.watch, self.post.project
        if watch.launching is None or (watch.proved is None and self.tip in {"", self.fetched}):
            return
        tip = project.place.git.tip(f"refs/heads/{watch.launching.branch}")
        owed = afar.owed(watch, tip)
        if isinstance(owed, AskReview):
            ask_review(project, watch, owed.head)
            self.post.refresh()
            return
        moved = bool(self.tip) and self.tip != tip
        self.fetched = tip or ""
        if self.line is None or not (moved or isinstance(owed, Fetch)) or monotonic() < self.fetches:
            return
        # unless it succeeds
        self.fetches = monotonic() + _AGAIN
        fetched = Afar.of(project, self.host).fetch(watch.launching.branch)
        self.tip = self.fetched = fetched or ""
        self.fetches = 0.0
        self.sweep.stirred = True
        self.board = project.board_of(watch)
        if isinstance(owed, Fetch) and fetched != Sha(owed.head):
            what = f"{self.host} proved {owed.head[:9]}, and its branch there is at {str(fetched)[:9]}"
            raise BattyError("moved", what, next=f"batty attach {watch.phase}")
        if isinstance(owed, Fetch):
            self._settle()

    def _answer_by_hand(self, selector: selectors.BaseSelector, typed: int) -> None:
        text = os.read(typed, 65536).decode("utf-8", "replace")
        if not text:
            selector.unregister(typed)
            return
        if not retry(self.post.project, self.post.watch, text):
            answer(self.post.project, self.post.watch, text.rstrip("\r\n"))


def _read(line: bytes) -> dict[str, Any]:
    """Return what a line holds; what is none of batty's is nothing, such as what a shell's own files print."""
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
