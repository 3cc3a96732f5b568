"""What a gate or a setup says, without the secrets in it: they are taken out before anything is written, see `scribe`.

A log that is finished is read-only. One that can still be written, and whose lock is free, was left by a scribe that
was killed, or by a batty that wrote first and redacted later. The next gate of the phase, or `batty resume`, redacts
and finishes it: what is redacted already stays as it is.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from batty_tmux.drive.scribe import DONE, Pad
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import Held, attempt
from batty_tmux.host.process import filtering, status_of

_PROGRAM = ("-P", "-m", "batty_tmux.drive.scribe")
_PATIENCE = 300.0
"""Seconds that a scribe may take to finish: the rules are asked at most four times, for a minute each."""
_PIECE = 1 << 20
_MOST_WORDS = 4000
"""Bytes of batty's own words: they must find room in a pipe at once."""


def fresh_log(folder: Path, kind: Literal["gate", "setup"]) -> Path:
    """Make and return the next `gate-N.log` or `setup-N.log`; creation is exclusive, so two never share one."""
    number = 1 + sum(1 for _ in folder.glob(f"{kind}-*.log"))
    while True:
        log = folder / f"{kind}-{number}.log"
        try:
            os.close(os.open(log, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            number += 1
        else:
            return log


class Scribe:
    """The process that writes a gate's log. `said` is what the gate, and nobody else, writes to.

    It has the log's lock, so that this stays true where its lander is killed: who has the lock may write.
    """

    def __init__(self, log: Held) -> None:
        self._log = log
        source, said = os.pipe()
        told, self._control = os.pipe()
        self.said = os.fdopen(said, "wb", buffering=0)
        try:
            self._process = filtering((sys.executable, *_PROGRAM, str(told)), source, log.descriptor, (told,))
        except BaseException as problem:
            self._let_go()
            if isinstance(problem, FileNotFoundError):
                raise BattyError("no-program", f"{sys.executable} is gone", next="batty doctor") from problem
            raise
        finally:
            os.close(source)
            os.close(told)

    def dismiss(self, words: str = "") -> bool:
        """Tell it that the gate has ended, and what batty has to add; wait until the log is finished.

        False where it was killed before: then some of what the gate said is lost, the gate may have ended of that, and
        the log says so.
        """
        with suppress(BrokenPipeError):
            os.write(self._control, f"\n{words}\n".encode("utf-8", "surrogateescape")[:_MOST_WORDS])
        self._let_go()
        status = status_of(self._process, _PATIENCE)
        if status != 0:
            lost = f"\nbatty: what writes this log ended with {status}, so it is not known what the gate said\n"
            with suppress(OSError):
                os.write(self._log.descriptor, lost.encode())
            os.fchmod(self._log.descriptor, DONE)
        return status == 0

    def _let_go(self) -> None:
        os.close(self._control)
        self._control = -1
        self.said.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._control != -1:
            self.dismiss()


def settle(log: Path) -> None:
    """Redact and finish a log that nobody writes any more. It may be done twice, and may be cut off at any time."""
    new = log.with_name(f".{log.name}.{os.getpid()}")
    try:
        with log.open("rb") as file, new.open("wb") as out:
            pad = Pad(out.fileno())
            while piece := file.read(_PIECE):
                pad.hear(piece)
            pad.end()
        new.chmod(DONE)
        new.replace(log)
    except OSError:
        # it is gone, or the disk takes no file: then it is left for the next one
        return
    finally:
        new.unlink(missing_ok=True)


def settle_left(folder: Path) -> None:
    """Settle the logs in a phase's folder that were left, and that nobody writes any more."""
    for log in (*folder.glob("gate-*.log"), *folder.glob("setup-*.log")):
        facts = log.stat()
        # one that is empty was just made, and whoever made it is about to take its lock
        if facts.st_size and facts.st_mode & stat.S_IWUSR:
            with attempt(log) as held:
                if held is not None:
                    settle(log)
