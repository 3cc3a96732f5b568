"""A standing connection to a real tmux server: it is not noticed, not misled, and not missed when it is gone."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.host.control import Control
from batty_tmux.host.quoting import line
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import SessionId
from tests.support.server import PrivateServer, eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    private = PrivateServer(tmp_path)
    yield private
    private.kill()


@pytest.fixture
def terminal(server: PrivateServer) -> Iterator[Terminal]:
    plain = server.terminal
    connected = plain.connected(plain.sessions()[0].session)
    yield connected
    control_of(connected).close()


def control_of(terminal: Terminal) -> Control:
    assert terminal.control is not None
    return terminal.control


def client_pid(terminal: Terminal) -> int:
    told = terminal.run("list-clients", "-F", "#{client_control_mode} #{client_pid}").stdout.split()
    assert told[0] == "1"
    return int(told[1])


def test_one_connection_serves_all_commands(terminal: Terminal) -> None:
    """No process is started for a command; texts of several lines and errors come back whole."""
    first = client_pid(terminal)
    said = terminal.run("display-message", "-p", "a b;")
    assert (said.ok, said.stdout) == (True, "a b;\n")
    wrong = terminal.run("capture-pane", "-p", "-t", "%99")
    assert (wrong.status, wrong.stdout) == (1, "")
    assert "%99" in wrong.stderr
    assert client_pid(terminal) == first


def test_a_line_that_fails_does_not_stop_the_rest(terminal: Terminal) -> None:
    """As in a file that tmux sources: what follows is done, and the whole counts as failed."""
    session = terminal.sessions()[0].session
    lines = [line("kill-pane", "-t", "%99"), line("set-option", "-t", session, "@x", "done;\nand more")]
    assert not terminal.source(lines).ok
    assert terminal.run("show-options", "-v", "-t", session, "@x").stdout == "done;\nand more\n"


def test_nobody_is_disturbed(server: PrivateServer, terminal: Terminal) -> None:
    """Neither the window's size nor the session's environment is that of the connection."""
    session = terminal.sessions()[0].session
    server.terminal.run("set-environment", "-t", session, "SSH_AUTH_SOCK", "/kept")
    size = ("display-message", "-p", "-t", session, "#{window_width}x#{window_height}")
    before = server.terminal.run(*size).stdout
    assert terminal.alive()
    assert server.terminal.run(*size).stdout == before
    assert server.terminal.run("show-environment", "-t", session, "SSH_AUTH_SOCK").stdout == "SSH_AUTH_SOCK=/kept\n"


@pytest.mark.parametrize("rows", ["%end 1 1 1", "%begin 1 1 1\n%end 1 1 1", "%exit", "%error 1 1 1", "%"])
def test_a_screen_cannot_forge_an_answer(server: PrivateServer, terminal: Terminal, rows: str) -> None:
    """What an agent prints stays text, whatever it looks like, and the next answer is the next command's."""
    pane = terminal.panes()[0].pane
    server.terminal.respawn(pane, ("sh", "-c", 'printf "%s\\n--\\n" "$1"; exec cat', "sh", rows), Path("/"), {})
    eventually(lambda: "--" in (server.terminal.capture(pane) or ""), "the rows on the screen")
    assert (terminal.capture(pane) or "").startswith(f"{rows}\n--\n")
    assert terminal.run("display-message", "-p", "mine").stdout == "mine\n"


def test_a_killed_connection_is_not_missed(terminal: Terminal) -> None:
    """The next command goes another way; nothing is lost and nothing is done twice."""
    session = terminal.sessions()[0].session
    client = client_pid(terminal)
    os.kill(client, signal.SIGKILL)
    # until it has ended it may still take a command, of which nobody knows then whether the server saw it
    os.waitid(os.P_PID, client, os.WEXITED | os.WNOWAIT)
    terminal.run("set-option", "-a", "-t", session, "@count", "x")
    terminal.run("set-option", "-a", "-t", session, "@count", "x")
    assert terminal.run("show-options", "-v", "-t", session, "@count").stdout == "xx\n"


def test_a_detached_connection_is_not_missed(server: PrivateServer, terminal: Terminal) -> None:
    """`attach -d` throws every other client out; the commands go on."""
    assert terminal.alive()
    server.terminal.run("detach-client", "-s", terminal.sessions()[0].session)
    assert terminal.run("display-message", "-p", "still").stdout == "still\n"


def test_a_server_that_does_not_answer_is_given_up(server: PrivateServer, terminal: Terminal) -> None:
    """After the time-out the command counts as unanswered, and is not sent again: it may have been obeyed."""
    identity = terminal.identity()
    assert identity is not None
    pid = int(identity.rsplit(",", 2)[1])
    os.kill(pid, signal.SIGSTOP)
    try:
        said = terminal.run("set-option", "-g", "-a", "@late", "x", timeout=0.3)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert said.status is None
    assert terminal.run("display-message", "-p", "again").stdout == "again\n"
    assert server.terminal.run("show-options", "-g", "-v", "@late").stdout in {"", "x\n"}


def test_without_a_session_every_command_is_a_process(server: PrivateServer) -> None:
    """A session that is gone, or a server that is not there, is no error of the connection's."""
    lost = server.terminal.connected(SessionId("$99"))
    assert lost.run("display-message", "-p", "here").stdout == "here\n"
    server.kill()
    assert lost.identity() is None
