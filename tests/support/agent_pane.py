"""A real agent in a real pane, with a HOME of its own, and the desk at which its hooks report."""

import os
import selectors
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from batty_tmux.core.reports import Report
from batty_tmux.drive.reports import Desk
from batty_tmux.host.process import run
from batty_tmux.names import PaneId
from tests.support.server import DEADLINE, PrivateServer, eventually

_PATIENCE = 2.0
"""Seconds after which a person presses a key again that did nothing."""


def program(name: str, package: str) -> str:
    found = os.environ.get(f"BATTY_TEST_{name.upper()}") or shutil.which(name)
    if not found:
        pytest.fail(f"needs the real {name}: npm install -g {package}, or name it in BATTY_TEST_{name.upper()}")
    return found


@dataclass
class AgentPane:
    """Runs one agent at a time. `reports` keeps all that came, in order; what `hear` has passed is not heard again."""

    server: PrivateServer
    desk: Desk
    home: Path
    worktree: Path
    pane: PaneId | None = None
    reports: list[tuple[Report, Path | None]] = field(default_factory=list)
    passed: int = 0

    def start(self, argv: tuple[str, ...], **env: str) -> None:
        """Start it with this environment and no other variable of the test's."""
        own = {"HOME": str(self.home), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        words = ("env", "-i", *(f"{name}={value}" for name, value in (own | env).items()), *argv)
        made = ("new-window", "-d", "-P", "-F", "#{pane_id}", "-c", str(self.worktree), "exec " + shlex.join(words))
        self.pane = PaneId(self.server.terminal.run(*made).check().stdout.strip())
        self.server.terminal.run("set-option", "-p", "-t", self.pane, "remain-on-exit", "on")

    def hear(self, kind: str) -> tuple[Report, Path | None]:
        """Wait for the next report of this kind, passing what comes before it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.desk.descriptor, selectors.EVENT_READ)
            end = time.monotonic() + DEADLINE
            while True:
                self.reports += self.desk.collect()
                while self.passed < len(self.reports):
                    self.passed += 1
                    if self.reports[self.passed - 1][0].kind == kind:
                        return self.reports[self.passed - 1]
                left = end - time.monotonic()
                assert left > 0, f"no {kind}; {[r.kind for r, _ in self.reports]}; on the screen:\n{self.screen()}"
                selector.select(left)

    def see(self, words: str) -> str:
        """Wait until these words are on the screen, and return it."""
        eventually(lambda: words in self.screen(), f"{words!r} on the screen")
        return self.screen()

    def screen(self) -> str:
        return self.server.terminal.capture(self.pane) or "" if self.pane else ""

    def press(self, key: str) -> None:
        assert self.pane is not None
        self.server.terminal.run("send-keys", "-t", self.pane, key).check()

    def answer(self, key: str, dialog: str) -> None:
        """Press a key as a person does: once the dialog is there, and again while it still stands.

        An agent drops keys that come while it is still painting.
        """
        self.see(dialog)
        pressed = -_PATIENCE

        def is_gone() -> bool:
            nonlocal pressed
            stands = dialog in self.screen()
            if stands and time.monotonic() - pressed > _PATIENCE:
                self.press(key)
                pressed = time.monotonic()
            return not stands

        eventually(is_gone, f"{dialog!r} to be answered")

    def kill(self) -> None:
        """End the agent, and what it has started, as a machine that loses power does."""
        assert self.pane is not None
        os.killpg(int(self.server.show(self.pane, "#{pane_pid}")), signal.SIGKILL)
        eventually(lambda: self.pane and self.server.show(self.pane, "#{pane_dead}") == "1", "the end of the agent")


@contextmanager
def agent_pane(tmp_path: Path) -> Iterator[AgentPane]:
    home, worktree = tmp_path / "agent-home", tmp_path / "it's a worktree"
    for folder in (home, worktree):
        folder.mkdir()
    run(("git", "init", "--quiet"), cwd=worktree).check()
    server = PrivateServer(tmp_path)
    desk = Desk.open(tmp_path / "it's #(here)")
    try:
        yield AgentPane(server, desk, home, worktree)
    finally:
        desk.close()
        server.kill()
