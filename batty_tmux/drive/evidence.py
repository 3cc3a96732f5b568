"""Prove, from git and the journal, that everything batty landed was gated as the very tree that it is."""

from batty_tmux.core.events import GateFinished, Landed
from batty_tmux.core.report import HeldRow, Proof, ProvedLanding
from batty_tmux.drive.project import Project
from batty_tmux.host import git as history
from batty_tmux.names import Sha


def evidence(project: Project) -> Proof:
    """Check each landing against git as it is now; nothing is taken from memory but the gate's own record."""
    landings = [e for e in project.place.records.events if isinstance(e, Landed) and e.base != e.candidate]
    tip = project.queue().tip
    commits = history.first_parents(project.place.home, tip, 50) if tip else []
    return Proof(
        base=project.base,
        tip=tip,
        history=tuple((c.sha, c.subject) for c in commits),
        landings=tuple(_proved(project, landing) for landing in landings),
        held=tuple(HeldRow(s.phase.id, s.state, s.says, s.next) for s in project.statuses() if s.state != "landed"),
    )


def _proved(project: Project, landing: Landed) -> ProvedLanding:
    git = project.place.git
    tree: Sha = git.tree(landing.candidate)
    runs = [
        e
        for e in project.place.records.events
        if isinstance(e, GateFinished) and e.tree == tree and e.verdict == "pass" and e.seq < landing.seq and e.seconds
    ]
    gate = runs[-1] if runs else None
    return ProvedLanding(
        phase=landing.phase,
        sha=landing.candidate,
        base=landing.base,
        tree=tree,
        on_base=git.is_ancestor(landing.candidate, f"refs/heads/{project.base}"),
        grew=git.is_ancestor(landing.base, landing.candidate),
        gated=gate is not None,
        gate_commit=gate.commit if gate else "",
        seconds=gate.seconds if gate else 0.0,
        log=gate.log if gate else "",
    )
