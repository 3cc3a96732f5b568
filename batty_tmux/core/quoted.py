"""What others wrote, quoted for a model: each part within markers that it cannot contain, the whole within bounds."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

LIMIT: Final = 40_000
"""Characters of a whole message; some ten thousand tokens."""
LEAST: Final = 4_000
"""A limit below this is taken for this."""

_LEFT_OUT: Final = "[{} characters left out here]"
_MARK: Final = len(_LEFT_OUT) + 20


@dataclass(frozen=True)
class Part:
    """One piece of data. `keep` is which end of it matters where not all of it has room."""

    name: str
    text: str
    keep: Literal["head", "tail", "ends"]


def written(head: Sequence[str], context: Sequence[Part], subject: Sequence[Part], limit: int = LIMIT) -> str:
    """Return the message: a marker, the lines of `head`, which must be harmless, then context and subject, quoted.

    Never longer than `limit`; what is cut is marked. The subject has room before the context has; within each, the
    long parts give way to the short ones. Empty parts are left out.
    """
    first = [part for part in subject if part.text.strip()]
    others = [part for part in context if part.text.strip()]
    present = [*others, *first]
    room = max(limit, LEAST) - len(_blocks(head, [replace(part, text="") for part in present]))
    given = _given(first, room * 3 // 4)
    spent = sum(len(text) for text in given.values())
    given |= _given(others, room - spent)
    return _blocks(head, [replace(part, text=given[part.name]) for part in present])


def _given(parts: Sequence[Part], room: int) -> dict[str, str]:
    shares = _shares([len(part.text) for part in parts], max(0, room))
    return {part.name: visible(_cut(part, share)) for part, share in zip(parts, shares, strict=True)}


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """Divide the room: who needs less than an equal part leaves the rest of it to the others."""
    shares, left = [0] * len(sizes), room
    for rank, at in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[at] = min(sizes[at], left // (len(sizes) - rank))
        left -= shares[at]
    return shares


def _cut(part: Part, room: int) -> str:
    """Return the text within its room. Cut before it is cleaned, so that a huge one costs no more than a large one."""
    text, over = part.text, len(part.text) - room
    if over <= 0:
        return text
    kept = max(0, room - _MARK)
    mark = _LEFT_OUT.format(len(text) - kept)[:room]
    match part.keep:
        case "head":
            return f"{text[:kept]}{mark}"
        case "tail":
            return f"{mark}{text[len(text) - kept :]}"
        case "ends":
            return f"{text[: kept - kept // 2]}{mark}{text[len(text) - kept // 2 :]}"


def visible(text: str) -> str:
    """Drop what a person would not see: a model reads it all the same."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})


def _blocks(head: Sequence[str], parts: Sequence[Part]) -> str:
    marker = _marker(parts)
    blocks = [f"{marker} begin {part.name}\n{part.text}\n{marker} end" for part in parts]
    return "\n\n".join(("\n".join((marker, "", *head)), *blocks)) + "\n"


def _marker(parts: Sequence[Part]) -> str:
    """Return a word that is nowhere in the parts: to write it, one would have to know the digest of what holds it."""
    told = "\0".join(part.text for part in parts)
    marker = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    while marker in told:
        marker = hashlib.sha256(marker.encode()).hexdigest()[:24]
    return marker
