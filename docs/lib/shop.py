"""What the pictures show: a small shop of Ada's with five phases, on a tmux server of its own, with scripted agents."""

import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batty_tmux.host import files
from tests.support.attached import Attached
from tests.support.server import eventually
from tests.support.story import PATIENCE, Story

HOME = "/home/ada"
SHOP = """\
def total(prices):
    return sum(prices)


def greet(name):
    return f"Hello, {name}"
"""
ROUNDED = SHOP.replace("return sum(prices)", "return round(sum(prices), 2)")
WARM = SHOP.replace("Hello, {name}", "Hello, {name}! Good to see you")
BY_NAME = SHOP.replace("def greet(name):", 'def greet(name="stranger"):')
TESTS = """\
import unittest

from shop import greet, total


class Shop(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([1, 2]), 3)

    def test_greet(self):
        self.assertIn("Ada", greet("Ada"))
"""
PHASES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "phase-1": ("Prices with two decimals", ("Round the total",), ()),
    "phase-2": ("One currency everywhere", ("Put the currency in one place", "Show it in the basket"), ()),
    "phase-3": ("A warmer greeting", ("Greet people as if we knew them",), ()),
    "phase-4": ("Greet strangers too", ("Let a greeting do without a name",), ()),
    "phase-5": ("Words for an empty basket", ("Say something kind",), ("phase-2",)),
}
"""Titles, tasks, and what each waits for."""
ASKS = "pip install babel"
"""The command that no rule answers."""


