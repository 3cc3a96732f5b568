"""Who would conflict with whom, what of that is news, and how it is said."""

from itertools import permutations

import pytest

from batty_tmux.core import radar
from batty_tmux.core.events import (
    AnyEvent,
    Cleaned,
    Collided,
    Collision,
    Enqueued,
    ExecutorStarted,
    GateStarted,
    Landed,
    Launching,
    PhaseHeld,
    Retried,
    Reviewed,
    Skipped,
)
from batty_tmux.host.clock import monotonic
from batty_tmux.names import Branch, PhaseId, RunId, Sha

RUN = RunId("001")
ONE, TWO, TEN = PhaseId("phase-1"), PhaseId("phase-2"), PhaseId("phase-10")
HEAD = Sha("a" * 40)
WITH_TWO = Collision(TWO, ("src/a.py", "src/b.py"))
WITH_BASE = Collision("", ("README",))


def launching(phase: PhaseId) -> Launching:
    return Launching(run=RUN, phase=phase, branch=Branch(f"batty/{phase}"), worktree="/w", start=HEAD)


def collided(phase: PhaseId, *collisions: Collision) -> Collided:
    return Collided(run=RUN, phase=phase, head=HEAD, collisions=collisions)


def landed(phase: PhaseId) -> Landed:
    return Landed(phase=phase, head=HEAD, base=HEAD, candidate=HEAD, tree=HEAD)


def enqueued(phase: PhaseId, head: str = "c") -> Enqueued:
    return Enqueued(run=RUN, phase=phase, head=Sha(head), claim="refs/batty/claim/x/1")


BEGUN: list[AnyEvent] = [launching(ONE), launching(TWO)]


def test_a_collision_is_news_once() -> None:
    """I24: told when it comes, when other or paths change, and when it has gone; another order is no news."""
    events = list(BEGUN)
    told: list[Collided] = []
    seen: list[tuple[Collision, ...]] = [
        (),
        (WITH_TWO, WITH_BASE),
        (WITH_BASE, WITH_TWO),
        (WITH_BASE, Collision(TWO, ("src/b.py", "src/a.py", "src/a.py"))),
        (WITH_TWO,),
        (Collision(TWO, ("src/a.py",)),),
        (),
        (),
    ]
    for number, collisions in enumerate(seen):
        event = radar.news(radar.fold(events), ONE, Sha(str(number)), collisions)
        if event is not None:
            events.append(event)
            told.append(event)
    assert [(event.head, len(event.collisions)) for event in told] == [("1", 2), ("4", 1), ("5", 1), ("6", 0)]
    assert {event.run for event in told} == {RUN}


def test_what_was_told_is_remembered_whatever_else_happens() -> None:
    """A supervisor that is started again reads it from the journal and does not repeat it."""
    gate = GateStarted(phase=ONE, purpose="phase", commit=HEAD, tree=HEAD, gate="g", log="l")
    seen = radar.fold([*BEGUN, collided(ONE, WITH_TWO), gate, enqueued(ONE)])
    assert radar.of(seen, ONE) == (WITH_TWO,)
    assert radar.news(seen, ONE, HEAD, (WITH_TWO,)) is None
    assert radar.of(seen, TWO) == ()


@pytest.mark.parametrize("end", [landed(ONE), Skipped(phase=ONE), Cleaned(phase=ONE)])
def test_a_phase_that_is_over_collides_with_nothing(end: AnyEvent) -> None:
    """Nor does anybody else collide with it any more, also where its words were written down too late."""
    seen = radar.fold([*BEGUN, collided(ONE, WITH_TWO), collided(TWO, Collision(ONE, ("src/a.py",))), end])
    assert (radar.of(seen, ONE), radar.of(seen, TWO)) == ((), ())
    assert set(seen.standing) == {TWO}
    late = radar.fold([*BEGUN, end, collided(ONE, WITH_TWO)])
    assert (radar.of(late, ONE), set(late.standing)) == ((), {TWO})


def test_that_the_other_left_is_news() -> None:
    """What is shown drops it at once; the phase itself is still told, by the next look."""
    seen = radar.fold([*BEGUN, collided(ONE, WITH_TWO), Skipped(phase=TWO)])
    assert radar.news(seen, ONE, HEAD, ()) == collided(ONE)


