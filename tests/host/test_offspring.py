"""What processes below another one use: theirs alone, down to the last generation."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from batty_tmux.host.offspring import below
from batty_tmux.host.process import kill_group
from tests.support.server import eventually

BURNS = "while :; do :; done"


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A leader that waits; below it a command that burns in a group of its own, and one that waits in the same."""
    away = f"import os; os.setsid(); os.execvp('sh', ['sh', '-c', '{BURNS}'])"
    line = f'"{sys.executable}" -I -S -c "{away}" & echo $!; cat; wait'
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", line], start_new_session=True, stdin=pipe, stdout=pipe) as leader:
        assert leader.stdout is not None
        assert leader.stdin is not None
        burning = int(leader.stdout.readline())
        try:
            eventually(lambda: os.getpgid(burning) == burning, "a group of its own")
            yield leader
        finally:
            kill_group(burning)
            kill_group(leader.pid)
            leader.stdin.close()


def test_what_is_used_grows(family: subprocess.Popen[bytes]) -> None:
    """Rule: of those outside the leader's group alone, where that is asked; never of the leader itself."""
    eventually(lambda: len(below(family.pid)) == 2, "both")
    (burning, before), *others = below(family.pid, strangers=True).items()
    assert others == []
    assert burning[0] != family.pid
    eventually(lambda: below(family.pid, strangers=True)[burning] > before + 0.05, "the burning")


def test_one_that_has_ended_has_nothing_below_it() -> None:
    """It is no error: it may end between any two looks."""
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert below(gone.pid) == {}
