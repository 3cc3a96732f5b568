"""Events to lines of the journal and back. No secret gets into a line: what events tell in words is redacted."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, get_origin

import msgspec
from msgspec.structs import fields

from batty_tmux.core import merge_queue, supervise
from batty_tmux.core.events import AnyEvent, Event
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.redaction import HURRY, redacted
from batty_tmux.host.journal import Journal
from batty_tmux.names import PhaseId

EXACT: Final = frozenset(
    [
        "run",
        "phase",
        "phases",
        "where",
        "on",
        "at",
        "seq",
        "socket",
        "branch",
        "worktree",
        "start",
        "tip",
        "base",
        "head",
        "commit",
        "tree",
        "candidate",
        "old",
        "new",
        "session",
        "window",
        "pane",
        "orchestrator",
        "server",
        "agent",
        "key",
        "via",
        "family",
        "decision",
        "tool",
        "kind",
        "gate",
        "environment",
        "hygiene",
        "log",
        "packet",
        "snapshot",
        "checkout",
        "claim",
        "remote",
        "undoes",
        "how",
        "state",
        "code",
        "by",
        "purpose",
        "verdict",
        "cause",
        "outcome",
        "menu",
        "whole",
        "flags",
        "paths",
        "dirty",
        "provided",
        "refs",
        "restored",
        "accept",
        "collisions",
        "until",
        "after",
        "boards",
        "added",
        "removed",
        "unreadable",
    ]
)
"""The fields that must stay to the letter: ids, refs, digests, paths, and words of batty's own. A field that is not
named here is words of somebody's, and is redacted."""

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


@dataclass
class Records:
    """The journal as events, read incrementally: `events` grows, it is never read twice."""

    journal: Journal
    events: list[AnyEvent] = field(default_factory=list)
    offset: int = 0
    unreadable: int = 0
    _watches: dict[PhaseId, Watch] = field(default_factory=dict, repr=False)
    _watched: int = field(default=0, repr=False)
    _queue: Queue = field(default_factory=Queue, repr=False)
    _queued: int = field(default=0, repr=False)

    @classmethod
    def at(cls, state: Path) -> "Records":
        records = cls(Journal(state / "journal.jsonl"))
        records.refresh()
        return records

    def refresh(self) -> list[AnyEvent]:
        """Read what others wrote since; return only that."""
        if self.journal.size() == self.offset:
            # asked each second by every supervisor, and nearly always so
            return []
        lines, self.offset = self.journal.read(self.offset)
        decoded = [decode(line) for line in lines]
        news = [event for event in decoded if event is not None]
        self.unreadable += len(decoded) - len(news)
        self.events.extend(news)
        return news

    def watch(self, phase: PhaseId) -> Watch:
        """Return the phase's watch; no event is folded twice, however often it is asked for."""
        for event in self.events[self._watched :]:
            of = getattr(event, "phase", None)
            if of is not None:
                self._watches[of] = supervise.apply(self._watches.get(of) or Watch(of), event)
        self._watched = len(self.events)
        return self._watches.get(phase) or Watch(phase)

    def queue(self) -> Queue:
        """Return the merge queue as the journal has it; no event is folded twice."""
        self._queue = merge_queue.fold(self.events[self._queued :], self._queue)
        self._queued = len(self.events)
        return self._queue

    def append(self, *events: AnyEvent) -> list[AnyEvent]:
        """Write events and read on up to them; return everything that is new, others' events too."""
        self.journal.append([encode(event) for event in events])
        return self.refresh()


def encode(event: Event) -> dict[str, object]:
    """Return the event's own fields, redacted; `at` and `seq` are the journal's to give."""
    record: dict[str, object] = msgspec.to_builtins(event)
    record.pop("at", None)
    record.pop("seq", None)
    for name in _told(type(event)):
        if name in record:
            record[name] = _redacted(record[name])
    return record


@cache
def _told(kind: type[Event]) -> tuple[str, ...]:
    """Return the names of the fields in which an event of this kind tells something in words."""
    return tuple(f.name for f in fields(kind) if f.name not in EXACT and (f.type is str or get_origin(f.type) is tuple))


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redacted(value, HURRY)
    return [_redacted(item) for item in value] if isinstance(value, list | tuple) else value


def decode(line: bytes) -> AnyEvent | None:
    """Return the event, or None for a line that this version cannot read.

    A newer batty's events, or a damaged disk's: `Records.unreadable` counts them and doctor shows the count.
    Nothing lands twice for a lost line, because landing asks git.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
