"""Two machines that land on one remote: how often they gate in vain, who waits, which steps of theirs meet."""

import bisect
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.core.events import GateFinished, GateStopped, Landed, Retried
from tests.support.engines import Engine, redis_server
from tests.support.lander import Lander
from tests.support.shared import Hub, faults

BENCH = Path(__file__).resolve().parent.parent
NAMES = ("one", "two")
STEPS = ("fetch", "build", "gate", "push", "settle", "follow", "journal")
OTHERWISE = ("between", "dead")
"""What a machine is in outside of these: between two steps, or waiting; and killed."""


@dataclass
class Runner:
    """One machine: a clone, and the lander that works in it."""

    name: str
    lander: Lander
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    deaths: list[int] = field(default_factory=list)

    @property
    def trace(self) -> Path:
        return self.folder / f"{self.name}.trace"

    def start(self) -> None:
        env = dict(os.environ)
        env["PYTHONPATH"] = os.pathsep.join((str(BENCH), str(BENCH.parent), env.get("PYTHONPATH", "")))
        words = (str(self.lander.repo.folder), str(self.trace), str(self.folder / "stop"))
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                (sys.executable, "-P", "-m", "lib.traced", *words), env=env, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.deaths.append(time.monotonic_ns())


@dataclass(frozen=True)
class Side:
    """What one machine had of it. `gaps` are the seconds between its landings, from the start on."""

    name: str
    landed: int
    gates: int
    lost: int
    retried: int
    gaps: tuple[float, ...]


@dataclass(frozen=True)
class Contest:
    """What came of one contest. `streak` is the longest row of landings of one machine while both had work."""

    lock: bool
    seconds: float
    sides: tuple[Side, ...]
    streak: int
    wrong: tuple[str, ...]


@contextmanager
def machines(place: Path, gate: str, *, lock: bool, slots: int) -> Iterator[tuple[Hub, list[Runner], Engine | None]]:
    with ExitStack() as stack:
        place.mkdir()
        engine = stack.enter_context(redis_server(place)) if lock else None
        more = f"slots = {slots}\n" + (f'lock = "{engine.address}"\n' if engine is not None else "")
        hub = Hub.make(place / "hub.git", gate=gate, more=more)
        runners = [Runner(name, hub.clone(name), place) for name in NAMES]
        for runner in runners:
            stack.callback(runner.kill)
        yield hub, runners, engine


def approve(runner: Runner, number: int) -> str:
    name = f"{runner.name}-{number}"
    runner.lander.approve(name, {f"{name}.txt": f"{name}\n"}, start="origin/main")
    return name


def contest(place: Path, each: int, gate: float, *, lock: bool, slots: int, patience: float) -> Contest:
    """Let both land `each` phases that are all approved at the start."""
    with machines(place, f"sleep {gate:g}", lock=lock, slots=slots) as (hub, runners, _):
        for runner in runners:
            for number in range(each):
                approve(runner, number)
        (place / "stop").touch()
        began = time.monotonic()
        at = time.time()
        for runner in runners:
            runner.start()
        hung = ended(runners, patience)
        taken = time.monotonic() - began
        wrong = [*hung, *faults(hub, *(runner.lander for runner in runners)), *left(hub, runners)]
        sides = tuple(side(runner, at) for runner in runners)
        return Contest(lock, taken, sides, streak(hub), tuple(wrong))


def ended(runners: list[Runner], patience: float) -> list[str]:
    deadline = time.monotonic() + patience
    wrong = []
    for runner in runners:
        try:
            if runner.process is not None and runner.process.wait(max(1.0, deadline - time.monotonic())):
                wrong.append(f"the lander of {runner.name} ended with {runner.process.returncode}")
        except subprocess.TimeoutExpired:
            wrong.append(f"the lander of {runner.name} hangs")
            runner.kill()
    return wrong


def left(hub: Hub, runners: list[Runner]) -> list[str]:
    """Return what was approved and is not on the remote exactly once."""
    wrong = []
    there = Counter(hub.history())
    for runner in runners:
        for name, state in runner.lander.states.items():
            if state != "landed" or there[f"work of {name}"] != 1:
                wrong.append(f"{name} is {state}, and {there[f'work of {name}']} times on the remote")
    turns = hub.repo.git("for-each-ref", "--format=%(refname)", "refs/batty/")
    return [*wrong, *([f"left on the remote: {turns}"] if turns else [])]


