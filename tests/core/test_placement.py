"""Which host takes the next phase: limits, the most room first, who does not answer is passed over."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.events import AttemptEnded, HostBack, HostLost, LaunchFailed, Launching
from batty_tmux.core.placement import HERE, PASSED_OVER, Seat, choose, silent, why_not
from batty_tmux.names import Branch, PhaseId, RunId, Sha

AT = datetime(2026, 1, 1, tzinfo=UTC)
ALPHA, BETA, RUN = PhaseId("alpha"), PhaseId("beta"), RunId("001")


def filled(seats: list[Seat], total: int) -> list[str]:
    """Place as many phases as go."""
    busy: Counter[str] = Counter()
    order: list[str] = []
    while len(order) < total and (host := choose(seats, busy, total)) is not None:
        busy[host] += 1
        order.append(host)
    return order


def test_the_host_with_most_room_is_first_and_this_machine_at_a_tie() -> None:
    assert filled([Seat(HERE, 2), Seat("h1", 3), Seat("h2", 1)], 6) == ["h1", "", "h1", "", "h1", "h2"]


def test_this_machine_has_what_the_others_leave() -> None:
    assert Counter(filled([Seat(HERE, None), Seat("h1", 2), Seat("h2", 4)], 12)) == {HERE: 6, "h1": 2, "h2": 4}
    assert Counter(filled([Seat(HERE, None), Seat("h1", 2)], 2)) == {"h1": 2}
    # and the place of one that does not answer
    assert Counter(filled([Seat(HERE, None), Seat("h1", 2, away=True)], 2)) == {HERE: 2}


@given(
    st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=4),
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(1, 20),
)
def test_no_host_has_more_than_its_limit_and_none_stays_empty_for_nothing(
    others: list[tuple[int, bool]], own: int | None, total: int
) -> None:
    seats = [Seat(HERE, own), *(Seat(f"h{n}", most, away) for n, (most, away) in enumerate(others))]
    placed = Counter(filled(seats, total))
    assert all(placed[seat.name] <= (0 if seat.away else seat.parallel or total) for seat in seats)
    room = sum(seat.parallel or 0 for seat in seats if not seat.away)
    assert sum(placed.values()) == (total if own is None else min(total, room))


def test_a_wish_is_kept_or_waited_for() -> None:
    seats = [Seat(HERE, None), Seat("h1", 1), Seat("h2", 1, away=True)]
    assert choose(seats, {}, 4, "h1") == "h1"
    assert choose(seats, {"h1": 1}, 4, "h1") is None
    assert why_not(seats, "h1") == "waits for a slot on h1"
    assert choose(seats, {}, 4, "h2") is None
    assert why_not(seats, "h2") == "waits for h2, which does not answer"
    assert why_not(seats, "h9") == "waits for h9, which batty.toml does not have"
    assert "h2 is passed over" in why_not(seats, None)


def test_who_did_not_answer_is_passed_over_for_a_while() -> None:
    failed = LaunchFailed(run=RUN, phase=ALPHA, reason="x", code="host-away", where="h1", at=AT)
    assert silent([failed], AT + timedelta(seconds=1)) == {"h1"}
    assert silent([failed], AT + PASSED_OVER) == frozenset()
    assert silent([failed, HostBack(run=RUN, phase=BETA, where="h1", at=AT)], AT) == frozenset()


def test_a_host_on_which_a_phase_is_lost_takes_no_other_until_it_answers() -> None:
    lost = HostLost(run=RUN, phase=ALPHA, where="h1", reason="x", at=AT)
    late = AT + timedelta(hours=1)
    assert silent([lost], late) == {"h1"}
    assert silent([lost, HostBack(run=RUN, phase=ALPHA, where="h1")], late) == frozenset()
    assert silent([lost, AttemptEnded(run=RUN, phase=ALPHA, where="h1", branch="b")], late) == frozenset()
    # nobody follows it there any more: it is tried again after a while
    moved = Launching(run=RUN, phase=ALPHA, branch=Branch("b"), worktree="w", start=Sha(""), where="h2", at=AT)
    assert silent([lost, moved], AT) == {"h1"}
    assert silent([lost, moved], late) == frozenset()
