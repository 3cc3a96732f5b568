"""The worker's side of a gate on a cluster: one function that takes a job as bytes and answers with bytes.

It runs inside a worker of the engine, with that worker's environment, programs and disk. Nothing that goes wrong here
is ever a verdict: it is a fault of the worker, and the job is tried elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import msgspec

from batty_tmux import __version__
from batty_tmux.core.space import Room, is_of_the_disk
from batty_tmux.core.toolchain import differences
from batty_tmux.drive import wire
from batty_tmux.drive.mirror import Mirror, root, tidy
from batty_tmux.drive.pristine import carry_out
from batty_tmux.drive.wire import Absent, Answer, Done, Faulted, Fit, Reply, Sent, Unfit, Wanted
from batty_tmux.errors import BattyError, CommandFailed
from batty_tmux.host.dask import Desk, desk
from batty_tmux.host.lock import exclusive
from batty_tmux.host.machine import room
from batty_tmux.host.process import Stop, scrubbed

_LOOK = 0.2
"""Seconds between two looks whether anybody still wants the verdict: the engine tells it to nobody."""
_OF_THE_ENGINE = ("DASK_",)
"""Prefixes of variables that are the engine's own settings, and no gate's business."""


def fitness(version: str, data: bytes) -> bytes:
    """Say whether jobs that want this could be run here. Cheap: it runs nothing but gate.toolchain."""
    return wire.encode(_of_another_version(version) or _fitness(wire.wanted.decode(data)))


def answer(version: str, data: bytes, bundle: bytes) -> bytes:
    """Run a job here, as a task of the engine's."""
    here = desk()
    try:
        told = _of_another_version(version) or _answer(here, wire.sent.decode(data), bundle)
    except (BattyError, OSError, msgspec.DecodeError) as problem:
        told = Faulted(_words(problem))
    return wire.encode(Reply(here.name, here.address, told))


def _of_another_version(version: str) -> Unfit | None:
    return Unfit((f"batty: {__version__} there, {version} here",)) if version != __version__ else None


def _fitness(wanted: Wanted) -> Fit | Unfit:
    try:
        facts = wanted.tools.facts(_environ())
    except BattyError as unsaid:
        return Unfit((f"{unsaid.what}, there",))
    differs = differences(wanted.facts, wire.rows(facts))
    return Unfit(differs) if differs else Fit()


def _answer(here: Desk, sent: Sent, bundle: bytes) -> Answer:
    unfit = _fitness(sent.wanted)
    if isinstance(unfit, Unfit):
        return unfit
    here.tell(wire.TOPIC, {"id": sent.id, "host": here.name, "address": here.address})
    with Stop() as stop, _wanted(here, stop):
        tidy()
        mirror = Mirror.of(sent)
        return mirror.bring(sent, bundle) or _run(mirror, sent, stop)


def _run(mirror: Mirror, sent: Sent, stop: Stop) -> Absent | Faulted | Done:
    with TemporaryDirectory(prefix="batty-log-") as folder:
        log = Path(folder, "log")
        log.touch(0o600)
        with exclusive(log) as held:
            result = carry_out(sent.job, mirror.site, _environ(), held, stop)
        return Faulted(result.fault) if result.fault else Done(result, *wire.packed(log))


def _environ() -> dict[str, str]:
    """Return this worker's own environment: the sender's may hold secrets, and says nothing of this machine."""
    return {name: value for name, value in scrubbed().items() if not name.startswith(_OF_THE_ENGINE)}


@contextmanager
def _wanted(here: Desk, stop: Stop) -> Iterator[None]:
    """End the gate as soon as nobody wants its verdict: it was stopped, or who sent it is gone."""
    over = Event()

    def look() -> None:
        while not over.wait(_LOOK):
            if not here.is_wanted():
                stop.set()
                return

    thread = Thread(target=look, name="batty-wanted", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _words(problem: BaseException) -> str:
    told = problem.what if isinstance(problem, BattyError) else str(problem)
    if isinstance(problem, CommandFailed):
        told = f"{problem.argv[0]}: {'; '.join(problem.evidence) or problem.what}"
    return f"its disk is full: {told}" if is_of_the_disk(told, Room(*room(root()))) else told
