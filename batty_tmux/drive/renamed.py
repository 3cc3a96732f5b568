"""A base branch that is gone: it was renamed, or deleted, while phases were to land on it."""

import shlex

from batty_tmux.core.events import BaseMoved, Landed, Launching
from batty_tmux.drive.place import Place
from batty_tmux.errors import BattyError
from batty_tmux.names import Base, Sha


def no_base(place: Place, base: Base) -> BattyError:
    """Return the refusal that says what became of the base, and the command that goes on from there."""
    gone = base.name
    if base.remote:
        what = f"{base} has not been fetched, or {base.remote} has no branch {gone}"
        return BattyError("no-base", what, next=f"git fetch {base.remote} {shlex.quote(gone)}:{base.ref}")
    name = base_now(place, gone)
    what = f"the base branch {gone} does not exist"
    if name:
        told = (
            f"{name} holds what landed last; to have {gone} back: git branch {shlex.quote(gone)} {shlex.quote(name)}",
        )
        return BattyError("no-base", what, evidence=told, next=f"batty resume --base {shlex.quote(name)}")
    last = _tip_of_base(place)
    again = f"git branch {shlex.quote(gone)} {last}" if last is not None else "batty doctor"
    return BattyError("no-base", what, evidence=(f"it was at {last[:9]}",) if last is not None else (), next=again)


def base_now(place: Place, gone: str) -> str:
    """Return which branch the former base became: the one that git renamed it to, else one that holds its commits.

    "" where nothing tells.
    """
    rows = place.git.say("for-each-ref", "--format=%(refname)", "refs/heads/").splitlines()
    others = [row.removeprefix("refs/heads/") for row in rows if not row.startswith("refs/heads/batty/")]
    words = f"refs/heads/{gone} to refs/heads/"
    for name in others:
        log = place.git.run("log", "--walk-reflogs", "--format=%gs", "-n", "200", f"refs/heads/{name}", "--")
        if any(row.startswith("Branch: renamed") and f"{words}{name}" in row for row in log.stdout.splitlines()):
            return name
    last = _tip_of_base(place)
    held = (name for name in others if last is not None and place.git.is_ancestor(last, f"refs/heads/{name}"))
    return next(held, "")


def _tip_of_base(place: Place) -> Sha | None:
    """Return the newest commit that the journal says the base had, if it is still there."""
    for event in reversed(place.records.events):
        match event:
            case BaseMoved(new=sha) | Landed(candidate=sha) | Launching(start=sha):
                return sha if place.git.tip(sha) is not None else None
            case _:
                pass
    return None
