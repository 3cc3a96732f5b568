"""The one place that starts programs: time-outs, a scrubbed environment, whole process groups."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from batty_tmux.errors import BattyError, CommandFailed

SCRUBBED = ("GIT_", "CLAUDE", "BATTY_")
"""Prefixes that never reach a child: a leaked GIT_DIR makes git work on another repository, a leaked
CLAUDE* variable makes Claude Code refuse to start, and ours would tell a child that it is another phase."""

_LAST_WORDS = 2.0
"""Seconds that a killed program's output may take to arrive."""


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
    process = _started(
        list(argv),
        cwd=cwd,
        env=scrubbed() | dict(env or {}),
        feeds=stdin is not None,
        keep_open=tuple(keep_open),
    )
    data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
    try:
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
    return Done(tuple(argv), status, _text(out), _text(err))


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


def run_logged(
    shell_line: str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: IO[bytes],
    timeout: float,
    keep_open: Sequence[int] = (),
) -> int | None:
    """Run a user's command line by `sh -c`, its output into `log`; return its status, None on time-out.

    Own process group, no stdin, no inherited descriptors but `keep_open`; the group is killed whole at the
    end, so nothing that the command started outlives it. `env` is the complete environment. Where this
    process itself is killed, the command lives on, and with it a lock whose descriptor is in `keep_open`.
    """
    process = subprocess.Popen(
        ["/bin/sh", "-c", shell_line],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=tuple(keep_open),
    )
    try:
        return process.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        kill_group(process.pid)
        process.wait()


def run_here(shell_line: str, *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a user's command line on this very terminal, where its output is seen; return its status."""
    return subprocess.call(["/bin/sh", "-c", shell_line], cwd=cwd, env=dict(env))


def alongside(
    argv: Sequence[str], log: Path | None, *, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a program beside this one: on this terminal, or with its output in `log` and no input."""
    if log is None:
        return subprocess.Popen(list(argv), env=None if env is None else dict(env))
    with log.open("ab") as file:
        return subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=file, stderr=file)


def pause(seconds: float) -> None:
    """Wait where there is nothing to wait on, such as another program's first sign of life."""
    select.select([], [], [], seconds)


def kill_group(pid: int) -> None:
    """Kill a process group at once; one that is already gone is fine."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:
        # macOS answers so for a group whose members are all zombies
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


def is_open_anywhere(path: Path) -> bool:
    """Tell whether a process on this machine has the file open. Without /proc nobody can say: False."""
    target = str(path)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == target:
                return True
        except OSError:
            continue
    return False


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, found on the PATH of `env`."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
