"""The words of stopping and of coming back: what was found, what was done about it, what is next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from batty_tmux.core.attention import age_of
from batty_tmux.names import PhaseId, clean

ASKED_TO_STOP: Final = (
    "Stop here for now: commit on this branch what you have, also if it is half done, with a message that says what "
    "is left. Then end your turn, and begin nothing new. You will go on later."
)
"""What an agent is told before its executor is ended. One line: it is sent with Enter."""

How = Literal["committed", "left", "exited", "late", "not-asked"]
_HOW: Final[dict[How, str]] = {
    "committed": "all is committed",
    "left": "its agent ended its turn without committing everything",
    "exited": "its agent ended by itself",
    "late": "its agent did not get it done in time",
    "not-asked": "it was not asked to commit",
}


@dataclass(frozen=True)
class Stopped:
    """One executor that was ended. `why` says why its agent was not asked, `problem` why there is no snapshot."""

    phase: PhaseId
    how: How
    why: str = ""
    uncommitted: int = 0
    worktree: str = ""
    snapshot: str = ""
    problem: str = ""


def stopped_line(one: Stopped) -> str:
    """Return how a phase was left, and where what is not committed is."""
    told = f"· {one.phase}: {_HOW[one.how]}{f' ({one.why})' if one.why else ''}"
    if one.uncommitted:
        files = "1 file" if one.uncommitted == 1 else f"{one.uncommitted} files"
        told += f"; {files} not committed {'is' if one.uncommitted == 1 else 'are'} in {clean(one.worktree, 200)}"
    if one.snapshot:
        told += f", and in {one.snapshot}"
    elif one.problem:
        told += f", and no snapshot could be made: {clean(one.problem, 120)}"
    return told


def asked_line(names: Sequence[PhaseId], seconds: float) -> str:
    """Return whom a stop waits for."""
    return f"asked to commit; waits {round(seconds)} s at most for {listed(names)}   (^C: end them now)"


def listed(names: Sequence[str]) -> str:
    """Return names as one reads them aloud; of many, the first ones and how many more."""
    if len(names) > _MANY:
        return f"{', '.join(names[: _MANY - 1])} and {len(names) - _MANY + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


_MANY: Final = 6

Ended = Literal["machine", "tmux", "windows", "stop", ""]
Start = Literal["conversation", "anew", "waits"]


@dataclass(frozen=True)
class Opened:
    """A window that was opened again. `start` is how its agent begins; "waits" for one that has nothing to do now."""

    phase: PhaseId
    state: str
    start: Start


@dataclass(frozen=True)
class Found:
    """What `batty resume` found, and what it did about it.

    `ended` is the largest thing that had ended. `quiet` is for how many seconds there was no sign of life, None where
    that is not known; `up` for how many the machine runs, where it had been started anew. `supervisors` had died
    alone, `launched` began now, `closed` are dead windows that somebody's restoring had left. `notes` are sentences
    of what else was found, each about one thing; `stays` phases that could not be brought back, each with why.
    """

    ended: Ended = ""
    quiet: int | None = None
    up: int | None = None
    opened: tuple[Opened, ...] = ()
    supervisors: tuple[PhaseId, ...] = ()
    launched: tuple[PhaseId, ...] = ()
    closed: tuple[str, ...] = ()
    queued: tuple[PhaseId, ...] = ()
    lander: bool = False
    gate: bool = True
    waits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stays: tuple[tuple[PhaseId, str], ...] = ()
    next: str = ""


def found_lines(run: str, found: Found) -> list[str]:
    """Return the three lines, and one more for each thing that nobody would guess."""
    return [_what_had_ended(run, found), _what_goes_on(found), _what_waits(found), *(f"! {n}" for n in _notes(found))]


def _what_had_ended(run: str, found: Found) -> str:
    quiet = "" if found.quiet is None else f"; the last sign of life was {age_of(found.quiet)} ago"
    match found.ended:
        case "machine":
            up = "" if found.up is None else f" {age_of(found.up)} ago"
            return f"run {run}: the machine was started anew{up}{quiet}"
        case "tmux":
            return f"run {run}: tmux had ended{quiet}"
        case "windows":
            return f"run {run}: some windows were gone{quiet}"
        case "stop":
            return f"run {run}: batty stop had ended it{quiet}"
        case _:
            dead = f", and the supervisor of {listed(found.supervisors)} had ended" if found.supervisors else ""
            return f"run {run}: all windows are there{dead}{quiet if found.supervisors else ''}"


def _what_goes_on(found: Found) -> str:
    def of(start: Start) -> list[str]:
        return [one.phase for one in found.opened if one.start == start]

    told = []
    if names := of("conversation"):
        told.append(f"{listed(names)} {'goes' if len(names) == 1 else 'go'} on with {_own(names)}")
    if names := of("anew"):
        told.append(f"{listed(names)} {'starts' if len(names) == 1 else 'start'} anew in {_its(names)} as it was left")
    if names := [f"{one.phase} ({one.state})" for one in found.opened if one.start == "waits"]:
        told.append(f"{listed(names)} {'has its window' if len(names) == 1 else 'have their windows'}")
    if found.launched:
        told.append(f"{listed(found.launched)} {'is' if len(found.launched) == 1 else 'are'} launched")
    if found.supervisors:
        told.append(f"{listed(found.supervisors)} {'is' if len(found.supervisors) == 1 else 'are'} supervised again")
    return "; ".join(told) if told else "opened nothing: nothing was missing"


def _own(names: Sequence[str]) -> str:
    return "its agent's own conversation" if len(names) == 1 else "their agents' own conversations"


def _its(names: Sequence[str]) -> str:
    return "its worktree" if len(names) == 1 else "their worktrees, each"


def _what_waits(found: Found) -> str:
    if found.queued and not found.gate:
        queue = f"the queue stands still with {listed(found.queued)}: there is no gate"
    elif found.lander:
        queue = f"the lander is at work on {listed(found.queued)}" if found.queued else "the lander is at work"
    else:
        queue = "the queue waits for nothing"
    you = f"; {listed(found.waits)} {'needs' if len(found.waits) == 1 else 'need'} you" if found.waits else ""
    return f"{queue}{you or '; nothing needs you'}"


def _notes(found: Found) -> list[str]:
    closed = f"closed {listed(found.closed)}: restored without what ran there" if found.closed else ""
    stays = (f"{phase} was not brought back: {why}" for phase, why in found.stays)
    return [clean(note, 400) for note in (*stays, *found.notes, closed) if note]
