"""Merge queues made by a seed: what is in them, where the base is, what its owner has not committed."""

import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from batty_tmux.core.events import Enqueued
from batty_tmux.drive.place import Place
from batty_tmux.host.process import run
from batty_tmux.names import PhaseId
from tests.support.lander import RUN
from tests.support.repo import Repo

KINDS = ("plain", "replay", "merge", "hot", "red", "half", "already", "blocked", "refused", "gate", "large", "slow")
"""`hot`: the first lands, the next one conflicts. `half`: any two of them together are red. `blocked`: in the way of
what is not committed in the checkout. `refused`: collides by case. `gate`: changes the gate's own file.
`slow`: takes the gate seconds, but only together with what is red."""
_USUAL = ("plain", "replay", "replay", "merge", "hot", "hot", "red", "half", "half", "already", "blocked", "refused")
_LARGE = 120
_OPEN = {".env": "SECRET=1\n", "untracked": "mine\n", "README": "modified\n", "ignored/deep/x": "kept\n"}
"""What is in every checkout and not committed, beside `staged`."""
_GATE = (
    "pwd; { test ! -e broken || test ! -e slow || sleep 3; }"
    " && { ! grep -qs slowly broken || sleep 0.4; } && test ! -e broken && test $(ls half 2>/dev/null | wc -l) -lt 2"
    " && { test ! -e by-setup || test -e made; } && sleep 0.01"
)
_COMMITTER = "committer Someone <someone@example.com> {0} +0000\n"


@dataclass(frozen=True)
class Scenario:
    """`held_by` has the base checked out; `words` are said to what is left, after the landers have left."""

    seed: int
    kinds: tuple[str, ...]
    held_by: str
    slots: int
    mode: str
    setup: str
    blocks: str
    person: bool = False
    pin_lost: bool = False
    slot_gone: bool = False
    words: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[str, ...]:
        return tuple(f"phase-{number}" for number in range(1, len(self.kinds) + 1))


def drawn(seed: int, point: str = "") -> Scenario:
    """Draw a queue in which the failpoint can be reached."""
    chance = random.Random(seed)
    kinds = [chance.choice(_USUAL) for _ in range(chance.randint(2, 5))]
    if chance.random() < 0.25:
        kinds[chance.randrange(len(kinds))] = chance.choice(("gate", "large"))
    made: dict[str, object] = {
        "held_by": chance.choice(("checkout", "checkout", "linked", "nobody")),
        "slots": chance.choice((1, 2, 4)),
        "mode": chance.choice(("each", "each", "batch")),
        "setup": chance.choice(("", "", "kept", "each time")),
        "blocks": chance.choice(("README", "untracked", ".env")),
        "person": chance.random() < 0.15,
        "pin_lost": chance.random() < 0.05,
        "slot_gone": chance.random() < 0.1,
        "words": tuple(chance.choice(("", "skip", "retry")) for _ in range(9)),
    }
    made |= _needed(point, kinds, chance)
    if "slow" not in kinds and not {"plain", "replay", "merge"}.intersection(kinds):
        kinds.insert(0, "replay")
    return Scenario(seed=seed, kinds=tuple(kinds[:6]), **made)  # type: ignore[arg-type]


def _needed(point: str, kinds: list[str], chance: random.Random) -> dict[str, object]:
    what = point.rpartition(":")[0]
    in_checkout = chance.choice(("checkout", "linked"))
    match what:
        case "journal:conflicted":
            kinds[:0] = ["hot", "hot"]
        case "journal:candidate-refused":
            kinds.insert(0, "refused")
        case "journal:ejected":
            kinds.insert(0, "red")
        case "journal:gate-stopped":
            kinds[:] = ["red", "slow", "plain"]
            return {"slots": 2, "mode": "each", "setup": "", "person": False, "slot_gone": False, "words": ()}
        case "journal:deferred":
            kinds.insert(0, "blocked")
            return {"held_by": in_checkout}
        case "journal:retried":
            kinds.insert(0, "plain")
            return {"person": True}
        case "journal:pins-changed" | "git:put-back":
            return {"pin_lost": True}
        case "git:hash-object" | "git:merge-tree":
            kinds[:0] = ["replay", "replay"]
        case "git:update-ref-main":
            kinds.insert(0, "plain")
            return {"held_by": "nobody"}
        case "git:fast-forward" | "git:restore" | "git:update-index":
            kinds.insert(0, chance.choice(("large", "plain")))
            return {"held_by": in_checkout}
        case "git:worktree-unlock" | "git:worktree-remove":
            return {"slot_gone": True}
        case "git:worktree-add" | "lock":
            return {"slot_gone": False}
        case "setup":
            return {"setup": chance.choice(("kept", "each time"))}
        case _:
            pass
    return {}


@dataclass
class _Stream:
    """What git fast-import reads: a whole repository by one process."""

    text: list[str] = field(default_factory=list)
    marks: int = 0

    def commit(self, ref: str, onto: str, message: str, files: dict[str, str | None], merge: str = "") -> str:
        self.marks += 1
        lines = [f"commit {ref}\nmark :{self.marks}\n", _COMMITTER.format(1767225600 + 60 * self.marks)]
        lines.append(f"data {len(message)}\n{message}\n")
        lines += [f"from {onto}\n"] * bool(onto) + [f"merge {merge}\n"] * bool(merge)
        for path, text in files.items():
            lines.append(f"D {path}\n" if text is None else f"M 100644 inline {path}\ndata {len(text)}\n{text}\n")
        self.text.append("".join(lines))
        return f":{self.marks}"

    def ref(self, name: str, at: str) -> None:
        self.text.append(f"reset {name}\nfrom {at}\n\n")


