"""The title of a pane of batty's: what is left of a window once it was saved and restored by somebody else.

Plugins that bring sessions back know windows by name, place and title. batty's own options are not among what they
keep, and a name may be anybody's; a title says which repository's, which phase's and which run's window it was.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from batty_tmux.names import PhaseId, RunId, phase_id

_MARK: Final = re.compile(r"batty (\S+) (\d{3,}) ([0-9a-f]{10})")
_HOME: Final = "-"


@dataclass(frozen=True)
class Mark:
    """Whose a window was; `phase` is None for the home window, `repo` a digest of where its repository's state is."""

    phase: PhaseId | None
    run: RunId
    repo: str


def mark(phase: PhaseId | None, run: RunId, state: str) -> Mark:
    """Return the mark of a window; `state` is the folder of the repository's state."""
    return Mark(phase, run, hashlib.sha256(state.encode("utf-8", "surrogateescape")).hexdigest()[:10])


def title(of: Mark) -> str:
    """Return the mark as the title of a pane: in it is nothing that tmux expands."""
    return f"batty {of.phase or _HOME} {of.run} {of.repo}"


def read(text: str) -> Mark | None:
    """Return what a title says, None for one that is not batty's."""
    found = _MARK.fullmatch(text.strip())
    if found is None:
        return None
    phase = None if found[1] == _HOME else phase_id(found[1])
    return None if phase is None and found[1] != _HOME else Mark(phase, RunId(found[2]), found[3])
