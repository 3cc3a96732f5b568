"""A disk that is full stops a lander with words, loses nothing, and is no entry's fault.

Needs a small file system of its own: a tmpfs, which only root may mount, and not in every container.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batty_tmux.core.events import GateFinished
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.place import Place
from batty_tmux.host.process import Done, run
from batty_tmux.names import PhaseId, RunId
from tests.support.disk import small_disk
from tests.support.lander import Lander
from tests.support.repo import Files, Repo

SIZE = 8 << 20
LEFT = (0, 8192, 20_000, 40_000, 60_000, 80_000, 120_000, 180_000, 240_000, 320_000)
"""Bytes that are free when the lander starts: it comes further and further."""
_NAMES_THE_DISK = re.compile("no space left|disk", re.IGNORECASE)
PHASES: dict[str, Files] = {
    "phase-1": {"a": "one\n" * 4000, "new/1": "x" * 90_000},
    "phase-2": {"b": None, "c": "two\n" * 4000},
    "phase-3": {"c": "three\n" * 4000},
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB, in memory."""
    with small_disk(tmp_path / "disk", SIZE) as folder:
        yield folder


@dataclass(frozen=True)
class Disk:
    """A repository on a small disk: its state and its gates' worktrees are on it too."""

    folder: Path
    repo: Repo

    @classmethod
    def copied(cls, start: Repo, folder: Path) -> "Disk":
        shutil.copytree(start.folder, folder / "repo", symlinks=True)
        repo = Repo(folder / "repo", start.commits)
        repo.git("status")
        return cls(folder, repo)

    @staticmethod
    def made(folder: Path) -> Repo:
        files = {"a": "a\n" * 4000, "b": "b\n" * 4000, "c": "c\n" * 4000, ".gitignore": ".env\n"}
        repo = Repo.make(folder / "repo", files)
        repo.gate("test ! -e broken")
        lander = Lander(repo)
        for name, changes in PHASES.items():
            lander.approve(name, changes)
        for name, text in {".env": "SECRET", "untracked": "u", "README": "modified\n", "staged": "s"}.items():
            repo.write(name, text)
        repo.git("add", "staged")
        return repo

    def fill(self, leave: int) -> None:
        """Leave so many bytes."""
        ballast = self.folder / "ballast"
        free = os.statvfs(self.folder)
        with ballast.open("wb") as file:
            file.write(b"\0" * max(0, free.f_bavail * free.f_frsize - leave))

    def empty(self) -> None:
        (self.folder / "ballast").unlink()

    def land(self) -> Done:
        argv = (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(self.repo.folder), "land")
        return run(argv, cwd=self.repo.folder, timeout=120)

    def looks(self) -> tuple[dict[str, str], str]:
        return self.repo.snapshot_files(), self.repo.git("status", "--porcelain", "--ignored")


def passed(lander: Lander) -> set[str]:
    return {event.tree for event in lander.events if isinstance(event, GateFinished) and event.verdict == "pass"}


