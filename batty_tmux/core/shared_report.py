"""What is read of a base that is a remote's: who waits for whom, what does not answer, whose branch is behind."""

from dataclasses import dataclass

from batty_tmux.core.checks import Finding
from batty_tmux.core.queue_state import Queue
from batty_tmux.names import Base, clean


@dataclass(frozen=True)
class SharedFacts:
    """How things stand between this clone and the remote, as it was fetched last.

    `own` commits of the branch here are not on the remote's, `lacks` are the other way round; `here` says that the
    checkout is on that branch. `turn` is the machine whose turn it is, "" for nobody's, and for our own.
    """

    base: Base
    own: int = 0
    lacks: int = 0
    here: bool = True
    turn: str = ""


@dataclass(frozen=True)
class RemoteFacts:
    """What doctor found: the remote's address, and what it said to a fetch, to a push that pushes nothing, if not yes.

    `turnless` is why it takes no turns. `lock` is the address of the Redis, `lockless` why that cannot be used.
    """

    shared: SharedFacts
    address: str | None
    fetch: str = ""
    push: str = ""
    turnless: str = ""
    lock: str = ""
    lockless: str = ""
    mend: str = ""
    """What brings the lock, where it is no more than a package that is missing."""


def shared_lines(facts: SharedFacts, queue: Queue) -> list[str]:
    """Return what wants to be read beside the phases, each with the command that helps; nothing where all is well."""
    told = []
    remote, lock = queue.troubles.get("remote"), queue.troubles.get("lock")
    if remote is not None:
        told.append(f"! {clean(remote.where)} cannot be reached: {clean(remote.reason, 300)}; what is queued stays")
        told.append("  ↳ next: batty land")
    if lock is not None:
        where, why = clean(lock.where), clean(lock.reason, 200)
        told.append(f"! the lock at {where} cannot be had: {why}; batty goes on, and machines may gate in vain")
    if facts.turn and queue.waiting:
        told.append(f"{clean(facts.turn, 60)} has the turn on {facts.base}: gates here wait for its landing")
    away = apart_words(facts)
    return [*told, f"! {away[0]}", f"  ↳ next: {away[1]}"] if away is not None else told


def apart_words(facts: SharedFacts) -> tuple[str, str] | None:
    """Say how the branch here differs from the remote's, and what brings them together."""
    base, name = facts.base, facts.base.name
    commits = "1 commit" if facts.own == 1 else f"{facts.own} commits"
    if facts.own and facts.lacks:
        what = f"{name} has {commits} that {base} has not, and lacks {facts.lacks}: batty does not see yours"
        return what, f"git pull --rebase {base.remote} {name} && git push {base.remote} {name}"
    if facts.own:
        are = "is" if facts.own == 1 else "are"
        return f"{commits} of {name} {are} not on {base}: batty does not see them", f"git push {base.remote} {name}"
    if facts.lacks:
        pull = "git pull --ff-only" if facts.here else f"git fetch {base.remote} {name}:{name}"
        return f"your {name} is behind {base}", pull
    return None


def findings(facts: RemoteFacts) -> tuple[Finding, ...]:
    """Judge what doctor found of the remote and of the lock."""
    base = facts.shared.base
    if facts.address is None:
        what = f"there is no remote {base.remote}, which queue.remote names"
        return (Finding("remote", "missing", what, f"git remote add {base.remote} URL"),)
    found = []
    if facts.fetch:
        found.append(Finding("remote", "missing", f"{facts.address}: {facts.fetch}", f"git fetch {base.remote}"))
    elif facts.push:
        what = f"{facts.address} can be read, and takes no push from here: {facts.push}"
        found.append(Finding("remote", "missing", what, f"git push --dry-run {base.remote} {base.name}"))
    else:
        found.append(Finding("remote", "ok", f"{base} at {facts.address}, read and written"))
    away = apart_words(facts.shared)
    if away is not None:
        found.append(Finding("branch", "note", *away))
    if facts.turnless:
        what = f"{base.remote} takes no refs for turns: {facts.turnless}. Machines land less fairly, nothing else"
        found.append(Finding("turns", "note", what))
    return (*found, *_lock(facts))


def _lock(facts: RemoteFacts) -> tuple[Finding, ...]:
    if not facts.lock:
        return ()
    if facts.lockless:
        what = f"{facts.lock}: {facts.lockless}. Machines may gate in vain, nothing else"
        return (Finding("lock", "note", what, facts.mend),)
    return (Finding("lock", "ok", f"{facts.lock} answers"),)
