"""Run the gate on exactly one commit, in a worktree of batty's own that holds nothing else.

A reused worktree passes bad commits: a stale byte-code file of the same size and second is enough. So a slot is
made pristine before each run: tracked, untracked and ignored files; only `gate.keep` stays.
"""

import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict, cast

from batty_tmux.config_tables import Config
from batty_tmux.core.events import GateFinished, GateStarted, GateStopped, Purpose, VerdictWord
from batty_tmux.core.failures import failed_tests
from batty_tmux.core.queue_state import GateKey
from batty_tmux.core.space import Room, is_of_the_disk
from batty_tmux.drive.command_log import Scribe, fresh_log, settle_left
from batty_tmux.drive.place import Place
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import Held, attempt, exclusive
from batty_tmux.host.machine import fingerprint, room, words_of
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Ran, Stop, run_measured, scrubbed
from batty_tmux.names import PhaseId, RunId, Sha

_SLOTS = 64
_COULD_NOT_RUN = frozenset({126, 127})
_SIGNALLED = 128
_HYGIENE = "pristine: tracked, untracked and ignored files, index made anew"
"""Part of what a verdict belongs to: change it where slots are made cleaner, and no older verdict is reused."""
_LAST_WORDS = 1 << 20
"""Bytes from the end of a log in which the names of failed tests are looked for."""


@dataclass(frozen=True)
class GateSpec:
    """What is run, as the base branch says it. `files` are more paths than are known to define it."""

    command: str
    seconds: float
    setup: str
    keep: tuple[str, ...]
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config) -> "GateSpec":
        gate = config.gate
        if not gate.command.strip():
            raise BattyError(
                "no-gate",
                "batty.toml on the base branch sets no gate.command, so nothing could be proved before landing",
                next="${EDITOR:-vi} batty.toml",
            )
        return cls(gate.command, gate.seconds, gate.setup, gate.keep, gate.files)

    @property
    def digest(self) -> str:
        return _digest(self.command)

    @property
    def hygiene(self) -> str:
        return _digest(_HYGIENE, self.setup, *self.keep)

    @property
    def prepared(self) -> str:
        """Name what `setup` has made of a slot: another command or another setup makes it anew."""
        return self.digest + self.hygiene

    def key(self, environ: Mapping[str, str]) -> GateKey:
        """Return what verdicts belong to beside a tree, where the gate is run with this environment."""
        words = (*words_of(self.command), *words_of(self.setup))
        return GateKey(self.digest, fingerprint(words, environ.get("PATH", os.defpath)), self.hygiene)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True)
class Subject:
    """What is gated, for whom, and with whose environment."""

    phase: PhaseId
    commit: Sha
    tree: Sha
    purpose: Purpose
    run: RunId
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Slot:
    """A worktree for one gate at a time; `marker` is the file that says what was set up in it.

    `beside` is how many others were at work when it was taken: the lowest free one is.
    """

    folder: Path
    marker: Path
    held: Held
    beside: int


@dataclass(frozen=True)
class _Judged:
    verdict: VerdictWord
    status: int | None = None
    ran: Ran | None = None
    seconds: float = 0.0
    words: str = ""
    """What the log is to say of it."""


def run_gate(place: Place, spec: GateSpec, subject: Subject, slots: Path) -> GateFinished:
    """Run the gate to its verdict and journal both."""
    with Stop() as never:
        ended = run_unless_stopped(place, spec, subject, slots, never)
    # nobody has that stop but this function
    return cast("GateFinished", ended)


