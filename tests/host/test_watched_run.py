"""A user's command line on a terminal: what it says is kept, its end is told as a shell does, time-outs are whole."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from batty_tmux.host.watched_run import run_and_keep
from tests.support.server import eventually


def ran(line: str, folder: Path, seconds: float = 30) -> tuple[int | None, bytes]:
    said = bytearray()
    env = {"PATH": os.environ["PATH"], "X": "y"}
    status = run_and_keep(line, cwd=folder, env=env, keep=said.extend, timeout=seconds)
    return status, bytes(said)


def test_it_runs_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    """All that it says is kept, to the last byte, errors too, with the line ends that it wrote."""
    status, said = ran("[ $X = y ] && : >here; echo one; echo two >&2; test -t 1 && printf three; exit 4", tmp_path)
    assert (status, said) == (4, b"one\ntwo\nthree")
    assert (tmp_path / "here").exists()


def test_a_lot_is_kept_whole(tmp_path: Path) -> None:
    """More than a terminal holds, up to its end."""
    status, said = ran("i=0; while [ $i -lt 3000 ]; do echo $i aaaaaaaaaaaaaaaaaaaaaaa; i=$((i+1)); done", tmp_path)
    assert status == 0
    assert said.splitlines()[-1].startswith(b"2999 ")
    assert len(said.splitlines()) == 3000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_is_told_as_a_shell_does(tmp_path: Path, number: int) -> None:
    """130 for ^C."""
    assert ran(f"kill -{int(number)} $$", tmp_path)[0] == 128 + number


def test_nothing_outlives_the_time(tmp_path: Path) -> None:
    """With all that it has started."""
    status, said = ran("echo begun; sleep 1000 & echo $! >child; wait", tmp_path, 0.5)
    assert (status, said) == (None, b"begun\n")
    child = int((tmp_path / "child").read_text())
    eventually(lambda: is_over(child), "its end")


def is_over(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_it_leaves_running_goes_on(tmp_path: Path) -> None:
    """A server that a setup starts is there for the agent; nobody waits for it to close what it prints to."""
    status, _ = ran("sleep 1000 & echo $! >child", tmp_path)
    child = int((tmp_path / "child").read_text())
    try:
        assert status == 0
        assert not is_over(child)
    finally:
        os.kill(child, signal.SIGKILL)