def test_a_claim_counts_while_it_waits() -> None:
    """What lands is the pinned commit; sent back or held, the branch counts again."""
    assert radar.fold([*BEGUN, enqueued(ONE)]).standing[ONE].claim == "c"
    back: list[AnyEvent] = [
        Reviewed(phase=ONE, verdict="rework", by="human", head=HEAD),
        Reviewed(phase=ONE, verdict="escalate", by="human", head=HEAD),
        PhaseHeld(phase=ONE, state="held", code="c", reason="r"),
        launching(ONE),
    ]
    for event in back:
        standing = radar.fold([*BEGUN, enqueued(ONE), event]).standing[ONE]
        assert (standing.claim, standing.branch, standing.run) == ("", "batty/phase-1", RUN), event
    merged = Reviewed(phase=ONE, verdict="merge", by="human", head=HEAD)
    assert radar.fold([*BEGUN, enqueued(ONE), merged]).standing[ONE].claim == "c"


def test_who_comes_back_is_seen_again() -> None:
    """Skipped and retried, landed and undone, over and launched anew."""
    assert radar.fold([*BEGUN, enqueued(ONE), Skipped(phase=ONE), Retried(phase=ONE)]).standing[ONE].claim == "c"
    assert radar.fold([*BEGUN, Skipped(phase=ONE), enqueued(ONE)]).standing[ONE].branch == "batty/phase-1"
    assert radar.fold([*BEGUN, landed(ONE), enqueued(ONE, "undo")]).standing[ONE].claim == "undo"
    assert ONE in radar.fold([*BEGUN, landed(ONE), launching(ONE)]).standing
    assert ONE not in radar.fold([*BEGUN, landed(ONE), Retried(phase=ONE)]).standing
    assert ONE not in radar.fold([*BEGUN, Skipped(phase=ONE), landed(ONE), Retried(phase=ONE)]).standing


def test_the_agent_is_known() -> None:
    """It decides whether, and how, the phase's next turn hears of it."""
    started = ExecutorStarted(phase=ONE, attempt=1, pid=1, agent="claude")
    assert radar.fold([*BEGUN, started]).standing[ONE].agent == "claude"


def test_one_phase_is_looked_at_beside_what_is_known() -> None:
    """The others keep what they were told, but for their collision with this one as it is now."""
    seen = radar.fold([*BEGUN, launching(TEN), collided(ONE, WITH_BASE, WITH_TWO, Collision(TEN, ("x",)))])
    now = Collision(TWO, ("new",))
    assert set(radar.beside(seen, ONE, TWO, (now,))) == {WITH_BASE, Collision(TEN, ("x",)), now}
    assert set(radar.beside(seen, ONE, TWO, ())) == {WITH_BASE, Collision(TEN, ("x",))}


def test_the_words() -> None:
    """The base first, then phases as people count them; few paths, and how many more."""
    three = [Collision(TEN, tuple("gfedcba")), WITH_TWO, WITH_BASE]
    expected = (
        "would conflict with main in README; with phase-2 in src/a.py, src/b.py; "
        "with phase-10 in a, b, c, d, e and 2 more"
    )
    assert {radar.words(order, "main") for order in permutations(three)} == {expected}
    assert radar.words([WITH_BASE]) == "would conflict with the base in README"
    assert radar.words([]) == "would no longer conflict with anything"
    assert "no history in common" in radar.words([Collision(TWO, ())])
    assert radar.words([Collision(TWO, ("a\nb\x1b[2J#(x)",))]).isprintable()


def test_what_an_agent_is_told_fits_what_it_can_do() -> None:
    """It can merge the base, and cannot wait for a phase that works beside it."""
    assert "merge main" in radar.advice([WITH_BASE], "main")
    assert "merge main" not in radar.advice([WITH_TWO], "main")
    assert "beside yours" in radar.advice([WITH_TWO], "main")
    assert "no longer" in radar.advice([], "main")


def test_a_long_journal_folds_quickly() -> None:
    """100,000 events within a second, where nearly all of them are not the radar's."""
    gate = GateStarted(phase=ONE, purpose="phase", commit=HEAD, tree=HEAD, gate="g", log="l")
    block: list[AnyEvent] = [*BEGUN, *[gate] * 94, collided(ONE, WITH_TWO), collided(TWO, WITH_BASE), landed(ONE)]
    events = block * 1031
    begun = monotonic()
    seen = radar.fold(events)
    assert monotonic() - begun < 1
    assert (len(events) > 100_000, radar.of(seen, TWO)) == (True, (WITH_BASE,))
