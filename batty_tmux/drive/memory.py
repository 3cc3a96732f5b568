"""Resolutions of conflicts that git remembers (rerere), for batty's own worktrees only.

Git keeps them in one folder of the repository, and that this folder exists switches rerere on for everybody in
it. So batty's lives with its state and is lent to git for the moment of a merge; a user who has rerere on
already shares theirs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batty_tmux.drive.place import Place
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git

ON = "rerere.enabled=true"
_MARK = "this-is-batty-s"


@contextmanager
def remembered(place: Place) -> Iterator[None]:
    """For the block, let git find what it remembers. Killed in between, the next one takes the folder back."""
    shown, own = Path(place.git.say("rev-parse", "--path-format=absolute", "--git-path", "rr-cache")), _own(place)
    with exclusive(place.state / "worktrees.lock"):
        _take_back(shown, own)
        lent = not shown.exists() and not _is_on(place.git)
        if lent:
            own.mkdir(exist_ok=True)
            (own / _MARK).touch()
            own.rename(shown)
        try:
            yield
        finally:
            _take_back(shown, own)


def _own(place: Place) -> Path:
    return place.state / "rr-cache"


def _take_back(shown: Path, own: Path) -> None:
    if (shown / _MARK).exists() and not own.exists():
        shown.rename(own)


def _is_on(git: Git) -> bool:
    # the last one is this call's own; before it stands what the user has
    *theirs, _ = git.run("config", "--type=bool", "--get-all", "rerere.enabled").stdout.split() or ("",)
    return theirs[-1:] == ["true"]
