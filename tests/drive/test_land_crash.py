"""A lander may be killed at any point: whoever comes next lands the same, once, and nobody's work is lost."""

import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest

from batty_tmux.core.events import Landing
from batty_tmux.drive.checkout import Blocked, advance, mend
from batty_tmux.host.clock import monotonic
from batty_tmux.host.lock import exclusive
from batty_tmux.host.process import run
from batty_tmux.names import PhaseId
from tests.support.crash import crash
from tests.support.failpoints import FAILPOINTS
from tests.support.lander import RUN, Lander
from tests.support.repo import Repo
from tests.support.server import eventually


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is killed needs no disk, and would wait for it half of the time."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="batty-", dir=memory))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def sample() -> list[str]:
    """Choose one failpoint of each thing that is done, its ends in turns, and every one at which a process stops.

    `bench/crash` takes them all, as often as it is asked to.
    """
    late = [point for point in FAILPOINTS if point.endswith((":stopped", ":orphan"))]
    rest = [point for point in FAILPOINTS if point not in late]
    groups = [list(points) for _, points in groupby(rest, key=lambda point: point.rpartition(":")[0])]
    return [points[number % len(points)] for number, points in enumerate(groups)] + late


@pytest.mark.timeout(400)
@pytest.mark.parametrize("share", range(4))
def test_wherever_a_lander_dies_the_next_one_ends_where_an_undisturbed_one_does(fast: Path, share: int) -> None:
    """The same base and states, nothing lost or landed twice, and no byte of anybody's changed on the way."""
    points = sample()[share::4]
    rounds = [crash(1000 + number, point, fast / "round") for number, point in enumerate(points)]
    assert {point: done.wrong for point, done in zip(points, rounds, strict=True) if done.wrong} == {}
    hit = {point for done in rounds for point, was_hit in done.armed if was_hit}
    assert set(points) - hit == set()


def test_a_gate_that_outlives_its_lander_keeps_its_worktree_to_itself(tmp_path: Path) -> None:
    """It goes on writing there: the next gate would find files that are not in its tree, or lose its own."""
    repo = Repo.make(tmp_path / "repo")
    fifo, slots = tmp_path / "fifo", tmp_path / "repo.batty"
    os.mkfifo(fifo)
    outlive = f"kill -9 $PPID; read x <{fifo}; echo late >late"
    repo.gate(f"if mkdir {tmp_path}/once 2>/dev/null; then {outlive}; else pwd; fi")
    lander = Lander(repo)
    lander.approve("phase-1", {"new": "x\n"})
    driver = (sys.executable, "-P", "-m", "tests.support.failpoints", str(repo.folder), "-", "1", "0", str(tmp_path))
    assert run(driver, cwd=repo.folder).status == -signal.SIGKILL
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
        """Start the fast-forward and kill git in the middle of it; tell whether it was.

        One that was killed with no more done than git's own lock taken is mended here: it would bar the next.
        """
        before = self.repo.snapshot_files()
        seconds = self.seconds * chance.uniform(0.1, 0.9)
        words = ("timeout", "-s", "KILL", f"{seconds:.4f}", "git", "-c", "core.hooksPath=/dev/null")
        run((*words, "merge", "-q", "--ff-only", "--no-overwrite-ignore", self.landing.candidate), cwd=self.repo.folder)
        if self.repo.tip() == self.landing.base:
            if self.repo.snapshot_files() != before:
                return True
            assert self.mended() is None
            return False
        self.repo.git("reset", "-q", "--keep", self.landing.base)
        return False

    def mended(self) -> Blocked | None:
        with exclusive(self.repo.folder.parent / "lock") as held:
            return mend(self.repo.plumbing, "main", self.landing, held)

    def looks(self) -> tuple[dict[str, str], str]:
        return self.repo.snapshot_files(), self.repo.git("status", "--porcelain")


@pytest.fixture
def large(fast: Path) -> Large:
    repo = Repo.make(fast / "repo", {f"d{n % 50}/f{n}": f"old {n}\n" * 20 for n in range(FILES)})
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


@pytest.mark.parametrize(("word", "checked_out"), [("update-ref", "elsewhere"), ("merge", "main")])
def test_a_git_that_dies_once_it_has_moved_the_base_has_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, checked_out: str
) -> None:
    """Rule: what counts is what the base holds, not what git said of it; else the queue freezes at its own landing."""
    repo = Repo.make(tmp_path / "repo", {"a": "old\n"})
    repo.gate("true")
    lander = Lander(repo)
    lander.approve("phase-1", {"a": "new\n"})
    repo.git("switch", "-q", *(("-c",) if checked_out != "main" else ()), checked_out)
    git, died, tip = shutil.which("git"), tmp_path / "died", repo.tip()
    moved = f"[ \"$('{git}' -C '{repo.folder}' rev-parse refs/heads/main)\" != {tip} ] && [ ! -e '{died}' ]"
    dies = f"case \" $* \" in *' {word} '*) if {moved}; then : >'{died}'; kill -9 $$; fi ;; esac"
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n'{git}' \"$@\"\nstatus=$?\n{dies}\nexit $status\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    lander.land()
    assert died.exists()
    assert (lander.states, lander.landed, lander.queue.frozen) == ({"phase-1": "landed"}, ["phase-1"], None)
    assert repo.git("status", "--porcelain") == ""