def side(runner: Runner, began: float) -> Side:
    """Count a machine's gates; lost are those of trees that it never landed."""
    lander = runner.lander
    landed = [event for event in lander.events if isinstance(event, Landed) and event.candidate != event.base]
    trees = {event.tree for event in landed}
    runs = [event for event in lander.events if isinstance(event, GateFinished | GateStopped)]
    times = [began, *(event.at.timestamp() for event in landed)]
    return Side(
        name=runner.name,
        landed=len(landed),
        gates=len(runs),
        lost=sum(run.tree not in trees for run in runs),
        retried=sum(isinstance(event, Retried) for event in lander.events),
        gaps=tuple(after - before for before, after in itertools.pairwise(times)),
    )


def streak(hub: Hub) -> int:
    """Return the longest row of landings of one machine, up to where the first of them was through."""
    whose = [subject.split()[-1].partition("-")[0] for subject in hub.history() if subject.startswith("work of ")]
    last = min((len(whose) - 1 - whose[::-1].index(name) for name in set(whose)), default=0)
    longest = now = 0
    for number, name in enumerate(whose[: last + 1]):
        now = now + 1 if number and name == whose[number - 1] else 1
        longest = max(longest, now)
    return longest


@dataclass
class Long:
    """What came of a long run with faults. `met` counts, for each step as it began, where the other machine was."""

    lock: bool
    seconds: float = 0.0
    landed: int = 0
    lost: int = 0
    kills: int = 0
    redis: int = 0
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: tuple[str, ...] = ()


def long_run(place: Path, seconds: float, seed: int, *, lock: bool) -> Long:
    """Keep both machines supplied for so long, kill their landers and the Redis at random, then let all end calmly."""
    chance = random.Random(seed)
    told = Long(lock)
    gate = "sleep 0.$(( $(od -An -N1 -tu1 /dev/urandom) % 5 ))"
    with machines(place, gate, lock=lock, slots=1) as (hub, runners, engine):
        for runner in runners:
            runner.start()
        began, number = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            for runner in runners:
                waiting = [state for state in runner.lander.states.values() if state != "landed"]
                if len(waiting) < 3:
                    number += 1
                    approve(runner, number)
            if chance.random() < 0.15:
                victim = chance.choice(runners)
                victim.kill()
                told.kills += 1
                time.sleep(chance.uniform(0, 2))
                victim.start()
            if engine is not None and chance.random() < 0.04:
                engine.kill()
                told.redis += 1
                time.sleep(chance.uniform(0.5, 4))
                engine.start()
            time.sleep(chance.uniform(0.2, 1.5))
        (place / "stop").touch()
        hung = ended(runners, 300)
        told.seconds = time.monotonic() - began
        told.wrong = (*hung, *faults(hub, *(runner.lander for runner in runners)), *left(hub, runners))
        sides = [side(runner, 0) for runner in runners]
        told.landed, told.lost = sum(one.landed for one in sides), sum(one.lost for one in sides)
        told.met = met(runners)
    return told


@dataclass
class _Line:
    """Where a machine was at each moment: times at which that changed, and to what."""

    times: list[int] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    begun: list[tuple[int, str]] = field(default_factory=list)

    def at(self, when: int) -> str:
        place = bisect.bisect_right(self.times, when) - 1
        return self.steps[place] if place >= 0 else "between"


def met(runners: list[Runner]) -> Counter[tuple[str, str]]:
    """Count for each step of each machine, as it begins, which step the other is in."""
    lines = [_line(runner) for runner in runners]
    found: Counter[tuple[str, str]] = Counter()
    for mine, other in (lines, lines[::-1]):
        for when, step in mine.begun:
            found[step, other.at(when)] += 1
    return found


def _line(runner: Runner) -> _Line:
    rows = [(int(at), sign, step) for at, sign, step in map(str.split, runner.trace.read_text().splitlines())]
    rows += [(at, "+", "dead") for at in runner.deaths]
    line, under_way = _Line(), Counter[str]()
    for at, sign, step in sorted(rows):
        if step in {"start", "dead"}:
            under_way.clear()
        elif sign == "+":
            under_way[step] += 1
            line.begun.append((at, step))
        else:
            under_way[step] -= 1
        # a gate runs beside the rest: what the lander itself does tells more
        now = [name for name in STEPS if under_way[name] > 0 and name != "gate"]
        line.times.append(at)
        line.steps.append(
            "dead" if step == "dead" else now[-1] if now else "gate" if under_way["gate"] > 0 else "between"
        )
    return line
