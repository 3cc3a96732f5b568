"""Landings of the installed program on real repositories: its own time, many at once, trees that are known."""

import os
import shutil
from pathlib import Path

from lib.ground import Program, Shape, Site, make, timed
from lib.results import Own, Reuse, Wall

from batty_tmux.drive.gate import Subject, run_gate
from batty_tmux.drive.ground import Lookout
from batty_tmux.host.process import scrubbed
from batty_tmux.names import PhaseId, RunId, Sha
from tests.support.model import Model, red_with

BARE = """
set -e
home=$1 worktrees=$2 last=$3 n=0
while [ "$n" -lt "$last" ]; do
    n=$((n + 1))
    cd "$worktrees/phase-$n"
    git rebase --quiet main
    sh -c true
    cd "$home"
    {advance}
done
"""
"""What one would write in a minute: no journal, no pristine tree, nothing survives a kill."""
ADVANCE = {True: 'git merge --quiet --ff-only "phase-$n"', False: 'git update-ref refs/heads/main "phase-$n"'}
WAYS = (("serial", "each", 1), ("each", "each", 8), ("batch", "batch", 1))
_CALIBRATED = 50


def own_time(program: Program, scratch: Path, rounds: int) -> tuple[Own, ...]:
    """Time landings of a gate that does nothing, batty and the script in turns, each on a fresh repository."""
    settings = (("main checked out", 8, True), ("main nowhere", 8, False), ("one alone", 1, True))
    gate = gate_of_the_script(scratch)
    found = []
    for setting, phases, checked_out in settings:
        script, batty, gates = [], [], []
        for number in range(rounds):
            for side in ("script", "batty") if number % 2 else ("batty", "script"):
                shape = Shape(phases, checked_out=checked_out, filled=side == "script")
                site = make(scratch / "own" / "repo", shape)
                if side == "script":
                    script.append(by_script(site) / phases)
                else:
                    taken, of_gates = by_batty(program, site)
                    batty.append(taken / phases)
                    gates.append(of_gates / phases)
                site.check_all_landed()
                shutil.rmtree(scratch / "own")
        found.append(Own(setting, phases, tuple(script), gate, tuple(batty), tuple(gates)))  # type: ignore[arg-type]
    return tuple(found)


def gate_of_the_script(scratch: Path) -> float:
    """Return the seconds that `sh -c true` takes when sh starts it."""
    loop = f"n=0; while [ $n -lt {_CALIBRATED} ]; do n=$((n + 1)); sh -c true; done"
    return timed(("sh", "-c", loop), scratch)[1] / _CALIBRATED


def by_script(site: Site) -> float:
    text = BARE.replace("{advance}", ADVANCE[site.shape.checked_out])
    words = ("sh", "-c", text, "sh", str(site.home), str(site.slots), str(site.shape.phases))
    return timed(words, site.home)[1]


def by_batty(program: Program, site: Site) -> tuple[float, float]:
    """Return the seconds of one `batty land` for all phases, and those of its gates."""
    for phase in site.phases:
        site.approve(phase)
    _, taken = program.land(site.home)
    return taken, sum(gate.seconds for gate in site.gates())


def walls(program: Program, scratch: Path, counts: tuple[int, ...], gate: float, rounds: int) -> tuple[Wall, ...]:
    """Time until k green phases have landed, for each way in turn."""
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for phases in counts:
            for way, mode, slots in WAYS:
                site = make(scratch / "wall" / "repo", Shape(phases, f"sleep {gate:g}", slots, mode))
                seconds.setdefault((way, phases), []).append(by_batty(program, site)[0])
                site.check_all_landed()
                shutil.rmtree(scratch / "wall")
    return tuple(
        Wall(way, slots, k, gate, tuple(seconds[way, k]), gate_times(k, mode, slots))  # type: ignore[arg-type]
        for way, mode, slots in WAYS
        for k in counts
    )


def gate_times(phases: int, mode: str, slots: int) -> int:
    """Return how many gate times the core needs for this many green phases, if all else took none."""
    model = Model(red_with(()), slots=slots, batch=mode == "batch")
    model.enqueue(*(f"h{number}" for number in range(phases)))
    return model.settle().rounds


def reuse(program: Program, scratch: Path) -> tuple[Reuse, ...]:
    """Land what has passed already: the commit that a phase's own gate saw, and another commit of the same tree."""
    cases = {"the commit that its own gate passed": False, "another commit with that commit's tree": True}
    return tuple(Reuse(case, again(program, scratch, other=other)) for case, other in cases.items())


def again(program: Program, scratch: Path, *, other: bool) -> int:
    """Return the gate runs that the queue needs to land it."""
    environ = {**scrubbed(os.environ), "PYTHONPATH": str(program.packages or "")}
    site = make(scratch / "reuse" / "repo", Shape(1, moved=False))
    head = gate_as_a_phase(site, environ)
    claimed = twin(site, head) if other else head
    site.approve("phase-1", claimed)
    program.land(site.home)
    if site.place.git.tip("refs/heads/main") != claimed:
        raise SystemExit("the phase did not land")
    runs = site.gates_for_the_queue()
    shutil.rmtree(scratch / "reuse")
    return runs


def gate_as_a_phase(site: Site, environ: dict[str, str]) -> Sha:
    """Run the phase's own gate on its last commit, as its supervisor does when its tasks are done."""
    ground = Lookout(site.place, "main", environ)()
    head = site.place.git.tip("refs/heads/phase-1") or Sha("")
    tree = site.place.git.tree(head)
    subject = Subject(PhaseId("phase-1"), head, tree, "phase", RunId("001"), environ)
    ran = run_gate(site.place, ground.gate, subject, ground.slots)
    if ran.verdict != "pass":
        raise SystemExit(f"the phase's own gate: {ran.verdict}, see {ran.log}")
    return head


def twin(site: Site, head: Sha) -> Sha:
    """Write the phase's work as one commit with another message."""
    git = site.place.git
    start = git.say("rev-list", "--max-parents=0", "main").strip()
    return Sha(git.say("commit-tree", git.tree(head), "-p", start, "-m", "the same, in other words").strip())
