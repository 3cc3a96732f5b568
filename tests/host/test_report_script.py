"""The hook itself: hooks/report.sh, under the shells that agents may run it with."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from batty_tmux.host.agents.launch import Channel
from tests.support.server import eventually

SHELLS = [shell for shell in (("dash",), ("bash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(shell[0])]
SCRIPT = Path(str(resources.files("batty_tmux"))) / "hooks/report.sh"
TOKEN = "0123456789abcdef"


@dataclass
class Folder:
    """A folder with a listener, this test, unless it is told otherwise."""

    path: Path
    bell: int

    def rung(self) -> list[str]:
        try:
            return os.read(self.bell, 65536).decode().split()
        except BlockingIOError:
            return []

    def run(self, shell: tuple[str, ...], data: bytes, *more: str) -> subprocess.CompletedProcess[bytes]:
        words = (*shell, str(SCRIPT), str(self.path), TOKEN, *more)
        return subprocess.run(words, input=data, capture_output=True, timeout=60, check=False)

    def written(self) -> list[str]:
        return sorted(file.name for file in self.path.iterdir() if file.name not in {"bell", "listener"})


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    path = tmp_path / "it's #(here) $HOME"
    path.mkdir()
    os.mkfifo(path / "bell")
    (path / "listener").write_text(f"{os.getpid()}\n")
    bell = os.open(path / "bell", os.O_RDWR | os.O_NONBLOCK)
    yield Folder(path, bell)
    os.close(bell)


def test_a_message_is_written_then_rung(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: the token comes first, then the message byte for byte; the bell names the file; nothing is printed."""
    message = b'{"a": "\xff\x00\\n"}\nand more'
    done = folder.run(shell, message)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (number,) = folder.rung()
    assert (folder.path / f"{number}.report").read_bytes() == TOKEN.encode() + b"\n" + message
    assert folder.written() == [f"{number}.report"]


@pytest.mark.parametrize("listener", [None, "", "0", "-1", "x; touch pwned", "999999999", "dead"])
def test_without_a_listener_nothing_is_written(folder: Folder, shell: tuple[str, ...], listener: str | None) -> None:
    """Rule: where nobody listens the hook ends at once, and leaves nothing behind, however its file reads."""
    file = folder.path / "listener"
    file.unlink()
    if listener == "dead":
        ended = subprocess.Popen(["true"])
        ended.wait()
        listener = str(ended.pid)
    if listener is not None:
        file.write_text(f"{listener}\n")
    done = folder.run(shell, b"{}", "wait")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (folder.written(), folder.rung()) == ([], [])


@pytest.mark.parametrize("gone", ["bell", "listener", "folder"])
def test_what_is_gone_fails_nobody(folder: Folder, shell: tuple[str, ...], gone: str) -> None:
    """Rule: a folder that was cleaned away, or a part of it, ends the hook with 0 and in silence; none is made."""
    if gone == "folder":
        shutil.rmtree(folder.path)
    else:
        (folder.path / gone).unlink()
    done = folder.run(shell, b"{}")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (folder.path / gone).exists()


def test_a_huge_message_is_cut(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: of 50 MB a quarter of one is kept; an agent whose pipe is closed early is not held up."""
    done = folder.run(shell, b"x" * 50_000_000)
    assert done.returncode == 0
    (number,) = folder.rung()
    assert (folder.path / f"{number}.report").stat().st_size == 262_144 + len(TOKEN) + 1


def test_a_listener_that_does_not_read_is_left_alone(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: after 64 messages unread no more are written, so that a number given to another process fills no disk."""
    for number in range(70):
        (folder.path / f"x{number}.report").touch()
    done = folder.run(shell, b"{}")
    assert (done.returncode, folder.rung(), len(folder.written())) == (0, [], 70)


def test_an_answer_is_printed(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: with `wait` it prints the one line that it is given, as it is, and ends."""
    line = json.dumps({"a": "\\n %s $(x)", "b": "é" * 2000}, ensure_ascii=False)
    words = (*shell, str(SCRIPT), str(folder.path), TOKEN, "wait")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as hook:
        assert hook.stdin is not None
        hook.stdin.write(b"{}")
        hook.stdin.close()
        hook.stdin = None
        (number,) = eventually(folder.rung, "the bell")
        reply = folder.path / f"{number}.reply"
        assert reply.is_fifo()
        assert reply.stat().st_mode & 0o777 == 0o600
        with reply.open("w") as answer:
            answer.write(line + "\nnot this\n")
        out, err = hook.communicate(timeout=20)
    assert (hook.returncode, out.decode(), err) == (0, line + "\n", b"")


def test_one_that_waits_ends_with_its_agent(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: at the agent's time-out the hook dies of its signal: it is one process, and leaves none behind."""
    words = (*shell, str(SCRIPT), str(folder.path), TOKEN, "wait")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as hook:
        (number,) = eventually(folder.rung, "the bell")
        assert number == str(hook.pid)
        hook.send_signal(signal.SIGTERM)
        out, _ = hook.communicate(timeout=20)
    assert out == b""


def test_many_at_once_lose_nothing(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: hooks that run side by side have a file and a line of the bell each."""
    words = (*shell, str(SCRIPT), str(folder.path), TOKEN)
    hooks = [subprocess.Popen(words, stdin=subprocess.PIPE) for _ in range(30)]
    for place, hook in enumerate(hooks):
        hook.communicate(json.dumps(place).encode(), timeout=20)
    found = {(folder.path / f"{number}.report").read_text() for number in folder.rung()}
    assert found == {f"{TOKEN}\n{place}" for place in range(30)}


def test_a_number_is_not_used_twice(folder: Folder, shell: tuple[str, ...]) -> None:
    """Rule: where a file of its number is still unread, it takes another, and the older stays as it is."""
    # the first word after the folder is what is run, as the same process
    words = ("/bin/sh", "-c", 'f=$1; shift; echo old >"$f/$$.report"; exec "$@"', "sh", str(folder.path))
    done = subprocess.run(
        (*words, *shell, str(SCRIPT), str(folder.path), TOKEN),
        input=b"{}",
        capture_output=True,
        timeout=20,
        check=False,
    )
    (number,) = folder.rung()
    assert (done.returncode, number.count("-")) == (0, 1)
    assert (folder.path / f"{number.partition('-')[0]}.report").read_text() == "old\n"


@pytest.mark.parametrize("name", ["plain", "it's #(x) $HOME", '"; touch pwned; "', "new\nline", "-n"])
def test_the_line_of_shell_keeps_its_words(tmp_path: Path, name: str) -> None:
    """Rule: whatever its folder is called, the hook's command runs the script there, and without one it ends with 0."""
    channel = Channel(tmp_path / name, TOKEN)
    channel.folder.mkdir()
    words = ("/bin/sh", "-c", channel.hook(wait=True))
    done = subprocess.run(words, capture_output=True, cwd=tmp_path, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    channel.script.write_text('printf "%s|" "$@"')
    done = subprocess.run(words, capture_output=True, cwd=tmp_path, timeout=20, check=False)
    assert done.stdout.decode() == f"{channel.folder}|{TOKEN}|wait|"
    assert not (tmp_path / "pwned").exists()
