"""The product's own words for a test: phases, executors, a gate, a person, and `batty` itself, all of it real."""

import json
import os
import shlex
import shutil
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import msgspec

from batty_tmux.drive.overview import overview
from batty_tmux.drive.project import Project
from batty_tmux.host import process
from tests.support.attached import Attached
from tests.support.server import eventually

AGENT = Path(__file__).with_name("agent.sh")
CLAUDE = Path(__file__).with_name("claude.py")
PATIENCE = 45
"""Seconds until a thing that must happen counts as not happening, on a busy machine."""
TRIES = 16
"""How often a door that was opened lets somebody through."""
DAY = "2026-01-01T12:00:00Z"


@dataclass(frozen=True)
class Said:
    """What a command said."""

    exit: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Seen:
    """`batty status --json`."""

    raw: dict[str, Any]

    @property
    def states(self) -> dict[str, str]:
        return {row["phase"]: row["state"] for row in self.raw["phases"]}

    @property
    def landed(self) -> list[str]:
        """The phases in the order in which they landed."""
        return [row["phase"] for row in self.raw["landed"]]

    def of(self, phase: str) -> dict[str, Any]:
        return next(row for row in self.raw["phases"] if row["phase"] == phase)

    def says(self, phase: str) -> str:
        return str(self.of(phase)["says"])

    def all_are(self, state: str) -> bool:
        return set(self.states.values()) == {state}


@dataclass
class Executor:
    """What a phase's agent does at one start. Unless it leaves them open, it ends with all tasks done."""

    folder: Path
    number: int = 1
    steps: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    closing: str = "closes"

    def commits(self, path: str, text: str) -> Self:
        """Take a task, write and commit the file, move the task to done."""
        return self._do("commits", path, text)

    def writes(self, path: str, text: str) -> Self:
        return self._do("write", path, text)

    def removes(self, path: str) -> Self:
        return self._do("removes", path)

    def asks(self, question: str) -> Self:
        return self._do("asks", question)

    def waits(self, why: str = "") -> Self:
        """Stand still until `story.open_door(phase)`."""
        return self._do("waits", why)

    def runs(self, line: str) -> Self:
        """Run a line of shell."""
        self.steps.append(line)
        return self._written()

    def leaves_uncommitted(self, path: str) -> Self:
        self.last.append(shlex.join(("write", path, "left")))
        return self._written()

    def leaves_tasks_open(self) -> Self:
        self.closing = ":"
        return self._written()

    def leaves_board_uncommitted(self) -> Self:
        self.steps.insert(0, "board=left")
        return self._written()

    def exits(self, status: int) -> Self:
        self.last.append(f"exit {status}")
        return self._written()

    def then(self) -> "Executor":
        """Return what it does when it is started the next time."""
        return Executor(self.folder, self.number + 1)._written()

    def _do(self, *words: str) -> Self:
        self.steps.append(shlex.join(words))
        return self._written()

    def _written(self) -> Self:
        lines = (*self.steps, self.closing, *self.last)
        (self.folder / f"{self.number}.sh").write_text("\n".join(lines) + "\n")
        return self


