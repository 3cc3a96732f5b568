"""Put an entry's pinned head on the base, in the object database: no checkout, no ref, no hook, no signature.

The first rung that holds is taken:
1. the head already descends from the base: it is the candidate;
2. its commits, if they have one parent each, are replayed one by one, with author, message and dates kept;
3. where the replay's tree is not the three-way merge's tree (rebasing can lose content with exit status 0), or
   only the merge is clean, one merge commit carries the three-way tree;
4. otherwise it is a conflict, with its paths.

The committer date is the time of the claim, so that a candidate is a function of base, head and claim: after a
crash the same one is built again, and its verdict still fits.

Git takes merge attributes from the files of the checkout that it runs in, committed or not, of whatever branch. So
merges run in a folder that holds the base's attributes and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from batty_tmux.core.events import CandidateBuilt, Conflicted
from batty_tmux.core.queue_plan import Build
from batty_tmux.host.objects import raw_commits, write_commits
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done
from batty_tmux.names import RunId, Sha

_NOT_YET_ON_DISK = "core.fsync=none"
"""What is built is hardened as a whole, before a ref points to it."""
_ALIKE = ("core.attributesFile=/dev/null", "merge.default=text", "merge.conflictStyle=merge")
"""Settings of a user's that would change what a merge gives."""
_SIGNATURES = (b"gpgsig ", b"gpgsig-sha256 ", b"mergetag ")


_How = Literal["as-is", "replay", "merge", "nothing-new"]


@dataclass(frozen=True)
class Claim:
    head: Sha
    at: datetime
    title: str


def build(git: Git, effect: Build, run: RunId) -> CandidateBuilt | Conflicted:
    """Return the candidate, or the conflict. Asks git about ten times, and thrice for each commit it replays."""
    entry, base = effect.entry, effect.onto
    known = raw_commits(git, (base, entry.head))

    def built(candidate: Sha, tree: Sha, how: _How) -> CandidateBuilt:
        return CandidateBuilt(
            run=run, phase=entry.phase, head=entry.head, base=base, candidate=candidate, tree=tree, how=how
        )

    fork = git.merge_base(base, entry.head)
    if fork == entry.head:
        return built(base, tree_of(known[base]), "nothing-new")
    if fork == base:
        return built(entry.head, tree_of(known[entry.head]), "as-is")
    if fork is None:
        # git refuses to merge histories that have nothing in common; which paths then conflict nobody can say
        return Conflicted(run=run, phase=entry.phase, head=entry.head, base=base, paths=())
    claim = Claim(entry.head, entry.claimed_at, str(entry.phase))
    with apart(git, base) as merging:
        merged = merging.merge_tree(base, entry.head)
        if merged.conflicts:
            return Conflicted(run=run, phase=entry.phase, head=entry.head, base=base, paths=merged.conflicts)
        if merged.tree == tree_of(known[base]):
            return built(base, merged.tree, "nothing-new")
        replayed = _replay(merging, base, claim)
    if replayed is not None and replayed.tree == merged.tree:
        return built(replayed.sha, merged.tree, "replay")
    return built(_merge_commit(git, base, claim, known[entry.head], merged.tree), merged.tree, "merge")


@dataclass(frozen=True)
class _Apart(Git):
    """Git in a folder of batty's own, on a repository elsewhere."""

    repository: str = ""

    def run(
        self,
        *words: str,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
        config: Sequence[str] = (),
    ) -> Done:
        where = {"GIT_DIR": self.repository, "GIT_WORK_TREE": str(self.folder), "GIT_ATTR_NOSYSTEM": "1"}
        return super().run(
            *words,
            stdin=stdin,
            env={**where, **(env or {})},
            timeout=timeout,
            config=(*_ALIKE, _NOT_YET_ON_DISK, *config),
        )


