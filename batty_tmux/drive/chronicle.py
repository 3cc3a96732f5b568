"""Gathers what an executor does: told in the orchestrator's pane, counted, and kept with the run, within bounds.

It is no part of the journal: nothing is decided by it, and an agent does a hundred things in an hour.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Final

import msgspec

from batty_tmux.core import activity
from batty_tmux.core.activity import Activity, Tally
from batty_tmux.core.board import Phase
from batty_tmux.host.files import append_line, read_text, rotate
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha

Note = Callable[[Activity], None]

FILE: Final = "activity.jsonl"
_LARGEST: Final = 1 << 20
_COMMITS: Final = 50


def told(folder: Path) -> str:
    """Return what a phase's executors did, counted in words, as far as it is kept; "" where nothing is."""
    rows = [row for name in (f"{FILE}.1", FILE) for row in (read_text(folder / name) or "").splitlines()]
    known = (one for row in rows if (one := _read(row)) is not None)
    return activity.summary(reduce(activity.tally, known, Tally()))


def _read(row: str) -> Activity | None:
    try:
        return _decoder.decode(row)
    except msgspec.DecodeError:
        # the last row of a supervisor that was killed
        return None


_decoder: msgspec.json.Decoder[Activity] = msgspec.json.Decoder(Activity)


@dataclass
class Chronicle:
    """`redact` is applied to what is kept and told; `note` tells one thing that was done."""

    folder: Path
    redact: Callable[[str], str]
    note: Note

    def add(self, done: list[Activity]) -> None:
        """Tell and keep what was done."""
        for one in done:
            shown = replace(one, what=self.redact(one.what))
            self.note(shown)
            self._keep(shown)

    def of_board(self, before: Phase | None, after: Phase | None, at: datetime) -> None:
        self.add(activity.of_board(before, after, at))

    def of_head(self, worktree: Path, before: Sha | None, after: Sha | None, at: datetime) -> None:
        """Tell the commits between two tips; none where the second does not follow the first."""
        git = Git(worktree)
        if before is None or after is None or not git.is_ancestor(before, after):
            return
        rows = git.say("log", "--reverse", f"--max-count={_COMMITS}", "--format=%H %s", f"{before}..{after}")
        commits = [(sha, subject) for sha, _, subject in (row.partition(" ") for row in rows.splitlines())]
        self.add(activity.of_commits(commits, at))

    def _keep(self, done: Activity) -> None:
        file = self.folder / FILE
        rotate(file, _LARGEST)
        append_line(file, json.dumps(msgspec.to_builtins(done), ensure_ascii=False))
