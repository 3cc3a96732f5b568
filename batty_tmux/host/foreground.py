"""Programs that have this terminal while they run."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from batty_tmux.host.process import alongside


def foreground(argv: Sequence[str], env: Mapping[str, str], *, cwd: Path | None = None) -> int:
    """Run a program on this terminal to its end and return its status. ^C ends the program, not who waits for it.

    Call it from the main thread. `env` is the complete environment.
    """
    # a handler that does nothing, since a program would inherit that a signal is ignored
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return alongside(argv, None, env=env, cwd=cwd).wait()
    finally:
        signal.signal(signal.SIGINT, before)
