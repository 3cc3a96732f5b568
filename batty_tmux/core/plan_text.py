"""The plan as text: phases top down, each with a line to all that waits for it. And as Mermaid, which others draw.

Every phase that something waits for has a lane, which begins at it and ends at the last of those:

    ╭───── phase-1
    ├─┬─── phase-2, after phase-1
    ╰─│─┬─ phase-3, after phase-1
      ╰─┴─ phase-4, after phase-2 and phase-3
"""

from collections.abc import Mapping, Sequence
from typing import Final

from batty_tmux.core.graph import Node, cut, edges, ordered, width
from batty_tmux.names import clean

_WIDEST: Final = 12
"""Lanes that fit beside the words on a narrow terminal; a plan with more is told by words alone."""
_JOINS: Final[Mapping[tuple[bool, bool, bool], str]] = {
    (True, True, False): "├",
    (True, True, True): "┼",
    (True, False, False): "╰",
    (True, False, True): "┴",
    (False, True, False): "╭",
    (False, True, True): "┬",
}
"""A lane where it meets its row: by whether it comes from above, goes on below, and has a lane to its left there."""


def drawn(nodes: Sequence[Node], columns: int) -> list[str]:
    """Return the plan in rows of so many columns at most, one a phase."""
    rows = ordered(nodes)
    gutters = _lanes(rows, edges(nodes))
    names = max((width(node.id) for node in rows), default=0)
    counts = max((len(_count(node)) for node in rows), default=0)
    lines = []
    for node, gutter in zip(rows, gutters, strict=True):
        head = f"{gutter}{node.glyph} {node.id:<{names}}  {_count(node):<{counts}}  {clean(node.told, 300)}"
        title = clean(node.title, 120)
        lines.append(cut(f"{head}  {title}" if title != node.id else head, columns))
    return lines


def _count(node: Node) -> str:
    return f"{node.done}/{node.total}"


def _lanes(rows: Sequence[Node], before: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the lines beside each row, up to its words; nothing at all where no phase waits, or too many do."""
    last = {other: row.id for row in rows for other in before[row.id]}
    lanes: list[str | None] = []
    drawn_rows = []
    for row in rows:
        above = list(lanes)
        own = _own(lanes, above) if row.id in last else None
        if own is not None:
            lanes[own] = row.id
        joined = {column for column, source in enumerate(above) if source is not None and source in before[row.id]}
        for column in joined:
            if last[above[column] or ""] == row.id:
                lanes[column] = None
        drawn_rows.append(_row(above, lanes, joined | ({own} if own is not None else set())))
    if not last or len(lanes) > _WIDEST:
        return ["" for _ in rows]
    most = 2 * len(lanes)
    return [row + ("─" if row.strip(" │") else " ") * (most - len(row)) + " " for row in drawn_rows]


def _own(lanes: list[str | None], above: list[str | None]) -> int:
    """Give a row a lane of its own: one that was free above it, so that none seems to go through it."""
    free = next((column for column, source in enumerate(above) if source is None), None)
    if free is None:
        lanes.append(None)
        above.append(None)
        return len(lanes) - 1
    return free


def _row(above: Sequence[str | None], below: Sequence[str | None], joined: set[int]) -> str:
    first = min(joined, default=len(below))
    out = ""
    for column, (up, down) in enumerate(zip(above, below, strict=True)):
        if column in joined:
            out += _JOINS[up is not None, down is not None, column > first] + "─"
        elif up is not None:
            # a line of others: what passes here does not meet it
            out += "│" + ("─" if column > first else " ")
        else:
            out += "──" if column > first else "  "
    return out


def mermaid(nodes: Sequence[Node]) -> str:
    """Return the plan as a Mermaid flowchart, as GitHub draws it in a block of that name."""
    number = {node.id: f"n{place}" for place, node in enumerate(nodes, 1)}
    lines = ["flowchart LR"]
    for node in nodes:
        title = f": {clean(node.title, 80)}" if node.title != node.id else ""
        lines.append(f'  {number[node.id]}["{_label(f"{node.glyph} {node.id}{title} ({node.done}/{node.total})")}"]')
    for node in nodes:
        lines += [f"  {number[other]} --> {number[node.id]}" for other in node.after if other in number]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    """Write a label so that nothing in it is Markdown, HTML or Mermaid's own, by Mermaid's codes of characters."""
    return "".join(c if c.isalnum() or c in " .,:/()-" else f"#{ord(c)};" for c in text)
