"""`batty unload`, the command."""

import json
import sys

from batty_tmux.host import process
from batty_tmux.host.process import Done
from tests.plugin.conftest import ask, load
from tests.support.server import PrivateServer

PROGRAM = "import sys; from batty_tmux.cli import main; sys.exit(main())"


def batty_unload(server: PrivateServer, *words: str) -> Done:
    """Run the command as a program that finds its server as a program in a pane does."""
    where = f"{server.socket},1,0"
    return process.run([sys.executable, "-c", PROGRAM, "unload", *words], env=server.env | {"TMUX": where})


def test_the_command_takes_the_plugin_out(server: PrivateServer) -> None:
    """The server is that of $TMUX; a second time finds nothing to do, which is no error."""
    before = ask(server, "list-keys"), ask(server, "show-options", "-g")
    load(server)
    assert "@batty_menu" in ask(server, "list-keys")
    assert batty_unload(server).stderr.startswith("✓ the plugin is out of this tmux server")
    assert (ask(server, "list-keys"), ask(server, "show-options", "-g")) == before
    assert json.loads(batty_unload(server, "--json").stdout) == {"unloaded": True}


def test_phases_at_work_are_not_touched(server: PrivateServer) -> None:
    """Their windows keep the options that supervision and the status line of others read."""
    server.terminal.run("set-option", "-w", "-t", server.pane, "@batty_phase", "phase-1").check()
    load(server)
    assert batty_unload(server).ok
    assert server.option(server.pane, "@batty_phase") == "phase-1"


def test_no_server_is_a_refusal_in_words(server: PrivateServer) -> None:
    """Where no tmux runs, the error says so and nothing pretends to be done."""
    server.terminal.run("kill-server")
    done = batty_unload(server)
    assert done.status == 1
    assert "could not be taken out" in done.stderr
    assert done.stdout == ""
