"""What changed between two commits, for a person to read: bounded in time and size, whatever the commits hold."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batty_tmux.errors import BattyError
from batty_tmux.host.hear import Heard, hear
from batty_tmux.host.process import Stop, scrubbed

LIMIT: Final = 2_000_000
"""Bytes of a diff that are read."""
PATIENCE: Final = 20.0
"""Seconds until git has said it."""
_COLOURING: Final = 5.0
"""Seconds that a colouring program may take; what it has not coloured by then is shown without."""
_WORDS: Final = (
    *("git", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-c", "core.attributesFile=/dev/null"),
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--submodule=short", "--end-of-options"),
)


@dataclass(frozen=True)
class Difference:
    """`lines` are git's, without line ends; `whole` is False where there is more than was read."""

    lines: tuple[str, ...]
    whole: bool = True


def difference(folder: Path, base: str, tip: str, limit: int = LIMIT) -> Difference:
    """Return what `tip` changed since it left `base`. Raises BattyError where git cannot tell.

    No program of the repository's or the user's settings is started for it. Bytes that are not UTF-8 are replaced.
    """
    heard = _hear((*_WORDS, f"{base}...{tip}"), folder, b"", PATIENCE, limit)
    if heard.status != 0 and not heard.too_much:
        why = heard.errors.decode("utf-8", "replace").strip().splitlines()[-1:] or ("it took too long",)
        raise BattyError("no-diff", f"git cannot tell the difference: {why[0]}", next="git status")
    text = heard.said.decode("utf-8", "replace")
    if heard.too_much:
        text = text.rpartition("\n")[0]
    return Difference(tuple(text.removesuffix("\n").split("\n")) if text else (), not heard.too_much)


def delta(lines: Sequence[str], width: int) -> tuple[str, ...] | None:
    """Return a diff as `delta` colours it, for so many columns; None where it is not installed, fails, or takes long.

    Its output is as it wrote it: what a terminal would obey is still in it.
    """
    program = shutil.which("delta")
    if program is None or not lines:
        return None
    argv = (program, "--paging=never", f"--width={max(width, 20)}")
    told = ("\n".join(lines) + "\n").encode("utf-8", "replace")
    try:
        heard = _hear(argv, Path("/"), told, _COLOURING, 8 * LIMIT)
    except BattyError:
        return None
    if heard.status != 0 or not heard.said.strip():
        return None
    return tuple(heard.said.decode("utf-8", "replace").removesuffix("\n").split("\n"))


def _hear(argv: Sequence[str], folder: Path, told: bytes, timeout: float, limit: int) -> Heard:
    own = {"GIT_PAGER": "cat", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C.UTF-8"}
    env = scrubbed(os.environ) | own
    with Stop() as stop:
        return hear(argv, cwd=folder, env=env, told=told, timeout=timeout, limit=limit, stop=stop)
