"""Whether commands below an executor are at work, though nothing that they do is seen: a long and silent test run."""

from dataclasses import dataclass, field

from batty_tmux.core import sensors
from batty_tmux.host.clock import monotonic
from batty_tmux.host.offspring import Used, below


@dataclass
class Toil:
    """`busy` is what came out at the last look; one look alone tells nothing."""

    busy: bool = False
    _looked: float | None = None
    _used: Used = field(default_factory=dict)

    def began(self) -> None:
        """Forget what another executor had below it."""
        self.busy, self._looked, self._used = False, None, {}

    def look(self, pid: int, silent: float, *, idle: bool, family: str) -> bool:
        """Look if it is due; tell whether that found them at work. `pid` leads the executor's process group.

        An agent of a known kind gives commands a group of their own, and what it uses itself says nothing: it draws.
        """
        at = monotonic()
        since = float("inf") if self._looked is None else at - self._looked
        if not sensors.looks_below(silent, since, idle=idle, family=family):
            return False
        used = below(pid, strangers=family != "any")
        self.busy = sensors.toils(self._used, used, since)
        self._looked, self._used = at, used
        return self.busy
