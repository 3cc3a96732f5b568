"""What a gate says is written while it says it, and at no instant is a secret of it on the disk."""

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.events import GateFinished
from batty_tmux.drive.command_log import settle_left
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.place import Place
from batty_tmux.drive.scribe import DONE, Pad, listen
from batty_tmux.errors import BattyError
from batty_tmux.host.process import alongside
from batty_tmux.names import PhaseId, RunId
from tests.support.made_up import Secret, secrets
from tests.support.repo import Repo
from tests.support.server import eventually

PHASE = PhaseId("phase-1")
TOKEN = next(secret.value for secret in secrets(5) if secret.name == "github classic")
MARK = "[redacted:github-token]"
KEY = next(secret.text for secret in secrets(5) if "BEGIN RSA" in secret.text).strip()
KEY_ROWS = KEY.split("\n")[1:-1]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", {"a": "a\n"})


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """What gates wait at: writing there waits for a gate that reads, and lets it go on."""
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    return fifo


def gated(repo: Repo, command: str, setup: str = "", **environ: str) -> GateFinished:
    subject = Subject(PHASE, repo.tip("main"), repo.tree("main"), "queue", RunId("001"), os.environ | environ)
    return run_gate(Place.around(repo.folder), GateSpec(command, 60, setup, ()), subject, repo.folder.parent / "slots")


def log_of(repo: Repo, number: int = 1) -> Path:
    return repo.folder / ".git" / "batty" / "runs" / "001" / PHASE / f"gate-{number}.log"


