"""What moved although batty did not move it: the base by a person, or a pinned ref by anything.

The guard stops an executor's accidents where its environment reaches; what it does not stop is found here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from batty_tmux.host.plumbing import Git, Worktree
from batty_tmux.names import Sha, clean

PINS = "refs/batty/"

_FROM_ELSEWHERE = frozenset({"", "push"})
"""What reaches the base of a checkout, and the reflog of its HEAD, without anybody working there; "" is update-ref."""


@dataclass(frozen=True)
class _Step:
    """An entry of a reflog: the value after it, when (seconds since 1970), and the command, as git names it."""

    to: Sha
    at: str
    command: str


def by_a_person(git: Git, base: str, old: Sha, new: Sha, ours: Path, landed: Sha | None = None) -> str:
    """Return how and where a person moved the base, such as "commit in /path"; "" where that is not proved.

    Proved means: `new` still holds `landed`, what landed last (None where nothing did), so that a person has taken
    back nothing but their own; and each step of the base's reflog between them was written at the
    same second, for the same command, into the reflog of HEAD in a worktree that is not below `ours` (the folder
    of batty's own, where executors work). So `git branch -f`, `update-ref`, a fetch into the base and a push are
    never proof, nor is anything where reflogs are off. Told is the newest step.
    """
    if old == new or not (landed is None or is_forward(git, landed, new)):
        return ""
    steps = _steps_since(_reflog(git, f"refs/heads/{base}"), old, new)
    theirs = [tree for tree in git.worktrees() if _is_theirs(tree, ours)]
    logs = {tree.path: frozenset(_reflog(replace(git, folder=tree.path), "HEAD")) for tree in theirs}
    seen = [_where(step, logs) for step in steps]
    return seen[0] if seen and all(seen) else ""


def changed_pins(git: Git, expected: Mapping[str, Sha]) -> dict[str, Sha | None]:
    """Return the refs that do not have the value expected of them, with the value they have; None for none.

    `expected` are full names below refs/batty/. Refs that are not expected at all are nobody's concern here.
    """
    out = git.say("for-each-ref", "--format=%(objectname) %(refname)", PINS)
    rows = (line.split(" ", 1) for line in out.splitlines())
    there = {ref: Sha(sha) for sha, ref in rows}
    return {ref: there.get(ref) for ref, sha in expected.items() if there.get(ref) != sha}


def restorable(git: Git, expected: Mapping[str, Sha], changed: Mapping[str, Sha | None]) -> tuple[str, ...]:
    """Return those of the changed refs whose commit the repository still has."""
    feed = "".join(f"{expected[ref]}\n" for ref in changed)
    out = git.say("cat-file", "--batch-check=%(objectname)", stdin=feed)
    alive = {line for line in out.splitlines() if not line.endswith(" missing")}
    return tuple(sorted(ref for ref in changed if expected[ref] in alive))


def restore(git: Git, expected: Mapping[str, Sha], changed: Mapping[str, Sha | None]) -> tuple[str, ...]:
    """Put changed refs back to the expected value, and return those that are.

    Left alone are a ref whose commit is gone from the repository, to which git refuses to point one, and a ref
    that has moved again since it was looked at. Each is by itself: what can be put back is.
    """
    return tuple(ref for ref, at in changed.items() if git.move_refs([(ref, expected[ref], at)], "batty: put back").ok)


def is_forward(git: Git, old: Sha, new: Sha) -> bool:
    """Tell whether both are there, and the new one holds the old."""
    known = git.tip(old) is not None and git.tip(new) is not None
    return known and git.is_ancestor(old, new)


def _is_theirs(tree: Worktree, ours: Path) -> bool:
    return tree.path.is_dir() and not tree.path.resolve().is_relative_to(ours.resolve())


def _reflog(git: Git, ref: str) -> list[_Step]:
    """Return a ref's reflog, newest first; nothing where git keeps none."""
    words = ("log", "--walk-reflogs", "--no-show-signature", "--no-color", "--date=unix", "--format=%H%x00%gd%x00%gs")
    done = git.run(*words, ref, "--")
    rows = (line.split("\0", 2) for line in done.stdout.split("\n") if done.ok and line)
    return [_Step(Sha(sha), place.rpartition("@{")[2].rstrip("}"), says.partition(":")[0]) for sha, place, says in rows]


def _steps_since(log: list[_Step], old: Sha, new: Sha) -> list[_Step]:
    """Return the steps after `old`, newest first; nothing where the log does not end at `new` or never was at `old`."""
    if not log or log[0].to != new:
        return []
    end = next((number for number, step in enumerate(log) if step.to == old), 0)
    return log[:end]


def _where(step: _Step, logs: Mapping[Path, frozenset[_Step]]) -> str:
    """Name the worktree whose HEAD took the step together with the base, and the command that took it."""
    if step.command in _FROM_ELSEWHERE:
        return ""
    return next((clean(f"{step.command} in {path}") for path, log in logs.items() if step in log), "")
