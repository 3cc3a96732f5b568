"""prefix + P and prefix + R: they act on the window they are pressed in, and are the user's own everywhere else."""

from pathlib import Path

import pytest

from tests.plugin.conftest import Recorder, ask, load, unload
from tests.plugin.test_load import everything
from tests.support.attached import PREFIX, Attached
from tests.support.server import PrivateServer

KEYS = (("P", "pause"), ("R", "unpause"))


@pytest.fixture
def panes(server: PrivateServer, tmp_path: Path) -> Path:
    """A batty that writes down for which pane it was called, and the window in front is a phase's."""
    record = tmp_path / "panes"
    program = tmp_path / "batty program"
    program.write_text(f"#!/bin/sh\nprintf '%s %s\\n' \"$TMUX_PANE\" \"$*\" >>'{record}'\n")
    program.chmod(0o755)
    server.terminal.run("set-option", "-g", "@batty-command", str(program)).check()
    server.terminal.run("new-window", "-n", "phase", "exec cat").check()
    server.terminal.run("set-option", "-w", "@batty_phase", "phase-1").check()
    return record


def in_front(server: PrivateServer) -> str:
    return ask(server, "display-message", "-p", "-t", "user:", "#{pane_id}")


@pytest.mark.parametrize(("key", "word"), KEYS)
def test_in_a_phases_window_a_key_is_for_that_phase(
    server: PrivateServer, panes: Path, person: Attached, key: str, word: str
) -> None:
    """batty is called for the pane that is in front, which tells window and repository, and the outcome is said."""
    load(server)
    person.press(PREFIX + key)
    person.expect("supervision of this phase " + {"pause": "is paused", "unpause": "goes on"}[word])
    assert panes.read_text() == f"{in_front(server)} {word}\n"


@pytest.mark.parametrize(("key", "word"), KEYS)
def test_elsewhere_a_key_does_what_it_did(
    server: PrivateServer, panes: Path, person: Attached, key: str, word: str
) -> None:
    """Several commands, quotes, blocks and all; in the phase's window it is batty's."""
    bind(
        server,
        key,
        "display-message \"it's; $x\" \\; set-option -g @a '1 \\\\; 2' \\; if-shell true "
        "{ set-option -g @b done ; set-option -g @c 'a ; b' }",
    )
    load(server)
    server.terminal.run("select-window", "-t", "user:0").check()
    person.press(PREFIX + key)
    person.expect(lambda: ask(server, "show-options", "-gqv", "@c") == "a ; b")
    assert [ask(server, "show-options", "-gqv", name) for name in ("@a", "@b")] == ["1 \\\\; 2", "done"]
    assert not panes.exists()
    server.terminal.run("select-window", "-t", "user:1").check()
    person.press(PREFIX + key)
    person.expect(panes.exists)


def bind(server: PrivateServer, key: str, commands: str) -> None:
    """Bind a key as a line of tmux.conf does."""
    server.terminal.run("source-file", "-", stdin=f"bind-key -N 'my note' {key} {commands}\n").check()


def test_a_free_key_does_nothing_elsewhere(server: PrivateServer, panes: Path, person: Attached) -> None:
    """As before: nothing is called, nothing is shown, and the keys after it reach the pane."""
    load(server)
    server.terminal.run("select-window", "-t", "user:0").check()
    person.press(PREFIX + "P")
    person.press("typed")
    person.expect("typed")
    assert not panes.exists()


def test_the_keys_are_the_users_to_choose(server: PrivateServer, panes: Path, person: Attached) -> None:
    """Another key, or none; what is not chosen is left as it was."""
    before = [ask(server, "list-keys", "-T", "prefix", key) for key in "PR"]
    server.terminal.run("set-option", "-g", "@batty-key-pause", "M-p").check()
    server.terminal.run("set-option", "-g", "@batty-key-unpause", "none").check()
    load(server)
    assert [ask(server, "list-keys", "-T", "prefix", key) for key in "PR"] == before
    person.press(PREFIX + "\033p")
    person.expect("supervision of this phase is paused")


