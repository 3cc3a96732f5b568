"""The one door to Dask: a scheduler that takes functions and runs them on workers. Imported only where it is used.

Both sides are here: `Engine` is a client's, `desk` is for a function that runs on a worker. A function is sent as a
call that is pickled whole, so that scheduler and workers need nothing of ours to pass it on, and a worker that lacks it
says so as it says anything else.
"""

import logging
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from batty_tmux.errors import BattyError

PATIENCE: Final = 10.0
"""Seconds that a scheduler may take to answer."""
_LARGE: Final = "10GB"
"""Up to which size a task comes without a warning: a bundle may be large, and is wanted."""
_ALIVE: Final = frozenset({"running", "paused"})
"""The states of a worker that goes on with what it has begun."""


@dataclass(frozen=True)
class Seat:
    """A worker. `address` is the engine's name for it, `name` a person's."""

    address: str
    name: str
    threads: int


class Lost(Exception):
    """A task ended without an answer: what became of it, in the engine's words; `by_engine` where it gave it up."""

    def __init__(self, what: str, *, gone: bool = False) -> None:
        super().__init__(what)
        self.gone = gone
        """The scheduler is gone, and nobody knows."""


class _Call:
    """Pickles as a call of a function: to load it is to call it."""

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


class Engine:
    """A client of one scheduler. Raises BattyError `no-package` or `no-scheduler`; close it in the end.

    `url` begins with dask:// or dask+tls://; certificates for the latter are Dask's own settings.
    """

    def __init__(self, url: str) -> None:
        distributed = _distributed(url)
        self.url = url
        address = url.replace("dask+tls://", "tls://").replace("dask://", "tcp://")
        if address.startswith("tls:") and not distributed.Security().get_connection_args("client").get("ssl_context"):
            # Dask itself would find out late, and not come to an end over it
            raise _no_scheduler(url, "wants certificates", ("distributed.comm.tls of Dask's own settings names none",))
        try:
            self._client: Any = distributed.Client(address, timeout=PATIENCE, set_as_default=False, name="batty")
        except (OSError, TimeoutError, ValueError, RuntimeError) as problem:
            raise _no_scheduler(url, "does not answer", (str(problem),)) from problem

    @property
    def is_there(self) -> bool:
        """Whether the scheduler holds what was given to it: after a break it knows nothing of that."""
        return bool(self._client.status == "running")

    def seats(self) -> dict[str, Seat]:
        """Return the workers that are there now, by address. Raises BattyError `no-scheduler`."""
        try:
            told = self._client.sync(self._client.scheduler.identity, callback_timeout=PATIENCE)
        except (OSError, TimeoutError, RuntimeError, AttributeError) as problem:
            raise self.gone() from problem
        workers: Mapping[str, Mapping[str, Any]] = told["workers"]
        return {at: Seat(at, _name(at, of.get("name")), int(of.get("nthreads", 1))) for at, of in workers.items()}

    def given(self) -> dict[str, int]:
        """Return how many tasks each worker has and has not ended, by address. Raises BattyError `no-scheduler`."""
        try:
            told = self._client.sync(self._client.scheduler.processing, callback_timeout=PATIENCE)
        except (OSError, TimeoutError, RuntimeError, AttributeError) as problem:
            raise self.gone() from problem
        return {str(at): len(keys) for at, keys in told.items()}

    def versions(self) -> tuple[str, str]:
        """Return the versions of Dask here and at the scheduler, each "" where it is not told."""
        try:
            told = self._client.sync(self._client.scheduler.versions, callback_timeout=PATIENCE)
        except (OSError, TimeoutError, RuntimeError, AttributeError) as problem:
            raise self.gone() from problem
        return str(_distributed(self.url).__version__), str(told["packages"].get("distributed") or "")

    def ask(
        self, function: Callable[..., bytes], arguments: tuple[object, ...], addresses: Iterable[str], seconds: float
    ) -> dict[str, bytes | str]:
        """Call a short function on workers, whatever they are at. What it returned, or in words why nothing came."""
        import asyncio  # noqa: PLC0415 -- only who has reached a scheduler needs it

        loop = self._client.loop.asyncio_loop
        data = pickle.dumps(_Call(function, arguments))
        asked = {}
        for address in addresses:
            coming = self._client.run(pickle.loads, data, workers=[address], on_error="return", asynchronous=True)
            asked[address] = asyncio.run_coroutine_threadsafe(coming, loop)
        wait(asked.values(), timeout=seconds)
        return {address: _told(answer, address) for address, answer in asked.items()}

    def submit(
        self, function: Callable[..., bytes], arguments: tuple[object, ...], key: str, addresses: Sequence[str]
    ) -> "Future[object]":
        """Give a task to whichever of these workers has room first. The engine moves it where that one dies."""
        slots = self._client.get_executor(pure=False, retries=0, workers=list(addresses), allow_other_workers=False)
        future: Future[object] = slots.submit(pickle.loads, pickle.dumps(_Call(function, arguments)), key=key)
        return future

    def result(self, future: "Future[object]") -> object:
        """Return what a task that has ended gave. Raises Lost where it gave nothing."""
        if future.cancelled():
            raise Lost("the scheduler was lost", gone=True)
        problem = future.exception()
        if problem is None:
            return future.result()
        raise Lost(_words(problem)) from problem

    def hear(self, topic: str, told: Callable[[object], None]) -> None:
        """Hear what workers tell from now on, in a thread of the engine's."""
        self._client.subscribe_topic(topic, lambda event: told(event[1]))

    def gone(self) -> BattyError:
        return _no_scheduler(self.url, "was lost", ())

    def close(self) -> None:
        # it may be gone, and then there is nothing to tell it
        with suppress(OSError, TimeoutError, RuntimeError):
            self._client.close(timeout=PATIENCE)


