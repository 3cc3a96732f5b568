"""Every test starts as nobody: no tmux, no repository, no agent and no settings of the developer's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.host.process import run

MISLEADING = ("TMUX", "GIT_", "CLAUDE", "BATTY_", "XDG_")
TOOLS = ("BATTY_TEST_", "BATTY_KANBAN_MD", "BATTY_HOME")
"""Where the tests' own tools are, as bin/test says it."""

IDENTITY = "[user]\n\tname = Someone\n\temail = someone@example.com\n"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A HOME with an identity for git and nothing else, and a place for tmux sockets that holds none.

    A server that batty started there, since a command goes on with whatever run it finds, ends with the test.
    """
    for name in [name for name in os.environ if name.startswith(MISLEADING) and not name.startswith(TOOLS)]:
        monkeypatch.delenv(name)
    # not below tmp_path: a socket's path may have 107 bytes, and a test's own folder is often longer
    own: Path = tmp_path_factory.mktemp("n")
    home, sockets = own / "home", own / "tmux"
    home.mkdir()
    sockets.mkdir(mode=0o700)
    (home / ".gitconfig").write_text(IDENTITY)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMUX_TMPDIR", str(sockets))
    yield
    for socket in sockets.glob("tmux-*/*"):
        run(("tmux", "-S", str(socket), "kill-server"))
