"""What happens to a phase that works on another host, as this machine sees it."""

from batty_tmux.core.event import PhaseEvent
from batty_tmux.names import Sha


class HostOpened(PhaseEvent, frozen=True, kw_only=True, tag="host-opened"):
    """Its window is open there; `worktree` and ids are those of the host. Another pane has an executor of its own."""

    worktree: str
    window: str
    pane: str
    server: str


class HostProved(PhaseEvent, frozen=True, kw_only=True, tag="host-proved"):
    """The contract holds there at this commit: what is left is to fetch it, and a review here."""

    head: Sha


class HostLost(PhaseEvent, frozen=True, kw_only=True, tag="host-lost"):
    """The host does not answer any more. `silent` is for how many seconds it had not when that was noticed."""

    reason: str
    silent: float = 0.0


class HostBack(PhaseEvent, frozen=True, kw_only=True, tag="host-back"):
    """The host answers again."""


class AttemptEnded(PhaseEvent, frozen=True, kw_only=True, tag="attempt-ended"):
    """What was left of an earlier launch on a host has ended there; `branch` is that launch's."""

    branch: str
