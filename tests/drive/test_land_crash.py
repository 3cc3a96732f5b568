"""A lander may be killed at any point: whoever comes next lands the same, once, and nobody's work is lost."""

import os
import random
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from batty_tmux.core.events import AnyEvent, GateFinished, Landed, Landing
from batty_tmux.drive.checkout import Blocked, advance, mend
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import exclusive
from batty_tmux.host.process import Done, run
from batty_tmux.names import PhaseId, Sha
from tests.support.lander import RUN, Lander
from tests.support.repo import Repo
from tests.support.server import eventually

NEVER = 10_000
BRANCH = "batty/phase-3-run-001"


@dataclass(frozen=True)
class Calm:
    """What comes out when nobody is killed."""

    changes: int
    tip: Sha
    states: dict[str, str]
    steps: tuple[Sha, ...]


@pytest.fixture
def start(tmp_path: Path) -> Repo:
    """Three approved phases: one as it is, one that conflicts with it, one that is replayed."""
    repo = Repo.make(tmp_path / "start" / "repo", {"a": "a\n", "b": "b\n", "sub/c": "c\n", ".gitignore": ".env\n"})
    repo.gate("test ! -e broken")
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "one\n", "b": None, "new/1": "x\n"})
    lander.approve("phase-2", {"a": "two\n"})
    lander.approve("phase-3", {"sub/c": "three\n", "new/3": "x\n"})
    return repo


def copied(start: Repo, to: Path, held_by: str) -> Repo:
    """Copy the repository, and put uncommitted work of every kind into it and into a worktree of a phase."""
    shutil.copytree(start.folder.parent, to, symlinks=True)
    repo = Repo(to / "repo", start.commits)
    if held_by == "nobody":
        repo.git("switch", "-q", "-c", "elsewhere")
    for folder in (repo.folder, repo.worktree("work", BRANCH)):
        for name, text in {".env": "SECRET=1", "untracked": "u", "README": "modified\n", "staged": "s"}.items():
            repo.write(name, text, into=folder)
        repo.git("add", "staged", cwd=folder)
    return repo


def killed(repo: Repo, turn: int, how: str) -> Done:
    argv = (sys.executable, "-P", "-m", "tests.support.killed", str(repo.folder), str(turn), how)
    return run(argv, cwd=repo.folder)


def undisturbed(repo: Repo) -> Calm:
    base = repo.tip()
    changes = int(killed(repo, NEVER, "before").check().stdout)
    landed = (event.candidate for event in Lander(repo).events if isinstance(event, Landed))
    return Calm(changes, repo.tip(), Lander(repo).states, (base, *landed))


def crashed(repo: Repo, calm: Calm, turn: int, how: str) -> str:
    """Kill a lander, look at what it left, let another one finish, look again; return what is wrong."""
    files, commits = repo.snapshot_files(), repo.git("for-each-ref", "--format=%(objectname)").split()
    if killed(repo, turn, how).status != -signal.SIGKILL:
        return "was not killed"
    lander = Lander(repo)
    with exclusive(lander.place.landing_lock):
        # whatever of it lives on has the lock, until it has finished
        if repo.tip() not in calm.steps:
            return f"the base is at {repo.tip()}, which nobody gated"
    lander.land()
    commits += [sha for event in lander.events if isinstance(event, Landing) for sha in (event.base, event.candidate)]
    if turn % 2:
        repo.git("reflog", "expire", "--expire=now", "--all")
        repo.git("gc", "-q", "--prune=now")
    after = repo.snapshot_files()
    landed = repo.plumbing.changed(calm.steps[0], calm.tip)
    expected = {f"{repo.folder}/{path}" for path in landed} if repo.plumbing.head_branch() == "main" else set()
    wrong = {
        "the base": repo.tip() != calm.tip,
        "states": lander.states != calm.states,
        "landed twice": len(lander.landed) != len(set(lander.landed)),
        "moved to what had not passed": not _gated(lander.events),
        "lost commits": not all(repo.try_git("cat-file", "-e", sha).ok for sha in commits),
        "files": {path for path in files | after if files.get(path) != after.get(path)} != expected,
        "status": repo.git("status", "--porcelain").splitlines() != [" M README", "A  staged", "?? untracked"],
    }
    return ", ".join(word for word, is_so in wrong.items() if is_so)


def _gated(events: list[AnyEvent]) -> bool:
    passed = {event.tree for event in events if isinstance(event, GateFinished) and event.verdict == "pass"}
    return all(event.tree in passed for event in events if isinstance(event, Landed))


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("held_by", "hows"), [("checkout", ("before",)), ("checkout", ("during",)), ("nobody", ("before", "during"))]
)
def test_killed_at_any_change_the_next_one_ends_where_an_undisturbed_one_does(
    start: Repo, tmp_path: Path, held_by: str, hows: tuple[str, ...]
) -> None:
    """SIGKILL between two changes; or only of Python, while the git or the gate that it started goes on.

    Where nobody has main checked out, in turns.
    """
    calm = undisturbed(copied(start, tmp_path / "calm", held_by))
    assert calm.states == {"phase-1": "landed", "phase-2": "conflict", "phase-3": "landed"}
    turns = range(1, calm.changes + 1)

    def one(turn: int) -> str:
        return crashed(copied(start, tmp_path / f"at-{turn}", held_by), calm, turn, hows[turn % len(hows)])

    with ThreadPoolExecutor(2) as pool:
        wrong = {turn: told for turn, told in zip(turns, pool.map(one, turns), strict=True) if told}
    assert wrong == {}


