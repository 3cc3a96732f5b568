"""Run the gate for somebody, here or on a worker, and journal it: that it begins, where it is, and what came of it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from batty_tmux.config_tables import Config
from batty_tmux.core.events import GateFinished, GateMoved, GatePlaced, GateStarted, GateStopped, Purpose
from batty_tmux.core.failures import failed_tests
from batty_tmux.core.pins import candidate_pin
from batty_tmux.core.queue_state import GateKey
from batty_tmux.drive import wire
from batty_tmux.drive.cluster import Cluster
from batty_tmux.drive.command_log import fresh_log, settle_left
from batty_tmux.drive.elsewhere import Journey, Moved, Parcel, Placed, repository
from batty_tmux.drive.place import Place
from batty_tmux.drive.pristine import Job, Result, Site, carry_out
from batty_tmux.drive.scribe import DONE
from batty_tmux.drive.toolchain import Tools
from batty_tmux.drive.wire import Sent
from batty_tmux.errors import BattyError
from batty_tmux.host.files import write_whole
from batty_tmux.host.lock import Held, exclusive
from batty_tmux.host.machine import digest
from batty_tmux.host.process import Stop
from batty_tmux.names import PhaseId, RunId, Sha

_LAST_WORDS = 1 << 20
"""Bytes from the end of a log in which the names of failed tests are looked for."""


@dataclass(frozen=True)
class GateSpec:
    """What is run, as the base branch says it. `files` are more paths than are known to define it.

    `workers` is the scheduler of those that run it, "" where that is here; see config_tables.
    """

    command: str
    seconds: float
    setup: str
    keep: tuple[str, ...]
    files: tuple[str, ...] = ()
    workers: str = ""
    fetch: str = ""
    toolchain: str = ""

    @classmethod
    def of(cls, config: Config) -> "GateSpec":
        gate = config.gate
        if not gate.command.strip():
            raise BattyError(
                "no-gate",
                "batty.toml on the base branch sets no gate.command, so nothing could be proved before landing",
                next="${EDITOR:-vi} batty.toml",
            )
        run = (gate.command, gate.seconds, gate.setup, gate.keep, gate.files)
        return cls(*run, gate.workers, gate.fetch, gate.toolchain)

    def job(self, phase: PhaseId, commit: Sha, tree: Sha) -> Job:
        return Job(phase, commit, tree, self.command, self.setup, self.keep, self.seconds)

    @property
    def digest(self) -> str:
        return self._of_anything.gate

    @property
    def hygiene(self) -> str:
        return self._of_anything.hygiene

    @property
    def _of_anything(self) -> Job:
        return self.job(PhaseId(""), Sha(""), Sha(""))

    @property
    def tools(self) -> Tools:
        return Tools(self.command, self.setup, self.toolchain)

    def key(self, environ: Mapping[str, str]) -> GateKey:
        """Return what verdicts belong to beside a tree, where the gate is run with this environment.

        Raises BattyError `toolchain` where gate.toolchain does not say it.
        """
        return GateKey(self.digest, digest(self.tools.facts(environ)), self.hygiene)

    def wanted(self, environ: Mapping[str, str]) -> wire.Wanted:
        """Return what a worker must be, so that its verdicts are worth as much as those from here."""
        return wire.Wanted(self.tools, wire.rows(self.tools.facts(environ)))


@dataclass(frozen=True)
class Subject:
    """What is gated, for whom, and with whose environment. `base` is where `ref`, the base, is now."""

    phase: PhaseId
    commit: Sha
    tree: Sha
    purpose: Purpose
    run: RunId
    environ: Mapping[str, str]
    base: Sha = Sha("")
    ref: str = ""


def run_gate(place: Place, spec: GateSpec, subject: Subject, slots: Path) -> GateFinished:
    """Run the gate to its verdict and journal both."""
    with Stop() as never:
        ended = run_unless_stopped(place, spec, subject, slots, never)
    # nobody has that stop but this function
    return cast("GateFinished", ended)


def run_unless_stopped(
    place: Place, spec: GateSpec, subject: Subject, slots: Path, stop: Stop, cluster: Cluster | None = None
) -> GateFinished | GateStopped:
    """Run the gate and journal both its start and its verdict, or that it was stopped before it had one.

    `cluster` is the spec's, where the caller has it open. Raises BattyError where the gate cannot be run at all, as
    without a scheduler: what was journaled as begun is journaled as stopped then.
    """
    with _reached(spec, subject, stop, cluster) as workers:
        # all that may be refused comes before anything is journaled: it is tried again and again
        parcel = _parcel(place, subject) if workers is not None and not spec.fetch else None
        folder = place.phase_folder(subject.run, subject.phase)
        settle_left(folder)
        log = fresh_log(folder, "gate")
        gate = _Gate(place, spec, subject, log)
        place.records.append(GateStarted(**gate.what, **gate.key, host=spec.workers))
        with exclusive(log) as writing:
            if workers is not None:
                return gate.elsewhere(workers, parcel, writing, stop)
            site = Site(place.git, slots, place.state)
            return gate.ended(carry_out(gate.job, site, subject.environ, writing, stop))


@contextmanager
def _reached(spec: GateSpec, subject: Subject, stop: Stop, cluster: Cluster | None) -> Iterator[Cluster | None]:
    """Yield the workers' cluster, with one that fits, unless it was stopped before."""
    if not spec.workers:
        yield None
        return
    with ExitStack() as stack:
        if cluster is None or cluster.url != spec.workers:
            cluster = stack.enter_context(closing(Cluster(spec.workers)))
        cluster.expect(spec.wanted(subject.environ), f"the gate of {subject.phase}", stop)
        yield cluster