@pytest.mark.parametrize(
    "earlier",
    [
        "display-message mine",
        "display-message \"a # 'b' \\\\ c\" \\; display-message '{x}'",
        "run-shell -b 'true; #{q:pane_id}' \\; send-keys '; a' Enter",
        "if-shell -F '#{pane_in_mode}' { send-keys a ; send-keys b } { send-keys 'c ; d' }",
    ],
)
def test_unload_gives_both_keys_back_as_they_were(server: PrivateServer, earlier: str) -> None:
    """After any number of loads, byte for byte, with the note."""
    for key, _ in KEYS:
        bind(server, key, earlier)
    before = everything(server)
    load(server)
    once = everything(server)
    load(server)
    assert everything(server) == once != before
    unload(server)
    assert everything(server) == before


def test_a_key_that_repeats_still_does(server: PrivateServer) -> None:
    """What it does elsewhere is pressed many times in a row."""
    server.terminal.run("bind-key", "-r", "P", "resize-pane", "-U").check()
    load(server)
    assert ask(server, "list-keys", "-T", "prefix", "P").startswith("bind-key -r ")


def test_a_binding_made_since_is_kept_at_the_next_load(server: PrivateServer, panes: Path, person: Attached) -> None:
    """A reload of tmux.conf binds the key anew, and the plugin after it: the newer one is what runs elsewhere."""
    bind(server, "P", "set-option -g @old yes")
    load(server)
    bind(server, "P", "set-option -g @new yes")
    load(server)
    server.terminal.run("select-window", "-t", "user:0").check()
    person.press(PREFIX + "P")
    person.expect(lambda: ask(server, "show-options", "-gqv", "@new") == "yes")
    assert ask(server, "show-options", "-gqv", "@old") == ""
    # and one that was taken away is not brought back
    server.terminal.run("unbind-key", "P").check()
    load(server)
    unload(server)
    assert ask(server, "list-keys", "-T", "prefix", "P") == ""


def test_one_key_that_is_none_costs_the_others_nothing(server: PrivateServer, person: Attached) -> None:
    """It is named, by its option."""
    server.terminal.run("set-option", "-g", "@batty-key-pause", "no such key").check()
    load(server)
    person.expect("@batty-key-pause names no key that tmux knows: pause is not bound")
    bound = ask(server, "list-keys", "-T", "prefix")
    assert bound.count("#{q:@batty_menu}") == 2
    unload(server)
    assert "@batty" not in ask(server, "list-keys") + ask(server, "show-options", "-g").replace("@batty-key-pause", "")


def test_two_uses_of_one_key_leave_it_to_the_menu(server: PrivateServer) -> None:
    """And unloading takes both out."""
    before = ask(server, "list-keys")
    server.terminal.run("set-option", "-g", "@batty-key", "P").check()
    load(server)
    load(server)
    assert ask(server, "list-keys", "-N", "-T", "prefix", "P") == "P batty: menu"
    unload(server)
    assert ask(server, "list-keys") == before


def test_a_refusal_is_said_and_nothing_of_it_is_obeyed(
    server: PrivateServer, panes: Path, tmp_path: Path, person: Attached
) -> None:
    """What batty says may quote a board: none of it goes into a message of tmux, which would expand it."""
    failing = tmp_path / "failing"
    failing.write_text(f"#!/bin/sh\necho '#(touch {tmp_path}/pwned)' >&2\nexit 1\n")
    failing.chmod(0o755)
    server.terminal.run("set-option", "-g", "@batty-command", str(failing)).check()
    load(server)
    person.press(PREFIX + "P")
    person.expect("the phase of this window stays as it is: batty pause tells why")
    assert not (tmp_path / "pwned").exists()


def test_the_menus_first_item_answers_in_a_popup(
    server: PrivateServer, recorder: Recorder, person: Attached, tmp_path: Path
) -> None:
    """`batty answer`, on top of what the user looks at; a command that went well closes it without a key."""
    server.terminal.run("new-window", "-c", str(tmp_path), "exec cat").check()
    server.terminal.run("set-option", "-w", "@batty_phase", "phase-1").check()
    server.terminal.run("set-option", "-w", "@batty_state", "asking").check()
    load(server)
    person.press(PREFIX + "B")
    person.expect("Answer... (1)")
    person.press("a")
    person.expect(lambda: recorder.calls)
    assert [call[1:] for call in recorder.calls] == [["answer"]]
    person.expect_gone("batty answer")
    assert ask(server, "display-message", "-p", "-t", "user:", "#{session_windows}") == "2"
