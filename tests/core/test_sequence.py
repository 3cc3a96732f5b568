"""Which phase a run launches next, and what keeps each of the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core.board import Phase
from batty_tmux.core.events import ExecutorStarted, Launched, Launching, RunResumed, RunStarted, RunStopped
from batty_tmux.core.plan import waits_for
from batty_tmux.core.sequence import Terms, agent_of, chosen, explained, is_going, is_on, outlook, takes_a_slot
from batty_tmux.core.status import PhaseStatus, Run, State, current_run
from batty_tmux.core.supervise import fold
from batty_tmux.core.watch import Watch
from batty_tmux.core.window import Window
from batty_tmux.names import Branch, PhaseId, RunId, Sha

RUN = RunId("001")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def launched(name: str, agent: str) -> Watch:
    """Return the watch of a phase whose executor is at work."""
    phase = PhaseId(name)
    start = Launching(run=RUN, phase=phase, branch=Branch("b"), worktree="/w", start=Sha("0" * 40))
    window = Launched(run=RUN, phase=phase, session="$1", window="@1", pane="%1", orchestrator="%2", server="s")
    return fold(phase, [start, window, ExecutorStarted(run=RUN, phase=phase, attempt=1, pid=1, agent=agent)])


def status(name: str, state: State = "ready", *, after: Sequence[str] = (), agent: str = "") -> PhaseStatus:
    phase = Phase(PhaseId(name), name, depends_on=tuple(map(PhaseId, after)), agent=agent)
    watch = launched(name, agent or "claude") if state == "working" else Watch(phase.id)
    return PhaseStatus(phase, state, None, "", "", watch, None)


def terms(parallel: int = 2, **run: object) -> Terms:
    return Terms(Run(RUN, "main", parallel, **run), agent="claude")  # type: ignore[arg-type]


def kept(statuses: Sequence[PhaseStatus], given_: Terms) -> dict[str, str]:
    return {phase: code for phase, (code, _) in outlook(statuses, given_).items()}


def test_slots_are_given_in_order() -> None:
    """Who starts now takes a slot from those after it; who has started is not spoken of."""
    statuses = [status("a", "working"), status("b"), status("c"), status("d", "blocked")]
    assert kept(statuses, terms(2)) == {"b": "", "c": "slots"}
    assert outlook(statuses, terms(2))[PhaseId("c")][1] == "starts when one of the 2 windows is free"


@pytest.mark.parametrize("state", ["reviewing", "queued", "gating", "deferred"])
def test_one_at_a_time_waits_for_the_landing(state: State) -> None:
    """What is on its way to the base keeps the only slot, but not one of several."""
    statuses = [status("a", state), status("b")]
    assert outlook(statuses, terms(1))[PhaseId("b")] == ("slots", "starts after a: one at a time")
    assert kept(statuses, terms(2)) == {"b": ""}


def test_an_agent_at_its_limit_lets_others_by() -> None:
    """The first in order that may start does."""
    limited = replace(terms(3), limits={"claude": 1})
    statuses = [status("a", "working"), status("b"), status("c", agent="codex"), status("d", agent="codex")]
    assert kept(statuses, limited) == {"b": "agent", "c": "", "d": ""}
    # also of those that only would start
    assert kept([status("a"), status("b"), status("c", agent="codex")], limited) == {"a": "", "b": "agent", "c": ""}
    assert outlook(statuses, limited)[PhaseId("b")][1] == "waits for a claude: 1 of 1 at work"
    found = chosen(statuses, limited)
    assert found is not None
    assert found.phase.id == "c"


@pytest.mark.parametrize("stage", ["ahead", "over"])
def test_outside_of_its_window_nothing_is_launched(stage: str) -> None:
    """With the words of the window, and where it is over with what lets the run go on."""
    closed = replace(terms(), stage=stage, closed="the words")  # type: ignore[arg-type]
    (told,) = explained([status("a")], closed)
    assert (told.kept, told.says, told.next) == (stage, "the words", "batty work all" if stage == "over" else "")
    assert chosen([status("a")], closed) is None


def test_what_was_cut_off_comes_first_even_after_the_window() -> None:
    """It was begun inside of it."""
    half = replace(status("b"), state="working", watch=fold(PhaseId("b"), [_launching("b")]))
    found = chosen([status("a"), half], replace(terms(1), stage="over"))
    assert found is half


def _launching(name: str) -> Launching:
    return Launching(run=RUN, phase=PhaseId(name), branch=Branch("b"), worktree="/w", start=Sha("0" * 40))


def test_a_run_launches_only_what_it_was_asked_for() -> None:
    """And nothing once it is stopped, or where there is none."""
    assert kept([status("a"), status("b")], terms(wanted=frozenset({PhaseId("b")}))) == {"a": "unwanted", "b": ""}
    assert chosen([status("a")], terms(stopped=True)) is None
    assert chosen([status("a")], Terms(Run())) is None


def test_a_blocked_phase_says_what_would_help() -> None:
    """A dependency that does not come by itself is told with its state, one that nobody asked for with the command."""
    held = replace(status("a", "held"), next="batty review a")
    (_, told) = explained([held, status("b", "blocked", after=["a"])], terms())
    assert (told.says, told.next) == ("waits for a, which is held", "batty review a")
    (_, told) = explained([status("a"), status("b", "blocked", after=["a"])], terms(wanted=frozenset({PhaseId("b")})))
    assert (told.says, told.next) == ("waits for a, which nobody asked for", "batty work a")
    (told,) = explained([status("b", "blocked", after=["gone"])], terms())
    assert told.says == "waits for gone, which is no phase of main"
    circle = [status("a", "blocked", after=["b"]), status("b", "blocked", after=["a"])]
    assert {one.says for one in explained(circle, terms())} == {"waits for itself: a -> b -> a"}


def test_a_run_goes_on_while_anything_of_it_does() -> None:
    """It is on until its last phase has landed; with a window, or an order of its own, also while phases wait."""
    ready, landed = status("b"), replace(status("a", "landed"), watch=launched("a", "claude"))
    run = terms().run
    assert is_going([status("a", "working"), ready], run)
    assert is_going([status("a", "held")], run)
    assert not is_going([landed, ready], run)
    assert not is_on([landed, ready], run)
    assert is_on([status("a"), ready], run)
    assert is_going([landed, ready], replace(run, window=Window(until=AT)))
    assert is_going([landed, ready], replace(run, after=((PhaseId("b"), PhaseId("c")),)))
    assert not is_on([status("a", "working"), ready], replace(run, stopped=True))


def test_a_run_is_folded() -> None:
    """Orders add up until they are taken back, the newest window counts; a new run begins with nothing."""
    pair, other = (PhaseId("b"), PhaseId("a")), (PhaseId("c"), PhaseId("a"))
    first = RunStarted(run=RUN, base="main", parallel=2, after=(pair,), until=AT, boards=(PhaseId("a"),))
    second = RunStarted(run=RUN, base="main", parallel=2, phases=(PhaseId("c"),), after=(other,))
    run = current_run([first, second, RunStopped(run=RUN), RunResumed(run=RUN)])
    assert (run.after, run.window, run.wanted, run.stopped) == ((pair, other), Window(), frozenset(), False)
    assert current_run([first, RunStopped(run=RUN), RunResumed(run=RUN)]).window == Window(None, AT)
    back = RunStarted(run=RUN, base="main", parallel=2, after=((PhaseId("b"), PhaseId("")),))
    assert current_run([first, second, back]).after == (other,)
    assert current_run([first, replaced(second, RunId("002"))]).after == (other,)
    assert current_run([second], current_run([first])) == current_run([first, second])


def replaced(event: RunStarted, run: RunId) -> RunStarted:
    return RunStarted(run=run, base=event.base, parallel=event.parallel, after=event.after)


AGENTS = ("claude", "codex", "mine")
NAMES = [f"p{number}" for number in range(12)]


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Phase], Terms]:
    phases = []
    for number in range(draw(st.integers(1, len(NAMES)))):
        after = draw(st.lists(st.sampled_from(NAMES[:number]), max_size=3, unique=True)) if number else []
        names = tuple(map(PhaseId, after))
        phases.append(Phase(PhaseId(NAMES[number]), "", depends_on=names, agent=draw(st.sampled_from(("", *AGENTS)))))
    limits = draw(st.dictionaries(st.sampled_from(AGENTS), st.integers(1, 3)))
    return phases, Terms(Run(RUN, "main", draw(st.integers(1, 5))), limits, "claude")


@given(plans(), st.randoms(use_true_random=False))
def test_all_are_launched_and_no_limit_is_passed(plan: tuple[list[Phase], Terms], chance: Random) -> None:
    """Whatever the order, the limits and who ends first: each lands in the end, none before what it waits for."""
    phases, limits = plan
    states: dict[PhaseId, State] = {phase.id: "ready" for phase in phases}
    order: list[PhaseId] = []

    def seen() -> list[PhaseStatus]:
        landed = [name for name, state in states.items() if state == "landed"]
        made = []
        for phase in phases:
            state = states[phase.id]
            watch = launched(phase.id, agent_of(phase, limits)) if state == "working" else Watch(phase.id)
            blocked = state == "ready" and waits_for(phase, landed)
            made.append(PhaseStatus(phase, "blocked" if blocked else state, None, "", "", watch, None))
        return made

    while set(states.values()) != {"landed"}:
        while (found := chosen(seen(), limits)) is not None:
            states[found.phase.id] = "working"
            order.append(found.phase.id)
            statuses = seen()
            at_work = [s for s in statuses if takes_a_slot(s, limits.run.parallel)]
            assert len(at_work) <= limits.run.parallel
            agents = Counter(agent_of(s.phase, limits) for s in at_work)
            assert all(agents[name] <= most for name, most in limits.limits.items())
        working = [name for name, state in states.items() if state == "working"]
        assert working, "nothing moves any more"
        states[chance.choice(working)] = "landed"
    assert sorted(order) == sorted(states)
