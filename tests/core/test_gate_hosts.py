"""Where a gate runs is told as long as it runs there, and what keeps all of them from running until one has run."""

from typing import Any

import pytest

from batty_tmux.core import checks, slots, supervise
from batty_tmux.core.account import gates
from batty_tmux.core.account_words import gate_words
from batty_tmux.core.attention import waiting
from batty_tmux.core.board import Phase
from batty_tmux.core.checks import WorkersFacts
from batty_tmux.core.events import (
    AnyEvent,
    GateFinished,
    GateMoved,
    GatePlaced,
    GateStarted,
    GateStopped,
    LanderStopped,
)
from batty_tmux.core.merge_queue import fold
from batty_tmux.core.queue_report import history, standstill_lines, told, why
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.status import derive
from batty_tmux.core.watch import Watch
from batty_tmux.names import PhaseId, Sha
from tests.support.journaled import AT
from tests.support.queue_events import BASE, built, enqueued, finished, journal, started, stopped, tree

ONE = PhaseId("one")
SHA = Sha(f"{BASE}+one")
ABOUT: dict[str, Any] = {"phase": ONE, "purpose": "queue", "commit": SHA, "tree": tree(SHA), "log": "/one"}
PLACED = GatePlaced(**ABOUT, host="w1")
MOVED = GateMoved(**ABOUT, host="w1", why="it is gone")
TROUBLE = LanderStopped(code="no-worker", reason="none fits", evidence=("w1: PATH",), advice="batty doctor")
BEGUN = (enqueued("one"), built("one"), started("one"))


def queue(*events: AnyEvent) -> Queue:
    return fold(journal(*events))


def test_an_entry_at_the_gate_has_the_host_of_its_gate() -> None:
    at = queue(*BEGUN, PLACED)
    entry = at.entries[0]
    assert (entry.state, entry.host) == ("gating", "w1")
    assert why(at, entry) == "the gate runs on its candidate, at w1"
    assert derive(Phase(ONE, "One"), Watch(ONE), at, (), None).says == "the gate runs on the candidate, at w1"


@pytest.mark.parametrize("over", [MOVED, finished("one"), stopped("one"), started("one")])
def test_it_has_none_once_the_gate_is_elsewhere_or_over(over: AnyEvent) -> None:
    assert queue(*BEGUN, PLACED, over).entries[0].host == ""


def test_another_claims_gate_is_not_this_ones() -> None:
    other = GatePlaced(**{**ABOUT, "commit": Sha("older")}, host="w9")
    assert queue(*BEGUN, other).entries[0].host == ""


def test_what_happened_tells_each_host_and_why_it_was_left() -> None:
    last = finished("one", seconds=2.0, host="w2")
    rows = [text for _, text in history(ONE, journal(*BEGUN, PLACED, MOVED, last))]
    assert any(text.endswith("runs at w1") for text in rows)
    assert any(text.endswith("leaves w1: it is gone") for text in rows)
    assert any(text.endswith("after 2.0 s, at w2") for text in rows)


def test_a_host_is_no_terminals_business() -> None:
    hostile = GatePlaced(**ABOUT, host="\x1b]0;x\x07#(x)")
    assert "\x1b" not in str(told(hostile))
    assert "#" not in str(told(hostile))


def test_what_keeps_every_gate_from_running_is_told_until_one_runs() -> None:
    stands = queue(*BEGUN, stopped("one"), TROUBLE)
    assert "\n".join(standstill_lines(stands)).split("\n") == [
        "! no gate can run now: none fits",
        "  w1: PATH",
        "  ↳ next: batty doctor   then: batty land",
    ]
    assert why(stands, stands.entries[0]) == "no gate can run now: none fits"
    assert [(one.phase, one.command) for one in waiting((), AT, stands)] == [(None, "batty doctor")]
    for sign in (PLACED, finished("one")):
        assert queue(*BEGUN, stopped("one"), TROUBLE, started("one"), sign).trouble is None
    assert queue(*BEGUN, TROUBLE, started("one")).trouble is not None


def test_a_phases_own_gate_tells_its_host() -> None:
    def watch(*events: AnyEvent) -> Watch:
        return supervise.fold(ONE, journal(*events))

    own: dict[str, Any] = {**ABOUT, "purpose": "phase"}
    begun = GateStarted(**own, gate="g")
    assert watch(begun, GatePlaced(**own, host="w1")).gate_host == "w1"
    assert watch(begun, PLACED).gate_host == ""
    over = (GateMoved(**own, host="w1", why=""), GateStopped(**own), GateFinished(**own, gate="g", verdict="pass"))
    for event in over:
        assert watch(begun, GatePlaced(**own, host="w1"), event).gate_host == ""
    assert watch(begun, GateStopped(**own)).gating is None


def test_what_workers_do_says_nothing_of_this_machines_room() -> None:
    pace = slots.Pace()
    own = finished("one", seconds=2.0, cpu=1.0)
    assert slots.apply(pace, own) != pace
    away = finished("one", seconds=2.0, cpu=1.0, host="w1")
    assert slots.apply(pace, away) == pace
    assert slots.measured([away], 8, None) == 1


def test_the_report_names_the_host_of_each_gate() -> None:
    ran = gates(journal(started("one"), PLACED, finished("one", seconds=2.0, host="w2")))
    assert [(one.host, gate_words(one)) for one in ran] == [("w2", "passed at w2")]
    ended = gates(journal(started("one"), PLACED, stopped("one")))
    assert [gate_words(one) for one in ended] == ["stopped at w1"]


@pytest.mark.parametrize(
    ("facts", "states"),
    [
        (WorkersFacts("dask://h:1", "does not answer", "dask scheduler"), {"workers": "missing"}),
        (WorkersFacts("dask://h:1", mine="1", theirs="1"), {"scheduler": "ok", "workers": "missing"}),
        (WorkersFacts("dask://h:1", mine="1", theirs="1", fit=(("w1", 2),)), {"scheduler": "ok", "workers": "ok"}),
        (
            WorkersFacts("dask://h:1", mine="1", theirs="2", fit=(("w1", 2),), others=(("w2", ("PATH",)),)),
            {"scheduler": "note", "workers": "ok", "worker w2": "note"},
        ),
    ],
)
def test_doctor_misses_only_workers_without_which_nothing_lands(facts: WorkersFacts, states: dict[str, str]) -> None:
    found = checks.workers(facts)
    assert {finding.check: finding.state for finding in found} == states
    assert all(finding.mend for finding in found if finding.state == "missing")
