"""A person at the merge queue without tmux: `batty queue ...` on a real repository, and the lander when it is due."""

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from batty_tmux.commands.queue import command
from batty_tmux.core.events import Launching, RunStarted
from batty_tmux.core.report import explain
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.names import Branch, PhaseId
from tests.support.lander import RUN, Lander
from tests.support.repo import Files, Repo, board_files


@dataclass
class Desk:
    """Phases begin on the base with one open task each; their branches finish it."""

    repo: Repo
    lander: Lander

    @classmethod
    def make(cls, folder: Path, *phases: str, gate: str = "test ! -e broken", files: Files | None = None) -> "Desk":
        boards = {path: text for name in phases for path, text in board_files(name, status="todo").items()}
        settings = f"[gate]\ncommand = '''{gate}'''\n[queue]\nslots = 1\n"
        repo = Repo.make(folder / "shop", {**boards, "batty.toml": settings, **(files or {})})
        desk = cls(repo, Lander(repo))
        desk.lander.write(RunStarted(run=RUN, base="main", parallel=1))
        return desk

    def launch(self, name: str, files: Files) -> None:
        """Make the phase's branch and worktree, its work committed and its task done."""
        branch = self.repo.phase(name, files, board=True)
        folder = self.repo.worktree(f"shop.batty/{name}-run-001", branch)
        start = self.repo.tip("main")
        event = Launching(run=RUN, phase=PhaseId(name), branch=Branch(branch), worktree=str(folder), start=start)
        self.lander.write(event)

    def approve(self, name: str, files: Files | None = None) -> None:
        if files is not None:
            self.launch(name, files)
        self.lander.approve(name)

    def land(self, name: str, files: Files) -> None:
        self.approve(name, files)
        assert self.lander.land()
        assert self.lander.states[name] == "landed"

    def batty(self, *words: str) -> Result:
        """Run `batty queue` with these words; a refusal is told on stderr, as the command line tells it."""
        result = CliRunner().invoke(command, words, obj=self.repo.folder)
        if isinstance(result.exception, BattyError):
            result.stderr_bytes = "\n".join(explain(result.exception)).encode()
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    @property
    def project(self) -> Project:
        return Project.around(self.repo.folder)

    def status(self, name: str) -> PhaseStatus:
        return self.project.status(PhaseId(name))

    def state(self, name: str) -> str:
        return self.status(name).state
