"""A real git repository of a test's own, whose object ids are constants as long as its content is.

Commits are made at fixed times, one minute apart. HOME and the environment are the ones that tests/conftest.py
gives to every test.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done, run
from batty_tmux.names import Branch, PhaseId, Sha

START = datetime(2026, 1, 1, tzinfo=UTC)

Files = Mapping[str, str | bytes | None]
"""Content by path from the top; None removes the file."""


@dataclass
class Repo:
    """A repository on main with one commit. `folder` is its checkout."""

    folder: Path
    commits: int = 0
    _scratch: int = field(default=0, repr=False)

    @classmethod
    def make(cls, folder: Path, files: Files | None = None) -> "Repo":
        folder.mkdir(parents=True)
        repo = cls(folder)
        repo.git("init", "--quiet", "--initial-branch=main")
        repo.commit("start", {"README": "read me\n", **(files or {})})
        return repo

    # -- running git as a person would

    def try_git(self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
        when = (START + timedelta(minutes=self.commits)).isoformat()
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_CONFIG_NOSYSTEM": "1"}
        return run(("git", *words), cwd=cwd or self.folder, env=dates | dict(env or {}))

    def git(self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        return self.try_git(*words, cwd=cwd, env=env).check().stdout.removesuffix("\n")

    @property
    def plumbing(self) -> Git:
        return Git(self.folder)

    def tip(self, ref: str = "main") -> Sha:
        return Sha(self.git("rev-parse", f"{ref}^{{commit}}"))

    def tree(self, ref: str = "main") -> Sha:
        return Sha(self.git("rev-parse", f"{ref}^{{tree}}"))

    def history(self, ref: str = "main") -> list[str]:
        """Return the subjects of a branch's commits along its first parents, oldest first."""
        return self.git("log", "--first-parent", "--reverse", "--format=%s", ref).splitlines()

    def files(self, ref: str = "main") -> dict[str, str]:
        """Return the text of every file at a commit."""
        names = [name for name in self.git("ls-tree", "-r", "-z", "--name-only", ref).split("\0") if name]
        return {name: run(("git", "show", f"{ref}:{name}"), cwd=self.folder).check().stdout for name in names}

    # -- work in the checkout

    def write(self, path: str, text: str | bytes, *, into: Path | None = None) -> Path:
        file = (into or self.folder) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        return file

    def commit(self, message: str, files: Files | None = None, *, into: Path | None = None) -> Sha:
        """Commit exactly these files in a checkout; nothing else that is uncommitted there goes along."""
        folder = into or self.folder
        for path, text in (files or {}).items():
            if text is None:
                (folder / path).unlink()
            else:
                self.write(path, text, into=folder)
        if files:
            self.git("add", "--all", "--force", "--", *files, cwd=folder)
        self.commits += 1
        only = ("--", *files) if files else ()
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", message, *only, cwd=folder)
        return self.tip("HEAD") if into is None else Sha(self.git("rev-parse", "HEAD", cwd=folder))

    # -- branches, without touching a checkout

    def branch(self, name: str, start: str = "main") -> Branch:
        self.git("branch", "--quiet", "--no-track", name, start)
        return Branch(name)

    def grow(self, ref: str, message: str, files: Files, *, parents: tuple[str, ...] | None = None) -> Sha:
        """Put a commit with these changes on a branch; `parents` other than the branch's tip make a merge."""
        self._scratch += 1
        index = {"GIT_INDEX_FILE": str(self.folder / ".git" / f"scratch-{self._scratch}")}
        self.git("read-tree", ref, env=index)
        for path, text in files.items():
            if text is None:
                self.git("update-index", "--force-remove", "--", path, env=index)
            else:
                self.git("update-index", "--add", "--cacheinfo", f"100644,{self.blob(text)},{path}", env=index)
        tree = self.git("write-tree", env=index)
        Path(index["GIT_INDEX_FILE"]).unlink()
        self.commits += 1
        words = [word for parent in parents or (ref,) for word in ("-p", parent)]
        made = Sha(self.git("commit-tree", tree, *words, "-m", message))
        self.git("update-ref", f"refs/heads/{ref}", made)
        return made

    def blob(self, content: str | bytes) -> Sha:
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        return Sha(run(("git", "hash-object", "-w", "--stdin"), cwd=self.folder, stdin=raw).check().stdout.strip())

    def phase(self, name: str, files: Files, *, start: str = "main", board: bool = False) -> Branch:
        """Make the branch of a phase with one commit; `board` adds a kanban-md board whose tasks are all done."""
        branch = self.branch(f"batty/{name}-run-001", start)
        boards = board_files(name) if board else {}
        self.grow(branch, f"work of {name}", {**files, **boards})
        return branch

    def gate(self, command: str, **keys: object) -> Sha:
        """Commit a batty.toml with this gate on the checkout's branch."""
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in {"command": command, **keys}.items()]
        return self.commit("set the gate", {"batty.toml": "[gate]\n" + "".join(lines)})

    def worktree(self, name: str, *words: str) -> Path:
        folder = self.folder.parent / name
        self.git("worktree", "add", "--quiet", str(folder), *words)
        return folder

    # -- what must not change

    def snapshot_files(self) -> dict[str, str]:
        """Return a digest of every file in every worktree, tracked, untracked and ignored, by absolute path.

        The gate's own worktrees are left out: they are batty's.
        """
        found: dict[str, str] = {}
        for tree in self.plumbing.worktrees():
            if tree.path.name.startswith("gate-") or not tree.path.is_dir():
                continue
            for folder, names, files in os.walk(tree.path):
                if Path(folder) == self.folder:
                    names.remove(".git")
                for name in files:
                    found[f"{folder}/{name}"] = digest(Path(folder, name))
        return found


def digest(path: Path) -> str:
    """Name a file's kind and content."""
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = "x" if path.stat().st_mode & 0o100 else "-"
    return mode + hashlib.sha256(path.read_bytes()).hexdigest()[:24]


def board_files(phase: str, *, status: str = "done", title: str = "Do it") -> dict[str, str]:
    """Return the files of a kanban-md board with one task."""
    place = f"kanban/{phase}"
    task = f"---\nid: 1\ntitle: {title}\nstatus: {status}\npriority: medium\n---\n\n{title}.\n"
    config = (
        f"version: 11\nboard:\n  name: {phase}\ntasks_dir: tasks\n"
        "statuses: [backlog, todo, in-progress, review, done, archived]\n"
        "priorities: [low, medium, high, critical]\ndefaults: {status: backlog, priority: medium}\nnext_id: 2\n"
    )
    return {
        f"{place}/config.yml": config,
        f"{place}/PHASE.md": f"# {PhaseId(phase)}\n\nThe goal.\n",
        f"{place}/tasks/001-do-it.md": task,
    }


def bare_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty repository on main that alone says who commits: no other git settings count.

    For commands that look at the machine as well; what lands and conflicts is told with `Repo`.
    """
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "none"))
    folder = tmp_path / "repo"
    folder.mkdir()
    for words in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "Someone"),
        ("config", "user.email", "someone@example.com"),
    ):
        run(("git", *words), cwd=folder).check()
    return folder
