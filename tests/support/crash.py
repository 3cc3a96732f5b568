"""One round of crashing: a queue landed calmly, and again by landers that die; then both must be the same."""

import os
import random
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Enqueued,
    GateFinished,
    Landed,
    Landing,
    QueueResumed,
    Retried,
    Skipped,
)
from batty_tmux.drive.lander import drain
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha
from tests.support.failpoints import FAILPOINTS, Forked
from tests.support.lander import RUN, Lander, look
from tests.support.person import awaited, awaits, comes
from tests.support.repo import Repo
from tests.support.scenario import Scenario, build, cleared, drawn, inhabited

ATTEMPTS = 6
"""Scenarios in which a failpoint is armed, at most, until it is hit."""
_LIMIT = 400
"""More events than any of these queues can have: a lander that tells more goes round in circles."""
_PATIENCE = 60.0


_MANY: tuple[str, ...] = (
    *(
        "journal:candidate-built",
        "journal:gate-started",
        "journal:gate-finished",
        "journal:land",
        "gate",
        "git:pin-cand",
    ),
    *("git:merge-tree", "git:hash-object", "git:checkout", "git:clean", "git:read-tree", "git:refresh"),
)
"""Failpoints that most scenarios hit more than once."""


class Wrong(AssertionError):
    """Something that must never be."""


@dataclass(frozen=True)
class Calm:
    """How a queue ends. Where a person commits in between, `end` is the base's tree, else its commit: whether they come
    before or after a landing hangs on where the landers die, and both orders are right.
    """

    end: Sha
    states: dict[str, str]
    why: dict[str, str]


@dataclass(frozen=True)
class Round:
    """What came of a round. `armed` are the failpoints of the landers that were to die, and whether they did."""

    seed: int
    scenario: Scenario
    armed: tuple[tuple[str, bool], ...]
    wrong: str
    folder: Path