def build(scenario: Scenario, folder: Path) -> Repo:
    """Make the repository with its phases and their claims; nobody has worked in it yet."""
    folder.mkdir(parents=True)
    repo = Repo(folder)
    repo.git("init", "-q", "-b", "main")
    stream = _Stream()
    base = stream.commit("refs/heads/main", "", "start", _start(scenario))
    for number, (phase, kind) in enumerate(zip(scenario.phases, scenario.kinds, strict=True), 1):
        tip = _phase(stream, base, number, kind, scenario)
        stream.ref(f"refs/heads/batty/{phase}-run-001", tip)
        stream.ref(f"refs/batty/claim/{phase}/1", tip)
    run(("git", "fast-import", "--quiet"), cwd=folder, stdin="".join(stream.text)).check()
    repo.git("reset", "-q", "--hard")
    place = Place.around(folder)
    heads = [repo.tip(f"batty/{phase}-run-001") for phase in scenario.phases]
    claims = zip(scenario.phases, heads, strict=True)
    place.records.append(
        *(Enqueued(run=RUN, phase=PhaseId(p), head=h, claim=f"refs/batty/claim/{p}/1") for p, h in claims)
    )
    return repo


def _start(scenario: Scenario) -> dict[str, str | None]:
    files: dict[str, str | None] = {f"f{n}": f"{n}\n" * 3 for n in range(1, 9)}
    files |= {f"d{n}": f"old {n}\n" for n in range(1, 9)}
    files |= {f"big/{n}": f"old {n}\n" * 40 for n in range(_LARGE)} if "large" in scenario.kinds else {}
    return files | {
        "README": "read me\n",
        "hot": "hot\n",
        ".gitignore": ".env\nignored/\n",
        "batty.toml": _settings(scenario, _GATE),
        **({"by-setup": "x\n"} if scenario.setup else {}),
    }


def _settings(scenario: Scenario, gate: str) -> str:
    lines = ["[gate]", f"command = {json.dumps(gate)}"]
    if scenario.setup:
        lines.append('setup = "echo batty-test-setup >made; sleep 0.01"')
    if scenario.setup == "kept":
        lines.append('keep = ["made"]')
    return "\n".join([*lines, "[queue]", f'gate = "{scenario.mode}"', f"slots = {scenario.slots}", ""])


def _phase(stream: _Stream, base: str, number: int, kind: str, scenario: Scenario) -> str:
    """Write the commits of a phase, and return its tip."""
    ref, blocks = f"refs/heads/batty/phase-{number}-run-001", scenario.blocks
    own: dict[str, str | None] = {f"f{number}": f"by {number}\n", f"added/{number}/x": f"{number}\n"}
    if kind == "already":
        return base
    if kind == "replay":
        one = stream.commit(ref, base, "one", own)
        two = stream.commit(ref, one, "two", {f"d{number}": None})
        return stream.commit(ref, two, "three", {f"f{number}": f"again by {number}\n"})
    if kind == "merge":
        one = stream.commit(ref, base, "one", own)
        side = stream.commit(ref, base, "side", {f"side{number}": "s\n"})
        return stream.commit(ref, one, "merge", {f"side{number}": "s\n"}, merge=side)
    more: dict[str, dict[str, str | None]] = {
        "hot": {"hot": f"by {number}\n"},
        "red": {"broken": "slowly\n" if "slow" in scenario.kinds else "x\n"},
        "half": {f"half/{number}": "x\n"},
        "blocked": {blocks: "landed\n"},
        "refused": {f"F{number}": "x\n"},
        "gate": {"batty.toml": _settings(scenario, f"{_GATE} && true")},
        "slow": {"slow": "x\n"},
        "large": {f"big/{n}": (None if n % 4 == 0 else f"new {n}\n" * 50) for n in range(_LARGE)}
        | {f"all{n % 3}/{n}": "new\n" for n in range(_LARGE // 2)},
    }
    return stream.commit(ref, base, kind, own | more.get(kind, {}))


def inhabited(scenario: Scenario, template: Repo, to: Path) -> Repo:
    """Copy the repository, give its base to whom it is to belong, and put uncommitted work into every checkout."""
    shutil.copytree(template.folder, to / "repo", symlinks=True)
    repo = Repo(to / "repo")
    folders = [repo.folder, repo.worktree("work", f"batty/{scenario.phases[0]}-run-001")]
    if scenario.held_by != "checkout":
        repo.git("switch", "-q", "-c", "elsewhere")
    if scenario.held_by == "linked":
        folders.append(repo.worktree("home", "main"))
    for folder in folders:
        for name, text in _OPEN.items():
            repo.write(name, text, into=folder)
        repo.write("staged", "staged\n", into=folder)
        repo.git("add", "staged", cwd=folder)
    if scenario.slot_gone:
        slot = to / "repo.batty" / "gate-1"
        repo.git("worktree", "add", "-q", "--detach", "--lock", "--reason", "gates", str(slot), "main")
        shutil.rmtree(slot)
    if scenario.pin_lost:
        repo.git("update-ref", "-d", f"refs/batty/claim/{scenario.phases[-1]}/1")
    return repo


def cleared(scenario: Scenario, repo: Repo) -> set[str]:
    """Let the owner of the base's checkout put away what is in the way of the queue; return the files."""
    there = next((tree.path for tree in repo.plumbing.worktrees() if tree.branch == "main"), None)
    if "blocked" not in scenario.kinds or there is None:
        return set()
    if scenario.blocks == "README":
        repo.git("checkout", "-q", "--", "README", cwd=there)
    else:
        (there / scenario.blocks).unlink(missing_ok=True)
    return {f"{there}/{scenario.blocks}"}
