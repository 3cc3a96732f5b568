"""`batty status --json` and `batty queue --json`: the keys are a contract, see contract.md."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from batty_tmux.core import attention, radar
from batty_tmux.core.events import Collision
from batty_tmux.core.ports import of
from batty_tmux.core.queue_report import expected_seconds, why
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.radar import Radar
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.blocks import base
from batty_tmux.drive.outline import WindowRow, window_row
from batty_tmux.drive.project import Project
from batty_tmux.host.clock import now
from batty_tmux.names import PhaseId


class TaskRow(msgspec.Struct, frozen=True):
    id: int
    title: str


class PhaseRow(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    title: str
    state: str
    since: str | None
    branch: str | None
    worktree: str | None
    head: str | None
    window: str | None
    pane: str | None
    task: TaskRow | None
    done: int
    total: int
    says: str
    next: str
    after: tuple[str, ...] = ()
    """What it depends on, by its board and by `batty work --after`."""
    collisions: tuple[Collision, ...] = ()
    """What it would conflict with; an empty phase is the base."""
    ports: tuple[int, int] | None = None
    """The first and the last of its ports."""
    host: str = ""
    """Where it works; "" is this machine."""
    evidence: tuple[str, ...] = ()
    """What it was held for, or failed with: of a setup, the end of what it said."""


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    state: str
    position: int
    head: str
    candidate: str | None
    reason: str | None
    paths: tuple[str, ...]
    code: str | None
    since: str
    priority: int
    expected_seconds: float | None
    flags: tuple[str, ...]
    host: str | None = None
    """The worker at which its gate is; null where that is here."""
    phase_host: str = ""
    """Where it was worked on; "" is this machine."""

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.since)


class GateRow(msgspec.Struct, frozen=True):
    exit: int | None
    seconds: float
    log: str
    host: str | None = None


class LandedRow(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    sha: str
    tree: str
    at: str
    gate: GateRow | None


class AttentionRow(msgspec.Struct, frozen=True, kw_only=True):
    """`phase` is null for the merge queue as a whole, and for what the `state` names.

    That is `over` for the window of a run, `away` for a host. `menu` is the key of the plugin's menu that leads there.
    """

    phase: str | None
    key: str
    state: str
    question: str
    reason: str
    since: str | None
    seconds: int | None
    next: str
    menu: str | None
    suggested: str | None
    host: str = ""
    """The host that is silent, where that is what waits."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    repo: str
    base: str
    base_sha: str
    remote: str
    """Whose branch the base is; "" where it is one of this repository."""
    run: str | None
    parallel: int
    window: WindowRow | None
    """Between which times phases are launched; null where the run has no such bounds."""
    phases: tuple[PhaseRow, ...]
    queue: tuple[QueueRow, ...]
    landed: tuple[LandedRow, ...]
    attention: tuple[AttentionRow, ...]
    """What waits for a person, oldest first."""


def overview(project: Project) -> Overview:
    queue = project.queue()
    seen = radar.fold(project.place.records.events)
    statuses = project.statuses()
    return Overview(
        version=1,
        repo=str(project.place.home),
        base=project.base.name,
        remote=project.base.remote,
        base_sha=queue.tip,
        run=project.run.id or None,
        parallel=project.run.parallel,
        window=window_row(project.run),
        phases=tuple(_phase_row(status, seen, project) for status in statuses),
        queue=queue_rows(queue, project.hosts()),
        landed=_landed_rows(queue),
        attention=tuple(_attention_row(one) for one in attention.waiting(statuses, now(), queue)),
    )


def queue_rows(queue: Queue, hosts: Mapping[PhaseId, str]) -> tuple[QueueRow, ...]:
    """List the entries that have not left the queue, in the order in which they would land.

    `hosts` are those on which phases were worked on, where that was not this machine.
    """
    there = [e for e in queue.entries if e.state not in {"landed", "withdrawn", "skipped"}]
    wait = expected_seconds(queue)
    return tuple(
        QueueRow(
            phase=entry.phase,
            state=entry.state,
            position=position,
            head=entry.head,
            candidate=entry.candidate.sha if entry.candidate else None,
            reason=why(queue, entry),
            paths=entry.paths,
            code=entry.code or None,
            since=entry.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
            priority=entry.priority,
            expected_seconds=wait.get(entry.phase),
            flags=entry.candidate.flags if entry.candidate else (),
            host=entry.host or None,
            phase_host=hosts.get(entry.phase, ""),
        )
        for position, entry in enumerate(there, 1)
    )


def _phase_row(status: PhaseStatus, seen: Radar, project: Project) -> PhaseRow:
    launching, launched, held = status.watch.launching, status.watch.launched, status.watch.held
    host = status.watch.host
    ports = of(base(status.watch, project.place.records)) if launching and not host else None
    return PhaseRow(
        phase=status.phase.id,
        title=status.phase.title,
        state=status.state,
        since=_written(status.since),
        branch=launching.branch if launching else None,
        worktree=_worktree(status.watch),
        host=host,
        head=status.head or None,
        window=launched.window if launched else None,
        pane=launched.pane if launched else None,
        task=TaskRow(status.task.id, status.task.title) if status.task else None,
        done=status.done,
        total=status.total,
        says=status.says,
        next=status.next,
        after=status.phase.depends_on,
        collisions=radar.of(seen, status.phase.id),
        ports=(ports[0], ports[-1]) if ports else None,
        evidence=held.evidence if held is not None and status.state in {"held", "failed"} else (),
    )


def _worktree(watch: Watch) -> str | None:
    """Return where the phase works, that of another host with its name: as one would give it to scp."""
    if watch.host and watch.there is not None and watch.there.worktree:
        return f"{watch.host}:{watch.there.worktree}"
    return watch.launching.worktree if watch.launching else None


def _attention_row(one: attention.Waiting) -> AttentionRow:
    return AttentionRow(
        phase=one.phase,
        key=one.key,
        state=one.state,
        question=one.question,
        reason=one.reason,
        since=_written(one.since),
        seconds=one.seconds,
        next=one.command,
        menu=one.menu or None,
        suggested=one.suggested or None,
        host=one.host,
    )


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _landed_rows(queue: Queue) -> tuple[LandedRow, ...]:
    rows = []
    for entry in queue.entries:
        if entry.landed is None:
            continue
        gate = queue.proof(entry.landed.tree)
        rows.append(
            LandedRow(
                phase=entry.phase,
                sha=entry.landed.candidate,
                tree=entry.landed.tree,
                at=entry.landed.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                gate=GateRow(gate.status, gate.seconds, gate.log, gate.host or None) if gate else None,
            )
        )
    return tuple(rows)
