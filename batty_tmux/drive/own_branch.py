"""The user's own branch, where the base is a remote's: it is taken along when nothing at all is in the way.

Nothing waits for that. A branch that has commits of the user's, or a checkout with files in the way, is left as it is,
to the byte; `batty status` says what brings it up to date. What was begun is in the journal, so that a fast-forward
that was killed half-way is taken back or finished by whoever comes next.
"""

from dataclasses import dataclass
from pathlib import Path

from batty_tmux.core.events import Followed, Following, Landing
from batty_tmux.drive.checkout import Blocked, advance, holder, mend, obstacle
from batty_tmux.drive.ground import Ground
from batty_tmux.host.lock import Held
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Base, PhaseId


@dataclass(frozen=True)
class Apart:
    """How many commits the branch here has that the remote's has not, and how many it lacks."""

    own: int
    lacks: int


def apart(git: Git, base: Base) -> Apart | None:
    """Compare the branch here with the remote's as it was fetched; None where one of them is not there."""
    local = Base(base.name).ref
    done = git.run("rev-list", "--left-right", "--count", f"{local}...{base.ref}", "--")
    told = done.stdout.split()
    return Apart(int(told[0]), int(told[1])) if done.ok and len(told) == 2 else None  # noqa: PLR2004


def follow(ground: Ground, held: Held) -> None:
    """Take the user's branch and its checkout along to where the base is, as far as that takes nothing from anybody."""
    base, git, records = ground.base, ground.place.git, ground.place.records
    local = Base(base.name).ref
    begun = records.queue().following
    if begun is not None:
        _finish(ground, begun, held)
    old, new = git.tip(local), git.tip(base.ref)
    if old is None or new in {None, old, records.queue().behind} or not git.is_ancestor(old, new):
        return
    kept_by = holder(git, base.name)
    if kept_by is not None and obstacle(ground.place.checkout(kept_by.folder), old, new, kept_by.operation):
        return
    event = Following(base=old, candidate=new, checkout=str(kept_by.folder) if kept_by else "")
    records.append(event)
    refused = _move(ground, event, kept_by.folder if kept_by else None, held)
    records.append(Followed(candidate=new, reason=refused.reason if refused else ""))


def _move(ground: Ground, event: Following, folder: Path | None, held: Held) -> Blocked | None:
    git, base = ground.place.git, ground.base
    if folder is None:
        done = git.move_refs([(Base(base.name).ref, event.candidate, event.base)], f"batty: follow {base}")
        return None if done.ok else Blocked(f"git could not move {base.name}", ())
    there = ground.place.checkout(folder)
    refused = advance(there, base.name, _as_landing(event), held)
    if refused is not None:
        mend(there, base.name, _as_landing(event), held)
    return refused


def _finish(ground: Ground, begun: Following, held: Held) -> None:
    """Take back what was written of a fast-forward that was killed, where that is proved to be ours, or leave it."""
    folder = Path(begun.checkout)
    blocked = None
    if begun.checkout and folder.exists():
        blocked = mend(ground.place.checkout(folder), ground.base.name, _as_landing(begun), held)
    if blocked is None:
        # with no reason: it is begun anew
        ground.place.records.append(Followed(candidate=begun.candidate))


def _as_landing(event: Following) -> Landing:
    # what fast-forwards and mends a checkout asks a landing only whence and whither
    return Landing(phase=PhaseId(""), base=event.base, candidate=event.candidate, checkout=event.checkout)
