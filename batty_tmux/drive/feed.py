"""Tell another machine, line by line, what happens here to a phase of its own, and obey what it decides.

One connection for both ways. It may be cut at any moment: who comes again says what they have, and gets the rest; an
order that was not acknowledged is given again, and known by its number.
"""

import json
import os
import selectors
import sys
from dataclasses import dataclass, field
from typing import Final

import msgspec

from batty_tmux import __version__
from batty_tmux.core.afar import Order, last_order
from batty_tmux.core.events import AnyEvent, Launching
from batty_tmux.drive.hosted import obey
from batty_tmux.drive.project import Project
from batty_tmux.drive.records import encode
from batty_tmux.drive.resume import come_back, revive_supervisors
from batty_tmux.drive.windows import find_window
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.names import PhaseId, RunId

LOOK: Final = 0.2
"""Seconds between two looks at the journal's size."""
BEAT: Final = 2.0
"""Seconds between two signs of life, each with where the branch is."""
_MEND: Final = 10.0
"""Seconds between two looks for a window that has gone, as after a reboot."""
_MOST: Final = 1 << 18
"""Bytes of one order."""


@dataclass
class Feed:
    project: Project
    phase: PhaseId
    run: RunId
    branch: str
    since: int
    _read: int = 0
    _begun: bool = False
    _beaten: float = field(default=float("-inf"), repr=False)
    _mended: float = field(default=float("-inf"), repr=False)
    _heard: bytes = b""

    def feed(self, orders: int) -> None:
        """Tell and obey until whoever listens has gone. `orders` is where they write to us."""
        events = self.project.place.records.events
        self._say("hello", version=__version__, orders=last_order(events, self.phase))
        with selectors.DefaultSelector() as selector:
            selector.register(orders, selectors.EVENT_READ)
            while True:
                self._mend()
                self._tell()
                self._beat()
                if selector.select(LOOK) and not self._hear(orders):
                    return

    def _tell(self) -> None:
        records = self.project.place.records
        records.refresh()
        fresh, self._read = records.events[self._read :], len(records.events)
        for event in fresh:
            if getattr(event, "phase", None) == self.phase:
                self._tell_of(event)

    def _tell_of(self, event: AnyEvent) -> None:
        if isinstance(event, Launching):
            self._begun = event.branch == self.branch
        if self._begun and event.run == self.run and event.seq > self.since:
            at = event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self._say("event", line={"at": at, "seq": event.seq, **encode(event)})
            self._beaten = float("-inf")

    def _beat(self) -> None:
        if monotonic() - self._beaten < BEAT:
            return
        self._beaten = monotonic()
        self._say("beat", head=self.project.place.git.tip(f"refs/heads/{self.branch}") or "")

    def _mend(self) -> None:
        """Bring back what a reboot, or somebody, has ended: nobody sits here to see that it is gone."""
        if monotonic() - self._mended < _MEND:
            return
        self._mended = monotonic()
        watch = self.project.watch(self.phase)
        if watch.launching is None or watch.closed:
            return
        try:
            if find_window(self.project.terminal, self.project, self.phase, self.run) is None:
                come_back(Project.at(self.project.place), os.environ)
            else:
                revive_supervisors(self.project)
        except BattyError as problem:
            self._say("trouble", what=problem.what)

    def _hear(self, orders: int) -> bool:
        """Obey what has come; false where nobody will say anything any more."""
        data = os.read(orders, 64 * 1024)
        *lines, self._heard = (self._heard + data).split(b"\n")
        if not data or len(self._heard) > _MOST:
            return False
        for line in lines:
            try:
                order = msgspec.json.decode(line, type=Order)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._say("trouble", what="that is no order")
                continue
            obey(self.project, self.phase, order)
            self._say("obeyed", order=order.order)
        return True

    def _say(self, kind: str, **told: object) -> None:
        sys.stdout.write(json.dumps({"batty": kind, **told}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
