"""The door through which text of agents, tools and people reaches the disk: nothing that opens anything passes.

What core knows is marked at once. Where something is left that looks drawn by lot and is of no known kind, a
maintained set of rules is asked; if it cannot be, that is marked too.
"""

import re

from batty_tmux.core.redact import doubtful, drawn, marked, redact
from batty_tmux.core.secret_shapes import Span
from batty_tmux.core.secret_values import is_harmless
from batty_tmux.host import leaks

SECRET = "[redacted:answer]"  # noqa: S105 -- it stands for one
"""Stands in the journal for the answer to a prompt that asks for a secret, which is never written."""

_NO_MARK = re.compile(r"[^a-z0-9-]+")
_LONGEST = 40


PATIENCE = 60.0
"""Seconds for the rules' answer about a file, which nobody waits for."""
HURRY = 3.0
"""Seconds for their answer about a line of the journal, while a prompt may wait for a key."""


def redacted(text: str, seconds: float = PATIENCE) -> str:
    """Return the text without its secrets. Takes microseconds, or a third of a second where a doubt is left."""
    plain = redact(text)
    if not doubtful(plain):
        return plain
    told = leaks.found(plain, seconds)
    if told is None:
        return marked(plain, drawn(plain))
    return marked(plain, [_span(leak) for leak in told if not is_harmless(plain[leak.start : leak.end])])


def _span(leak: leaks.Leak) -> Span:
    return Span(leak.start, leak.end, _NO_MARK.sub("-", leak.rule.lower())[:_LONGEST] or "unknown")
