"""Events of a merge queue, for journals written by hand: phase "a" has the head "head-a" and stands on "root+a"."""

from datetime import timedelta
from typing import Any

import msgspec

from batty_tmux.core.events import (
    AnyEvent,
    CandidateBuilt,
    Conflicted,
    Deferred,
    Ejected,
    Enqueued,
    GateFinished,
    GateStarted,
    GateStopped,
    Landed,
    Purpose,
    Refused,
    VerdictWord,
)
from batty_tmux.core.queue_state import GateKey
from batty_tmux.names import PhaseId, Sha
from tests.support.journaled import AT

BASE = Sha("root")
KEY = GateKey("gate", "machine", "clean")


def journal(*events: AnyEvent, after: int = 0) -> list[AnyEvent]:
    """Number the events, a minute apart."""
    return [
        msgspec.structs.replace(event, seq=after + n, at=AT + timedelta(minutes=n)) for n, event in enumerate(events, 1)
    ]


def enqueued(name: str, head: str = "", **more: Any) -> Enqueued:
    return Enqueued(phase=PhaseId(name), head=Sha(head or f"head-{name}"), claim=f"claim/{head or name}", **more)


def built(name: str, base: str = BASE, head: str = "", **more: Any) -> CandidateBuilt:
    sha = Sha(f"{base}+{head or name}")
    told = {"how": "replay", **more}
    return CandidateBuilt(
        phase=PhaseId(name), head=Sha(head or f"head-{name}"), base=Sha(base), candidate=sha, tree=tree(sha), **told
    )


def tree(sha: str) -> Sha:
    return Sha(f"tree:{sha}")


def started(name: str, sha: str = "", purpose: Purpose = "queue") -> GateStarted:
    sha = sha or f"{BASE}+{name}"
    return GateStarted(
        phase=PhaseId(name), purpose=purpose, commit=Sha(sha), tree=tree(sha), gate="gate", log=f"/{name}"
    )


def finished(name: str, verdict: VerdictWord = "pass", sha: str = "", **more: Any) -> GateFinished:
    sha = sha or f"{BASE}+{name}"
    told: dict[str, Any] = {"purpose": "queue", "gate": "gate", "environment": "machine", "hygiene": "clean", **more}
    return GateFinished(
        phase=PhaseId(name), commit=Sha(sha), tree=tree(sha), log=f"/{name}", verdict=verdict, status=1, **told
    )


def stopped(name: str, sha: str = "") -> GateStopped:
    sha = sha or f"{BASE}+{name}"
    return GateStopped(phase=PhaseId(name), purpose="queue", commit=Sha(sha), tree=tree(sha), log=f"/{name}")


def ejected(name: str, verdict: VerdictWord = "fail", sha: str = "", status: int | None = 1) -> Ejected:
    made = Sha(sha or f"{BASE}+{name}")
    head = Sha(f"head-{name}")
    return Ejected(phase=PhaseId(name), head=head, candidate=made, verdict=verdict, status=status, log="/log")


def landed(name: str, base: str = BASE, head: str = "") -> Landed:
    sha = Sha(f"{base}+{name}")
    return Landed(phase=PhaseId(name), head=Sha(head or f"head-{name}"), base=Sha(base), candidate=sha, tree=tree(sha))


def deferred(name: str, sha: str = "", *, half_done: bool = False) -> Deferred:
    made = Sha(sha or f"{BASE}+{name}")
    return Deferred(
        phase=PhaseId(name), candidate=made, checkout="/co", reason="in the way", paths=("f",), half_done=half_done
    )


def conflicted(name: str, base: str = BASE, *, predicted: bool = False) -> Conflicted:
    head = Sha(f"head-{name}")
    return Conflicted(phase=PhaseId(name), head=head, base=Sha(base), paths=("f",), predicted=predicted)


def refused(name: str, code: str = "reverts", head: str = "") -> Refused:
    return Refused(
        phase=PhaseId(name), head=Sha(head or f"head-{name}"), base=BASE, code=code, reason="why", paths=("f",)
    )


def word(kind: type, name: str, **more: Any) -> AnyEvent:
    made: AnyEvent = kind(phase=PhaseId(name), **more)
    return made
