"""A lander that dies at a numbered failpoint: `python -m tests.support.failpoints REPO NAME TURN SEED FOLDER`.

It dies at the TURN-th hit of the failpoint, in whichever thread that is; `-` is no failpoint. In FOLDER it leaves
`hit`, just before. Where FOLDER holds `person-comes`, somebody commits on the base between the lander's word that
it is landing and the landing itself, once. It ends with 0, with 1 for what it has words for, with 3 for a bug.

What a failpoint is called: what is done, and how it ends.
    before, after    this process is killed there
    torn             a line of the journal is half written
    during           this process is killed; the git or the gate that it has just started goes on alone
    together         git is killed a moment after its start, and this process with it
    alone            git is killed a moment after its start; this process goes on
    leader-killed    the leader of the gate's process group is killed; this process goes on
    stopped          this process stops, and wakes later
    orphan           this process is killed; the git or gate that it has just started stops at once, and wakes later
"""

import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, NoReturn

from batty_tmux.drive import lander
from batty_tmux.drive.senses import Bell
from batty_tmux.errors import BattyError
from batty_tmux.host import journal, plumbing, process
from batty_tmux.host.journal import Journal
from batty_tmux.host.lock import Held, attempt, exclusive
from tests.support.lander import look
from tests.support.person import comes

_JOURNALED = ("before", "torn", "after")
_EVENTS = (
    *("base-moved", "candidate-built", "conflicted", "candidate-refused", "gate-started", "gate-finished"),
    *("gate-stopped", "ejected", "landing", "landed", "deferred", "retried", "pins-changed"),
)
_GITS = (
    *("merge-tree", "hash-object", "pin-cand", "update-ref-main", "pin-landing", "put-back"),
    *("fast-forward", "update-index", "restore", "worktree-add", "worktree-unlock", "worktree-remove"),
    *("read-tree-slot", "refresh-slot", "checkout-slot", "clean-slot"),
)
FAILPOINTS: tuple[str, ...] = (
    *("lock:held", "lock:released", "bell:opened", "bell:waiting"),
    *(f"journal:{event}:{how}" for event in _EVENTS for how in ("before", "torn", "after")),
    *(f"git:{git}:{how}" for git in _GITS for how in ("before", "during", "together", "alone", "after")),
    *(f"{what}:{how}" for what in ("gate", "setup") for how in ("before", "during", "leader-killed", "after")),
    *("lock:stopped", "git:update-ref-main:stopped", "git:fast-forward:stopped"),
    *(f"git:{git}:orphan" for git in ("update-ref-main", "fast-forward", "checkout-slot", "worktree-add")),
    "gate:orphan",
)
"""Their numbers are their places here: add at the end only."""
SHARED_FAILPOINTS: tuple[str, ...] = (
    *(f"git:{git}:{how}" for git in ("fetch", "push") for how in ("before", "during", "together", "alone", "after")),
    *(f"git:{git}:orphan" for git in ("fetch", "push")),
    *(f"journal:{event}:{how}" for event in ("landing", "landed", "following", "followed") for how in _JOURNALED),
    *(f"git:fast-forward:{how}" for how in ("before", "together", "after")),
)
"""What is done only where the base is a remote's, and what must be right there too."""

_BY_WORD = {
    "merge-tree": "merge-tree",
    "hash-object": "hash-object",
    "merge": "fast-forward",
    "fetch": "fetch",
    "push": "push",
    "restore": "restore",
    "checkout": "checkout-slot",
    "clean": "clean-slot",
    "read-tree": "read-tree-slot",
}
_STOPS_FIRST = ("/bin/sh", "-c", 'kill -STOP $$; exec "$@"', "sh")
_A_MOMENT = 0.03
"""Seconds within which a program is killed after its start."""