def run_unless_stopped(
    place: Place, spec: GateSpec, subject: Subject, slots: Path, stop: Stop
) -> GateFinished | GateStopped:
    """Run the gate and journal both its start and its verdict, or that it was stopped before it had one."""
    folder = place.phase_folder(subject.run, subject.phase)
    settle_left(folder)
    log = fresh_log(folder, "gate")
    key = spec.key(subject.environ)
    what: _What = {
        "run": subject.run,
        "phase": subject.phase,
        "purpose": subject.purpose,
        "commit": subject.commit,
        "tree": subject.tree,
        "log": str(log),
    }
    named: _Key = {"gate": key.gate, "environment": key.environment, "hygiene": key.hygiene}
    place.records.append(GateStarted(**what, **named))
    with exclusive(log) as writing, Scribe(writing) as scribe:
        with _slot(place, slots) as slot:
            # a git that outlives its lander keeps the slot's lock, as a gate does: both write there
            judged = _judge(Git(slot.folder, slot.held), slot, spec, subject, scribe, stop)
        is_whole = scribe.dismiss(judged.words)
    ran = judged.ran
    if ran is not None and ran.stopped:
        stopped = GateStopped(**what)
        place.records.append(stopped)
        return stopped
    # a gate that nobody hears any more may fail of that alone
    verdict: VerdictWord = judged.verdict if is_whole else "infra"
    finished = GateFinished(
        **what,
        **named,
        verdict=verdict,
        status=judged.status,
        seconds=round(judged.seconds, 3),
        cpu=round(ran.cpu, 3) if ran is not None else 0.0,
        memory=ran.memory if ran is not None else 0,
        beside=slot.beside,
        failed=() if verdict == "pass" else failed_tests(_tail(log)),
    )
    place.records.append(finished)
    return finished


class _What(TypedDict):
    run: RunId
    phase: PhaseId
    purpose: Purpose
    commit: Sha
    tree: Sha
    log: str


class _Key(TypedDict):
    gate: str
    environment: str
    hygiene: str


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_WORDS))
        return file.read().decode("utf-8", "replace")


def _judge(git: Git, slot: Slot, spec: GateSpec, subject: Subject, scribe: Scribe, stop: Stop) -> _Judged:
    with TemporaryDirectory(prefix="batty-gate-", ignore_cleanup_errors=True) as scratch:
        problem = _make_pristine(git, subject, spec.keep)
        if problem:
            return _Judged("infra", words=f"batty: {problem}")
        environ = _environment(subject, Path(scratch))
        if spec.setup and _setup_is_due(slot.marker, spec):
            ran = _run(spec.setup, slot, scribe, environ, spec.seconds, stop)
            if ran.status != 0:
                return _Judged("infra", ran.status, ran, words=f"batty: gate.setup ended with {ran.status}")
            slot.marker.write_text(spec.prepared)
        begun = monotonic()
        ran = _run(spec.command, slot, scribe, environ, spec.seconds, stop)
        seconds = monotonic() - begun
        if not slot.folder.is_dir() or git.tip("HEAD") != subject.commit:
            told = "batty: the gate moved HEAD, so it is not known what it tested"
            return _Judged("infra", ran.status, ran, seconds, told)
    verdict = verdict_of(ran.status)
    if verdict == "fail" and Room(*room(slot.folder)).is_full:
        return _Judged("infra", ran.status, ran, seconds, "batty: the disk is full, so this says nothing of the code")
    return _Judged(verdict, ran.status, ran, seconds)


def _run(command: str, slot: Slot, scribe: Scribe, environ: Mapping[str, str], seconds: float, stop: Stop) -> Ran:
    """Run it in the slot, whose lock it keeps: where its lander is killed, it goes on writing there."""
    keep = (slot.held.descriptor,)
    return run_measured(
        command, cwd=slot.folder, env=environ, log=scribe.said, timeout=seconds, keep_open=keep, stop=stop
    )


def verdict_of(status: int | None) -> VerdictWord:
    """Read an exit status as a shell gives it: only an ordinary non-zero one speaks about the code."""
    if status is None:
        return "timeout"
    if status == 0:
        return "pass"
    return "infra" if status in _COULD_NOT_RUN or status < 0 or status > _SIGNALLED else "fail"


def _setup_is_due(marker: Path, spec: GateSpec) -> bool:
    """Setup runs once in a fresh slot; where nothing is kept, every pristine slot is a fresh one."""
    return not spec.keep or not marker.exists() or marker.read_text() != spec.prepared


