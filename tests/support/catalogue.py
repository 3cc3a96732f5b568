"""The screens of agents that this project keeps, and what each shows. Imports nothing of batty_tmux."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

SCREENS = Path(__file__).parents[1] / "core" / "screens"
MEANINGS = ("yes once", "no", "trust", "skip", "wait", "submit")
"""What a policy may ask for."""


@dataclass(frozen=True)
class Shown:
    """One screen, named <family>-<version>-<id of the catalogue>[-variant], and what a person sees on it.

    `right` names, for each meaning that an option has, which option that is.
    """

    name: str
    text: str
    kind: str
    tool: str = ""
    subject: str = ""
    question: str = ""
    place: str = ""
    whole: bool = True
    options: tuple[str, ...] = ()
    caret: int | None = None
    right: Mapping[str, int] = field(default_factory=dict)
    state: str = ""
    notices: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        return self.name.partition("-")[0]

    @property
    def entry(self) -> str:
        """The id of the catalogue: C1 to C32, X1 to X22; "" for the screens of other programs."""
        return next((part for part in self.name.split("-")[2:3] if part[1:].isdigit() and part[0] in "CX"), "")

    def keys(self, meaning: str) -> tuple[str, ...] | None:
        """The keys that are right for a meaning; None where no option has it."""
        if meaning not in self.right:
            return None
        if self.caret is None:
            return (self.letter(meaning), "Enter")
        return steps(self.caret, self.right[meaning])

    def letter(self, meaning: str) -> str:
        """What answers a line that asks for y or n."""
        return "y" if meaning == "yes once" else "n"


def steps(caret: int, to: int) -> tuple[str, ...]:
    """Name the keys that lead from one option to another, and take it."""
    return ("Down" if to > caret else "Up",) * abs(to - caret) + ("Enter",)


@cache
def catalogue() -> Mapping[str, Shown]:
    told = tomllib.loads((SCREENS.parent / "screens.toml").read_text(encoding="utf-8"))
    return {name: _shown(name, entry) for name, entry in told.items()}


def _shown(name: str, told: dict[str, object]) -> Shown:
    text = (SCREENS / f"{name}.txt").read_text(encoding="utf-8")
    return msgspec.convert(told | {"name": name, "text": text}, Shown)


def dialogs() -> list[Shown]:
    """The screens with options among which a caret is moved."""
    return [shown for shown in catalogue().values() if shown.caret is not None]
