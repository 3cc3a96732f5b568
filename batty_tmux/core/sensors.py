"""What an executor does, fused from all that can be known of it; who is trusted comes first.

The agent's own reports, then the screen, then the process. Silence of one sensor is never proof: hooks that do not
report are said to be dead, and a screen that shows no sign of work is no rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Sees = Literal["working", "asking", "stuck", "limited", "idle", "exited", "unknown"]
Process = tuple[int, float]
Sensor = Literal["process", "journal", "hooks", "screen", "silence"]

REST: Final = 2.0
"""Seconds that an agent's empty composer must stay before the screen alone says that its turn is over."""
REST_UNKNOWN: Final = 15.0
"""The same for a program whose screen nothing is known about: it must not have printed for so long."""
REST_UNTOLD: Final = 30.0
"""The same for an agent whose hooks report and have not told of the end: one report may be lost."""
FIRST_REPORT: Final = 10.0
"""Seconds that an agent may show signs of life on its screen before the first report of its hooks."""
DIALOG_REPORT: Final = 3.0
"""Seconds that a dialog may stand on the screen before the report of it, where hooks tell of such."""
TOIL: Final = 0.05
"""Share of a core from which the processes below an executor are at work; a program that only waits uses less."""
LOOK_BELOW, LOOK_BELOW_LATER = 5.0, 30.0
"""Seconds without anything new before they are looked at, and between two looks; the second after a minute."""
_MINUTE: Final = 60.0


@dataclass(frozen=True)
class Signs:
    """What each sensor says now. Times in seconds.

    `turn` is the last that hooks told of it, "" where they are not heard. `prompt` is the kind of the dialog on the
    screen. `rest` is what the screen shows of a turn that ended, `quiet` for how long nothing was printed. `toil`
    tells whether processes below the executor were at work when they were last looked at.
    """

    running: bool = True
    limited: bool = False
    stalled: bool = False
    turn: Literal["", "on", "over"] = ""
    prompt: str | None = None
    busy: bool = False
    rest: bool = False
    quiet: float = 0.0
    toil: bool = False
    family: str = "any"


def state(signs: Signs) -> tuple[Sees, Sensor]:
    """Return what the executor does, and which sensor says so."""
    if not signs.running:
        return "exited", "process"
    if signs.prompt is not None:
        # no hook tells of every dialog: what stands on the screen is there, whatever was reported
        return ("unknown" if signs.prompt == "unknown" else "asking"), "screen"
    if signs.limited:
        return "limited", "journal"
    if signs.turn == "over" and not signs.busy:
        return ("stuck", "journal") if signs.stalled else ("idle", "hooks")
    if _rests(signs):
        return ("stuck", "journal") if signs.stalled else ("idle", "screen" if signs.family != "any" else "silence")
    if signs.stalled:
        return "stuck", "journal"
    if signs.turn == "on":
        return "working", "hooks"
    return "working", "process" if signs.toil and not signs.busy else "screen"


def is_idle(signs: Signs) -> bool:
    """Tell whether the executor's turn is over, however long it has been so."""
    over = signs.turn == "over" and not signs.busy
    return signs.running and signs.prompt is None and (over or _rests(signs))


def _rests(signs: Signs) -> bool:
    """Tell whether the screen alone says so. Against the word of hooks it takes longer."""
    if signs.family == "any":
        return signs.quiet >= REST_UNKNOWN and not signs.toil
    return signs.rest and signs.quiet >= (REST_UNTOLD if signs.turn else REST)


def looks_below(silent: float, since: float, *, idle: bool, family: str) -> bool:
    """Tell whether to look at the processes below an executor: only where nothing else tells that it is at work.

    `silent` is for how many seconds no sensor saw anything new, `since` how long ago the last such look was. An agent
    whose screen is known shows its rest there, and what it leaves running then is not its turn.
    """
    if family != "any" and (idle or silent < _MINUTE):
        return False
    return silent >= LOOK_BELOW and since >= (LOOK_BELOW if silent < _MINUTE else LOOK_BELOW_LATER)


def toils(before: Mapping[Process, float], now: Mapping[Process, float], seconds: float) -> bool:
    """Tell whether processes are at work, by the processor time that each had used before and has used now.

    Two looks that are far apart tell nothing about now: other things happened between them.
    """
    if seconds > _MINUTE:
        return False
    used = sum(max(0.0, total - before.get(process, 0.0)) for process, total in now.items())
    return used >= TOIL * seconds
