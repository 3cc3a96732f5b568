"""A merge queue on a real repository: approve phases, run the lander, read what it did."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.core import merge_queue
from batty_tmux.core.events import AnyEvent, CandidateBuilt, Enqueued, Event, GateFinished, GateStarted, Landed
from batty_tmux.core.queue_state import Entry, Queue
from batty_tmux.drive.ground import Lookout
from batty_tmux.drive.lander import drain
from batty_tmux.drive.place import Place
from batty_tmux.host.process import scrubbed
from batty_tmux.names import PhaseId, RunId, Sha
from tests.support.repo import Files, Repo

RUN = RunId("001")
LIMIT = 60
"""More events than any queue of these tests can have: a lander that goes beyond them goes round in circles."""


def look(folder: Path, base: str = "main") -> Lookout:
    """Stand where `batty land` stands: the gate is the base's, and so is everything else."""
    return Lookout(Place.around(folder), base, scrubbed(os.environ))


@dataclass
class Lander:
    repo: Repo
    told: list[AnyEvent] = field(default_factory=list)
    on_event: Callable[[AnyEvent], None] = lambda _: None

    @property
    def place(self) -> Place:
        return Place.around(self.repo.folder)

    def approve(self, name: str, files: Files | None = None, *, start: str = "main") -> Sha:
        """Put a phase's branch into the queue as it is, made first if `files` are given."""
        if files is not None:
            self.repo.phase(name, files, start=start)
        head = self.repo.tip(f"batty/{name}-run-001")
        place = self.place
        number = len(self.repo.git("for-each-ref", f"refs/batty/claim/{name}").splitlines()) + 1
        claim = f"refs/batty/claim/{name}/{number}"
        place.git.pin(claim, head)
        place.records.append(Enqueued(run=RUN, phase=PhaseId(name), head=head, claim=claim))
        return head

    def write(self, *events: AnyEvent) -> None:
        self.place.records.append(*events)

    def land(self) -> bool:
        """Run the lander until it leaves; fail if it would never."""

        def tell(event: AnyEvent) -> None:
            self.told.append(event)
            assert len(self.told) < LIMIT, self.told[-6:]
            self.on_event(event)

        return drain(look(self.repo.folder), tell)

    @property
    def events(self) -> list[AnyEvent]:
        return self.place.records.events

    @property
    def queue(self) -> Queue:
        return merge_queue.fold(self.events)

    def entry(self, phase: str) -> Entry:
        entry = self.queue.of(PhaseId(phase))
        assert entry is not None
        return entry

    @property
    def states(self) -> dict[str, str]:
        return {str(entry.phase): entry.state for entry in self.queue.entries if entry.state != "withdrawn"}

    def all(self, kind: "type[Event]") -> list[str]:
        """Return the phases of all events of a kind, in order."""
        return [str(getattr(event, "phase", "")) for event in self.events if isinstance(event, kind)]

    @property
    def gated(self) -> list[str]:
        return self.all(GateStarted)

    @property
    def landed(self) -> list[str]:
        return self.all(Landed)

    def how(self, phase: str) -> str:
        return next(e.how for e in reversed(self.events) if isinstance(e, CandidateBuilt) and e.phase == phase)

    def verdicts(self, phase: str) -> list[str]:
        return [e.verdict for e in self.events if isinstance(e, GateFinished) and e.phase == phase]
