"""The plan of a run as it goes on, or as it would go: what `batty plan` draws, and `batty work --dry-run` says."""

from datetime import datetime

import msgspec

from batty_tmux.core.graph import Node
from batty_tmux.core.plan import branch_of, waits_for, worktree_of
from batty_tmux.core.report import GLYPHS, TONES
from batty_tmux.core.sequence import agent_of, busy, places, wanted
from batty_tmux.core.status import PhaseStatus, Run
from batty_tmux.drive.project import WALL, Project
from batty_tmux.host.clock import now


class OutlineRow(msgspec.Struct, frozen=True, kw_only=True):
    """`starts` is "now", what a phase that has not started waits for, or "" for one that has.

    `after` is all that it depends on, in this run; `waits_for` what of that has not landed. `branch` and `worktree`
    are those that it has, or would get; so is `host`, "" for this machine.
    """

    phase: str
    title: str
    state: str
    starts: str
    says: str
    next: str
    agent: str
    after: tuple[str, ...]
    waits_for: tuple[str, ...]
    done: int
    total: int
    branch: str
    worktree: str
    host: str = ""


class LimitRow(msgspec.Struct, frozen=True):
    agent: str
    parallel: int
    at_work: int


class WindowRow(msgspec.Struct, frozen=True):
    """Times are in UTC; null is no bound. `stage` is ahead, open or over, `words` are as the clock here shows it."""

    opens: str | None
    until: str | None
    stage: str
    words: str


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """`after` are the pairs of --after; `problems` what of the boards cannot be read, or cannot be ordered."""

    version: int
    base: str
    base_sha: str
    run: str
    parallel: int
    gate: str
    review: str
    window: WindowRow | None
    limits: tuple[LimitRow, ...]
    after: tuple[tuple[str, str], ...]
    phases: tuple[OutlineRow, ...]
    problems: tuple[str, ...]


def outline(project: Project, run: Run) -> Outline:
    """Return the plan of a run that is or might be; of its phases only those that it was asked for."""
    everything = project.statuses(run=run)
    terms = project.terms(run)
    landed = [status.phase.id for status in everything if status.state == "landed"]
    agents, hosts = busy(everything, terms), places(everything, terms)

    def row(status: PhaseStatus) -> OutlineRow:
        phase, launching = status.phase, status.watch.launching
        left = waits_for(phase, landed) if status.state != "landed" else ()
        host = status.watch.host or hosts.get(phase.id, "")
        folder = (
            f"{host}:{worktree_of(phase.id, run.id)}"
            if host
            else str(project.worktrees / worktree_of(phase.id, run.id))
        )
        return OutlineRow(
            phase=phase.id,
            title=phase.title,
            state=status.state,
            starts=_starts(status, left),
            says=status.says,
            next=status.next,
            agent=status.watch.agent or agent_of(phase, terms),
            after=phase.depends_on,
            waits_for=left,
            done=status.done,
            total=status.total,
            branch=launching.branch if launching else branch_of(phase.id, run.id),
            worktree=launching.worktree if launching else folder,
            host=host,
        )

    return Outline(
        version=1,
        base=str(project.base),
        base_sha=project.queue().tip,
        run=run.id,
        parallel=run.parallel,
        gate=project.config.gate.command,
        review=project.config.review.by,
        window=window_row(run),
        limits=tuple(LimitRow(name, most, agents[name]) for name, most in sorted(terms.limits.items())),
        after=run.after,
        phases=tuple(row(status) for status in everything if wanted(status.phase.id, run)),
        problems=(*project.broken_words(), *project.bad_order()),
    )


def window_row(run: Run) -> WindowRow | None:
    """Return the run's window of time; None where it has none."""
    opens, until = run.window.opens, run.window.until
    if opens is None and until is None:
        return None
    at = now()
    return WindowRow(_written(opens), _written(until), run.window.stage(at), run.window.words(at, WALL))


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def heading(told: Outline) -> str:
    """Return what holds for the whole run, in one line."""
    limits = [f"{row.agent} {row.at_work} of {row.parallel}" for row in told.limits]
    parts = [f"run {told.run}", f"{told.parallel} at once", *limits, f"base {told.base} {told.base_sha[:9]}"]
    return ", ".join([*parts, *([told.window.words] if told.window else [])])


def nodes(told: Outline) -> list[Node]:
    """Return the phases as they are drawn."""
    return [
        Node(
            id=row.phase,
            title=row.title,
            state=row.state,
            glyph=GLYPHS[row.state],
            told=_told(row),
            done=row.done,
            total=row.total,
            after=row.after,
            tone=TONES.get(row.state, "calm"),
        )
        for row in told.phases
    ]


def _told(row: OutlineRow) -> str:
    if row.state == "ready":
        return "can start" if row.starts == "now" else row.starts
    return f"{row.state}: {row.says}" if row.says else row.state


def _starts(status: PhaseStatus, left: tuple[str, ...]) -> str:
    if status.state == "blocked":
        return "after " + ", ".join(left)
    return (status.says or "now") if status.state == "ready" else ""
