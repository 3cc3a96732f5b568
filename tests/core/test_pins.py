"""The refs that must be there, as the journal tells them."""

from batty_tmux.core.events import CandidateBuilt, Enqueued, Landed, Landing, PinsChanged, PinsDropped, QueuePaused
from batty_tmux.core.pins import candidate_pin, expected, landing_pins
from batty_tmux.names import PhaseId, Sha

A, B = PhaseId("phase-a"), PhaseId("phase-b")
BASE, FIRST, SECOND = Sha("0" * 40), Sha("1" * 40), Sha("2" * 40)
CLAIM = Enqueued(phase=A, head=Sha("a" * 40), claim="refs/batty/claim/phase-a/1")
BUILT = CandidateBuilt(phase=A, head=CLAIM.head, base=BASE, candidate=FIRST, tree=Sha("t"), how="replay")
LANDING = Landing(phase=B, base=BASE, candidate=SECOND, phases=(A, B), seq=7)
LANDED = Landed(phase=A, head=CLAIM.head, base=BASE, candidate=FIRST, tree=Sha("t"))


def test_claims_and_candidates_are_kept_from_when_they_are_journaled() -> None:
    """A candidate may wait for days on no branch; git must not collect it, nor the claim that it is made of."""
    assert expected([CLAIM]) == {CLAIM.claim: CLAIM.head}
    assert expected([CLAIM, BUILT]) == {CLAIM.claim: CLAIM.head, candidate_pin(FIRST): FIRST}


def test_a_later_claim_does_not_give_up_the_earlier_one() -> None:
    """What was reviewed once stays reachable until its time is over."""
    later = Enqueued(phase=A, head=Sha("b" * 40), claim="refs/batty/claim/phase-a/2")
    assert expected([CLAIM, later]) == {CLAIM.claim: CLAIM.head, later.claim: later.head}


def test_a_landing_is_undone_by_two_refs_once_it_has_come_about() -> None:
    """Where the base was, and where it went; one that was only begun, or deferred, leaves none."""
    assert expected([LANDING]) == {}
    assert expected([LANDING, LANDED]) == {"refs/batty/main/7": BASE, "refs/batty/landed/7": SECOND}
    assert dict(landing_pins(LANDING)) == expected([LANDING, LANDED])


def test_each_entry_of_a_chain_speaks_of_the_same_landing() -> None:
    """Also where the list of outcomes was torn, and the rest of it was written by whoever came next."""
    other = Landed(phase=B, head=Sha("b"), base=FIRST, candidate=SECOND, tree=Sha("u"))
    assert expected([LANDING, other]) == expected([LANDING, LANDED]) == expected([LANDING, LANDED, other])


def test_a_landing_of_nothing_new_has_no_refs() -> None:
    """The base did not move, so there is nothing to go back to; nor is an older landing taken for it."""
    assert expected([LANDED]) == {}
    once = expected([LANDING, LANDED])
    assert expected([LANDING, LANDED, LANDED]) == once


def test_a_landing_without_a_list_is_of_its_one_phase() -> None:
    """As journals have it that were written before entries landed together."""
    alone = Landing(phase=A, base=BASE, candidate=FIRST, seq=3)
    assert expected([alone, LANDED]) == {"refs/batty/main/3": BASE, "refs/batty/landed/3": FIRST}


def test_what_somebody_removed_and_was_put_back_is_expected_still() -> None:
    """What could not be restored has been told of, and is not asked for again."""
    lost, kept = CLAIM.claim, candidate_pin(FIRST)
    told = PinsChanged(refs=(lost, kept), restored=(kept,))
    assert expected([CLAIM, BUILT, told]) == {kept: FIRST}


def test_what_was_given_up_is_not_expected() -> None:
    """A name that nobody knows is no trouble; a candidate that is built again is expected again."""
    dropped = PinsDropped(refs=(candidate_pin(FIRST), "refs/batty/cand/unknown"))
    assert expected([CLAIM, BUILT, dropped]) == {CLAIM.claim: CLAIM.head}
    assert candidate_pin(FIRST) in expected([BUILT, dropped, BUILT])


def test_other_events_make_no_refs() -> None:
    """Most of a journal."""
    assert expected([QueuePaused()]) == {}


def test_a_candidates_ref_is_named_after_its_commit() -> None:
    """So that building it twice makes one ref, and two candidates never share one."""
    assert candidate_pin(FIRST) == f"refs/batty/cand/{'1' * 16}"
    assert candidate_pin(FIRST) != candidate_pin(SECOND)
