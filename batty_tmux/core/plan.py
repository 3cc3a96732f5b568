"""What phases wait for, and what their executors are told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from batty_tmux.core.board import Phase, Task
from batty_tmux.names import Branch, PhaseId, RunId, clean

_GUIDE_LIMIT = 60_000


Pair = tuple[PhaseId, PhaseId]
"""A phase, and one that it waits for."""


def branch_of(phase: PhaseId, run: RunId) -> Branch:
    return Branch(f"batty/{phase}-run-{run}")


def worktree_of(phase: PhaseId, run: RunId) -> str:
    return f"{phase}-run-{run}"


def waits_for(phase: Phase, landed: Iterable[PhaseId]) -> tuple[PhaseId, ...]:
    """Return the phases that must land before this one starts."""
    done = set(landed)
    return tuple(other for other in phase.depends_on if other not in done)


def with_after(phases: Sequence[Phase], after: Iterable[Pair]) -> tuple[Phase, ...]:
    """Return the phases as one run orders them: each also waits for what was said of it with the run.

    A pair that names a phase which is not there any more orders nothing: it could never land.
    """
    known = {phase.id for phase in phases}
    more: dict[PhaseId, list[PhaseId]] = {}
    for phase, other in after:
        if other in known:
            more.setdefault(phase, []).append(other)
    return tuple(
        replace(phase, depends_on=tuple(dict.fromkeys((*phase.depends_on, *more[phase.id]))))
        if phase.id in more
        else phase
        for phase in phases
    )


def pairs_after(phases: Sequence[Phase], which: Iterable[PhaseId], others: Sequence[PhaseId]) -> tuple[Pair, ...]:
    """Return what `--after` says: each of these phases waits for each of the others.

    Where `which` is empty it is said of all phases but those others and what they themselves wait for.
    """
    before: set[PhaseId] = set()
    if not (named := tuple(which)):
        known = {phase.id: phase for phase in phases}
        left = list(others)
        while left:
            one = left.pop()
            if one not in before:
                before.add(one)
                left += known[one].depends_on if one in known else ()
    of = named or tuple(phase.id for phase in phases if phase.id not in before)
    return tuple((phase, other) for phase in of for other in others)


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
