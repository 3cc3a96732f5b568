"""Git commands that decide and write. No checkout of the user's is ever switched, reset, stashed or pulled.

Every call neutralizes what a user's configuration or environment could change: hooks, signing, editors,
prompts, automatic gc. What is written reaches the disk (`core.fsync=committed`) before it is relied on.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from batty_tmux.errors import BattyError
from batty_tmux.host.files import is_open_anywhere
from batty_tmux.host.lock import Held
from batty_tmux.host.process import Done, pause, run
from batty_tmux.names import Branch, Sha

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsync": "committed",
    "core.quotePath": "false",
    "core.fsmonitor": "false",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "merge.directoryRenames": "conflict",
    "merge.renames": "true",
    "merge.renameLimit": "7000",
    "merge.renormalize": "false",
    "rerere.enabled": "false",
    "submodule.recurse": "false",
    "advice.detachedHead": "false",
}
_ENV = {
    **dict.fromkeys(("GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS"), "0"),
    **dict.fromkeys(("GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_ASKPASS"), "true"),
    "GIT_MERGE_AUTOEDIT": "no",
    "LC_ALL": "C",
}
_OPTIONS = tuple(word for key, value in _CONFIG.items() for word in ("-c", f"{key}={value}"))

ZERO = Sha("0" * 40)
_LOOKS, _BETWEEN_LOOKS = 4, 0.05
"""How often, and after how many seconds."""
_BEING_MADE = "bad object worktrees/"
"""What git dies of where it looks at all worktrees and another git is just making one, whose HEAD says nothing yet."""


@dataclass(frozen=True)
class Worktree:
    path: Path
    head: Sha
    branch: Branch | None
    half_made: bool = False
    """Git was killed while it made this worktree: nobody has worked there yet."""


@dataclass(frozen=True)
class Merged:
    """What a three-way merge in the object database gave: a tree, and the paths that conflict in it."""

    tree: Sha
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """What is uncommitted in a worktree, by path from its root. Ignored files are not listed."""

    tracked: tuple[str, ...]
    untracked: tuple[str, ...]

    @property
    def dirty(self) -> tuple[str, ...]:
        return tuple(sorted({*self.tracked, *self.untracked}))


@dataclass(frozen=True)
class Blob:
    mode: str
    sha: Sha


_Move = tuple[str, Sha, Sha | None]


@dataclass(frozen=True)
class Git:
    """Git in one folder. `held` is the landing lock: its descriptor goes to every child that writes for it."""

    folder: Path
    held: Held | None = None

    def run(
        self,
        *words: str,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
        config: Sequence[str] = (),
    ) -> Done:
        """Run git; `timeout` in seconds. `config` are more `key=value` settings for this call."""
        keep = () if self.held is None else (self.held.descriptor,)
        more = tuple(word for setting in config for word in ("-c", setting))
        argv = ("git", *_OPTIONS, *more, *words)
        whole = {**_ENV, **(env or {})}
        for _ in range(_LOOKS):
            done = run(argv, cwd=self.folder, env=whole, stdin=stdin, timeout=timeout, keep_open=keep)
            if done.ok or _BEING_MADE not in done.stderr:
                break
            pause(_BETWEEN_LOOKS)
        return done

    def ask(self, *words: str) -> Done:
        """Run git where "no" is an answer. Raises CommandFailed where it was killed: that is none."""
        done = self.run(*words)
        return done.check() if done.status is None or done.status < 0 else done

    def say(self, *words: str, stdin: str | bytes | None = None) -> str:
        """Run git and return its output without the last newline; raise CommandFailed if it fails."""
        return self.run(*words, stdin=stdin).check().stdout.removesuffix("\n")

    # -- what is

    def tip(self, ref: str) -> Sha | None:
        done = self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return Sha(done.stdout.strip()) if done.ok else None

    def tip_and_tree(self, ref: str) -> tuple[Sha, Sha] | None:
        """Return commit and tree of a full ref name, in one call."""
        found = self.say("for-each-ref", "--format=%(objectname) %(tree)", ref).split()
        return (Sha(found[0]), Sha(found[1])) if len(found) == 2 else None  # noqa: PLR2004

    def tips(self, branches: Iterable[str]) -> dict[str, Sha]:
        """Return the tips of those branches that exist, in one call."""
        refs = (f"refs/heads/{branch}" for branch in branches)
        rows = self.say("for-each-ref", "--format=%(objectname) %(refname)", *refs).splitlines()
        return {ref.removeprefix("refs/heads/"): Sha(sha) for sha, _, ref in (row.partition(" ") for row in rows)}

    def tree(self, commit: str) -> Sha:
        return Sha(self.say("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}"))

    def head_branch(self) -> Branch | None:
        # not --short: beside a tag of the same name that says heads/main
        done = self.ask("symbolic-ref", "--quiet", "HEAD")
        return Branch(done.stdout.strip().removeprefix("refs/heads/")) if done.ok else None

    def head(self) -> tuple[Sha, Branch] | None:
        """Return where HEAD is and on which branch; None where it is on none, or on one without a commit."""
        done = self.ask("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
        said = done.stdout.splitlines()
        on_a_branch = done.ok and len(said) == 2 and said[1].startswith("refs/heads/")  # noqa: PLR2004
        return (Sha(said[0]), Branch(said[1].removeprefix("refs/heads/"))) if on_a_branch else None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether `newer` holds `older`. This, not equality, is what "has landed" means."""
        done = self.run("merge-base", "--is-ancestor", older, newer)
        if done.status not in {0, 1}:
            done.check()
        return done.ok

    def held_by(self, ref: str, commits: Iterable[Sha]) -> frozenset[Sha]:
        """Return those that `ref` holds, by ancestry: one call, and what it does not list is held."""
        asked = frozenset(commits)
        if not asked:
            return asked
        lacking = self.say("rev-list", "--stdin", stdin="".join(f"{sha}\n" for sha in (*asked, f"^{ref}")))
        return asked - frozenset(map(Sha, lacking.split()))

    def merge_base(self, one: str, other: str) -> Sha | None:
        done = self.ask("merge-base", one, other)
        return Sha(done.stdout.split()[0]) if done.ok else None

    def commits(self, base: str, tip: str) -> list[tuple[Sha, tuple[Sha, ...]]]:
        """Return the commits of `tip` that `base` lacks, oldest first, each with its parents."""
        out = self.say("rev-list", "--topo-order", "--reverse", "--parents", tip, f"^{base}")
        rows = [line.split() for line in out.splitlines()]
        return [(Sha(row[0]), tuple(Sha(p) for p in row[1:])) for row in rows]

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Return the paths that differ between two commits or trees, renames as both their names."""
        out = self.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", old, new).check().stdout
        return tuple(path for path in out.split("\0") if path)

    def blobs(self, tree: str, paths: Sequence[str] = ()) -> dict[str, Blob]:
        """Return mode and blob of every file of a tree, or of those named."""
        done = self.run("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths)
        found: dict[str, Blob] = {}
        for row in done.check().stdout.split("\0"):
            if row:
                meta, path = row.split("\t", 1)
                mode, _, sha = meta.split(" ")
                found[path] = Blob(mode, Sha(sha))
        return found

    def texts(self, commit: str, prefix: str) -> dict[str, str]:
        """Return the regular files under a folder of a commit, as text, by path relative to that folder."""
        wanted = {path: blob for path, blob in self.blobs(commit, (prefix,)).items() if blob.mode.startswith("100")}
        if not wanted:
            return {}
        feed = "".join(f"{blob.sha}\n" for blob in wanted.values())
        data = self.run("cat-file", "--batch", stdin=feed).check().stdout.encode("utf-8", "surrogateescape")
        texts: dict[str, str] = {}
        for path in wanted:
            head, _, data = data.partition(b"\n")
            size = int(head.split()[2])
            texts[path.removeprefix(prefix.rstrip("/") + "/")] = data[:size].decode("utf-8", "surrogateescape")
            data = data[size + 1 :]
        return texts

    def status(self) -> Status:
        out = self.run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all").check().stdout
        rows = [row for row in out.split("\0") if row]
        tracked = tuple(row[3:] for row in rows if not row.startswith("??"))
        return Status(tracked, tuple(row[3:] for row in rows if row.startswith("??")))

    def ignored(self) -> tuple[str, ...]:
        """Return the ignored files that exist in this worktree; a wholly ignored folder as one path with a slash."""
        out = self.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory").check().stdout
        return tuple(path for path in out.split("\0") if path)

    def worktrees(self) -> list[Worktree]:
        found: list[Worktree] = []
        out = self._worktree_list().check().stdout
        for block in out.split("\0\0"):
            fields = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
            if "worktree" in fields and "bare" not in fields:
                branch = fields.get("branch", "").removeprefix("refs/heads/")
                head = Sha(fields.get("HEAD", ZERO))
                half = fields.get("locked") == "initializing"
                found.append(Worktree(Path(fields["worktree"]), head, Branch(branch) if branch else None, half))
        return found

    def _worktree_list(self) -> Done:
        """List the worktrees; git gives up when one is just being made or removed, so it is asked again."""
        done = self.run("worktree", "list", "--porcelain", "-z")
        for _ in range(_LOOKS - 1):
            if done.ok:
                break
            pause(_BETWEEN_LOOKS)
            done = self.run("worktree", "list", "--porcelain", "-z")
        return done

    @cached_property
    def own_folder(self) -> Path:
        """The folder in which git keeps what is of this worktree alone."""
        link = self.folder / ".git"
        if link.is_dir():
            return link.absolute()
        # a linked worktree has a file that says where; asking git is only for what is neither
        said = link.read_text(errors="surrogateescape").strip() if link.is_file() else ""
        if said.startswith("gitdir: "):
            return Path(os.path.normpath(self.folder / said.removeprefix("gitdir: "))).absolute()
        return Path(self.say("rev-parse", "--absolute-git-dir"))

    @cached_property
    def common_folder(self) -> Path:
        """The folder in which git keeps what all worktrees share."""
        shared = self.own_folder / "commondir"
        said = shared.read_text(errors="surrogateescape").strip() if shared.is_file() else "."
        return Path(os.path.normpath(self.own_folder / said))

    def private(self, name: str) -> Path:
        """Return where git keeps a file of this worktree alone, such as index.lock or rebase-merge."""
        return self.own_folder / name

    def in_progress(self) -> str | None:
        """Name the operation that this worktree is in the middle of, if any."""
        marks = {
            "rebase-merge": "rebase",
            "rebase-apply": "rebase",
            "MERGE_HEAD": "merge",
            "CHERRY_PICK_HEAD": "cherry-pick",
            "REVERT_HEAD": "revert",
            "BISECT_START": "bisect",
        }
        return next((word for mark, word in marks.items() if self.private(mark).exists()), None)

    # -- objects

    def merge_tree(self, ours: str, theirs: str) -> Merged:
        """Merge two commits in the object database. No file, index or ref changes."""
        done = self.run("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
        if done.status not in {0, 1}:
            done.check()
        tree, *paths = [part for part in done.stdout.split("\0") if part]
        return Merged(Sha(tree), tuple(dict.fromkeys(paths)) if done.status == 1 else ())

    def write_commit(self, raw: bytes) -> Sha:
        return Sha(self.say("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw))

    # -- refs

    def move_refs(self, moves: Sequence[_Move], reason: str, *, again: bool = False) -> Done:
        """Move (ref, new, old) all together or not at all; it fails when some ref is not at its old value.

        Without an `old` the ref must not exist yet. A lock that a killed git of batty's own left is removed: one
        with just this value, and an empty one where only batty can have made it. `again` says that this very move
        was begun before by a process that is gone.
        """
        done = self._transaction(moves, reason)
        freed = [] if done.ok else [ref for ref, new, _ in moves if self._free(ref, new, mine=again)]
        return self._transaction(moves, reason) if freed else done

    def _transaction(self, moves: Sequence[_Move], reason: str) -> Done:
        updates = [f"update {ref} {new} {old or '0' * len(new)}" for ref, new, old in moves]
        lines = ["start", *updates, "prepare", "commit", ""]
        return self.run("update-ref", "-m", reason, "--stdin", stdin="\n".join(lines))

    def _free(self, ref: str, value: Sha, *, mine: bool) -> bool:
        """Remove a ref's lock that nobody has open and that is provably batty's; tell whether it did."""
        lock = self.common_folder / f"{ref}.lock"
        try:
            said = lock.read_bytes().strip()
        except OSError:
            return False
        provable = said == value.encode() or (said == b"" and (mine or ref.startswith("refs/batty/")))
        if not provable or is_open_anywhere(lock):
            return False
        lock.unlink(missing_ok=True)
        return True

    def pin(self, ref: str, commit: Sha) -> None:
        """Make a ref of batty's own that keeps a commit alive. One that is there already stays if equal."""
        self.pin_all([(ref, commit)])

    def pin_all(self, pins: Sequence[tuple[str, Sha]]) -> None:
        """Make refs of batty's own in one transaction. Those that are there already stay if equal.

        Raises BattyError `ref-taken` for one that is another commit, CommandFailed where git could not write.
        """
        if self.move_refs([(ref, commit, None) for ref, commit in pins], "batty: pin").ok:
            return
        for ref, commit in pins:
            there = self.tip(ref)
            if there is None:
                self.move_refs([(ref, commit, None)], "batty: pin").check()
            elif there != commit:
                raise BattyError("ref-taken", f"{ref} exists and is another commit", next="batty log")

    def drop_ref(self, ref: str, old: Sha) -> bool:
        return self.run("update-ref", "-d", ref, old).ok

    # -- worktrees

    def add_worktree(self, path: Path, branch: Branch, start: Sha) -> None:
        """Make a worktree on a new branch; on one that exists already, as it is."""
        fresh = self.tip(f"refs/heads/{branch}") is None
        words = ("-b", branch, str(path), start) if fresh else (str(path), branch)
        self.run("worktree", "add", "--quiet", *words).check()

    def finish_worktree(self) -> None:
        """Make this half-made worktree whole. Only for one that `half_made` says nobody has worked in."""
        self.private("index.lock").unlink(missing_ok=True)
        self.run("reset", "--quiet", "--hard").check()
        self.run("worktree", "unlock", str(self.folder)).check()

    def add_detached(self, path: Path, commit: Sha, reason: str) -> None:
        """Make an empty worktree of batty's own, locked so that no prune takes it.

        Its files are whoever's who uses it: a filter that fails on one of them must not keep it from being made.
        """
        words = ("worktree", "add", "--quiet", "--detach", "--no-checkout")
        self.run(*words, "--lock", "--reason", reason, str(path), commit).check()

    def remove_worktree(self, path: Path) -> Done:
        """Remove a worktree that is clean; git refuses any other, and that refusal is kept. Never forced."""
        return self.run("worktree", "remove", str(path))

    # -- the base branch

    def fast_forward(self, commit: Sha, branch: str) -> Done:
        """Advance the branch, which is checked out here, and its files to a descendant; or change nothing.

        Plain --ff-only would overwrite ignored files: a local .env would be gone. The branch's own
        mergeOptions come before ours and can turn it into a squash, or a merge that keeps nothing of theirs.
        """
        config = ("merge.autoStash=false", "merge.verifySignatures=false")
        words = ("merge", "--ff-only", "--no-overwrite-ignore", "--no-stat", "--quiet", commit)
        # by environment, since a branch's name may hold the sign that ends a name after -c
        options = f"branch.{branch}.mergeOptions"
        env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": options, "GIT_CONFIG_VALUE_0": ""}
        return self.run(*words, env=env, config=config, timeout=600)


def find_repository(folder: Path) -> Git:
    """Return git in the top folder of the checkout around `folder`.

    Raises BattyError `no-repository` outside of one, and for a bare one.
    """
    done = Git(folder).run("rev-parse", "--show-toplevel")
    if not done.ok or not done.stdout.strip():
        raise BattyError("no-repository", f"{folder} is not in a git checkout", next="git init && batty init")
    return Git(Path(done.stdout.removesuffix("\n")))


def state_folder(git: Git) -> Path:
    """Return the folder that all worktrees of the repository share for batty's state."""
    return git.common_folder / "batty"
