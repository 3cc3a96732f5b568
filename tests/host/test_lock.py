"""Locks are the kernel's: they end with their holder, however it ends, and not before its git does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.errors import BattyError
from batty_tmux.host.lock import attempt, exclusive
from batty_tmux.host.process import kill_group

HOLDER = """
import subprocess, sys
from pathlib import Path
from batty_tmux.host.lock import exclusive
with exclusive(Path(sys.argv[1])) as held:
    if sys.argv[2] == "child":
        # as a lander's git does: it writes on when the lander is killed
        subprocess.Popen(["/bin/sh", "-c", "exec sleep 300"], pass_fds=(held.descriptor,))
    elif sys.argv[2] == "plain child":
        subprocess.Popen(["/bin/sh", "-c", "exec sleep 300"])
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holders() -> Iterator[list["subprocess.Popen[bytes]"]]:
    made: list[subprocess.Popen[bytes]] = []
    yield made
    for process in made:
        kill_group(process.pid)
        process.communicate()


def hold(path: Path, holders: "list[subprocess.Popen[bytes]]", how: str = "alone") -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    holders.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def is_free(path: Path) -> bool:
    with attempt(path) as held:
        return held is not None


def _fail_holding(path: Path) -> None:
    with attempt(path) as held:
        assert held is not None
        assert not is_free(path)
        raise ZeroDivisionError


def test_only_one_holds_it(tmp_path: Path, holders: "list[subprocess.Popen[bytes]]") -> None:
    """Whoever only tries gets None at once, whoever gives a time is refused when it has passed."""
    path = tmp_path / "lock"
    process = hold(path, holders)
    assert not is_free(path)
    with pytest.raises(BattyError) as refused, exclusive(path, timeout=0.05):
        pass
    assert (refused.value.code, refused.value.next) == ("locked", "batty status")
    process.communicate(b"")
    assert is_free(path)


def test_it_excludes_within_a_process_too(tmp_path: Path) -> None:
    """Threads of one supervisor."""
    path = tmp_path / "deep" / "lock"
    with exclusive(path) as held:
        assert held.path == path
        assert not is_free(path)
    assert is_free(path)


def test_a_lock_that_was_only_tried_is_let_go(tmp_path: Path) -> None:
    """Also when what it was held for fails; the file stays, since others may have it open."""
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError):
        _fail_holding(path)
    assert is_free(path)
    assert path.exists()


def test_a_killed_holder_holds_nothing(tmp_path: Path, holders: "list[subprocess.Popen[bytes]]") -> None:
    """No file has to be removed by hand after a crash, and its children do not hold it for it."""
    path = tmp_path / "lock"
    process = hold(path, holders, "plain child")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=20)
    assert is_free(path)


def test_a_child_that_was_given_the_descriptor_keeps_it(
    tmp_path: Path, holders: "list[subprocess.Popen[bytes]]"
) -> None:
    """A killed lander's git is still writing: nobody may land before it has ended."""
    path = tmp_path / "lock"
    process = hold(path, holders, "child")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=20)
    assert not is_free(path)
    kill_group(process.pid)
    with exclusive(path, timeout=20):
        pass


def test_who_waits_gets_it_when_it_is_free(tmp_path: Path, holders: "list[subprocess.Popen[bytes]]") -> None:
    """Without a time the kernel wakes the waiter."""
    path = tmp_path / "lock"
    process = hold(path, holders)
    script = HOLDER.replace("    sys.stdin.read()", "")
    waiter = subprocess.Popen([sys.executable, "-c", script, str(path), "alone"], stdout=subprocess.PIPE)
    holders.append(waiter)
    with pytest.raises(subprocess.TimeoutExpired):
        waiter.wait(timeout=0.5)
    process.communicate(b"")
    assert waiter.communicate(timeout=20)[0] == b"held\n"
