"""What a lander stands on, looked at anew before each step: a landing may change the gate itself."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from batty_tmux.config import ConfigError
from batty_tmux.config_tables import Config
from batty_tmux.core import slots
from batty_tmux.core.queue_state import Entry, GateKey
from batty_tmux.drive.cluster import Cluster
from batty_tmux.drive.gate import GateSpec
from batty_tmux.drive.place import Place
from batty_tmux.drive.renamed import no_base
from batty_tmux.drive.settings import SettingsReader, base_of
from batty_tmux.host.lock import Held
from batty_tmux.host.machine import cores, memory
from batty_tmux.names import Base, RunId, Sha

MOST: Final = 64
"""Gates at once, wherever they run: as many as queue.slots may say."""


@dataclass(frozen=True)
class Ground:
    """The repository, its base branch and where that is, the gate as the base defines it.

    `slots` is the folder of the gates' worktrees, `at_once` how many may be at work; `environ` is a gate's. `cluster`
    are the workers that run gates, None where they run here.
    """

    place: Place
    base: Base
    tip: Sha
    tree: Sha
    gate: GateSpec
    slots: Path
    environ: Mapping[str, str]
    at_once: int = 1
    batch: bool = False
    cluster: Cluster | None = None
    lock: str = ""
    """Address of the Redis by which machines take turns, or nothing."""

    @property
    def ref(self) -> str:
        return self.base.ref

    @property
    def key(self) -> GateKey:
        return self.gate.key(self.environ)

    def holding(self, held: Held) -> "Ground":
        """Return the same ground with a git whose children keep the landing lock until they have finished."""
        return replace(self, place=self.place.holding(held))


class Lookout:
    """Looks where the base is and what it says, with one call of git where it has not moved."""

    def __init__(self, place: Place, base: str, environ: Mapping[str, str]) -> None:
        self.place = place
        self.name = base
        self.environ = environ
        self._memory = memory()
        self._pace = slots.Pace()
        self._paced = 0
        self._readers: dict[Base, SettingsReader] = {}
        self._clusters: dict[str, Cluster] = {}

    def __call__(self) -> Ground:
        """Raises BattyError where there is no base, no gate, or a batty.toml on it that cannot be read."""
        self.place.records.refresh()
        base, tip, tree, config = self._where()
        gate = GateSpec.of(config)
        cluster = self._workers(gate.workers)
        return Ground(
            place=self.place,
            base=base,
            tip=tip,
            tree=tree,
            gate=gate,
            slots=worktrees(self.place, config),
            environ=self.environ,
            at_once=self._at_once(config, gate, cluster),
            batch=config.queue.gate == "batch",
            cluster=cluster,
            lock=config.queue.lock,
        )

    def _workers(self, url: str) -> Cluster | None:
        """Return the cluster that the base names now. It is not reached before a gate is to run there."""
        return self._clusters.setdefault(url, Cluster(url)) if url else None

    def base(self) -> Base:
        """Return the base as the branch here names it now, whether or not it has been fetched."""
        return base_of(self.place.home, self.name)

    def _where(self) -> tuple[Base, Sha, Sha, Config]:
        local = Base(self.name)
        found = self.place.git.tip_and_tree(local.ref)
        try:
            config = self._at(local, found[0]) if found is not None else None
        except ConfigError:
            # a remote's branch may have a file that can be read: what is behind it does not count there
            if not self.base().remote:
                raise
            config = None
        if found is not None and config is not None and not config.queue.remote:
            return local, *found, config
        base = Base(self.name, config.queue.remote) if config is not None else self.base()
        found = self.place.git.tip_and_tree(base.ref)
        if found is None:
            raise no_base(self.place, base)
        return base, *found, self._at(base, found[0])

    def _at(self, base: Base, tip: Sha) -> Config:
        return self._readers.setdefault(base, SettingsReader(self.place.home, base)).at(tip)

    def _at_once(self, config: Config, gate: GateSpec, cluster: Cluster | None) -> int:
        wanted = config.queue.slots
        if isinstance(wanted, int):
            return wanted
        if cluster is not None:
            # as long as nothing calls for a gate, nobody needs to know
            return min(MOST, max(1, cluster.slots(gate.wanted(self.environ)))) if cluster.connected else 1
        events = self.place.records.events
        for event in events[self._paced :]:
            self._pace = slots.apply(self._pace, event)
        self._paced = len(events)
        return slots.limit(self._pace, cores(), self._memory)


def worktrees(place: Place, config: Config) -> Path:
    """Return the folder that worktrees are made in, beside the main checkout unless the settings say otherwise."""
    return Path(os.path.normpath(place.home / config.run.worktrees.format(repo=place.name)))


def run_of(ground: Ground, entry: Entry) -> RunId:
    """Return the run in which the entry's phase was last heard of."""
    events = ground.place.records.events
    return next((e.run for e in reversed(events) if getattr(e, "phase", None) == entry.phase and e.run), RunId("000"))
