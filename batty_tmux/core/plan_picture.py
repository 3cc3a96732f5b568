"""The plan as a picture: an SVG file that needs nothing else, light or dark as its reader is, and told in words too."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from batty_tmux.core.graph import Node, cut, edges, levels, ordered
from batty_tmux.names import clean

_BOX_WIDE, _BOX_HIGH = 216, 74
_ACROSS, _DOWN = 64, 22
"""Pixels between two levels, and between two boxes of one."""
_MARGIN, _HEAD = 28, 64
_SWEEPS: Final = 6
_ALONE: Final = 4
"""Boxes beside each other of phases that wait for nothing and that nothing waits for."""
_TITLE: Final = 28
_TOLD: Final = 31

_STYLE: Final = """
svg{--paper:#fff;--box:#fff;--line:#d0d7de;--edge:#8c959f;--ink:#1f2328;--soft:#59636e;
--works:#0969da;--waits:#9a6700;--fails:#cf222e;--done:#1a7f37}
@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--box:#151b23;--line:#3d444d;--edge:#656c76;--ink:#f0f6fc;
--soft:#9198a1;--works:#4493f8;--waits:#d29922;--fails:#f85149;--done:#3fb950}}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--ink)}
.h{font-size:17px;font-weight:600}.s{font-size:12px;fill:var(--soft)}
.n{font-size:14px;font-weight:600}.t{font-size:12px;fill:var(--soft)}
.g,.w{font-size:12px;fill:var(--c)}.c{font-size:12px;fill:var(--soft);text-anchor:end}
.b{fill:var(--box);stroke:var(--line)}.e{fill:none;stroke:var(--edge);stroke-width:1.4}.a{fill:var(--edge)}
.r{fill:var(--line)}.d{fill:var(--c)}
.calm{--c:var(--soft)}.works{--c:var(--works)}.waits{--c:var(--waits)}.fails{--c:var(--fails)}.done{--c:var(--done)}
"""


_Id = str | tuple[str, str, int]


@dataclass
class _Spot:
    """A place on a level: of a box, or of a line that goes past it (whose id is a pair)."""

    id: _Id
    level: int
    y: float = 0.0

    @property
    def high(self) -> float:
        return _BOX_HIGH if isinstance(self.id, str) else 0.0


def picture(nodes: Sequence[Node], heading: str, told: str) -> str:
    """Return the SVG: phases from left to right in the order of their dependencies, those without any at the foot."""
    before = edges(nodes)
    joined = {node.id for node in nodes if before[node.id]} | {other for names in before.values() for other in names}
    spots, ways = _placed([node for node in nodes if node.id in joined], before)
    boxes: dict[_Id, tuple[float, float]] = {
        spot.id: (_x(spot.level), spot.y) for spot in spots if isinstance(spot.id, str)
    }
    foot = max((spot.y + spot.high + 2 * _DOWN for spot in spots), default=float(_HEAD))
    alone = [node for node in nodes if node.id not in joined]
    columns = max(min(_ALONE, len(alone)), max((spot.level + 1 for spot in spots), default=1))
    for place, node in enumerate(alone):
        row, column = divmod(place, columns)
        boxes[node.id] = (_x(column), foot + row * (_BOX_HIGH + _DOWN))
    wide = max((x + _BOX_WIDE for x, _ in boxes.values()), default=400.0) + _MARGIN
    high = max((y + _BOX_HIGH for _, y in boxes.values()), default=float(_HEAD)) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" '
        f'height="{high:.0f}" role="img" aria-labelledby="batty-title batty-desc">',
        f'<title id="batty-title">{_text(heading, 200)}</title>',
        f'<desc id="batty-desc">{_described(nodes, told)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{wide:.0f}" height="{high:.0f}" style="fill:var(--paper)"/>',
        f'<text class="h" x="{_MARGIN}" y="32">{_text(heading, int(wide / 10))}</text>',
        f'<text class="s" x="{_MARGIN}" y="50">{_text(told, int(wide / 7))}</text>',
        '<defs><marker id="batty-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="a" d="M0 .8 7.5 4 0 7.2z"/></marker></defs>',
        *(_line(way, boxes) for way in ways),
        *(_box(node, *boxes[node.id]) for node in ordered(nodes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(level: int) -> float:
    return _MARGIN + level * (_BOX_WIDE + _ACROSS)


def _placed(nodes: Sequence[Node], before: Mapping[str, Sequence[str]]) -> tuple[list[_Spot], list[list[_Spot]]]:
    """Give each box and each passing line its place, so that lines are short and cross little."""
    level = levels(nodes)
    spots: dict[_Id, _Spot] = {node.id: _Spot(node.id, level[node.id]) for node in ordered(nodes)}
    ways: list[list[_Spot]] = []
    for node in nodes:
        for other in before[node.id]:
            between = [_Spot((other, node.id, at), at) for at in range(level[other] + 1, level[node.id])]
            spots.update({spot.id: spot for spot in between})
            ways.append([spots[other], *between, spots[node.id]])
    near: dict[_Id, list[_Spot]] = {name: [] for name in spots}
    for way in ways:
        for left, right in pairwise(way):
            near[left.id].append(right)
            near[right.id].append(left)
    columns = [[s for s in spots.values() if s.level == at] for at in range(max(level.values(), default=-1) + 1)]
    for column in columns:
        _stack(column, None)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {spot.id: _middle(spot, near[spot.id]) for spot in column}
            column.sort(key=lambda spot: wanted[spot.id])
            _stack(column, wanted)
    top = min((spot.y for spot in spots.values()), default=0.0)
    for spot in spots.values():
        spot.y += _HEAD + 12 - top
    return list(spots.values()), ways


def _middle(spot: _Spot, near: Sequence[_Spot]) -> float:
    """Return where the middle of a spot would like to be: amid what it is joined to."""
    if not near:
        return spot.y + spot.high / 2
    return sum(other.y + other.high / 2 for other in near) / len(near)


def _stack(column: Sequence[_Spot], wanted: Mapping[_Id, float] | None) -> None:
    """Put the spots of a level below each other in their order, each as near to where it would like to be as fits."""
    least = 0.0
    for place, spot in enumerate(column):
        here = (wanted[spot.id] - spot.high / 2) if wanted is not None else least
        spot.y = here if place == 0 and wanted is not None else max(here, least)
        least = spot.y + spot.high + _DOWN
    if wanted is None or not column:
        return
    # pushed down only, all would sink: take back as much as they are too low on the whole
    off = sum(spot.y + spot.high / 2 - wanted[spot.id] for spot in column) / len(column)
    for spot in column:
        spot.y -= off


def _line(way: Sequence[_Spot], boxes: Mapping[_Id, tuple[float, float]]) -> str:
    x, y = boxes[way[0].id]
    x, y = x + _BOX_WIDE, y + _BOX_HIGH / 2
    path = f"M{x:.0f} {y:.1f}"
    for spot in way[1:]:
        to_x, to_y = _x(spot.level), spot.y + spot.high / 2
        bend = _ACROSS / 2
        path += f"C{x + bend:.0f} {y:.1f} {to_x - bend:.0f} {to_y:.1f} {to_x:.0f} {to_y:.1f}"
        x, y = to_x, to_y
        if spot is not way[-1]:
            x += _BOX_WIDE
            path += f"H{x:.0f}"
    return f'<path class="e" d="{path}" marker-end="url(#batty-end)"/>'


def _box(node: Node, x: float, y: float) -> str:
    inner = _BOX_WIDE - 28
    share = min(1.0, node.done / node.total) if node.total else 0.0
    title = node.title if node.title != node.id else ""
    rows = [
        f'<g class="{node.tone}" transform="translate({x:.0f} {y:.1f})"><title>{_spoken(node)}</title>',
        f'<rect class="b" width="{_BOX_WIDE}" height="{_BOX_HIGH}" rx="8"/>',
        f'<text class="n" x="14" y="22">{_text(node.id, _TITLE - 4)}</text>',
        f'<text class="c" x="{_BOX_WIDE - 14}" y="22">{node.done}/{node.total}</text>',
        f'<text class="t" x="14" y="39">{_text(title, _TITLE)}</text>',
        f'<text class="w" x="14" y="56">{_text(f"{node.glyph} {node.told}", _TOLD)}</text>',
        f'<rect class="r" x="14" y="64" width="{inner}" height="3" rx="1.5"/>',
    ]
    if share:
        rows.append(f'<rect class="d" x="14" y="64" width="{inner * share:.0f}" height="3" rx="1.5"/>')
    return "".join(rows) + "</g>"


def _described(nodes: Sequence[Node], told: str) -> str:
    return ". ".join([_text(told, 300), *(_spoken(node) for node in ordered(nodes))])


def _spoken(node: Node) -> str:
    after = f", after {', '.join(node.after)}" if node.after else ""
    title = f" ({clean(node.title, 120)})" if node.title != node.id else ""
    return _text(f"{node.id}{title}: {node.told}, {node.done} of {node.total} tasks done{after}", 600)


def _text(text: str, columns: int) -> str:
    """Write text for XML: nothing in it is markup, nor a character that no XML file may hold."""
    shown = "".join(c for c in clean(text, 1000) if c.isprintable() and c not in "\ufffe\uffff")
    return html.escape(cut(shown, columns))
