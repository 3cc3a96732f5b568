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
    """`where` is the host that it happened on, "" for this machine; `there` its `seq` in the journal it came from.

    By that what comes twice is known: events of a host here, and what was decided here in the host's own journal.
    """

    phase: PhaseId
    where: str = ""
    there: int = 0


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    """`after` are pairs: in this run the first phase waits until the second has landed, whatever its board says.

    A pair without a second takes back what was said of the first before.
    Between `opens` and `until` phases are launched; None is no bound. `boards` are the phases that the base had,
    `unreadable` the files of theirs that could not be read, each with its line.
    `hosted` says that the phases are another machine's, which reviews and lands them: here they only become ready for
    that. `on` are phases with the host that a person wants each on.
    """

    base: str
    parallel: int
    phases: tuple[PhaseId, ...] = ()
    agent: str = ""
    socket: str = ""
    after: tuple[tuple[PhaseId, PhaseId], ...] = ()
    opens: datetime | None = None
    until: datetime | None = None
    boards: tuple[PhaseId, ...] = ()
    unreadable: tuple[str, ...] = ()
    hosted: bool = False
    on: tuple[tuple[PhaseId, str], ...] = ()


class BoardsChanged(Event, frozen=True, kw_only=True, tag="boards-changed"):
    """A commit on the base brought or took phases while a run was on, or made files of a board unreadable.

    `boards` and `unreadable` are all that there are now.
    """

    boards: tuple[PhaseId, ...] = ()
    added: tuple[PhaseId, ...] = ()
    removed: tuple[PhaseId, ...] = ()
    unreadable: tuple[str, ...] = ()


class RunStopped(Event, frozen=True, kw_only=True, tag="run-stopped"):
    """A person asked for it: executors ended, nothing new is launched until `work` or `resume`."""


class RunResumed(Event, frozen=True, kw_only=True, tag="run-resumed"):
    """`base` is set where the branch that phases land on has another name from here on."""

    base: str = ""
