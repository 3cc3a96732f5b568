"""One call of an agent that ends with its reply: bounded in time and words, redacted, and all of it kept to be read.

The one way in which batty asks a model anything, whatever the question: `Form` says what is asked and how a reply is
read, `Errand` is one call, `Aside` makes one at a time beside a loop.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Final, Generic, Protocol, TypeVar

from batty_tmux.config_tables import Supervisor
from batty_tmux.core.consult_reply import MAX_REPLY, Cli
from batty_tmux.errors import BattyError
from batty_tmux.host.agents import consult as agents
from batty_tmux.host.clock import now
from batty_tmux.host.files import write_atomically
from batty_tmux.host.hear import Heard, hear
from batty_tmux.host.process import Stop
from batty_tmux.names import clean

Redact = Callable[[str], str]

_KEPT: Final = 64 * 1024
"""Characters of what a program printed that are kept."""


class Told(Protocol):
    """What every reply tells. `outcome` is "failed" where there is none; `cost` is in dollars."""

    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def cost(self) -> float | None: ...


R = TypeVar("R", bound=Told)
T = TypeVar("T")


@dataclass(frozen=True)
class Form(Generic[R]):
    """What is asked for. `read` takes what was printed, by whom, and Codex's last message."""

    instructions: str
    schema: Mapping[str, Any]
    read: Callable[[bytes, Cli, bytes], R]
    failed: Callable[[str, float | None], R]


@dataclass(frozen=True)
class Errand(Generic[R]):
    """One call to make. `folder` is its snapshot's, and need not exist; `environ` is the one the run began in.

    `judge` has the last word on a reply; `account` is what is kept of the reply beside its reason and cost.
    """

    key: str
    number: int
    message: str
    form: Form[R]
    told: Supervisor
    folder: Path
    environ: Mapping[str, str]
    account: Callable[[R], Mapping[str, object]]
    judge: Callable[[R], R] = lambda reply: reply


def name_of(told: Supervisor) -> str:
    """Return who is asked, as the journal calls it."""
    program = Path(told.command[0]).name if told.by == "command" and told.command else told.by
    return clean(f"{program} {told.model}".strip(), 80)


def run(errand: Errand[R], redact: Redact, stop: Stop) -> tuple[R, float]:
    """Make the call, here and now, keep what was told and said, and return the reply and the seconds it took.

    No call is made that could not be kept.
    """
    cli = _cli(errand.told)
    begun = now()
    errand.folder.mkdir(parents=True, exist_ok=True)
    message, instructions = redact(errand.message), errand.form.instructions
    with TemporaryDirectory(prefix="batty-consult-", ignore_cleanup_errors=True) as made:
        call = _call(errand, Path(made))
        told = agents.told(cli, call, message)
        file = errand.folder / "prompt.md"
        write_atomically(file, told if cli == "command" else f"{redact(instructions)}\n{message}")
        heard = _heard(cli, call, told, errand, stop)
        last = _last(call.last)
    reply = errand.judge(_reply(heard, cli, last, errand))
    # the documents of a call are for people: that one cannot be written changes nothing about what was said
    with suppress(OSError):
        _keep(errand, call, cli, heard, last, reply, begun, redact)
    return reply, heard.seconds


def _cli(told: Supervisor) -> Cli:
    if told.by == "":
        raise BattyError("no-supervisor", "no supervisor agent is set", next="batty config")
    return told.by


def _call(errand: Errand[R], folder: Path) -> agents.Call:
    return agents.Call(
        folder=folder,
        instructions=errand.form.instructions,
        schema=json.dumps(errand.form.schema),
        command=errand.told.command,
        model=errand.told.model,
        args=errand.told.args,
        budget=errand.told.budget,
    )


def _heard(cli: Cli, call: agents.Call, told: str, errand: Errand[R], stop: Stop) -> Heard:
    call.stand.mkdir()
    for name, text in agents.files(cli, call).items():
        (call.folder / name).write_text(text, encoding="utf-8")
    return hear(
        agents.argv(cli, call),
        cwd=call.stand,
        env=agents.environment(cli, errand.environ),
        told=told.encode("utf-8", "replace"),
        timeout=errand.told.seconds,
        limit=MAX_REPLY,
        stop=stop,
    )


def _last(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_REPLY + 1)
    except OSError:
        return b""


def _reply(heard: Heard, cli: Cli, last: bytes, errand: Errand[R]) -> R:
    form = errand.form
    if heard.too_much:
        return form.failed(f"it said more than {MAX_REPLY} bytes", None)
    if heard.stopped:
        return form.failed("its prompt went away meanwhile", None)
    reply = form.read(heard.said, cli, last)
    if heard.status is None:
        # Codex goes on for ever about a network that is not there, and says so as it does
        why = f": {reply.reason}" if cli == "codex" and reply.outcome == "failed" and heard.said.strip() else ""
        return form.failed(f"it took longer than {errand.told.timeout}{why}", None)
    if heard.status == 0:
        return reply
    words = heard.errors.decode("utf-8", "replace").strip().splitlines()
    # both agents say on their output what went wrong with a call, and elsewhere what is wrong with the command line
    why = words[-1] if words and (cli == "command" or not heard.said.strip()) else reply.reason
    return form.failed(f"it ended with {heard.status}: {why}", reply.cost)


def _keep(
    errand: Errand[R],
    call: agents.Call,
    cli: Cli,
    heard: Heard,
    last: bytes,
    reply: R,
    begun: datetime,
    redact: Redact,
) -> None:
    said = (last or heard.said)[: 4 * _KEPT].decode("utf-8", "replace")[:_KEPT]
    write_atomically(errand.folder / "reply.json", redact(said))
    account = {
        "key": errand.key,
        "number": errand.number,
        "agent": name_of(errand.told),
        "argv": [redact(word) for word in agents.shown(agents.argv(cli, call), call)],
        "begun": begun.isoformat(),
        "seconds": round(heard.seconds, 3),
        "status": heard.status,
        "outcome": reply.outcome,
        **{key: redact(told) if isinstance(told, str) else told for key, told in errand.account(reply).items()},
        "reason": redact(reply.reason),
        "cost": reply.cost,
        "said": len(heard.said),
        "errors": redact(heard.errors[-4000:].decode("utf-8", "replace")),
    }
    write_atomically(errand.folder / "call.json", json.dumps(account, indent=2, ensure_ascii=False) + "\n")


# --- beside a loop ------------------------------------------------------------------------------------------


@dataclass
class Aside(Generic[T]):
    """Does one thing at a time beside the loop. `wake` becomes readable when it has ended."""

    wake: int = -1
    _signal: int = -1
    _thread: Thread | None = None
    _stop: Stop | None = None
    _ended: list[T] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wake, self._signal = os.pipe()

    @property
    def busy(self) -> bool:
        return self._thread is not None

    def begin(self, work: Callable[[Stop], T], lost: Callable[[Exception], T]) -> None:
        """Start it; nothing of it is waited for. `lost` says what came of it where it raised."""
        if self._thread is not None:
            raise BattyError("consulting", "a supervisor agent is being asked already", next="batty status")
        stop = Stop()

        def aside() -> None:
            try:
                self._ended.append(work(stop))
            except Exception as error:  # noqa: BLE001 -- a call that goes wrong in any way is a person's question
                self._ended.append(lost(error))
            finally:
                os.write(self._signal, b".")

        self._stop = stop
        self._thread = Thread(target=aside, daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End it. It still has an outcome to `collect`."""
        if self._stop is not None:
            self._stop.set()

    def collect(self) -> T | None:
        """Return what came of what has ended, waiting for its end; None where nothing was begun."""
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
