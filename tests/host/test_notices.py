"""What leaves tmux: to a real client's terminal, to a pane's bell, to a program in notify-send's place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.host import notices
from batty_tmux.host.notices import Screen, notify_screen, notify_send, ring, screens, sequence
from batty_tmux.names import PaneId
from tests.support.attached import Attached
from tests.support.hostile import TITLES
from tests.support.server import PrivateServer, eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    made = PrivateServer(tmp_path)
    yield made
    made.kill()


@pytest.mark.parametrize("text", [*TITLES, "\a\033]52;c;eA==\a", "\033\\\x9c", "9;4;1;50", "é;"])
@pytest.mark.parametrize("name", ["xterm-256color", "foot(1.16.2)"])
def test_a_sequence_is_one_sequence_whatever_the_text_is(name: str, text: str) -> None:
    """It begins once and ends once; between the two is printable ASCII without a separator of fields, bounded."""
    told = sequence(name, text)
    head = b"\033]777;notify;batty;" if name.startswith("foot") else b"\033]9;"
    assert told.startswith(head)
    assert told.endswith(b"\a")
    inside = told[len(head) : -1]
    assert all(32 <= byte < 127 and byte != ord(";") for byte in inside)
    assert len(inside) <= 160


def test_a_clients_terminal_gets_it_though_the_pane_that_waits_is_not_seen(server: PrivateServer) -> None:
    """What tmux's passthrough would not do. A control client is no person: its terminal is left out."""
    with (
        Attached(server.socket, server.env) as person,
        Attached(server.socket, server.env, control=True) as program,
    ):
        person.expect("[user]")
        program.expect(lambda: b"%session-changed" in program.raw)
        (screen,) = screens(server.terminal)
        assert screen.name == "xterm-256color"
        assert notify_screen(screen, "batty: phase-1 of shop is asking")
        person.expect(lambda: b"\033]9;batty: phase-1 of shop is asking\a" in person.raw)
        assert "phase-1" not in person.text
    eventually(lambda: not screens(server.terminal), "the client to be gone")


@pytest.mark.parametrize("name", ["linux", "dumb", "vt100"])
def test_a_terminal_that_might_show_it_as_text_is_left_alone(tmp_path: Path, name: str) -> None:
    """False, so that it can be said that it was not told."""
    assert not notify_screen(Screen(str(tmp_path / "tty"), name), "text")


def test_what_is_no_terminal_any_more_is_no_error(tmp_path: Path) -> None:
    """Gone, a file, or not ours to write: nothing is raised, nothing is written."""
    file = tmp_path / "file"
    file.write_text("kept")
    assert not notify_screen(Screen(str(file), "xterm"), "text")
    assert not notify_screen(Screen(str(tmp_path / "gone"), "xterm"), "text")
    assert file.read_text() == "kept"


def test_a_bell_is_that_of_the_pane(server: PrivateServer) -> None:
    """tmux flags the window that it is in, as it does for any program's bell."""
    pane = server.terminal.run("new-window", "-d", "-P", "-F", "#{pane_id}", "exec cat").check().stdout.strip()
    assert server.show(pane, "#{window_bell_flag}") == "0"
    assert ring(server.terminal, PaneId(pane))
    eventually(lambda: server.show(pane, "#{window_bell_flag}") == "1", "the flag")
    assert server.show(server.pane, "#{window_bell_flag}") == "0"


def test_a_pane_that_is_gone_is_not_mistaken_for_another(server: PrivateServer) -> None:
    """tmux answers for one that never was; the one that is there keeps silent."""
    assert not ring(server.terminal, PaneId("%4242"))


def program(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in the place of notify-send; its words are written down beside it."""
    file = folder / "notify-send"
    file.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{folder}/words\n{body}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_notify_send_gets_the_text_as_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell reads it."""
    program(tmp_path, "", monkeypatch)
    assert notify_send("a $(touch pwned) b") == ""
    assert (tmp_path / "words").read_text().splitlines() == ["--app-name=batty", "batty", "a $(touch pwned) b"]


def test_a_notify_send_that_fails_hangs_or_is_not_there_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is raised, and nobody waits for a desktop that does not answer."""
    monkeypatch.setattr(notices, "_TIMEOUT", 0.2)
    program(tmp_path, "exit 3", monkeypatch)
    assert notify_send("x") == "notify-send ended with status 3"
    program(tmp_path, "exec cat /dev/zero >/dev/null", monkeypatch)
    assert notify_send("x") == "notify-send did not end within 0.2 seconds"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert notify_send("x") == "notify-send is not installed"
