"""Programs that batty starts: they end when they should, see what they should, and leave nothing behind."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from batty_tmux.errors import BattyError, CommandFailed
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import (
    SCRUBBED,
    Ran,
    Stop,
    kill_group,
    run,
    run_measured,
    scrubbed,
)
from tests.support.fifo import Fifo

LONG = 300


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path / "fifo")
    yield made
    made.close()


def family(fifo: Fifo) -> str:
    """A shell line: children and grandchildren that hold the pipe open and would go on for minutes."""
    return f"exec 9>'{fifo.path}'; echo up >&9; (sleep {LONG} & sleep {LONG}) & (trap '' TERM HUP; sleep {LONG}) & "


# --- run


def test_what_a_program_says_is_returned(tmp_path: Path) -> None:
    """Output, errors and status apart; in the folder and with the input that were given."""
    done = run(("sh", "-c", "cat; pwd >&2; exit 3"), cwd=tmp_path, stdin="in \N{SNOWMAN}")
    assert (done.status, done.stdout, done.stderr.strip(), done.ok) == (
        3,
        "in \N{SNOWMAN}",
        str(tmp_path.resolve()),
        False,
    )
    with pytest.raises(CommandFailed) as failed:
        done.check()
    assert (failed.value.exit_status, failed.value.stdout) == (3, "in \N{SNOWMAN}")


def test_a_signal_is_a_negative_status() -> None:
    """As subprocess has it."""
    assert run(("sh", "-c", "kill -9 $$")).status == -signal.SIGKILL


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    """A path need not be UTF-8."""
    odd = b"a\xff\xfe\x00b"
    done = run(("cat",), stdin=odd)
    assert done.stdout.encode("utf-8", "surrogateescape") == odd
    assert run(("cat",), stdin=done.stdout).stdout == done.stdout


def test_nothing_is_asked_on_the_terminal() -> None:
    """No input is the end of input, and there is no terminal that a program could open."""
    assert run(("sh", "-c", "cat; (: </dev/tty) 2>/dev/null || echo none")).stdout == "none\n"


def test_when_time_runs_out_the_whole_group_is_killed(fifo: Fifo) -> None:
    """Grandchildren and those that ignore signals too; what was said until then is kept."""
    done = run(("sh", "-c", family(fifo) + "echo said; wait"), timeout=1)
    assert (done.status, done.ok) == (None, False)
    assert done.stdout == "said\n"
    assert fifo.read_to_end() == b"up\n"
    with pytest.raises(CommandFailed, match="ran out of time"):
        done.check()


def test_a_daemon_that_keeps_the_pipe_open_does_not_hold_us_for_ever(tmp_path: Path) -> None:
    """It left the group, so it is not killed; but the time-out is one."""
    pid_file = tmp_path / "pid"
    script = f"import os, time; os.setsid(); open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep({LONG})"
    line = f"{sys.executable} -c \"{script}\" & echo started; while [ ! -s '{pid_file}' ]; do :; done"
    begun = monotonic()
    try:
        done = run(("sh", "-c", line), timeout=1)
    finally:
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert done.status is None
    assert done.stdout == "started\n"
    assert monotonic() - begun < 30


def test_a_program_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    """And so is a folder: the two are one error to the system."""
    with pytest.raises(BattyError, match="missing is not installed") as refused:
        run((str(tmp_path / "missing"),))
    assert refused.value.code == "no-program"
    with pytest.raises(BattyError, match="gone is gone") as refused:
        run(("true",), cwd=tmp_path / "gone")
    assert refused.value.code == "no-folder"


def test_an_interrupt_leaves_nothing_running(fifo: Fifo) -> None:
    """^C reaches batty alone, since the program has a session of its own."""
    code = f"from batty_tmux.host.process import run; run(('sh', '-c', {family(fifo) + 'wait'!r}))"
    batty = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    assert fifo.read_some() == b"up\n"
    batty.send_signal(signal.SIGINT)
    batty.wait(timeout=30)
    assert fifo.read_to_end() == b""


# --- the environment


def test_variables_that_mislead_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaked GIT_DIR would make git work on another repository; what the caller adds is given."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "BATTY_PHASE"):
        monkeypatch.setenv(name, "leaked")
    monkeypatch.setenv("KEPT", "kept")
    shown = run(("env",), env={"BATTY_RUN": "001"}).stdout.splitlines()
    assert [line for line in shown if line.startswith(SCRUBBED)] == ["BATTY_RUN=001"]
    assert "KEPT=kept" in shown


def test_an_environment_is_scrubbed_as_given() -> None:
    """Only by the beginning of the name."""
    given = {"GIT_DIR": "x", "CLAUDE": "x", "BATTY_X": "x", "DIGIT_X": "1", "PATH": "/bin"}
    assert scrubbed(given) == {"DIGIT_X": "1", "PATH": "/bin"}


def test_only_the_descriptors_that_were_named_stay_open(tmp_path: Path) -> None:
    """The landing lock's is for git, and for nobody else."""
    with (tmp_path / "file").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        line = f"[ -e /dev/fd/{file.fileno()} ] && echo open || echo closed"
        assert run(("sh", "-c", line)).stdout == "closed\n"
        assert run(("sh", "-c", line), keep_open=(file.fileno(),)).stdout == "open\n"


