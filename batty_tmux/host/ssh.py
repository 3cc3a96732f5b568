"""Another host, by OpenSSH: one connection a host, kept and shared, and no word that a shell there could misread.

What comes back is read within bounds: a host may say anything, and as much as it likes.
"""

import os
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Final, Self

from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import Running, alongside, converse

CONNECT: Final = 10
"""Seconds until a host that says nothing counts as not there."""
SILENCE: Final = (5, 2)
"""Every so many seconds a quiet connection is tried, and so many times in vain until it counts as cut."""
_KEPT: Final = 300
"""Seconds that the shared connection outlives the last who uses it."""
_MOST: Final = 1 << 20
"""Bytes of one answer, or of one line."""
_UNREACHED, _MISSING = 255, 127
"""ssh's own status where it could not connect, and a shell's where there is no such program."""


class Unreached(BattyError):
    """The host did not answer: it, or the way to it, is down. What was asked may have been done or not."""


@dataclass(frozen=True)
class Answer:
    """What a program there said. `status` is None where the time ran out."""

    status: int | None
    out: bytes
    err: str


@dataclass(frozen=True)
class Remote:
    """A host. `address` is as ssh takes it, and was checked with the settings: never an option, never a blank."""

    name: str
    address: str

    def argv(self, words: Sequence[str], *, terminal: bool = False) -> tuple[str, ...]:
        """Return the command line that runs a program there, each of its words as it is here."""
        return (*_ssh(), "-tt" if terminal else "-T", "--", self.address, shlex.join(words))

    def ask(self, words: Sequence[str], given: str = "", timeout: float = 60) -> Answer:
        """Run a program there to its end, with this input. Raises Unreached where nobody answers within the time."""
        program = converse(self.argv(words), {}, apart=True)
        try:
            with _Talk(program) as talk:
                talk.give(given.encode("utf-8", "surrogateescape"))
                answer = talk.all(timeout)
        finally:
            _end(program)
        if answer.status in {None, _UNREACHED}:
            raise self.unreached(answer.err if answer.status is not None else f"no answer within {timeout:.0f} s")
        return answer

    def unreached(self, why: str) -> Unreached:
        last = (why.strip().splitlines() or ["the connection was cut"])[-1]
        return Unreached("host-away", f"{self.name} does not answer: {last[:200]}", next="batty doctor")

    def lacks(self, answer: Answer) -> bool:
        """Tell whether there was no such program."""
        return answer.status == _MISSING

    def show(self, words: Sequence[str]) -> int:
        """Run a program there on this very terminal until it or the connection ends; return the status."""
        return alongside(self.argv(words, terminal=True), None).wait()

    def url(self, path: str) -> str:
        """Return how git names a repository there. A ~ at its start is expanded by the git there."""
        return f"{self.address}:{path}"

    def environment(self) -> dict[str, str]:
        """Return what has git take the same connection."""
        return {"GIT_SSH_COMMAND": shlex.join(_ssh()), "GIT_SSH_VARIANT": "ssh"}


@dataclass
class Line:
    """A program there that is spoken with line by line for as long as it runs. `fileno` is readable when it speaks."""

    remote: Remote
    words: Sequence[str]
    heard: float = field(default_factory=monotonic)
    """When it last said anything."""
    _program: Running = field(init=False, repr=False)
    _descriptor: int = field(init=False, repr=False)
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self._program = converse(self.remote.argv(self.words), {}, apart=True)
        self._descriptor = _open(self._program.stdout).fileno()
        os.set_blocking(self._descriptor, False)
        # who keeps the shared connection holds it open for as long as the program there runs
        os.set_blocking(_open(self._program.stderr).fileno(), False)

    def fileno(self) -> int:
        return self._descriptor

    def say(self, line: str) -> None:
        """Tell it one line. A line that does not get there is found missing when the next connection begins."""
        try:
            _open(self._program.stdin).write(line.encode() + b"\n")
        except (OSError, ValueError):
            # the second is what Python says of a pipe that was closed here
            return

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that have come. Raises Unreached where it has ended."""
        try:
            data = os.read(self.fileno(), 64 * 1024)
        except BlockingIOError:
            return
        if not data:
            raise self.remote.unreached(self.close())
        self.heard = monotonic()
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MOST:
            raise BattyError("bad-answer", f"{self.remote.name} says what batty does not say", next="batty doctor")
        yield from whole

    def close(self) -> str:
        """End it, once or again; return what it complained of."""
        _end(self._program)
        errors = _open(self._program.stderr)
        said = b"" if errors.closed else errors.read(_MOST) or b""
        for pipe in (self._program.stdin, self._program.stdout, self._program.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()
        return said.decode("utf-8", "replace")


class _Talk:
    """Gives a program its input and reads what it says, each within bounds and neither waiting for the other."""

    def __init__(self, program: Running) -> None:
        self._program = program
        self._said: dict[int, bytearray] = {_open(program.stdout).fileno(): bytearray()}
        self._said[_open(program.stderr).fileno()] = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._program.stdin, self._program.stdout, self._program.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def give(self, data: bytes) -> None:
        # what is told is shorter than a pipe is wide, so that this never waits for the reader
        try:
            _open(self._program.stdin).write(data[: 60 * 1024])
            _open(self._program.stdin).close()
        except OSError:
            return

    def all(self, seconds: float) -> Answer:
        end = monotonic() + seconds
        with DefaultSelector() as selector:
            for descriptor in self._said:
                selector.register(descriptor, EVENT_READ)
            while selector.get_map() and (left := end - monotonic()) > 0:
                for key, _ in selector.select(left):
                    data = os.read(key.fd, 64 * 1024)
                    if not data:
                        selector.unregister(key.fd)
                    if len(self._said[key.fd]) < _MOST:
                        self._said[key.fd] += data
            ended = not selector.get_map()
        out, err = (bytes(said) for said in self._said.values())
        status = self._program.wait(5) if ended else None
        return Answer(status, out[:_MOST], err.decode("utf-8", "replace"))


def _end(program: Running) -> None:
    if program.poll() is None:
        program.kill()
    program.wait()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BattyError("no-pipe", "a program was started without a pipe to it", next="batty doctor")
    return pipe


def _ssh() -> tuple[str, ...]:
    told: Mapping[str, object] = {
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT,
        "ServerAliveInterval": SILENCE[0],
        "ServerAliveCountMax": SILENCE[1],
        "ControlMaster": "auto",
        "ControlPath": _folder() / "%C",
        "ControlPersist": _KEPT,
    }
    return ("ssh", *(word for key, value in told.items() for word in ("-o", f"{key}={value}")))


def _folder() -> Path:
    """Return the folder of the shared connections' sockets: short, since a socket's path may have 107 bytes.

    Raises BattyError where it is somebody else's: who may write there could answer in the host's place.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    above = Path(runtime if runtime and len(runtime) < 24 else "/tmp")  # noqa: PLR2004, S108 -- proved below to be ours
    folder = above / f"batty-ssh-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    told = folder.lstat()
    if not stat.S_ISDIR(told.st_mode) or told.st_uid != os.getuid() or told.st_mode & 0o077:
        what = f"{folder} is not yours alone, and connections would be shared through it"
        raise BattyError("unsafe-folder", what, next=f"ls -ld {folder}")
    return folder
