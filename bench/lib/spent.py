"""What processes have spent, read from /proc: time, memory, and whether they started others."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process. `seconds` are its own and of the children it has waited for; `faults` those children's."""

    pid: int
    parent: int
    seconds: float
    faults: int
    words: tuple[bytes, ...]

    @property
    def supervises(self) -> bool:
        return b"supervise" in self.words


@dataclass(frozen=True)
class Cast:
    """All processes that were started below a HOME of the bench's own, at one moment, by what they are for.

    `watching` are the supervisors with everything below them, and what the tmux server runs outside its panes: the
    pipes. `others` are the rest of batty, such as its lander.
    """

    server: Process
    agents: tuple[Process, ...]
    watching: tuple[Process, ...]
    others: tuple[Process, ...]

    @property
    def supervisors(self) -> tuple[Process, ...]:
        return tuple(process for process in self.watching if process.supervises)


def cast(home: Path, server: int, panes: Iterable[int], agents: Iterable[int]) -> Cast:
    """Sort who is there. `panes` are the first processes of all panes, `agents` those of the executors' panes."""
    found = marked(home)
    mine = [process for process in found.values() if process.supervises]
    pipes = [p for p in found.values() if p.parent == server and p.pid not in set(panes)]
    of_agents = below(found, agents)
    watching = below(found, [p.pid for p in (*mine, *pipes)]) - of_agents
    rest = found.keys() - of_agents - watching - {server}
    sorted_out = ([found[pid] for pid in sorted(pids)] for pids in (of_agents, watching, rest))
    agents_, watching_, others = (tuple(part) for part in sorted_out)
    return Cast(found[server], agents_, watching_, others)


def marked(home: Path) -> dict[int, Process]:
    """Return the processes whose HOME this is."""
    mark = f"HOME={home}".encode()
    found = {}
    for folder in PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = process(int(folder.name))
        except (OSError, ValueError):
            continue  # it has ended, or is somebody else's
    return found


def process(pid: int) -> Process:
    # the name may hold blanks and brackets: what follows is counted from its end
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    words = tuple((PROC / str(pid) / "cmdline").read_bytes().split(b"\0"))
    own, children = (sum(map(int, fields[at : at + 2])) / TICK for at in (11, 13))
    return Process(pid, int(fields[1]), max(own, finely(pid)) + children, int(fields[8]), words)


def finely(pid: int) -> float:
    """Return the seconds of the threads that are alive: ticks of 10 ms are coarse for what is hardly ever awake."""
    seconds = 0.0
    for thread in (PROC / str(pid) / "task").iterdir():
        try:
            seconds += int((thread / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError):
            continue  # it has ended, or this kernel does not say
    return seconds


def below(found: Mapping[int, Process], tops: Iterable[int]) -> set[int]:
    """Return these and all that descends from them."""
    wanted = set(tops) & found.keys()
    while more := {pid for pid, each in found.items() if each.parent in wanted} - wanted:
        wanted |= more
    return wanted


def total(processes: Iterable[Process]) -> float:
    return sum(process.seconds for process in processes)


def proportional(pids: Iterable[int]) -> float:
    """Return the memory of processes in MB, what is shared divided among those who share it."""
    total = 0
    for pid in pids:
        try:
            rows = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return total / 1024
