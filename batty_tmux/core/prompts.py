"""What a screen asks. Text of a pane's grid in, Prompt out; structure first (`screen`), words second.

Words only give a menu its kind; a menu that no words fit is "unknown": shown to a person, never typed into.
Families are "claude", "codex" and "any" (every other program). The words are those of Claude Code up to 2.1.330
and of Codex up to 0.169.0.
"""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from batty_tmux.core.screen import EDGE, LIVE, RULE, SOLID_RULE, Menu, Option, block_of, indent, menu_of, rows_of

__all__ = ["Option", "Prompt", "busy", "idle", "keys", "never_chosen", "option_of", "read"]


@dataclass(frozen=True)
class Prompt:
    """One thing a screen asks, and all of its text that is seen.

    `kind`: permission, edit, trust, bypass, question, plan, limit, update, login, hooks, mcp, confirm, continue,
    secret, choice or unknown. `caret` indexes `options`; None for prompts that are answered by typing.
    `subject` is the command or path that is asked about, and `tool` by which tool, where the dialog names them: tools
    are called as Claude Code calls them (Bash, Edit, Write, WebFetch, mcp__server__tool), whoever asks.
    `whole` is False when its beginning may be off the screen: what it would allow cannot be judged then.
    """

    kind: str
    question: str
    options: tuple[Option, ...]
    text: str
    caret: int | None
    family: str = "any"
    subject: str = ""
    whole: bool = True
    tool: str = ""


def read(screen: str, family: str) -> Prompt | None:
    """Return what the screen asks now, or None. `screen` is the rendered grid (capture-pane -p), not the stream."""
    rows = rows_of(screen)
    menu = menu_of(rows, family)
    return _labelled(rows, menu, family) if menu else _line_prompt(rows, family)


# --- what a menu is about -----------------------------------------------------------------------------------

_LEAD = re.compile(
    r"^\W*(?:would you like to|do you want to|do you trust|trust this|allow codex|update available)", re.IGNORECASE
)
_START = re.compile(rf"{_LEAD.pattern}|^\s*folder access$", re.IGNORECASE)
_CUT = re.compile(r"^\s*(?:…|\.\.\.) ?\+?\d+ (?:more )?(?:lines|rows)", re.IGNORECASE | re.MULTILINE)
_FILE_TITLE = re.compile(r"^\s*(?:create|edit|overwrite|write|update|read) file$", re.IGNORECASE)
_COMMAND_TITLE = re.compile(r"^\s*(?:bash|powershell) command", re.IGNORECASE)


def _table(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in rows)


# the words are searched in the title and the question, never in the command or diff between them, which an
# agent words as it likes; first match wins
_BY_HEAD: Final = _table(
    ("trust", r"quick safety check|do you trust the (?:files|contents)|trust this folder\?|work in this folder"),
    ("bypass", r"bypass permissions mode"),
    ("limit", r"hit your .{0,40}limit|usage limit reached|approaching rate limits"),
    ("update", r"update available|newer .{0,60}model available"),
    ("hooks", r"hooks? needs? review"),
    ("mcp", r"new mcp server"),
    ("login", r"choose how you want to use codex|select login method|detected a custom api key"),
    ("plan", r"would you like to proceed\?|implement this plan|(?:exit|enter) plan mode"),
    ("edit", r"do you want to (?:create|overwrite|edit|make this edit to) |like to make the following edits"),
    ("permission", r"do you want to (?:proceed|allow|approve)|would you like to (?:run|grant)|wants to |^use skill"),
    ("permission", r"approve app tool call|send input to terminal"),
)
_BY_LABEL: Final = _table(
    ("question", r"^(?:type something\.?|chat about this)$"),
    ("limit", r"^stop and wait|usage credits"),
    ("update", r"^update now\b"),
    ("login", r"^sign in with "),
    ("bypass", r"^yes, i accept$"),
    ("trust", r"^(?:yes, i trust this folder|trust and continue)$"),
)


def _labelled(rows: Sequence[str], menu: Menu, family: str) -> Prompt:
    top, certain = block_of(rows, menu.first, family)
    top, begun = _start(rows, top, menu.first) if family == "codex" else (top, True)
    body = [row for row in rows[top : menu.first] if not EDGE.match(row)]
    paragraphs = _paragraphs(body)
    question = _question(paragraphs)
    text = "\n".join(rows[top:]).strip("\n")
    kind = _kind(paragraphs[0][0] if paragraphs else "", question, menu)
    whole = certain and begun and not _CUT.search(text)
    return Prompt(kind, question, menu.options, text, menu.caret, family, _subject(body), whole)


def _start(rows: Sequence[str], top: int, first: int) -> tuple[int, bool]:
    """Return where a dialog of Codex starts within its margin, and whether such a row is there.

    The details of the transcript's last cell may stand right above; the topmost start takes in the most.
    """
    margin = 2
    found = (n for n in range(top, first) if indent(rows[n]) == margin and _START.match(rows[n]))
    at = next(found, None)
    return (top, False) if at is None else (at, True)


