"""One of each event that the journal can hold, its texts as given."""

from datetime import UTC, datetime
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec

from batty_tmux.core.events import AnyEvent, Event
from batty_tmux.names import PhaseId

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
TYPES: tuple[type[Event], ...] = get_args(AnyEvent)


def one_of_each(text: str) -> tuple[AnyEvent, ...]:
    """Return an event of every type in which every field is given and no text is anything but `text`.

    The phase is `phase-1` throughout: such names are proved before they get into an event.
    """
    return tuple(_made(kind, text) for kind in TYPES)


def _made(kind: type[Event], text: str) -> AnyEvent:
    given: dict[str, Any] = {field.name: _value(field.type, text) for field in msgspec.structs.fields(kind)}
    given |= {"at": AT, "seq": 7}
    if "phase" in given:
        given["phase"] = PhaseId("phase-1")
    return kind(**given)  # type: ignore[return-value]


def _value(kind: Any, text: str) -> object:
    kind = getattr(kind, "__supertype__", kind)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is tuple:
        return (_value(get_args(kind)[0], text),) * 2
    if isinstance(kind, UnionType):
        return _value(get_args(kind)[0], text)
    if issubclass(kind, msgspec.Struct):
        return kind(**{field.name: _value(field.type, text) for field in msgspec.structs.fields(kind)})
    values = {str: text, int: 3, float: 1.5, bool: True, datetime: AT}
    return values[kind]
