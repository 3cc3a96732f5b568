"""A lander among landers of other machines: it looks at the remote before it relies on anything, and waits its turn.

Where the base is a branch here, all of this is nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final

from batty_tmux.core.events import AnyEvent
from batty_tmux.core.queue_plan import AccountForBase, Build, Effect, Land, RunGate, Settle, StopGate
from batty_tmux.drive import exchange
from batty_tmux.drive.courtesy import Courtesy
from batty_tmux.drive.ground import Ground
from batty_tmux.drive.own_branch import follow
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import Held

_FRESH: Final = 2.0
"""Seconds for which what was fetched is relied on."""
_MEANWHILE: Final = 5.0
"""Seconds between two looks while gates are at work: one that gates in vain is stopped."""


class Shared:
    """What one lander knows of the remote. `patience` is how long it may wait for news, None for ever."""

    def __init__(self, tell: Callable[[Ground, AnyEvent], None]) -> None:
        self._tell = tell
        self._ground: Ground | None = None
        self._courtesy = Courtesy(self._journal)
        self._fetched: float | None = None
        self.waits = False
        self.patience: float | None = None

    def refresh(self, ground: Ground, effects: Sequence[Effect], *, gating: bool) -> bool:
        """Fetch where that is due; then everything is to be looked at anew. Raises BattyError `remote-unreachable`."""
        self._ground = ground
        if not ground.base.remote:
            return False
        urgent = any(isinstance(effect, Build | RunGate | Land | Settle) for effect in effects)
        if self._fetched is not None and not self._courtesy.stale:
            if not (urgent or gating or self.waits):
                return False
            if monotonic() - self._fetched < (_FRESH if urgent else _MEANWHILE):
                return False
        exchange.fetch(ground.place, ground.base)
        self._fetched, self._courtesy.stale = monotonic(), False
        self._courtesy.saw(ground)
        if ground.place.git.tip(ground.ref) != ground.tip and (gating or any(isinstance(e, Land) for e in effects)):
            self._courtesy.lost(ground)
        return True

    def allowed(self, ground: Ground, effects: tuple[Effect, ...], *, gating: bool) -> tuple[Effect, ...]:
        """Return what may be done now of what is owed; sets `waits` where the rest waits for another machine."""
        self.waits, self.patience = False, None
        if not ground.base.remote:
            return effects
        self.patience = _MEANWHILE if gating else None
        # what is only to be accounted for counts too: who has just got the lock finds that first, and must keep it
        works = gating or any(not isinstance(effect, StopGate) for effect in effects)
        free = tuple(effect for effect in effects if isinstance(effect, StopGate | Settle | AccountForBase))
        if works and self._courtesy.is_asked_for:
            # nothing new is begun: what is at the gate ends, lands, and the next machine goes on
            last = tuple(effect for effect in effects if isinstance(effect, Land))
            if gating or last:
                return (*free, *last)
            self._courtesy.pass_on()
        if self._courtesy.may_go(ground, works=works):
            return effects if not self._courtesy.stale else free
        self.waits, self.patience = True, self._courtesy.waits
        return free

    @property
    def stale(self) -> bool:
        """Whether the remote is to be looked at before anything else: it has become this machine's turn."""
        return self._courtesy.stale

    def lost(self, ground: Ground) -> None:
        """Take note that a landing came too late."""
        if ground.base.remote:
            self._courtesy.lost(ground)

    def won(self, ground: Ground, held: Held) -> None:
        """Take note of a landing, and take the user's own branch along."""
        if ground.base.remote:
            self._courtesy.won(ground)
            follow(ground, held)

    def follow(self, ground: Ground, held: Held) -> None:
        """Take the user's own branch along to what other machines have landed."""
        if ground.base.remote:
            follow(ground, held)

    def leave(self) -> None:
        """Give back what other machines may wait for."""
        if self._ground is not None and self._ground.base.remote:
            self._courtesy.leave(self._ground)

    def _journal(self, event: AnyEvent) -> None:
        if self._ground is not None:
            self._tell(self._ground, event)
