"""How things stand between this clone and the remote whose branch is the base: for status, queue and doctor."""

from pathlib import Path

from batty_tmux.config_tables import Config
from batty_tmux.core.shared_report import RemoteFacts, SharedFacts, shared_lines
from batty_tmux.drive.courtesy import machine_name, whose
from batty_tmux.drive.own_branch import apart
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host import remote
from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done
from batty_tmux.host.shared_lock import NoLockError, SharedLock
from batty_tmux.names import Base

_PATIENCE = 20.0
"""Seconds for a remote to answer doctor."""


def lines(project: Project) -> tuple[str, ...]:
    """Return what a person is to read of the remote; nothing where the base is a branch here."""
    if not project.base.remote:
        return ()
    return tuple(shared_lines(_facts(project.place, project.base), project.place.records.queue()))


def survey(repo: Path, base: Base, config: Config) -> RemoteFacts:
    """Ask remote and Redis, for doctor. Fetches, and changes nothing else."""
    place, git = Place.around(repo), Git(repo)
    address = remote.address(git, base.remote)
    if address is None:
        return RemoteFacts(SharedFacts(base), None)
    fetched = remote.fetch(git, base, _PATIENCE)
    pushed = remote.may_push(git, base, _PATIENCE) if fetched.ok else fetched
    told = place.records.queue().turnless
    lockless, mend = _lockless(config.queue.lock)
    return RemoteFacts(
        shared=_facts(place, base),
        address=address,
        fetch=_said(fetched),
        push=_said(pushed),
        turnless=told.reason if told is not None and told.remote == base.remote else "",
        lock=remote.plain(config.queue.lock),
        lockless=lockless,
        mend=mend,
    )


def _facts(place: Place, base: Base) -> SharedFacts:
    git = place.git
    away = apart(git, base)
    found = remote.seen_turn(git, base)
    turn = whose(found[1]) if found is not None else ""
    return SharedFacts(
        base=base,
        own=away.own if away else 0,
        lacks=away.lacks if away else 0,
        here=git.head_branch() == base.name,
        turn=turn if turn != machine_name(place) else "",
    )


def _said(done: Done) -> str:
    return "" if done.ok else "; ".join(remote.words_of(done)[-2:]) or "it did not say why"


def _lockless(url: str) -> tuple[str, str]:
    if not url:
        return "", ""
    lock = SharedLock(url, "doctor")
    try:
        lock.ping()
    except NoLockError as problem:
        return str(problem), ""
    except BattyError as problem:
        return problem.what, problem.next
    finally:
        lock.close()
    return "", ""
