"""Review packets: the evidence for one phase, and a Markdown file of it with the run, for whoever asks later."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from batty_tmux.config_tables import Review
from batty_tmux.core import radar
from batty_tmux.core.board import Phase
from batty_tmux.core.direct import Limits, forbidden
from batty_tmux.core.events import Answered, Prompted
from batty_tmux.core.flags import Flag, Places, flags
from batty_tmux.core.gate_files import definition
from batty_tmux.core.packet_report import packet_markdown
from batty_tmux.core.review import Changed, Collides, Commit, Packet, Settled
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.chronicle import told
from batty_tmux.drive.project import BOARDS, Project
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.verdicts import tip_of
from batty_tmux.errors import BattyError
from batty_tmux.host.files import tail, write_atomically
from batty_tmux.names import PhaseId, RunId, Sha

LOG_LINES: Final = 30
"""Lines from the end of the gate's log that are in a packet."""
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
    base = project.place.git.tip(project.base.ref)
    if head is None or base is None:
        raise BattyError("no-branch", f"the branch of {watch.phase} is gone", next="batty log")
    home = project.place.home
    phase = project.board_of(watch) or status.phase
    files = tuple(Changed(*row) for row in history.diffstat(home, base, head))
    seen = radar.of(radar.fold(project.place.records.events), watch.phase)
    made = Packet(
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
        flags=_flags(project, status.phase, tuple(change.path for change in files)),
        collisions=tuple(Collides(c.phase, c.paths) for c in seen),
        shared=tuple(_shared(project, watch.phase, base, files, {c.phase for c in seen})),
        log=tail(Path(watch.gate.log), LOG_LINES) if watch.gate is not None else (),
        advice=watch.directed if watch.directed is not None and watch.directed.head == head else None,
    )
    return replace(made, told=advised(project, watch, made)) if made.advice is not None else made


def _shared(
    project: Project, own: PhaseId, base: Sha, files: tuple[Changed, ...], known: Collection[str]
) -> Iterator[Collides]:
    """Yield which other phases on their way change some of these files; those that would conflict are told already."""
    paths, git = {file.path for file in files}, project.place.git
    for phase in project.phases:
        watch = project.watch(phase.id)
        if phase.id == own or phase.id in known or watch.launching is None or watch.closed:
            continue
        tip = git.tip(f"refs/heads/{watch.launching.branch}")
        changed = git.run("diff", "--name-only", "-z", f"{base}...{tip}").stdout if tip is not None else ""
        both = paths.intersection(changed.split("\0"))
        if both:
            yield Collides(phase.id, tuple(sorted(both)))


def limits(told: Review) -> Limits:
    return Limits(
        decides=told.by == "director" and told.decides,
        confidence=told.confidence,
        lines=told.limit_lines,
        files=told.limit_files,
        paths=told.paths,
        reworks=told.reworks,
    )


def advised(project: Project, watch: Watch, shown: Packet) -> str:
    """Say why the director's word on a packet is advice alone; "" where there is none, or where it decides."""
    if shown.advice is None:
        return ""
    board = f"{BOARDS}/{watch.phase}"
    return forbidden(shown.advice, shown, limits(project.config.review), board, watch.directed_back)


def _flags(project: Project, phase: Phase, paths: tuple[str, ...]) -> tuple[Flag, ...]:
    """Flag what is to be looked at twice, by what the base says of the gate and of the phase."""
    gate = project.config.gate
    texts = (phase.title, phase.goal, *(f"{task.title} {task.body}" for task in phase.tasks))
    places = Places(f"{BOARDS}/{phase.id}", BOARDS, phase.paths, texts)
    return flags(paths, places, definition(gate.command, gate.setup, gate.files))


def _answers(project: Project, watch: Watch) -> tuple[Settled, ...]:
    """Return each prompt of this launch that was answered, in order."""
    events = project.place.records.events
    questions = {e.key: e.wording for e in events if isinstance(e, Prompted) and e.phase == watch.phase}
    return tuple(
        Settled(questions.get(e.key, ""), e.answer, e.by, e.why or e.rule)
        for e in events
        if isinstance(e, Answered) and e.phase == watch.phase and e.run == watch.run
    )


def _summary(project: Project, head: Sha, phase: PhaseId) -> str:
    """Return what the executor wrote about its work, if it left a summary with the phase's board."""
    done = project.place.git.run("show", f"{head}:kanban/{phase}/phase-summary.md")
    return done.stdout[:_SUMMARY_LIMIT] if done.ok else ""
