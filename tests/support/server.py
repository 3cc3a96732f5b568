"""A tmux server of a test's own: own socket, own HOME, no configuration, gone when the test ends."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from batty_tmux.host import process
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId, SessionId

T = TypeVar("T")

DEADLINE = 20
"""Seconds until a thing that must happen counts as not happening, on a busy machine."""


def eventually(probe: Callable[[], T], what: str = "it", seconds: float = DEADLINE) -> T:
    """Return the first true answer; polls, because neither tmux nor the kernel tells these as events."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


class PrivateServer:
    """A tmux server with one session `user`, whose only window runs `cat`; `start=False` leaves it unstarted.

    `env` is the complete environment for programs that should find this server and nothing of the
    developer's: HOME and TMUX_TMPDIR are private, TMUX is not set.
    """

    def __init__(self, tmp_path: Path, *, start: bool = True, env: Mapping[str, str] | None = None) -> None:
        # a socket's path may have 107 bytes, and a test's own folder is often longer than that
        self.short = Path(tempfile.mkdtemp(prefix="bt-"))
        self.socket = self.short / "socket"
        self.home = tmp_path / "home"
        self.home.mkdir(exist_ok=True)
        self.terminal = Terminal(self.socket)
        own = {"HOME": str(self.home), "TMUX_TMPDIR": str(self.short), "SHELL": "/bin/sh", "TERM": "xterm-256color"}
        inherited = {key: value for key, value in process.scrubbed().items() if key not in {"TMUX", "TMUX_PANE"}}
        self.env = inherited | own | dict(env or {})
        if start:
            self.start()

    def start(self) -> SessionId:
        """Start the server, and return its session."""
        client = ("tmux", "-u", "-S", str(self.socket), "-f", os.devnull)
        words = ("new-session", "-d", "-P", "-F", "#{session_id}", "-s", "user", "-x", "200", "-y", "50", "exec cat")
        done = process.run(client + words, env=self.env | {"TMUX": "", "TMUX_PANE": ""}).check()
        return SessionId(done.stdout.strip())

    @property
    def session(self) -> SessionId:
        """The session that the server was started with."""
        found = self.terminal.session_named("user")
        assert found is not None
        return found

    @property
    def pane(self) -> PaneId:
        """The pane that runs `cat`."""
        return next(facts.pane for facts in self.terminal.panes() if facts.session == self.session)

    def option(self, target: str, name: str) -> str:
        """Return what tmux holds in a window's option, byte for byte."""
        return self.terminal.run("show-options", "-w", "-v", "-t", target, name).check().stdout.removesuffix("\n")

    def show(self, target: str, template: str) -> str:
        """Return what tmux makes of a format for a target."""
        return self.terminal.run("display-message", "-p", "-t", target, template).check().stdout.removesuffix("\n")

    def kill(self) -> None:
        """End the server and wait until its process has gone, so that the socket can be used again."""
        identity = self.terminal.identity()
        if identity is not None:
            self.terminal.run("kill-server")
            pid = identity.rsplit(",", 2)[1]
            eventually(lambda: _gone(pid), f"the end of tmux server {pid}")
        shutil.rmtree(self.short, ignore_errors=True)


def _gone(pid: str) -> bool:
    state = process.run(["ps", "-o", "stat=", "-p", pid]).stdout.strip()
    return state == "" or state.startswith("Z")
