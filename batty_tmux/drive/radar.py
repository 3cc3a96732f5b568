"""Probe which phases would conflict with the base and with each other, in memory, and tell those that it concerns.

A probe is a three-way merge in the object database. All of them go through one git, and what it writes goes into
a folder that is thrown away: the repository gains no object, ref or file.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from batty_tmux.core import radar
from batty_tmux.core.events import Collided, Collision
from batty_tmux.core.radar import Radar
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.executor import adapter, notice_file
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.files import write_atomically
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done
from batty_tmux.names import PhaseId, Sha

EVERY = 5.0
"""Seconds between two looks, at least, at whether a phase has a new commit."""
_PATIENCE = 20.0
"""Seconds that another process may take for its look."""
_BASE = PhaseId("")

Pair = tuple[Sha, Sha]
Known = dict[Pair, tuple[str, ...] | None]
"""The paths in which two commits conflict; None where they do not. What two commits say never changes."""


def probe(
    git: Git, base: Sha, heads: Mapping[PhaseId, Sha], *, only: PhaseId | None = None, known: Known | None = None
) -> dict[PhaseId, tuple[Collision, ...]]:
    """Merge each pair of heads, and each head with the base; return every phase with what it collides with.

    With `only` these are the pairs that this phase takes part in. `known` carries results from one call to the
    next. A commit that holds the other collides with nothing. Histories that have nothing in common collide, in
    no path, since git merges them in none.
    """
    sides = {_BASE: base, **heads}
    pairs = {
        (one, other): _pair(sides[one], sides[other], keep_order=one == _BASE)
        for one, other in combinations(sides, 2)
        if only in {None, one, other} and sides[one] != sides[other]
    }
    results: Known = {} if known is None else known
    wanted = set(pairs.values())
    for old in results.keys() - wanted:
        del results[old]
    results.update(_merged(git, sorted(wanted - results.keys())))
    found: dict[PhaseId, list[Collision]] = {phase: [] for phase in heads}
    for (one, other), pair in pairs.items():
        paths = results[pair]
        if paths is not None:
            found[other].append(Collision(one, paths))
            if one != _BASE:
                found[one].append(Collision(other, paths))
    return {phase: radar.ordered(collisions) for phase, collisions in found.items()}


def _pair(one: Sha, other: Sha, *, keep_order: bool) -> Pair:
    """Name two commits in one order whoever asks; the base is always "ours", as it is for the queue."""
    return (one, other) if keep_order or one < other else (other, one)


def _merged(git: Git, pairs: Sequence[Pair]) -> Known:
    """Merge all these pairs with as few runs of git as there are pairs that it refuses, and one."""
    found: Known = {}
    if not pairs:
        return found
    with TemporaryDirectory(prefix="batty-radar-") as folder:
        env = _throw_away(git, Path(folder))
        left = list(pairs)
        while left:
            done = _merge_tree(git, env, "--stdin", stdin="".join(f"{one} {other}\n" for one, other in left))
            results = _parsed(done.stdout)
            found.update({pair: _paths(pair, paths) for pair, paths in zip(left, results, strict=False)})
            left = left[len(results) :]
            if left:
                # it ends at the first pair that it refuses; git 2.38 cannot be given more than one at all
                found[left[0]] = _alone(git, env, left[0])
                left = left[1:]
    return found


def _throw_away(git: Git, folder: Path) -> dict[str, str]:
    """Have git write its objects into a folder that reads on from the repository's own."""
    objects = git.say("rev-parse", "--path-format=absolute", "--git-path", "objects")
    (folder / "info").mkdir()
    (folder / "info" / "alternates").write_text(f"{objects}\n", errors="surrogateescape")
    return {"GIT_OBJECT_DIRECTORY": str(folder)}


def _merge_tree(git: Git, env: Mapping[str, str], *words: str, stdin: str | None = None) -> Done:
    options = ("--write-tree", "--name-only", "--no-messages", "-z")
    return git.run("merge-tree", *options, *words, stdin=stdin, env=env, config=("core.fsync=none",))