def crash(seed: int, point: str, folder: Path) -> Round:
    """Arm the failpoint in a scenario that can reach it, then in others until it is hit; the folder is emptied."""
    armed: list[tuple[str, bool]] = []
    for number in range(ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        trial = _Trial(seed * ATTEMPTS + number, point, folder, eager=number > 0)
        done = trial.result()
        armed += done.armed
        if done.wrong or done.armed[0][1]:
            break
    return replace(done, seed=seed, armed=tuple(armed))


class _Trial:
    def __init__(self, seed: int, point: str, folder: Path, *, eager: bool) -> None:
        self.seed, self.point, self.folder = seed, point, folder
        self.chance = random.Random(f"{seed} {point}")
        self.scenario = drawn(seed, point)
        if point.endswith((":stopped", ":orphan")):
            # who comes then comes while it is stopped
            self.scenario = replace(self.scenario, person=False)
        self.turn = self.chance.randint(1, 3) if point.startswith(_MANY) and not eager else 1
        self.armed: list[tuple[str, bool]] = []
        self.seen: set[Sha] = set()

    def result(self) -> Round:
        wrong = ""
        try:
            self.go()
        except Wrong as error:
            wrong = str(error)
        except Exception as error:  # noqa: BLE001 -- a lander of this process ended so: it is what is looked for
            wrong = f"{type(error).__name__}: {error} {getattr(error, 'evidence', '')}"
        return Round(self.seed, self.scenario, tuple(self.armed) or ((self.point, False),), wrong, self.folder)

    def go(self) -> None:
        template = build(self.scenario, self.folder / "start" / "repo")
        self.repo = self.inhabit(template, "crash")
        before = self.looks()
        self.person_came = self.scenario.person
        self.kill(self.point, self.turn)
        if self.chance.random() < 0.5 or self.half_done(self.point):
            self.second()
        gone = self.finish(self.repo)
        expected = self.calm(template)
        self.compare(expected, before, gone)

    def inhabit(self, template: Repo, name: str) -> Repo:
        repo = inhabited(self.scenario, template, self.folder / name)
        if self.scenario.person:
            awaits(self.folder / name, repo)
        return repo

    # -- landers

    def start(self, point: str, turn: int) -> Forked:
        (self.repo.folder.parent / "hit").unlink(missing_ok=True)
        return Forked(self.repo.folder, point, turn, self.seed, self.repo.folder.parent)

    def kill(self, point: str, turn: int) -> None:
        """Have a lander die, or stop, at the failpoint; look at what it left."""
        if self.half_done(point):
            self.kill("git:fast-forward:before", 1)
            self.write_half()
        lander = self.start(point, turn)
        if point.endswith(":stopped"):
            self.while_stopped(lander, point)
        said = lander.wait(_PATIENCE)
        hit = (self.repo.folder.parent / "hit").exists()
        self.armed.append((point, hit))
        orphan = self.repo.folder.parent / "orphan"
        if orphan.exists():
            self.with_orphan(int(orphan.read_text()), point)
            orphan.unlink()
        dies = hit and not point.endswith((":alone", ":leader-killed", ":stopped"))
        if (lander.status == -signal.SIGKILL) != dies or lander.status not in {0, 1, -signal.SIGKILL}:
            raise Wrong(f"the lander ended with {lander.status}: {said[-1500:]}")
        with exclusive(self.repo.folder / ".git/batty/lock", timeout=_PATIENCE):
            # whatever of it lives on has the lock, until it has finished
            self.look_at_base()

    def second(self) -> None:
        point = self.chance.choice([p for p in FAILPOINTS if not p.endswith((":stopped", ":orphan"))])
        if self.half_done(point):
            point = point.replace("update-index", "fast-forward").replace("restore", "fast-forward")
        self.kill(point, self.chance.randint(1, 2))

    def half_done(self, point: str) -> bool:
        return "git:restore" in point or "git:update-index" in point

    def write_half(self) -> None:
        """Leave what a git leaves that was killed in the middle of the fast-forward that was to come."""
        landing = next((e for e in reversed(Lander(self.repo).events) if isinstance(e, Landing)), None)
        if landing is None or not landing.checkout or self.repo.tip() != landing.base:
            return
        there = Git(Path(landing.checkout))
        old, new = there.blobs(landing.base), there.blobs(landing.candidate)
        changed = [path for path in there.changed(landing.base, landing.candidate) if path in new]
        for number, path in enumerate(changed[: max(2, len(changed) // 2)]):
            text = there.run("cat-file", "blob", new[path].sha).check().stdout
            self.repo.write(path, text[: len(text) // 2] if number == 1 else text, into=there.folder)
        gone = [path for path in old if path not in new]
        for path in gone[: len(gone) // 2]:
            (there.folder / path).unlink()
        there.private("index.lock").write_bytes(b"DIRC")

    def while_stopped(self, lander: Forked, point: str) -> None:
        """No other lander does anything while one is stopped; what it does when it wakes is fenced."""
        ended = os.waitid(os.P_PID, lander.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if ended is None or ended.si_code != os.CLD_STOPPED:
            return
        try:
            self.idle_beside(point)
        finally:
            os.kill(lander.pid, signal.SIGCONT)

    def idle_beside(self, point: str) -> None:
        journal = self.repo.folder / ".git/batty/journal.jsonl"
        before = (self.repo.tip(), journal.read_bytes())
        told = self.drive()
        if told != "busy" or (self.repo.tip(), journal.read_bytes()) != before:
            raise Wrong(f"another lander was at work beside a stopped one: {told}")
        if "lock" not in point:
            awaits(self.repo.folder.parent, self.repo)
            self.person_came = comes(self.repo.folder.parent)

    def drive(self) -> str:
        """Have another lander try; return what it said."""
        other = Forked(self.repo.folder, "-", 1, 0, self.repo.folder.parent)
        said = other.wait(_PATIENCE / 3)
        return said.strip() if other.status == 0 else f"ended with {other.status}: {said}"

    def with_orphan(self, pid: int, point: str) -> None:
        """A git or a gate whose lander is dead wakes later: it has kept the lock, or nobody has used its slot."""
        try:
            if "main" in point or "fast-forward" in point:
                self.idle_beside(point)
                return
            slot = _slot_of(pid)
            known = self.logs()
            self.drive()
            if any(slot in log.read_text().split() for log in self.logs() - known):
                raise Wrong(f"a gate ran in {slot} while a child of a dead lander was at work there")
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def logs(self) -> set[Path]:
        return set((self.repo.folder / ".git/batty/runs").glob("*/*/gate-*.log"))

    # -- the end

    def calm(self, template: Repo) -> Calm:
        repo = inhabited(self.scenario, template, self.folder / "calm")
        if self.person_came:
            awaits(repo.folder.parent, repo)
        self.finish(repo)
        return self._end(repo)

    def _end(self, repo: Repo) -> Calm:
        lander = Lander(repo)
        end = repo.tree("main") if self.person_came else repo.tip()
        return Calm(end, lander.states, {str(e.phase): e.code for e in lander.queue.entries})

    def finish(self, repo: Repo) -> set[str]:
        """Land everything that can land, as a person would who looks after the queue now and then."""
        self._land(repo)
        lander = Lander(repo)
        if lander.queue.frozen is not None:
            if not self.scenario.pin_lost:
                raise Wrong(f"frozen: {lander.queue.frozen}")
            lander.write(QueueResumed(run=RUN))
            self._land(repo)
        gone = cleared(self.scenario, repo)
        self._land(repo)
        for entry, word in zip(lander.queue.entries, self.scenario.words, strict=False):
            if entry.state in {"red", "conflict", "held"} and word:
                accept = (entry.code,) if entry.state == "held" else ()
                told = Skipped(run=RUN, phase=entry.phase)
                lander.write(told if word == "skip" else Retried(run=RUN, phase=entry.phase, accept=accept))
        self._land(repo)
        return gone

    def _land(self, repo: Repo) -> None:
        told: list[AnyEvent] = []

        def tell(event: AnyEvent) -> None:
            told.append(event)
            if len(told) > _LIMIT:
                raise Wrong(f"goes round in circles: {told[-6:]}")

        with awaited(repo.folder.parent):
            if not drain(look(repo.folder), tell):
                raise Wrong("the landing lock is held by nobody who is alive")

    # -- what must be so

    def look_at_base(self) -> None:
        """The base is where nobody, a person, or a passed gate has put it; all its values are remembered."""
        events = Lander(self.repo).events
        passed = {event.tree for event in events if isinstance(event, GateFinished) and event.verdict == "pass"}
        values = {Sha(line) for line in self.repo.git("log", "-g", "--format=%H", "main").split()} | {self.repo.tip()}
        start = Sha(self.repo.git("rev-list", "--max-parents=0", "main"))
        theirs = {Sha(line) for line in self.repo.git("log", "main", "--grep=^by hand$", "--format=%H").split()}
        for value in values - self.seen - theirs - {start}:
            if self.repo.tree(value) not in passed:
                raise Wrong(f"the base was at {value}, whose tree has not passed")
        self.seen |= values

    def looks(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        return self.repo.snapshot_files(), {
            str(tree.path): Git(tree.path).run("status", "--porcelain", "--ignored").check().stdout.splitlines()
            for tree in self.repo.plumbing.worktrees()
            if not tree.path.name.startswith("gate-")
        }

    def compare(self, expected: Calm, before: tuple[dict[str, str], dict[str, list[str]]], gone: set[str]) -> None:
        self.look_at_base()
        got, events = self._end(self.repo), Lander(self.repo).events
        landed = [event.phase for event in events if isinstance(event, Landed)]
        wrong = {
            "another end": got != expected,
            "landed twice": len(landed) != len(set(landed)),
            "unreadable lines": Lander(self.repo).place.records.unreadable > 0,
            "an order that is not": [e.seq for e in events] != list(range(1, len(events) + 1)),
            "files": self.changed_files(before[0], gone),
            "status": self.changed_status(before[1], gone),
            "slots in use": self.held_slots(),
            "lost commits": self.seed % 3 == 0 and self.lost(events),
        }
        found = {word: told for word, told in wrong.items() if told}
        if found:
            told = f"{got} instead of {expected}" if "another end" in found else ""
            raise Wrong(f"{found} {told}")

    def changed_files(self, before: dict[str, str], gone: set[str]) -> object:
        after = self.looks()[0]
        home = next((tree.path for tree in self.repo.plumbing.worktrees() if tree.branch == "main"), None)
        start = self.repo.git("rev-list", "--max-parents=0", "main")
        landed = self.repo.plumbing.changed(start, "main") if home is not None else ()
        wanted = {f"{home}/{path}" for path in landed} | gone
        differ = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        return sorted(differ ^ wanted)

    def changed_status(self, before: dict[str, list[str]], gone: set[str]) -> object:
        after = self.looks()[1]
        cleared = {f"{Path(path).name}" for path in gone}
        kept = {tree: [row for row in rows if f"{tree}/{row[3:]}" not in gone] for tree, rows in before.items()}
        return (kept, after, cleared) if kept != after else ()

    def held_slots(self) -> object:
        held = []
        for lock in (self.repo.folder / ".git/batty/slots").glob("*.lock"):
            with suppress(Exception), exclusive(lock, timeout=10):
                continue
            held.append(lock.name)
        return held

    def lost(self, events: list[AnyEvent]) -> object:
        """Return the commits that git collects as garbage and that somebody has claimed, built or landed."""
        heads = [event.head for event in events if isinstance(event, Enqueued)]
        made = [event.candidate for event in events if isinstance(event, CandidateBuilt | Landed | Landing)]
        branches = self.repo.git("for-each-ref", "--format=%(objectname)").split()
        self.repo.git("reflog", "expire", "--expire=now", "--all")
        self.repo.git("gc", "-q", "--prune=now")
        wanted = sorted({*heads, *made, *branches, *self.seen})
        out = self.repo.plumbing.say("cat-file", "--batch-check", stdin="".join(f"{sha}\n" for sha in wanted))
        return [line for line in out.splitlines() if line.endswith("missing")]


def _slot_of(pid: int) -> str:
    """Return the slot that a process works in or makes."""
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return next((word for word in words if "/gate-" in word), str(Path(f"/proc/{pid}/cwd").readlink()))
