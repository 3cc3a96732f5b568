"""A run with its home window open before a terminal, and what that costs, beside a loop of `batty status`."""

import json
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

from lib import spent
from lib.ground import Program
from lib.tables import Bar, table

from tests.support.attached import Attached
from tests.support.server import eventually
from tests.support.story import Story

COLUMNS, ROWS = 250, 60
IDLE_BAR = 1.0
"""Percent of a core, with children."""
_PATIENCE = 300.0
_CALM = 12.0
"""Seconds from the first drawing until nothing of the beginning is left to do."""


@dataclass
class Open:
    """What was seen with so many phases: percent of a core, milliseconds from a journal's line to its drawing, MB."""

    phases: int
    idle: float = 0.0
    own: float = 0.0
    redraws: tuple[float, ...] = ()
    memory: float = 0.0
    left: int = 0
    loop: float = 0.0
    events: int = 0
    """What the journal gained while nothing was to happen."""


class Board:
    """So many phases at work, their agents asleep, and a terminal before the home window."""

    def __init__(self, root: Path, program: Program, count: int) -> None:
        self.story, self.count = Story(root), count
        self.phases = [f"phase-{number}" for number in range(1, count + 1)]
        # an agent that sleeps is neither idle nor stuck while it is watched
        self.story.settings["patience"] |= {"idle": "5h", "stuck": "5h"}
        if program.packages is not None:
            self.story.env["PYTHONPATH"] = str(program.packages)
        for phase in self.phases:
            self.story.phase(phase, tasks=3)
            self.story.executor(phase).waits().commits(f"{phase}.txt", "text")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.story.close()

    def launch(self) -> None:
        story = self.story
        story.begin()
        words = (sys.executable, "-P", "-m", "batty_tmux", "work", "all", "--parallel", str(self.count), "--detach")
        story.run(*words, timeout=300).check()
        doors = [story.agents / phase / "waiting" for phase in self.phases]
        eventually(lambda: all(door.exists() for door in doors), "every agent at its door", _PATIENCE)

    def terminal(self) -> Attached:
        self.story.tmux("select-window", "-t", self.home())
        socket = Path(self.story.tmux("display-message", "-p", "#{socket_path}"))
        return Attached(socket, self.story.env, columns=COLUMNS, rows=ROWS)

    def home(self) -> str:
        rows = self.story.tmux("list-windows", "-a", "-F", "#{window_id} #{@batty_phase}").splitlines()
        return next(row.split()[0] for row in rows if len(row.split()) == 1)

    def cost(self, window: str, seconds: float, person: Attached) -> tuple[float, float]:
        """Return what all that runs in a window spent, with children, in percent of a core; and without them."""
        before, begun = self._below(window), time.monotonic()
        end = begun + seconds
        person.expect(lambda: time.monotonic() >= end, seconds + 10)
        after, passed = self._below(window), time.monotonic() - begun
        own = sum(spent.finely(pid) for pid in after) - sum(before[pid][1] for pid in after if pid in before)
        whole = sum(p.seconds for p, _ in after.values()) - sum(
            before[pid][0].seconds for pid in after if pid in before
        )
        return 100 * whole / passed, 100 * own / passed

    def _pids(self, window: str) -> set[int]:
        top = int(self.story.tmux("display-message", "-p", "-t", window, "#{pane_pid}"))
        return spent.below(spent.marked(Path(self.story.env["HOME"])), [top])

    def _below(self, window: str) -> dict[int, tuple[spent.Process, float]]:
        found = {}
        for pid in self._pids(window):
            with suppress(OSError):  # a git that has ended since is counted by who waited for it
                found[pid] = (spent.process(pid), spent.finely(pid))
        return found

    def memory(self) -> float:
        return spent.proportional(self._pids(self.home()))

    def redraw(self, person: Attached, number: int) -> float:
        """Write one line into the journal; return the milliseconds until a terminal shows what it says."""
        kind = "unpaused" if number % 2 else "paused"
        journal = self.story.repo / ".git" / "batty" / "journal.jsonl"
        line = {"at": "2026-01-01T00:00:00.000Z", "seq": 10**6 + number, "run": "001", "event": kind}
        begun = time.monotonic()
        with journal.open("a") as file:
            file.write(json.dumps(line | {"phase": "phase-1", "by": "person"}) + "\n")
        while ("! phase-1 is paused" in person.text) is not (kind == "paused"):
            person._read(0.5)  # noqa: SLF001 -- told as soon as something is drawn, without a look's delay
        return 1000 * (time.monotonic() - begun)

    def loop(self, seconds: float, person: Attached) -> float:
        """Return what `batty status` once a second costs, in a window of its own that the terminal shows."""
        status = shlex.join((sys.executable, "-P", "-m", "batty_tmux", "status"))
        window = self.story.tmux(
            "new-window",
            "-P",
            "-F",
            "#{window_id}",
            "-c",
            str(self.story.repo),
            f"while :; do clear; {status}; sleep 1; done",
        )
        person.expect("phase-1", 60)
        cost, _ = self.cost(window, seconds, person)
        self.story.tmux("kill-window", "-t", window)
        return cost

    def leave(self, person: Attached) -> int:
        """Press q; return how many processes of the dashboard are left, the window's shell aside."""
        self.story.tmux("select-window", "-t", self.home())
        person.press("q")
        person.expect("the phases go on without this")
        eventually(lambda: len(self._pids(self.home())) == 1, "the end of the dashboard")
        return len(self._pids(self.home())) - 1


