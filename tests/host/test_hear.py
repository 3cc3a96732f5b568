"""Programs that are asked something: heard out within bounds, whatever they do with their input and output."""

import os
from pathlib import Path
from threading import Thread

import pytest

from batty_tmux.errors import BattyError
from batty_tmux.host.hear import Heard, hear
from batty_tmux.host.process import Stop

LIMIT = 100_000
LONG = 300


def asked(script: str, folder: Path, told: bytes = b"", *, timeout: float = 30, stop: Stop | None = None) -> Heard:
    argv = ("/bin/sh", "-c", script)
    with stop or Stop() as end:
        return hear(argv, cwd=folder, env=dict(os.environ), told=told, timeout=timeout, limit=LIMIT, stop=end)


def test_both_outputs_are_heard_apart(tmp_path: Path) -> None:
    """With the status, and how long it took; the input is all there."""
    heard = asked("wc -c; echo why >&2; exit 3", tmp_path, b"x" * 5_000_000)
    assert (heard.status, heard.said.strip(), heard.errors) == (3, b"5000000", b"why\n")
    assert (heard.too_much, heard.stopped) == (False, False)
    assert heard.seconds > 0


def test_nothing_of_what_was_said_is_lost_at_the_end(tmp_path: Path) -> None:
    """What lies in the pipes when the program is gone is still heard: as much as they hold."""
    heard = asked("head -c 60000 /dev/zero; head -c 40000 /dev/zero >&2", tmp_path)
    assert (len(heard.said), len(heard.errors), heard.status) == (60_000, 40_000, 0)


@pytest.mark.parametrize("script", ["yes", "yes >&2", "yes & yes >&2", "head -c 100001 /dev/zero"])
def test_no_more_is_kept_than_the_limit(script: str, tmp_path: Path) -> None:
    """Of both together. Whoever says more is ended there and then, if it has not ended itself."""
    heard = asked(script, tmp_path, timeout=LONG)
    assert (heard.status, heard.too_much, heard.stopped) == (None, True, False)
    assert len(heard.said) + len(heard.errors) == LIMIT


def test_the_limit_itself_is_not_too_much(tmp_path: Path) -> None:
    """To the byte."""
    heard = asked(f"head -c {LIMIT} /dev/zero", tmp_path)
    assert (len(heard.said), heard.too_much, heard.status) == (LIMIT, False, 0)


def test_time_runs_out(tmp_path: Path) -> None:
    """What was said until then is kept."""
    heard = asked(f"echo so far; exec sleep {LONG}", tmp_path, timeout=0.5)
    assert (heard.status, heard.said, heard.stopped, heard.too_much) == (None, b"so far\n", False, False)


def test_another_thread_ends_it(tmp_path: Path) -> None:
    """As soon as it says so."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    stop = Stop()

    def end() -> None:
        fifo.read_text()
        stop.set()

    thread = Thread(target=end)
    thread.start()
    heard = asked(f"echo up >'{fifo}'; exec sleep {LONG}", tmp_path, stop=stop)
    thread.join()
    assert (heard.status, heard.stopped) == (None, True)


def test_what_was_ended_before_it_began_is_not_started(tmp_path: Path) -> None:
    """A stop is for good."""
    stop = Stop()
    stop.set()
    assert asked("touch started", tmp_path, stop=stop).stopped
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("argv", [("no-such-program",), ("/",), ("x" * 5_000_000,), ("a\0b",)])
def test_what_cannot_be_started_is_named(argv: tuple[str, ...], tmp_path: Path) -> None:
    """Not there, no program, or a line that the system does not take."""
    with Stop() as stop, pytest.raises(BattyError) as refused:
        hear(argv, cwd=tmp_path, env=dict(os.environ), told=b"", timeout=5, limit=LIMIT, stop=stop)
    assert refused.value.code == "no-program"
    assert len(str(refused.value)) < 500
