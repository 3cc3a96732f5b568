"""Locks of the operating system: freed by the kernel when their holder dies, however it dies.

Never delete a lock file: a second holder could lock a new file of the same name beside the first. Never
poll a lock to see whether it is held: the look itself holds it for a moment, and a lander that comes then
would leave. Not for network file systems.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batty_tmux.errors import BattyError

if TYPE_CHECKING:
    from portalocker.redis import RedisLock

# portalocker imports redis wherever that is installed, 100 ms for a lock that hardly anybody uses; so it is kept from
# doing so, by the way that Python has for that, until somebody asks for that lock
_REDIS = "portalocker.redis"
_unseen = _REDIS not in sys.modules
if _unseen:
    sys.modules[_REDIS] = None  # type: ignore[assignment]
import portalocker  # noqa: E402 - the way has to be barred before

if _unseen:
    del sys.modules[_REDIS]


class LostError(Exception):
    """A lock in a Redis was lost while it was held, or cannot be asked for there."""


_LISTENS = 0.02
"""Seconds for which the thread that holds the lock waits for a question at a time; a release waits as long for it."""


class RedisHold:
    """A lock in a Redis, held by a connection of its own: it is free when that ends, however that ends."""

    def __init__(self, lock: "RedisLock") -> None:
        self._lock = lock

    @classmethod
    def attempt(cls, channel: str, client: Any) -> "RedisHold | None":  # noqa: ANN401 - redis is not imported here
        """Take the lock if it is free this instant; `client` is a redis.Redis. Raises LostError, and RedisError."""
        found: type[RedisLock] = importlib.import_module(_REDIS).RedisLock
        lock = found(
            channel,
            connection=client,
            timeout=0,
            fail_when_locked=True,
            interrupt_on_lost=False,
            thread_sleep_time=_LISTENS,
        )
        try:
            lock.acquire()
        except portalocker.exceptions.AlreadyLocked:
            return None
        except portalocker.exceptions.LockException as problem:
            raise LostError(str(problem)) from problem
        return cls(lock)

    def ensure(self) -> None:
        """Raises LostError where its connection is known to have ended."""
        try:
            self._lock.ensure_held()
        except portalocker.exceptions.LockException as problem:
            raise LostError(str(problem)) from problem

    def release(self) -> None:
        self._lock.release()


@dataclass(frozen=True)
class Held:
    """The proof that a lock is held. Whatever moves the base branch takes one as an argument.

    `descriptor` is passed to mutating git children: a killed holder's lock then stays until they end.
    """

    path: Path
    descriptor: int


@contextmanager
def exclusive(path: Path, timeout: float | None = None) -> Iterator[Held]:
    """Hold the lock for the block; wait for it as long as it takes, or `timeout` seconds.

    Without a timeout the kernel queues the waiters, which is fair; with one it is polled, which is not.
    Raises BattyError `locked` when the time runs out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if timeout is None:
        lock = portalocker.Lock(path, mode="a", flags=portalocker.LockFlags.EXCLUSIVE)
    else:
        lock = portalocker.Lock(path, mode="a", timeout=timeout, check_interval=0.01)
    try:
        handle = lock.acquire()
    except portalocker.exceptions.LockException as error:
        raise BattyError("locked", f"{path.name} is held by another process", next="batty status") from error
    try:
        yield Held(path, handle.fileno())
    finally:
        lock.release()


@contextmanager
def attempt(path: Path) -> Iterator[Held | None]:
    """Hold the lock for the block if it is free this instant, else yield None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = portalocker.Lock(path, mode="a", timeout=0, fail_when_locked=True)
    try:
        handle = lock.acquire()
    except portalocker.exceptions.LockException:
        yield None
        return
    try:
        yield Held(path, handle.fileno())
    finally:
        lock.release()
