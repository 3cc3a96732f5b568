"""A person's keys in an executor's pane are noticed; their way to it, and keys elsewhere, are not taken for such."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.drive.hands import Hands
from batty_tmux.drive.hooks import mark_comings
from batty_tmux.host.terminal import CAME, Terminal
from batty_tmux.names import PaneId
from tests.support.attached import PREFIX, Attached
from tests.support.server import PrivateServer, eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    private = PrivateServer(tmp_path)
    yield private
    private.kill()


@pytest.fixture
def terminal(server: PrivateServer) -> Iterator[Terminal]:
    """The supervisor's connection is a client too, and no person."""
    connected = server.terminal.connected(server.session)
    assert connected.alive()
    yield connected
    if connected.control is not None:
        connected.control.close()


@pytest.fixture
def person(server: PrivateServer) -> Iterator[Attached]:
    with Attached(server.socket, server.env) as attached:
        attached.expect(lambda: any(not c.control for c in server.terminal.clients()))
        yield attached


def pane_of(terminal: Terminal, window: int = 0) -> PaneId:
    return terminal.panes()[window].pane


def a_second_passes(terminal: Terminal) -> None:
    """tmux tells when a key was pressed to the second: wait for another one on its own clock."""
    clock = ("display-message", "-p", "%s")
    begun = terminal.run(*clock).stdout
    eventually(lambda: terminal.run(*clock).stdout != begun, "the next second")


def test_a_key_is_noticed_once(terminal: Terminal, person: Attached) -> None:
    """At the next look, and not again at the one after it."""
    hands, pane = Hands(), pane_of(terminal)
    assert not hands.look(terminal, pane)
    assert hands.quiet() == float("inf")
    a_second_passes(terminal)
    person.press("y")
    person.expect("y")
    assert hands.look(terminal, pane)
    assert hands.quiet() < 60
    assert not hands.look(terminal, pane)


def test_what_batty_types_is_no_persons_key(terminal: Terminal, person: Attached) -> None:
    """Keys and pastes of its own, over the connection or by a process."""
    hands, pane = Hands(), pane_of(terminal)
    hands.look(terminal, pane)
    a_second_passes(terminal)
    terminal.type_line(pane, "typed for you")
    person.expect("typed for you")
    assert not hands.look(terminal, pane)


def test_coming_to_the_pane_is_no_key_for_it(server: PrivateServer, terminal: Terminal, person: Attached) -> None:
    """The key that leads there is for tmux; the next one counts."""
    server.terminal.run("new-window", "-d", "-t", f"{server.session}:", "exec cat")
    hands, pane = Hands(), pane_of(terminal, 1)
    assert not hands.look(terminal, pane)
    a_second_passes(terminal)
    person.press(f"{PREFIX}n")
    eventually(lambda: any(c.pane == pane for c in terminal.clients() if not c.control), "the other window")
    assert not hands.look(terminal, pane)
    a_second_passes(terminal)
    person.press("z")
    person.expect("z")
    assert hands.look(terminal, pane)


@pytest.fixture
def marked(server: PrivateServer) -> PaneId:
    """The pane of a phase's window, to which comings are noted; the person looks at another window."""
    mark_comings(server.terminal)
    server.terminal.run("new-window", "-d", "-t", f"{server.session}:", "exec cat")
    pane = pane_of(server.terminal, 1)
    server.terminal.run("set-option", "-w", "-t", pane, "@batty_phase", "phase-1")
    return pane


def test_the_first_key_after_coming_counts(terminal: Terminal, person: Attached, marked: PaneId) -> None:
    """Though nobody looked between the two: a supervisor looks every few seconds only."""
    hands = Hands()
    person.press(f"{PREFIX}n")
    eventually(lambda: any(c.pane == marked for c in terminal.clients()), "the other window")
    a_second_passes(terminal)
    person.press("z")
    person.expect("z")
    assert hands.look(terminal, marked)


def test_coming_alone_is_no_key(terminal: Terminal, person: Attached, marked: PaneId) -> None:
    """However late the first look comes."""
    hands = Hands()
    person.press(f"{PREFIX}n")
    eventually(lambda: any(c.pane == marked for c in terminal.clients()), "the other window")
    a_second_passes(terminal)
    assert not hands.look(terminal, marked)


def test_comings_are_noted_beside_hooks_of_the_users_own(server: PrivateServer, marked: PaneId) -> None:
    """Theirs run as before, and windows that are no phase's are left alone."""
    server.terminal.run("set-hook", "-g", "session-window-changed[0]", "set-option -g @mine yes")
    mark_comings(server.terminal)
    for target in (marked, pane_of(server.terminal), marked):
        server.terminal.run("select-window", "-t", target)
    assert server.terminal.run("show-options", "-gv", "@mine").stdout == "yes\n"
    noted = [server.terminal.run("show-options", "-wv", "-t", p.pane, CAME) for p in server.terminal.panes()]
    assert [done.stdout.strip().isdigit() for done in noted] == [False, True]


def test_keys_in_another_pane_are_not_for_this_one(server: PrivateServer, terminal: Terminal, person: Attached) -> None:
    """Whoever types in the orchestrator's pane does not type in the executor's."""
    server.terminal.run("split-window", "-d", "-t", pane_of(terminal), "exec cat")
    hands, other = Hands(), pane_of(terminal, 1)
    hands.look(terminal, other)
    a_second_passes(terminal)
    person.press("x")
    person.expect("x")
    assert not hands.look(terminal, other)