class Armed:
    """One failpoint, waiting for its turn."""

    def __init__(self, name: str, turn: int, seed: int, folder: Path) -> None:
        self.what, _, self.how = name.rpartition(":")
        self.turn, self.folder = turn, folder
        self.chance = random.Random(seed)
        self.lock = threading.RLock()
        """Held by whoever must not be killed in the middle, such as a person."""

    def due(self, what: str, *hows: str) -> bool:
        """Count a hit, and tell whether it is the one."""
        with self.lock:
            if what != self.what or self.how not in hows:
                return False
            self.turn -= 1
            if self.turn == 0:
                (self.folder / "hit").touch()
            return self.turn == 0

    def at(self, what: str, how: str) -> None:
        if self.due(what, how):
            self.die()

    def die(self) -> NoReturn:
        with self.lock:
            os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def moment(self) -> float:
        # most of what git does takes a few milliseconds: two of three moments are in the first six of them
        return self.chance.uniform(0, self.chance.choice((0.003, 0.006, _A_MOMENT)))


_purpose = threading.local()
"""What the refs are moved for that this thread moves now: git's own words do not say so."""


def name_of(argv: Sequence[str]) -> str | None:
    """Name what a program does, as the failpoints call it; None for one that changes nothing."""
    if argv[0] == "/bin/sh":
        return "setup" if "batty-test-setup" in argv[-1] else "gate"
    words = [word for word in argv[1 + len(plumbing._OPTIONS) :] if not word.startswith("--literal")]
    while words and words[0] == "-c":
        words = words[2:]
    match words:
        case ["update-ref", *_]:
            return getattr(_purpose, "name", None)
        case ["update-index", "-q", *_]:
            return "git:refresh-slot"
        case ["update-index", *_]:
            return "git:update-index"
        case ["worktree", "add" | "unlock" | "remove" as verb, *_]:
            return f"git:worktree-{verb}"
        case [word, *_] if word in _BY_WORD:
            return f"git:{_BY_WORD[word]}"
        case _:
            return None


def _of_refs(first: str, reason: str) -> str:
    kinds = {"refs/heads/": "update-ref-main", "refs/batty/main/": "pin-landing", "refs/batty/landed/": "pin-landing"}
    kind = next((kind for prefix, kind in kinds.items() if first.startswith(prefix)), "pin-cand")
    return "git:put-back" if reason == "batty: put back" else f"git:{kind}"


def install(armed: Armed) -> None:
    _watch_programs(armed)
    _watch_refs()
    _watch_journal(armed)
    _watch_lander(armed)


def _watch_programs(armed: Armed) -> None:
    class Watched(subprocess.Popen[bytes]):
        def __init__(self, argv: Sequence[str], **options: Any) -> None:
            self.what = name_of(argv) or ""
            armed.at(self.what, "before")
            if armed.due(self.what, "stopped"):
                os.kill(os.getpid(), signal.SIGSTOP)
            self.is_orphan = armed.due(self.what, "orphan")
            super().__init__((*_STOPS_FIRST, *argv) if self.is_orphan else argv, **options)
            if self.is_orphan:
                _wait_until_stopped(self.pid)
                (armed.folder / "orphan").write_text(str(self.pid))
            if self.what in {"gate", "setup"}:
                _started(armed, self)

        def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:  # noqa: A002
            if armed.due(self.what, "during"):
                self.feed(input)
                armed.die()
            if self.is_orphan:
                self.feed(input)
                armed.die()
            if armed.due(self.what, "together"):
                self.feed(input)
                sleep(armed.moment())
                process.kill_group(self.pid)
                armed.die()
            if armed.due(self.what, "alone"):
                _kill_later(self.pid, armed.moment())
            said = super().communicate(input, timeout)
            armed.at(self.what, "after")
            return said

        def feed(self, data: bytes | None) -> None:
            if self.stdin is not None:
                self.stdin.write(data or b"")
                self.stdin.close()

    ended = process._ended

    def after(child: Watched) -> tuple[int, float, int]:
        result = ended(child)
        armed.at(child.what, "after")
        return result

    subprocess.Popen = Watched  # type: ignore[misc, assignment]
    process._ended = after  # type: ignore[assignment]


def _started(armed: Armed, gate: Any) -> None:
    if gate.is_orphan:
        armed.die()
    if armed.due(gate.what, "during"):
        sleep(armed.moment())
        armed.die()
    if armed.due(gate.what, "leader-killed"):
        sleep(armed.chance.uniform(0, 0.004))
        os.kill(gate.pid, signal.SIGKILL)


