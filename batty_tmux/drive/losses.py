"""What a candidate must not do, although git made it without a conflict.

Three accidents pass every merge and most gates:
- two names that differ only in case or in the form of their letters: one file on many machines;
- a folder with a repository of its own, added as a link to a commit that nobody else can find;
- a merge of the base that leaves out what the base had gained (`-s ours`, `checkout --ours`, an edit by hand), or
  work that was squashed onto the base from an index that is older than it.

Whether a merge left something out is read from lines: the merge is done again in memory, and what it brings to
the phase's side must be in the phase's own merge. More edits beside it are fine. An ordinary commit may take
anything away: that stands in its diff, where a reviewer sees it. So a merge is excused only where an ordinary
commit after it brought the lines back (and even if another then took them away again), not where one merely
touched the file: its diff does not show what the merge had dropped.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Literal
from unicodedata import normalize

from batty_tmux.drive.candidate import apart
from batty_tmux.host.plumbing import Blob, Git
from batty_tmux.names import Sha

_LINK = "160000"
_FILE = "100"
_SHORT = 10
_ALONE = ("--root", "--no-commit-id")

Code = Literal["case-collision", "missing-submodule", "silent-revert", "dropped-change"]


@dataclass(frozen=True)
class Loss:
    """Why a candidate should not land unseen.

    `silent-revert` is certain: what the base had gained is gone where git had no conflict. `dropped-change` is a
    conflict that the phase settled with nothing of the base's side left, which can be meant.
    """

    code: Code
    reason: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    old: Blob | None
    new: Blob | None
    path: str
    was: str
    """The path before a rename; else the same."""


_Changes = Mapping[str, _Change]


@dataclass(frozen=True)
class _Commit:
    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]


def losses(git: Git, base: Sha, head: Sha, candidate: Sha, start: Sha | None = None) -> Loss | None:
    """Return the first loss that landing `candidate` on `base` would be; None when there is none: see `examine`."""
    return examine(git, base, head, candidate, start)[1]


def examine(
    git: Git, base: Sha, head: Sha, candidate: Sha, start: Sha | None = None, *, merged: bool = False
) -> tuple[tuple[str, ...], Loss | None]:
    """Return the paths that landing `candidate` on `base` changes, and the first loss that it would be.

    `merged` says that its tree is that of a merge made just now, of a head without merges: no revert can be in it.

    `head` is the phase's claimed commit, the candidate itself where it descends from the base. `start` is the
    commit on which the phase began; without it, work squashed onto the base from an old index is not seen.
    Two git processes for a phase without merges and new paths, one more for new paths; two for merges, and one for each
    that is as git makes it.
    """
    changes = {change.path: change for change in _changed(git, base, candidate)}
    if not changes:
        return (), None
    loss = (
        _collision(git, candidate, changes)
        or _orphan_link(git, candidate, changes)
        or (None if merged else _revert(git, base, head, candidate, changes, start))
    )
    return tuple(sorted({name for change in changes.values() for name in (change.path, change.was)})), loss


# -- names


def _collision(git: Git, candidate: Sha, changes: _Changes) -> Loss | None:
    """Look for names that the candidate brings and that equal others of its tree. What the base has is its own."""
    added = {path for path, change in changes.items() if change.old is None}
    if not added:
        return None
    out = git.run("ls-tree", "-r", "-z", "--full-tree", "--name-only", candidate).check().stdout
    paths = {path for path in out.split("\0") if path}
    gone = {path for path, change in changes.items() if change.new is None}
    fresh = _names(added) - _names((paths - added) | gone)
    groups: dict[str, set[str]] = {_folded(name): set() for name in fresh}
    for name in _names(paths):
        group = groups.get(_folded(name))
        if group is not None:
            group.add(name)
    clashes = {key for key, group in groups.items() if len(group) > 1}
    if not clashes:
        return None
    # folders that clash make everything in them clash: they are enough to say
    top = {key for key in clashes if not any(parent in clashes for parent in _parents(key))}
    names = tuple(sorted(name for key in top for name in groups[key]))
    return Loss("case-collision", "these names are one and the same where file names have no case", names)


def _names(paths: Iterable[str]) -> set[str]:
    """Return files and all their folders."""
    names: set[str] = set()
    for path in paths:
        name = path
        while name and name not in names:
            names.add(name)
            name = name.rpartition("/")[0]
    return names


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    # folding can take letters apart that normalizing had joined
    return normalize("NFC", normalize("NFC", name).casefold())


def _orphan_link(git: Git, candidate: Sha, changes: _Changes) -> Loss | None:
    """Look for added gitlinks without an entry in .gitmodules: `git add` of a clone inside the worktree."""
    links = {path for path, change in changes.items() if _is(change.new, _LINK) and not _is(change.old, _LINK)}
    if not links:
        return None
    words = ("config", "--blob", f"{candidate}:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    known = {row.partition("\n")[2] for row in git.run(*words).stdout.split("\0")}
    lost = tuple(sorted(links - known))
    reason = "a repository inside the worktree was added as a link, and .gitmodules does not say where to find it"
    return Loss("missing-submodule", reason, lost) if lost else None


# -- what the base had gained


def _revert(git: Git, base: Sha, head: Sha, candidate: Sha, changes: _Changes, start: Sha | None) -> Loss | None:
    commits = _commits(git, base, head)
    merges = [commit for commit in commits if len(commit.parents) > 1]
    own = {commit.sha for commit in commits}
    if merges:
        with apart(git, base) as merging:
            return next(_dropped(merging, base, head, merges, own, changes), None)
    if start is None or not commits or commits[0].parents == (start,):
        return None
    return _stale_squash(git, base, head, candidate, changes, start)


def _dropped(
    git: Git, base: Sha, head: Sha, merges: Iterable[_Commit], own: set[Sha], changes: _Changes
) -> Iterator[Loss]:
    for merge in merges:
        for mine, theirs in _sides(git, merge, own):
            later = ("--no-merges", head, f"^{merge.sha}", f"^{base}")
            loss = _Remerge(git, merge, mine, theirs, later, theirs in own, changes).loss()
            if loss is not None:
                yield loss


def _commits(git: Git, base: Sha, head: Sha) -> list[_Commit]:
    words = ("--topo-order", "--reverse", "--no-commit-header", "--format=%H %T %P")
    rows = [line.split() for line in git.say("rev-list", *words, head, f"^{base}").splitlines()]
    return [_Commit(Sha(row[0]), Sha(row[1]), tuple(Sha(parent) for parent in row[2:])) for row in rows]


def _sides(git: Git, merge: _Commit, own: set[Sha]) -> Iterator[tuple[Sha, Sha]]:
    """Yield (mine, theirs) for each way in which a merge may have left out what the base had.

    The base's side is the parent that the base holds, first or second. Where the phase has both, one of them may
    have brought the base's work along, so both are asked.
    """
    for mine, theirs in permutations(dict.fromkeys(merge.parents), 2):
        if (theirs not in own or mine in own) and not (
            len(merge.parents) == 2 and _merged(git, mine, theirs) == (merge.tree, {})  # noqa: PLR2004
        ):
            yield mine, theirs


_Stages = dict[str, dict[str, Blob]]


def _merged(git: Git, mine: Sha, theirs: Sha) -> tuple[Sha, _Stages]:
    """Merge in the object database; return the tree and, by path, what conflicts: "1" base, "2" mine, "3" theirs."""
    words = ("merge-tree", "--write-tree", "--no-messages", "--allow-unrelated-histories", "-z", mine, theirs)
    done = git.run(*words)
    if done.status not in {0, 1}:
        done.check()
    tree, *rows = [part for part in done.stdout.split("\0") if part]
    stages: _Stages = {}
    for row in rows:
        meta, path = row.split("\t", 1)
        mode, sha, stage = meta.split(" ")
        stages.setdefault(path, {})[stage] = Blob(mode, Sha(sha))
    return Sha(tree), stages


@dataclass(frozen=True)
class _Gain:
    """What the base's side did to a path. `whole`: all of it must be there, not just something."""

    path: str
    old: Blob | None
    new: Blob | None
    whole: bool


