"""What was measured, as it is kept between runs: each part of the bench can be run by itself."""

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct


class Own(Struct, frozen=True):
    """Seconds for each landing, by round. `gate` is what the gates took of batty's, `script_gate` of the script's."""

    setting: Literal["main checked out", "main nowhere", "one alone"]
    phases: int
    script: tuple[float, ...]
    script_gate: float
    batty: tuple[float, ...]
    gate: tuple[float, ...]


class Wall(Struct, frozen=True):
    """Seconds until all ready phases have landed; `model` is what the core alone needs, in gate times."""

    way: Literal["serial", "each", "batch"]
    slots: int
    phases: int
    gate: float
    seconds: tuple[float, ...]
    model: int


class Runs(Struct, frozen=True):
    """Means over all rounds of one burst. `rounds` is how many were drawn; `gate_times` how long a burst takes."""

    entries: int
    rate: float
    known: bool
    slots: int
    rounds: int
    searching: float
    confirming: float
    control: float
    gate_times: float
    halves: float
    bound: float


class Reuse(Struct, frozen=True):
    case: str
    gate_runs: int


class Scale(Struct, frozen=True):
    measure: str
    bar: float
    """Seconds; 0 for what has none."""
    seconds: tuple[float, ...]


class Radar(Struct, frozen=True):
    phases: int
    pairs: int
    batty: tuple[float, ...]
    loop: tuple[float, ...]


class Results(Struct):
    """The last run of each part. `notes` has for each part the command, the day and the machine."""

    own: tuple[Own, ...] = ()
    walls: tuple[Wall, ...] = ()
    runs: tuple[Runs, ...] = ()
    reuse: tuple[Reuse, ...] = ()
    scale: tuple[Scale, ...] = ()
    radar: tuple[Radar, ...] = ()
    notes: dict[str, str] = {}


def read(file: Path) -> Results:
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.exists() else Results()


def write(file: Path, results: Results) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
