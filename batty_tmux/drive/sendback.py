"""Give a red gate or a conflict back to the phase's own agent, with what it needs to settle it."""

import shlex
from pathlib import Path

from batty_tmux.core.events import Launching, Reviewed
from batty_tmux.core.queue_state import Entry
from batty_tmux.drive.conflicts import entry_of
from batty_tmux.drive.project import Project
from batty_tmux.drive.verdicts import give
from batty_tmux.errors import BattyError
from batty_tmux.host.files import tail
from batty_tmux.names import PhaseId, clean

_LINES = 60
"""Lines from the end of a gate's log that go to the agent; the log's path is named too."""
_COMMITS = 12
_STATES = frozenset({"red", "held", "conflict"})


def send_back(project: Project, phase: PhaseId) -> Reviewed:
    """Have the phase's executor settle what keeps it from landing; what comes of it is a new claim.

    Raises BattyError `rework-spent` when that was tried queue.rework times in this launch of the phase.
    """
    entry = entry_of(project, phase, _STATES)
    if entry.undoes:
        what = f"this takes back what {phase} landed; its agent has no part in that"
        raise BattyError("an-undoing", what, next=f"batty queue skip {phase}")
    if entry.state == "held" and not entry.code.startswith("gate-"):
        what = f"{phase} is held for another reason than its gate: {entry.reason}"
        raise BattyError("not-the-gate", what, evidence=entry.paths, next=f'batty review {phase} --rework "..."')
    spent, allowed = times_sent_back(project, phase), project.config.queue.rework
    if spent >= allowed:
        what = f"{phase} went back to its agent {spent} times already, and queue.rework allows {allowed}"
        raise BattyError("rework-spent", what, next=f'batty review {phase} --rework "..."')
    if entry.state == "conflict":
        return give(project, phase, "rework", "human", _of_conflict(project, entry), "conflict")
    return give(project, phase, "rework", "human", _of_red(project, entry), "red")


def times_sent_back(project: Project, phase: PhaseId) -> int:
    """Count how often the queue sent the phase back since it was launched."""
    count = 0
    for event in project.place.records.events:
        if isinstance(event, Launching) and event.phase == phase:
            count = 0
        elif isinstance(event, Reviewed) and event.phase == phase and event.cause:
            count += 1
    return count


def _merge(base: str) -> str:
    # an agent's pane is a terminal: without this git would wait in an editor there
    return shlex.join(("git", "merge", "--no-edit", base))


def _of_red(project: Project, entry: Entry) -> str:
    lines = tail(Path(entry.log), _LINES) if entry.log else ()
    shown = "\n".join("    " + clean(line, 300) for line in lines)
    return (
        f"Your work was put on the newest base and the gate does not pass there: {entry.reason}. "
        f"Without your work it passes. In your worktree run {_merge(str(project.base))}, find the cause, mend it, "
        f"and commit.\n\nThe end of the gate's log ({entry.log}):\n\n{shown}"
    )


def _of_conflict(project: Project, entry: Entry) -> str:
    git, base = project.place.git, project.base
    fork = git.merge_base(base.ref, entry.head)
    paths = "\n".join(f"    {clean(path, 300)}" for path in entry.paths)
    span = f"{fork}..{base.ref}" if fork else base.ref
    words = ("log", "--no-color", "--no-ext-diff", "--format=%h %s", f"--max-count={_COMMITS}", span, "--")
    told = git.run("--literal-pathspecs", *words, *entry.paths).stdout.splitlines()
    commits = "\n".join(f"    {clean(line, 200)}" for line in told)
    return (
        f"Your work conflicts with {base}, which has moved since you began. In your worktree run "
        f"{_merge(str(base))}, settle the conflicts so that both sides' work is kept, run the "
        f"tests, and commit the merge. Drop nothing that {base} has gained: that is checked.\n\n"
        f"In conflict:\n\n{paths}\n\nWhat {base} did to these files:\n\n{commits}"
    )