def _alone(git: Git, env: Mapping[str, str], pair: Pair) -> tuple[str, ...] | None:
    done = _merge_tree(git, env, *pair)
    if done.status == 0:
        return None
    if done.status == 1:
        return _paths(pair, done.stdout.split("\0")[1:])
    if git.merge_base(*pair) is None:
        return ()
    done.check()
    return None


def _parsed(out: str) -> list[list[str] | None]:
    """Read the answers to a batch: "1" for clean or "0", a tree, the paths, an empty word; all end in NUL."""
    found: list[list[str] | None] = []
    record: list[str] = []
    for word in out.split("\0")[:-1]:
        if word:
            record.append(word)
        else:
            found.append(None if record[0] == "1" else record[2:])
            record = []
    return found


def _paths(pair: Pair, paths: Iterable[str] | None) -> tuple[str, ...] | None:
    """Drop what git adds where a file meets a folder: a path that ends in a commit is another at each commit."""
    if paths is None:
        return None
    suffix = re.compile(rf"~(?:{pair[0]}|{pair[1]})(?:_\d+)?$")
    return tuple(sorted({suffix.sub("", path) for path in paths if path}))


def look(project: Project, only: PhaseId | None = None, *, known: Known | None = None) -> list[Collided]:
    """Probe what is under way, journal what is news, tell the agents that listen; return the news.

    With `only`, just the pairs of this phase. Under way is every phase that was launched and is not over: by its
    claim while it waits in the queue, else by its branch. One process looks at a time, so that nothing is told
    twice. Raises BattyError where the base is gone, or another look takes too long.
    """
    place = project.place
    with exclusive(place.state / "radar.lock", timeout=_PATIENCE):
        place.records.refresh()
        seen = radar.fold(place.records.events)
        base = place.git.tip(project.base.ref)
        if base is None:
            raise BattyError("no-base", f"the base branch {project.base} does not exist", next="batty doctor")
        heads = heads_of(place.git, seen)
        found = probe(place.git, base, heads, only=only, known=known)
        if only is not None:
            found = {
                phase: row if phase == only else radar.beside(seen, phase, only, row) for phase, row in found.items()
            }
        told = [radar.news(seen, phase, heads[phase], row) for phase, row in found.items()]
        news = [event for event in told if event is not None]
        for event in news:
            # before it is journaled: killed in between, it is told once more rather than never
            _notify(project, seen, event)
        if news:
            place.records.append(*news)
        return news


def heads_of(git: Git, seen: Radar) -> dict[PhaseId, Sha]:
    """Return where each phase that is under way is now; one whose branch is gone is left out."""
    refs = {phase: f"refs/heads/{there.branch}" for phase, there in seen.standing.items() if there.branch}
    tips: dict[str, str] = {}
    if refs:
        out = git.say("for-each-ref", "--format=%(objectname) %(refname)", *refs.values())
        tips = {name: sha for sha, _, name in (row.partition(" ") for row in out.splitlines())}
    found = {p: there.claim or Sha(tips.get(refs.get(p, ""), "")) for p, there in seen.standing.items()}
    return {phase: head for phase, head in found.items() if head}


def _notify(project: Project, seen: Radar, event: Collided) -> None:
    """Leave words where the phase's agent picks them up in its next turn, if it is one that does."""
    there = seen.standing[event.phase]
    file = notice_file(project, event.phase, event.run)
    heard = file.with_suffix(".told").exists()
    try:
        text = adapter(project, there.agent).notice(radar.advice(event.collisions, str(project.base)))
    except BattyError:
        # the agent that it was started with is no longer configured
        return
    if text and (event.collisions or heard):
        write_atomically(file, text)
    else:
        file.unlink(missing_ok=True)


@dataclass
class Sweep:
    """When a supervisor looks: its phase printed something, and its branch has moved since. Idle costs nothing."""

    stirred: bool = True
    looked: float = float("-inf")
    head: Sha | None = None
    known: Known = field(default_factory=dict)

    def go(self, project: Project, watch: Watch) -> None:
        if watch.launching is None or not self.stirred or monotonic() - self.looked < EVERY:
            return
        self.looked = monotonic()
        head = project.place.git.tip(f"refs/heads/{watch.launching.branch}")
        if head is not None and head != self.head:
            look(project, watch.phase, known=self.known)
            self.head = head
        self.stirred = False