def said(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def is_finished(log: Path) -> bool:
    return stat.S_IMODE(log.stat().st_mode) == DONE


@pytest.fixture
def beside() -> Iterator[Callable[..., Future[GateFinished]]]:
    """Run a gate while the test goes on."""
    with ThreadPoolExecutor() as pool:
        yield lambda *given, **named: pool.submit(gated, *given, **named)


def scribes(log: Path) -> list[int]:
    """Return who writes a log, save this process."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if link.readlink() == log:
                found.append(int(link.parts[2]))
        except OSError:
            continue
    return found


class TestGate:
    def test_rows_stand_in_the_log_while_the_gate_runs_and_never_with_a_secret(
        self, repo: Repo, go: Path, beside: Callable[..., Future[GateFinished]]
    ) -> None:
        """Looked at all the time, while the gate waits."""
        wait = f"read x <{go}"
        running = beside(repo, f"echo one; echo token {TOKEN}; {wait}; echo {TOKEN}; {wait}; printf {TOKEN}")
        log, seen = log_of(repo), set()

        def shows(count: int) -> bool:
            seen.add(said(log))
            return said(log).count(MARK) == count

        eventually(lambda: shows(1))
        go.write_text("\n")
        eventually(lambda: shows(2))
        assert not is_finished(log)
        go.write_text("\n")
        assert running.result().verdict == "pass"
        assert said(log) == f"one\ntoken {MARK}\n{MARK}\n{MARK}"
        assert is_finished(log)
        assert not [text for text in seen if TOKEN in text]

    def test_a_key_is_written_when_its_last_row_has_come(
        self, repo: Repo, go: Path, beside: Callable[..., Future[GateFinished]]
    ) -> None:
        """Though the gate waits in the middle of it; what stands before it does not wait."""
        rows = [f"echo '{row}'" for row in ("before", *KEY.split("\n"))]
        wait = f"read x <{go}"
        running = beside(repo, "; ".join((*rows[:4], wait, *rows[4:], wait, "echo after")))
        log = log_of(repo)
        eventually(lambda: said(log) == "before\n")
        go.write_text("\n")
        eventually(lambda: "END" in said(log))
        assert not [row for row in KEY_ROWS if row in said(log)]
        go.write_text("\n")
        running.result()
        assert said(log).endswith("-----\nafter\n")

    def test_a_gate_and_its_log_outlive_their_batty(self, repo: Repo, go: Path, tmp_path: Path) -> None:
        """Both go on, nobody else touches the log meanwhile, and then it is finished."""
        told = (
            "import sys; from pathlib import Path\n"
            "from tests.drive.test_scribe import gated; from tests.support.repo import Repo\n"
            f"gated(Repo(Path({str(repo.folder)!r}), 1), sys.argv[1])\n"
        )
        command = f"echo {TOKEN}; read x <{go}; echo late {TOKEN}"
        child = alongside((sys.executable, "-c", told, command), tmp_path / "out")
        log = log_of(repo)
        eventually(lambda: MARK in said(log))
        child.send_signal(signal.SIGKILL)
        child.wait()
        settle_left(log.parent)
        assert not is_finished(log)
        go.write_text("\n")
        eventually(lambda: is_finished(log))
        assert said(log) == f"{MARK}\nlate {MARK}\n"

    def test_a_gate_whose_scribe_was_killed_has_no_verdict(
        self, repo: Repo, go: Path, beside: Callable[..., Future[GateFinished]]
    ) -> None:
        """It fails of a pipe that nobody reads, which says nothing of the code. The log says why."""
        running = beside(repo, f"trap '' PIPE; echo {TOKEN}; read x <{go}; echo {TOKEN} || exit 1; exit 1")
        log = log_of(repo)
        eventually(lambda: MARK in said(log))
        (scribe,) = scribes(log)
        os.kill(scribe, signal.SIGKILL)
        eventually(lambda: not scribes(log))
        go.write_text("\n")
        finished = running.result()
        assert (finished.verdict, finished.status) == ("infra", 1)
        told = "batty: what writes this log ended with -9, so it is not known what the gate said"
        assert said(log) == f"{MARK}\n\n{told}\n"
        assert is_finished(log)
        assert gated(repo, "exit 1").verdict == "fail"

    @pytest.mark.parametrize("still", ["signal.pause()", "[os.write(1, b'x' * 4096) for _ in iter(int, 1)]"])
    def test_a_daemon_that_holds_the_pipe_holds_up_nobody(self, repo: Repo, tmp_path: Path, still: str) -> None:
        """One that left for a session of its own, and says nothing, or goes on saying something."""
        pid = tmp_path / "pid"
        code = f"import os, signal; os.setsid(); open('{pid}', 'w').write(str(os.getpid()) + '.'); {still}"
        daemon = f'{sys.executable} -c "{code}" & until grep -qs [.] {pid}; do :; done'
        finished = gated(repo, f"echo one; {daemon}; echo two")
        try:
            assert finished.verdict == "pass"
            assert said(Path(finished.log)).startswith("one\n")
            assert is_finished(Path(finished.log))
            assert not scribes(Path(finished.log))
        finally:
            # the one that writes may have ended, since nobody reads it any more
            with suppress(ProcessLookupError):
                os.kill(int(pid.read_text().rstrip(".")), signal.SIGKILL)

    def test_setup_gate_and_batty_are_in_the_order_in_which_they_spoke(self, repo: Repo) -> None:
        """Batty's own words begin a row."""
        move = "git -c user.name=x -c user.email=x commit -q --allow-empty -m moved"
        finished = gated(repo, f"echo gate; {move}; printf 'no end'", setup="echo setup; echo errors >&2")
        told = "batty: the gate moved HEAD, so it is not known what it tested"
        assert said(Path(finished.log)) == f"setup\nerrors\ngate\nno end\n{told}\n"
        assert finished.verdict == "infra"
        finished = gated(repo, "true", setup="echo setup; exit 3")
        assert said(Path(finished.log)) == "setup\nbatty: gate.setup ended with 3\n"

    def test_what_a_gates_environment_says_is_not_said_to_the_scribe(self, repo: Repo, tmp_path: Path) -> None:
        """It comes from a branch's own tools, and might be anything."""
        hostile = {"PYTHONHOME": "/nowhere", "PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
        (tmp_path / "sitecustomize.py").write_text("raise SystemExit(9)")
        finished = gated(repo, f"echo $PYTHONHOME {TOKEN}", **hostile)
        assert finished.verdict == "pass"
        assert said(Path(finished.log)).endswith(f"/nowhere {MARK}\n")

    def test_without_a_scribe_no_gate_is_run(self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It would have nobody to speak to. Nothing is left open."""
        before = len(list(Path("/dev/fd").iterdir()))
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(BattyError, match="gone"):
            gated(repo, f"touch {tmp_path}/ran")
        assert not (tmp_path / "ran").exists()
        assert len(list(Path("/dev/fd").iterdir())) == before

    def test_a_burst_is_whole(self, repo: Repo, tmp_path: Path) -> None:
        """More than pipe and block hold: the gate waits for its scribe, and nothing is lost."""
        row = "compiling something of no interest\n"
        (tmp_path / "burst").write_text((row * 20_000 + f"{TOKEN}\n") * 4)
        finished = gated(repo, f"cat {tmp_path}/burst")
        assert said(Path(finished.log)) == (row * 20_000 + f"{MARK}\n") * 4


class TestWord:
    """What a lander tells its scribe."""

    def hears(self, file: Path, source: int, word: bytes) -> bytes:
        written = Written(file)
        told, tell = os.pipe()
        os.write(tell, word)
        os.close(tell)
        listen(source, told, written.pad)
        os.close(told)
        return written.ends()

    def test_what_lay_in_the_pipe_comes_before_it(self, file: Path) -> None:
        """Though somebody holds the pipe open."""
        source, said = os.pipe()
        os.write(said, b"one\ntwo")
        assert self.hears(file, source, b"\nbatty: three\n") == b"one\ntwo\nbatty: three\n"
        os.write(said, b"one\ntwo")
        assert self.hears(file, source, b"\n\n") == b"one\ntwo"
        os.close(said)
        assert self.hears(file, source, b"") == b""
        os.close(source)

    def test_who_goes_on_after_it_is_not_heard_to_the_end(self, file: Path) -> None:
        """There may be none: more than a pipe holds was not said before the word."""
        source = os.open("/dev/zero", os.O_RDONLY)
        found = self.hears(file, source, b"\nbatty: enough\n")
        os.close(source)
        assert found.endswith(b"\0\nbatty: enough\n")
        assert len(found) < 2 << 20


# --- the pad


class Written:
    """A pad and the file that it writes to."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        self.pad = Pad(self.descriptor, questions=0)

    def hears(self, data: bytes) -> bytes:
        self.pad.hear(data)
        self.pad.write()
        return self.file.read_bytes()

    def ends(self) -> bytes:
        self.pad.end()
        os.close(self.descriptor)
        return self.file.read_bytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pad") / "log"


IN_ROWS = [secret for secret in secrets(7) if "\n" not in secret.value or "BEGIN" in secret.before + secret.value]
cuts = st.lists(st.integers(1, 120), max_size=30)


def pieces(data: bytes, lengths: list[int]) -> Iterator[bytes]:
    for length in lengths:
        yield data[:length]
        data = data[length:]
    yield data


@pytest.mark.parametrize("secret", IN_ROWS, ids=lambda secret: secret.name)
def test_a_secret_that_comes_row_by_row_is_told_by_the_rows_above_it(file: Path, secret: Secret) -> None:
    """They are on the disk by then, and kept in memory for that."""
    written = Written(file)
    for row in f"before\n{secret.text}\n".splitlines(keepends=True):
        written.hears(row.encode())
    found = written.ends().decode()
    assert not [row for row in secret.value.split("\n") if "-----" not in row and row in found]


@given(st.sampled_from(IN_ROWS), cuts)
def test_however_a_secret_comes_in_pieces_no_part_of_it_is_ever_written(
    file: Path, secret: Secret, lengths: list[int]
) -> None:
    """What is written in the end is what it would be at once."""
    text = f"before\n{secret.text}\nafter\n"
    written, at_once = Written(file), Written(file.with_name("at once"))
    seen = [written.hears(piece) for piece in pieces(text.encode(), lengths)]
    rows = [row for row in secret.value.split("\n") if "-----" not in row]
    assert not [row for row in rows for found in seen if row.encode() in found]
    at_once.pad.hear(text.encode())
    assert written.ends() == at_once.ends()


@given(st.lists(st.sampled_from([b"a word ", b"\n", b"\r\n", b"\xff\xfe", b"\x00", "ž😀".encode(), b"x" * 99])), cuts)
def test_what_is_no_secret_is_written_byte_for_byte(file: Path, parts: list[bytes], lengths: list[int]) -> None:
    """Also where a letter of many bytes comes in two pieces, and what is no text at all."""
    data, written = b"".join(parts), Written(file)
    for piece in pieces(data, lengths):
        written.hears(piece)
    assert written.ends() == data


def test_rows_are_written_when_they_have_ended(file: Path) -> None:
    """A progress bar goes back to the beginning of its row instead."""
    written = Written(file)
    assert written.hears(b"one\ntw") == b"one\n"
    assert written.hears(b"o\n10 %\r20 %") == b"one\ntwo\n10 %\r"
    assert written.ends() == b"one\ntwo\n10 %\r20 %"


def test_a_row_without_an_end_is_written_in_pieces_between_words(file: Path) -> None:
    """Of which none holds half of a word."""
    written, row = Written(file), f"word {TOKEN} ".encode() * 60_000
    assert len(row) > 2 << 20
    for start in range(0, len(row), 1 << 16):
        found = written.hears(row[start : start + (1 << 16)])
    assert len(found) > 1 << 20
    assert written.ends() == f"word {MARK} ".encode() * 60_000


def test_no_piece_of_a_row_ends_in_the_first_words_of_a_key(file: Path) -> None:
    """Of which neither piece would tell that it is one."""
    written, key = Written(file), KEY.replace("\n", "\\n").encode()
    row = b"word " * 300_000
    assert written.hears(row + key[:20]) == row
    found = written.hears(key[20:] + b"\n") + written.ends()
    assert b"word -----BEGIN RSA PRIVATE KEY-----" in found
    assert not [part for part in KEY_ROWS if part.encode() in found]


def test_a_first_row_of_a_key_holds_up_a_log_for_so_long_only(file: Path) -> None:
    """It may stand in a text that is no key; of a key that is cut nothing is written when that is known."""
    written = Written(file)
    begin = KEY.split("\n")[0]
    assert written.hears(f"a key:\n{begin}\nis how it begins\n".encode()) == b"a key:\n"
    assert written.hears(b"something else\n" * 2000).endswith(b"something else\n")
    written = Written(file)
    written.hears("\n".join([begin, *KEY_ROWS]).encode())
    assert written.ends() == f"{begin}\n[redacted:private-key]".encode()


def test_a_log_that_takes_nothing_says_what_is_missing_once_it_can(file: Path) -> None:
    """As on a disk that was full for a while. Whoever speaks hears nothing of it."""
    written = Written(file)
    written.hears(b"one\n")
    room = os.dup(written.descriptor)
    source, nobody = os.pipe()
    os.close(source)
    os.dup2(nobody, written.descriptor)
    assert written.hears(b"lost\n" * 3) == b"one\n"
    os.dup2(room, written.descriptor)
    assert b"batty: 15 bytes are missing here" in written.hears(b"two\n")
    assert written.ends().endswith(b"\ntwo\n")
    for descriptor in (room, nobody):
        os.close(descriptor)
