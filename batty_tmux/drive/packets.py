"""Review packets: the evidence for one phase, and a Markdown file of it with the run, for whoever asks later."""

from pathlib import Path

from batty_tmux.core import radar
from batty_tmux.core.events import Answered, Prompted
from batty_tmux.core.gate_files import definition, touched
from batty_tmux.core.report import packet_markdown
from batty_tmux.core.review import Changed, Commit, Packet
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.chronicle import told
from batty_tmux.drive.project import Project, board_in_worktree
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.verdicts import tip_of
from batty_tmux.errors import BattyError
from batty_tmux.host.files import write_atomically
from batty_tmux.names import PhaseId, RunId, Sha

_SUMMARY_LIMIT = 20_000


def write_packet(project: Project, phase: PhaseId) -> Path:
    """Write the phase's packet as it is now, under its number: a rework does not overwrite what was reviewed."""
    status = project.status(phase)
    folder = project.place.phase_folder(RunId(status.watch.run), phase)
    path = folder / f"packet-{status.watch.attempt}.md"
    write_atomically(path, redacted(packet_markdown(packet(project, status))))
    return path


def packet(project: Project, status: PhaseStatus) -> Packet:
    """Gather what a reviewer needs to decide about a phase as it is now."""
    # GitPython takes 3 MB, which every supervisor would hold from its first moment on
    from batty_tmux.host import git as history  # noqa: PLC0415

    watch = status.watch
    if watch.launching is None:
        raise BattyError("not-launched", f"{watch.phase} was not launched", next=f"batty work {watch.phase}")
    head, dirty = tip_of(project, watch)
    base = project.place.git.tip(f"refs/heads/{project.base}")
    if head is None or base is None:
        raise BattyError("no-branch", f"the branch of {watch.phase} is gone", next="batty log")
    home = project.place.home
    phase = board_in_worktree(watch) or status.phase
    files = tuple(Changed(*row) for row in history.diffstat(home, base, head))
    return Packet(
        phase=watch.phase,
        title=status.phase.title,
        goal=status.phase.goal,
        head=head,
        base=base,
        branch=watch.launching.branch,
        worktree=watch.launching.worktree,
        tasks=tuple((task.id, task.status, task.title) for task in phase.tasks),
        commits=tuple(Commit(c.sha, c.author, c.at, c.subject) for c in history.commits_between(home, base, head)),
        files=files,
        gate=watch.gate,
        gate_command=project.config.gate.command,
        answers=_answers(project, watch),
        summary=_summary(project, head, watch.phase),
        activity=told(project.place.phase_folder(RunId(watch.run), watch.phase)),
        dirty=dirty,
        flags=_gate_files(project, tuple(change.path for change in files)),
        collisions=tuple((c.phase, c.paths) for c in radar.of(radar.fold(project.place.records.events), watch.phase)),
    )


def _gate_files(project: Project, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the changed paths that define the gate, as the base says it."""
    gate = project.config.gate
    return touched(paths, definition(gate.command, gate.setup, gate.files))


def _answers(project: Project, watch: Watch) -> tuple[tuple[str, str, str], ...]:
    """Return (question, answer, who) for each prompt of this launch that was answered."""
    events = project.place.records.events
    questions = {e.key: e.question for e in events if isinstance(e, Prompted) and e.phase == watch.phase}
    return tuple(
        (questions.get(e.key, ""), e.answer, f"{e.by} {e.rule}".strip())
        for e in events
        if isinstance(e, Answered) and e.phase == watch.phase and e.run == watch.run
    )


def _summary(project: Project, head: Sha, phase: PhaseId) -> str:
    """Return what the executor wrote about its work, if it left a summary with the phase's board."""
    done = project.place.git.run("show", f"{head}:kanban/{phase}/phase-summary.md")
    return done.stdout[:_SUMMARY_LIMIT] if done.ok else ""
