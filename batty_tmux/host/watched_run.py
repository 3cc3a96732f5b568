"""Run a user's command line on this very terminal, and keep what it says as well."""

import fcntl
import os
import pty
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import FrameType

from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import has_ended, kill_group, start_here, watching

_LOOK = 0.1
"""Seconds between looks at a program whose end the system cannot announce."""
_CHUNK = 1 << 16
_WHEN_IN_FRONT = 'kill -STOP $$; exec /bin/sh -c "$0"'
"""Stops before it does anything: a program that reads before it is in front would be refused."""


def run_and_keep(
    shell_line: str, *, cwd: Path, env: Mapping[str, str], keep: Callable[[bytes], object], timeout: float
) -> int | None:
    """Run it to its end; return its status as a shell says it (128 + n for signal n), None where the time ran out.

    What it prints is seen here as it comes, and given to `keep`. It prints to a terminal of this one's size, reads
    from this one, and hears what is typed here, ^C too: that is its own, not ours. Where the time runs out, it is
    killed with all that it started; else what it left running goes on.
    """
    ours, theirs = pty.openpty()
    try:
        _as_wide_as_here(theirs)
        # line ends are made by the terminal that shows them, not twice
        shape = termios.tcgetattr(theirs)
        shape[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, shape)
        process = start_here(_WHEN_IN_FRONT, shell_line, cwd=cwd, env=env, out=theirs)
        with _resizing(theirs), _in_front(process.pid):
            in_time = True
            with suppress(ProcessLookupError):
                in_time = _follow(process.pid, ours, keep, monotonic() + timeout)
            if not in_time:
                kill_group(process.pid)
            status = process.wait()
        while _pass_on(ours, keep, wait=False):
            pass
    finally:
        os.close(ours)
        os.close(theirs)
    return (128 - status if status < 0 else status) if in_time else None


def _follow(pid: int, ours: int, keep: Callable[[bytes], object], deadline: float) -> bool:
    """Pass on what it says until it has ended; tell whether that came before the deadline."""
    with watching(pid) as end, DefaultSelector() as selector:
        selector.register(ours, EVENT_READ)
        if end is not None:
            selector.register(end, EVENT_READ)
        while True:
            left = deadline - monotonic()
            if left <= 0:
                return False
            ready = {key.fd for key, _ in selector.select(left if end is not None else min(left, _LOOK))}
            if ours in ready:
                _pass_on(ours, keep, wait=True)
            elif end in ready or (end is None and has_ended(pid)):
                return True


def _pass_on(ours: int, keep: Callable[[bytes], object], *, wait: bool) -> bool:
    """Show and keep what has come; tell whether anything had."""
    os.set_blocking(ours, wait)
    try:
        said = os.read(ours, _CHUNK)
    except OSError:
        return False
    keep(said)
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    return bool(said)


def _as_wide_as_here(theirs: int) -> None:
    with suppress(OSError):
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, b"\0" * 8))


@contextmanager
def _resizing(theirs: int) -> Iterator[None]:
    def resize(_number: int, _frame: FrameType | None) -> None:
        _as_wide_as_here(theirs)

    before = signal.signal(signal.SIGWINCH, resize)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


@contextmanager
def _in_front(group: int) -> Iterator[None]:
    """Let a stopped group go on with what is typed here; it gets the hang-up too if this process dies."""
    os.waitpid(group, os.WUNTRACED)
    if not os.isatty(0):
        os.killpg(group, signal.SIGCONT)
        yield
        return
    mine, modes = os.getpgrp(), termios.tcgetattr(0)
    # a process in the background that changes who is in front would be stopped
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with suppress(OSError):
            os.tcsetpgrp(0, group)
        os.killpg(group, signal.SIGCONT)
        yield
    finally:
        with suppress(OSError):
            os.tcsetpgrp(0, mine)
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
        signal.signal(signal.SIGTTOU, before)
