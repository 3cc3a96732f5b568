"""What a screen shows besides prompts: work, rest, a composer, and notices that an agent cannot go on.

All of it is read from the last rows. A notice counts only where the agent itself writes it: at its margin, below
the last message, not in text that it quotes.
"""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import re
from collections.abc import Sequence
from typing import Final

from batty_tmux.core.screen import SOLID_RULE, indent, is_hint, rows_of

_LIVE_ROWS: Final = 30
_BUSY: Final = {
    "claude": re.compile(
        r"^[·✢*✶✻✽] \S.*…|^● \S.*… ?\(\d+[smh]\b|^[·✢*✶✻✽●] (?:waiting for \d+|.*\bretrying in )|\besc to interrupt\b",
        re.IGNORECASE,
    ),
    "codex": re.compile(r"^[•◦] .*\(.*\besc to interrupt\)", re.IGNORECASE),
}
_ENDED: Final = {
    "claude": re.compile(r"^[·✢*✶✻✽] \w+ for (?:\d+[hms] ?)+|^ *⎿ +Interrupted\b|^╰─|^● API Error\b"),
    "codex": re.compile(r"^ *(?:─ )?Worked for \S.* [·•] (?:done )?\d|^■ "),
}
_HOLLOW: Final = {
    "claude": re.compile(r'^❯( (?:Try ".*|Resend your message to try again))?$'),
    "codex": re.compile(
        r"^[›»](?: (?:Ask Codex to do anything|Explain this codebase|Summarize recent commits|Implement \{feature\}|"
        r"Find and fix a bug in @filename|Write tests for @filename|Improve documentation in @filename|"
        r"Run /review on my current changes|Use /skills to list available skills))?$"
    ),
}
_MESSAGE = re.compile(r"^[●⏺❯•›»] ")
_EFFORT = re.compile(r"^\s*[●◐◑◕○◔] (?:low|medium|high|xhigh|max) · /effort$")
OTHER_THREAD = re.compile(r"^  ! Approval needed in \S", re.IGNORECASE)
"""The row by which Codex says that another of its threads waits for an answer."""
_SURVEY = re.compile(r"^\s*● How is Claude doing this session\?", re.IGNORECASE)
_RATES = re.compile(r"^\s*1: \w+ +2: \w+", re.IGNORECASE)


def busy(screen: str, family: str) -> bool:
    """Tell whether the agent shows that it works. No sign is no proof of rest: Claude shows none while it writes."""
    words = _BUSY.get(family)
    return words is not None and any(words.search(row) for row in rows_of(screen)[-_LIVE_ROWS:] if indent(row) < 3)  # noqa: PLR2004


def idle(screen: str, family: str) -> bool:
    """Tell whether the agent ended its turn: an empty composer at the bottom, and above it the row that ends a turn.

    Without that row an answer may still be streaming. The end of a turn is not the end of the work.
    For the family "any" there is no telling: False.
    """
    if family not in _HOLLOW or busy(screen, family):
        return False
    rows = rows_of(screen)
    if composer_text(rows, family) != "" or any(map(OTHER_THREAD.match, rows[-12:])):
        return False
    above = [row for row in _above(rows, family) if row][-8:]
    above = [row for row in above if not SOLID_RULE.match(row) and not _chrome(row)]
    ended = max((n for n, row in enumerate(above) if _ENDED[family].search(row)), default=-1)
    return ended >= 0 and not any(_MESSAGE.match(row) for row in above[ended + 1 :])


def _above(rows: Sequence[str], family: str) -> list[str]:
    """Return what is above the composer; everything where there is none."""
    found = _box(rows) if family == "claude" else _field(rows) if family == "codex" else None
    return list(rows if found is None else rows[: found[0]])


def _chrome(row: str) -> bool:
    """Tell whether a row above the composer is no message, though it may look like one."""
    return bool(_EFFORT.match(row) or _SURVEY.match(row) or _RATES.match(row))


# --- the composer -------------------------------------------------------------------------------------------

_MAX_COMPOSER: Final = 40


def composer_of(screen: str, family: str) -> str | None:
    """Return what is written in the agent's composer, "" when that is nothing; None when no composer is seen."""
    return composer_text(rows_of(screen), family)


def composer_text(rows: Sequence[str], family: str) -> str | None:
    """Do the same for rows that are read already."""
    found = _box(rows) if family == "claude" else _field(rows) if family == "codex" else None
    if found is None:
        return None
    text = "\n".join(row.strip() for row in rows[found[0] : found[1]])
    return "" if _HOLLOW[family].match(text) else text[1:].strip()


def _box(rows: Sequence[str]) -> tuple[int, int] | None:
    """Return the rows between the last two full-width rules, with nothing below them but a few status rows."""
    rules = [n for n in range(len(rows) - 1, max(-1, len(rows) - _MAX_COMPOSER), -1) if SOLID_RULE.match(rows[n])]
    if len(rules) < 2 or not re.match(r"[❯!#]", rows[rules[1] + 1]):  # noqa: PLR2004 -- above and below
        return None
    below = [row for row in rows[rules[0] + 1 :] if row]
    few = 5
    calm = len(below) < few and all(indent(row) or _EFFORT.match(row) for row in below)
    return (rules[1] + 1, rules[0]) if calm else None


def _field(rows: Sequence[str]) -> tuple[int, int] | None:
    """Return the rows of the composer of Codex: its mark at the margin, and below it a status line at most."""
    for at in range(len(rows) - 1, max(-1, len(rows) - _MAX_COMPOSER), -1):
        if rows[at] and not indent(rows[at]):
            below = rows[at + 1 :]
            if not re.match(r"[›»](?: |$)", rows[at]) or any(row and is_hint(row) for row in below):
                return None
            gaps = [n for n, row in enumerate(below) if not row]
            return at, at + 1 + (gaps[-1] if gaps else len(below))
    return None


