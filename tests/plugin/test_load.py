"""Loading the plugin: quick, repeatable, and nothing of the user's is lost."""

import shutil
from pathlib import Path

import pytest

from tests.plugin.conftest import ask, load, unload
from tests.support.attached import Attached
from tests.support.server import PrivateServer

OURS = (
    "run-shell \"#{q:@batty_menu} #{q:client_name} '#{pane_id}' '#{session_id}' file menu\""
    ' \\; source-file -Fq "#{@batty_menus}/#{client_pid}"'
)
CLICK = ("list-keys", "-T", "root", "MouseDown1StatusRight")


def everything(server: PrivateServer) -> tuple[str, ...]:
    """All that a plugin could have changed in a server."""
    return tuple(
        ask(server, *words)
        for words in (
            ("list-keys",),
            ("list-keys", "-N", "-T", "prefix"),
            ("show-options", "-g"),
            ("show-options", "-gw"),
            ("show-options", "-s"),
            ("show-hooks", "-g"),
            ("show-environment", "-g"),
        )
    )


def test_prefix_and_b_is_bound_with_a_note(server: PrivateServer) -> None:
    """The default key is B, and `prefix ?` says what it does."""
    load(server)
    assert ask(server, "list-keys", "-T", "prefix", "B").endswith(OURS)
    assert ask(server, "list-keys", "-N", "-T", "prefix", "B") == "B batty: menu"


@pytest.mark.parametrize("key", ["M-b", ";", "'", '"', "-", "C-Space"])
def test_the_key_is_the_users_to_choose(server: PrivateServer, key: str) -> None:
    """@batty-key may be any key that tmux knows; B is then left alone."""
    server.terminal.run("set-option", "-g", "@batty-key", key).check()
    load(server)
    bound = [line for line in ask(server, "list-keys", "-T", "prefix").splitlines() if line.endswith(OURS)]
    assert len(bound) == 1
    assert ask(server, "list-keys", "-T", "prefix", "B") == ""
    unload(server)
    assert OURS not in ask(server, "list-keys")


def test_none_binds_nothing_but_offers_the_menu_to_other_bindings(server: PrivateServer) -> None:
    """@batty-key none: no key, yet @batty_menu names the script that a binding of one's own can run."""
    before = ask(server, "list-keys")
    for option in ("@batty-key", "@batty-key-pause", "@batty-key-unpause", "@batty-mouse"):
        server.terminal.run("set-option", "-g", option, "none").check()
    load(server)
    assert ask(server, "list-keys") == before
    assert ask(server, "show-options", "-gv", "@batty_menu").endswith("tmux/scripts/menu.sh")


def test_a_second_and_third_load_change_nothing(server: PrivateServer) -> None:
    """The plugin manager loads again at each reload and update."""
    server.terminal.run("set-option", "-g", "status-right", "a #{batty_status} b").check()
    server.terminal.run("set-hook", "-g", "pane-died", "display-message mine").check()
    load(server)
    once = everything(server)
    load(server)
    load(server)
    assert everything(server) == once


def test_unload_leaves_the_server_as_it_was(server: PrivateServer) -> None:
    """The user's own binding of the key with its note, and status lines that end in ;, come back exactly."""
    tmux = server.terminal
    hostile = 'it\'s #{x} ~ "$HOME" ;'
    tmux.run("bind-key", "-r", "-N", "my 'own' note", "B", "display-message", hostile).check()
    tmux.run("set-option", "-g", "status-right", "#{batty_status} │ Grüße 🦇 #(true) %H;").check()
    tmux.run("set-option", "-g", "status-left", "two\nlines #{batty_status}#{batty_status}").check()
    tmux.run("set-option", "-g", "window-status-format", "#W#{batty_window}").check()
    before = everything(server)
    load(server)
    assert ask(server, "show-options", "-gv", "status-right") == "#{E:@batty_segment} │ Grüße 🦇 #(true) %H;"
    assert ask(server, "show-options", "-gwv", "window-status-format") == "#W#{E:@batty_window}"
    assert ask(server, "show-options", "-gv", "status-left") == "two\nlines #{E:@batty_segment}#{E:@batty_segment}"
    load(server)
    unload(server)
    assert everything(server) == before


def test_unload_keeps_what_the_user_changed_after_loading(server: PrivateServer) -> None:
    """A key that was bound to something else since, and a status line written since, stay."""
    load(server)
    server.terminal.run("bind-key", "B", "display-message", "newer").check()
    server.terminal.run("set-option", "-g", "status-right", "newer").check()
    unload(server)
    assert ask(server, "list-keys", "-T", "prefix", "B").endswith("display-message newer")
    assert ask(server, "show-options", "-gv", "status-right") == "newer"


