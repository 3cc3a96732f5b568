"""What the home window shows and offers, told without a terminal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from batty_tmux.core import merge_queue
from batty_tmux.core.board import Phase, parse_phase
from batty_tmux.core.dashboard import KEYS, Facts, Page, bar, help_rows, next_line, offers, page, refusal, shared
from batty_tmux.core.events import AnyEvent, Enqueued, Launched, Launching, Paused, Prompted
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.report import GLYPHS
from batty_tmux.core.status import PhaseStatus, Run, derive
from batty_tmux.core.supervise import Watch, apply
from batty_tmux.errors import BattyError
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.hostile import TITLES

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIZES = [(20, 6), (80, 22), (120, 30), (139, 58), (140, 58), (250, 58)]


def phase(name: str, title: str = "") -> Phase:
    return replace(parse_phase(PhaseId(name), {}), title=title or name)


def status(name: str, *, title: str = "", asks: str = "", paused: bool = False, launched: bool = True) -> PhaseStatus:
    """Return the status of a phase that is at work, and asks if it is given a question."""
    of, run, at = PhaseId(name), RunId("001"), NOW - timedelta(minutes=3)
    events: list[AnyEvent] = []
    if launched:
        events += [
            Launching(run=run, phase=of, at=at, branch=Branch(f"batty/{name}"), worktree="/tree", start=Sha("a" * 40)),
            Launched(
                run=run, phase=of, at=at, session="$1", window="@1", pane="%1", orchestrator="%2", server="/s,1,1"
            ),
        ]
    if asks:
        events.append(Prompted(run=run, phase=of, at=at, key="k", kind="unknown", question=asks, text=asks, reason="-"))
    if paused:
        events.append(Paused(run=run, phase=of, at=at, by="person"))
    watch = reduce(apply, events, Watch(of))
    return derive(phase(name, title), watch, Queue(), (), None)


def facts(*statuses: PhaseStatus, queue: Queue | None = None, notes: tuple[str, ...] = ()) -> Facts:
    return Facts("shop", Run(RunId("001"), "main", 2), "main", queue or Queue(), statuses, notes)


def height(shown: Page) -> int:
    """Return how many rows a page takes where its sections stand below each other."""
    return 2 + shown.height + sum(1 + len(section.rows) for section in shown.others)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 3, 50, 200])
def test_a_page_fits_whatever_there_is(size: tuple[int, int], count: int) -> None:
    """Rule: no page is higher than its screen, every phase is in the list, and all others say how many are left out."""
    asking = [status(f"p{n}", asks="Go on?") for n in range(count)]
    shown = page(facts(*asking, notes=("! one", "! two")), NOW, *size)
    assert len(shown.phases.rows) == count
    if shown.wide:
        assert 1 + sum(1 + len(section.rows) for section in shown.others) <= size[1]
        assert shown.height + 2 <= size[1]
    elif size[1] > 10:
        assert height(shown) <= size[1]
        assert shown.height >= min(count, (size[1] - 5) // 2)
    needs = next((section for section in shown.others if section.title.startswith("needs you")), None)
    if count > 50 and needs is not None:
        left = int(needs.rows[-1].text.split()[1])
        assert left + len(needs.rows) - 1 == count


def test_columns_stand_under_each_other_whatever_is_said() -> None:
    """Rule: what a board says is the last cell of a line, so it moves nothing."""
    rows = page(facts(*(status(f"p{n}", title=title) for n, title in enumerate(TITLES, 10))), NOW, 80, 22).phases.rows
    assert len({len("".join(span.text for span in row.spans[:-1])) for row in rows}) == 1
    for row in rows:
        assert row.text.isprintable()
        assert "#" not in row.text
        assert len(row.text) < 500


def test_a_phase_says_what_holds_it_then_what_it_asks() -> None:
    """Rule: state as glyph and word, age, bar and count; a pause comes first, since nothing else goes on."""
    row = page(facts(status("p1", asks="Go on?", paused=True)), NOW, 80, 22).phases.rows[0]
    assert row.text == f"? p1 asking      3m {' ' * 5} 0/0  paused  ·  Go on?"
    assert row.phase == "p1"


def test_the_queue_tells_what_is_next() -> None:
    """Rule: each entry with its state and why it is there; what has left the queue is not in it."""
    queue = merge_queue.fold(
        [Enqueued(phase=PhaseId(f"p{n}"), head=Sha(f"{n}" * 40), claim="c", seq=n, at=NOW) for n in (1, 2)]
    )
    (section,) = (s for s in page(facts(queue=queue), NOW, 80, 22).others if s.title.startswith("queue"))
    assert section.title == "queue 2"
    assert [row.text for row in section.rows] == [
        "→ p1 queued        -  it is the next",
        "→ p2 queued        -  1 before it",
    ]


def test_keys_do_what_the_chosen_phase_allows() -> None:
    """Rule: answer and review take the oldest that waits where the chosen phase does not; what is refused says why."""
    asks, works, idle = status("p1", asks="Go?"), status("p2"), status("p3", launched=False)
    told = facts(asks, works, idle)
    by = {offer.action: offer for offer in offers(told, works.phase.id, NOW)}
    assert set(by) == set(KEYS)
    assert (by["answer"].phase, by["answer"].label) == ("p1", "answer p1")
    assert (by["go"].phase, by["pause"].label) == ("p2", "pause")
    refused = by["review"].refused
    assert refused is not None
    assert (refused.what, refused.next) == ("nothing waits for a review", "batty status")
    idle_ones = {offer.action: offer for offer in offers(told, idle.phase.id, NOW)}
    assert {action for action, offer in idle_ones.items() if offer.refused} == {"go", "review", "pause"}
    assert idle_ones["go"].refused is not None
    assert idle_ones["go"].refused.next == "batty work p3"
    assert next_line(told, idle.phase.id) == "p3  ↳ next: batty work p3"
    paused = {offer.action: offer for offer in offers(facts(status("p1", paused=True)), PhaseId("p1"), NOW)}
    assert paused["pause"].label == "unpause"


def test_nothing_is_offered_where_there_is_nothing() -> None:
    """Rule: without phases every key says what to do."""
    assert all(offer.refused and offer.refused.next for offer in offers(facts(), None, NOW))


def test_a_refusal_is_one_line_that_nothing_obeys() -> None:
    """Rule: what, then the command, without what a terminal would obey."""
    told = refusal(BattyError("x", "gone\x1b[31m\nfor good", next="batty \x1b[1mstatus"))
    assert told == "✗ gone[31m for good   ↳ next: batty [1mstatus"


@pytest.mark.parametrize(("done", "total", "drawn"), [(0, 3, "░░░░"), (1, 3, "█░░░"), (3, 3, "████"), (0, 0, "    ")])
def test_a_bar_is_full_only_when_all_is_done(done: int, total: int, drawn: str) -> None:
    """Rule: rounded down, and nothing at all where there are no tasks."""
    assert bar(done, total, 4) == drawn


def test_rows_are_shared_in_turn() -> None:
    """Rule: nobody gets more than it wants, and nobody a second row before all have one."""
    assert shared(5, [9, 1, 9]) == [2, 1, 2]
    assert shared(99, [2, 0, 3]) == [2, 0, 3]
    assert shared(0, [1]) == [0]


def test_help_names_every_state_and_key() -> None:
    """Rule: nobody has to guess what a glyph or a key is."""
    text = "\n".join(row.text for row in help_rows())
    assert all(state in text for state in GLYPHS)
    assert all(f" {key} " in text or key == "enter" for key in KEYS.values())
