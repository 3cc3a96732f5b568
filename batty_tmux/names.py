"""The words everything else is written in. The leaf: imports nothing of batty."""

import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

Sha = NewType("Sha", str)
"""A full object id, of a commit or of a tree."""
PhaseId = NewType("PhaseId", str)
"""The name of a phase's folder, proved safe by `phase_id`."""
Branch = NewType("Branch", str)
"""A short branch name, without refs/heads/."""
RunId = NewType("RunId", str)
"""Three digits or more: "001"."""
PaneId = NewType("PaneId", str)
WindowId = NewType("WindowId", str)
SessionId = NewType("SessionId", str)

_PHASE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_NUMBERS = re.compile(r"(\d+)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Base:
    """The branch that phases start from and land on: one of this repository, or that of a remote, as last fetched.

    Written into words or into a revision it is "main", or "origin/main".
    """

    name: str
    remote: str = ""

    @property
    def ref(self) -> str:
        """The full name of the ref that says where it is."""
        return f"refs/remotes/{self.remote}/{self.name}" if self.remote else f"refs/heads/{self.name}"

    def __str__(self) -> str:
        return f"{self.remote}/{self.name}" if self.remote else self.name


def phase_id(text: str) -> PhaseId | None:
    """Return the name if it can be a folder, a branch component, a tmux word and a shell word at once.

    Such a name has at most 64 of the characters A-Z a-z 0-9 . _ -, starts with a letter or digit, and
    does not end in "." or ".lock" nor hold "..": git refuses those in branches. `all` means every phase.
    """
    if text == "all" or _PHASE.fullmatch(text) is None or ".." in text or text.endswith(".lock"):
        return None
    return PhaseId(text)


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key under which phase-2 comes before phase-2.5, and that before phase-10."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in _NUMBERS.split(text) if part)


def slug(text: str, limit: int = 24) -> str:
    """Reduce text to characters that tmux neither expands nor splits, for window names and menus.

    tmux expands formats in names, so `#(command)` in a title would run. Never empty.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("-", plain).strip("-.")[:limit].strip("-.") or "phase"


def clean(text: str, limit: int = 120) -> str:
    """Make text safe to show on one line: no control characters, nothing a theme could expand.

    `#` becomes the full-width sign, because some themes expand option values a second time.
    """
    visible = "".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    shown = visible.replace("#", "\N{FULLWIDTH NUMBER SIGN}")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