# --- notices ------------------------------------------------------------------------------------------------

_MARGIN: Final = {"claude": 3, "codex": 3}
_MARK = r"^(?: {0,3})(?:[⎿●⏺■⚠!·✢*✶✻✽•] *)?"
_LIMIT: Final = {
    "claude": re.compile(
        _MARK + r"(?:(?:claude )?(?:usage|session|weekly|opus|5-hour) limit reached\b"
        r"|you'?ve (?:hit|reached) your .{0,40}limit\b|api error: .{0,40}\(?429\b)",
        re.IGNORECASE,
    ),
    "codex": re.compile(
        r"^ {0,3}(?:[■⚠] *)?(?:you'?ve (?:hit|reached) your .{0,60}limit\b|usage limit (?:reached|exceeded)\b"
        r"|(?:rate|usage) limits? (?:reached|exceeded)\b)",
        re.IGNORECASE,
    ),
}
_RETRY = re.compile(
    _MARK + r"(?:.{0,200}\bretrying in \d|api error\b.{0,200}\bretrying\b|.{0,40}\breconnecting\b.{0,20}\d+/\d+)",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    _MARK + r"(?:context (?:low|limit reached|window exceeded|left until auto-compact)\b|conversation too long\b"
    r"|.{0,40}ran out of room in the .{0,20}context window|prompt is too long\b)",
    re.IGNORECASE,
)
_CONTEXT_CORNER = re.compile(r"(?: {3}|^ *)((?:context left until auto-compact|context low)\b.*)$", re.IGNORECASE)
_COMPACTING = re.compile(_MARK + r"(?:compacting (?:conversation|context)\b|auto-?compacting\b)", re.IGNORECASE)
_ERROR: Final = {
    "claude": re.compile(r"^ {0,2}[⎿●⏺] *(?:api error\b|error: )(?!.*\bretrying\b)", re.IGNORECASE),
    "codex": re.compile(r"^■ \S"),
}
_SHELL = re.compile(
    r"^(?:\([\w.-]+\) )?"
    r"(?:[\w.-]+@[\w.-]+(?::| )\S* ?[$#%]|(?:ba|z|da|fi)?sh-[\d.]+[$#]|[$#%]|\[\S+ \S+\][$#])(?: \S.*)?$"
)
_MISSING = re.compile(r"^(?:\S+: )?(?:line \d+: )?\S+: (?:command )?not found$|^exit \d+$")


def limit_notice(screen: str, family: str) -> str:
    """Return the row by which the agent says, without a dialog, that a usage limit stops it; "" when it says none."""
    words = _LIMIT.get(family)
    return _notice(rows_of(screen), family, words) if words else ""


def retry_notice(screen: str, family: str) -> str:
    """Return the row by which the agent says that it tries a call to its service again."""
    return _notice(rows_of(screen), family, _RETRY)


def context_notice(screen: str, family: str) -> str:
    """Return the row by which the agent says that its context has run out, or nearly so."""
    rows = rows_of(screen)
    corner = (match.group(1) for row in rows[-4:] if (match := _CONTEXT_CORNER.search(row[-_LAST:])))
    return _notice(rows, family, _CONTEXT) or (next(corner, "") if family in _MARGIN else "")


def compaction_notice(screen: str, family: str) -> str:
    """Return the row by which the agent says that it sums up its context now. It is at work then."""
    return _notice(rows_of(screen), family, _COMPACTING)


def error_notice(screen: str, family: str) -> str:
    """Return the row of a failed or interrupted turn, when nothing has followed it."""
    words = _ERROR.get(family)
    return _notice(rows_of(screen), family, words) if words else ""


def shell_prompt(screen: str, family: str) -> str:
    """Return the last row when it is a shell's: the agent has ended, and its screen is a shell's again."""
    rows = rows_of(screen)
    last = rows[-1][:_LAST] if rows else ""
    return last if family in _MARGIN and (_SHELL.match(last) or _MISSING.match(last)) else ""


def survey_shown(screen: str, family: str) -> bool:
    """Tell whether Claude's survey stands above the composer: a digit typed now would be taken as a rating."""
    rows = [row for row in rows_of(screen) if row][-12:]
    return family == "claude" and any(map(_SURVEY.match, rows)) and any(map(_RATES.match, rows))


_LAST: Final = 300
"""Characters of a row that are looked at."""
_MARKED = re.compile(r"^\s*[⎿●⏺■⚠·✢*✶✻✽•❯›»─━$]")


def _notice(rows: Sequence[str], family: str, words: re.Pattern[str]) -> str:
    """Return the lowest row that these words fit, with no message of agent or person below it."""
    if family not in _MARGIN:
        return ""
    told = _above(rows, family)
    for at in range(len(told) - 1, -1, -1):
        row = told[at]
        if indent(row) <= _MARGIN[family] and words.match(row[:_LAST]):
            return " ".join([row.strip().lstrip("⎿●⏺■⚠!·✢*✶✻✽• "), *_goes_on(told[at + 1 :])])
        if _MESSAGE.match(row) and not _chrome(row):
            return ""
    return ""


def _goes_on(rows: Sequence[str]) -> list[str]:
    """Return the rows in which a notice goes on: right below, up to a gap or another mark."""
    few = 3
    end = next((n for n, row in enumerate(rows[:few]) if not row or _MARKED.match(row)), min(few, len(rows)))
    return [row.strip() for row in rows[:end]]
