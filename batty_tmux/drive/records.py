"""Events to lines of the journal and back."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from batty_tmux.core.events import AnyEvent, Event
from batty_tmux.host.journal import Journal

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


@dataclass
class Records:
    """The journal as events, read incrementally: `events` grows, it is never read twice."""

    journal: Journal
    events: list[AnyEvent] = field(default_factory=list)
    offset: int = 0
    unreadable: int = 0

    @classmethod
    def at(cls, state: Path) -> "Records":
        records = cls(Journal(state / "journal.jsonl"))
        records.refresh()
        return records

    def refresh(self) -> list[AnyEvent]:
        """Read what others wrote since; return only that."""
        lines, self.offset = self.journal.read(self.offset)
        decoded = [decode(line) for line in lines]
        news = [event for event in decoded if event is not None]
        self.unreadable += len(decoded) - len(news)
        self.events.extend(news)
        return news

    def append(self, *events: AnyEvent) -> list[AnyEvent]:
        """Write events and read on up to them; return everything that is new, others' events too."""
        self.journal.append([encode(event) for event in events])
        return self.refresh()


def encode(event: Event) -> dict[str, object]:
    """Return the event's own fields; `at` and `seq` are the journal's to give."""
    record: dict[str, object] = msgspec.to_builtins(event)
    record.pop("at", None)
    record.pop("seq", None)
    return record


def decode(line: bytes) -> AnyEvent | None:
    """Return the event, or None for a line that this version cannot read.

    A newer batty's events, or a damaged disk's: `Records.unreadable` counts them and doctor shows the count.
    Nothing lands twice for a lost line, because landing asks git.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