# --- run_measured


def measured(
    line: str, tmp_path: Path, timeout: float = 60, stop: Stop | None = None, env: dict[str, str] | None = None
) -> tuple[Ran, str]:
    path, given = tmp_path / "log", env or {"PATH": os.environ["PATH"]}
    with path.open("wb") as log:
        ran = run_measured(line, cwd=tmp_path, env=given, log=log, timeout=timeout, stop=stop)
    return ran, path.read_text()


def test_a_gate_has_exactly_the_environment_that_was_given_and_no_input(tmp_path: Path) -> None:
    """Whatever it reads ends at once."""
    ran, log = measured('cat; echo "[$CI][$HOME]"; exit 5', tmp_path, env={"CI": "true", "PATH": os.environ["PATH"]})
    assert (ran.status, log) == (5, "[true][]\n")


@pytest.fixture(params=["announced", "looked for"])
def however(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of learning that a child has ended; the second is that of a system which refuses the first."""
    if request.param == "looked for":

        def refused(pid: int, flags: int = 0) -> int:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(os, "pidfd_open", refused, raising=False)


@pytest.mark.usefixtures("however")
@pytest.mark.parametrize(("ending", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_a_measured_gate_has_its_status_and_leaves_nothing(
    tmp_path: Path, fifo: Fifo, ending: str, status: int
) -> None:
    """Whatever it left in its group is gone, and its output is in the log in the order in which it was written."""
    ran, log = measured(f"echo one; echo two >&2; {family(fifo)} {ending}", tmp_path)
    assert (ran.status, ran.stopped) == (status, False)
    assert log == "one\ntwo\n"
    assert fifo.read_to_end() == b"up\n"


@pytest.mark.usefixtures("however")
def test_a_measured_gate_that_takes_too_long_is_killed_whole(tmp_path: Path, fifo: Fifo) -> None:
    """At the time that was given, and no later than a moment after."""
    begun = monotonic()
    ran, _ = measured(family(fifo) + "wait", tmp_path, timeout=0.5)
    assert (ran.status, ran.stopped) == (None, False)
    assert 0.5 <= monotonic() - begun < 10
    assert fifo.read_to_end() == b"up\n"


@pytest.mark.usefixtures("however")
def test_a_gate_is_stopped_from_another_thread(tmp_path: Path, fifo: Fifo) -> None:
    """At once and whole: its verdict is not wanted any more. The stop stays set for what would begin later."""
    with Stop() as stop:
        found: list[Ran] = []
        thread = Thread(target=lambda: found.append(measured(family(fifo) + "wait", tmp_path, stop=stop)[0]))
        thread.start()
        assert fifo.read_some() == b"up\n"
        stop.set()
        stop.set()
        thread.join()
        assert [(ran.status, ran.stopped) for ran in found] == [(None, True)]
        assert fifo.read_to_end() == b""
        assert measured("echo never", tmp_path, stop=stop) == (Ran(None, 0.0, 0, stopped=True), "")
    stop.set()
    assert stop.is_set()


def test_a_stop_between_the_look_and_the_start_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst moment: the command was let through, and is not waited for yet."""
    with Stop() as stop:
        start = subprocess.Popen

        def late(*args: Any, **named: Any) -> "subprocess.Popen[bytes]":
            stop.set()
            return start(*args, **named)

        monkeypatch.setattr(subprocess, "Popen", late)
        ran, _ = measured(f"sleep {LONG}", tmp_path, stop=stop)
    assert (ran.status, ran.stopped) == (None, True)


def test_stops_at_any_moment_leave_each_run_with_one_ending(tmp_path: Path) -> None:
    """Ended by itself, with its status; or stopped, with none."""
    for _ in range(40):
        with Stop() as stop:
            thread = Thread(target=stop.set)
            thread.start()
            ran, _ = measured("exit 3", tmp_path, stop=stop)
            thread.join()
        assert (ran.status, ran.stopped) in {(3, False), (None, True)}


BUSY = "import time\nwhile time.process_time() < 0.5: pass"


def test_what_a_gate_used_is_counted_with_its_children(tmp_path: Path) -> None:
    """Half a second of work each in a child and a grandchild; this process's other children are not in it."""
    (tmp_path / "busy.py").write_text(BUSY)
    subprocess.run([sys.executable, tmp_path / "busy.py"], check=True)
    ran, _ = measured(f"{sys.executable} busy.py; (sh -c '{sys.executable} busy.py; exit 1'); exit 2", tmp_path)
    assert ran.status == 2
    assert 1.0 <= ran.cpu < 2.0


def test_a_gate_that_waits_uses_nothing(tmp_path: Path) -> None:
    """Wall time is not cpu time: such gates can run side by side on one core."""
    assert measured("sleep 0.3", tmp_path)[0].cpu < 0.1


def test_the_memory_of_a_gate_is_in_bytes(tmp_path: Path) -> None:
    """The largest of its processes; a gate that holds little counts at most as much as this process holds itself."""
    size = 200 << 20
    hungry, _ = measured(f"{sys.executable} -c 'x = bytearray(b\"x\" * {size // 2})'; true", tmp_path)
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert size / 2 < hungry.memory < 2 * size + ours
    assert 0 < measured("true", tmp_path)[0].memory <= ours


def test_a_measured_gate_has_only_the_descriptors_that_were_named(tmp_path: Path) -> None:
    """Neither the stop's pipe nor a lock of ours; but the slot's lock, where it is asked for."""
    listed = "for n in 3 4 5 6 7 8 9; do (: <&$n) 2>/dev/null && echo $n; done; true"
    with Stop() as stop, (tmp_path / "lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert measured(listed, tmp_path, stop=stop)[1] == ""
        with (tmp_path / "log").open("wb") as log:
            line = f"[ -e /dev/fd/{file.fileno()} ] && echo open"
            run_measured(line, cwd=tmp_path, env={}, log=log, timeout=60, keep_open=(file.fileno(),))
        assert (tmp_path / "log").read_text() == "open\n"


def test_a_measured_gate_leaks_no_descriptor_of_ours(tmp_path: Path) -> None:
    """A lander runs many gates."""
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        with Stop() as stop:
            measured("true", tmp_path, stop=stop)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_status_that_the_system_threw_away_is_not_taken_for_a_pass(tmp_path: Path) -> None:
    """Where SIGCHLD is ignored, which programs inherit, nobody learns how a child ended."""
    code = (
        "import os, signal, sys; from pathlib import Path; from batty_tmux.host.process import run_measured\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        f"log = open({str(tmp_path / 'log')!r}, 'wb')\n"
        "try: print(run_measured('exit 1', cwd=Path('/'), env={}, log=log, timeout=60))\n"
        "except Exception as error: print(getattr(error, 'code', error))"
    )
    assert run((sys.executable, "-c", code)).stdout == "status-lost\n"


# --- what outlives us

PARENT = """
import sys
from pathlib import Path
from batty_tmux.host.process import detach
detach(("sh", "-c", sys.argv[1]), cwd=Path(sys.argv[2]), log=Path(sys.argv[3]))
print("returned", flush=True)
sys.stdin.read()
"""


def test_what_is_detached_survives_its_parent_and_its_group(tmp_path: Path, fifo: Fifo) -> None:
    """tmux ends its jobs by their group; a lander is in no group of tmux's, and holds none of its pipes."""
    go = tmp_path / "go"
    os.mkfifo(go)
    line = f"exec 9>'{fifo.path}'; echo $$ >&9; read word <'{go}'; pwd; echo \"$word [$BATTY_PHASE]\" >&2; echo end >&9"
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, line, str(tmp_path), str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "BATTY_PHASE": "leaked"},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"returned\n"
        pid = b""
        while not pid.endswith(b"\n"):
            pid += fifo.read_some()
        assert os.getsid(int(pid)) != os.getsid(parent.pid)
        kill_group(parent.pid)
        assert parent.stdout.read() == b""
    go.write_text("word\n")
    assert fifo.read_to_end() == b"end\n"
    assert (tmp_path / "log").read_text() == f"{tmp_path.resolve()}\nword []\n"
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_a_group_that_is_gone_is_killed_without_complaint() -> None:
    """It may have ended by itself a moment before."""
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()
    kill_group(process.pid)


def test_detach_is_for_programs_that_can_be_missing(tmp_path: Path) -> None:
    """The caller has gone on by then; it must not be run a second time by a child that failed to become it."""
    script = (
        "from pathlib import Path; from batty_tmux.host.process import detach\n"
        f"detach(({str(tmp_path / 'missing')!r},), cwd=Path({str(tmp_path)!r}), log=Path({str(tmp_path / 'log')!r}))\n"
        "print('once')"
    )
    assert run((sys.executable, "-c", script)).stdout == "once\n"
