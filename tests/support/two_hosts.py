"""The story "two hosts, one main, eight phases, one host dies": told once, for the tests and for who wants to watch.

Here is one machine, h1 and h2 are two more; `forge` only keeps the bare repository whose main all of it lands on. Gates
run on workers of h1 and h2. h2 is lost in the middle, with three agents at work on it and a worker.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.engines import Cluster, dask_cluster
from tests.support.machines import Network
from tests.support.story import Seen, Story

PHASES = tuple(f"phase-{number}" for number in range(1, 9))
HOSTS = ("h1", "h2")
PATIENCE = 180
"""Seconds for what takes all eight."""

Tell = Callable[[str], None]


@dataclass
class TwoHosts:
    """Eight phases on three machines. `pace` is how many seconds each agent takes for a task, for who watches."""

    story: Story
    network: Network
    cluster: Cluster
    tell: Tell
    pace: float = 0.0

    @classmethod
    @contextmanager
    def at(cls, root: Path, story: Story, tell: Tell, pace: float = 0.0) -> Iterator["TwoHosts"]:
        with Network.of(root, *HOSTS, "forge") as network:
            story.env["PATH"] = f"{network.path}:{story.env['PATH']}"
            with dask_cluster(root, address=network.address) as cluster:
                told = cls(story, network, cluster, tell, pace)
                told._set_up()
                yield told

    def _set_up(self) -> None:
        story, forge = self.story, self.network["forge"]
        there = forge.home / "shop.git"
        forge.run("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(there)).check()
        for host in HOSTS:
            machine = self.network[host]
            self.cluster.add_worker(f"gates of {host}", env=machine.environ, prefix=machine.inside(()))
            story.settings[f"hosts.{host}"] = {"ssh": host, "parallel": 3}
        story.settings["hosts.here"] = {"parallel": 2}
        story.settings["gate"]["workers"] = self.cluster.address
        story.settings["queue"] = {"remote": "origin"}
        story.settings["patience"]["host"] = "2s"
        slowly = f"sleep {self.pace}"
        for phase in PHASES:
            story.phase(phase, tasks=2, title=f"The {phase} of eight")
            executor = story.executor(phase).runs(slowly).commits(f"{phase}/first", "1").waits()
            executor.runs(slowly).commits(f"{phase}/second", "2")
            executor.then().runs(slowly).commits(f"{phase}/second", "2")
        story.begin()
        story.git("remote", "add", "origin", f"ssh://forge{there}")
        story.git("push", "--quiet", "origin", "main")

    def run(self) -> Sequence[str]:
        """Tell it from the launch to the last landing; return the phases in the order in which they landed."""
        lost = self.launch()
        self.network["h2"].die()
        self.tell(f"h2 has died, and with it the agents of {', '.join(lost)} and a worker")
        for phase in PHASES:
            self.story.open_door(phase)
        rest = {phase: "landed" for phase in PHASES if phase not in lost}
        self.story.until(lambda seen: rest.items() <= seen.states.items(), "the five that are left", PATIENCE)
        self.tell("what was at work here and on h1 has landed")
        for phase in lost:
            self.story.until(partial(self._is_missed, phase), f"a word about {phase}", PATIENCE)
            self.story.batty("work", phase, "--on", "h1")
            self.tell(f"{phase} begins again on h1, from its last commit")
        seen = self.story.until(lambda seen: seen.all_are("landed"), "all eight landed", PATIENCE)
        self.tell("all eight have landed")
        return seen.landed

    def launch(self) -> list[str]:
        """Fill all slots, and wait until each agent has made its first commit; return those of h2."""
        self.story.batty("work", "all", "--parallel", "8")
        for phase in PHASES:
            self.story.until_waiting(phase)
        seen = self.story.until(lambda _: all(self._has_come(phase) for phase in PHASES), "the first commits", PATIENCE)
        where = {phase: seen.of(phase)["host"] for phase in PHASES}
        for host in ("", *HOSTS):
            self.tell(f"on {host or 'this machine'}: {', '.join(p for p in PHASES if where[p] == host)}")
        return [phase for phase in PHASES if where[phase] == "h2"]

    def _has_come(self, phase: str) -> bool:
        return self.story.on_branch(phase, f"{phase}/first")

    @staticmethod
    def _is_missed(phase: str, seen: Seen) -> bool:
        return phase in str(seen.raw["attention"])

    def on_forge(self) -> list[str]:
        """Return the files of the remote's main."""
        told = self.network["forge"].run("git", "-C", "shop.git", "ls-tree", "-r", "--name-only", "main").check()
        return [path for path in told.stdout.splitlines() if path.startswith("phase-")]