@contextmanager
def apart(git: Git, base: Sha) -> Iterator[Git]:
    """Yield git for merges on this base, in a folder where only the base's attributes are. One git process or more.

    A merge driver that they name is still the one of the repository's settings, and its info/attributes count.
    """
    repository = str(git.own_folder)
    with TemporaryDirectory(prefix="batty-merge-") as name:
        folder = Path(name)
        for path, blob in git.blobs(base).items():
            parts = path.split("/")
            if parts[-1] == ".gitattributes" and blob.mode.startswith("100") and ".." not in parts:
                file = folder.joinpath(*parts)
                file.parent.mkdir(parents=True, exist_ok=True)
                content = git.run("cat-file", "blob", blob.sha).check().stdout
                file.write_bytes(content.encode("utf-8", "surrogateescape"))
        yield _Apart(folder, git.held, repository)


@dataclass(frozen=True)
class _Tip:
    sha: Sha
    tree: Sha


def _replay(git: Git, base: Sha, claim: Claim) -> _Tip | None:
    """Cherry-pick the claim's commits onto the base in memory; None when one does not apply or is a merge."""
    commits = git.commits(base, claim.head)
    if any(len(parents) != 1 for _, parents in commits):
        return None
    raw = raw_commits(git, (base, *(parents[0] for _, parents in commits), claim.head))
    tip, ours = _Tip(base, tree_of(raw[base])), base
    for commit, (parent,) in commits:
        picked = git.merge_tree(ours, commit)
        if picked.conflicts:
            return None
        was_empty = tree_of(raw[commit]) == tree_of(raw[parent])
        kept = picked.tree != tip.tree or was_empty
        carried = _carried(raw[commit], picked.tree, tip.sha, claim.at)
        # git 2.38 and 2.39 cannot be told the merge base; a throw-away commit with the tip's tree, on the commit
        # that was picked last, makes that one the merge base of the next. The first one's is the fork anyway.
        ours, *made = write_commits(git, (_bare_commit(picked.tree, commit), *((carried,) if kept else ())))
        tip = _Tip(made[0], picked.tree) if kept else tip
    return tip


def tree_of(raw: bytes) -> Sha:
    """Return the tree that a raw commit names in its first line."""
    return Sha(raw.partition(b"\n")[0].decode().removeprefix("tree "))


def _bare_commit(tree: Sha, parent: Sha) -> bytes:
    who = "batty <batty@localhost> 0 +0000"
    return f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nstand-in\n".encode()


def _carried(raw: bytes, tree: Sha, parent: Sha, at: datetime) -> bytes:
    """Rewrite a commit's tree, parent and committer date; author, encoding and message stay byte for byte.

    A signature is dropped: it would not be true of the new commit.
    """
    head, _, message = raw.partition(b"\n\n")
    lines = [f"tree {tree}".encode(), f"parent {parent}".encode()]
    dropping = False
    for line in head.split(b"\n"):
        if line.startswith(b" "):
            if not dropping:
                lines.append(line)
            continue
        dropping = line.startswith(_SIGNATURES)
        if dropping or line.startswith((b"tree ", b"parent ")):
            continue
        lines.append(_redated(line, at) if line.startswith(b"committer ") else line)
    return b"\n".join(lines) + b"\n\n" + message


def _redated(line: bytes, at: datetime) -> bytes:
    who = line[: line.rindex(b">") + 1]
    return who + f" {int(at.timestamp())} +0000".encode()


def _merge_commit(git: Git, base: Sha, claim: Claim, raw: bytes, tree: Sha) -> Sha:
    committer = next(line for line in raw.split(b"\n") if line.startswith(b"committer "))
    who = _redated(committer, claim.at).removeprefix(b"committer ")
    lines = (
        f"tree {tree}".encode(),
        f"parent {base}".encode(),
        f"parent {claim.head}".encode(),
        b"author " + who,
        b"committer " + who,
        b"",
        f"Merge {claim.title}\n".encode(),
    )
    return git.write_commit(b"\n".join(lines))
