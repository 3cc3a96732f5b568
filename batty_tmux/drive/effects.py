"""Do what a phase's watch owes. Each effect may be done twice; its outcome is journaled, never returned."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import assert_never

from batty_tmux.core.events import (
    BoardCommitted,
    GateFinished,
    GateStopped,
    Inspected,
    LimitOver,
    Nudged,
    PhaseHeld,
    Relaunching,
    ReviewWanted,
)
from batty_tmux.core.supervise import (
    AskReview,
    CommitBoard,
    Effect,
    GoOn,
    Hold,
    Inspect,
    Nudge,
    Relaunch,
    Revive,
    RunPhaseGate,
    Watch,
    contract_problem,
)
from batty_tmux.drive.bar import attention
from batty_tmux.drive.executor import family_of
from batty_tmux.drive.fill import fill
from batty_tmux.drive.gate import GateSpec, Subject, run_gate, run_unless_stopped
from batty_tmux.drive.hooks import caller_environment
from batty_tmux.drive.keyboard import write
from batty_tmux.drive.packets import write_packet
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project, board_in_worktree, program
from batty_tmux.drive.provisions import committed
from batty_tmux.drive.verdicts import give, uncommitted
from batty_tmux.drive.windows import make_worktree, session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Stop
from batty_tmux.names import PaneId, RunId, Sha

_REST = 30.0
"""Seconds after a gate that could not be run until it is tried again, as without a scheduler of workers."""


@dataclass
class Worker:
    """Runs one gate at a time beside the loop. `wake` becomes readable when it has finished."""

    thread: Thread | None = None
    wake: int = -1
    _signal: int = -1
    failure: list[BaseException] = field(default_factory=list)
    rests_until: float = float("-inf")

    def __post_init__(self) -> None:
        self.wake, self._signal = os.pipe()

    @property
    def busy(self) -> bool:
        return self.thread is not None

    @property
    def rests(self) -> bool:
        """Whether the last one could not be run at all, a moment ago: what is wrong then is not mended at once."""
        return monotonic() < self.rests_until

    def begin(self, home: Path, spec: GateSpec, subject: Subject, slots: Path) -> None:
        def work() -> None:
            try:
                run_gate(Place.around(home), spec, subject, slots)
            except BaseException as failure:  # noqa: BLE001 -- collect() raises it in the loop's own thread
                self.failure.append(failure)
            finally:
                os.write(self._signal, b".")

        self.thread = Thread(target=work, daemon=True)
        self.thread.start()

    def collect(self) -> None:
        """Take note that the gate has finished; raise what went wrong with it, if anything did."""
        os.read(self.wake, 1)
        if self.thread is not None:
            self.thread.join()
        self.thread = None
        if self.failure:
            self.rests_until = monotonic() + _REST
            raise self.failure.pop()


def perform(project: Project, watch: Watch, effect: Effect, worker: Worker) -> None:
    match effect:
        case Inspect():
            project.place.records.append(inspect(project, watch))
        case CommitBoard(paths=paths):
            commit_board(project, watch, paths)
        case Nudge(text=text, why=why):
            _nudge(project, watch, text, why)
        case RunPhaseGate(head=head, tree=tree):
            _gate(project, watch, head, tree, worker)
        case AskReview(head=head):
            ask_review(project, watch, head)
        case Hold():
            hold(project, watch, effect)
        case Relaunch():
            relaunch(project, watch)
        case Revive(cause=cause, resume=resume):
            told = Relaunching(run=RunId(watch.run), phase=watch.phase, resume=resume, cause=cause)
            project.place.records.append(told)
        case GoOn():
            _go_on(project, watch)
        case _:
            assert_never(effect)


def inspect(project: Project, watch: Watch) -> Inspected:
    """Look at what the contract asks for, all but the gate. Cleanliness is judged before the gate runs."""
    if watch.launching is None:
        raise BattyError("not-launched", f"{watch.phase} was not launched", next=f"batty work {watch.phase}")
    there = Git(Path(watch.launching.worktree))
    head = there.tip("HEAD")
    board = board_in_worktree(watch)
    if head is None or board is None:
        raise BattyError("no-worktree", f"the worktree of {watch.phase} is gone", next="batty resume")
    commits = there.commits(project.base.ref, head)
    return Inspected(
        run=RunId(watch.run),
        phase=watch.phase,
        head=head,
        tree=there.tree(head),
        commits=len(commits),
        undone=tuple(f"#{t.id} {t.title}" for t in board.tasks if not board.config.is_terminal(t.status)),
        dirty=uncommitted(watch, there),
        provided=_provided(project, there, watch.launching.start, head),
        broken=_broken(there, watch.launching.branch, tuple(f"{b.path}:{b.line} {b.problem}" for b in board.broken)),
    )


def _broken(there: Git, branch: str, board: tuple[str, ...]) -> tuple[str, ...]:
    if there.head_branch() != branch:
        return (*board, f"its worktree is not on its branch {branch}")
    operation = there.in_progress()
    return (*board, f"a {operation} is in progress in its worktree") if operation else board


def _provided(project: Project, there: Git, start: Sha, head: Sha) -> tuple[str, ...]:
    """Return provided files (secrets, usually) that turned up in the phase's commits."""
    fork = there.merge_base(start, head) or start
    return committed(project, there, there.changed(fork, head))


