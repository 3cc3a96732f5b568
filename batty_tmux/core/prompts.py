"""What a screen asks. Text of a pane's grid in, Prompt out; structure first (`menu`), words second (`kinds`).

Words only give a menu its kind; a menu that no words fit, and what only looks like a dialog, is "unknown": shown
to a person, never typed into. Families are "claude", "codex" and "any" (every other program).
"""

# ruff: noqa: RUF001 -- the marks are the ones that the agents draw

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from batty_tmux.core.kinds import START, kind_of, paragraphs_of, place_of, question_of, subject_of, tool_of
from batty_tmux.core.liveness import OTHER_THREAD, busy, composer_text, idle
from batty_tmux.core.menu import Menu, Option, menu_of
from batty_tmux.core.options import Prompt, keys, never_chosen, option_of, whole_label
from batty_tmux.core.screen import (
    EDGE,
    LIVE,
    REORDERED,
    RULE,
    above_hints,
    block_of,
    cleaned,
    indent,
    is_hint,
    lines_of,
)

__all__ = ["Option", "Prompt", "busy", "idle", "keys", "never_chosen", "option_of", "read"]


def read(screen: str, family: str) -> Prompt | None:
    """Return what the screen asks now, or None. `screen` is the rendered grid (capture-pane -p), not the stream."""
    lines = lines_of(screen)
    rows = cleaned(lines)
    menu = menu_of(rows, family)
    if menu is not None and not (family == "codex" and _is_typed(rows, menu)):
        return _labelled(rows, lines, menu, family)
    return _line_prompt(rows, family) or _written(rows, family) or _shaped(rows, family)


def _is_typed(rows: Sequence[str], menu: Menu) -> bool:
    """Tell whether a menu may as well be what somebody typed into the composer of Codex: nothing else is around it."""
    footer = any(row and not RULE.match(row) for row in rows[menu.last + 1 :])
    top, _ = block_of(rows, menu.first, "codex")
    return not footer and not _start(rows, top, menu.first)[1]


_CUT = re.compile(r"^\s*(?:…|\.\.\.) ?\+?\d+ (?:more )?(?:lines|rows)", re.IGNORECASE)


def _labelled(rows: Sequence[str], lines: Sequence[str], menu: Menu, family: str) -> Prompt:
    top, certain = block_of(rows, menu.first, family)
    top, begun = _start(rows, top, menu.first) if family == "codex" else (top, True)
    body = [row for row in rows[top : menu.first] if not EDGE.match(row)]
    paragraphs = paragraphs_of(body)
    title, question = (paragraphs[0][0] if paragraphs else ""), question_of(paragraphs)
    kind = kind_of(title, question, menu)
    if menu.caret is None or not _anchored(menu, family, body, certain=certain and begun):
        kind = "unknown"
    if any(REORDERED.search(line) for line in lines[top:]):
        # what a person sees is not what is stored: nobody should say yes to either
        kind = "unknown"
    tool = tool_of(kind, title, question, body)
    return Prompt(
        kind,
        question,
        menu.options if kind == "question" else tuple(map(whole_label, menu.options)),
        "\n".join(rows[top:]).strip("\n"),
        menu.caret,
        family,
        subject_of(tool, question, body),
        certain and begun and not any(map(_CUT.match, rows[top:])),
        tool,
        place_of(body),
        menu.boxes,
    )


_FORM = re.compile(r"^  (?:Question|Field) \d+/\d+\b", re.IGNORECASE)


def _anchored(menu: Menu, family: str, body: Sequence[str], *, certain: bool) -> bool:
    """Tell whether a caret is at the agent's own margin; text that an agent quotes is indented further.

    A few dialogs of Claude stand further in (set-up, plans), but then the rule at the margin above them is there;
    of Codex only its forms do.
    """
    if family == "claude":
        return menu.column <= (3 if certain else 1)
    if family == "codex":
        form = certain and bool(body) and _FORM.match(body[0])
        return menu.column == 0 or (menu.column == 2 and bool(form))  # noqa: PLR2004 -- its margin
    return menu.column <= 4  # noqa: PLR2004 -- wide enough for boxes


