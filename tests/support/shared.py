"""Several clones of one remote: machines, each with a journal and a lander of its own, on a branch that they share."""

from dataclasses import dataclass
from pathlib import Path

from batty_tmux.core.events import GateFinished, Landed, Landing
from batty_tmux.host.process import run
from batty_tmux.names import Sha
from tests.support.lander import Lander
from tests.support.repo import Files, Repo

SETTINGS = '[gate]\ncommand = {gate}\n[queue]\nremote = "origin"\n{more}'


@dataclass
class Hub:
    """A bare repository that the clones push to. `url` is how they reach it."""

    folder: Path
    url: str

    @classmethod
    def make(cls, folder: Path, *, gate: str = "test ! -e broken", more: str = "", url: str = "") -> "Hub":
        """Make it with one commit, whose batty.toml says that it is the base."""
        seed = Repo.make(folder.with_name("seed"), {"a": "1\n2\n3\n4\n5\n", "b": "b\n", ".gitignore": ".env\n"})
        text = SETTINGS.format(gate=f"'''{gate}'''", more=more)
        seed.commit("set the gate", {"batty.toml": text})
        run(("git", "clone", "--quiet", "--bare", str(seed.folder), str(folder))).check()
        return cls(folder, url or f"file://{folder}")

    def clone(self, name: str) -> Lander:
        """Make a machine: a clone with its own journal, as `git clone` makes it."""
        folder = self.folder.with_name(name)
        run(("git", "clone", "--quiet", self.url, str(folder))).check()
        # clones make different commits of the same work, as people do
        return Lander(Repo(folder, commits=100 * (1 + sum(map(ord, name)) % 50)))

    @property
    def repo(self) -> Repo:
        return Repo(self.folder)

    def tip(self) -> Sha:
        return self.repo.tip("main")

    def history(self) -> list[str]:
        return self.repo.history("main")

    def push(self, message: str, files: Files) -> Sha:
        """Commit and push, as a person with a clone of their own does."""
        seed = Repo(self.folder.with_name("seed"), commits=len(self.history()))
        seed.git("fetch", "--quiet", str(self.folder), "main")
        seed.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        made = seed.commit(message, files)
        seed.git("push", "--quiet", str(self.folder), "HEAD:main")
        return made

    def hook(self, name: str, text: str) -> Path:
        """Give the remote a hook in sh."""
        file = self.folder / "hooks" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file


def faults(hub: Hub, *landers: Lander) -> list[str]:
    """Return what is not as it must be: landed exactly once each, in one line, every tree gated by who landed it."""
    found = []
    landed: dict[str, int] = {}
    for lander in landers:
        passed: set[str] = set()
        for event in lander.events:
            if isinstance(event, GateFinished) and event.verdict == "pass":
                passed.add(event.tree)
            if isinstance(event, Landing) and lander.repo.tree(event.candidate) not in passed:
                found.append(f"{event.phase} was pushed and its tree had not passed")
            if isinstance(event, Landed):
                landed[event.candidate] = landed.get(event.candidate, 0) + 1
                if not lander.repo.plumbing.is_ancestor(event.base, event.candidate):
                    found.append(f"{event.phase} did not go forward")
                if not hub.repo.try_git("merge-base", "--is-ancestor", event.candidate, "main").ok:
                    found.append(f"{event.phase} is not on the remote")
    found += [f"{sha} landed {times} times" for sha, times in landed.items() if times > 1]
    merges = hub.repo.git("rev-list", "--merges", "main")
    return [*found, *(f"{merge} is a merge" for merge in merges.split())]


def cut_off(lander: Lander) -> str:
    """Point a clone at a place where nothing is; return the address that it had."""
    url = lander.repo.git("remote", "get-url", "origin")
    lander.repo.git("remote", "set-url", "origin", f"{url}-gone")
    return url
