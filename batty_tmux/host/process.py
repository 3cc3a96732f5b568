"""The one place that starts programs: time-outs, a scrubbed environment, whole process groups."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from threading import Lock, current_thread, main_thread
from typing import IO, Literal, NoReturn, Self

from batty_tmux.errors import BattyError, CommandFailed
from batty_tmux.host.clock import monotonic

Running = subprocess.Popen[bytes]
SCRUBBED = ("GIT_", "CLAUDE", "BATTY_")
"""Prefixes that never reach a child: a leaked GIT_DIR makes git work on another repository, a leaked
CLAUDE* variable makes Claude Code refuse to start, and ours would tell a child that it is another phase."""

_LAST_WORDS = 2.0
"""Seconds that a killed program's output may take to arrive."""
_LOOK = 0.05
"""Seconds between looks at a program whose end the system cannot announce."""


@dataclass(frozen=True)
class Done:
    """A finished program. `status` is None when the time ran out; negative when a signal ended it."""

    argv: tuple[str, ...]
    status: int | None
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.status == 0

    def check(self) -> "Done":
        """Return self, or raise CommandFailed with everything that was said."""
        if not self.ok:
            raise CommandFailed(self.argv, self.status, self.stdout, self.stderr)
        return self


def scrubbed(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment (default: this process's own) without the variables that mislead children."""
    source = os.environ if environ is None else environ
    return {key: value for key, value in source.items() if not key.startswith(SCRUBBED)}


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes | None = None,
    timeout: float = 60,
    keep_open: Sequence[int] = (),
) -> Done:
    """Run a program to its end and return what it said, whatever its exit status.

    `timeout` is in seconds; when it passes, the program's whole process group is killed and the status is
    None. `env` is added to the scrubbed environment. `keep_open` are descriptors the child inherits: the
    landing lock's, so that a killed lander's git keeps the lock until it has finished writing.
    Output that is not UTF-8 is kept, escaped as surrogates.
    """
    let_interrupts_in = _hold_interrupts()
    try:
        process = _started(
            list(argv),
            cwd=cwd,
            env=scrubbed() | dict(env or {}),
            feeds=stdin is not None,
            keep_open=tuple(keep_open),
        )
    except BaseException:
        let_interrupts_in()
        raise
    data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
    try:
        let_interrupts_in()
        out, err = process.communicate(data, timeout=timeout)
        status: int | None = process.returncode
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        out, err = _what_was_said(process)
        status = None
    except BaseException:
        kill_group(process.pid)
        process.wait()
        raise
    return Done(tuple(argv), status, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))


def _hold_interrupts() -> Callable[[], None]:
    """Hold ^C back until what is returned is called: a program must be known before it can be ended.

    It runs before the call that starts it has returned, and an interrupt there would leave it running.
    """
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        return lambda: None
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))

    def let_in() -> None:
        signal.signal(signal.SIGINT, before)
        if came:
            raise KeyboardInterrupt

    return let_in


def _started(
    argv: list[str], *, cwd: Path | None, env: Mapping[str, str], feeds: bool, keep_open: tuple[int, ...]
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=keep_open,
            start_new_session=True,
        )
    except FileNotFoundError as missing:
        if cwd is not None and not cwd.is_dir():
            raise BattyError("no-folder", f"the folder {cwd} is gone", next="batty status") from missing
        raise BattyError("no-program", f"{argv[0]} is not installed", next="batty doctor") from missing


