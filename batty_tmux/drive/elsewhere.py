"""Have one job run on a cluster, and see it to its end, whatever becomes of the workers.

Nothing here is a verdict but what a worker that fits says of the gate. A worker that dies, leaves or fills its disk
costs a try. A scheduler that is gone, and workers of which none fits, are a BattyError: no entry is to blame.
"""

import hashlib
import os
import secrets
import selectors
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Literal

import msgspec

from batty_tmux import __version__
from batty_tmux.drive import wire
from batty_tmux.drive.cluster import GRACE, NAMED, Cluster, Others
from batty_tmux.drive.pristine import Result
from batty_tmux.drive.wire import Absent, Done, Faulted, Reply, Sent, Unfit
from batty_tmux.drive.worker import answer
from batty_tmux.errors import BattyError
from batty_tmux.host.bundles import bundle
from batty_tmux.host.clock import monotonic
from batty_tmux.host.dask import Engine, Lost
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Stop
from batty_tmux.names import Sha, clean, slug

TRIES: Final = 3
"""Workers that one run may use up."""
_TICK: Final = 1.0
"""Seconds between two looks whether there is still a worker: of one that is gone nobody tells a client."""
_SLACK: Final = 900.0
"""Seconds that a worker may take beside gate.setup and gate.command, to fetch what it gates and to send the log."""
_TOO_LARGE: Final = 256 << 20
"""Bytes of a bundle: it is in memory here, at the scheduler, and at the worker."""
_WIDE: Final = 300
_SHA256: Final = 64
"""Digits of an object's name in a repository of the newer kind."""


@dataclass(frozen=True)
class Placed:
    """A worker has begun."""

    host: str


@dataclass(frozen=True)
class Moved:
    """A worker has not brought it to an end, for a reason that is not the gate's: another one tries."""

    host: str
    why: str


@dataclass(frozen=True)
class Ended:
    """`result` is None where it was stopped. `log` is what is to stand in the gate's log."""

    result: Result | None
    host: str = ""
    log: bytes = b""


Tell = Callable[[Placed | Moved], None]