def test_a_click_on_the_status_line_opens_the_menu_where_it_did_nothing(server: PrivateServer) -> None:
    """What the user has bound there stays, and so does what they bind later."""
    load(server)
    assert ask(server, *CLICK).endswith(OURS)
    server.terminal.run("set-option", "-g", "@batty-mouse", "off").check()
    load(server)
    assert ask(server, *CLICK) == ""
    server.terminal.run("set-option", "-g", "@batty-mouse", "on").check()
    server.terminal.run("bind-key", "-n", CLICK[-1], "display-message", "mine").check()
    mine = ask(server, *CLICK)
    load(server)
    assert ask(server, *CLICK) == mine
    unload(server)
    assert ask(server, *CLICK) == mine


def test_every_entry_of_the_menu_can_have_a_key_of_its_own(server: PrivateServer) -> None:
    """Free until the user says so; reloading and unloading treat each as they do the menu's."""
    before = everything(server)
    kinds = "answer review dashboard launch go resume queue status plan report stop log doctor".split()
    for number, kind in enumerate(kinds, 1):
        server.terminal.run("set-option", "-g", f"@batty-key-{kind}", f"F{number - 1}" if number > 1 else "M-a").check()
    chosen = everything(server)
    load(server)
    once = everything(server)
    load(server)
    assert everything(server) == once
    notes = ask(server, "list-keys", "-N", "-T", "prefix")
    assert all(f"batty: {kind}" in notes for kind in kinds)
    unload(server)
    assert everything(server) == chosen != before


def test_another_key_gives_the_first_one_back(server: PrivateServer) -> None:
    """Changing @batty-key and loading again leaves no second binding behind."""
    server.terminal.run("bind-key", "B", "display-message", "mine").check()
    load(server)
    server.terminal.run("set-option", "-g", "@batty-key", "M-b").check()
    load(server)
    assert ask(server, "list-keys", "-T", "prefix", "B").endswith("display-message mine")
    assert ask(server, "list-keys", "-T", "prefix", "M-b").endswith(OURS)


def test_status_off_gives_the_status_line_back(server: PrivateServer) -> None:
    """@batty-status off, then a load: the placeholder is as the user wrote it."""
    server.terminal.run("set-option", "-g", "status-right", "a #{batty_status}").check()
    load(server)
    server.terminal.run("set-option", "-g", "@batty-status", "off").check()
    load(server)
    assert ask(server, "show-options", "-gv", "status-right") == "a #{batty_status}"


def test_loading_starts_no_python_and_few_tmux(server: PrivateServer, tmp_path: Path) -> None:
    """tmux waits for a plugin when it starts: three calls of tmux, and never an interpreter."""
    shims = tmp_path / "shims"
    shims.mkdir()
    real = shutil.which("tmux")
    _script(shims / "tmux", f'echo tmux >>"{tmp_path}/started"\nexec {real} "$@"')
    for name in ("python", "python3", "python3.11", "python3.12", "python3.13", "uv", "pip"):
        _script(shims / name, f'echo {name} >>"{tmp_path}/started"\nexit 1')
    load(server, env={"PATH": f"{shims}:{server.env['PATH']}"})
    assert (tmp_path / "started").read_text().split() == ["tmux"] * 3


def test_an_older_tmux_is_told_and_left_alone(server: PrivateServer, tmp_path: Path) -> None:
    """Below 3.2 there are no popups: a message says so, and no key is bound."""
    shims = tmp_path / "shims"
    shims.mkdir()
    real = shutil.which("tmux")
    version = ask(server, "display-message", "-p", "#{version}")
    body = f'printf "%s\\n" "$*" >>"{tmp_path}/said"\n{real} "$@" | sed "s/^{version}$/3.1c/"'
    _script(shims / "tmux", body)
    before = everything(server)
    load(server, env={"PATH": f"{shims}:{server.env['PATH']}"})
    assert everything(server) == before
    assert "batty needs tmux 3.2 or newer, and this server is 3.1c" in (tmp_path / "said").read_text()


def test_a_key_that_is_none_is_said(server: PrivateServer, person: Attached) -> None:
    """A misspelt @batty-key does not pass in silence, and binds nothing."""
    server.terminal.run("set-option", "-g", "@batty-key", "no such key").check()
    load(server)
    person.expect("@batty-key names no key that tmux knows")
    assert OURS not in ask(server, "list-keys", "-T", "prefix")


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
