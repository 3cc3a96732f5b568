"""Ask a supervisor agent about a prompt, beside the loop: one call at a time, bounded, and all of it kept to be read.

The caller journals Consulting before `begin` and Consulted after `collect`. A call whose batty is killed in
between has no end in the journal: it counts, and `core.consult.refusal` says whether it is made once more.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

from batty_tmux.config_tables import Supervisor
from batty_tmux.core.consult import INSTRUCTIONS, SCHEMA, Question, Terms, compose
from batty_tmux.core.consult_reply import MAX_REPLY, Cli, Reply, failed, judge, read
from batty_tmux.core.events import Consulted, Consulting
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.report import narrate
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.project import Project, board_in_worktree
from batty_tmux.errors import BattyError
from batty_tmux.host.agents import consult as agents
from batty_tmux.host.clock import now
from batty_tmux.host.files import write_atomically
from batty_tmux.host.hear import Heard, hear
from batty_tmux.host.process import Stop
from batty_tmux.names import PhaseId, RunId, clean

Redact = Callable[[str], str]

GUIDES: Final = ("CLAUDE.md", "AGENTS.md")
LATELY: Final = 30
"""Events of the phase that are told."""
_KEPT: Final = 64 * 1024
"""Characters of what a program printed that are kept."""


def terms_of(told: Supervisor) -> Terms:
    return Terms(told.by, told.calls, told.kinds, told.confidence)


def name_of(told: Supervisor) -> str:
    """Return who is asked, as the journal calls it."""
    program = Path(told.command[0]).name if told.by == "command" and told.command else told.by
    return clean(f"{program} {told.model}".strip(), 80)


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
        guide=_guide(project),
        lately=_lately(project, watch),
        options=tuple(option.label for option in seen.options),
        text=seen.text,
        tool=seen.tool,
        subject=seen.subject,
        paths=paths,
        said=said,
    )


def _guide(project: Project) -> str:
    git = project.place.git
    tip = git.tip(f"refs/heads/{project.base}")
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
    wake: int = -1
    _signal: int = -1
    _thread: Thread | None = None
    _stop: Stop | None = None
    _ended: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wake, self._signal = os.pipe()

    @property
    def busy(self) -> bool:
        return self._thread is not None

    def begin(self, order: Order) -> None:
        """Start the call. Only when not `busy`; nothing of it is waited for."""
        if self._thread is not None:
            raise BattyError("consulting", "a supervisor agent is being asked already", next="batty status")
        stop = Stop()

        def work() -> None:
            try:
                self._ended.append(carry(order, self.redact, stop))
            except Exception as error:  # noqa: BLE001 -- a call that goes wrong in any way is a person's question
                self._ended.append(Outcome(order, failed(f"it could not be asked: {error}"), 0.0))
            finally:
                os.write(self._signal, b".")

        self._stop = stop
        self._thread = Thread(target=work, daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End the call, for its prompt is gone. It still has an outcome to `collect`, and counts."""
        if self._stop is not None:
            self._stop.set()

    def collect(self) -> Outcome | None:
        """Return what came of the call that has ended; None where none has."""
        if self._thread is None:
            return None
        os.read(self.wake, 1)
        self._thread.join()
        if self._stop is not None:
            self._stop.close()
        self._thread = self._stop = None
        return self._ended.pop()

    def close(self) -> None:
        """End what runs, and give the descriptors back."""
        self.cancel()
        self.collect()
        os.close(self.wake)
        os.close(self._signal)


def carry(order: Order, redact: Redact, stop: Stop) -> Outcome:
    """Make the call, here and now, and keep what was told and said. No call is made that could not be kept."""
    cli = _cli(order.told)
    begun = now()
    order.folder.mkdir(parents=True, exist_ok=True)
    message = redact(compose(order.question))
    with TemporaryDirectory(prefix="batty-consult-", ignore_cleanup_errors=True) as made:
        call = _call(order.told, Path(made))
        told = agents.told(cli, call, message)
        write_atomically(order.folder / "prompt.md", told if cli == "command" else f"{redact(INSTRUCTIONS)}\n{message}")
        heard = _heard(cli, call, told, order, stop)
        last = _last(call.last)
    reply = judge(_reply(heard, cli, last, order.told), order.prompt, order.told.confidence)
    reply = replace(reply, reason=redact(reply.reason))
    # the documents of a call are for people: that one cannot be written changes nothing about what was said
    with suppress(OSError):
        _keep(order, call, cli, heard, last, reply, begun, redact)
    return Outcome(order, reply, heard.seconds)


def _cli(told: Supervisor) -> Cli:
    if told.by == "":
        raise BattyError("no-supervisor", "no supervisor agent is set", next="batty config")
    return told.by


def _call(told: Supervisor, folder: Path) -> agents.Call:
    return agents.Call(
        folder=folder,
        instructions=INSTRUCTIONS,
        schema=json.dumps(SCHEMA),
        command=told.command,
        model=told.model,
        args=told.args,
        budget=told.budget,
    )


def _heard(cli: Cli, call: agents.Call, told: str, order: Order, stop: Stop) -> Heard:
    call.stand.mkdir()
    for name, text in agents.files(cli, call).items():
        (call.folder / name).write_text(text, encoding="utf-8")
    return hear(
        agents.argv(cli, call),
        cwd=call.stand,
        env=agents.environment(cli, order.environ),
        told=told.encode("utf-8", "replace"),
        timeout=order.told.seconds,
        limit=MAX_REPLY,
        stop=stop,
    )


def _last(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_REPLY + 1)
    except OSError:
        return b""


def _reply(heard: Heard, cli: Cli, last: bytes, told: Supervisor) -> Reply:
    if heard.too_much:
        return failed(f"it said more than {MAX_REPLY} bytes")
    if heard.stopped:
        return failed("its prompt went away meanwhile")
    reply = read(heard.said, cli, last)
    if heard.status is None:
        # Codex goes on for ever about a network that is not there, and says so as it does
        why = f": {reply.reason}" if cli == "codex" and reply.outcome == "failed" and heard.said.strip() else ""
        return failed(f"it took longer than {told.timeout}{why}")
    if heard.status == 0:
        return reply
    words = heard.errors.decode("utf-8", "replace").strip().splitlines()
    # both agents say on their output what went wrong with a call, and elsewhere what is wrong with the command line
    why = words[-1] if words and (cli == "command" or not heard.said.strip()) else reply.reason
    return failed(f"it ended with {heard.status}: {why}", reply.cost)


def _keep(
    order: Order, call: agents.Call, cli: Cli, heard: Heard, last: bytes, reply: Reply, begun: datetime, redact: Redact
) -> None:
    said = (last or heard.said)[: 4 * _KEPT].decode("utf-8", "replace")[:_KEPT]
    write_atomically(order.folder / "reply.json", redact(said))
    account = {
        "key": order.key,
        "number": order.number,
        "agent": name_of(order.told),
        "argv": [redact(word) for word in agents.shown(agents.argv(cli, call), call)],
        "begun": begun.isoformat(),
        "seconds": round(heard.seconds, 3),
        "status": heard.status,
        "outcome": reply.outcome,
        "answer": redact(reply.answer),
        "confidence": reply.confidence,
        "reason": reply.reason,
        "cost": reply.cost,
        "said": len(heard.said),
        "errors": redact(heard.errors[-4000:].decode("utf-8", "replace")),
    }
    write_atomically(order.folder / "call.json", json.dumps(account, indent=2, ensure_ascii=False) + "\n")
