"""A lander whose steps are written down with their times: `python -m lib.traced REPO TRACE STOP`, from bench/.

It lands whatever is approved until the file STOP is there and nothing is left. A line of TRACE is the time in
nanoseconds of the clock that all processes of this machine share, `+` or `-`, and the step. It may be killed anywhere.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batty_tmux.drive import exchange, gates, land, lander, shared
from batty_tmux.errors import BattyError
from tests.support.lander import look

_REST = 0.1
"""Seconds between two looks at an empty queue."""


class Trace:
    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.write("+", "start")

    def write(self, sign: str, step: str) -> None:
        os.write(self._file, f"{time.monotonic_ns()} {sign} {step}\n".encode())

    @contextmanager
    def within(self, step: str) -> Iterator[None]:
        self.write("+", step)
        try:
            yield
        finally:
            self.write("-", step)

    def wrap(self, module: Any, name: str, step: str) -> None:  # noqa: ANN401 -- any module of the lander's
        work: Callable[..., Any] = getattr(module, name)

        def traced(*args: Any, **options: Any) -> Any:  # noqa: ANN401
            with self.within(step):
                return work(*args, **options)

        setattr(module, name, traced)


def main(repo: str, file: str, stop: str) -> int:
    trace = Trace(Path(file))
    for module, name, step in (
        (exchange.remote, "fetch", "fetch"),
        (exchange.remote, "push", "push"),
        (lander, "build", "build"),
        (lander, "settle", "settle"),
        (gates, "run_unless_stopped", "gate"),
        (shared, "follow", "follow"),
        (land, "_settled", "journal"),
    ):
        trace.wrap(module, name, step)
    while True:
        last = Path(stop).exists()
        try:
            lander.drain(look(Path(repo)), lambda _: None)
        except BattyError as refused:
            print(f"{refused.code}: {refused} {refused.evidence}", flush=True)
            last = False
        if last:
            return 0
        time.sleep(_REST)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
