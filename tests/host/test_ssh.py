"""Another host by a real ssh: words arrive as they are, answers are bounded, one connection serves all, none hangs."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.errors import BattyError
from batty_tmux.host import ssh
from batty_tmux.host.process import run
from batty_tmux.host.ssh import Line, Remote, Unreached
from tests.support.machines import Machine, Network
from tests.support.server import eventually

HOSTILE = ("a b", "it's", '"', "$(touch pwned)", "`x`", "-o", "#{x}", "*", "~", "\\", "é", "", "a;b", "a\nb")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with Network.of(tmp_path, "h1") as network:
        monkeypatch.setenv("PATH", f"{network.path}:{os.environ['PATH']}")
        yield network["h1"]


def test_every_word_arrives_as_it_is(host: Machine) -> None:
    """Rule: a shell stands between, and none of it is a command, an option or a pattern to it."""
    said = Remote("h1", "h1").ask(("printf", "<%s>", *HOSTILE)).out.decode()
    assert said == "".join(f"<{word}>" for word in HOSTILE)
    assert Remote("h1", "h1").ask(("cat",), "given\n").out == b"given\n"


def test_all_share_one_connection(host: Machine) -> None:
    remote = Remote("h1", "h1")
    firsts = {remote.ask(("sh", "-c", "echo $SSH_CONNECTION")).out for _ in range(3)}
    assert len(firsts) == 1
    folder = Path(
        next(word for word in remote.argv(("x",)) if word.startswith("ControlPath=")).partition("=")[2]
    ).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_of_somebody_elses_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Rule: who may write where the connections' sockets are could answer in the host's place."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp/btx")
    own = Path("/tmp/btx") / f"batty-ssh-{os.getuid()}"
    own.mkdir(parents=True)
    try:
        own.chmod(0o777)
        with pytest.raises(BattyError, match="is not yours alone"):
            Remote("h1", "h1").argv(("true",))
        own.chmod(0o700)
        assert str(own) in " ".join(Remote("h1", "h1").argv(("true",)))
    finally:
        own.rmdir()
        own.parent.rmdir()


def test_an_answer_without_an_end_is_cut(host: Machine) -> None:
    answer = Remote("h1", "h1").ask(("sh", "-c", "yes x | head -c 5000000"))
    assert answer.status == 0
    assert len(answer.out) <= ssh._MOST


def test_who_does_not_answer_in_time_is_not_there(host: Machine) -> None:
    with pytest.raises(Unreached, match="no answer within 1 s"):
        Remote("h1", "h1").ask(("sleep", "100"), timeout=1)
    host.die()
    with pytest.raises(Unreached, match="h1 does not answer"):
        Remote("h1", "h1").ask(("true",), timeout=20)


def test_what_is_missing_there_is_no_missing_host(host: Machine) -> None:
    remote = Remote("h1", "h1")
    answer = remote.ask(("no-such-program",))
    assert remote.lacks(answer)
    assert not remote.lacks(remote.ask(("false",)))


def test_a_line_is_spoken_both_ways_until_the_host_is_gone(host: Machine) -> None:
    line = Line(Remote("h1", "h1"), ("cat",))
    line.say("one")
    line.say('{"two": "é"}')
    heard: list[bytes] = []

    def hears() -> bool:
        heard.extend(line.lines())
        return len(heard) == 2

    eventually(hears, "both lines")
    assert heard == [b"one", '{"two": "é"}'.encode()]
    host.die()

    def gone() -> bool:
        try:
            list(line.lines())
        except Unreached:
            return True
        return False

    eventually(gone, "the end", 30)
    line.say("nobody hears this")
    assert line.close() == ""


def test_a_line_that_does_not_end_is_no_line(host: Machine) -> None:
    line = Line(Remote("h1", "h1"), ("sh", "-c", "yes x | tr -d '\\n' | head -c 3000000; sleep 100"))
    with pytest.raises(BattyError, match="says what batty does not say"):
        eventually(lambda: list(line.lines()), "a line", 30)
    line.close()


def test_git_takes_the_same_connection(host: Machine, tmp_path: Path) -> None:
    remote = Remote("h1", "h1")
    remote.ask(("git", "init", "-q", "--bare", str(host.home / "it's.git")))
    run(("git", "init", "-q", str(tmp_path / "here"))).check()
    words = ("git", "ls-remote", remote.url("~/it's.git"))
    assert run(words, cwd=tmp_path / "here", env=remote.environment()).ok
