"""The executor's screen: when to look at it, and what it shows. Of what the pane prints only the size is used."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.core import liveness
from batty_tmux.core.pace import Pace, same
from batty_tmux.drive.pane_log import PaneLog
from batty_tmux.drive.post import Post
from batty_tmux.host.clock import monotonic, now

_AT_ONCE = 1 << 16
_MOST = 1 << 22
"""Bytes thrown away at a time; a flood goes on at the next turn of the loop."""


@dataclass
class Sight:
    """What was last seen. `again` asks for another look at that time, whatever was printed.

    `busy` and `rest` are what the screen says of the agent; they are read again when it says something new.
    """

    post: Post
    screen: str = ""
    pace: Pace = field(default_factory=Pace)
    again: float | None = None
    stirred: float = field(default_factory=monotonic)
    marks: int = -1
    log: PaneLog = field(init=False)
    busy: bool = False
    rest: bool = False

    def __post_init__(self) -> None:
        self.log = PaneLog(self.post.folder)

    def open(self) -> int:
        """Make the FIFO that tmux writes into, and return the descriptor to wait on."""
        fifo = self._fifo
        if not fifo.is_fifo():
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo, 0o600)
        # for writing too, so that it is never at its end
        self.marks = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.listen()
        return self.marks

    def close(self) -> None:
        if self.marks >= 0:
            os.close(self.marks)
            self.marks = -1

    def listen(self) -> None:
        """Have tmux mark what the executor's pane prints, and look at once: it may have printed before."""
        facts = self.post.facts()
        if facts is not None and not facts.dead and self._fifo.is_fifo():
            self.post.terminal.pipe(facts.pane, self._fifo)
        self.look_again(0.0)

    def printed(self) -> None:
        """Throw away what the pane printed, and take note of how much it was."""
        size = 0
        with suppress(BlockingIOError):
            while size < _MOST:
                came = len(os.read(self.marks, _AT_ONCE))
                size += came
                if came < _AT_ONCE:
                    # all there is: a spinner's frame costs one read
                    break
        self.stirred = monotonic()
        self.pace.printed(size, self.stirred)

    def look_again(self, seconds: float) -> None:
        """Look in so many seconds at the latest."""
        at = monotonic() + seconds
        self.again = at if self.again is None else min(self.again, at)

    def due(self) -> float:
        """Return when to look next, infinity while there is nothing to see."""
        due = self.pace.due()
        return due if self.again is None or due < self.again else self.again

    def look(self) -> bool:
        """Capture the screen; tell whether it says anything new."""
        self.again = None
        pane = self.post.pane
        shown = self.post.terminal.capture(pane) if pane is not None else None
        news = not same(self.screen, shown or "")
        self.screen = shown or ""
        if shown is not None:
            self.log.saw(shown, now())
        if news:
            self.busy = liveness.busy(self.screen, self.post.family)
            self.rest = liveness.idle(self.screen, self.post.family)
        self.pace.look(monotonic(), news=news)
        return news

    @property
    def quiet(self) -> float:
        """For how many seconds nothing was printed."""
        return monotonic() - self.stirred

    @property
    def _fifo(self) -> Path:
        return self.post.folder / "dirty"
