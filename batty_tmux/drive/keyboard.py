"""Keys for an agent's pane: pressed only where it was read twice what they would do, and looked after once pressed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from batty_tmux.core import prompts
from batty_tmux.core.fields import field_text, has_notes, holds, own_words
from batty_tmux.core.liveness import survey_shown
from batty_tmux.core.prompts import Prompt
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import pause
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId

_APART = 0.04
"""Seconds between the two readings of a dialog before a key: one that is still being painted has changed by then."""
_FRAME = 0.1
"""Seconds that a repaint may hide a dialog for: gone so long, it has changed."""
_REPAINT = 2.0
"""Seconds that an agent may take to repaint after a key."""
_ECHO = 1.0
"""Seconds within which a terminal echoes what was pasted, and an agent takes an Enter."""
_LOOK = 0.015
_TICKS = " ✔✓"
_ENTERS = 3
"""How often Enter is pressed at most, while the text is seen to be where it was pasted. It is pasted once."""


class Outcome(StrEnum):
    """What came of keys. Only after CHOSEN has the prompt gone; after MOVED_ON nothing was answered."""

    CHOSEN = "chosen"
    MOVED_ON = "moved on"
    NOT_VERIFIED = "not verified"
    STILL_THERE = "still there"


@dataclass(frozen=True)
class _Pane:
    terminal: Terminal
    pane: PaneId
    family: str

    def screen(self) -> str:
        return self.terminal.capture(self.pane) or ""

    def asks(self) -> Prompt | None:
        return prompts.read(self.screen(), self.family)

    def press(self, *names: str) -> bool:
        return self.terminal.keys(self.pane, *names).ok

    def shows(self, asked: Prompt) -> bool:
        now = self.asks()
        return now is not None and digest(now) == digest(asked)

    def has_left(self, asked: Prompt) -> bool:
        """Tell whether a prompt is gone: not seen twice in a row, since one read may fall into a repaint."""
        if self.shows(asked):
            return False
        pause(_LOOK)
        return not self.shows(asked)


def choose(
    terminal: Terminal, pane: PaneId, seen: Prompt, keys: tuple[str, ...], *, since: float | None = None
) -> Outcome:
    """Choose an option of a dialog that was read as `seen`, at `since` on the monotonic clock.

    It is read again before the first key. The caret is moved from where it is then, and Enter pressed only once it
    is seen to stand where it should: on some dialogs Enter on another row quits, installs or pays.
    """
    at = _Pane(terminal, pane, seen.family)
    *moves, last = keys
    pause(max(0.0, (monotonic() if since is None else since) + _APART - monotonic()))
    if not _until(lambda: at.shows(seen), _FRAME):
        return Outcome.MOVED_ON
    if seen.caret is None or last != "Enter":
        return _letter(at, seen, keys)
    brought = _bring(at, seen, seen.caret + moves.count("Down") - moves.count("Up"))
    if brought is not Outcome.CHOSEN:
        return brought
    return _gone(at, seen) if at.press("Enter") else Outcome.NOT_VERIFIED


def write(terminal: Terminal, pane: PaneId, family: str, text: str, seen: Prompt | None = None) -> Outcome:
    """Answer in words: in the composer where nothing is asked, else where the prompt lets one write.

    The text is pasted once, Enter pressed only when it is seen to stand in its field, and pressed again only while
    it still stands there. NOT_VERIFIED where there is no such field, or something else is written in it.
    """
    at = _Pane(terminal, pane, family)
    if seen is not None and not _until(lambda: at.shows(seen), _FRAME):
        return Outcome.MOVED_ON
    if seen is not None and not seen.place and seen.caret is None:
        return _line(at, seen, text)
    opened = _open(at, seen)
    if opened is not Outcome.CHOSEN:
        return opened
    screen = at.screen()
    if field_text(screen, family, seen) != "" or (text[:1].isdigit() and survey_shown(screen, family)):
        return Outcome.NOT_VERIFIED
    if not terminal.paste(pane, text).ok:
        return Outcome.NOT_VERIFIED
    if not _until(lambda: holds(field_text(at.screen(), family, seen), text), _REPAINT):
        return Outcome.NOT_VERIFIED
    return _enter(at, seen, text)


def digest(prompt: Prompt) -> str:
    """Identify a prompt by what it says; where its caret is does not make it another one."""
    # a line that is asked again looks as it did before; what tells the two apart is the answered one above it.
    # Without blanks, since a window of another width breaks the text elsewhere
    above = "".join(prompt.text.split()) if prompt.caret is None else ""
    # an agent ticks the option that was chosen while the dialog goes: that is no new dialog
    options = ("".join(f"{option.label.rstrip(_TICKS)}{option.more}".split()) for option in prompt.options)
    words = ("".join(text.split()) for text in (prompt.question, prompt.subject))
    told = "\0".join((prompt.kind, *words, prompt.place, above, *options))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _bring(at: _Pane, seen: Prompt, target: int) -> Outcome:
    """Move the caret of a dialog; CHOSEN when it is seen to have come to stand there."""
    now = at.asks()
    if now is None or now.caret is None or digest(now) != digest(seen):
        return Outcome.MOVED_ON
    steps = target - now.caret
    if steps and not at.press(*("Down" if steps > 0 else "Up",) * abs(steps)):
        return Outcome.NOT_VERIFIED

    def stands() -> bool:
        shown = at.asks()
        return shown is not None and shown.caret == target and digest(shown) == digest(seen)

    if not steps or _until(stands, _REPAINT):
        return Outcome.CHOSEN
    return Outcome.NOT_VERIFIED if at.shows(seen) else Outcome.MOVED_ON


def _gone(at: _Pane, seen: Prompt) -> Outcome:
    return Outcome.CHOSEN if _until(lambda: at.has_left(seen), _REPAINT) else Outcome.STILL_THERE


def _letter(at: _Pane, seen: Prompt, keys: tuple[str, ...]) -> Outcome:
    """Answer a line with one letter; Enter only when the letter was echoed, since some programs take it at once."""
    before = at.screen()
    if not at.press(keys[0]):
        return Outcome.NOT_VERIFIED
    if not _until(lambda: at.screen() != before, _ECHO):
        return Outcome.NOT_VERIFIED
    now = at.screen().rstrip()
    if now.endswith(keys[0]) and seen.question in now.rpartition("\n")[2]:
        return Outcome.CHOSEN if at.press(*keys[1:]) else Outcome.NOT_VERIFIED
    return Outcome.CHOSEN


def _line(at: _Pane, seen: Prompt, text: str) -> Outcome:
    """Answer a line of a plain program. What its terminal does not echo (a secret) cannot be waited for."""
    if text and not at.terminal.paste(at.pane, text).ok:
        return Outcome.NOT_VERIFIED
    if text and seen.kind != "secret":
        _until(lambda: holds(field_text(at.screen(), at.family, seen), text), _ECHO)
    return Outcome.CHOSEN if at.press("Enter") else Outcome.NOT_VERIFIED


def _open(at: _Pane, seen: Prompt | None) -> Outcome:
    """Bring the caret to where words are written; CHOSEN when the field is there."""
    if seen is None or seen.caret is None:
        return Outcome.CHOSEN
    own = own_words(seen)
    if own is not None:
        return _bring(at, seen, own)
    if not has_notes(seen) or not at.press("Tab"):
        return Outcome.NOT_VERIFIED
    there = _until(lambda: field_text(at.screen(), at.family, seen) is not None, _REPAINT)
    return Outcome.CHOSEN if there else Outcome.NOT_VERIFIED


def _enter(at: _Pane, seen: Prompt | None, text: str) -> Outcome:
    def left() -> bool:
        return not holds(field_text(at.screen(), at.family, seen), text)

    for _ in range(_ENTERS):
        if not at.press("Enter"):
            return Outcome.NOT_VERIFIED
        if _until(left, _ECHO):
            return Outcome.CHOSEN
    return Outcome.STILL_THERE


def _until(holds_now: Callable[[], bool], seconds: float) -> bool:
    """Look at a screen until something is so; nothing tells when an agent has painted."""
    deadline = monotonic() + seconds
    while not holds_now():
        if monotonic() > deadline:
            return False
        pause(_LOOK)
    return True