def _make_pristine(slot: Git, subject: Subject, keep: tuple[str, ...]) -> str | None:
    """Make the slot hold the commit and nothing else; return what is wrong if it cannot be.

    Raises CommandFailed where the disk is full: no other attempt would end otherwise.
    """
    for lock in ("index.lock", "HEAD.lock"):
        # the slot is ours alone, so this is of a git that was killed in it
        slot.private(lock).unlink(missing_ok=True)
    # size and second of a file that a gate rewrote can be as before, and a gate may have hidden it from git: an
    # index made anew knows of neither, so that every file's content is looked at
    # and a slot can be made anew at any time: nothing in it is worth waiting for the disk
    whole = ("core.sparseCheckout=false", "core.fsync=none")
    if not slot.run("read-tree", "HEAD", config=whole).ok:
        slot.run("read-tree", subject.commit, config=whole)
    slot.run("update-index", "-q", "--refresh", config=whole)
    done = slot.run("checkout", "--quiet", "--force", "--detach", subject.commit, config=whole)
    if not done.ok:
        if is_of_the_disk(done.stderr, Room(*room(slot.folder))):
            done.check()
        return f"checkout failed: {done.stderr.strip()}"
    excludes = tuple(word for path in keep for word in ("-e", f"/{path.strip('/')}"))
    done = slot.run("clean", "-ffdxq", *excludes)
    if not done.ok:
        return f"clean failed: {done.stderr.strip()}"
    # by tree identity, not by status: line-ending attributes can make a true checkout look modified
    if slot.say("write-tree") != subject.tree:
        return "the slot's index is not the tree that is to be gated"
    left = slot.run("ls-files", "-z", "--others", *(f"--exclude=/{path.strip('/')}" for path in keep)).check().stdout
    return f"files that are not in the tree: {left.split(chr(0))[0]}" if left else None


def _environment(subject: Subject, scratch: Path) -> dict[str, str]:
    """Return the whole environment of a gate. Nothing in it leads to a terminal, a tmux or another repository."""
    kept = {k: v for k, v in scrubbed(subject.environ).items() if k not in {"TMUX", "TMUX_PANE", "PWD", "OLDPWD"}}
    own = {
        "BATTY_PHASE": str(subject.phase),
        "BATTY_CANDIDATE": str(subject.commit),
        "CI": "true",
        "TMPDIR": str(scratch),
    }
    return {**kept, **own}


@contextmanager
def _slot(place: Place, slots: Path) -> Iterator[Slot]:
    """Yield a worktree that no other gate uses."""
    locks = place.state / "slots"
    with ExitStack() as stack:
        for number in range(1, _SLOTS + 1):
            held = stack.enter_context(attempt(locks / f"{number}.lock"))
            if held is not None:
                break
        else:
            raise BattyError("no-slot", f"all {_SLOTS} gate worktrees are in use", next="batty status")
        folder, marker = slots / f"gate-{number}", locks / f"{number}.setup"
        with exclusive(place.state / "worktrees.lock"):
            _ensure(replace(place.git, held=held), folder, marker)
        yield Slot(folder, marker, held, number - 1)


def _ensure(git: Git, folder: Path, marker: Path) -> None:
    if _is_linked(git, folder):
        return
    known = {tree.path.resolve() for tree in git.worktrees()}
    marker.unlink(missing_ok=True)
    if folder.resolve() in known:
        # the folder was deleted by hand; its registration is ours, locked, and holds nothing
        git.run("worktree", "unlock", str(folder))
        git.run("worktree", "remove", str(folder)).check()
    if folder.exists():
        if any(folder.iterdir()):
            what = f"{folder} is in the way of a gate worktree"
            raise BattyError("slot-taken", what, next=shlex.join(("mv", str(folder), f"{folder}.old")))
        folder.rmdir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    head = git.tip("HEAD") or git.say("rev-list", "--max-count=1", "--all")
    git.add_detached(folder, Sha(head), "batty runs gates here")


def _is_linked(git: Git, folder: Path) -> bool:
    """Tell whether the folder and git's registration of it point to each other."""
    link = folder / ".git"
    if not link.is_file():
        return False
    back = Git(folder).own_folder / "gitdir"
    known = back.is_relative_to(git.common_folder) and back.is_file()
    return known and Path(back.read_text(errors="surrogateescape").rstrip("\n")).resolve() == link.resolve()
