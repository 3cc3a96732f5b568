"""The state of every phase, derived from the journal's folds, the board and what git says. Never stored."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from batty_tmux.core.board import Phase, Task
from batty_tmux.core.events import AnyEvent, BoardsChanged, Landed, Launched, RunResumed, RunStarted, RunStopped
from batty_tmux.core.plan import waits_for
from batty_tmux.core.queue_plan import standstill
from batty_tmux.core.queue_state import Entry, EntryState, Queue
from batty_tmux.core.supervise import HOLDS_A_SLOT, Watch
from batty_tmux.core.window import Window
from batty_tmux.names import PhaseId, RunId

State = Literal[
    "blocked",
    "ready",
    "working",
    "asking",
    "stuck",
    "checking",
    "reviewing",
    "queued",
    "gating",
    "conflict",
    "red",
    "deferred",
    "landed",
    "held",
    "skipped",
    "failed",
]

CAN_MOVE_ALONE: frozenset[State] = frozenset({"working", "checking", "queued", "gating"})
WAITS_FOR_A_PERSON: frozenset[State] = frozenset(
    {"asking", "stuck", "reviewing", "conflict", "red", "deferred", "held", "failed"}
)
STILL_AWAITED: frozenset[State] = CAN_MOVE_ALONE | {"asking", "reviewing", "deferred"}
"""The states in which `--wait` goes on waiting. Settled for it: held, conflict, red, failed, skipped, stuck."""


@dataclass(frozen=True)
class Run:
    """The newest run: `wanted` are the phases it was asked for, empty for all.

    `after` are pairs, the first of which waits for the second in this run. `boards` are the phases that the base had
    when somebody last looked, empty where nobody wrote it down; `unreadable` the files of them that could not be read.
    `hosted` phases are another machine's to land; `on` says on which host a person wants a phase.
    """

    id: RunId = RunId("")
    base: str = ""
    parallel: int = 1
    wanted: frozenset[PhaseId] = frozenset()
    agent: str = ""
    socket: str = ""
    stopped: bool = False
    after: tuple[tuple[PhaseId, PhaseId], ...] = ()
    window: Window = Window()
    boards: tuple[PhaseId, ...] = ()
    unreadable: tuple[str, ...] = ()
    hosted: bool = False
    on: tuple[tuple[PhaseId, str], ...] = ()


NO_RUN: Final = Run()

Kept = Literal["", "unwanted", "stopped", "ahead", "over", "slots", "agent", "host"]
"""What keeps a phase that is ready from being launched: the run was not asked for it, or was stopped; its window of
time; the slots; the limit of its agent; that no host has room, or the wanted one does not answer."""


@dataclass(frozen=True)
class PhaseStatus:
    phase: Phase
    state: State
    since: datetime | None
    says: str
    next: str
    watch: Watch
    entry: Entry | None
    head: str = ""
    task: Task | None = None
    done: int = 0
    total: int = 0
    kept: Kept = ""
    lost: bool = False
    """Whether its host has been silent for longer than a person is to be spared."""

    @property
    def moves_alone(self) -> bool:
        """Whether it goes on without a person: of what is stuck, at a limit with an end, and before a nudge."""
        limit, stall = self.watch.limited, self.watch.stalled
        if self.state != "stuck" or self.watch.launched is None or self.watch.paused is not None:
            return self.state in CAN_MOVE_ALONE
        if limit is None and stall is None:
            return self.watch.answered
        return limit.until is not None if limit is not None else stall is not None and stall.nudge

    @property
    def waits_for_a_person(self) -> bool:
        return self.state in WAITS_FOR_A_PERSON and not self.moves_alone

    @property
    def is_awaited(self) -> bool:
        """Whether `--wait` goes on waiting for it."""
        return self.state in STILL_AWAITED or self.moves_alone

    @property
    def holds_a_slot(self) -> bool:
        return self.watch.state in HOLDS_A_SLOT


def current_run(events: Iterable[AnyEvent], run: Run = NO_RUN) -> Run:
    """Fold the newest run; a later `work` in the same run adds to what is wanted, and to what waits for what."""
    for event in events:
        match event:
            case RunStarted():
                run = _started(event, run)
            case RunStopped():
                run = replace(run, stopped=True)
            case RunResumed(base=base):
                run = replace(run, base=base or run.base, stopped=False)
            case BoardsChanged(boards=boards, unreadable=unreadable):
                run = replace(run, boards=boards, unreadable=unreadable)
            case Launched(server=server) if server and not run.socket:
                # the first run of a repository often starts the server
                run = replace(run, socket=server.rsplit(",", 2)[0])
            case _:
                pass
    return run


def _started(event: RunStarted, before: Run) -> Run:
    same = before.id == event.run and before.id != ""
    everything = not event.phases or (same and not before.wanted)
    earlier = before if same else NO_RUN
    taken_back = {phase for phase, other in event.after if not other}
    kept = [pair for pair in earlier.after if pair[0] not in taken_back]
    return Run(
        id=event.run,
        base=event.base,
        parallel=event.parallel,
        wanted=frozenset() if everything else earlier.wanted | set(event.phases),
        agent=event.agent,
        socket=event.socket,
        after=tuple(dict.fromkeys((*kept, *(pair for pair in event.after if pair[1])))),
        window=Window(event.opens, event.until),
        boards=event.boards,
        unreadable=event.unreadable,
        hosted=event.hosted,
        on=tuple((dict(earlier.on) | dict(event.on)).items()),
    )


def derive(
    phase: Phase,
    watch: Watch,
    queue: Queue,
    landed: Iterable[PhaseId],
    tasks: Phase | None,
    undone: Landed | None = None,
) -> PhaseStatus:
    """Derive one phase's state. `tasks` is its board as the worktree has it now, for progress.

    `undone` is what took back all that it had landed, if anything did: a person decides how it goes on.
    """
    entry = queue.speaking(phase.id)
    undoing = queue.undoing(phase.id) is not None
    now = tasks or phase
    state, says = _state(phase, watch, entry, set(landed))
    if undone is not None and not undoing:
        state, says = "held", _undone(queue, phase.id, undone)
    elif state in {"queued", "gating"}:
        says = _of_the_line(queue, undoing=undoing) or says
    mends = phase.broken and watch.launching is None
    spoken = entry if entry is not None and _queue_speaks(watch, entry) else None
    return PhaseStatus(
        phase=phase,
        state=state,
        since=(spoken.since if spoken else watch.since) if watch.launching is not None else None,
        says=says,
        next=_edit(phase) if mends else _next(phase.id, state, spoken, undone, undoing=undoing),
        watch=watch,
        entry=entry,
        task=now.current if state in {"working", "asking", "stuck"} else None,
        done=now.total if state == "landed" and tasks is None else now.done,
        total=now.total,
    )


def _state(phase: Phase, watch: Watch, entry: Entry | None, landed: set[PhaseId]) -> tuple[State, str]:
    if phase.id in landed:
        return "landed", ""
    if entry is not None and _queue_speaks(watch, entry):
        return _entry_state(entry)
    match watch.state:
        case "idle" | "closed":
            if phase.broken:
                first = phase.broken[0]
                return "held", f"kanban/{phase.id}/{first.path}:{first.line}: {first.problem}"
            waiting = waits_for(phase, landed)
            return ("blocked", "waits for " + ", ".join(waiting)) if waiting else ("ready", "")
        case "asking" | "working" if watch.prompt is not None and watch.prompt.kind == "limit":
            return "stuck", watch.prompt.wording
        case "queued":
            return "queued", ""
        case state:
            return state, watch.says


def _edit(phase: Phase) -> str:
    return f"${{EDITOR:-vi}} {shlex.quote(f'kanban/{phase.id}/{phase.broken[0].path}')}"


def _queue_speaks(watch: Watch, entry: Entry) -> bool:
    return entry.state != "withdrawn" and (watch.queued or watch.closed or watch.launching is None)


def _entry_state(entry: Entry) -> tuple[State, str]:
    states: Mapping[EntryState, State] = {
        "queued": "queued",
        "gating": "gating",
        "conflict": "conflict",
        "red": "red",
        "held": "held",
        "deferred": "deferred",
        "skipped": "skipped",
        "landed": "held",
        "withdrawn": "held",
    }
    says = {
        "conflict": f"conflicts in {', '.join(entry.paths)}",
        "deferred": f"{entry.reason}: {', '.join(entry.paths)}; commit or move them" if entry.paths else entry.reason,
        "landed": "it had landed, and the base no longer holds it",
        "gating": f"the gate runs on the candidate{f', at {entry.host}' if entry.host else ''}",
    }
    return states[entry.state], says.get(entry.state, entry.reason)


def _of_the_line(queue: Queue, *, undoing: bool) -> str:
    """Say what there is to say of an entry that moves by itself; nothing where that is no more than its state."""
    if queue.paused is not None:
        return f"the queue is paused: {queue.paused}"
    if standstill(queue) is not None:
        return "the queue stands still: batty queue tells why"
    if queue.trouble is not None:
        return f"no gate can run now: {queue.trouble.reason}"
    return "what it landed is being taken back" if undoing else ""


def _undone(queue: Queue, phase: PhaseId, undone: Landed) -> str:
    undoes = next((e.undoes for e in queue.entries if e.phase == phase and e.landed == undone), "")
    return f"undone: {undone.candidate[:9]} takes back {undoes[:9]}"


def _next(phase: PhaseId, state: State, entry: Entry | None, undone: Landed | None, *, undoing: bool) -> str:
    if undoing:
        return of_an_undoing(phase, state)
    if undone is not None:
        return f"batty queue undo {phase}"
    if state == "held" and entry is not None and entry.state in {"held", "landed"}:
        # what was refused for its content needs other work; a gate that could not finish, only another try
        refused = entry.state == "held" and not entry.code.startswith("gate-")
        return f'batty review {phase} --rework "..."' if refused else f"batty queue retry {phase}"
    return next_command(phase, state)


def of_an_undoing(phase: PhaseId, state: State) -> str:
    """Return the command that moves on what takes a phase's work back: its agent and its review have no part in it."""
    commands: Mapping[State, str] = {
        "conflict": f"batty queue resolve {phase}",
        "red": f"batty queue skip {phase}",
        "held": f"batty queue retry {phase}",
        "deferred": "batty land",
    }
    return commands.get(state, "")


def next_command(phase: PhaseId, state: State) -> str:
    """Return the one command that moves a phase on from a state; empty when it moves by itself."""
    commands: Mapping[State, str] = {
        "ready": f"batty work {phase}",
        "asking": f"batty answer {phase}",
        "stuck": f"batty attach {phase}",
        "reviewing": f"batty review {phase}",
        "conflict": f"batty queue resolve {phase}",
        "red": f"batty queue retry {phase} --by agent",
        "deferred": "batty land",
        "held": f"batty review {phase}",
        "failed": f"batty work {phase}",
        "skipped": f"batty queue retry {phase}",
    }
    return commands.get(state, "")
