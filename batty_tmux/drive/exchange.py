"""The remote whose branch is the base: what it has is fetched, what lands is pushed. It alone decides what lands.

A push says which commit it expects there, and the remote compares and swaps: so no machine needs to be trusted, no
lock to be held, and a branch that was moved back is noticed, which a push that only must go forward would undo.
"""

from batty_tmux.core.events import Landing, Reachable, Unreachable
from batty_tmux.drive.checkout import Blocked
from batty_tmux.drive.ground import Ground
from batty_tmux.drive.place import Place
from batty_tmux.errors import BattyError
from batty_tmux.host import remote
from batty_tmux.host.lock import Held
from batty_tmux.host.process import Done
from batty_tmux.names import Base


def fetch(place: Place, base: Base) -> None:
    """Bring what the remote has. Raises BattyError `remote-unreachable`, and journals that, where it cannot be had."""
    done = remote.fetch(place.git, base)
    if not done.ok:
        raise unreachable(place, base, done)
    told = place.records.queue().troubles
    if "remote" in told:
        place.records.append(Reachable(what="remote"))


def freshen(place: Place, base: Base) -> None:
    """Fetch, before phases start from there. Where that cannot be, they start from what was fetched last."""
    remote.fetch(place.git, base)


def unreachable(place: Place, base: Base, done: Done) -> BattyError:
    """Journal that the remote cannot be reached, and return the refusal that says so."""
    words = remote.words_of(done)
    where = remote.address(place.git, base.remote)
    # each time, so that it is known when it was last tried
    place.records.append(Unreachable(what="remote", where=where or base.remote, reason="; ".join(words[-2:])))
    if where is None:
        what = f"there is no remote {base.remote}, whose {base.name} phases are to land on"
        return BattyError("remote-unreachable", what, evidence=words, next=f"git remote add {base.remote} URL")
    what = f"{base.remote} ({where}) cannot be reached, so nothing lands; what is queued stays"
    return BattyError("remote-unreachable", what, evidence=words, next="batty land")


def deliver(ground: Ground, landing: Landing, _: Held) -> Blocked | None:
    """Push a landing's candidate over exactly its base, and learn what is there then; return what the remote said.

    None says that it took it. A push that broke off is done a second time: the first may have arrived or not.
    """
    git, base = ground.place.git, ground.base
    if not git.is_ancestor(landing.base, landing.candidate):
        # the remote would take it, since what it expects is all that it is told
        return Blocked(f"{landing.candidate[:9]} does not descend from {landing.base[:9]}", ())
    for last in (False, True):
        pushed = remote.push(git, base, landing.candidate, landing.base)
        if pushed.verdict == "done":
            _note(ground, landing)
            return None
        fetch(ground.place, base)
        if pushed.verdict != "unknown" or last or git.tip(base.ref) != landing.base:
            break
    said = " ".join(pushed.words)
    return Blocked(f"{base.remote} did not take it: {said or 'it did not say why'}", ())


def _note(ground: Ground, landing: Landing) -> None:
    """Have the fetched branch where the push has put it; git does that itself only where the user fetches all."""
    git, ref = ground.place.git, ground.ref
    if not git.is_ancestor(landing.candidate, ref):
        git.move_refs([(ref, landing.candidate, landing.base)], f"batty: land {landing.phase}")