def measured(board: Board, idle: float, redraws: int, looped: float) -> Open:
    seen = Open(board.count)
    board.launch()
    with board.terminal() as person:
        person.expect("q leave")
        calm = time.monotonic() + _CALM
        person.expect(lambda: time.monotonic() >= calm, _CALM + 10)
        before = len(board.story.events())
        seen.idle, seen.own = board.cost(board.home(), idle, person)
        seen.events = len(board.story.events()) - before
        seen.memory = board.memory()
        seen.redraws = tuple(board.redraw(person, number) for number in range(redraws))
        seen.loop = board.loop(looped, person)
        seen.left = board.leave(person)
    return seen


def bars(found: list[Open]) -> list[Bar]:
    rows = []
    for one in found:
        of = f"{one.phases} phase{'s' if one.phases > 1 else ''}"
        name = f"CPU of the open dashboard, {of} at work and nothing happening"
        rows.append(Bar(name, f"{one.idle:.2f} % of a core", f"{IDLE_BAR:g} %", one.idle < IDLE_BAR))
        rows.append(Bar(f"processes left when it is closed, {of}", str(one.left), "0", one.left == 0))
    return rows


def report(found: list[Open], head: str) -> str:
    words = {True: "yes", False: "NO", None: ""}
    shown = table(
        ("measure", "seen", "bar", "met"), ((b.measure, b.seen, b.bar, words[b.met]) for b in bars(found)), right=9
    )
    columns = ("phases", "dashboard, %", "of it its own, %", "`batty status` each second, %", "times", "redraw p50, ms",
               "worst", "memory, MB", "events meanwhile")  # fmt: skip
    rows = [
        (
            one.phases,
            f"{one.idle:.2f}",
            f"{one.own:.2f}",
            f"{one.loop:.1f}",
            f"{one.loop / one.idle:.0f}",
            f"{median(one.redraws):.0f}",
            f"{max(one.redraws):.0f}",
            f"{one.memory:.0f}",
            one.events,
        )
        for one in found
    ]
    return f"# The dashboard\n\n{head}\n\n{WHAT}\n## Bars\n\n{shown}\n## All\n\n{table(columns, rows)}"


WHAT = f"""\
`batty work all`, every phase in a window of its own with its supervisor, the agents asleep; the home window on a real
tmux client of {COLUMNS}x{ROWS}. CPU in percent of one core with the git and tmux that it runs, over the seconds named
in the command, from some seconds after its first drawing. Beside it in the same run, in a window that the same client
shows, a loop that does what `watch` does: `batty status`, then a second of sleep. Redraw: from a line appended to the
journal to its words on the client's screen. Memory: proportional, of everything in the home window. The machine was
shared: read the ratios.
"""
