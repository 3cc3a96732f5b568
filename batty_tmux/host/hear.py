"""Ask a program something and hear it out: bounded in time and in what it may say, ended from another thread."""

import os
import selectors
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import Final

from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import Stop, run_measured
from batty_tmux.names import clean

_CHUNK: Final = 65_536


@dataclass(frozen=True)
class Heard:
    """What a program said. `status` is None when it was ended: out of time, stopped, or because it said too much."""

    status: int | None
    said: bytes
    errors: bytes
    seconds: float
    too_much: bool = False
    stopped: bool = False


@dataclass
class _Listener:
    """Reads two pipes until they end or it is told that the program has; keeps no more than `limit` of both."""

    limit: int
    stop: Stop
    said: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    too_much: bool = False

    def listen(self, out: int, err: int, ended: int) -> None:
        with selectors.DefaultSelector() as selector:
            for descriptor, kept in ((out, self.said), (err, self.errors), (ended, None)):
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ, kept)
            while len(selector.get_map()) > 1 and not self.too_much:
                ready = [key for key, _ in selector.select()]
                for key in ready:
                    if key.data is not None and not self._take(key.fd, key.data):
                        selector.unregister(key.fd)
                if any(key.data is None for key in ready):
                    # a process that left the group may hold the pipes open: what lies in them now is all there is
                    for descriptor, kept in ((out, self.said), (err, self.errors)):
                        while self._take(descriptor, kept):
                            pass
                    return

    def _take(self, descriptor: int, kept: bytearray) -> bool:
        """Read once; False at the end, where nothing is there, and where it was too much."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        room = self.limit - len(self.said) - len(self.errors)
        kept += data[:room]
        if len(data) > room:
            self.too_much = True
            self.stop.set()
        return bool(data) and not self.too_much


def hear(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    told: bytes,
    timeout: float,
    limit: int,
    stop: Stop,
) -> Heard:
    """Start a program, give it `told` to read, and return what it said within `timeout` seconds and `limit` bytes.

    Its whole process group is killed at the end; a process that left it is not waited for. `stop` ends it from
    another thread, and is set here too when it says too much: use a fresh one for each call. Raises BattyError
    where it cannot be started.
    """
    begun = monotonic()
    with ExitStack() as stack:
        given = stack.enter_context(TemporaryFile())
        given.write(told)
        given.seek(0)
        listener = _Listener(limit, stop)
        (out, out_end), (err, err_end), (ended, end) = os.pipe(), os.pipe(), os.pipe()
        for descriptor in (out, err, ended):
            stack.callback(os.close, descriptor)
        thread = Thread(target=listener.listen, args=(out, err, ended), daemon=True)
        thread.start()
        try:
            with open(out_end, "wb") as log, open(err_end, "wb") as errors:  # noqa: PTH123 -- descriptors
                ran = run_measured(
                    argv, cwd=cwd, env=env, log=log, errors=errors, stdin=given, timeout=timeout, stop=stop
                )
        except (OSError, ValueError) as refused:
            why = refused.strerror if isinstance(refused, OSError) else str(refused)
            what = f"{clean(argv[0])} cannot be started: {why}"
            raise BattyError("no-program", what, next="batty doctor") from refused
        finally:
            os.write(end, b".")
            thread.join()
            os.close(end)
    seconds = monotonic() - begun
    status = None if listener.too_much else ran.status
    stopped = ran.stopped and not listener.too_much
    return Heard(status, bytes(listener.said), bytes(listener.errors), seconds, listener.too_much, stopped)