@pytest.mark.timeout(400)
def test_wherever_the_disk_runs_full_the_end_is_the_same_once_there_is_room(disk: Path, tmp_path: Path) -> None:
    """A landing, a gate or the journal: exit 0 or 1 with words, never a traceback, and never half a landing."""
    start_of_all = Disk.made(tmp_path / "start")
    calm = Disk.copied(start_of_all, disk / "calm")
    calm.land().check()
    states, landed = Lander(calm.repo).states, calm.repo.files()
    assert states == {"phase-1": "landed", "phase-2": "landed", "phase-3": "conflict"}
    run(("rm", "-rf", str(disk / "calm"))).check()
    wrong = {}
    refused = 0
    for leave in LEFT:
        small = Disk.copied(start_of_all, disk / str(leave))
        start, before = small.repo.tip(), small.looks()
        small.fill(leave)
        told = small.land()
        refused += told.status == 1
        lander = Lander(small.repo)
        is_proved = small.repo.tip() == start or small.repo.tree() in passed(lander)
        small.empty()
        again = small.land()
        after, lander = small.looks(), Lander(small.repo)
        changed = {path for path in before[0] | after[0] if before[0].get(path) != after[0].get(path)}
        expected = {f"{small.repo.folder}/{path}" for path in small.repo.plumbing.changed(start, "main")}
        found = {
            f"ended with {told.status}: {told.stderr[-700:]}": told.status not in {0, 1}
            or "Traceback" in told.stdout + told.stderr,
            f"says {told.stderr}": told.status == 1 and not _NAMES_THE_DISK.search(told.stderr),
            "moved to what had not passed": not is_proved,
            f"the next one ended with {again}": not again.ok,
            f"states {lander.states} {[(e.code, e.reason) for e in lander.queue.entries]}": lander.states != states,
            "another end": small.repo.files() != landed,
            "landed twice": len(lander.landed) != len(set(lander.landed)),
            f"files {changed ^ expected}": changed != expected,
            f"status {after[1]}": after[1] != before[1],
        }
        told_wrong = [word for word, is_so in found.items() if is_so]
        if told_wrong:
            wrong[leave] = told_wrong
        run(("rm", "-rf", str(small.folder))).check()
    assert wrong == {}
    assert refused > 3


def test_a_gate_that_says_more_than_the_disk_holds_is_neither_held_up_nor_to_blame(disk: Path, tmp_path: Path) -> None:
    """What was said before stands in its log, and what is missing is told there as soon as there is room."""
    repo = Repo.make(disk / "repo")
    Disk(disk, repo).fill(1 << 20)
    row = "compiling something of no interest\n"
    (tmp_path / "much").write_text(row * 100_000)
    command = f"echo first; cat {tmp_path}/much; rm {disk}/ballast; echo last"
    subject = Subject(PhaseId("phase-1"), repo.tip(), repo.tree(), "queue", RunId("001"), os.environ)
    finished = run_gate(Place.around(repo.folder), GateSpec(command, 60, "", ()), subject, tmp_path / "slots")
    assert finished.verdict == "pass"
    said = Path(finished.log).read_text()
    assert said.startswith(f"first\n{row}")
    assert re.search(r"\nbatty: [0-9]+ bytes are missing here: the log could not be written\n", said)
    assert said.endswith("last\n")


def test_a_gate_that_fails_where_the_disk_is_full_says_nothing_of_the_code(disk: Path, tmp_path: Path) -> None:
    """It is infra, so the queue tries again; with room for what it writes the same gate passes."""
    repo = Repo.make(disk / "repo")
    command = "head -c 4000000 /dev/zero > built"
    subject = Subject(PhaseId("phase-1"), repo.tip(), repo.tree(), "queue", RunId("001"), os.environ)
    place, spec, slots = Place.around(repo.folder), GateSpec(command, 60, "", ()), disk / "slots"
    assert run_gate(place, spec, subject, slots).verdict == "pass"
    (slots / "gate-1" / "built").unlink()
    Disk(disk, repo).fill(2 << 20)
    finished = run_gate(place, spec, subject, slots)
    assert (finished.verdict, finished.status) == ("infra", 1)
    (disk / "ballast").unlink()
    assert run_gate(place, spec, subject, slots).verdict == "pass"


def test_a_disk_too_full_for_a_checkout_stops_the_lander_and_blames_no_entry(disk: Path, tmp_path: Path) -> None:
    """However often it is tried: it is not the entry that could not be gated."""
    small = Disk.copied(Disk.made(tmp_path / "start"), disk / "small")
    small.land().check()
    again = Lander(small.repo)
    again.approve("phase-4", {"large": "x" * 400_000})
    small.fill(700_000)
    for _ in range(4):
        told = small.land()
        assert told.status == 1
        assert _NAMES_THE_DISK.search(told.stderr)
    small.empty()
    small.land().check()
    assert Lander(small.repo).states["phase-4"] == "landed"
