"""A lander that is killed at the n-th thing that it changes: `python -m tests.support.killed REPO N HOW`.

What it changes is a line of the journal, a ref, a worktree, or what a gate does. HOW is `before`: SIGKILL before
that thing; or `during`: a program that does it is left running on its own, and a line of the journal is torn.
With an N beyond the last, nothing is killed, and the number of things is printed.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from batty_tmux.drive.lander import drain
from batty_tmux.host.journal import Journal
from tests.support.lander import look

CHANGES = frozenset({"update-ref", "merge", "restore", "checkout", "add", "/bin/sh"})
"""Words of the command lines that change something; `add` is that of `git worktree add`."""


class Countdown:
    """Ends this process when it is its turn."""

    def __init__(self, turn: int, how: str) -> None:
        self.turn, self.how, self.count = turn, how, 0

    def due(self) -> bool:
        """Count one change; die if it is the one and HOW says so; else tell whether it is the one."""
        self.count += 1
        if self.count != self.turn:
            return False
        if self.how == "before":
            self.die()
        return True

    def die(self) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def install(countdown: Countdown) -> None:
    start, write = subprocess.Popen, Journal.append

    def popen(argv: list[str], *args: Any, **options: Any) -> "subprocess.Popen[bytes]":
        due = bool(CHANGES.intersection(argv)) and countdown.due()
        process = start(argv, *args, **options)
        if due:
            countdown.die()
        return process

    def append(self: Journal, records: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        if countdown.due():
            with self.path.open("ab") as file:
                file.write(b'{"at":"2026-01-01T00:00:00.000Z","seq":9999,"event":"lan')
            countdown.die()
        return write(self, records)

    subprocess.Popen = popen  # type: ignore[assignment, misc]
    Journal.append = append  # type: ignore[method-assign]


def main(repo: str, turn: str, how: str) -> None:
    countdown = Countdown(int(turn), how)
    install(countdown)
    drain(look(Path(repo)), lambda _: None)
    print(countdown.count)  # noqa: T201 -- its answer


if __name__ == "__main__":
    main(*sys.argv[1:])
