"""Gates at work beside the lander's own loop, one thread each."""

from dataclasses import dataclass, field
from threading import Thread

from batty_tmux.core.events import GateFinished, GateStopped
from batty_tmux.core.queue_plan import RunGate
from batty_tmux.drive.gate import Subject, run_unless_stopped
from batty_tmux.drive.ground import Ground, run_of
from batty_tmux.drive.senses import Bell
from batty_tmux.host.process import Stop
from batty_tmux.names import Sha


@dataclass
class _Gate:
    stop: Stop
    thread: Thread | None = None
    outcome: GateFinished | GateStopped | BaseException | None = None

    def leave(self) -> None:
        """Wait for its thread, which has nothing left to do or was told to stop."""
        if self.thread is not None:
            self.thread.join()
        self.stop.close()


@dataclass
class Gates:
    """The runs of one lander, by the tree that is gated. The bell rings when one has ended."""

    bell: Bell
    at_work: dict[Sha, _Gate] = field(default_factory=dict)

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
        )
        gate = _Gate(Stop())
        gate.thread = Thread(target=self._run, args=(gate, ground, subject), daemon=True)
        self.at_work[effect.tree] = gate
        gate.thread.start()

    def _run(self, gate: _Gate, ground: Ground, subject: Subject) -> None:
        try:
            gate.outcome = run_unless_stopped(ground.place.apart(), ground.gate, subject, ground.slots, gate.stop)
        except BaseException as failure:  # noqa: BLE001 -- collect() raises it in the lander's own thread
            gate.outcome = failure
        finally:
            self.bell.gate_ended()

    def stop(self, tree: Sha) -> None:
        """End a run; its slot is free once it has been collected."""
        self.at_work[tree].stop.set()

    def collect(self) -> list[GateFinished | GateStopped]:
        """Take leave of the runs that have ended. Raises what one of them raised."""
        ended = {tree: gate for tree, gate in self.at_work.items() if gate.outcome is not None}
        for tree, gate in ended.items():
            self.at_work.pop(tree)
            gate.leave()
        outcomes = [gate.outcome for gate in ended.values()]
        failure = next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None)
        if failure is not None:
            raise failure
        return [outcome for outcome in outcomes if isinstance(outcome, GateFinished | GateStopped)]

    def end(self) -> None:
        """Stop all runs and wait for their ends: what a lander began does not outlive it."""
        for gate in self.at_work.values():
            gate.stop.set()
        for gate in self.at_work.values():
            gate.leave()
