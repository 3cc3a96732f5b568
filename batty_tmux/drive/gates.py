"""Gates at work beside the lander's own loop, each in a slot of an executor.

Here a slot is a thread that owns the gate's process; where gates run on workers, it is a thread that sees one to its
end on the engine's own executor.
"""

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from batty_tmux.core.events import GateFinished, GateStopped
from batty_tmux.core.queue_plan import RunGate
from batty_tmux.drive.cluster import Cluster
from batty_tmux.drive.gate import Subject, run_unless_stopped
from batty_tmux.drive.ground import MOST, Ground, run_of
from batty_tmux.drive.senses import Bell
from batty_tmux.host.process import Stop
from batty_tmux.names import Sha

Outcome = GateFinished | GateStopped


def _slots() -> Executor:
    return ThreadPoolExecutor(MOST, thread_name_prefix="gate")


@dataclass(frozen=True)
class _Gate:
    stop: Stop
    future: "Future[Outcome]"


@dataclass
class Gates:
    """The runs of one lander, by the tree that is gated. The bell rings when one has ended."""

    bell: Bell
    slots: Executor = field(default_factory=_slots)
    at_work: dict[Sha, _Gate] = field(default_factory=dict)
    clusters: list[Cluster] = field(default_factory=list)

    @property
    def running(self) -> frozenset[Sha]:
        return frozenset(self.at_work)

    def begin(self, ground: Ground, effect: RunGate) -> None:
        subject = Subject(
            phase=effect.entry.phase,
            commit=effect.commit,
            tree=effect.tree,
            purpose=effect.purpose,
            run=run_of(ground, effect.entry),
            environ=ground.environ,
            base=ground.tip,
            ref=ground.base.ref,
        )
        if ground.cluster is not None and ground.cluster not in self.clusters:
            self.clusters.append(ground.cluster)
        stop = Stop()
        future = self.slots.submit(
            run_unless_stopped, ground.place.apart(), ground.gate, subject, ground.slots, stop, ground.cluster
        )
        self.at_work[effect.tree] = _Gate(stop, future)
        future.add_done_callback(lambda _: self.bell.gate_ended())

    def stop(self, tree: Sha) -> None:
        """End a run; its slot is free once it has been collected."""
        self.at_work[tree].stop.set()

    def collect(self) -> list[Outcome]:
        """Take leave of the runs that have ended. Raises what one of them raised."""
        ended = {tree: gate for tree, gate in self.at_work.items() if gate.future.done()}
        for tree, gate in ended.items():
            self.at_work.pop(tree)
            gate.stop.close()
        return [gate.future.result() for gate in ended.values()]

    def end(self) -> None:
        """Stop all runs, wait for their ends, and leave the workers: what a lander began does not outlive it."""
        for gate in self.at_work.values():
            gate.stop.set()
        self.slots.shutdown()
        for gate in self.at_work.values():
            gate.stop.close()
        for cluster in self.clusters:
            cluster.close()