def test_a_gate_that_outlives_its_lander_keeps_its_worktree_to_itself(tmp_path: Path) -> None:
    """It goes on writing there: the next gate would find files that are not in its tree, or lose its own."""
    repo = Repo.make(tmp_path / "repo")
    fifo, slots = tmp_path / "fifo", tmp_path / "repo.batty"
    os.mkfifo(fifo)
    outlive = f"kill -9 $PPID; read x <{fifo}; echo late >late"
    repo.gate(f"if mkdir {tmp_path}/once 2>/dev/null; then {outlive}; else pwd; fi")
    lander = Lander(repo)
    lander.approve("phase-1", {"new": "x\n"})
    assert killed(repo, NEVER, "before").status == -signal.SIGKILL
    lander.land()
    assert lander.states == {"phase-1": "landed"}
    assert Path(lander.entry("phase-1").log).read_text().strip() == str(slots / "gate-2")
    fifo.write_text("go on\n")
    eventually((slots / "gate-1" / "late").exists, "the end of the gate that was left")
    lander.approve("phase-2", {"new2": "x\n"})
    lander.land()
    assert not (slots / "gate-1" / "late").exists()


FILES = 1000
TRIES = 30
"""Fast-forwards to start until enough of them were killed in the middle, and neither before nor after."""


@dataclass(frozen=True)
class Large:
    """A checkout of main, and a gated candidate that changes, removes and adds thousands of files in it."""

    repo: Repo
    landing: Landing
    seconds: float

    def half(self, chance: random.Random) -> bool:
        """Start the fast-forward and kill git in the middle of it; tell whether it was."""
        before = self.repo.snapshot_files()
        seconds = self.seconds * chance.uniform(0.1, 0.9)
        words = ("timeout", "-s", "KILL", f"{seconds:.4f}", "git", "-c", "core.hooksPath=/dev/null")
        run((*words, "merge", "-q", "--ff-only", "--no-overwrite-ignore", self.landing.candidate), cwd=self.repo.folder)
        if self.repo.tip() == self.landing.base:
            return self.repo.snapshot_files() != before
        self.repo.git("reset", "-q", "--keep", self.landing.base)
        return False

    def mended(self) -> Blocked | None:
        with exclusive(self.repo.folder.parent / "lock") as held:
            return mend(self.repo.plumbing, "main", self.landing, held)

    def looks(self) -> tuple[dict[str, str], str]:
        return self.repo.snapshot_files(), self.repo.git("status", "--porcelain")


@pytest.fixture
def large(tmp_path: Path) -> Large:
    repo = Repo.make(tmp_path / "repo", {f"d{n % 50}/f{n}": f"old {n}\n" * 20 for n in range(FILES)})
    repo.gate("true")
    changes = {f"d{n % 50}/f{n}": (None if n % 3 == 0 else f"new {n}\n" * 30) for n in range(FILES)}
    repo.git("switch", "-q", "-c", "batty/phase-1-run-001")
    for path, text in (changes | {f"new{n % 50}/f{n}": "new\n" for n in range(FILES)}).items():
        if text is None:
            (repo.folder / path).unlink()
        else:
            repo.write(path, text)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "large")
    repo.git("switch", "-q", "main")
    begun = monotonic()
    repo.git("merge", "-q", "--ff-only", "batty/phase-1-run-001")
    seconds = monotonic() - begun
    repo.git("reset", "-q", "--hard", "main@{1}")
    repo.write("mine", "untracked")
    repo.write("README", "modified\n")
    landing = Landing(
        run=RUN,
        phase=PhaseId("phase-1"),
        base=repo.tip(),
        candidate=repo.tip("batty/phase-1-run-001"),
        checkout=str(repo.folder),
    )
    return Large(repo, landing, seconds)


def test_a_fast_forward_that_was_killed_is_taken_back_and_done_again(large: Large) -> None:
    """Thousands of files half-way: after the mending all is as it was, the user's own files too."""
    chance = random.Random(7)
    before = large.looks()
    halves = 0
    for _ in range(TRIES):
        if large.half(chance):
            halves += 1
            assert large.mended() is None
            assert large.looks() == before
        if halves == 3:
            break
    assert halves
    with exclusive(large.repo.folder.parent / "lock") as held:
        assert advance(large.repo.plumbing, "main", large.landing, held) is None
    assert (large.repo.tip(), large.repo.git("status", "--porcelain")) == (large.landing.candidate, before[1])


def test_what_the_user_writes_after_the_kill_is_never_overwritten(large: Large) -> None:
    """Whether git had come to that file or not; as long as it is there nothing is taken back or landed."""
    chance = random.Random(8)
    before = large.looks()
    assert any(large.half(chance) for _ in range(TRIES))
    changed = large.repo.plumbing.changed(large.landing.base, large.landing.candidate)
    paths = sorted(chance.sample(changed, 5))
    for path in paths:
        large.repo.write(path, "written by a person since\n")
    written = large.repo.snapshot_files()
    told = large.mended()
    assert told is not None
    assert (list(told.paths), large.repo.snapshot_files()) == (paths, written)
    for path in paths:
        (large.repo.folder / path).unlink()
    assert large.mended() is None
    assert large.looks() == before
