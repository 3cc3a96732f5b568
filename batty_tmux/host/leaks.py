"""The one door to Kingfisher's rules for secrets, which are asked in a process of their own.

They take 50 MB and a quarter of a second to load: too much for a supervisor that lives as long as its phase, and
nothing for one that is gone again when it has answered. Nothing is sent anywhere: what they scan comes by stdin.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.errors import BattyError
from batty_tmux.host import process


@dataclass(frozen=True)
class Leak:
    """A secret in a text: where it starts and ends, and the name of the rule that found it."""

    start: int
    end: int
    rule: str


def found(text: str, seconds: float) -> tuple[Leak, ...] | None:
    """Return the secrets that the rules find in a text, in their order; None where they give no answer in this time.

    That is 0.3 s on an idle machine, and 3 s the first time: the rules are compiled then, and kept.
    """
    data = text.encode("utf-8", "replace")
    try:
        done = process.run((sys.executable, "-P", "-m", __name__), stdin=data, timeout=seconds)
        told = [(int(start), int(end), str(rule)) for start, end, rule in json.loads(done.stdout)] if done.ok else None
    except (BattyError, OSError, ValueError, TypeError):
        return None
    return None if told is None else tuple(_places(data, told))


def _places(data: bytes, told: Sequence[tuple[int, int, str]]) -> Iterator[Leak]:
    """Turn places among bytes into places among characters, in one go through the text."""
    at = count = 0
    for start, end, rule in sorted(told):
        count += len(data[at:start].decode("utf-8", "replace"))
        at = start
        yield Leak(count, count + len(data[start:end].decode("utf-8", "replace")), rule)


def _main() -> None:
    from kingfisher_sdk import Rules, Scanner  # noqa: PLC0415 -- loaded in a process of its own, and only there

    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batty-tmux" / "secret-rules"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    scanner = Scanner(Rules(confidence="low", cache_dir=home), base64=False)
    findings = [finding for finding in scanner.scan(sys.stdin.buffer.read()) if finding.visible]
    places = [(f.location["start_offset"], f.location["end_offset"], f.rule_id.rpartition(".")[2]) for f in findings]
    sys.stdout.write(json.dumps(places))


if __name__ == "__main__":
    _main()