class Shop(Story):
    """A story whose paths are as long as those that the pictures show in their place."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.settings["gate"]["command"] = "python3 -m unittest -q"
        self.settings["review"]["by"] = "human"
        self.settings["run"]["parallel"] = 4
        self.file("shop.py", SHOP)
        self.file("test_shop.py", TESTS)
        self.file(".gitignore", "__pycache__/")
        self.file("kanban/.gitignore", ".lock\nactivity.jsonl")
        for name, (title, tasks, after) in PHASES.items():
            self.phase(name, tasks=len(tasks), after=after, title=title, goal=f"{title}.")
            for number, task in enumerate(tasks, 1):
                self.task(name, number, task)
        self._set_up_tmux()
        self._cast()

    def _set_up_tmux(self) -> None:
        """Give Ada the plugin and a batty on her PATH, as a README would have her do."""
        folder = self.root / "programs"
        folder.mkdir(exist_ok=True)
        for name in ("batty", "batty-tmux"):
            program = folder / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m batty_tmux "$@"\n')
            program.chmod(0o755)
        self.env["PATH"] = f"{folder}{os.pathsep}{self.env['PATH']}"
        self.env["PS1"] = "$ "
        plugin = files.share() / "batty.tmux"
        (self.root / "home" / ".tmux.conf").write_text(
            "set -g default-size 120x32\n"
            "set -g status-left ''\n"
            "set -g status-right '#{batty_status}'\n"
            "set -g status-right-length 100\n"
            f"set -g @batty-command '{folder / 'batty'}'\n"
            f"run-shell '{plugin}'\n"
        )

    def _cast(self) -> None:
        """Say what each agent does. phase-2's looks like Claude Code, the others work in a shell."""
        for name, text, subject in (
            ("phase-1", ROUNDED, "Round the total to two decimals"),
            ("phase-3", WARM, "Greet people warmly"),
            ("phase-4", BY_NAME, "Greet strangers"),
        ):
            line = f"take; write shop.py {shlex.quote(text.rstrip())}; git commit -qam {shlex.quote(subject)}; finish"
            self.executor(name).waits().runs(line)
        told: tuple[Mapping[str, object], ...] = (
            # nobody does anything before there is a supervisor to see it
            {"do": "wait"},
            {"do": "ask", "command": "python3 -m unittest -q"},
            {"do": "ask", "command": ASKS},
            {"do": "finish"},
        )
        self.claude("phase-2", told)
        self.settings["run"]["agent"] = "scripted"
        front = f"title: {PHASES['phase-2'][0]}\nagent: claude\ndepends_on: []"
        self.file("kanban/phase-2/PHASE.md", f"---\n{front}\n---\n\nOne currency everywhere.\n")

    def let_begin(self, *phases: str) -> None:
        """Have agents begin that wait, each before a supervisor started anew, which tells nothing of their start."""
        for phase in phases:
            self.until_waiting(phase)
            self.tmux("respawn-pane", "-k", "-t", self.events("launched", phase)[-1]["orchestrator"])
        for phase in phases:
            eventually(lambda name=phase: self._is_watched(name), f"the supervisor of {phase}", PATIENCE)
            self.open_door(phase)

    def _is_watched(self, phase: str) -> bool:
        """Tell whether the phase's supervisor has begun, and hears the hooks of an agent that has some."""
        reports = self.repo / ".git" / "batty" / "runs" / "001" / phase / "reports"
        listener = reports / "listener"
        if (reports / "agent").exists() and not self._is_alive(listener.read_text() if listener.exists() else ""):
            return False
        return "batty supervises" in self.screen(phase, "orchestrator")

    def _is_alive(self, pid: str) -> bool:
        return pid.strip() in self.tmux("list-panes", "-a", "-F", "#{pane_pid}").splitlines()

    def until_shown(self, states: Mapping[str, str]) -> None:
        """Wait until the phases are in these states, and their windows say so."""
        self.until_state(**states)
        rows = {f"{phase} {state}" for phase, state in states.items()}
        shown = ("list-windows", "-a", "-F", "#{@batty_phase} #{@batty_state}")
        eventually(lambda: rows <= set(self.tmux(*shown).splitlines()), "the windows' states", PATIENCE)

    def window_of(self, phase: str) -> str:
        return str(self.events("launched", phase)[-1]["window"])

    def show_home(self) -> None:
        """Go to the home window, and have it read everything anew."""
        rows = self.tmux("list-windows", "-a", "-F", "#{window_id} #{window_name}").splitlines()
        window = next(row.split(" ")[0] for row in rows if row.endswith(" batty"))
        self.tmux("respawn-pane", "-k", "-t", window)
        self.show_window(window)

    def show_window(self, target: str) -> None:
        self.tmux("select-window", "-t", target)

    def shell(self) -> None:
        """Open a window with a shell in the repository, as a person does."""
        words = [w for key in ("PATH", "PS1", "HOME", "LANG") for w in ("-e", f"{key}={self.env[key]}")]
        self.tmux("new-window", "-n", "shell", "-c", str(self.repo), *words, "exec sh")

    def seen_by(self, columns: int, rows: int) -> Attached:
        return Attached(
            Path(self.tmux("display-message", "-p", "#{socket_path}")), self.env, columns=columns, rows=rows
        )

    def set_ages(self, minutes: Mapping[str, int]) -> None:
        """Let each phase's events have happened so many minutes ago, and the run's own an hour ago.

        A run of a minute then looks like one of a morning, and the same each time. The lines keep their length, so
        whoever reads the journal as it grows is not disturbed.
        """
        now = datetime.now(UTC)
        data = self._journal.read_bytes()
        rows = []
        for row in data.splitlines(keepends=True):
            event = json.loads(row)
            age = timedelta(minutes=minutes.get(event.get("phase", ""), 60), seconds=30)
            fresh = (now - age).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            assert len(fresh) == len(event["at"]), event["at"]
            rows.append(row.replace(event["at"].encode(), fresh.encode(), 1))
        with self._journal.open("r+b") as file:
            file.write(b"".join(rows))


@contextmanager
def opened() -> Iterator[Shop]:
    """Make the shop in a folder whose name is as long as HOME, and remove it in the end."""
    root = next(path for path in iter(_short_folder, None) if not path.exists())
    assert len(str(root)) == len(HOME)
    root.mkdir(mode=0o700)
    for name in ("TMUX", "TMUX_PANE"):
        os.environ.pop(name, None)
    try:
        shop = Shop(root)
        os.environ["TMUX_TMPDIR"] = str(shop.short)
        try:
            yield shop
        finally:
            shop.close()
    finally:
        shutil.rmtree(root)


def _short_folder() -> Path:
    return Path(f"/tmp/{secrets.token_hex(2)}")
