"""A repository to measure landings on, and what a queue needs to find there."""

import os
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

import batty_tmux
from batty_tmux.core.events import Enqueued, GateFinished, GateStarted
from batty_tmux.drive.place import Place
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done, run
from batty_tmux.names import PhaseId, RunId, Sha

ROOT = Path(__file__).resolve().parents[2]
WHEN = "1767225600 +0000"
MISLEADING = ("GIT_", "TMUX", "BATTY", "PYTHONDONTWRITEBYTECODE")
_LINES = 40


def nobody(home: Path) -> None:
    """Be nobody in particular: no tmux, no settings of git's but an identity, byte code is kept as it always is."""
    for name in [name for name in os.environ if name.startswith(MISLEADING)]:
        del os.environ[name]
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Bench\n\temail = bench@example.com\n")
    os.environ |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "none"), "TMUX_TMPDIR": str(home)}


@dataclass(frozen=True)
class Program:
    """The installed program: its console script, and the folder it was installed into where that is a scratch one."""

    script: Path
    packages: Path | None

    def land(self, home: Path) -> tuple[Done, float]:
        """Run `batty land` in a repository; return what it said, and its seconds from start to end."""
        env = {"PYTHONPATH": str(self.packages or "")}
        return timed((str(self.script), "--repo", str(home), "land"), home, env=env)


def installed(scratch: Path) -> Program:
    """Return batty as this interpreter has it installed, else install a wheel of this checkout below `scratch`."""
    packages = Path(sysconfig.get_path("purelib"))
    if Path(batty_tmux.__file__).is_relative_to(packages):
        return Program(Path(sysconfig.get_path("scripts")) / "batty", None)
    target, dist = scratch / "installed", scratch / "dist"
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT))
    run(build, cwd=scratch, timeout=300).check()
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target))
    run((*pip, str(next(dist.glob("*.whl")))), cwd=scratch, timeout=300).check()
    if not any((target / "batty_tmux").glob("__pycache__/*.pyc")):
        raise SystemExit("the installed program has no byte code")
    return Program(target / "bin" / "batty", target)


def timed(words: tuple[str, ...], folder: Path, *, env: dict[str, str] | None = None) -> tuple[Done, float]:
    begun = time.perf_counter()
    done = run(words, cwd=folder, env=env, timeout=1800)
    return done.check(), time.perf_counter() - begun


@dataclass(frozen=True)
class Shape:
    """What a repository holds. The base moves once after the phases have begun, so that each must be put on it.

    `filled`: the worktrees of the phases hold their files. The queue never looks at them, and writing them takes long.
    `workers` is a scheduler's address; then there are as many slots as its workers have.
    """

    phases: int
    gate: str = "true"
    slots: int = 1
    mode: str = "each"
    files: int = 2000
    commits: int = 5
    changes: int = 4
    checked_out: bool = True
    moved: bool = True
    filled: bool = False
    workers: str = ""

    @property
    def settings(self) -> str:
        slots = '"auto"' if self.workers else self.slots
        gate = f'[gate]\ncommand = "{self.gate}"\nworkers = "{self.workers}"\n'
        return f'{gate}\n[queue]\ngate = "{self.mode}"\nslots = {slots}\n'


@dataclass(frozen=True)
class Site:
    """A repository at `home`; each phase has its worktree beside it, and each slot its own, as after a gate."""

    home: Path
    shape: Shape

    @property
    def phases(self) -> list[str]:
        return [f"phase-{number}" for number in range(1, self.shape.phases + 1)]

    @property
    def place(self) -> Place:
        return Place.around(self.home)

    @property
    def slots(self) -> Path:
        return self.home.parent / f"{self.home.name}.batty"

    def worktree(self, phase: str) -> Path:
        return self.slots / phase

    def approve(self, phase: str, head: Sha | None = None) -> None:
        """Put the phase into the queue, as a review does: the claim is pinned, then journaled."""
        place = self.place
        wanted = head or place.git.tip(f"refs/heads/{phase}") or Sha("")
        number = len(place.git.say("for-each-ref", f"refs/batty/claim/{phase}").splitlines()) + 1
        claim = f"refs/batty/claim/{phase}/{number}"
        place.git.pin(claim, wanted)
        place.records.append(Enqueued(run=RunId("001"), phase=PhaseId(phase), head=wanted, claim=claim))

    def gates(self) -> list[GateFinished]:
        return [event for event in self.place.records.events if isinstance(event, GateFinished)]

    def gates_for_the_queue(self) -> int:
        events = self.place.records.events
        return sum(isinstance(event, GateStarted) and event.purpose != "phase" for event in events)

    def check_all_landed(self) -> None:
        missing = set(self.phases)
        for phase in self.phases:
            subject = f"the last of {phase}"
            if self.place.git.say("log", "--format=%s", "--fixed-strings", f"--grep={subject}", "main").strip():
                missing.discard(phase)
        if missing:
            raise SystemExit(f"did not land: {', '.join(sorted(missing))}")


def make(home: Path, shape: Shape) -> Site:
    """Build the repository, the worktrees of its phases, and slots that hold the commit the phases began on."""
    site = Site(home, shape)
    home.mkdir(parents=True)
    git = Git(home)
    git.run("init", "--quiet", "--initial-branch=main").check()
    git.run("fast-import", "--quiet", stdin=stream(site)).check()
    git.run("reset", "--quiet", "--hard").check()
    if not shape.checked_out:
        git.run("checkout", "--quiet", "--detach").check()
    for phase in site.phases:
        empty = () if shape.filled else ("--no-checkout",)
        git.run("worktree", "add", "--quiet", *empty, str(site.worktree(phase)), phase, timeout=600).check()
    start = Sha(git.say("rev-list", "--max-parents=0", "main").strip())
    for number in range(1, shape.slots + 1):
        folder = site.slots / f"gate-{number}"
        git.add_detached(folder, start, "batty runs gates here")
        Git(folder).run("reset", "--quiet", "--hard").check()
    return site


def stream(site: Site) -> str:
    """Write all of it for `git fast-import`: no two phases change the same file."""
    shape = site.shape
    text = {path_of(number): content(number, "") for number in range(shape.files)}
    parts = [commit("main", "start", text | {"batty.toml": shape.settings}, None)]
    for at, phase in enumerate(site.phases):
        for step in range(shape.commits):
            last = step == shape.commits - 1
            numbers = [at * shape.commits * shape.changes + step * shape.changes + n for n in range(shape.changes)]
            changed = {path_of(number): content(number, phase) for number in numbers}
            message = f"the last of {phase}" if last else f"step {step} of {phase}"
            parts.append(commit(phase, message, changed, "main" if step == 0 else None))
    if shape.moved:
        last_file = shape.files - 1
        parts.append(commit("main", "moved", {path_of(last_file): content(last_file, "the base")}, None))
    return "".join(parts)


def path_of(number: int) -> str:
    return f"src/{number % 40}/{number}.txt"


def content(number: int, who: str) -> str:
    return f"{who}\n" + "".join(f"line {line} of file {number}\n" for line in range(_LINES))


def commit(branch: str, message: str, files: dict[str, str], start: str | None) -> str:
    head = f"commit refs/heads/{branch}\ncommitter Bench <bench@example.com> {WHEN}\n"
    lines = [head, f"data {len(message)}\n{message}\n", f"from refs/heads/{start}\n" if start else ""]
    lines += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in files.items()]
    return "".join(lines)
