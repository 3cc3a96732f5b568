"""What a verdict belongs to beside tree and gate: the machine's tools, as facts that can be compared by name."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from batty_tmux.core.toolchain import TOOLCHAIN
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.machine import Facts, environment, system, words_of
from batty_tmux.host.process import run_measured, scrubbed

_PATIENCE: Final = 10.0
"""Seconds that gate.toolchain may take: a worker answers nobody else meanwhile."""
_FRESH: Final = 60.0
"""Seconds for which its answer holds: a lander asks before each step."""
_AGAIN: Final = 10.0
"""Seconds after which it is asked again where it had none."""
_MOST: Final = 64 * 1024
"""Bytes that it may say."""


class Tools(msgspec.Struct, frozen=True):
    """What names the tools of a machine: the gate's own words, or a command of the user's that says it."""

    command: str
    setup: str
    toolchain: str

    def facts(self, environ: Mapping[str, str]) -> Facts:
        """Return what there is here. Raises BattyError `toolchain` where the user's command does not say it."""
        if self.toolchain:
            return (system(), *((TOOLCHAIN, line) for line in _said(self.toolchain, environ)))
        words = (*words_of(self.command), *words_of(self.setup))
        return environment(words, environ.get("PATH", os.defpath))


_known: dict[tuple[str, str], tuple[float, tuple[str, ...] | BattyError]] = {}
_lock = Lock()


def _said(command: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    key = (command, environ.get("PATH", ""))
    with _lock:
        at, said = _known.get(key, (float("-inf"), ()))
        if monotonic() - at > (_AGAIN if isinstance(said, BattyError) else _FRESH):
            try:
                said = _ask(command, environ)
            except BattyError as unsaid:
                said = unsaid
            _known[key] = (monotonic(), said)
    if isinstance(said, BattyError):
        raise said
    return said


def _ask(command: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    kept = {name: value for name, value in scrubbed(environ).items() if name not in {"TMUX", "TMUX_PANE"}}
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
        # in no tree: what it says is the machine's, whichever commit is there
        ran = run_measured(command, cwd=Path("/"), env=kept, log=said, errors=errors, timeout=_PATIENCE)
        lines, told = _lines(said.fileno()), _lines(errors.fileno())
    if ran.status != 0 or not lines:
        ending = "ran out of time" if ran.status is None else f"ended with {ran.status}"
        what = f"gate.toolchain {ending if ran.status != 0 else 'says nothing'}, so it names no tools"
        raise BattyError("toolchain", what, evidence=(command, *told[-5:]), next="${EDITOR:-vi} batty.toml")
    return lines


def _lines(descriptor: int) -> tuple[str, ...]:
    data = os.pread(descriptor, _MOST, 0).decode("utf-8", "replace")
    return tuple(line.rstrip() for line in data.splitlines() if line.strip())
