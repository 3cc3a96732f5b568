"""The upper pane of a phase on another host: its executor there, seen through ssh, again whenever that was cut."""

import sys
from typing import Final

from batty_tmux.drive import hosting
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import pause
from batty_tmux.names import PhaseId, clean

_PAUSES: Final = (1.0, 2.0, 4.0, 7.0, 10.0)
"""Seconds until the next try, the last of them from then on."""
_HELD: Final = 5.0
"""Seconds that a connection must have held for the pauses to begin anew."""
_PLAIN: Final = "\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m\x1b(B\r\n"
"""What takes back all that a full screen that was cut off has asked of this terminal."""


def keep_showing(project: Project, phase: PhaseId) -> None:
    """Show the phase's executor until the phase is over, or works elsewhere; say plainly when it cannot be seen."""
    place, launching = project.place, project.watch(phase).launching
    tries = 0
    while launching is not None and _goes_on(place, phase, launching.branch):
        _say(f"shows {phase} on {launching.where}")
        began, why = monotonic(), "its window there is gone, or was closed"
        try:
            status = hosting.show(Project.at(place, project.base.name), place.records.watch(phase))
            why = f"{launching.where} does not answer" if status == 255 else why  # noqa: PLR2004 -- ssh's own
        except BattyError as refused:
            why = clean(refused.what, 200)
        tries = 0 if monotonic() - began > _HELD else tries
        seconds = _PAUSES[min(tries, len(_PAUSES) - 1)]
        tries += 1
        sys.stdout.write(_PLAIN)
        if not _goes_on(place, phase, launching.branch):
            break
        _say(f"{why}. Its agent goes on; the next try is in {seconds:.0f} s")
        pause(seconds)
    _say(f"{phase} is over here")


def _goes_on(place: Place, phase: PhaseId, branch: str) -> bool:
    place.records.refresh()
    watch = place.records.watch(phase)
    return not watch.closed and watch.launching is not None and watch.launching.branch == branch


def _say(words: str) -> None:
    sys.stdout.write(f"batty: {words}\n")
    sys.stdout.flush()