@dataclass(frozen=True)
class Desk:
    """The worker that the calling task runs on."""

    name: str
    address: str
    _worker: Any
    _key: str

    def tell(self, topic: str, message: Mapping[str, str]) -> None:
        """Tell clients who hear the topic."""
        self._worker.log_event(topic, dict(message))

    def is_wanted(self) -> bool:
        """Tell whether somebody still waits for the task: not where it was cancelled, nor where its client is gone."""
        task = self._worker.state.tasks.get(self._key)
        return task is not None and task.state == "executing" and self._worker.status.value in _ALIVE


def desk() -> Desk:
    """Return where this task runs. Only inside of one."""
    from distributed import get_worker  # noqa: PLC0415 -- a worker has it; nobody else needs it

    worker = get_worker()
    return Desk(_name(worker.address, worker.name), worker.address, worker, str(worker.get_current_task()))


def _distributed(url: str) -> Any:  # noqa: ANN401 -- a module without types
    try:
        import dask  # noqa: PLC0415 -- half a second that only who has workers pays
        import distributed  # noqa: PLC0415 -- as above
    except ImportError as missing:
        what = f"gates run on {url}, and the package for that is not installed"
        raise BattyError(
            "no-package", what, evidence=(str(missing),), next="pip install 'batty-tmux[cluster]'"
        ) from missing
    # what goes wrong is told by us, once
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set({"distributed.admin.large-graph-warning-threshold": _LARGE})
    return distributed


def _no_scheduler(url: str, what: str, evidence: tuple[str, ...]) -> BattyError:
    told = f"the scheduler {url} {what}; nothing is lost, and what is queued stays queued"
    return BattyError("no-scheduler", told, evidence=evidence, next="batty doctor")


def _name(address: str, name: object) -> str:
    """Return a worker's name; where nobody gave it one, its address without the kind of connection."""
    text = str(name) if name is not None else address
    return text.partition("://")[2] or text


def _told(answer: "Future[Any]", address: str) -> bytes | str:
    if not answer.done():
        answer.cancel()
        return "does not answer"
    problem = answer.exception()
    if problem is not None:
        return _words(problem)
    told = answer.result()
    value = told.get(address) if isinstance(told, dict) else None
    return value if isinstance(value, bytes) else _words(value) if isinstance(value, BaseException) else "is gone"


def _words(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}".split("\n")[0]