def repository(git: Git, commit: Sha) -> tuple[str, str]:
    """Return what a worker calls its copy of the repository, and its kind of objects.

    It is told from others by this machine and its place here.
    """
    home = git.common_folder
    place = hashlib.sha256(f"{os.uname().nodename}\0{home}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = slug(home.parent.name if home.name == ".git" else home.name)
    return f"{name}-{place}", "sha256" if len(commit) == _SHA256 else "sha1"


@dataclass
class Parcel:
    """What of the repository goes along with a job: what is new above commits that a worker may have.

    Raises BattyError `too-large` where that is more than can be sent.
    """

    git: Git
    commit: Sha
    base: Sha
    above: tuple[Sha, ...]
    data: bytes = b""

    def __post_init__(self) -> None:
        self._pack()

    def _pack(self) -> None:
        self.data = bundle(self.git, {wire.CANDIDATE: self.commit, wire.BASE: self.base}, self.above)
        if len(self.data) > _TOO_LARGE:
            what = f"{self.commit[:9]} is too much to be sent to workers with its job: {len(self.data) >> 20} MB"
            raise BattyError("too-large", what, next="${EDITOR:-vi} batty.toml  # [gate] fetch")

    def again(self, have: Sequence[Sha]) -> bool:
        """Stand on what a worker has, or on nothing; False where it was sent whole already."""
        if not self.above:
            return False
        asked = "".join(f"{sha}^{{commit}}\n" for sha in have)
        rows = self.git.say("cat-file", "--batch-check=%(objectname)", stdin=asked).splitlines() if have else []
        known = tuple(Sha(row) for row in rows if not row.endswith(" missing"))
        # the same ground would be refused again
        self.above = known if set(known) != set(self.above) else ()
        self._pack()
        return True


class _Bell:
    """Wakes the thread of a journey, from threads of the engine's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._news = self._wake = -1

    def __enter__(self) -> None:
        self._news, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._news, False)

    def __exit__(self, *_: object) -> None:
        # who rings late must not write to what has the same number by then
        with self._lock:
            os.close(self._wake)
            os.close(self._news)
            self._news = self._wake = -1

    def ring(self) -> None:
        with self._lock, suppress(BlockingIOError):
            # one that is full of rings has been heard
            if self._wake != -1:
                os.write(self._wake, b".")

    def wait(self, stop: Stop, seconds: float) -> None:
        """Wait until it rings, the stop is set, or the time is up."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._news, selectors.EVENT_READ)
            selector.register(stop, selectors.EVENT_READ)
            selector.select(seconds)
        with suppress(BlockingIOError):
            os.read(self._news, 1 << 10)


@dataclass
class Journey:
    """One job on its way. `at` is where it has begun, by name and address.

    `lost` are the workers that it has used up and why; `deaths` counts those among them that were gone while they ran
    it; `refused` are those, by address, that it is not given to again.
    """

    cluster: Cluster
    engine: Engine
    sent: Sent
    stop: Stop
    tell: Tell
    at: tuple[str, str] | None = None
    lost: list[str] = field(default_factory=list)
    deaths: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    _begun: deque[tuple[str, str]] = field(default_factory=deque)
    _deadline: float = float("inf")
    _bell: _Bell = field(default_factory=_Bell)

    def go(self, parcel: Parcel | None) -> Ended:
        """Go on until there is an answer or the stop is set. Raises BattyError `no-scheduler` or `no-worker`."""
        with self._bell:
            data, pinned = parcel.data if parcel else b"", ""
            while (seats := self._seats()) is not None:
                with self.cluster.seated(seats, pinned) as chosen:
                    reply = self._once(chosen, data)
                if reply == "stopped":
                    break
                pinned = ""
                if isinstance(reply, Reply):
                    if isinstance(reply.answer, Done) and not reply.answer.result.stopped:
                        return Ended(reply.answer.result, clean(reply.host, NAMED), wire.unpacked(reply.answer))
                    if isinstance(reply.answer, Absent) and parcel is not None and parcel.again(reply.answer.have):
                        data, pinned = parcel.data, reply.address
                        continue
                    self._use_up(reply.host, reply.address, _why(reply))
                if len(self.lost) >= TRIES:
                    return self._gives_up()
            return Ended(None, self.host)

    @property
    def host(self) -> str:
        return self.at[0] if self.at is not None else ""

    def _seats(self) -> list[str] | None:
        """Return the workers that it may go to; None where it is stopped. Raises BattyError where there is none."""
        until = monotonic() + GRACE
        while not self.stop.is_set():
            fit, others = self.cluster.look(self.sent.wanted)
            left = [at for at in fit if at not in self.refused]
            if left:
                return left
            if monotonic() >= until or self.refused or (others and not self.lost):
                raise self._no_worker(others)
            self._bell.wait(self.stop, _TICK)
        return None

    def _once(self, seats: Sequence[str], data: bytes) -> Reply | Literal["stopped", "again"]:
        """Give it to the workers, whichever has room first, and wait for an answer."""
        sent = msgspec.structs.replace(self.sent, id=secrets.token_hex(8))
        self._deadline = float("inf")
        with self.cluster.heeding(sent.id, self._heard):
            future = self.engine.submit(answer, (__version__, wire.encode(sent), data), f"batty-gate-{sent.id}", seats)
            future.add_done_callback(lambda _: self._bell.ring())
            try:
                while not future.done():
                    self._bell.wait(self.stop, _TICK)
                    self._take_note()
                    if self.stop.is_set():
                        return "stopped"
                    if not future.done() and self._is_in_vain(seats):
                        return "again"
                return self._reply(future)
            finally:
                future.cancel()

    def _heard(self, host: str, address: str) -> None:
        self._begun.append((host, address))
        self._bell.ring()

    def _take_note(self) -> None:
        """Tell where it has begun. Where that is elsewhere than before, the engine has moved it off a dead worker."""
        while self._begun:
            begun = self._begun.popleft()
            job = self.sent.job
            self._deadline = monotonic() + job.seconds * (2 if job.setup else 1) + _SLACK
            if begun != self.at:
                self._left()
                self.at = begun
                self.tell(Placed(begun[0]))

    def _is_in_vain(self, seats: Sequence[str]) -> bool:
        """Tell whether no answer will come. Raises BattyError where the scheduler is gone."""
        if not self.engine.is_there:
            raise self.engine.gone()
        if len(self.lost) >= TRIES:
            return True
        if self.at is not None and monotonic() > self._deadline:
            self._use_up(*self.at, "it does not come to an end")
            return True
        if not set(seats) & set(self.engine.seats()):
            self._left()
            return True
        return False

    def _reply(self, future: "Future[object]") -> Reply | Literal["again"]:
        self._take_note()
        try:
            return wire.replies.decode(self.engine.result(future))  # type: ignore[arg-type]
        except Lost as lost:
            if lost.gone:
                raise self.engine.gone() from lost
            self._fails(str(lost))
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            self._fails("its answer cannot be read")
        return "again"

    def _left(self) -> None:
        """Take note that the worker it was on has died, or cannot be reached: it is not to be found there again."""
        if self.at is not None:
            self.deaths += 1
            self._use_up(self.at[0], "", "it is gone")

    def _fails(self, why: str) -> None:
        """Take note that the engine has given it up, and how it says so."""
        self.deaths += 1
        self._use_up(self.host or self.cluster.url, "", why)

    def _use_up(self, host: str, address: str, why: str) -> None:
        """Leave a worker and say so; one that is named by its address is not asked again."""
        host, why = clean(host, NAMED), clean(why, _WIDE)
        self.lost.append(f"{host}: {why}")
        if address:
            self.refused[address] = f"{host}: {why}"
        self.at = None
        self.tell(Moved(host, why))

    def _gives_up(self) -> Ended:
        """End without a verdict on the code. A gate at which workers die may be why; else the workers are to blame."""
        if not self.deaths:
            raise self._no_worker({})
        told = f"batty: {len(self.lost)} workers did not bring it to an end\n"
        rows = "".join(f"batty: {line}\n" for line in self.lost)
        return Ended(Result("infra"), self.host, (told + rows).encode("utf-8", "replace"))

    def _no_worker(self, others: Others) -> BattyError:
        return self.cluster.no_worker(f"the gate of {self.sent.job.phase}", others, self.lost)


def _why(reply: Reply) -> str:
    match reply.answer:
        case Unfit(differs=differs):
            return "; ".join(differs)
        case Faulted(what=what):
            return what
        case Absent():
            return "its mirror does not take the commit"
        case Done():
            return "it has ended the gate, as a worker that leaves does"
        case _:
            return "it has run nothing"
