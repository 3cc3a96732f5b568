"""Locks of the operating system: freed by the kernel when their holder dies, however it dies.

Never delete a lock file: a second holder could lock a new file of the same name beside the first. Never
poll a lock to see whether it is held: the look itself holds it for a moment, and a lander that comes then
would leave. Not for network file systems.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import portalocker

from batty_tmux.errors import BattyError


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
