"""Ask a supervisor agent about a prompt, beside the loop: one call at a time, bounded, and all of it kept to be read.

The caller journals Consulting before `begin` and Consulted after `collect`. A call whose batty is killed in
between has no end in the journal: it counts, and `core.consult.refusal` says whether it is made once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from batty_tmux.config_tables import Supervisor
from batty_tmux.core.consult import INSTRUCTIONS, SCHEMA, Question, Terms, compose
from batty_tmux.core.consult_reply import Reply, failed, judge, read
from batty_tmux.core.events import Consulted, Consulting
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.report import narrate
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.errand import Aside, Errand, Form, Redact, name_of, run
from batty_tmux.drive.project import Project, board_in_worktree
from batty_tmux.host.process import Stop
from batty_tmux.names import PhaseId, RunId

GUIDES: Final = ("CLAUDE.md", "AGENTS.md")
LATELY: Final = 30
"""Events of the phase that are told."""
FORM: Final = Form(INSTRUCTIONS, SCHEMA, read, failed)


def terms_of(told: Supervisor) -> Terms:
    return Terms(told.by, told.calls, told.kinds, told.confidence)


# --- what it is told ----------------------------------------------------------------------------------------


def question_of(project: Project, watch: Watch, seen: Prompt, said: str, paths: tuple[str, ...] = ()) -> Question:
    """Gather what a supervisor agent is told of a prompt. `said` is why the policy did not answer it.

    The goal and the guide are the base's: the agent that asks can write those in its worktree. The tasks' states are
    the worktree's, since it moves them there.
    """
    board = board_in_worktree(watch)
    phase = project.board.phase(watch.phase) or board
    return Question(
        phase=watch.phase,
        kind=seen.kind,
        question=seen.question,
        goal=f"{phase.title}\n\n{phase.goal}" if phase else "",
        tasks=tuple((task.status, task.title) for task in board.tasks) if board else (),
        guide=guide(project),
        lately=_lately(project, watch),
        options=tuple(option.label for option in seen.options),
        text=seen.text,
        tool=seen.tool,
        subject=seen.subject,
        paths=paths,
        said=said,
    )


def guide(project: Project) -> str:
    """Return what the base's own guide tells agents, "" where there is none."""
    git = project.place.git
    tip = git.tip(project.base.ref)
    texts = (git.texts(tip, name).get(name, "") for name in GUIDES) if tip else ()
    return next((text for text in texts if text.strip()), "")


def _lately(project: Project, watch: Watch) -> tuple[str, ...]:
    mine = (watch.phase, watch.run)
    events = [e for e in project.place.records.events if (getattr(e, "phase", None), e.run) == mine]
    told = ((event.at, narrate(event)) for event in events[-LATELY:])
    return tuple(f"{at:%H:%M:%S} {line}" for at, line in told if line)


# --- one call -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """One call to make. `folder` is its snapshot's, and need not exist; `environ` is the one the run began in."""

    key: str
    number: int
    prompt: Prompt
    question: Question
    told: Supervisor
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What came of an order. An `answer` in `reply` may be given, as far as the policy lets it."""

    order: Order
    reply: Reply
    seconds: float


def snapshot_folder(project: Project, run: RunId, phase: PhaseId, number: int) -> Path:
    return project.place.phase_folder(run, phase) / f"consult-{number}"


def consulting(run: RunId, phase: PhaseId, order: Order) -> Consulting:
    """Return what is journaled before the call."""
    file = str(order.folder / "prompt.md")
    return Consulting(
        run=run, phase=phase, key=order.key, number=order.number, agent=name_of(order.told), snapshot=file
    )


def consulted(run: RunId, phase: PhaseId, outcome: Outcome) -> Consulted:
    """Return what is journaled after it."""
    reply = outcome.reply
    return Consulted(
        run=run,
        phase=phase,
        key=outcome.order.key,
        number=outcome.order.number,
        outcome=reply.outcome,
        answer=reply.answer,
        confidence=reply.confidence,
        reason=reply.reason,
        seconds=round(outcome.seconds, 3),
        cost=reply.cost,
    )


@dataclass
class Consultant:
    """Makes one call at a time beside the loop. `wake` becomes readable when it has ended.

    `redact` is applied to what the agent is told, before it is told, and to all that is kept of the call.
    """

    redact: Redact
    _aside: Aside[Outcome] = field(default_factory=Aside)

    @property
    def wake(self) -> int:
        return self._aside.wake

    @property
    def busy(self) -> bool:
        return self._aside.busy

    def begin(self, order: Order) -> None:
        """Start the call. Only when not `busy`; nothing of it is waited for."""
        self._aside.begin(
            lambda stop: carry(order, self.redact, stop),
            lambda error: Outcome(order, failed(f"it could not be asked: {error}"), 0.0),
        )

    def cancel(self) -> None:
        """End the call, for its prompt is gone. It still has an outcome to `collect`, and counts."""
        self._aside.cancel()

    def collect(self) -> Outcome | None:
        """Return what came of the call that has ended; None where none has."""
        return self._aside.collect()

    def close(self) -> None:
        """End what runs, and give the descriptors back."""
        self._aside.close()


def carry(order: Order, redact: Redact, stop: Stop) -> Outcome:
    """Make the call, here and now, and keep what was told and said."""
    errand = Errand(
        key=order.key,
        number=order.number,
        message=compose(order.question),
        form=FORM,
        told=order.told,
        folder=order.folder,
        environ=order.environ,
        account=lambda reply: {"answer": reply.answer, "confidence": reply.confidence},
        judge=lambda reply: judge(reply, order.prompt, order.told.confidence),
    )
    reply, seconds = run(errand, redact, stop)
    return Outcome(order, replace(reply, reason=redact(reply.reason)), seconds)