@dataclass(frozen=True)
class _Remerge:
    """A merge of the phase beside the one that git makes of the same parents."""

    git: Git
    merge: _Commit
    mine: Sha
    theirs: Sha
    later: tuple[str, ...]
    """The phase's ordinary commits after the merge, as words for rev-list."""
    inner: bool
    """Both parents are the phase's: only what is the base's to the letter counts as the base's."""
    landing: _Changes

    def loss(self) -> Loss | None:
        gains, made = self._gains_at_risk()
        if not gains:
            return None
        later = self._later()
        versions = {gain.path: [*later.get(gain.path, []), self.landing[gain.path].new] for gain in gains}
        seen = [blob for gain in gains for blob in (gain.old, gain.new, made[gain.path], *versions[gain.path])]
        texts = _texts(self.git, seen)
        lost = [
            gain
            for gain in gains
            if not any(_kept(gain, blob, texts) for blob in (made[gain.path], *versions[gain.path]))
        ]
        certain = tuple(sorted(gain.path for gain in lost if gain.whole))
        name = self.merge.sha[:_SHORT]
        if certain:
            return Loss("silent-revert", f"merge {name} of the phase leaves out what the base had gained", certain)
        paths = tuple(sorted(gain.path for gain in lost))
        reason = f"merge {name} of the phase settles a conflict with nothing left of what the base had gained"
        return Loss("dropped-change", reason, paths) if paths else None

    def _gains_at_risk(self) -> tuple[list[_Gain], dict[str, Blob | None]]:
        """Return what the base's side brought to paths where the phase's merge differs, and what that holds there."""
        tree, stages = _merged(self.git, self.mine, self.theirs)
        brought = {change.path: change for change in _changed(self.git, self.mine, tree)}
        found = [_Gain(c.path, c.old, c.new, whole=True) for c in brought.values() if c.path not in stages]
        found += [_Gain(path, s.get("1"), s.get("3"), whole=False) for path, s in stages.items() if _settled(s)]
        # where the two merges do not differ, the phase's holds what git's does: for a conflict, its markers
        made = {path: brought[path].new if path in brought else s.get("2") for path, s in stages.items()}
        for change in _changed(self.git, "--find-renames", tree, self.merge.tree):
            made |= {change.was: change.new, change.path: change.new}
        at_risk = [gain for gain in found if gain.path in self.landing and self._at_risk(gain, stages, made)]
        return at_risk, {gain.path: made[gain.path] for gain in at_risk}

    def _at_risk(self, gain: _Gain, stages: _Stages, made: Mapping[str, Blob | None]) -> bool:
        if self.inner and gain.new != self.landing[gain.path].old:
            return False
        if gain.whole:
            return gain.path in made
        return made[gain.path] == stages[gain.path].get("2")

    def _later(self) -> dict[str, list[Blob | None]]:
        """Return what ordinary commits of the phase after the merge made of each path that they touch."""
        found: dict[str, list[Blob | None]] = {}
        for commit in self.git.say("rev-list", *self.later).splitlines():
            for change in _changed(self.git, *_ALONE, commit):
                found.setdefault(change.path, []).append(change.new)
        return found


