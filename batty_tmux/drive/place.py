"""Where everything of one repository is: git, the shared state folder, the journal, the runs."""

from dataclasses import dataclass, replace
from pathlib import Path

from batty_tmux.drive.records import Records
from batty_tmux.host.lock import Held
from batty_tmux.host.plumbing import Git, find_repository, state_folder
from batty_tmux.names import PhaseId, RunId


@dataclass(frozen=True)
class Place:
    """`git` works in the checkout that batty was called in; `home` is the main worktree's folder."""

    git: Git
    state: Path
    home: Path
    records: Records

    @classmethod
    def around(cls, folder: Path) -> "Place":
        git = find_repository(folder)
        state = state_folder(git)
        state.mkdir(mode=0o700, exist_ok=True)
        home = git.worktrees()[0].path
        return cls(Git(home), state, home, Records.at(state))

    @property
    def name(self) -> str:
        return self.home.name

    @property
    def landing_lock(self) -> Path:
        return self.state / "lock"

    @property
    def fill_lock(self) -> Path:
        return self.state / "fill.lock"

    def run_folder(self, run: RunId) -> Path:
        folder = self.state / "runs" / run
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def phase_folder(self, run: RunId, phase: PhaseId) -> Path:
        folder = self.run_folder(run) / phase
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def holding(self, held: Held) -> "Place":
        """Return the place with a git whose children keep the landing lock until they have finished."""
        return replace(self, git=replace(self.git, held=held))

    def apart(self) -> "Place":
        """Return the same place for another thread: it writes to the same journal and reads none of its past."""
        fresh = Records(self.records.journal, offset=self.records.offset)
        return replace(self, git=replace(self.git, held=None), records=fresh)

    def checkout(self, folder: Path) -> Git:
        """Return git in another worktree of the same repository, under the same lock."""
        return replace(self.git, folder=folder)
