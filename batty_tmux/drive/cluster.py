"""The workers of a cluster as gate slots: which of them fit, and how many gates they can run at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Final

import msgspec

from batty_tmux import __version__
from batty_tmux.drive import wire
from batty_tmux.drive.wire import Unfit, Wanted
from batty_tmux.drive.worker import fitness
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.dask import Engine, Seat
from batty_tmux.host.process import Stop, pause
from batty_tmux.names import clean

_ASK: Final = 12.0
"""Seconds that a worker may take to say what tools it has; gate.toolchain has ten."""
_FRESH: Final = 300.0
"""Seconds after which one that did not fit is asked again."""
GRACE: Final = 15.0
"""Seconds in which a worker may come where there is none: a nanny starts it again."""
_AGAIN: Final = 0.5
"""Seconds between two looks for one."""
_WIDE: Final = 300
NAMED: Final = 80
"""Characters of a worker's name that are kept."""

Others = dict[str, tuple[str, ...]]
"""Workers that do not fit, by name, and what is another one there than here."""


class Cluster:
    """The workers of one scheduler. One for a lander, shared by its threads; `close` it in the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine | None = None
        self._lock = Lock()
        self._seating = Lock()
        self._taken: Counter[str] = Counter()
        self._heeding: dict[str, Callable[[str, str], None]] = {}
        self._known: dict[tuple[str, bytes], tuple[float, tuple[str, ...]]] = {}

    @property
    def connected(self) -> bool:
        return self._engine is not None

    def connect(self) -> Engine:
        """Reach the scheduler. Raises BattyError `no-package` or `no-scheduler`; so does all that is asked of it."""
        with self._lock:
            if self._engine is None:
                self._engine = Engine(self.url)
                self._engine.hear(wire.TOPIC, self._heard)
            return self._engine

    def close(self) -> None:
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None

    def expect(self, wanted: Wanted, what: str, stop: Stop) -> None:
        """Wait a while for a worker that fits, or the stop. Raises BattyError `no-worker`, which says for what."""
        until = monotonic() + GRACE
        while not stop.is_set():
            fit, others = self.look(wanted)
            if fit:
                return
            if others or monotonic() >= until:
                raise self.no_worker(what, others)
            pause(_AGAIN)

    def no_worker(self, what: str, others: Others, lost: Sequence[str] = ()) -> BattyError:
        """Say that none can run it: each by name, and what is the matter with it."""
        told = [f"{host}: {line}" for host, lines in others.items() for line in lines]
        evidence = tuple(dict.fromkeys((*lost, *told)))
        none = "" if evidence else ", for there is none"
        return BattyError(
            "no-worker", f"no worker of {self.url} can run {what}{none}", evidence=evidence, next="batty doctor"
        )

    def slots(self, wanted: Wanted) -> int:
        """Return how many gates the workers that fit can run at once."""
        return sum(seat.threads for seat in self.look(wanted)[0].values())

    def look(self, wanted: Wanted) -> tuple[dict[str, Seat], Others]:
        """Return the workers that fit, by address, and the others, by name."""
        engine = self.connect()
        seats, data = engine.seats(), wire.encode(wanted)
        with self._lock:
            asked = [at for at in seats if self._is_to_be_asked(at, data)]
            said = engine.ask(fitness, (__version__, data), asked, _ASK) if asked else {}
            self._known |= {(at, data): (monotonic(), _differs(told)) for at, told in said.items()}
        differs = {at: self._known[at, data][1] for at in seats}
        fit = {at: seat for at, seat in seats.items() if not differs[at]}
        return fit, {clean(seats[at].name, NAMED): why for at, why in differs.items() if why}

    @contextmanager
    def seated(self, addresses: Sequence[str], first: str = "") -> Iterator[Sequence[str]]:
        """Keep a place for one job for the block: at the worker with the most room, or with all where none has any.

        One that is named `first` goes before the others, if it has any room.

        Left to the engine, a job may stand behind another that takes an hour, while a worker beside it has nothing to
        do: it takes no job from a queue whose time it does not know.
        """
        with self._seating:
            engine = self.connect()
            there, given = engine.seats(), engine.given()
            room = {at: there[at].threads - max(given.get(at, 0), self._taken[at]) for at in addresses if at in there}
            best = first if room.get(first, 0) > 0 else max(room, key=room.__getitem__, default=None)
            chosen = (best,) if best is not None and room[best] > 0 else ()
            self._taken.update(chosen)
        try:
            yield chosen or addresses
        finally:
            with self._seating:
                self._taken.subtract(chosen)

    def _is_to_be_asked(self, address: str, data: bytes) -> bool:
        known = self._known.get((address, data))
        return known is None or (bool(known[1]) and monotonic() - known[0] > _FRESH)

    @contextmanager
    def heeding(self, job: str, begun: Callable[[str, str], None]) -> Iterator[None]:
        """For the block, have it called with name and address of each worker that begins a job."""
        self._heeding[job] = begun
        try:
            yield
        finally:
            del self._heeding[job]

    def _heard(self, told: object) -> None:
        """Take note that a worker has begun. In a thread of the engine's."""
        if isinstance(told, dict):
            begun = self._heeding.get(str(told.get("id")))
            if begun is not None:
                begun(clean(str(told.get("host")), NAMED), str(told.get("address")))


def _differs(told: bytes | str) -> tuple[str, ...]:
    """Return what keeps a worker from running jobs; nothing where it fits."""
    if isinstance(told, str):
        return (clean(told, _WIDE),)
    try:
        said = wire.fitnesses.decode(told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ("its answer cannot be read",)
    return tuple(clean(line, _WIDE) for line in said.differs) or ("?",) if isinstance(said, Unfit) else ()
