"""The field that an answer in words is written into: a composer, a question's own row, a form, or a line."""

# ruff: noqa: RUF001 -- the marks are the ones that the agents draw

import re
from collections.abc import Sequence
from typing import Final

from batty_tmux.core.liveness import composer_of
from batty_tmux.core.menu import menu_of
from batty_tmux.core.options import Prompt
from batty_tmux.core.screen import indent, is_hint, rows_of

_OWN_WORDS: Final = re.compile(r"^type something\.?$", re.IGNORECASE)
_AFTER: Final = re.compile(r"^chat about this$", re.IGNORECASE)
_HOLLOW: Final = re.compile(r"^(?:add notes|type your answer(?: \(optional\))?)?$", re.IGNORECASE)
_FORM: Final = re.compile(r"^  question \d+/\d+\b", re.IGNORECASE)
_FOLDED: Final = re.compile(r"\[pasted (?:text|content)\b", re.IGNORECASE)
_TAIL: Final = 24
_MAX_ROWS: Final = 40


def own_words(prompt: Prompt) -> int | None:
    """Return the option into which Claude lets one write an answer, None where there is none."""
    found = [n for n, option in enumerate(prompt.options) if _OWN_WORDS.match(option.label)]
    return found[0] if len(found) == 1 and prompt.kind == "question" and not prompt.boxes else None


def has_notes(prompt: Prompt) -> bool:
    """Tell whether an answer can be added as a note, as Codex offers for its questions."""
    return prompt.family == "codex" and prompt.kind == "question" and bool(prompt.place) and bool(prompt.options)


def field_text(screen: str, family: str, asked: Prompt | None) -> str | None:
    """Return what stands in the field for an answer to `asked`, "" when it is empty; None when it is not there.

    Without a prompt that is the composer. `asked` is the prompt as it was before anything was written.
    """
    if asked is None:
        return composer_of(screen, family)
    if asked.options and asked.caret is not None:
        return _notes(rows_of(screen)) if family == "codex" else _own_row(rows_of(screen), asked)
    if asked.place:
        return _notes(rows_of(screen))
    return " ".join(rows_of(screen)[-3:])


def holds(field: str | None, text: str) -> bool:
    """Tell whether a field shows a text, or what an agent puts in the place of a long one."""
    if field is None:
        return False
    end = "".join(text.split())[-_TAIL:]
    return bool(end) and (end in "".join(field.split()) or bool(_FOLDED.search(field)))


def _own_row(rows: Sequence[str], asked: Prompt) -> str | None:
    """Return the row of Claude's own-words option, which shows what is written, by where it stands in the menu."""
    menu = menu_of(rows, "claude")
    at = own_words(asked)
    if menu is None or at is None or len(menu.options) != len(asked.options) or menu.caret != at:
        return None
    if at + 1 < len(menu.options) and not _AFTER.match(menu.options[at + 1].label):
        return None
    option = menu.options[at]
    return "" if _OWN_WORDS.match(option.label) else f"{option.label} {option.more}".strip()


def _notes(rows: Sequence[str]) -> str | None:
    """Return what stands behind the lowest mark of a form of Codex, below its question."""
    for at in range(len(rows) - 1, max(-1, len(rows) - _MAX_ROWS), -1):
        if rows[at].startswith("  › ") or rows[at] == "  ›":
            below = [row for row in rows[at + 1 :] if row and not is_hint(row)]
            told = " ".join([rows[at][3:].strip(), *(row.strip() for row in below)])
            form = any(_FORM.match(row) for row in rows[max(0, at - _MAX_ROWS) : at])
            option = re.match(r"\d+\. ", told)
            return None if option or not form else "" if _HOLLOW.match(told) else told
        if rows[at] and not indent(rows[at]):
            return None
    return None
