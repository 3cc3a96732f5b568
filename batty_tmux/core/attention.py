"""What waits for a person: one list, oldest first, with what settles each. And whether supervision is on hold."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from batty_tmux.core.events import Prompted
from batty_tmux.core.queue_plan import standstill
from batty_tmux.core.queue_state import Queue
from batty_tmux.core.status import PhaseStatus
from batty_tmux.core.watch import Watch
from batty_tmux.names import PhaseId, clean

Hold = Literal["", "paused", "you"]
"""Why supervision types nothing into a phase: a person paused it, or a person types there. "" where it may."""

KEYS: Final = {"batty answer": "a", "batty review": "r", "batty attach": "w", "batty work": "l"}
"""The key of the plugin's menu that leads to what a command does."""

AWAY: Final = "away"
"""The state of a host that does not answer while phases work there."""
OVER: Final = "over"
"""The state of a run whose window of time is over while phases could start."""

_WORDS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._,:()-")
_LONGEST = 120
_WIDEST = 400
_WORD = 32


@dataclass(frozen=True)
class Waiting:
    """One thing that waits. `key` identifies this appearance of it: another question of the same phase has another.

    `phase` is None for the merge queue as a whole, for the run, whose window of time is over, and for a `host` that is
    silent. `question` is what
    is asked, `reason` why a person must say, where the two are not the same. `command` settles it, `menu` is the key of
    the menu that does, "" where none does. `suggested` is an answer that a key accepts.
    """

    phase: PhaseId | None
    key: str
    state: str
    question: str
    reason: str
    since: datetime | None
    seconds: int | None
    command: str
    menu: str = ""
    suggested: str = ""
    host: str = ""

    @property
    def name(self) -> str:
        return self.phase or self.host or ("the run" if self.state == OVER else "the merge queue")


def waiting(statuses: Iterable[PhaseStatus], now: datetime, queue: Queue | None = None) -> tuple[Waiting, ...]:
    """List all that waits for a person, each once, oldest first; what has no age comes last."""
    everything = tuple(statuses)
    found = [_of_a_phase(status, now) for status in everything if status.waits_for_a_person and not status.lost]
    if queue is not None:
        found += _of_the_queue(queue)
    found += [*_of_the_run(everything), *_of_hosts(everything, now)]
    return tuple(sorted(found, key=lambda one: (one.since is None, one.since or now)))


def _of_a_phase(status: PhaseStatus, now: datetime) -> Waiting:
    prompt = status.watch.prompt if status.state == "asking" else None
    return Waiting(
        phase=status.phase.id,
        key=_key(status, prompt),
        state=status.state,
        question=prompt.wording if prompt else status.says or status.state,
        reason=prompt.reason if prompt else _last_words(status),
        since=status.since,
        seconds=None if status.since is None else max(0, int((now - status.since).total_seconds())),
        command=status.next,
        menu=_menu_key(status),
        suggested=suggestion(prompt),
    )


def _last_words(status: PhaseStatus) -> str:
    """Return how a setup that failed ended: the end of what it said, and where the rest is."""
    held = status.watch.held
    if status.state != "failed" or held is None or held.code != "setup-failed":
        return ""
    return "; ".join(line.strip() for line in held.evidence[-2:])


def _of_the_queue(queue: Queue) -> list[Waiting]:
    """Return the standstill of the queue, if it is at one. A pause is a person's own doing: it waits for nobody."""
    told = standstill(queue)
    if told is None and queue.trouble is not None:
        why, rest = queue.trouble, "; ".join(queue.trouble.evidence[:3])
        key = _digest("queue", str(why.seq), why.code)
        return [Waiting(None, key, "standstill", f"no gate can run: {why.reason}", rest, None, None, why.advice)]
    if told is None:
        return []
    key = _digest("queue", str(queue.resumed), told)
    return [Waiting(None, key, "standstill", told, "", None, None, "batty queue resume")]


def _of_the_run(statuses: Sequence[PhaseStatus]) -> list[Waiting]:
    """Return the end of the run's window, if phases could start and are not launched for it."""
    late = [status for status in statuses if status.kept == "over"]
    if not late:
        return []
    count = "1 phase" if len(late) == 1 else f"{len(late)} phases"
    told = f"{late[0].says}; {count} could start"
    return [Waiting(None, _digest("run", OVER, late[0].says), OVER, told, "", None, None, late[0].next)]


def _of_hosts(statuses: Sequence[PhaseStatus], now: datetime) -> list[Waiting]:
    """Return the hosts that have been silent for long, each once, whatever number of phases work there."""
    found: dict[str, list[PhaseStatus]] = {}
    for status in statuses:
        if status.lost:
            found.setdefault(status.watch.host, []).append(status)
    return [_of_a_host(host, there, now) for host, there in found.items()]


