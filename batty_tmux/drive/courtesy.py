"""What a lander does so that it and the landers of other machines do not gate in vain, or one of them for ever.

A turn on the remote (core/turns.py), taken by who was too late twice; and, where batty.toml names a Redis, a lock
around gates and landings. Both are courtesy: without them machines lose time, and nothing else.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from batty_tmux.core import turns
from batty_tmux.core.events import AnyEvent, Reachable, TurnsRefused, Unreachable
from batty_tmux.core.turns import Lost, Saw, Turn, Turns, Won
from batty_tmux.drive.ground import Ground
from batty_tmux.drive.place import Place
from batty_tmux.host import remote
from batty_tmux.host.clock import monotonic
from batty_tmux.host.files import read_text
from batty_tmux.host.shared_lock import NoLockError, SharedLock
from batty_tmux.names import slug

_NAME: Final = "machine"
_AGAIN: Final = 10.0
"""Seconds after which a Redis that did not answer is asked again."""
_VAIN: Final = 3
"""Times in a row that a turn is not what was fetched, until it is not asked for any more."""
_TURN, _LOCK = 2.0, 0.05
"""Seconds between two looks while it is another's turn, or another has the lock."""

Journal = Callable[[AnyEvent], None]


def machine(place: Place) -> str:
    """Return this clone's name among the others: its host's, and a mark, since one host may have several clones."""
    if not machine_name(place):
        (place.state / _NAME).write_text(f"{slug(socket.gethostname(), 40)}-{token_hex(4)}\n")
    return machine_name(place)


def machine_name(place: Place) -> str:
    """Return the name that this clone has, "" where it never needed one."""
    return whose(read_text(place.state / _NAME) or "")


def whose(text: str) -> str:
    """Return the machine that a turn's text names; it was fetched, so anything may be in it."""
    name = text.partition("\n")[0].strip()
    return slug(name, 60) if name else ""


@dataclass
class Courtesy:
    """One lander's. `journal` writes what is to be known: a lock that does not answer, turns that are refused."""

    journal: Journal
    stale: bool = False
    """What was fetched is to be fetched again before anything is relied on: another machine may have landed."""
    waits: float | None = None
    """Seconds until this is to be asked again; None where this machine may go on."""
    _turns: Turns | None = None
    _lock: SharedLock | None = None
    _ask_lock_at: float = 0.0
    _vain: int = 0
    _landed: bool = field(default=False, repr=False)

    def saw(self, ground: Ground) -> None:
        """Take note of whose turn it is, as it has just been fetched."""
        found = remote.seen_turn(ground.place.git, ground.base)
        turn = Turn(found[0], whose(found[1])) if found is not None else None
        self._turns = turns.apply(self._of(ground), Saw(turn, monotonic()))

    def lost(self, ground: Ground) -> None:
        self._turns = turns.apply(self._of(ground), Lost())

    def won(self, ground: Ground) -> None:
        self._turns = turns.apply(self._of(ground), Won())
        self._landed = True

    def may_go(self, ground: Ground, *, works: bool) -> bool:
        """Tell whether this machine may gate and push now; where not, `waits` says for how long."""
        self.waits = None
        turn = self._has_turn(ground, works=works)
        if not turn:
            # who has the turn may wait for the lock: to keep it meanwhile would hold up both for ever
            self.pass_on()
            self.waits = _TURN
            return False
        if not self._has_lock(ground, works=works):
            self.waits = _LOCK
            return False
        return True

    @property
    def is_asked_for(self) -> bool:
        """Whether another machine waits for the lock, while this one has landed something under it."""
        if self._lock is None or not self._lock.held or not self._landed:
            return False
        try:
            return self._lock.is_wanted()
        except NoLockError:
            return False

    def pass_on(self) -> None:
        """Let the next machine have the lock; this one comes last again."""
        if self._lock is not None:
            self._lock.leave()
        self._landed = False

    def leave(self, ground: Ground) -> None:
        """Give back turn and lock: this lander has nothing more to do, or ends for another reason."""
        if self._lock is not None:
            self._lock.close()
        known = self._turns
        if known is not None and known.mine and known.turn is not None:
            remote.put(ground.place.git, ground.base.remote, remote.turn_ref(ground.base), "", known.turn.sha)

    def _of(self, ground: Ground) -> Turns:
        if self._turns is None:
            told = ground.place.records.queue().turnless
            refused = told is not None and told.remote == ground.base.remote
            self._turns = Turns(machine(ground.place), refused=refused)
        return self._turns

    def _has_turn(self, ground: Ground, *, works: bool) -> bool:
        due = turns.owed(self._of(ground), monotonic(), works=works)
        if due.does in {"go", "wait"}:
            return due.does == "go"
        fresh = ""
        if due.does != "release":
            fresh = remote.keep(ground.place.git, f"{self._of(ground).machine}\n{token_hex(8)}\n")
        done = remote.put(ground.place.git, ground.base.remote, remote.turn_ref(ground.base), fresh, due.old)
        match done.verdict:
            case "done":
                turn = Turn(fresh, self._of(ground).machine) if fresh else None
                self._turns = turns.apply(self._of(ground), Saw(turn, monotonic()))
            case "refused":
                self._turns = turns.apply(self._of(ground), turns.Refused())
                self.journal(TurnsRefused(remote=ground.base.remote, reason=" ".join(done.words)))
            case "moved" if self._vain < _VAIN:
                self.stale = True
            case _:
                # it hides the ref, or takes no push from here: what is more than courtesy will say so
                self._turns = turns.apply(self._of(ground), turns.Refused())
        self._vain = self._vain + 1 if done.verdict == "moved" else 0
        # who has just taken it over from another looks first at what has landed since
        self.stale = self.stale or due.does == "claim"
        return done.verdict != "moved"

    def _has_lock(self, ground: Ground, *, works: bool) -> bool:
        if not ground.lock or not works:
            self.pass_on()
            return True
        if monotonic() < self._ask_lock_at:
            return True
        lock = self._lock
        if lock is None or lock.url != ground.lock:
            where = remote.address(ground.place.git, ground.base.remote) or ground.base.remote
            lock = self._lock = SharedLock(ground.lock, remote.key_of(where, ground.base))
        before = lock.held
        try:
            taken = lock.take()
        except NoLockError as problem:
            self._without_lock(ground, str(problem))
            return True
        if "lock" in ground.place.records.queue().troubles:
            self.journal(Reachable(what="lock"))
        if taken == "held" and not before:
            self.stale, self._landed = True, False
        return taken == "held"

    def _without_lock(self, ground: Ground, reason: str) -> None:
        """Go on without the lock, and say so once; it is asked for again a little later."""
        self._ask_lock_at = monotonic() + _AGAIN
        if "lock" not in ground.place.records.queue().troubles:
            self.journal(Unreachable(what="lock", where=remote.plain(ground.lock), reason=reason))