def _what_was_said(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    """Read what a killed program has written; a daemon of its that left the group may keep the pipes open."""
    try:
        return process.communicate(timeout=_LAST_WORDS)
    except subprocess.TimeoutExpired as late:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()
        return late.stdout or b"", late.stderr or b""


@dataclass(frozen=True)
class Ran:
    """A command line that has ended, and what it used.

    `status` is None when the time ran out or it was stopped; negative when a signal ended it. `cpu` is user and
    system time in seconds, of the command and of every descendant that was waited for: what was killed with it,
    or had been left behind, is not in it. `memory` is the resident peak in bytes of the largest single process,
    not of all together; as Linux counts, it is never less than what this process itself held at the start.
    """

    status: int | None
    cpu: float
    memory: int
    stopped: bool = False


class Stop:
    """Ends runs from another thread: for good, for each run that it was given to, begun or not.

    Not for signal handlers, since `set` takes a lock. Close it, or leave its `with`, when no run uses it any more.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._set = False
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        """End what runs with it now, and let nothing begin with it; any number of times, even after `close`."""
        with self._lock:
            if not self._set:
                self._set = True
                # nobody reads it, so it is there for every run and for ever, and none can miss it
                os.write(self._writer, b".")

    def is_set(self) -> bool:
        return self._set

    def fileno(self) -> int:
        """Return a descriptor that can be read from as soon as it is set; do not read from it."""
        return self._reader

    def close(self) -> None:
        self.set()
        with self._lock:
            for descriptor in {self._reader, self._writer} - {-1}:
                os.close(descriptor)
            self._reader = self._writer = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_measured(
    command: str | Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: IO[bytes],
    timeout: float,
    keep_open: Sequence[int] = (),
    stop: Stop | None = None,
    stdin: IO[bytes] | None = None,
    errors: IO[bytes] | None = None,
) -> Ran:
    """Run a user's command line by `sh -c`, or a program, until it ends, `timeout` seconds or a stop.

    What it says goes into `log`, its errors into `errors` if given. Own process group, no input but `stdin`, no
    inherited descriptors but `keep_open`; the group is killed whole at the end, so what the command started does
    not outlive it, save a process that left for a session of its own (setsid): nothing here can find that again.
    `env` is the complete environment. Where this process itself is killed, the command lives on, and with it a lock
    whose descriptor is in `keep_open`. A command that had ended by itself when the stop came keeps its status.
    """
    if stop is not None and stop.is_set():
        return Ran(None, 0.0, 0, stopped=True)
    process = subprocess.Popen(
        ["/bin/sh", "-c", command] if isinstance(command, str) else list(command),
        cwd=cwd,
        env=dict(env),
        stdin=stdin or subprocess.DEVNULL,
        stdout=log,
        stderr=errors or log,
        start_new_session=True,
        pass_fds=tuple(keep_open),
    )
    try:
        ending = _first_of(process.pid, timeout, stop)
    except BaseException:
        _ended(process)
        raise
    status, cpu, memory = _ended(process)
    return Ran(status if ending == "exit" else None, cpu, memory, stopped=ending == "stop")


def _first_of(pid: int, timeout: float, stop: Stop | None) -> Literal["exit", "stop", "time"]:
    """Wait for a child's end, which it leaves unreaped, for the stop, or for the time to run out."""
    deadline = monotonic() + timeout
    try:
        with watching(pid) as watched, DefaultSelector() as selector:
            for descriptor in (watched, None if stop is None else stop.fileno()):
                if descriptor is not None:
                    selector.register(descriptor, EVENT_READ)
            while True:
                left = max(0.0, deadline - monotonic())
                ready = {key.fd for key, _ in selector.select(left if watched is not None else min(left, _LOOK))}
                if watched in ready or (watched is None and has_ended(pid)):
                    return "exit"
                if ready:
                    return "stop"
                if monotonic() >= deadline:
                    return "time"
    except ProcessLookupError:
        return "exit"


@contextmanager
def watching(pid: int) -> Iterator[int | None]:
    """Yield a descriptor that can be read from when the child has ended; None where the system has none.

    Raises ProcessLookupError where it has ended and can no longer be watched for that.
    """
    if sys.platform == "darwin":
        with closing(select.kqueue()) as queue:
            end = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
            queue.control([end], 0)
            yield queue.fileno()
        return
    descriptor: int | None = None
    if sys.platform == "linux":
        # refused by kernels before 5.3 and by some sandboxes
        with suppress(OSError):
            descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def _ended(process: "subprocess.Popen[bytes]") -> tuple[int, float, int]:
    """Kill what is left of a group, reap its leader, and return its status, cpu seconds and peak of memory.

    In this order: a leader that is not reaped keeps its number, so no stranger's group can be meant.
    """
    kill_group(process.pid)
    try:
        _, status, used = os.wait4(process.pid, 0)
    except ChildProcessError as lost:
        process.returncode = -signal.SIGKILL
        what = "the status of a command was lost: SIGCHLD is ignored in this process, which it must have inherited"
        raise BattyError("status-lost", what, next="batty doctor") from lost
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss * unit


def start_here(shell_line: str, *words: str, cwd: Path, env: Mapping[str, str], out: int) -> Running:
    """Start a user's command line in a group of its own: it reads from this terminal and prints to `out`."""
    argv = ["/bin/sh", "-c", shell_line, *words]
    return subprocess.Popen(argv, cwd=cwd, env=dict(env), stdout=out, stderr=out, process_group=0)


def alongside(
    argv: Sequence[str], log: Path | None, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Running:
    """Start a program beside this one: on this terminal, or with its output in `log` and no input."""
    if log is None:
        return subprocess.Popen(list(argv), env=None if env is None else dict(env), cwd=cwd)
    with log.open("ab") as file:
        return subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=file, stderr=file)


def converse(argv: Sequence[str], env: Mapping[str, str], *, apart: bool = False) -> Running:
    """Start a program to write to and read from. Unless `apart`, it hears what the terminal sends to this one."""
    pipe, full = subprocess.PIPE, scrubbed() | dict(env)
    err = pipe if apart else subprocess.DEVNULL
    return subprocess.Popen(argv, bufsize=0, env=full, stdin=pipe, stdout=pipe, stderr=err, start_new_session=apart)


def filtering(argv: Sequence[str], source: int, out: int, keep_open: tuple[int, ...]) -> Running:
    """Start a program between `source` and `out`, in a session of its own: it outlives this process and its group."""
    null = subprocess.DEVNULL
    return subprocess.Popen(
        argv, env=scrubbed(), stdin=source, stdout=out, stderr=null, pass_fds=keep_open, start_new_session=True
    )


def status_of(program: Running, seconds: float) -> int:
    """Wait for a program's end and return its status; one that takes longer is killed."""
    if _first_of(program.pid, seconds, None) != "exit":
        program.kill()
    return program.wait()


def pause(seconds: float) -> None:
    """Wait where there is nothing to wait on, such as another program's first sign of life."""
    select.select([], [], [], seconds)


def kill_group(pid: int) -> None:
    """Kill a process group at once; one that is already gone is fine."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # the second is macOS's answer for a group whose members are all zombies
        return


def detach(argv: Sequence[str], *, cwd: Path, log: Path) -> None:
    """Start a program that outlives this one and tmux: double fork, own session, output into `log`.

    tmux ends its jobs with SIGTERM when its server exits; a lander must not be one of them.
    """
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir(cwd)
        null = os.open(os.devnull, os.O_RDONLY)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor, target in ((null, 0), (out, 1), (out, 2)):
            os.dup2(descriptor, target)
        os.closerange(3, 4096)
        become(argv, scrubbed())
    finally:
        os._exit(127)


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, found on the PATH of `env`."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606