class Story:
    """One repository, one tmux server, one home folder; nothing of the developer's is read or written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = root / "shop"
        self.worktrees = root / "shop.batty"
        self.agents = root / "agents"
        # a socket's path may have 107 bytes, and a test's own folder is often longer than that
        self.short = Path(tempfile.mkdtemp(prefix="bt-"))
        self.env = self._environment()
        self.settings: dict[str, dict[str, object]] = {
            "run": {"agent": "scripted"},
            "agents.scripted": {"command": ["/bin/sh", str(AGENT), str(self.agents)]},
            "gate": {"command": "test ! -e broken"},
            "review": {"by": "auto"},
            "patience": {"relaunches": 0},
        }
        self.rules: list[tuple[str, str]] = []
        self._doors: dict[str, int] = {}
        self._begun = False
        self._pool = ThreadPoolExecutor(4)
        for folder in (self.repo, self.agents, root / "home"):
            folder.mkdir()
        self._git_identity()
        self.file("README.md", "shop")

    def _environment(self) -> dict[str, str]:
        home = str(self.root / "home")
        kept = {key: os.environ[key] for key in ("PATH", "TMPDIR", "PYTHONPATH") if key in os.environ}
        own = {"HOME": home, "XDG_CONFIG_HOME": home, "TMUX_TMPDIR": str(self.short), "SHELL": "/bin/sh"}
        return {**kept, **own, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}

    def _git_identity(self) -> None:
        told = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        (self.root / "home" / ".gitconfig").write_text(told)

    # -- what is there before it starts

    def phase(
        self, name: str, *, tasks: int = 1, after: Iterable[str] = (), title: str | None = None, goal: str = ""
    ) -> None:
        """Write a board with so many tasks, and give the phase an executor that only closes them."""
        board = f"kanban/{name}"
        head = f"title: {quoted(name if title is None else title)}\ndepends_on: {json.dumps(list(after))}"
        self.file(f"{board}/PHASE.md", f"---\n{head}\n---\n\n{goal}\n")
        for number in range(1, tasks + 1):
            self.task(name, number, f"Task {number} of {name}")
        self.file(f"{board}/config.yml", BOARD.format(name=json.dumps(name), next_id=tasks + 1))
        self._make_door(name)
        Executor(self.agents / name)._written()

    def task(self, phase: str, number: int, title: str) -> None:
        head = f"id: {number}\ntitle: {quoted(title)}\nstatus: todo\npriority: medium\n"
        text = f"---\n{head}created: {DAY}\nupdated: {DAY}\n---\n\nDo it.\n"
        self.file(f"kanban/{phase}/tasks/{number:03d}-task.md", text)

    def executor(self, phase: str) -> Executor:
        return Executor(self.agents / phase)

    def claude(self, phase: str, *starts: Sequence[Mapping[str, object]]) -> None:
        """Have a program work on the phase that looks and reports like Claude Code: the steps of each of its starts."""
        self.settings["run"]["agent"] = "claude"
        program = self.root / "bin" / "claude"
        if not program.exists():
            program.parent.mkdir()
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I {shlex.quote(str(CLAUDE))} "$@"\n')
            program.chmod(0o755)
            self.env["PATH"] = f"{program.parent}{os.pathsep}{self.env['PATH']}"
            self.env["STORY_AGENTS"] = str(self.agents)
        (self.agents / phase / "claude.json").write_text(json.dumps(starts))

    def heard(self, phase: str, what: str) -> list[str]:
        """Return what the phase's agent wrote down: "answers", "messages" or "sessions"."""
        file = self.agents / phase / what
        return file.read_text().splitlines() if file.exists() else []

    def gate(self, command: str) -> None:
        self.settings["gate"]["command"] = command

    def gate_waits_at(self, *paths: str) -> Path:
        """Have the gate stand still, until `open_door("gate")`, on a tree with all these files.

        Returns the file in which each gate writes that it stands there.
        """
        self._make_door("gate")
        waiting = self.agents / "gate" / "waiting"
        there = " && ".join(f"test -e {shlex.quote(path)}" for path in paths)
        stand = f"echo here >>{shlex.quote(str(waiting))}; read -r _ <{shlex.quote(str(self.door('gate')))}"
        self.gate(f"if {there}; then {stand}; fi")
        return waiting

    def _make_door(self, name: str) -> None:
        (self.agents / name).mkdir()
        os.mkfifo(self.door(name))
        # held open both ways, so that neither side ever waits for the other to come
        self._doors[name] = os.open(self.door(name), os.O_RDWR | os.O_NONBLOCK)

    def review(self, by: str) -> None:
        self.settings["review"]["by"] = by

    def policy(self, mode: str, *rules: tuple[str, str]) -> None:
        self.settings["policy"] = {"mode": mode}
        self.rules = list(rules)

    def file(self, path: str, text: str) -> Path:
        """Write a file of the user's checkout."""
        file = self.repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if text.endswith("\n") else text + "\n")
        return file

    def commit(self, path: str, text: str) -> None:
        """Write a file of the user's checkout and commit it on the base, with what else is there."""
        self.file(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Mine")

    def stand_still_once(self, script: Path) -> Path:
        """Have a shell script stand still for ever, the first time that it runs; return the file that it makes then."""
        stuck, never = self.root / "stuck", self.root / "never"
        os.mkfifo(never)
        made, door = shlex.quote(str(stuck)), shlex.quote(str(never))
        once = f"test -e {made} || {{ : >{made}; read -r _ <{door}; }}"
        script.write_text(script.read_text().replace("\n", f"\n{once}\n", 1))
        return stuck

    def begin(self) -> None:
        """Commit everything so far as the user's first commit. The first `batty` does it by itself."""
        if self._begun:
            return
        self._begun = True
        self.file("batty.toml", self._toml())
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Start")

    def _toml(self) -> str:
        rows = []
        for section, keys in self.settings.items():
            rows += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        for match, answer in self.rules:
            rows += ["[[policy.rule]]", f"match = {json.dumps(match)}", f"answer = {json.dumps(answer)}"]
        return "\n".join(rows)

    # -- what a person does

    def batty(self, *words: str, cwd: Path | None = None) -> Said:
        """Run batty as a person without a terminal would."""
        self.begin()
        done = self.run(sys.executable, "-P", "-m", "batty_tmux", *words, cwd=cwd, timeout=90)
        assert done.status is not None, f"batty {shlex.join(words)} did not end\n{done.stderr}\n{self.told()}"
        assert done.status != 3, f"a bug\n{done.stderr}\n{self._bug(done.stderr)}"
        return Said(done.status, done.stdout, done.stderr)

    def background(self, *words: str) -> "Future[Said]":
        """Run batty beside the test."""
        self.begin()
        return self._pool.submit(self.batty, *words)

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Run git as the user would, on a fixed day."""
        env = {"GIT_AUTHOR_DATE": DAY, "GIT_COMMITTER_DATE": DAY}
        return self.run("git", *words, cwd=cwd, env=env).check().stdout.rstrip("\n")

    def tmux(self, *words: str) -> str:
        return self.run("tmux", "-u", *words).stdout.rstrip("\n")

    def run(
        self, *words: str, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = PATIENCE
    ) -> process.Done:
        """Run a program with exactly the story's environment."""
        told = (f"{key}={value}" for key, value in {**self.env, **(env or {})}.items())
        return process.run(("env", "-i", *told, *words), cwd=cwd or self.repo, timeout=timeout)

    def attached(self, columns: int = 120, rows: int = 40) -> Attached:
        """Attach a terminal of a person's to the story's server, for a `with`."""
        socket = Path(self.tmux("display-message", "-p", "#{socket_path}"))
        return Attached(socket, self.env, columns=columns, rows=rows)

    def open_door(self, name: str) -> None:
        """Let the phase's executor, or the "gate", go on from where it waits; whoever comes next goes on too."""
        os.write(self._doors[name], b"\n" * TRIES)

    def door(self, name: str) -> Path:
        return self.agents / name / "door"

    def until_waiting(self, name: str, times: int = 1) -> None:
        """Wait until so many executors of the phase, or gates, have come to their door."""
        file = self.agents / name / "waiting"
        self.until(lambda _: file.exists() and len(file.read_text().splitlines()) >= times, f"{name} at its door")

    # -- what can be seen

    def status(self) -> Seen:
        """Ask batty, which also looks after what is owed."""
        return Seen(self.batty("status", "--json").json)

    def peek(self) -> Seen:
        """Look without touching anything."""
        return Seen(msgspec.to_builtins(overview(Project.around(self.repo))))

    def until(self, holds: Callable[[Seen], object], what: str = "it", seconds: float = PATIENCE) -> Seen:
        """Look each time that the journal has grown (and now and then), until it holds."""
        end = time.monotonic() + seconds
        size, looked = -1, 0.0
        while time.monotonic() < end:
            now = self._journal.stat().st_size if self._journal.exists() else 0
            if now != size or time.monotonic() - looked > 0.5:
                size, looked = now, time.monotonic()
                seen = self.peek()
                if holds(seen):
                    return seen
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s: {what}\n{self.told()}")

    def until_state(self, **states: str) -> Seen:
        return self.until(lambda seen: states.items() <= seen.states.items(), f"{states}")

    def events(self, kind: str = "", phase: str = "") -> list[dict[str, Any]]:
        """Return the journal, or what it has of one kind or phase."""
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        events: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [e for e in events if kind in {"", e["event"]} and phase in {"", e.get("phase")}]

    def events_of(self, folder: Path) -> list[dict[str, Any]]:
        """Return the journal of another clone, as of one on another host."""
        lines = (folder / ".git" / "batty" / "journal.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def on_branch(self, phase: str, path: str) -> bool:
        """Tell whether the phase's branch has a file, in the user's own repository."""
        branch = self.events("launching", phase)[-1]["branch"]
        return self.run("git", "cat-file", "-e", f"{branch}:{path}").ok

    def starts(self, phase: str) -> list[Path]:
        """Return the briefs that the phase's executor was started with."""
        file = self.agents / phase / "starts"
        return [Path(line) for line in file.read_text().splitlines()] if file.exists() else []

    def answers(self, phase: str) -> list[str]:
        """Return the lines that the phase's executor read."""
        file = self.agents / phase / "answers"
        return file.read_text().splitlines() if file.exists() else []

    def worktree(self, phase: str, run: str = "001") -> Path:
        return self.worktrees / f"{phase}-run-{run}"

    def history(self, ref: str = "main") -> list[str]:
        """Return the subjects of the first parents, newest first."""
        return self.git("log", "--first-parent", "--format=%s", ref).splitlines()

    def landed_text(self, path: str) -> str:
        return self.git("show", f"main:{path}")

    def proof(self) -> Any:
        return self.batty("report", "--json").json

    def assert_proved(self, *phases: str) -> None:
        """Hold that exactly these landed, in this order, once each, every tree gated, main a straight line of them."""
        landings = self.proof()["landings"]
        assert [row["phase"] for row in landings] == list(phases)
        for row in landings:
            assert (row["gated"], row["on_base"], row["grew"]) == (True, True, True), row
        for before, after in pairwise(landings):
            assert before["sha"] == after["base"]
        assert self.git("status", "--porcelain") == ""

    def windows(self) -> list[str]:
        return self.tmux("list-windows", "-a", "-F", "#{window_name}").splitlines()

    def screen(self, phase: str, role: str = "pane") -> str:
        """Return what the phase's pane shows: `pane` is the executor's, `orchestrator` the other."""
        return self.tmux("capture-pane", "-p", "-J", "-t", self._launched(phase)[role])

    # -- what goes wrong

    def kill_tmux(self) -> None:
        pid = self.tmux("display-message", "-p", "#{pid}")
        if pid:
            os.kill(int(pid), 9)
            eventually(lambda: not self.running(pid), f"the end of tmux server {pid}")

    def kill(self, number: int, whom: str) -> None:
        """Send a signal to "the lander", "supervisor of X" or "executor of X", and wait for its end."""
        pid = self._pid_of(whom)
        os.kill(pid, number)
        eventually(lambda: not self.running(str(pid)), f"the end of {whom}")

    def _pid_of(self, whom: str) -> int:
        if whom == "the lander":
            words = f"--repo {self.repo} land --detached"
            found = eventually(lambda: [pid for pid, line in self.processes() if line.endswith(words)], whom)
            return found[0]
        role, _, phase = whom.partition(" of ")
        pane = self._launched(phase)["orchestrator" if role == "supervisor" else "pane"]
        return int(self.tmux("display-message", "-p", "-t", pane, "#{pane_pid}"))

    def running(self, pid: str) -> bool:
        state = process.run(["ps", "-o", "stat=", "-p", pid]).stdout.strip()
        return not (state == "" or state.startswith("Z"))

    def processes(self) -> list[tuple[int, str]]:
        rows = process.run(["ps", "-ww", "-e", "-o", "pid=,stat=,args="]).stdout.splitlines()
        split = (row.split(None, 2) for row in rows)
        return [(int(row[0]), row[2]) for row in split if len(row) == 3 and not row[1].startswith("Z")]

    def _launched(self, phase: str) -> dict[str, Any]:
        return self.events("launched", phase)[-1]

    # -- the end

    def close(self) -> None:
        """End everything that the story started: its tmux server, then each process that works in its folder."""
        self.tmux("kill-server")
        for number in self._doors.values():
            os.close(number)
        eventually(self._nobody_left, "the end of what the story started")
        self._pool.shutdown()
        shutil.rmtree(self.short, ignore_errors=True)

    def _nobody_left(self) -> bool:
        own = f"{self.root}/"
        left = [pid for pid, line in self.processes() if own in line or f"{self.repo} " in line]
        for pid in left:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        return not left

    def told(self) -> str:
        """Return everything that helps to see why a story went wrong."""
        parts = [json.dumps(self.peek().states)]
        parts += [line for line in self._journal.read_text().splitlines()[-25:] if len(line) < 2000]
        for pane in self.tmux("list-panes", "-a", "-F", "#{pane_id}").splitlines():
            shown = self.tmux("capture-pane", "-p", "-t", pane).strip()
            parts.append(f"--- {pane}\n{shown[-1500:]}")
        lander = self.repo / ".git" / "batty" / "lander.log"
        parts.append(lander.read_text()[-3000:] if lander.exists() else "no lander.log")
        return "\n".join(parts)

    def _bug(self, told: str) -> str:
        log = Path(told.strip().rsplit(" ", 1)[-1])
        return log.read_text() if log.is_file() else ""

    @property
    def _journal(self) -> Path:
        return self.repo / ".git" / "batty" / "journal.jsonl"


def quoted(text: str) -> str:
    """Write any text as YAML: JSON, with an escape for each character that YAML does not take as it is."""
    unsafe = {"Cc", "Cf", "Zl", "Zp"}
    plain = json.dumps(text, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in unsafe else c for c in plain)


BOARD = """\
version: 11
board:
    name: {name}
tasks_dir: tasks
statuses:
    - name: backlog
    - name: todo
    - name: in-progress
      require_claim: true
    - name: review
      require_claim: true
    - name: done
    - name: archived
priorities:
    - low
    - medium
    - high
defaults:
    status: backlog
    priority: medium
claim_timeout: 1h
next_id: {next_id}
"""
