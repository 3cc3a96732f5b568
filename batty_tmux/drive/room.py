"""Whether the disk has room for the worktrees that are to be made: sizes from git, what is free from the system."""

from batty_tmux.core.space import Judged, Need, Room, judge, taken
from batty_tmux.drive.dependencies import folder_of, kept
from batty_tmux.drive.project import Project
from batty_tmux.drive.provisions import provisions, size_of
from batty_tmux.errors import BattyError
from batty_tmux.host.copying import clones
from batty_tmux.host.machine import room


def need(project: Project, worktrees: int) -> Need:
    """Return what so many worktrees of the base's tip take. Dependencies count as far as the cache knows them."""
    sizes = project.place.git.sizes(f"refs/heads/{project.base}")
    found = provisions(project.place, project.base, project.config.run.provide)
    known = kept(folder_of(project)) if project.config.run.cache else ()
    newest = max(known, key=lambda each: each.used, default=None)
    shared = newest is not None and (project.config.run.cache_by == "hardlink" or clones(folder_of(project)))
    return Need(
        worktrees=worktrees,
        checkout=taken(sizes),
        files=len(sizes),
        provided=size_of(project.place.home, found),
        dependencies=newest.size if newest is not None else 0,
        shared=shared,
    )


def look(project: Project, worktrees: int) -> Judged:
    """Say whether so many worktrees fit."""
    return judge(need(project, worktrees), Room(*room(project.worktrees)))


def refuse_no_room(project: Project, worktrees: int) -> Judged:
    """Return the judgement. Raises BattyError `no-room` where they cannot fit."""
    judged = look(project, worktrees)
    if judged.verdict == "too-little":
        what = f"there is no room for {worktrees} more worktree{'s' if worktrees != 1 else ''} in {project.worktrees}"
        raise BattyError("no-room", what, evidence=(judged.says,), next="batty clean --cache")
    return judged
