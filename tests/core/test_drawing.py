"""The plan as text, as Mermaid and as a picture."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.graph import Node, cut, edges, levels, ordered, width
from batty_tmux.core.plan_picture import picture
from batty_tmux.core.plan_text import drawn, mermaid
from tests.support.hostile import TITLES

SVG = "{http://www.w3.org/2000/svg}"


def node(name: str, *after: str, title: str = "", told: str = "can start", state: str = "ready") -> Node:
    return Node(name, title or name, state, "·", told, 1, 2, after)


def test_each_line_leads_from_a_phase_to_all_that_wait_for_it() -> None:
    """A lane begins at its phase and ends at the last that waits; what only passes is not met."""
    nodes = [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c"), node("e"), node("f", "a", "d")]
    assert drawn(nodes, 80) == [
        "╭─────── · a  1/2  can start",
        "├─┬───── · b  1/2  can start",
        "├─│─┬─── · c  1/2  can start",
        "│ ╰─┴─┬─ · d  1/2  can start",
        "│     │  · e  1/2  can start",
        "╰─────┴─ · f  1/2  can start",
    ]


def test_a_chain_stays_narrow() -> None:
    """Fifty phases, each after the one before, need two lanes."""
    nodes = [node(f"p{n}", *([f"p{n - 1}"] if n else [])) for n in range(50)]
    rows = drawn(nodes, 80)
    assert [row[:5] for row in rows[:4]] == ["╭─── ", "╰─┬─ ", "╭─┴─ ", "╰─┬─ "]
    assert max(map(width, rows)) < 30


def test_one_phase_has_no_lines_and_too_many_lines_are_none() -> None:
    """Words alone tell a plan whose lanes would leave them no room."""
    assert drawn([node("a")], 80) == ["· a  1/2  can start"]
    roots = [node(f"r{n}") for n in range(20)]
    rows = drawn([*roots, node("z", *(root.id for root in roots))], 80)
    assert all(row.startswith("· ") for row in rows)
    assert drawn([], 80) == []


def test_a_row_fits_its_columns() -> None:
    """A wide character counts for two, a joined one for none; what is cut says so."""
    rows = drawn([node("a", title="日本語のとても長い題名" * 4), node("b", "a", title="e\u0301" * 60)], 60)
    assert [width(row) <= 60 and row.endswith("…") for row in rows] == [True, True]
    assert width(rows[0]) >= 58
    assert cut("日本", 3) == "日…"
    assert cut("日本", 4) == "日本"


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    names = [f"n{number}" for number in range(draw(st.integers(1, 14)))]
    some = st.lists(st.sampled_from([*names, "gone"]), max_size=4)
    return [node(name, *draw(some)) for name in names]


@given(graphs())
def test_whatever_waits_for_whatever_is_drawn(nodes: list[Node]) -> None:
    """Cycles, unknown names and oneself are no obstacle: each phase once, after all that it is drawn to wait for."""
    before, order = edges(nodes), [one.id for one in ordered(nodes)]
    assert sorted(order) == sorted(one.id for one in nodes)
    place = {name: number for number, name in enumerate(order)}
    level = levels(nodes)
    for name, others in before.items():
        assert all(place[other] < place[name] and level[other] < level[name] for other in others)
    rows = drawn(nodes, 200)
    assert len(rows) == len(nodes)
    assert len({row.index("·") for row in rows}) == 1
    root = ET.fromstring(picture(nodes, "shop", "run 001"))
    assert len(root.findall(f"{SVG}g")) == len(nodes)
    assert len([path for path in root.findall(f"{SVG}path") if path.get("class") == "e"]) == sum(
        map(len, before.values())
    )
    assert mermaid(nodes).count("-->") == sum(len([o for o in one.after if o != "gone"]) for one in nodes)


@given(graphs())
def test_every_line_can_be_followed(nodes: list[Node]) -> None:
    """In each column a line goes on from row to row without a gap, from a beginning to an end."""
    goes_down, comes_up = set("╭├│┬┼"), set("╰├│┴┼")
    rows = [row[: row.index("·")] for row in drawn(nodes, 200)]
    for column in range(max(map(len, rows))):
        cells = [row[column] if column < len(row) else " " for row in rows]
        for above, below in pairwise([" ", *cells, " "]):
            assert (above in goes_down) == (below in comes_up)


@given(graphs())
def test_no_box_covers_another_and_nothing_leaves_the_picture(nodes: list[Node]) -> None:
    """Boxes of a level stand apart, and the picture is as large as what is in it."""
    root = ET.fromstring(picture(nodes, "shop", "run 001"))
    high = float(root.get("height", "0"))
    spots: list[tuple[float, float]] = []
    for box in root.findall(f"{SVG}g"):
        left, top = box.get("transform", "")[len("translate(") : -1].split()
        spots.append((float(left), float(top)))
    for number, (x, y) in enumerate(spots):
        assert 0 <= y <= high - 74
        assert all(x != other_x or abs(y - other_y) >= 74 for other_x, other_y in spots[number + 1 :])


@pytest.mark.parametrize(
    "title", [*TITLES, "</title><script>x</script>", '"]; click n1 "javascript:x"', "\ufffe\x00]]>"]
)
def test_a_title_is_only_ever_text(title: str) -> None:
    """No markup in the picture, no line or command in the chart, no escape on the terminal."""
    told = [node("a", title=title), node("b", "a")]
    root = ET.fromstring(picture(told, title, title))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "text", "defs", "marker", "path", "g"),
    }
    chart = mermaid(told).splitlines()
    assert len(chart) == 4
    assert chart[1].count('"') == 2
    assert not set("<>`;[]\\") & set(chart[1].split('"')[1].replace(";", ""))
    assert all("\x1b" not in row and "\n" not in row for row in drawn(told, 80))


def test_the_picture_is_told_in_words() -> None:
    """For who cannot see it: a title, a description of every phase, and a title of each box."""
    root = ET.fromstring(picture([node("a"), node("b", "a", title="Second", told="blocked")], "shop", "run 001"))
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "batty-title batty-desc")
    assert root.findtext(f"{SVG}title") == "shop"
    described = "run 001. a: can start, 1 of 2 tasks done. b (Second): blocked, 1 of 2 tasks done, after a"
    assert root.findtext(f"{SVG}desc") == described