def _parcel(place: Place, subject: Subject) -> Parcel:
    """Return what goes along to a worker: above the base at first, which workers are likely to have."""
    above = (subject.base,) if subject.base else ()
    return Parcel(place.git, subject.commit, subject.base or subject.commit, above)


class _What(TypedDict):
    run: RunId
    phase: PhaseId
    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str


class _Key(TypedDict):
    gate: str
    environment: str
    hygiene: str


class _Gate:
    """One run, and what the journal is to know of it."""

    def __init__(self, place: Place, spec: GateSpec, subject: Subject, log: Path) -> None:
        self.place, self.spec, self.subject, self.log = place, spec, subject, log
        self.job = spec.job(subject.phase, subject.commit, subject.tree)
        self.what: _What = {
            "run": subject.run,
            "phase": subject.phase,
            "purpose": subject.purpose,
            "commit": subject.commit,
            "tree": subject.tree,
            "log": str(log),
        }
        key = spec.key(subject.environ)
        self.key: _Key = {"gate": key.gate, "environment": key.environment, "hygiene": key.hygiene}

    def elsewhere(
        self, cluster: Cluster, parcel: Parcel | None, writing: Held, stop: Stop
    ) -> GateFinished | GateStopped:
        """Have it run on a worker. What it said there comes without its secrets, when it has ended."""
        git, subject, fetch = self.place.git, self.subject, self.spec.fetch
        pin = candidate_pin(subject.commit)
        if fetch:
            git.pin(pin, subject.commit)
        name, kind = repository(git, subject.commit)
        # who is asked without a base, as for a trial of a gate, is asked about the commit alone
        branch, base = subject.ref or "refs/heads/main", subject.base or subject.commit
        wanted = self.spec.wanted(subject.environ)
        sent = Sent("", self.job, wanted, name, kind, branch, base, fetch, pin if fetch else "")
        try:
            ended = Journey(cluster, cluster.connect(), sent, stop, self._told).go(parcel)
        except BattyError:
            self.place.records.append(GateStopped(**self.what))
            raise
        write_whole(writing.descriptor, ended.log)
        os.fchmod(writing.descriptor, DONE)
        return self.ended(ended.result or Result("infra", stopped=True), ended.host)

    def _told(self, news: Placed | Moved) -> None:
        if isinstance(news, Placed):
            self.place.records.append(GatePlaced(**self.what, host=news.host))
        else:
            self.place.records.append(GateMoved(**self.what, host=news.host, why=news.why))

    def ended(self, result: Result, host: str = "") -> GateFinished | GateStopped:
        """Journal what came of it."""
        if result.stopped:
            stopped = GateStopped(**self.what)
            self.place.records.append(stopped)
            return stopped
        finished = GateFinished(
            **self.what,
            **self.key,
            verdict=result.verdict,
            status=result.status,
            seconds=result.seconds,
            cpu=result.cpu,
            memory=result.memory,
            beside=result.beside,
            failed=() if result.verdict == "pass" else failed_tests(_tail(self.log)),
            host=host,
        )
        self.place.records.append(finished)
        return finished


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_WORDS))
        return file.read().decode("utf-8", "replace")
