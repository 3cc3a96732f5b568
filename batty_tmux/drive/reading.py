"""What a person who reviews is shown, and what becomes of their word: the same for the reader, a line and a pipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, get_args

from batty_tmux.core.packet_report import packet_markdown
from batty_tmux.core.paint import Ink, inks, only_colours, plain, visible
from batty_tmux.core.review import Packet, Verdict, proved, refusal
from batty_tmux.core.status import PhaseStatus
from batty_tmux.drive.effects import prove
from batty_tmux.drive.fill import fill
from batty_tmux.drive.packets import packet
from batty_tmux.drive.project import Project
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.verdicts import give, refuse_moved, tip_of
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.host.difference import delta, difference
from batty_tmux.host.files import tail
from batty_tmux.host.process import Stop
from batty_tmux.names import PhaseId, Sha

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
LOG_LINES: Final = 2_000
"""Lines from the end of the gate's log that the reader shows."""
_PROVABLE: Final = frozenset({"held", "failed", "reviewing"})

Say = Callable[[str], None]


@dataclass(frozen=True)
class Reading:
    """A phase's packet as it is shown. `refused` has, for each verdict that cannot be given, (code, reason).

    `proves` says that a merge would run the gate first. `waiting` are all phases that wait, the oldest first.
    """

    packet: Packet
    state: str
    seconds: int | None
    refused: Mapping[Verdict, tuple[str, str]]
    proves: bool
    waiting: tuple[PhaseId, ...]
    home: Path

    @property
    def markdown(self) -> str:
        return packet_markdown(self.packet)

    @property
    def nearby(self) -> str:
        """The same, with the paths of this machine as they are seen from the repository."""
        text = self.markdown.replace(f"`{self.home}/", "`")
        return text if self.home.parent == self.home.parent.parent else text.replace(f"`{self.home.parent}/", "`../")


@dataclass(frozen=True)
class Painted:
    """A diff for a terminal. `inks` say how each line is coloured; None where the lines hold their own colours."""

    lines: tuple[str, ...]
    inks: tuple[Ink, ...] | None
    whole: bool = True


def waiting(project: Project) -> tuple[PhaseId, ...]:
    """Return the phases that wait for a verdict, oldest first."""
    return _waiting(project.statuses())


def _waiting(statuses: tuple[PhaseStatus, ...]) -> tuple[PhaseId, ...]:
    found = sorted((s for s in statuses if s.state == "reviewing"), key=lambda s: s.watch.since)
    return tuple(status.phase.id for status in found)


def oldest(project: Project) -> PhaseId:
    """Return the phase that waits longest. Raises BattyError `nothing-to-review`."""
    found = waiting(project)
    if not found:
        raise BattyError("nothing-to-review", "no phase waits for a review", next="batty status")
    return found[0]


def read(project: Project, phase: PhaseId) -> Reading:
    """Gather what is shown of a phase, and what may be said of it."""
    statuses = project.statuses()
    status = next((one for one in statuses if one.phase.id == phase), None)
    if status is None:
        raise BattyError("no-phase", f"no phase is called {phase} on {project.base}", next="batty status")
    shown = packet(project, status)
    told = {verdict: refusal(status.watch, verdict, shown.head, shown.dirty) for verdict in VERDICTS}
    refused = {verdict: why for verdict, why in told.items() if why is not None}
    proves = refused.get("merge", ("", ""))[0] == "not-proved" and status.watch.state in _PROVABLE
    if proves:
        del refused["merge"]
    return Reading(shown, status.state, _age(status.since), refused, proves, _waiting(statuses), project.place.home)


def _age(since: datetime | None) -> int | None:
    return None if since is None else max(0, int((now() - since).total_seconds()))


def diff(project: Project, shown: Packet, width: int) -> Painted:
    """Return what the phase changed, for so many columns: coloured by `delta` where that is installed."""
    found = difference(project.place.home, shown.base, shown.head)
    lines = tuple(visible(line) for line in found.lines)
    coloured = delta(lines, width)
    if coloured is not None:
        return Painted(tuple(only_colours(line) for line in coloured), None, found.whole)
    return Painted(lines, tuple(inks(lines)), found.whole)


def log(shown: Packet) -> tuple[str, ...]:
    """Return the end of the gate's log, harmless; nothing where there is none."""
    return tuple(plain(line) for line in tail(Path(shown.gate.log), LOG_LINES)) if shown.gate is not None else ()


def decide(
    project: Project,
    phase: PhaseId,
    verdict: Verdict,
    feedback: str,
    say: Say,
    *,
    seen: Sha | None = None,
    stop: Stop | None = None,
) -> str:
    """Carry out a person's verdict, and return in words what became of it.

    `seen` is the commit that they read. A merge of what is not proved runs the gate first, which `stop` ends; `say`
    is told so.
    """
    if verdict == "merge":
        watch = project.watch(phase)
        head, dirty = tip_of(project, watch)
        refuse_moved(phase, head, seen)
        if watch.state in _PROVABLE and not dirty and head and not proved(watch, head):
            say(f"{phase}: the gate runs on {head[:9]}, its last commit")
            prove(project, watch, head, stop)
    give(project, phase, verdict, "human", feedback, seen=seen)
    if verdict == "merge":
        return f"{phase} is in the merge queue"
    if verdict == "rework":
        return f"{phase} goes back to its executor"
    fill(project)
    return f"{phase} is held: {feedback}"


def draft(shown: Packet, begun: str = "") -> str:
    """Return the text that an editor is opened with: what was begun, and below the cut what it is about."""
    return f"{begun}\n\n{CUT}\n\n{redacted(packet_markdown(shown))}"


def drafted(text: str) -> str:
    """Return what a person wrote into a draft."""
    return text.partition(CUT)[0].strip()


CUT: Final = "# ------ what is below this line is not sent: write above it what is to be done ------"