def _start(rows: Sequence[str], top: int, first: int) -> tuple[int, bool]:
    """Return where a dialog of Codex starts within its margin, and whether such a row is there.

    The details of the transcript's last cell may stand right above; the topmost start takes in the most.
    """
    margin = 2
    found = (n for n in range(top, first) if indent(rows[n]) == margin and START.match(rows[n]))
    at = next(found, None)
    return (top, False) if at is None else (at, True)


# --- prompts of one line ------------------------------------------------------------------------------------

_QUOTED = re.compile(r"^\s*(?:[+\-|>│⎿#●•]|\d+\s*[+\-|│:])")
_LINES: Final = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        ("secret", r"(?:password|passphrase|token|secret|\bpin)\b[^?]*[:?]$"),
        ("confirm", r"[\[(]\s*(y|yes)\s*/\s*(n|no)\b.{0,40}[\])]\s*[:?>]?$"),
        ("confirm", r"\b(?:continue|proceed)\s*\?$"),
        ("continue", r"\bpress (?:enter|return|any key|space)\b.*$"),
        ("choice", r"\b(?:choose|choice|select|pick|option|enter)\b[^?]*[:>]$"),
        ("question", r"\?$"),
    )
)
_EXPLICIT: Final = frozenset({"secret", "confirm", "choice"})
_MAX_LINE: Final = 300
"""Characters of a line that are looked at: the end, where a question is. What is longer is output."""


def _line_prompt(rows: Sequence[str], family: str) -> Prompt | None:
    if not rows or LIVE.search(rows[-1]):
        return None
    quoted = _QUOTED.match(rows[-1]) is not None
    if quoted and family != "any":
        return None
    # the lines of the two TUIs themselves are indented: what is at the margin comes from before or after them
    if family != "any" and (indent(rows[-1]) or is_hint(rows[-1])):
        return None
    for kind, words in _LINES:
        match = words.search(rows[-1][-_MAX_LINE:])
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


# --- dialogs without a menu ---------------------------------------------------------------------------------

_FIELD = re.compile(r"^  › ?")


def _written(rows: Sequence[str], family: str) -> Prompt | None:
    """Return a question of Codex that is answered by writing: its field is there, and no options are."""
    if family != "codex" or not rows or "submit answer" not in rows[-1].lower():
        return None
    at = next((n for n in range(len(rows) - 1, -1, -1) if _FORM.match(rows[n])), None)
    field = None if at is None else next((n for n in range(at, len(rows)) if _FIELD.match(rows[n])), None)
    if at is None or field is None or any("notes" in row.lower() for row in rows[-2:]):
        return None
    told = [row.strip() for row in rows[at + 1 : field] if row]
    text = "\n".join(rows[at:field]).strip("\n")
    return Prompt("question", " ".join(told), (), text, None, family, tool="AskUserQuestion", place=rows[at].strip())


def _shaped(rows: Sequence[str], family: str) -> Prompt | None:
    """Return as unknown what only looks like a dialog: key hints at the bottom, and no composer there.

    So does the row by which Codex says that another thread waits: answered where it stands, it would be the wrong one.
    """
    elsewhere = next((row for row in rows[-12:] if family == "codex" and OTHER_THREAD.match(row)), None)
    if elsewhere is not None:
        return Prompt("unknown", elsewhere.strip(), (), elsewhere, None, family)
    margin = {"claude": 3, "codex": 2}.get(family, -1)
    if not rows or RULE.match(rows[-1]) or EDGE.match(rows[-1]) or indent(rows[-1]) > margin or not is_hint(rows[-1]):
        return None
    if composer_text(rows, family) is not None:
        return None
    last = max(above_hints(rows), 0)
    top, whole = block_of(rows, last, family)
    body = [row for row in rows[top : last + 1] if not EDGE.match(row)]
    text = "\n".join(rows[top:]).strip("\n")
    found = Prompt("unknown", question_of(paragraphs_of(body)), (), text, None, family, whole=whole)
    return replace(found, question=found.question or rows[-1].strip())