def _settled(stages: Mapping[str, Blob]) -> bool:
    """Tell whether the base's side changed a path that both had, or that one side removed, renames left aside."""
    return stages.get("1") != stages.get("3") and len(stages) > 1


def _kept(gain: _Gain, now: Blob | None, texts: Mapping[Sha, bytes]) -> bool:
    """Tell whether a version of the path holds the gain: the lines that came, without those that went."""
    if now == gain.new:
        return True
    if now is None or gain.new is None:
        return False
    if gain.old is not None and gain.old.mode != gain.new.mode != now.mode:
        return False
    old, new, present = (_lines(blob, texts) for blob in (gain.old, gain.new, now))
    if old is None or new is None or present is None:
        return False
    came, went = new - old, old - new
    there = [present[line] >= new[line] for line in came] + [present[line] <= new[line] for line in went]
    if gain.whole:
        return bool(there) and all(there)
    # where one line became two others, that the old one is gone says nothing of whose change it was
    some = [present[line] > old[line] for line in came] or [present[line] < old[line] for line in went]
    return any(some)


def _lines(blob: Blob | None, texts: Mapping[Sha, bytes]) -> "Counter[bytes] | None":
    """Count the lines that say something; None for what has no lines."""
    if blob is None:
        return Counter()
    if not blob.mode.startswith(_FILE) or b"\0" in texts[blob.sha]:
        return None
    return Counter(line for line in texts[blob.sha].splitlines() if any(chr(byte).isalnum() for byte in line))


def _stale_squash(git: Git, base: Sha, head: Sha, candidate: Sha, changes: _Changes, start: Sha) -> Loss | None:
    """Look for paths that are again as the phase found them when it began, although the base has changed them.

    `git reset --soft main` and a commit do that to all of the base's work that the phase's index does not know.
    It looks like an ordinary commit, and so does a revert that is meant; that one says so in its message.
    """
    newer = {change.path for change in _changed(git, start, candidate)}
    kept = {change.new.sha for change in changes.values() if change.old is None and change.new is not None}
    back = [path for path, c in changes.items() if path not in newer and (c.old is None or c.old.sha not in kept)]
    if not back:
        return None
    words = ("rev-list", "--fixed-strings", "--grep=This reverts commit ", head, f"^{base}")
    said = {change.path for commit in git.say(*words).splitlines() for change in _changed(git, *_ALONE, commit)}
    lost = tuple(sorted(set(back) - said))
    reason = "these are again as they were when the phase began: what the base has gained since would be gone"
    return Loss("silent-revert", reason, lost) if lost else None


# -- reading


def _changed(git: Git, *what: str) -> list[_Change]:
    """Return the files that differ between two commits or trees, or in a commit with `_ALONE`."""
    words = ("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none", *what)
    parts = iter(git.run(*words).check().stdout.split("\0"))
    found: list[_Change] = []
    for head in parts:
        if head:
            old_mode, new_mode, old_sha, new_sha, status = head.removeprefix(":").split(" ")
            was = next(parts)
            path = next(parts) if status.startswith(("R", "C")) else was
            found.append(_Change(_blob(old_mode, old_sha), _blob(new_mode, new_sha), path, was))
    return found


def _blob(mode: str, sha: str) -> Blob | None:
    return None if mode == "000000" else Blob(mode, Sha(sha))


def _is(blob: Blob | None, mode: str) -> bool:
    return blob is not None and blob.mode == mode


def _texts(git: Git, blobs: Iterable[Blob | None]) -> dict[Sha, bytes]:
    """Return the contents of those that are files."""
    wanted = list(dict.fromkeys(blob.sha for blob in blobs if blob is not None and blob.mode.startswith(_FILE)))
    data = git.run("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in wanted)).check().stdout
    rest = data.encode("utf-8", "surrogateescape")
    texts: dict[Sha, bytes] = {}
    for sha in wanted:
        head, _, rest = rest.partition(b"\n")
        size = int(head.split()[2])
        texts[sha], rest = rest[:size], rest[size + 1 :]
    return texts
