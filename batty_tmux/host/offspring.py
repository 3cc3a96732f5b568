"""What is known of processes: those below another one and what they use, and since when there are any at all."""

import os
from contextlib import suppress
from datetime import UTC, datetime

from batty_tmux.host.process import run

Used = dict[tuple[int, float], float]
"""Processor time in seconds of each process and of its children that have ended. A number is used again, so each
process is named by its number and by when it began."""


def below(pid: int, *, strangers: bool = False) -> Used:
    """Return what each process below this one has used; with `strangers`, only of those outside its process group.

    It looks at every process of the machine, some 15 µs for each. Empty where the system does not tell.
    """
    # it costs a supervisor some megabytes, and most never have to ask
    from psutil import Error, Process  # noqa: PLC0415

    used: Used = {}
    # one that has ended since is no matter: what it used is its parent's by now
    with suppress(Error):
        for process in Process(pid).children(recursive=True):
            with suppress(Error, ProcessLookupError):
                if not strangers or os.getpgid(process.pid) != pid:
                    used[process.pid, process.create_time()] = sum(process.cpu_times()[:4])
    return used


def booted() -> datetime | None:
    """Return when this machine was started; None where the system does not say."""
    from psutil import boot_time  # noqa: PLC0415 -- only who comes back asks

    try:
        return datetime.fromtimestamp(boot_time(), UTC)
    except (OSError, RuntimeError, ValueError):
        return None


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone; one that only waits to be collected by its parent is."""
    from psutil import STATUS_ZOMBIE, Error, NoSuchProcess, Process  # noqa: PLC0415

    try:
        return bool(Process(pid).status() == STATUS_ZOMBIE)
    except NoSuchProcess:
        return True
    except Error:
        return False


def is_in_front(pid: int) -> bool:
    """Tell whether a process's own group is the one that its terminal belongs to: a shell that waits for a command.

    A shell that runs a program in the foreground has given the terminal away. False where ps does not tell.
    """
    told = run(("ps", "-o", "pgid=,tpgid=", "-p", str(pid)), timeout=10).stdout.split()
    return len(told) == 2 and told[0] == told[1]  # noqa: PLR2004 -- the two that were asked for


def programs(pid: int) -> tuple[str, ...]:
    """Return the names of the programs below a process; none where the system does not tell."""
    from psutil import Error, Process  # noqa: PLC0415

    names: list[str] = []
    with suppress(Error):
        for process in Process(pid).children(recursive=True):
            with suppress(Error):
                names.append(process.name())
    return tuple(names)
