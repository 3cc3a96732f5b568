"""Prove, from git and the journal, that everything batty landed was gated as the very tree that it is."""

from collections.abc import Iterable, Mapping

from batty_tmux.core.events import AnyEvent, GateFinished, Landed
from batty_tmux.core.report import HeldRow, Proof, ProvedLanding
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.project import Project
from batty_tmux.host import git as history
from batty_tmux.names import Sha


def evidence(project: Project, statuses: Iterable[PhaseStatus] | None = None) -> Proof:
    """Check each landing against git as it is now; nothing is taken from memory but the gate's own record.

    `statuses` are those of now, where whoever asks has them already.
    """
    events = project.place.records.events
    landings = [e for e in events if isinstance(e, Landed) and e.base != e.candidate]
    passes = _passes(events)
    tip = project.queue().tip
    commits = history.first_parents(project.place.home, tip, 50) if tip else []
    return Proof(
        base=str(project.base),
        tip=tip,
        history=tuple((c.sha, c.subject) for c in commits),
        landings=tuple(_proved(project, landing, passes) for landing in landings),
        held=tuple(
            HeldRow(s.phase.id, s.state, s.says, s.next)
            for s in (project.statuses() if statuses is None else statuses)
            if s.state != "landed"
        ),
    )


def _passes(events: Iterable[AnyEvent]) -> Mapping[Sha, list[GateFinished]]:
    """Return the runs in which a tree passed, by tree, oldest first."""
    found: dict[Sha, list[GateFinished]] = {}
    for event in events:
        if isinstance(event, GateFinished) and event.verdict == "pass" and event.seconds:
            found.setdefault(event.tree, []).append(event)
    return found


def _proved(project: Project, landing: Landed, passes: Mapping[Sha, list[GateFinished]]) -> ProvedLanding:
    git = project.place.git
    tree: Sha = git.tree(landing.candidate)
    gate = next((e for e in reversed(passes.get(tree, ())) if e.seq < landing.seq), None)
    return ProvedLanding(
        phase=landing.phase,
        sha=landing.candidate,
        base=landing.base,
        tree=tree,
        on_base=git.is_ancestor(landing.candidate, project.base.ref),
        grew=git.is_ancestor(landing.base, landing.candidate),
        gated=gate is not None,
        gate_commit=gate.commit if gate else "",
        seconds=gate.seconds if gate else 0.0,
        log=gate.log if gate else "",
    )
