"""The lock that machines share: in the order in which they came, free when its holder dies, gone with its Redis."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.errors import BattyError
from batty_tmux.host import shared_lock
from batty_tmux.host.process import run
from batty_tmux.host.shared_lock import NoLockError, SharedLock
from tests.support.engines import Engine, redis_server
from tests.support.server import eventually


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with redis_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def locks(engine: Engine, request: pytest.FixtureRequest) -> Iterator[list[SharedLock]]:
    made = [SharedLock(engine.address, request.node.name) for _ in range(4)]
    yield made
    for lock in made:
        lock.close()


def test_machines_get_it_in_the_order_in_which_they_came(locks: list[SharedLock]) -> None:
    """Whoever asks most often, or has just had it, is not before who waits."""
    assert [lock.take() for lock in locks] == ["held", "waiting", "waiting", "waiting"]
    assert locks[0].is_wanted()
    order = []
    for holder in locks[:3]:
        holder.leave()
        assert holder.take() == "waiting"
        for lock in reversed(locks):
            if lock is not holder and eventually(lock.take) == "held":
                order.append(lock)
                break
    assert order == locks[1:]


def test_who_waits_and_is_not_heard_of_any_more_is_passed_over(
    locks: list[SharedLock], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, dead, last, _ = locks
    holder.take()
    monkeypatch.setattr(shared_lock, "_LIVES", 1)
    assert dead.take() == "waiting"
    monkeypatch.undo()
    assert last.take() == "waiting"
    holder.leave()
    eventually(lambda: last.take() == "held", "the lock, though one who waited first is gone")


def test_a_holder_that_is_killed_lets_go(engine: Engine, tmp_path: Path) -> None:
    text = (
        "import os, signal; from batty_tmux.host.shared_lock import SharedLock\n"
        f"lock = SharedLock({engine.address!r}, 'killed'); print(lock.take(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run((sys.executable, "-c", text), cwd=tmp_path).stdout == "held\n"
    after = SharedLock(engine.address, "killed")
    eventually(lambda: after.take() == "held", "the lock of a holder that was killed")
    after.close()


def test_a_redis_that_is_killed_while_it_is_held_is_noticed_and_one_that_is_back_is_used_again(tmp_path: Path) -> None:
    with redis_server(tmp_path) as mine:
        lock = SharedLock(mine.address, "lost")
        assert lock.take() == "held"
        mine.kill()

        def lost() -> bool:
            try:
                lock.take()
            except NoLockError:
                return True
            return False

        eventually(lost, "the loss")
        assert not lock.held
        mine.start()
        eventually(lambda: not lost() and lock.held, "the lock at the Redis that is back")
        lock.close()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis://host:notaport/0", "unix:///nowhere/socket"])
def test_a_redis_that_is_not_there_is_one_word(url: str) -> None:
    with pytest.raises(NoLockError):
        SharedLock(url, "x").take()


def test_a_package_that_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(BattyError) as refused:
        SharedLock("redis://127.0.0.1:1/0", "x").take()
    assert (refused.value.code, refused.value.next) == ("no-redis", "pip install 'batty-tmux[redis]'")


def test_who_uses_no_such_lock_imports_no_redis() -> None:
    """portalocker would, wherever it is installed."""
    text = "import sys, batty_tmux.cli, batty_tmux.drive.landing; print('redis' in sys.modules)"
    assert run((sys.executable, "-c", text)).check().stdout == "False\n"