def _kind(title: str, question: str, menu: Menu) -> str:
    if menu.caret is None or not menu.anchored:
        return "unknown"
    for kind, words in _BY_LABEL:
        if any(words.search(option.label) for option in menu.options):
            return kind
    return next((kind for kind, words in _BY_HEAD if words.search(title) or words.search(question)), "unknown")


def _paragraphs(rows: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for row in rows:
        if row and not RULE.match(row):
            found[-1].append(row.strip())
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def _question(paragraphs: list[list[str]]) -> str:
    """Return the question: right above the options, else the first paragraph that leads like one, else any."""
    flat = [" ".join(paragraph) for paragraph in paragraphs]
    if not flat:
        return ""
    if flat[-1].endswith("?"):
        return flat[-1]
    led = next((text for text in flat if _LEAD.match(text)), None)
    return led or next((text for text in flat if "?" in text), flat[0])


def _subject(body: Sequence[str]) -> str:
    """Return the path or command that a dialog of Claude or Codex names, "" where it names none."""
    rows = [row for row in body if row]
    if rows and _FILE_TITLE.match(rows[0]):
        return "".join(row.strip() for row in _until(rows[1:], lambda row: bool(RULE.match(row))))
    if rows and _COMMAND_TITLE.match(rows[0]):
        return "\n".join(row.strip() for row in _framed(rows) or _until(rows[1:], lambda row: indent(row) < 2))  # noqa: PLR2004 -- titles
    start = next((n for n, row in enumerate(rows) if row.startswith("  $ ")), len(rows))
    return "\n".join(row.strip() for row in rows[start:]).removeprefix("$ ")


def _framed(rows: Sequence[str]) -> Sequence[str]:
    """Return what stands between the rules that newer versions (2.1.330) draw around a command."""
    rules = [n for n, row in enumerate(rows) if RULE.match(row) and not indent(row)]
    return rows[rules[0] + 1 : rules[-1]] if rules else ()


def _until(rows: Sequence[str], stop: Callable[[str], bool]) -> Sequence[str]:
    return rows[: next((n for n, row in enumerate(rows) if stop(row)), len(rows))]


# --- prompts of one line ------------------------------------------------------------------------------------

_QUOTED = re.compile(r"^\s*(?:[+\-|>│⎿#●•]|\d+\s*[+\-|│:])")
_LINES: Final = _table(
    ("secret", r"(?:password|passphrase|token|secret|\bpin)\b[^?]*[:?]$"),
    ("confirm", r"[\[(]\s*(y|yes)\s*/\s*(n|no)\b.{0,40}[\])]\s*[:?>]?$"),
    ("confirm", r"\b(?:continue|proceed)\s*\?$"),
    ("continue", r"\bpress (?:enter|return|any key|space)\b.*$"),
    ("choice", r"\b(?:choose|choice|select|pick|option|enter)\b[^?]*[:>]$"),
    ("question", r"\?$"),
)


_EXPLICIT: Final = frozenset({"secret", "confirm", "choice"})


def _line_prompt(rows: Sequence[str], family: str) -> Prompt | None:
    if not rows or LIVE.search(rows[-1]):
        return None
    quoted = _QUOTED.match(rows[-1]) is not None
    if quoted and family != "any":
        return None
    # the lines of the two TUIs themselves are indented: what is at the margin comes from before or after them
    if family != "any" and indent(rows[-1]):
        return None
    for kind, words in _LINES:
        match = words.search(rows[-1])
        if match and quoted:
            # a program's own mark before its question, or a line of a diff: only a person can tell
            return Prompt("unknown", rows[-1].strip(), (), rows[-1], None, family) if kind in _EXPLICIT else None
        if match:
            top, _ = block_of(rows, len(rows) - 1, "any")
            text = "\n".join(rows[top:]).strip("\n")
            return Prompt(kind, rows[-1].strip(), _letters(match) if kind == "confirm" else (), text, None, family)
    return None


def _letters(match: re.Match[str]) -> tuple[Option, ...]:
    yes, no = (word.lower() for word in match.groups()) if match.groups() else ("y", "n")
    return (Option(yes, "yes"), Option(no, "no"))


# --- choosing -----------------------------------------------------------------------------------------------

_MEANINGS: Final = {
    meaning: re.compile(words)
    for meaning, words in (
        ("yes once", r"yes|yes, proceed|yes, just this once|yes, allow once|allow|allow once|approve|approve once"),
        ("no", r"no|no, exit|no, quit|no, and tell .*|no, keep .*|deny|cancel|reject|decline"),
        ("trust", r"yes, i trust this folder|trust and continue|yes, continue|yes, proceed"),
        ("skip", r"skip|not now|maybe later|no, thanks|no thanks"),
        ("wait", r"stop and wait\b.*|wait for .*reset.*"),
    )
}
_SYNONYMS: Final = {"y": "yes once", "yes": "yes once", "n": "no"}
_NEVER = re.compile(
    r"don'?t ask again|do not ask again|always|all edits|all actions|this session|these files|from now on|in future|"
    r"accept edits|auto mode|bypass|i accept|credits|upgrade|\bplan\b|\bbuy\b|\bpay\b|purchase|extra usage|"
    r"lower priority|switch to|update now|install|trust all",
    re.IGNORECASE,
)
_SHORTCUT = re.compile(r"\s*\((?:[a-z]|esc|enter|tab|(?:shift|ctrl)\+\w+)\)$", re.IGNORECASE)


def keys(prompt: Prompt, meaning: str) -> tuple[str, ...] | None:
    """Return tmux's names of the keys that choose the one option with this meaning; None where there is no such.

    `meaning` is "yes once", "no", "trust", "skip" or "wait", or an option's own words or number. Options that
    grant more than this once, spend money or install are never chosen. The caller checks, before Enter, that
    the caret has come to stand where it should, and afterwards that the prompt is gone.
    """
    index = option_of(prompt, meaning)
    if index is None or prompt.kind == "unknown" or never_chosen(prompt.options[index].label):
        return None
    if prompt.caret is None:
        return (prompt.options[index].key, "Enter") if prompt.kind == "confirm" else None
    steps = index - prompt.caret
    return ("Down" if steps > 0 else "Up",) * abs(steps) + ("Enter",)


def option_of(prompt: Prompt, meaning: str) -> int | None:
    """Return which option a meaning, a label or a number means; None when it is none or more than one."""
    wanted = _label(meaning)
    words = _MEANINGS.get(_SYNONYMS.get(wanted, wanted))
    labels = [_label(option.label) for option in prompt.options]
    if prompt.kind == "trust" and words is _MEANINGS["yes once"]:
        words = _MEANINGS["trust"]
    found = [n for n, label in enumerate(labels) if words and words.fullmatch(label)]
    found = found or [n for n, label in enumerate(labels) if wanted in (label, prompt.options[n].key)]
    return found[0] if len(found) == 1 else None


def never_chosen(label: str) -> bool:
    """Tell whether an option grants more than this once, spends money or installs something."""
    return bool(_NEVER.search(label))


def _label(text: str) -> str:
    return _SHORTCUT.sub("", " ".join(text.replace("\u2019", "'").lower().split()))


# --- between prompts ----------------------------------------------------------------------------------------

_LIVE_ROWS: Final = 30
_BUSY: Final = {
    "claude": re.compile(
        r"^[·✢*✶✻✽] \S.*…|^● \S.*… ?\(\d+[smh]\b|^[·✢*✶✻✽●] (?:waiting for \d+|.*\bretrying in )|\besc to interrupt\b",
        re.IGNORECASE,
    ),
    "codex": re.compile(r"^[•◦] .*\(.*\besc to interrupt\)", re.IGNORECASE),
}
_ENDED: Final = {
    "claude": re.compile(r"^[·✢*✶✻✽] \w+ for (?:\d+[hms] ?)+|^ *⎿ +Interrupted\b|^╰─"),
    "codex": re.compile(r"^ *(?:─ )?Worked for \S.* [·•] (?:done )?\d|^■ "),
}
_HOLLOW: Final = {
    "claude": re.compile(r'^❯( Try ".*)?$'),
    "codex": re.compile(
        r"^[›»](?: (?:Ask Codex to do anything|Explain this codebase|Summarize recent commits|Implement \{feature\}|"
        r"Find and fix a bug in @filename|Write tests for @filename|Improve documentation in @filename|"
        r"Run /review on my current changes|Use /skills to list available skills))?$"
    ),
}


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
    rows = [row for row in rows_of(screen) if row]
    at = _composer(rows, family)
    if at is None:
        return False
    above = [row for row in rows[max(0, at - 5) : at] if not SOLID_RULE.match(row)]
    ended = max((n for n, row in enumerate(above) if _ENDED[family].search(row)), default=-1)
    return ended >= 0 and not any(re.match(r"[●⏺❯•›] ", row) for row in above[ended + 1 :])


def _composer(rows: Sequence[str], family: str) -> int | None:
    """Return the row of an empty composer within the last five, with nothing below it but rules and status rows."""
    for at in range(len(rows) - 1, max(-1, len(rows) - 6), -1):
        if _HOLLOW[family].match(rows[at]):
            ruled = family != "claude" or (at > 0 and bool(SOLID_RULE.match(rows[at - 1])))
            return at if ruled and all(indent(row) or SOLID_RULE.match(row) for row in rows[at + 1 :]) else None
    return None