def commit_board(project: Project, watch: Watch, paths: tuple[str, ...]) -> None:
    """Commit the phase's own board, and only that: agents commit their work and then move the card."""
    if watch.launching is None:
        return
    there = Git(Path(watch.launching.worktree))
    there.run("--literal-pathspecs", "add", "--", *paths).check()
    message = f"Update the board of {watch.phase}"
    there.run("--literal-pathspecs", "commit", "--quiet", "--no-verify", "-m", message, "--", *paths).check()
    head = there.tip("HEAD") or watch.launching.first
    project.place.records.append(BoardCommitted(run=RunId(watch.run), phase=watch.phase, head=head, paths=paths))


def _nudge(project: Project, watch: Watch, text: str, why: str) -> None:
    """Tell the executor what is missing: in its pane while it lives, else in the brief of a new one."""
    run = RunId(watch.run)
    if project.config.policy.mode == "observe":
        if not why:
            reason = "its contract does not hold, and policy only observes"
            hold(project, watch, Hold("held", "not-nudged", reason, tuple(text.splitlines())))
        return
    project.place.records.append(Nudged(run=run, phase=watch.phase, text=text, why=why))
    if watch.executor == "running" and watch.launched is not None:
        write(project.terminal, PaneId(watch.launched.pane), family_of(project, watch.agent), text)
    else:
        project.place.records.append(Relaunching(run=run, phase=watch.phase, feedback=text))


def _go_on(project: Project, watch: Watch) -> None:
    """Tell an executor whose usage limit is over to go on. Journaled first: said twice it would work twice."""
    project.place.records.append(LimitOver(run=RunId(watch.run), phase=watch.phase, by="clock"))
    if watch.executor == "running" and watch.launched is not None:
        words = "The usage limit is over. Go on where you were."
        write(project.terminal, PaneId(watch.launched.pane), family_of(project, watch.agent), words)


def _gate(project: Project, watch: Watch, head: Sha, tree: Sha, worker: Worker) -> None:
    run = RunId(watch.run)
    spec = project.gate
    environ = caller_environment(project.terminal, session_id(project, project.terminal))
    key = spec.key(environ)
    known = next((run for run in project.queue().runs.get((tree, key), ()) if run.passed), None)
    if known is not None:
        project.place.records.append(
            GateFinished(
                run=run,
                phase=watch.phase,
                purpose="phase",
                commit=head,
                tree=tree,
                gate=key.gate,
                environment=key.environment,
                hygiene=key.hygiene,
                log=known.log,
                verdict="pass",
                status=known.status,
            )
        )
        return
    base = project.place.git.tip(project.base.ref) or Sha("")
    subject = Subject(watch.phase, head, tree, "phase", run, environ, base, project.base.ref)
    worker.begin(project.place.home, spec, subject, project.worktrees)


def prove(project: Project, watch: Watch, head: Sha, stop: Stop | None = None) -> None:
    """Inspect a phase that a person has mended, and gate its last commit, here and now. `stop` ends the gate."""
    seen = inspect(project, watch)
    project.place.records.append(seen)
    problem = contract_problem(seen)
    if problem is not None:
        evidence = (*seen.undone, *seen.dirty, *seen.provided, *seen.broken)
        what = f"{watch.phase} does not meet its contract: {problem}"
        raise BattyError(problem, what, evidence=evidence, next=f'batty review {watch.phase} --rework "..."')
    environ = caller_environment(project.terminal, session_id(project, project.terminal))
    base = project.place.git.tip(project.base.ref) or Sha("")
    subject = Subject(watch.phase, head, seen.tree, "phase", RunId(watch.run), environ, base, project.base.ref)
    with Stop() as never:
        ended = run_unless_stopped(project.place, project.gate, subject, project.worktrees, stop or never)
    if isinstance(ended, GateStopped):
        what = f"the gate of {watch.phase} was ended before it had a verdict"
        raise BattyError("gate-stopped", what, next=f"batty review {watch.phase}")
    if ended.verdict != "pass":
        what = f"the gate says {ended.verdict} of {watch.phase} (status {ended.status})"
        raise BattyError("gate-red", what, evidence=(ended.log,), next=f'batty review {watch.phase} --rework "..."')


def ask_review(project: Project, watch: Watch, head: Sha) -> None:
    """Have what is proved reviewed, by whom the settings say."""
    run = RunId(watch.run)
    if project.run.hosted:
        # whose phase it is reviews it, and fetches it first
        project.place.records.append(ReviewWanted(run=run, phase=watch.phase, head=head))
        return
    packet = write_packet(project, watch.phase)
    if project.config.review.by == "auto":
        # verdict and claim are one write: killed before it, the review is still owed
        try:
            give(project, watch.phase, "merge", "auto", "")
        except BattyError as refused:
            hold(project, watch, Hold("held", refused.code, refused.what, refused.evidence))
    else:
        project.place.records.append(ReviewWanted(run=run, phase=watch.phase, head=head, packet=str(packet)))
        attention(project)
    fill(project)


def hold(project: Project, watch: Watch, effect: Hold) -> None:
    """Stop the phase for a person, and let the next one have its slot."""
    project.place.records.append(
        PhaseHeld(
            run=RunId(watch.run),
            phase=watch.phase,
            state=effect.state,
            code=effect.code,
            reason=effect.reason,
            evidence=effect.evidence,
        )
    )
    attention(project)
    fill(project)


def relaunch(project: Project, watch: Watch) -> None:
    """Start the executor again in the same worktree; `batty executor` puts the feedback into its brief."""
    if watch.launched is None or watch.launching is None:
        return
    make_worktree(project, watch)
    argv = (*program(), "--repo", str(project.place.home), "executor", watch.phase, "--run", watch.run)
    pane = PaneId(watch.launched.pane)
    project.terminal.respawn(pane, argv, Path(watch.launching.worktree), {}).check()
