"""Whether the disk has room for the worktrees that are to be made: sizes from git, what is free from the system."""

import os
from pathlib import Path
from typing import Final

from batty_tmux.config_tables import Config
from batty_tmux.core.space import Judged, Need, Room, judge, taken
from batty_tmux.drive.dependencies import folder_of, kept
from batty_tmux.drive.provisions import provisions, size_of
from batty_tmux.errors import BattyError
from batty_tmux.host.copying import clones
from batty_tmux.host.machine import room
from batty_tmux.host.plumbing import Git, state_folder
from batty_tmux.names import Base

NO_ROOM: Final = "no-room"


def need(home: Path, base: Base, config: Config, worktrees: int) -> Need:
    """Return what so many worktrees of the base's tip take. Dependencies count as far as the cache knows them."""
    git = Git(home)
    sizes = _sizes(git, base.ref)
    cache = folder_of(_place(home, config), state_folder(git))
    newest = max(kept(cache) if config.run.cache else (), key=lambda each: each.used, default=None)
    return Need(
        worktrees=worktrees,
        checkout=taken(sizes),
        files=len(sizes),
        provided=size_of(home, provisions(home, base, config.run.provide)),
        dependencies=newest.size if newest is not None else 0,
        shared=newest is not None and (config.run.links or clones(cache)),
    )


def look(home: Path, base: Base, config: Config, worktrees: int) -> Judged:
    """Say whether so many worktrees fit. `home` is the main checkout."""
    return judge(need(home, base, config, worktrees), Room(*room(_place(home, config))))


def refuse_no_room(home: Path, base: Base, config: Config, worktrees: int) -> None:
    """Raise BattyError `no-room` where so many worktrees cannot fit."""
    judged = look(home, base, config, worktrees)
    if judged.verdict == "too-little":
        many = f"{worktrees} more worktree{'s' if worktrees != 1 else ''}"
        what = f"there is no room for {many} in {_place(home, config)}"
        raise BattyError(NO_ROOM, what, evidence=(judged.says, "batty clean --cache frees more"), next="batty clean")


def _sizes(git: Git, ref: str) -> list[int]:
    """Return the bytes of each file of a commit as git keeps it."""
    out = git.run("ls-tree", "-r", "-l", "--full-tree", ref).check().stdout
    columns = (row.split(maxsplit=4)[3] for row in out.splitlines())
    return [int(size) for size in columns if size.isdigit()]


def _place(home: Path, config: Config) -> Path:
    return Path(os.path.normpath(home / config.run.worktrees.format(repo=home.name)))
