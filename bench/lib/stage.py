"""Phases at work under the installed batty, on a tmux server of the bench's own, with scripted agents."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from lib import spent
from lib.ground import Program
from lib.painter import COMMAND
from lib.spent import Cast

from tests.support.story import Story

Done = TypeVar("Done")
HERE = Path(__file__).parent
SIZE = "200x50"
_LOOK = 0.2
_PATIENCE = 120.0
_LATE = 0.5
"""Seconds in which a key that comes after its dialog has gone is still counted."""
_CALM, _UNCALM = 40.0, 20.0
"""Percent of a core below which supervisors count as calm, and the seconds after which they are measured anyway."""


@dataclass(frozen=True)
class Window:
    """What was spent between two moments, in percent of one core, and who came to be below the supervisors.

    `supervisors` is their own part of `watching`, with that of the children that have ended.
    """

    seconds: float
    watching: float
    supervisors: float
    server: float
    others: float
    agents: float
    started: int
    faults: int

    @classmethod
    def between(cls, before: Cast, after: Cast, seconds: float) -> Self:
        def share(one: float, other: float) -> float:
            return 100 * (other - one) / seconds

        known = {process.pid: process for process in before.watching}
        faults = sum(p.faults - known[p.pid].faults for p in after.watching if p.pid in known)
        return cls(
            seconds,
            share(spent.total(before.watching), spent.total(after.watching)),
            share(spent.total(before.supervisors), spent.total(after.supervisors)),
            share(before.server.seconds, after.server.seconds),
            share(spent.total(before.others), spent.total(after.others)),
            share(spent.total(before.agents), spent.total(after.agents)),
            started=len({p.pid for p in after.watching} - known.keys()),
            faults=faults,
        )


@dataclass(frozen=True)
class Asked:
    """What became of the dialogs of one case: milliseconds to each answer, how they were settled, keys too many."""

    milliseconds: tuple[float, ...]
    hows: Counter[str]
    strays: int


class Stage:
    """So many phases at work. Closing it ends everything that it started."""

    def __init__(self, root: Path, program: Program, count: int) -> None:
        self.story, self.count = Story(root), count
        self.folder = root / "painters"
        self.phases = [f"phase-{number}" for number in range(1, count + 1)]
        self._fifos: dict[str, int] = {}
        if program.packages is not None:
            self.story.env["PYTHONPATH"] = str(program.packages)
        self.home = Path(self.story.env["HOME"])
        self.server = 0
        self._prepare(root / "programs")

    def _prepare(self, programs: Path) -> None:
        story = self.story
        for folder in (self.folder, programs):
            folder.mkdir()
        words = (sys.executable, "-S", "-E", str(HERE / "painter.py"), str(self.folder))
        claude = programs / "claude"
        claude.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        claude.chmod(0o755)
        story.env["PATH"] = f"{programs}{os.pathsep}{story.env['PATH']}"
        # in a pane of 80x24 the real one's dialogs are cut, and a person is asked
        (self.home / ".tmux.conf").write_text(f"set -g default-size {SIZE}\n")
        story.settings["run"] = {"agent": "claude"}
        story.settings["gate"] = {"command": "true"}
        story.policy("act", (COMMAND.format(number=""), "yes"))
        for phase in self.phases:
            story.phase(phase)
            fifo = self.folder / f"{phase}.do"
            os.mkfifo(fifo)
            self._fifos[phase] = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- from launch to end

    def launch(self) -> float:
        """Have batty start all phases; return the seconds until all agents are there."""
        story = self.story
        story.begin()
        begun = time.monotonic()
        words = (sys.executable, "-P", "-m", "batty_tmux", "work", "all", "--parallel", str(self.count), "--detach")
        story.run(*words, timeout=_PATIENCE).check()
        self.until(lambda: len(self.hellos()) == self.count, "all agents to start")
        self.server = int(story.tmux("display-message", "-p", "#{pid}"))
        return time.monotonic() - begun

    def settle(self) -> None:
        """Wait until the supervisors have started too."""
        self.until(lambda: len(self.cast().supervisors) >= self.count, "a supervisor for each phase")
        self.calm_down()

    def calm_down(self) -> None:
        """Wait a little for what the last news has set going."""
        end = time.monotonic() + _UNCALM
        while self.spent(2.0).watching > _CALM and time.monotonic() < end:
            pass

    def hellos(self) -> list[dict[str, Any]]:
        return [line for line in self.said() if "pane" in line]

    @property
    def hooked(self) -> bool:
        """Tell whether batty asked the agents to report what they want to do."""
        return all("PermissionRequest" in hello["hooks"] for hello in self.hellos())

    @property
    def panes(self) -> list[str]:
        return [hello["pane"] for hello in self.hellos()]

    @property
    def socket(self) -> str:
        return self.story.tmux("display-message", "-p", "#{socket_path}")

    def unwatch(self) -> None:
        """End the supervisors, and take from tmux whatever it does for them; the panes stay as they are.

        Each makes room for another program in its pane: one that is only stopped tmux lets go on at once.
        """
        self.order(do="mute")
        supervisors = {process.pid for process in self.cast().supervisors}
        for row in self.story.tmux("list-panes", "-a", "-F", "#{pane_pid} #{pane_id}").splitlines():
            first, _, pane = row.partition(" ")
            if int(first) in supervisors:
                self.story.tmux("respawn-pane", "-k", "-t", pane, "exec sleep 86400")
        for pid in supervisors:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for client in self.story.tmux("list-clients", "-F", "#{client_control_mode} #{client_name}").splitlines():
            control, _, name = client.partition(" ")
            if control == "1":
                self.story.tmux("detach-client", "-t", name)
        for pane in self.panes:
            self.story.tmux("pipe-pane", "-t", pane)
        self.until(lambda: not self.cast().supervisors, "the end of the supervisors")

    def close(self) -> None:
        for descriptor in self._fifos.values():
            os.close(descriptor)
        self.story.close()
        # a tmux server can outlive its end: it waits for control clients whose readers are gone
        for pid in spent.marked(self.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # -- the agents

    def order(self, **what: object) -> None:
        line = json.dumps(what).encode() + b"\n"
        for descriptor in self._fifos.values():
            os.write(descriptor, line)

    def said(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self.folder.glob("*.said")):
            yield from (json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n"))

    def ask(self, case: str, rounds: int, rate: float, since: str = "painted") -> tuple[Asked, Window]:
        """Have each agent ask so often, together about `rate` times a second, and wait for the last answer."""
        gap = self.count / rate
        before, begun, start = self.cast(), time.monotonic(), time.monotonic_ns()
        self.order(do="ask", case=case, rounds=rounds, seed=case, least=min(0.5 * gap, 0.4), most=1.6 * gap)
        longest = 4 * gap * rounds + _PATIENCE
        finished = {"finished": case}
        self.until(lambda: sum(line == finished for line in self.said()) == self.count, f"the end of {case}", longest)
        window = Window.between(before, self.cast(), time.monotonic() - begun)
        time.sleep(_LATE)
        rows = [line for line in self.said() if line.get("case") == case]
        times = [(row["answered"] - row[since]) / 1e6 for row in rows if row["how"] in {"key", "hook"}]
        strays = sum("stray" in line and line["at"] > start for line in self.said())
        return Asked(tuple(sorted(times)), Counter(row["how"] for row in rows), strays), window

    # -- what is measured

    def cast(self) -> Cast:
        rows = self.story.tmux("list-panes", "-a", "-F", "#{pane_pid}").splitlines()
        tops = [hello["parent"] for hello in self.hellos()]
        return spent.cast(self.home, self.server, map(int, rows), tops)

    def spent(self, seconds: float) -> Window:
        before, begun = self.cast(), time.monotonic()
        time.sleep(seconds)
        return Window.between(before, self.cast(), time.monotonic() - begun)

    def memory(self) -> list[float]:
        """Return the MB of each phase: its supervisor with what is below it, and its share of what serves all."""
        now = self.cast()
        found = {process.pid: process for process in now.watching}
        trees = [spent.below(found, [process.pid]) for process in now.supervisors]
        shared = found.keys() - set().union(*trees)
        each = spent.proportional(shared) / self.count
        return sorted(spent.proportional(tree) + each for tree in trees)

    def model_calls(self) -> int:
        """Count what the journal has of them, and what was really started."""
        file = self.folder / "model-calls"
        made = len(file.read_text().splitlines()) if file.exists() else 0
        return max(made, len(self.story.events("consulting")))

    def until_journaled(self, kind: str, seconds: float) -> bool:
        """Wait until every phase has such an event; False where some do not within the time."""
        end = time.monotonic() + seconds
        while len({event.get("phase") for event in self.story.events(kind)}) < self.count:
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK)
        return True

    def until(self, holds: Callable[[], bool], what: str, seconds: float = _PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise SystemExit(f"not within {seconds:.0f} s: {what}\n{self.story.told()[-6000:]}")
            time.sleep(_LOOK)


class Poller:
    """A poller at work, a process of its own."""

    def __init__(self, stage: Stage, every: float, looks: int) -> None:
        words = ("--socket", stage.socket, "--panes", ",".join(stage.panes), "--every", str(every))
        # no HOME of the stage's: it is counted by itself
        self.process = subprocess.Popen(
            (sys.executable, "-S", "-E", str(HERE / "poller.py"), *words, "--looks", str(looks)),
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.kept = 1.0

    def during(self, work: Callable[[], tuple[Done, Window]]) -> tuple[Done, Window]:
        """Do something; in its window, what watches is this poller."""
        before = spent.process(self.process.pid).seconds
        done, window = work()
        seconds = spent.process(self.process.pid).seconds - before
        return done, replace(window, watching=100 * seconds / window.seconds)

    def close(self) -> None:
        """End it; `kept` is then how many of the looks that it should have had it had."""
        self.process.terminate()
        told, _ = self.process.communicate(timeout=20)
        if len(words := told.split()) == 2:
            self.kept = int(words[0]) / max(1, int(words[1]))


@contextmanager
def polling(stage: Stage, every: float, looks: int) -> Iterator[Poller]:
    poller = Poller(stage, every, looks)
    try:
        yield poller
    finally:
        poller.close()