def _of_a_host(host: str, there: Sequence[PhaseStatus], now: datetime) -> Waiting:
    since = min(s.watch.lost.at for s in there if s.watch.lost is not None)
    seconds = max(0, int((now - since).total_seconds()))
    names = ", ".join(s.phase.id for s in there)
    told = f"does not answer, and {names} {'works' if len(there) == 1 else 'work'} there"
    return Waiting(None, _digest("host", host, str(since)), AWAY, told, "", since, seconds, there[0].next, host=host)


def _key(status: PhaseStatus, prompt: Prompted | None) -> str:
    """Identify this appearance by what the journal says of it: a supervisor that starts again finds the same."""
    if prompt is not None:
        return _digest(status.phase.id, "asking", prompt.key)
    launched = status.watch.launched
    # a window may be gone, come back and be gone again, while the phase's state in the journal is the same
    window = f"{launched.server} {launched.window}" if launched is not None and status.state == "stuck" else ""
    return _digest(status.phase.id, status.state, str(status.since), window)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _menu_key(status: PhaseStatus) -> str:
    """Return the menu's key for it. The menu offers for review what waits for its first verdict, nothing else."""
    key = KEYS.get(" ".join(status.next.split()[:2]), "")
    return "" if key == "r" and status.state != "reviewing" else key


def suggestion(prompt: Prompted | None) -> str:
    """Return the answer that the policy suggests for a prompt; "" where it suggests none."""
    return prompt.would if prompt is not None and prompt.decision == "suggest" else ""


def news(found: Iterable[Waiting], told: Collection[str]) -> tuple[Waiting, ...]:
    """Return what a person has not been told of. `told` are the keys of what was."""
    return tuple(one for one in found if one.key not in told)


def notice(project: str, newest: Waiting, count: int) -> str:
    """Return the one line of a notification that leaves batty's own panes.

    It is made of names that were proved safe and of batty's own words: nothing that an agent wrote is in it, and
    nothing that a terminal could obey.
    """
    more = f" ({count} need you)" if count > 1 else ""
    text = f"batty: {newest.name} of {project[:_WORD]} is {_state(newest)}{more}"
    return "".join(c if c in _WORDS else "-" for c in text)[:_LONGEST]


def _state(one: Waiting) -> str:
    return one.state if one.phase is not None or one.state in {OVER, AWAY} else f"at a {one.state}"


def hold(watch: Watch) -> Hold:
    """Tell whether supervision of a phase is on hold, and by what."""
    by = watch.paused.by if watch.paused is not None else ""
    return "paused" if by == "person" else "you" if by == "keys" else ""


def waiting_lines(one: Waiting, *, ages: bool = False, menu: str = "") -> list[str]:
    """Return what a phase waits for, and what goes on from there: a command, and the keys that do the same.

    `menu` is the key that opens the plugin's menu, "" where none does.
    """
    told = f"{clean(one.question, 300)}{f' ({clean(one.reason, 160)})' if one.reason else ''}"
    since = f", {age_of(one.seconds)}" if ages and one.seconds is not None else ""
    key = f"   (prefix + {clean(menu, 20)}, {one.menu})" if menu and one.menu else ""
    return [f"  {one.name}{since}: {told}", f"    ↳ {typeable(one.command)}{key}"]


def hold_line(phase: PhaseId, by: Hold, key: str = "") -> str:
    """Return the line that tells why supervision types nothing, and what lets it go on: a command, and its key."""
    told = "is paused" if by == "paused" else "is yours: its supervision waits until its pane has been quiet"
    return f"! {phase} {told}   ↳ batty unpause {phase}{f'   (prefix + {clean(key, 20)})' if key else ''}"


def prompt_lines(prompt: Prompted, options: Sequence[str] = (), rows: int | None = None) -> list[str]:
    """Return a prompt as a person reads it: its last rows, or all, then its options, numbered."""
    text = (prompt.text or prompt.question).strip("\n")
    lines = [typeable(row.expandtabs(4))[:_WIDEST] for row in text.splitlines()]
    kept = lines if rows is None else lines[-max(rows, 1) :]
    left_out = [f"... {len(lines) - len(kept)} rows above"] if len(kept) < len(lines) else []
    numbered = [f"  {number}  {clean(label, 160)}" for number, label in enumerate(options, 1)]
    return [*left_out, *kept, *([""] if numbered else []), *numbered]


def typeable(text: str) -> str:
    """Return a text without what a terminal would obey; all that is visible stays as it is typed."""
    return "".join(c for c in text if c.isprintable())


def age_of(seconds: int | None) -> str:
    """Return a span in the one unit that matters."""
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
