"""Run a job: the gate on exactly one commit, in a worktree of batty's own that holds nothing else.

The same here and on a worker: what is to be run is a value, the job, and so is what came of it, the result. Nothing
of it knows a journal or a queue.

A reused worktree passes bad commits: a stale byte-code file of the same size and second is enough. So a slot is
made pristine before each run: tracked, untracked and ignored files; only `gate.keep` stays.
"""

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from batty_tmux.core.events import VerdictWord
from batty_tmux.core.space import Room, is_of_the_disk
from batty_tmux.drive.command_log import Scribe
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import Held, attempt, exclusive
from batty_tmux.host.machine import room
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Ran, Stop, run_measured, scrubbed
from batty_tmux.names import PhaseId, Sha

_SLOTS = 64
_COULD_NOT_RUN = frozenset({126, 127})
_SIGNALLED = 128
_HYGIENE = "pristine: tracked, untracked and ignored files, index made anew"
"""Part of what a verdict belongs to: change it where slots are made cleaner, and no older verdict is reused."""


class Job(msgspec.Struct, frozen=True):
    """What is to be run, and on what. Nothing of the place or of its environment is in it."""

    phase: PhaseId
    commit: Sha
    tree: Sha
    command: str
    setup: str
    keep: tuple[str, ...]
    seconds: float

    @property
    def gate(self) -> str:
        """Name the command."""
        return _digest(self.command)

    @property
    def hygiene(self) -> str:
        """Name how clean a slot is, and what is made in it."""
        return _digest(_HYGIENE, self.setup, *self.keep)

    @property
    def prepared(self) -> str:
        """Name what `setup` has made of a slot: another command or another setup makes it anew."""
        return self.gate + self.hygiene


class Result(msgspec.Struct, frozen=True):
    """What came of a job. `cpu` in seconds and `memory` in bytes are of the command and what it waited for.

    `beside` is how many others were at work when it began, `stopped` that it was ended before it had a verdict. `fault`
    says what was wrong with the machine, where it is that which kept the gate from a verdict.
    """

    verdict: VerdictWord
    status: int | None = None
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    beside: int = 0
    stopped: bool = False
    fault: str = ""


@dataclass(frozen=True)
class Site:
    """Where jobs are run: a repository's git, the folder of the worktrees, and a folder for locks and marks."""

    git: Git
    slots: Path
    state: Path


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
    """`words` are what the log is to say of it."""

    verdict: VerdictWord
    status: int | None = None
    ran: Ran | None = None
    seconds: float = 0.0
    words: str = ""
    fault: str = ""


def carry_out(job: Job, site: Site, environ: Mapping[str, str], log: Held, stop: Stop) -> Result:
    """Run the job in a slot of the site, all that it says in the log, whose lock is held.

    Raises BattyError where there is no slot, and CommandFailed where git cannot make one pristine for the disk.
    """
    with Scribe(log) as scribe:
        with _slot(site) as slot:
            # a git that outlives its lander keeps the slot's lock, as a gate does: both write there
            judged = _judge(Git(slot.folder, slot.held), slot, job, environ, scribe, stop)
        is_whole = scribe.dismiss(judged.words)
    ran = judged.ran
    return Result(
        # a gate that nobody hears any more may fail of that alone
        verdict=judged.verdict if is_whole else "infra",
        status=judged.status,
        seconds=round(judged.seconds, 3),
        cpu=round(ran.cpu, 3) if ran is not None else 0.0,
        memory=ran.memory if ran is not None else 0,
        beside=slot.beside,
        stopped=ran is not None and ran.stopped,
        fault=judged.fault if is_whole else "what writes the log was ended",
    )


