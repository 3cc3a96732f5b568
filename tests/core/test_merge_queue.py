"""Every state that a small queue can reach, however the outside interferes, and what must hold in each.

The model is a lander that does what `owed` asks for in steps so small that anything may come between two of them:
a crash, a person, somebody else's commit on the base. A commit is written as the line of what it holds
("root|a|x"), so that ancestry and trees can be read off; a tree is the same without the order.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Enqueued,
    GateFinished,
    GateStarted,
    Landed,
    Landing,
    QueuePaused,
    QueueResumed,
    Retried,
    Reviewed,
    Skipped,
)
from batty_tmux.core.merge_queue import (
    MOVES_ON,
    Build,
    Candidate,
    Effect,
    Entry,
    Land,
    Queue,
    RunGate,
    Settle,
    apply,
    fold,
    observe,
    owed,
)
from batty_tmux.names import PhaseId, Sha

ROOT = "root"
CALM = 40
"""More steps than any queue of these sizes needs to come to rest."""


def held_by(commit: str) -> list[str]:
    return commit.split("|")


def tree_of(commit: str) -> Sha:
    return Sha("tree:" + "+".join(sorted(held_by(commit))))


def gate_of(tip: str) -> str:
    """The gate in force is the one that the base defines: a commit "g" on it changes the gate."""
    return "gate-2" if "g" in held_by(tip) else "gate-1"


@dataclass(frozen=True)
class Budget:
    """How often each kind of interference may still happen."""

    moves: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    conflicts: int = 0
    deferrals: int = 0
    crashes: int = 0
    pauses: int = 0
    skips: int = 0
    retries: int = 0
    reworks: int = 0


@dataclass(frozen=True)
class World:
    """`flight` is what the lander is in the middle of, and `gate` the gate that it read when it began."""

    events: tuple[AnyEvent, ...]
    queue: Queue
    budget: Budget
    tip: str = ROOT
    flight: Effect | Landing | Literal["moved"] | None = None
    gate: str = ""
    landing: Landing | None = None
    head: str = ""

    @property
    def key(self) -> object:
        queue = self.queue
        verdicts = frozenset((where, run.verdict) for where, run in queue.verdicts.items())
        return queue.entries, verdicts, queue.paused, self.tip, repr(self.flight), self.landing, self.head, self.budget

    @property
    def now(self) -> Queue:
        return observe(self.queue, tip=Sha(self.tip), gate=gate_of(self.tip))

    def note(self, *events: AnyEvent) -> "World":
        queue = self.now
        for event in events:
            before, queue = queue, apply(queue, event)
            check_event(before, event, queue)
        # what is observed is not journaled, so whoever folds the journal again starts without it
        return replace(self, events=(*self.events, *events), queue=observe(queue, tip=Sha(""), gate=""))

    def idle(self) -> "World":
        return replace(self, flight=None, gate="", landing=None, head="")


def check_event(before: Queue, event: AnyEvent, after: Queue) -> None:
    phase = getattr(event, "phase", None)
    for old, new in zip(before.entries, after.entries, strict=False):
        assert old.phase == phase or old == new, "an event of one phase changed another's entry"
        if old.state == "landed":
            assert new == old, "what has landed changed"
        if old.state == "skipped" and not isinstance(event, Retried | Landed | Enqueued | Reviewed):
            assert new.state == "skipped", f"{event} took a skipped entry up again"
    if isinstance(event, GateFinished) and event.verdict in {"timeout", "infra"}:
        assert after.verdicts == before.verdicts, "a gate that said nothing of the tree left a verdict"
        assert all(e.state != "red" or e in before.entries for e in after.entries)


# --- the lander, one small step at a time


def steps(world: World) -> Iterator[World]:
    flight = world.flight
    if flight is None:
        effect = owed(world.now)
        if effect is not None:
            check_effect(world, effect)
            yield from begun(world, effect)
        return
    if world.budget.crashes:
        yield replace(world, budget=replace(world.budget, crashes=world.budget.crashes - 1)).idle()
    match flight:
        case Build():
            yield from built(world, flight)
        case RunGate():
            yield from gated(world, flight)
        case Landing():
            yield advanced(world, flight)
        case _:
            yield settled(world)


def begun(world: World, effect: Effect) -> Iterator[World]:
    gate = gate_of(world.tip)
    match effect:
        case Build():
            yield replace(world, flight=effect, gate=gate)
        case RunGate(entry=entry, candidate=candidate):
            started = GateStarted(
                phase=entry.phase, purpose="queue", commit=candidate.sha, tree=candidate.tree, gate=gate, log="log"
            )
            yield replace(world.note(started), flight=effect, gate=gate)
        case Land(entry=entry, candidate=candidate) if not candidate.new:
            yield world.note(landed(entry.phase, entry.head, candidate.base, candidate.sha))
        case Land(entry=entry, candidate=candidate):
            yield from deferred(world, entry, candidate.sha, half_done=False)
            landing = Landing(phase=entry.phase, base=candidate.base, candidate=candidate.sha)
            yield replace(world.note(landing), flight=landing, landing=landing, head=entry.head)
        case Settle(entry=entry, landing=landing):
            if landing.candidate in ancestors(world.tip) or landing.base != world.tip:
                yield replace(world, flight="moved", landing=landing, head=entry.head)
            else:
                yield from deferred(world, entry, landing.candidate, half_done=True)
                yield replace(world, flight=landing, landing=landing, head=entry.head)


def built(world: World, effect: Build) -> Iterator[World]:
    entry, onto = effect.entry, str(effect.onto)
    if entry.head in held_by(onto):
        how: Literal["nothing-new", "replay"] = "nothing-new"
        sha = Sha(onto)
    else:
        how, sha = "replay", Sha(f"{onto}|{entry.head}")
    event = CandidateBuilt(
        phase=entry.phase, head=entry.head, base=Sha(onto), candidate=sha, tree=tree_of(sha), how=how
    )
    yield world.note(event).idle()
    if world.budget.conflicts:
        less = replace(world, budget=replace(world.budget, conflicts=world.budget.conflicts - 1))
        yield less.note(Conflicted(phase=entry.phase, head=entry.head, base=Sha(onto), paths=("f",))).idle()


def gated(world: World, effect: RunGate) -> Iterator[World]:
    yield world.note(judged(world, effect, "pass")).idle()
    for verdict in dict.fromkeys(world.budget.verdicts):
        left = list(world.budget.verdicts)
        left.remove(verdict)
        less = replace(world, budget=replace(world.budget, verdicts=tuple(left)))
        yield less.note(judged(world, effect, verdict)).idle()


def judged(world: World, effect: RunGate, verdict: str) -> GateFinished:
    return GateFinished(
        phase=effect.entry.phase,
        purpose="queue",
        commit=effect.candidate.sha,
        tree=effect.candidate.tree,
        gate=world.gate,
        log="log",
        verdict=verdict,  # type: ignore[arg-type]
        status={"pass": 0, "fail": 1, "infra": 127}.get(verdict),
    )


def deferred(world: World, entry: Entry, candidate: Sha, *, half_done: bool) -> Iterator[World]:
    if world.budget.deferrals:
        less = replace(world, budget=replace(world.budget, deferrals=world.budget.deferrals - 1))
        why = Deferred(phase=entry.phase, candidate=candidate, checkout="/co", reason="in the way", half_done=half_done)
        yield less.note(why)


def advanced(world: World, landing: Landing) -> World:
    """Compare and swap, which git does; whether it was right to ask for it is what is checked."""
    if world.tip == landing.base:
        check_move(world, landing)
        world = replace(world, tip=str(landing.candidate))
    return replace(world, flight="moved")


def settled(world: World) -> World:
    landing = world.landing
    assert landing is not None
    if landing.candidate in ancestors(world.tip):
        return world.note(landed(landing.phase, Sha(world.head), landing.base, landing.candidate)).idle()
    return world.note(Retried(phase=landing.phase, reason="the base moved first")).idle()


def landed(phase: PhaseId, head: Sha, base: Sha, candidate: Sha) -> Landed:
    return Landed(phase=phase, head=head, base=base, candidate=candidate, tree=tree_of(candidate))


def ancestors(tip: str) -> list[str]:
    parts = held_by(tip)
    return ["|".join(parts[:n]) for n in range(1, len(parts) + 1)]


# --- the outside


def interference(world: World) -> Iterator[World]:
    budget = world.budget
    for word in budget.moves:
        left = tuple(other for other in budget.moves if other != word)
        yield replace(world, tip=f"{world.tip}|{word}", budget=replace(budget, moves=left))
    if budget.pauses and world.queue.paused is None:
        yield replace(world, budget=replace(budget, pauses=budget.pauses - 1)).note(QueuePaused())
    if world.queue.paused is not None:
        yield world.note(QueueResumed())
    for phase in {entry.phase for entry in world.queue.entries}:
        entry = world.queue.of(phase)
        if entry is not None:
            yield from asked(world, entry)


def asked(world: World, entry: Entry) -> Iterator[World]:
    budget = world.budget
    again = {"conflict", "red", "held", "skipped", "deferred"}
    if budget.skips and entry.state in again | {"queued"}:
        yield replace(world, budget=replace(budget, skips=budget.skips - 1)).note(Skipped(phase=entry.phase))
    if budget.retries and entry.state in again:
        asked_for = Retried(phase=entry.phase, reason="asked for")
        yield replace(world, budget=replace(budget, retries=budget.retries - 1)).note(asked_for)
    if budget.reworks and entry.state not in {"landed", "withdrawn"}:
        rework = Reviewed(phase=entry.phase, verdict="rework", by="human", head=entry.head)
        yield replace(world, budget=replace(budget, reworks=budget.reworks - 1)).note(rework)
    if entry.state == "withdrawn" and not entry.head.endswith("'") and entry.head not in held_by(world.tip):
        yield world.note(approval(entry.phase, f"{entry.head}'"))


# --- what must hold


def check_effect(world: World, effect: Effect) -> None:
    entry = effect.entry
    assert world.queue.of(entry.phase) == entry, "an entry that was replaced is still worked on"
    assert entry.state in MOVES_ON
    if world.queue.paused is not None:
        assert isinstance(effect, Settle), "a paused queue began something"
    if not isinstance(effect, Settle):
        earlier = world.queue.entries[: world.queue.entries.index(entry)]
        assert not [e for e in earlier if e.state in MOVES_ON], "an entry was overtaken"
    if isinstance(effect, Land):
        assert effect.candidate.base == world.tip
        expected = world.tip if not effect.candidate.new else f"{world.tip}|{entry.head}"
        assert effect.candidate.sha == expected, "the candidate is not the pinned head on the tip"


def check_move(world: World, landing: Landing) -> None:
    """I1, I3, I8: what the base moves to passed the gate in force as the very tree that it is; once."""
    gate, tree = gate_of(world.tip), tree_of(landing.candidate)
    said = [e.verdict for e in world.events if isinstance(e, GateFinished) and (e.tree, e.gate) == (tree, gate)]
    assert "pass" in said, f"{landing.candidate} was landed without a pass of {gate} on its tree"
    telling = [verdict for verdict in said if verdict in {"pass", "fail"}]
    assert telling[-1] == "pass", "a tree was landed whose last verdict was red"
    assert world.tip in ancestors(landing.candidate), "the base did not move forward"
    parts = held_by(landing.candidate)
    assert len(parts) == len(set(parts)), "something landed twice"


def check_state(world: World) -> None:
    refolded = fold(list(world.events))
    assert refolded == world.queue, "the journal, folded again, is another queue"
    again = observe(refolded, tip=Sha(world.tip), gate=gate_of(world.tip))
    assert owed(again) == owed(world.now)
    done = [e.head for e in world.events if isinstance(e, Landed)]
    assert len(done) == len(set(done)), "a landing was recorded twice"
    for entry in world.queue.entries:
        if entry.state == "landed":
            assert entry.head in held_by(world.tip), "recorded as landed, and the base does not hold it"
        if entry.state == "red":
            assert is_red_by_itself(world, entry), "red by the verdict on another commit"
    if world.queue.paused is None and world.queue.waiting:
        assert owed(world.now) is not None, "something can land and nothing is owed"


def is_red_by_itself(world: World, entry: Entry) -> bool:
    return entry.candidate is not None and any(
        isinstance(e, GateFinished) and e.verdict == "fail" and e.commit == entry.candidate.sha for e in world.events
    )


def check_liveness(world: World) -> None:
    """With nothing failing from here on, everything that can land does, and the lander comes to rest."""
    calm = replace(world, budget=Budget())
    if calm.queue.paused is not None:
        calm = calm.note(QueueResumed())
    for _ in range(CALM):
        following = next(steps(calm), None)
        if following is None:
            break
        calm = following
    assert owed(calm.now) is None, "the lander never comes to rest"
    assert not calm.queue.waiting
    left = {e.phase for e in world.queue.waiting} - {e.phase for e in calm.queue.entries if e.state == "landed"}
    if world.flight is None:
        assert not left, f"{left} never landed"


def approval(phase: str, head: str) -> Enqueued:
    return Enqueued(phase=PhaseId(phase), head=Sha(head), claim=f"refs/batty/claim/{phase}/{head}")


def start(phases: str, budget: Budget) -> World:
    return World((), Queue(), budget).note(*(approval(f"phase-{name}", name) for name in phases))


@dataclass
class Seen:
    states: int = 0
    words: set[str] = field(default_factory=set)
    tips: set[str] = field(default_factory=set)


def explore(world: World) -> Seen:
    seen, known, waiting = Seen(), {world.key}, deque([world])
    while waiting:
        world = waiting.popleft()
        seen.states += 1
        seen.words |= {entry.state for entry in world.queue.entries}
        seen.tips.add(world.tip)
        check_state(world)
        check_liveness(world)
        for following in (*steps(world), *interference(world)):
            if following.key not in known:
                known.add(following.key)
                waiting.append(following)
    return seen


SCENARIOS = {
    "verdicts and crashes": (
        "abc",
        Budget(verdicts=("fail", "timeout", "infra"), crashes=1, retries=1),
        {"red", "held"},
    ),
    "a base that moves": ("ab", Budget(moves=("x", "g"), crashes=2, conflicts=1), {"conflict", "gating"}),
    "a checkout in the way": ("ab", Budget(moves=("x",), deferrals=2, crashes=2, pauses=1), {"deferred"}),
    "a person": ("ab", Budget(verdicts=("fail",), skips=1, retries=1, pauses=1), {"skipped", "red"}),
    "rework": ("ab", Budget(verdicts=("fail",), reworks=1, crashes=1), {"withdrawn"}),
    "skipped while it moves": ("ab", Budget(skips=2, retries=1, moves=("g",)), {"skipped"}),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_reachable_state_keeps_the_rules(name: str) -> None:
    """I1, I3, I7, I8, I15, I17, I18, I19, order and liveness, in all interleavings within the budget."""
    phases, budget, expected = SCENARIOS[name]
    seen = explore(start(phases, budget))
    assert seen.states > 200
    assert seen.words >= expected | {"queued", "gating", "landed"}
    assert any(set(phases) <= set(held_by(tip)) for tip in seen.tips)


# --- single rules, where a reader looks for them


def run(world: World) -> World:
    for _ in range(CALM):
        following = next(steps(world), None)
        if following is None:
            return world
        world = following
    pytest.fail("the lander never comes to rest")


def test_a_queue_without_failures_lands_in_the_order_of_approval() -> None:
    """One after another, each on the one before."""
    assert run(start("cab", Budget())).tip == "root|c|a|b"


def test_an_empty_queue_owes_nothing() -> None:
    """Nor does one whose entries all wait for a person."""
    assert owed(observe(Queue(), tip=Sha(ROOT), gate="gate-1")) is None


def test_a_verdict_serves_whoever_has_the_same_tree_and_gate() -> None:
    """A phase's own gate on the tip's tree is not run again; under another gate it is."""
    world = start("a", Budget())
    world = next(steps(next(steps(world))))
    own = GateFinished(
        phase=PhaseId("phase-a"),
        purpose="phase",
        commit=Sha("elsewhere"),
        tree=tree_of("root|a"),
        gate="gate-1",
        log="log",
        verdict="pass",
    )
    proved = world.note(own)
    assert isinstance(owed(proved.now), Land)
    assert isinstance(owed(observe(proved.queue, tip=Sha(ROOT), gate="gate-2")), RunGate)
    assert isinstance(owed(world.now), RunGate)


def test_what_the_base_holds_already_needs_no_gate() -> None:
    """A candidate with nothing new is the tip itself: recorded as landed, the base does not move."""
    world = replace(start("a", Budget()), tip="root|a")
    done = run(world)
    assert done.tip == "root|a"
    assert [e for e in done.events if isinstance(e, GateStarted)] == []
    entry = done.queue.of(PhaseId("phase-a"))
    assert entry is not None
    assert entry.state == "landed"


def test_nothing_that_is_told_later_changes_what_has_landed() -> None:
    """Not a late verdict, nor a person who was a moment too slow."""
    done = run(start("a", Budget()))
    (entry,) = done.queue.entries
    assert entry.candidate is not None
    phase, head = entry.phase, entry.head
    for late in (
        judged(done, RunGate(entry, entry.candidate), "fail"),
        Skipped(phase=phase),
        Retried(phase=phase),
        Deferred(phase=phase, candidate=entry.candidate.sha, checkout="/co", reason="in the way"),
        Reviewed(phase=phase, verdict="rework", by="human", head=head),
        Conflicted(phase=phase, head=head, base=Sha(ROOT), paths=("f",)),
    ):
        assert done.note(late).queue.entries == (entry,)


def test_a_red_entry_keeps_its_reason_and_log_until_it_is_retried() -> None:
    """And a retry runs the gate anew, though the tree has a verdict: the person may know it for flaky."""
    world = start("ab", Budget(verdicts=("fail",)))
    building = next(steps(world))
    gating = next(steps(next(steps(building))))
    red = list(steps(gating))[-1]
    entry = red.queue.of(PhaseId("phase-a"))
    assert entry is not None
    assert (entry.state, entry.reason, entry.log) == ("red", "the gate ended with 1", "log")
    assert run(red).tip == "root|b"
    again = run(red).note(Retried(phase=PhaseId("phase-a")))
    assert run(again).tip == "root|b|a"


def test_the_verdict_on_a_withdrawn_claim_is_not_the_new_claims() -> None:
    """The gate of a long run may end after the phase was reworked and approved again."""
    world = start("a", Budget())
    gating = next(steps(next(steps(next(steps(world))))))
    assert isinstance(gating.flight, RunGate)
    approved = gating.note(
        Reviewed(phase=PhaseId("phase-a"), verdict="rework", by="human", head=Sha("a")),
        approval("phase-a", "a'"),
    )
    late = approved.note(judged(approved, gating.flight, "fail"))
    entry = late.queue.of(PhaseId("phase-a"))
    assert entry is not None
    assert (entry.state, entry.head) == ("queued", "a'")


@pytest.mark.parametrize("moved", [False, True])
def test_a_landing_killed_half_way_is_found_out_and_not_repeated(moved: bool) -> None:
    """Whether main had moved when the lander died is asked of git, and never guessed."""
    world = start("a", Budget())
    while not isinstance(world.flight, Landing):
        world = next(steps(world))
    if moved:
        world = next(steps(world))
    killed = world.idle()
    assert isinstance(owed(killed.now), Settle)
    assert run(killed).tip == "root|a"


def test_a_landing_that_somebody_came_before_starts_its_turn_again() -> None:
    """The candidate was built on another base, so it is built and gated anew."""
    world = start("a", Budget())
    while not isinstance(world.flight, Landing):
        world = next(steps(world))
    done = run(replace(world, tip="root|x"))
    assert done.tip == "root|x|a"
    assert len([e for e in done.events if isinstance(e, GateFinished)]) == 2


def test_candidates_of_another_head_are_not_taken() -> None:
    """A build that was under way when the phase was approved again ends too late."""
    world = start("a", Budget()).note(approval("phase-a", "a'"))
    late = CandidateBuilt(
        phase=PhaseId("phase-a"),
        head=Sha("a"),
        base=Sha(ROOT),
        candidate=Sha("root|a"),
        tree=tree_of("root|a"),
        how="replay",
    )
    entry = world.note(late).queue.of(PhaseId("phase-a"))
    assert entry is not None
    assert entry.candidate is None
    assert Candidate(Sha(ROOT), Sha("root|a"), tree_of("root|a")) not in [e.candidate for e in world.queue.entries]
