"""Give each phase a block of ports that no other phase of any repository on this machine has."""

import json
from contextlib import suppress
from pathlib import Path

from batty_tmux.core import ports
from batty_tmux.core.events import Launching
from batty_tmux.core.watch import Watch
from batty_tmux.drive.place import Place
from batty_tmux.drive.records import Records
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.files import read_text, write_atomically
from batty_tmux.host.lock import exclusive
from batty_tmux.host.ports import heard, registry
from batty_tmux.names import PhaseId

_PATIENCE = 5.0
"""Seconds for another repository's launch to choose; after that, what is claimed is looked at without a lock."""
_YOUNG = 600.0
"""Seconds in which a claim stands though its worktree is not made yet."""


def claim(place: Place, phase: PhaseId, worktree: Path) -> int:
    """Choose the phase's ports for a launch and say so to all repositories; return the first of them.

    A phase that has a claim keeps it. Where the user's folder cannot be written, only this repository's own phases
    and what listens are known.
    """
    owner = f"{place.state}\0{phase}"
    folder = registry()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / "lock", timeout=_PATIENCE):
            block = _choose(owner, {**_own(place, phase), **_claims(folder)})
            told = json.dumps({"owner": owner, "worktree": str(worktree)})
            write_atomically(folder / str(block), told)
    except (OSError, BattyError):
        block = _choose(owner, _own(place, phase))
    return ports.base_of(block)


def release(place: Place, phase: PhaseId) -> None:
    """Give a phase's ports back, whose worktree is gone."""
    folder = registry()
    owner = f"{place.state}\0{phase}"
    with suppress(OSError, BattyError), exclusive(folder / "lock", timeout=_PATIENCE):
        for block, claimed in _claims(folder).items():
            if claimed == owner:
                (folder / str(block)).unlink(missing_ok=True)


def base(watch: Watch, records: Records) -> int:
    """Return the first of a phase's ports: that of its launch, which it keeps over all starts of its executor."""
    if watch.launching is not None and watch.launching.ports:
        return watch.launching.ports
    # launched by a batty that gave them out in the order of the launches
    order = list(dict.fromkeys(e.phase for e in records.events if isinstance(e, Launching)))
    return ports.base_of((order.index(watch.phase) if watch.phase in order else 0) % ports.BLOCKS)


def taken(first: int) -> tuple[int, ...]:
    """Return those of a phase's ports on which something listens already."""
    return tuple(sorted(heard(ports.of(first))))


def _choose(owner: str, claims: dict[int, str]) -> int:
    kept = next((block for block, claimed in claims.items() if claimed == owner), None)
    if kept is not None:
        return kept
    known: frozenset[int] = frozenset()
    while True:
        block = ports.choose(owner, claims.keys(), known)
        found = heard(ports.of(ports.base_of(block)))
        if not found - known:
            return block
        known |= found


def _own(place: Place, phase: PhaseId) -> dict[int, str]:
    """Return the blocks of this repository's other phases whose worktrees are there."""
    newest = {e.phase: e for e in place.records.events if isinstance(e, Launching)}
    return {
        ports.block_of(event.ports): f"{place.state}\0{other}"
        for other, event in newest.items()
        if event.ports and other != phase and Path(event.worktree).exists()
    }


def _claims(folder: Path) -> dict[int, str]:
    """Return who claims which block. A claim whose worktree is gone is none."""
    found: dict[int, str] = {}
    for file in folder.iterdir():
        if not file.name.isdigit() or int(file.name) >= ports.BLOCKS:
            continue
        try:
            told = json.loads(read_text(file) or "")
            owner, worktree = str(told["owner"]), Path(str(told["worktree"]))
            if worktree.exists() or now().timestamp() - file.stat().st_mtime < _YOUNG:
                found[int(file.name)] = owner
        except (ValueError, KeyError, TypeError, OSError):
            continue
    return found
