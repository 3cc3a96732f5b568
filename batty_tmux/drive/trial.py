"""Try whether a phase would land: its candidate and the gate on it, and nothing else happens."""

from dataclasses import dataclass

from batty_tmux.core.events import CandidateBuilt, Conflicted, GateFinished, Refused
from batty_tmux.core.queue_plan import Build
from batty_tmux.core.queue_state import Entry, GateRun
from batty_tmux.drive.build import build
from batty_tmux.drive.gate import Subject, run_gate
from batty_tmux.drive.ground import Lookout
from batty_tmux.drive.hooks import caller_environment
from batty_tmux.drive.lander import queue_now
from batty_tmux.drive.project import Project
from batty_tmux.drive.windows import session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.names import PhaseId, RunId


@dataclass(frozen=True)
class Trial:
    """What became of it. `run` is None where there was no candidate to gate; `known` where a verdict was there."""

    built: CandidateBuilt | Conflicted | Refused
    run: GateRun | GateFinished | None = None
    known: bool = False

    @property
    def passed(self) -> bool:
        nothing = isinstance(self.built, CandidateBuilt) and self.built.how == "nothing-new"
        return nothing or (self.run is not None and self.run.verdict == "pass")


def try_out(project: Project, phase: PhaseId) -> Trial:
    """Build the phase's last commit on the base and gate it, here and now. Its verdict serves the queue too."""
    watch = project.watch(phase)
    branch = watch.launching.branch if watch.launching else None
    head = project.place.git.tip(f"refs/heads/{branch}") if branch else None
    if head is None:
        raise BattyError("no-branch", f"{phase} has no branch to try", next=f"batty work {phase}")
    environ = caller_environment(project.terminal, session_id(project, project.terminal))
    ground = Lookout(project.place, project.base.name, environ)()
    run = RunId(watch.run)
    entry = Entry(phase, head, claim="", number=0, claimed_at=now())
    built = build(ground, Build(entry, ground.tip, predicted=False), run)
    if not isinstance(built, CandidateBuilt) or built.how == "nothing-new":
        return Trial(built)
    known = queue_now(ground).verdict(built.tree)
    if known is not None and known.passed:
        return Trial(built, known, known=True)
    subject = Subject(phase, built.candidate, built.tree, "try", run, environ, ground.tip, ground.base.ref)
    finished = run_gate(project.place, ground.gate, subject, ground.slots)
    return Trial(built, finished)