def _wait_until_stopped(pid: int) -> None:
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        sleep(0.001)


def _kill_later(pid: int, seconds: float) -> None:
    descriptor = os.pidfd_open(pid)

    def kill() -> None:
        sleep(seconds)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        except ProcessLookupError:
            return

    threading.Thread(target=kill, daemon=True).start()


def _watch_refs() -> None:
    move = plumbing.Git.move_refs

    def named(self: plumbing.Git, moves: Any, reason: str, **options: Any) -> Any:
        _purpose.name = _of_refs(moves[0][0], reason)
        try:
            return move(self, moves, reason, **options)
        finally:
            _purpose.name = None

    plumbing.Git.move_refs = named  # type: ignore[method-assign]


def _watch_journal(armed: Armed) -> None:
    write = Journal.append

    def append(self: Journal, records: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        what = f"journal:{records[0]['event']}"
        armed.at(what, "before")
        if armed.due(what, "torn"):
            with exclusive(self.path.with_suffix(".lock")), self.path.open("ab+") as file:
                seq = journal._cut_torn_line(file.fileno())
                lines = [journal._line({"at": "2026", "seq": seq + n, **r}) for n, r in enumerate(records, 1)]
                whole = b"".join(lines).replace(b'"2026"', b'"2026-01-01T00:00:00Z"')
                file.write(whole[: armed.chance.randrange(1, len(whole))])
                file.flush()
                armed.die()
        written = write(self, records)
        armed.at(what, "after")
        if what == "journal:landing" and (armed.folder / "person-comes").exists():
            with armed.lock:
                comes(armed.folder)
        return written

    Journal.append = append  # type: ignore[method-assign]


def _watch_lander(armed: Armed) -> None:
    wait, ring = Bell.wait, Bell.at

    @contextmanager
    def held(path: Path) -> Iterator[Held | None]:
        with attempt(path) as got:
            armed.at("lock", "held")
            if armed.due("lock", "stopped"):
                os.kill(os.getpid(), signal.SIGSTOP)
            yield got
        armed.at("lock", "released")

    @contextmanager
    def opened(state: Path) -> Iterator[Bell]:
        with ring(state) as bell:
            armed.at("bell", "opened")
            yield bell

    def waiting(self: Bell, seconds: float | None = None) -> bool:
        armed.at("bell", "waiting")
        return wait(self, seconds)

    lander.attempt = held  # type: ignore[attr-defined]
    Bell.at = opened  # type: ignore[method-assign]
    Bell.wait = waiting  # type: ignore[method-assign]


def main(repo: str, name: str, turn: str, seed: str, folder: str) -> int:
    install(Armed(name, int(turn), int(seed), Path(folder)))
    run: Callable[[], bool] = lambda: lander.drain(look(Path(repo)), lambda _: None)  # noqa: E731
    try:
        print("done" if run() else "busy")  # noqa: T201 -- its answer
    except BattyError as refused:
        print(f"{refused.code}: {refused} {refused.evidence}")  # noqa: T201
        return 1
    except Exception as bug:  # noqa: BLE001
        sys.excepthook(type(bug), bug, bug.__traceback__)
        return 3
    return 0


class Forked:
    """The same in a process forked from this one, which has imported it all: that takes half of a lander's time."""

    def __init__(self, repo: Path, name: str, turn: int, seed: int, folder: Path) -> None:
        self.said = folder / "said"
        self.status: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._run(str(repo), name, str(turn), str(seed), str(folder))

    def _run(self, *words: str) -> NoReturn:
        status = 3
        try:
            os.chdir(words[0])
            with self.said.open("w", buffering=1) as file:
                sys.stdout = sys.stderr = file
                status = main(*words)
        finally:
            os._exit(status)

    def wait(self, seconds: float) -> str:
        """Wait for its end, set `status` as Popen has it, and return what it said. Kills one that takes longer."""
        descriptor = os.pidfd_open(self.pid)
        ended = bool(select.select([descriptor], [], [], seconds)[0])
        os.close(descriptor)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) if ended else None
        return self.said.read_text() if self.said.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
