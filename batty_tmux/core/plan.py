"""Which phases can start, in which order, and what their executors are told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from batty_tmux.core.board import Phase, Task
from batty_tmux.names import Branch, PhaseId, RunId, clean

_GUIDE_LIMIT = 60_000


@dataclass(frozen=True)
class Assignment:
    """What a phase's executor gets. `starts` is "now", or names what it waits for."""

    phase: PhaseId
    title: str
    branch: Branch
    worktree: str
    agent: str
    tasks: int
    starts: str


def branch_of(phase: PhaseId, run: RunId) -> Branch:
    return Branch(f"batty/{phase}-run-{run}")


def worktree_of(phase: PhaseId, run: RunId) -> str:
    return f"{phase}-run-{run}"


def waits_for(phase: Phase, landed: Iterable[PhaseId]) -> tuple[PhaseId, ...]:
    """Return the phases that must land before this one starts."""
    done = set(landed)
    return tuple(other for other in phase.depends_on if other not in done)


def ready(phases: Sequence[Phase], idle: Iterable[PhaseId], landed: Iterable[PhaseId]) -> tuple[Phase, ...]:
    """Return the phases that can start now, in natural order: not started yet, and nothing to wait for."""
    can = set(idle)
    done = set(landed)
    return tuple(phase for phase in phases if phase.id in can and not waits_for(phase, done))


def assignments(
    phases: Sequence[Phase],
    run: RunId,
    agent: Callable[[Phase], str],
    parallel: int,
    worktrees: str,
    landed: Iterable[PhaseId],
) -> tuple[Assignment, ...]:
    """Say what a run over these phases would do: who starts now, who waits for what."""
    done = set(landed)
    slots = parallel
    rows: list[Assignment] = []
    for phase in phases:
        if phase.id in done:
            continue
        blocked = waits_for(phase, done)
        if blocked:
            starts = "after " + ", ".join(blocked)
        elif slots > 0:
            starts, slots = "now", slots - 1
        else:
            starts = "when a window is free"
        path = f"{worktrees}/{worktree_of(phase.id, run)}"
        rows.append(
            Assignment(
                phase.id, phase.title, branch_of(phase.id, run), path, agent(phase), phase.total - phase.done, starts
            )
        )
    return tuple(rows)


def brief(
    phase: Phase,
    *,
    guide: str,
    gate: str,
    board: str,
    move: Mapping[str, str],
    feedback: str = "",
) -> str:
    """Write what the executor starts from: goal, tasks, guide, gate, how to move tasks, what done means.

    `board` is the phase's board folder from the worktree's root; `move` are the commands for task work.
    """
    parts = [
        f"# {clean(phase.title)}",
        f"You work on the phase `{phase.id}` in this folder, which is a git worktree on a branch of its own.",
        *(["## Feedback on what you did before", feedback.strip()] if feedback.strip() else []),
        "## Goal",
        phase.goal.strip() or "Do the tasks below.",
        "## Tasks",
        "\n\n".join(_task(task) for task in phase.tasks if task.status != "archived") or "The board has no tasks.",
        "## How to work",
        f"The board is the folder `{board}` in this worktree (also in $BATTY_BOARD). Take the tasks one by one:",
        "\n".join(f"- {what}: `{command}`" for what, command in move.items()),
        f"A task in progress that is claimed by `{phase.id}` is yours from an earlier start: go on with it.",
        "Commit your work on this branch in small steps, the board's files with it. Do not switch branches, do not "
        "push, do not touch other branches or worktrees.",
        "Ports from $BATTY_PORT_BASE to $BATTY_PORT_BASE + 19 are yours alone.",
        "## Done means",
        "- every task of the board is done,\n- everything is committed and the worktree is clean,\n"
        f"- this command passes on a fresh checkout of your last commit: `{gate}`",
        "Then end. Somebody reviews the work and it is landed for you.",
        *(["## Guide of this project", guide[:_GUIDE_LIMIT].strip()] if guide.strip() else []),
    ]
    return "\n\n".join(parts) + "\n"


def _task(task: Task) -> str:
    after = f" (after {', '.join(f'#{n}' for n in task.depends_on)})" if task.depends_on else ""
    body = f"\n\n{task.body.strip()}" if task.body.strip() else ""
    return f"### #{task.id} {clean(task.title, 300)} [{clean(task.status)}]{after}{body}"
