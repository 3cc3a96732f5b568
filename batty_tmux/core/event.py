"""What every event of the journal has, and those of a whole run.

An event is named in the past tense, an intent ("launching", "landing") in the present: its outcome follows,
or whoever comes next finds out from git and tmux how far it got.
"""

from datetime import UTC, datetime

import msgspec

from batty_tmux.names import PhaseId, RunId


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """`at` and `seq` are given by the journal when the event is written."""

    run: RunId = RunId("")
    at: datetime = datetime.fromtimestamp(0, UTC)
    seq: int = 0


class PhaseEvent(Event, frozen=True, kw_only=True):
    phase: PhaseId


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    base: str
    parallel: int
    phases: tuple[PhaseId, ...] = ()
    agent: str = ""
    socket: str = ""


class RunStopped(Event, frozen=True, kw_only=True, tag="run-stopped"):
    """A person asked for it: executors ended, nothing new is launched until `work` or `resume`."""


class RunResumed(Event, frozen=True, kw_only=True, tag="run-resumed"):
    """`base` is set where the branch that phases land on has another name from here on."""

    base: str = ""
