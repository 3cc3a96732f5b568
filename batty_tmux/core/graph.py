"""Phases as a graph: what is drawn, in which order, and on which level. A cycle is cut where it closes."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """One phase as it is drawn. `told` is its state and what it waits for; `after` may name what is not drawn.

    `tone` is the colour of its state, a word of `core/report.py`.
    """

    id: str
    title: str
    state: str
    glyph: str
    told: str
    done: int = 0
    total: int = 0
    after: tuple[str, ...] = ()
    tone: str = "calm"


def edges(nodes: Sequence[Node]) -> dict[str, tuple[str, ...]]:
    """Return for each node which others are drawn before it: without those that do not exist, and without cycles.

    Of a cycle the dependency is left out that leads back, seen from the first of its nodes.
    """
    named = {node.id: node for node in nodes}
    kept: dict[str, tuple[str, ...]] = {}
    for start in nodes:
        # by hand: a chain of boards may be longer than Python's stack
        path: list[tuple[str, list[str], list[str]]] = []
        if start.id not in kept:
            path.append((start.id, [other for other in start.after if other in named], []))
        while path:
            name, left, found = path[-1]
            if not left:
                kept[name] = tuple(dict.fromkeys(found))
                path.pop()
                continue
            other = left.pop(0)
            if any(other == above for above, _, _ in path):
                continue
            found.append(other)
            if other not in kept:
                path.append((other, [one for one in named[other].after if one in named], []))
    return kept


def ordered(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes so that each comes after all it waits for, else in the order given."""
    before = edges(nodes)
    left, out, placed = list(nodes), [], set[str]()
    while left:
        node = next(one for one in left if placed.issuperset(before[one.id]))
        left.remove(node)
        placed.add(node.id)
        out.append(node)
    return tuple(out)


def levels(nodes: Sequence[Node]) -> dict[str, int]:
    """Return how many dependencies lie before each node, on the longest way."""
    before = edges(nodes)
    found: dict[str, int] = {}
    for node in ordered(nodes):
        found[node.id] = max((found[other] + 1 for other in before[node.id]), default=0)
    return found


def width(text: str) -> int:
    """Return how many columns a terminal needs for a text."""
    return sum(map(_columns, text))


def cut(text: str, columns: int) -> str:
    """Return the text, or as much of it as fits with a sign that there is more."""
    if width(text) <= columns:
        return text
    room, kept = columns - 1, ""
    for c in text:
        room -= _columns(c)
        if room < 0:
            break
        kept += c
    return f"{kept}…" if columns > 0 else ""


def _columns(c: str) -> int:
    if unicodedata.category(c) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1