def _judge(git: Git, slot: Slot, job: Job, environ: Mapping[str, str], scribe: Scribe, stop: Stop) -> _Judged:
    with TemporaryDirectory(prefix="batty-gate-", ignore_cleanup_errors=True) as scratch:
        problem = _make_pristine(git, job)
        if problem:
            return _Judged("infra", words=f"batty: {problem}")
        environ = _environment(job, environ, Path(scratch))
        if job.setup and _setup_is_due(slot.marker, job):
            ran = _run(job.setup, slot, scribe, environ, job.seconds, stop)
            if ran.status != 0:
                return _full(slot, ran) or _Judged(
                    "infra", ran.status, ran, words=f"batty: gate.setup ended with {ran.status}"
                )
            slot.marker.write_text(job.prepared)
        begun = monotonic()
        ran = _run(job.command, slot, scribe, environ, job.seconds, stop)
        seconds = monotonic() - begun
        if not slot.folder.is_dir() or git.tip("HEAD") != job.commit:
            told = "batty: the gate moved HEAD, so it is not known what it tested"
            return _Judged("infra", ran.status, ran, seconds, told)
    verdict = verdict_of(ran.status)
    full = _full(slot, ran, seconds) if verdict == "fail" else None
    return full or _Judged(verdict, ran.status, ran, seconds)


def _full(slot: Slot, ran: Ran, seconds: float = 0.0) -> _Judged | None:
    """Say so where a program has failed and the disk is full: that is nothing of the program's."""
    if not slot.folder.is_dir() or not Room(*room(slot.folder)).is_full:
        return None
    told = "the disk is full"
    return _Judged("infra", ran.status, ran, seconds, f"batty: {told}, so this says nothing of the code", told)


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


def _setup_is_due(marker: Path, job: Job) -> bool:
    """Setup runs once in a fresh slot; where nothing is kept, every pristine slot is a fresh one."""
    return not job.keep or not marker.exists() or marker.read_text() != job.prepared


def _make_pristine(slot: Git, job: Job) -> str | None:
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
        slot.run("read-tree", job.commit, config=whole)
    slot.run("update-index", "-q", "--refresh", config=whole)
    done = slot.run("checkout", "--quiet", "--force", "--detach", job.commit, config=whole)
    if not done.ok:
        if is_of_the_disk(done.stderr, Room(*room(slot.folder))):
            done.check()
        return f"checkout failed: {done.stderr.strip()}"
    excludes = tuple(word for path in job.keep for word in ("-e", f"/{path.strip('/')}"))
    done = slot.run("clean", "-ffdxq", *excludes)
    if not done.ok:
        return f"clean failed: {done.stderr.strip()}"
    # by tree identity, not by status: line-ending attributes can make a true checkout look modified
    if slot.say("write-tree") != job.tree:
        return "the slot's index is not the tree that is to be gated"
    kept = (f"--exclude=/{path.strip('/')}" for path in job.keep)
    left = slot.run("ls-files", "-z", "--others", *kept).check().stdout
    return f"files that are not in the tree: {left.split(chr(0))[0]}" if left else None


def _environment(job: Job, environ: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Return the whole environment of a gate. Nothing in it leads to a terminal, a tmux or another repository."""
    kept = {k: v for k, v in scrubbed(environ).items() if k not in {"TMUX", "TMUX_PANE", "PWD", "OLDPWD"}}
    own = {
        "BATTY_PHASE": str(job.phase),
        "BATTY_CANDIDATE": str(job.commit),
        "CI": "true",
        "TMPDIR": str(scratch),
    }
    return {**kept, **own}


@contextmanager
def _slot(site: Site) -> Iterator[Slot]:
    """Yield a worktree that no other gate uses."""
    locks = site.state / "slots"
    with ExitStack() as stack:
        for number in range(1, _SLOTS + 1):
            held = stack.enter_context(attempt(locks / f"{number}.lock"))
            if held is not None:
                break
        else:
            raise BattyError("no-slot", f"all {_SLOTS} gate worktrees are in use", next="batty status")
        folder, marker = site.slots / f"gate-{number}", locks / f"{number}.setup"
        with exclusive(site.state / "worktrees.lock"):
            _ensure(replace(site.git, held=held), folder, marker)
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


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
