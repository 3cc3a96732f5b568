"""A lock that machines share, in a Redis: whose turn it is at the gate. Only here is redis imported, when it is used.

portalocker's RedisLock is held by a connection: a holder that dies lets go, without a clock. It does not say who comes
next, so those who wait stand in a list, and only the first of them tries. Who stands there and does not say from time
to time that it lives, by the Redis' own clock, is taken out.

What is lost with the Redis, or with the lock, is time. Callers go on without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import LostError, RedisHold

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

_ANSWERS: Final = 3.0
"""Seconds for the Redis to answer."""
_LIVES: Final = 15
"""Seconds for which one that waits counts as there after it last said so."""
_TRIES: Final = 2.0
"""Seconds after which the first in the row asks a holder that is there whether it lives."""
_KEPT: Final = 86_400
"""Seconds after which a list that nobody touches goes."""


class NoLockError(Exception):
    """The Redis cannot be used now, or has lost the lock."""


@dataclass
class SharedLock:
    """`key` names what is locked, the same on every machine. Not for several threads."""

    url: str
    key: str
    mark: str = field(default_factory=lambda: token_hex(8))
    _redis: "Redis | None" = field(default=None, repr=False)
    _lock: RedisHold | None = field(default=None, repr=False)
    _try_at: float = field(default=0.0, repr=False)

    @property
    def held(self) -> bool:
        """Whether it was taken and not given back. That it was lost meanwhile `take` finds out."""
        return self._lock is not None

    def take(self) -> Literal["held", "waiting"]:
        """Try to take the lock, in the order in which machines came; ask again, soon, while it says "waiting".

        Raises NoLockError where the Redis does not answer, or has lost the lock that was held.
        """
        return self._guarded(self._taken)

    def is_wanted(self) -> bool:
        """Tell whether another machine waits for it. Raises NoLockError."""
        return self._guarded(lambda: any(self._lives(mark) for mark in self._list() if mark != self.mark))

    def leave(self) -> None:
        """Give the lock back, or the place in the list; nothing where there is neither, or no Redis any more."""
        try:
            self._guarded(self._left)
        except NoLockError:
            return

    def close(self) -> None:
        self.leave()
        self._forget()

    def ping(self) -> None:
        """Raises NoLockError where the Redis does not answer."""
        self._guarded(lambda: bool(self._client.ping()))

    @property
    def _client(self) -> Any:  # noqa: ANN401 - its methods are annotated as both of two kinds
        if self._redis is None:
            self._redis = _connect(self.url)
        return self._redis

    def _taken(self) -> Literal["held", "waiting"]:
        if self._lock is not None:
            self._lock.ensure()
            return "held"
        client, row, me = self._client, f"batty:{self.key}:waiting", self.mark
        client.set(self._life(me), 1, ex=_LIVES)
        if client.lpos(row, me) is None:
            client.rpush(row, me)
        client.expire(row, _KEPT)
        while (first := client.lindex(row, 0)) not in {None, me}:
            if self._lives(first):
                return "waiting"
            client.lrem(row, 1, first)
        return self._tried(row)

    def _tried(self, row: str) -> Literal["held", "waiting"]:
        """Try to take it as the first in the row: where somebody listens, only now and then, since that takes long.

        A holder that listens and does not answer is thrown out by that.
        """
        channel = f"batty:{self.key}"
        if self._client.pubsub_numsub(channel)[0][1] and monotonic() < self._try_at:
            return "waiting"
        self._try_at = monotonic() + _TRIES
        self._lock = RedisHold.attempt(channel, self._client)
        if self._lock is None:
            return "waiting"
        self._client.lrem(row, 1, self.mark)
        return "held"

    def _left(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()
        self._client.lrem(f"batty:{self.key}:waiting", 1, self.mark)
        self._client.delete(self._life(self.mark))

    def _list(self) -> list[str]:
        found: list[str] = self._client.lrange(f"batty:{self.key}:waiting", 0, -1)
        return found

    def _lives(self, mark: str) -> bool:
        return bool(self._client.exists(self._life(mark)))

    def _life(self, mark: str) -> str:
        return f"batty:{self.key}:lives:{mark}"

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do it, and turn all that a Redis can do to it into one word."""
        try:
            client = self._client
        except ValueError as wrong:
            raise NoLockError(str(wrong)) from wrong
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            return work()
        except (RedisError, LostError, OSError) as problem:
            del client
            self._forget()
            raise NoLockError(str(problem) or type(problem).__name__) from problem

    def _forget(self) -> None:
        """Drop lock and connection, whatever state they are in: the Redis lets go when the connection is gone."""
        lock, self._lock = self._lock, None
        client, self._redis = self._redis, None
        for close in (lock.release if lock else None, client.close if client else None):
            try:
                if close is not None:
                    close()
            except Exception:  # noqa: BLE001, S112 - a broken connection may raise anything while it is closed
                continue


def _connect(url: str) -> "Redis":
    try:
        from redis import Redis  # noqa: PLC0415
    except ImportError as missing:
        what = "batty.toml sets queue.lock, and the package that speaks with a Redis is not installed"
        raise BattyError("no-redis", what, next="pip install 'batty-tmux[redis]'") from missing
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_ANSWERS,
        socket_connect_timeout=_ANSWERS,
        health_check_interval=5,
        retry=None,
    )
