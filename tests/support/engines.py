"""Redis and Dask as the tests start them: real servers, on ports of their own, ended with the test."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client
from redis import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from tests.support.machines import free_port, program
from tests.support.server import DEADLINE, eventually

_DASK = (sys.executable, "-m", "dask")


@dataclass
class Engine:
    """A server that can be killed and started again at the same address."""

    argv: Sequence[str]
    address: str
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(self.env), cwd=self.log.parent
            )

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def redis_server(folder: Path, address: str = "127.0.0.1") -> Iterator[Engine]:
    """A Redis that keeps nothing. `address` of the engine is its URL."""
    port = free_port()
    words = (program("redis-server"), "--port", str(port), "--bind", address, "--save", "", "--protected-mode", "no")
    engine = Engine(words, f"redis://{address}:{port}/0", folder / "redis.log")
    engine.start()
    try:
        eventually(lambda: answers(engine.address), f"Redis: {engine.log}")
        yield engine
    finally:
        engine.kill()


def answers(url: str) -> bool:
    """Tell whether a Redis is there."""
    try:
        with Redis.from_url(url, socket_timeout=1, retry=None) as client:
            return bool(client.ping())
    except (NoConnection, NoAnswer):
        return False


@dataclass
class Cluster:
    """A scheduler and its workers, each a process that can be killed."""

    folder: Path
    scheduler: Engine
    workers: list[Engine] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What `[gate] workers` is set to."""
        return self.scheduler.address.replace("tcp://", "dask://")

    def add_worker(self, name: str, env: Mapping[str, str] | None = None, prefix: Sequence[str] = ()) -> Engine:
        """Start a worker with one slot. `prefix` are words that start it elsewhere, as on a Machine."""
        words = (*_DASK, "worker", self.scheduler.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        log = self.folder / f"{name}.log"
        engine = Engine((*prefix, *words, "--name", name), name, log, env or dict(os.environ))
        engine.start()
        self.workers.append(engine)
        return engine

    def wait_for_workers(self, number: int) -> None:
        """Wait until so many are there."""
        with Client(self.scheduler.address, timeout=DEADLINE, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            if number:
                client.wait_for_workers(number, timeout=DEADLINE)


@contextmanager
def dask_cluster(folder: Path, *workers: str, address: str = "127.0.0.1") -> Iterator[Cluster]:
    """A scheduler with workers of these names, all of them there. `address` is where the scheduler listens."""
    port = free_port()
    words = (*_DASK, "scheduler", "--host", address, "--port", str(port), "--no-dashboard")
    cluster = Cluster(folder, Engine(words, f"tcp://{address}:{port}", folder / "scheduler.log"))
    cluster.scheduler.start()
    try:
        for name in workers:
            cluster.add_worker(name)
        cluster.wait_for_workers(len(workers))
        yield cluster
    finally:
        for engine in (*cluster.workers, cluster.scheduler):
            engine.kill()
