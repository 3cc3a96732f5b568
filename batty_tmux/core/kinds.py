"""What a dialog is about: its kind, tool and subject, by the words in its title and its question.

The words are never searched in the command or diff between the two, which an agent words as it likes. They are
those of Claude Code up to 2.1.332 and of Codex up to 0.169.0.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from batty_tmux.core.menu import Menu
from batty_tmux.core.screen import RULE, indent

LEAD = re.compile(
    r"^\W*(?:would you like to|do you want to|do you trust|trust this|allow codex|update available"
    r"|choose (?:the text|how you)|select login method|review your answers|ready to submit)",
    re.IGNORECASE,
)
# the rows that dialogs of Codex begin with, within its margin
START = re.compile(
    rf"{LEAD.pattern}|^\s*(?:folder access|question \d+/\d+\b.*|field \d+/\d+|approve app tool call\?"
    r"|implement this plan\?|approaching rate limits|usage limit reached|resume paused goal\?|hooks? needs? review"
    r"|auto-review denial recovery|submit with unanswered questions\?|\S.* send input to terminal .*)$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"^\s*(?:question \d+/\d+\b.*|←.*→)$", re.IGNORECASE)


def _table(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in rows)


# searched in the title and the question; first match wins
_BY_HEAD: Final = _table(
    ("trust", r"quick safety check|do you trust the (?:files|contents)|trust this folder\?|work in this folder"),
    ("trust", r"^folder access$"),
    ("bypass", r"bypass permissions mode"),
    ("limit", r"hit your .{0,40}limit|usage limit reached|approaching rate limits|for lower credit usage\?"),
    ("update", r"update available|newer .{0,60}model available"),
    ("hooks", r"hooks? needs? review"),
    ("mcp", r"new mcp servers? |mcp servers? found in"),
    ("login", r"choose how you want to use codex|select login method|detected a custom api key|use this api key\?"),
    (
        "setup",
        r"choose the text style|settings error|auto mode your default|new fullscreen renderer\?|terminal setup\?",
    ),
    ("setup", r"external claude\.md file imports\?"),
    ("submit", r"review your answers|ready to submit your answers\?|submit with unanswered questions\?"),
    ("question", r"^resume paused goal\?$"),
    ("plan", r"would you like to proceed\?|implement this plan\?|(?:exit|enter) plan mode"),
    ("edit", r"do you want to (?:create|overwrite|edit|make this edit to) |like to make the following edits"),
    ("permission", r"do you want to (?:proceed|allow|approve)|would you like to (?:run|grant)|wants to |^use skill"),
    (
        "permission",
        r"approve app tool call|send input to terminal|run a dynamic workflow\?|^allow .{1,200} to run tool ",
    ),
)
_BY_LABEL: Final = _table(
    ("submit", r"^submit answers$"),
    ("question", r"^(?:type something\.?|chat about this|none of the above)$"),
    ("limit", r"^stop and wait|usage credits"),
    ("update", r"^update now\b"),
    ("login", r"^sign in with "),
    ("bypass", r"^yes, i accept$"),
    ("trust", r"^(?:yes, i trust this folder|trust and continue)$"),
)
_QUESTION_OF_CODEX = re.compile(r"^\s*question \d+/\d+\b", re.IGNORECASE)
_OF_AN_APP = re.compile(r"approve app tool call\?", re.IGNORECASE)
_FOR_EVER = re.compile(
    r"\b(?:always|everything|all (?:future|commands|edits)|from now on|in (?:the )?future)\b", re.IGNORECASE
)
_STARTED_FIELD = re.compile(r"^\s*field \d+/\d+", re.IGNORECASE)


def kind_of(title: str, question: str, menu: Menu) -> str:
    """Return the kind of a menu under a title and a question, "unknown" where no words fit or they disagree."""
    labels = [option.label for option in menu.options]
    told = next((kind for kind, words in _BY_LABEL if any(map(words.search, labels))), "")
    if told == "question" or (_QUESTION_OF_CODEX.match(title) and not _OF_AN_APP.match(question)):
        return "question"
    asked = next((kind for kind, words in _BY_HEAD if words.search(title) or words.search(question)), "")
    if (told and asked and told != asked) or (asked == "permission" and _FOR_EVER.search(question)):
        return "unknown"
    return told or asked or "unknown"


def place_of(body: Iterable[str]) -> str:
    """Return the row of tabs, or "Question 1/2 (2 unanswered)", that tells which of several questions is shown."""
    return next((row.strip() for row in body if _PLACE.match(row)), "")


def paragraphs_of(rows: Iterable[str]) -> list[list[str]]:
    """Return what blank rows and rules separate."""
    found: list[list[str]] = [[]]
    for row in rows:
        if row and not RULE.match(row):
            found[-1].append(row.strip())
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def question_of(paragraphs: list[list[str]]) -> str:
    """Return the question: right above the options, else the first paragraph that leads like one, else any."""
    told = [
        [row for row in paragraph if not _PLACE.match(row) and not _STARTED_FIELD.match(row)]
        for paragraph in paragraphs
    ]
    flat = [" ".join(paragraph) for paragraph in told if paragraph]
    if not flat:
        return ""
    if flat[-1].endswith("?"):
        return flat[-1]
    led = next((text for text in flat if LEAD.match(text)), None)
    return led or next((text for text in flat if "?" in text), flat[0])


# --- tool and subject ---------------------------------------------------------------------------------------

_FILE_TITLE: Final = re.compile(r"^\s*(create|edit|overwrite|write|update|read) (?:file|notebook)$", re.IGNORECASE)
_COMMAND_TITLE: Final = re.compile(r"^\s*(bash|powershell) command", re.IGNORECASE)
_OF_FILES: Final = {
    "create": "Write",
    "overwrite": "Write",
    "write": "Write",
    "edit": "Edit",
    "update": "Edit",
    "read": "Read",
}
_CALL: Final = re.compile(r"^\s*(\S{1,80}) - (\S{1,80}?)(\(.*)? \(MCP\)\s*$")
_RUNS: Final = re.compile(
    r"(?:\ballow )?\bthe (\S{1,80}) mcp server (?:to run|wants to run the) tool \"([^\"]{1,80})\"", re.IGNORECASE
)
_CREATES: Final = _table(
    ("Bash", r"like to run the following command"),
    ("Edit", r"like to make the following edits|make this edit to"),
    ("Network", r"approve network access to|network request outside of sandbox|allow this connection\?"),
    ("Terminal", r"send input to terminal"),
    ("Workflow", r"run a dynamic workflow\?"),
    ("Skill", r"^use skill"),
    ("WebFetch", r"allow claude to fetch this content"),
    ("Write", r"do you want to (?:create|overwrite) "),
    ("mcp__claude-in-chrome", r"claude in chrome wants to"),
    ("EnterPlanMode", r"enter plan mode"),
    ("ExitPlanMode", r"exit plan mode|implement this plan\?|would you like to proceed\?$"),
)


def tool_of(kind: str, title: str, question: str, body: Sequence[str]) -> str:
    """Return by which tool, "" where the dialog does not say."""
    if kind == "question":
        return "AskUserQuestion"
    if kind not in {"permission", "edit", "plan"}:
        return ""
    if match := _COMMAND_TITLE.match(title):
        return "Bash" if match.group(1).lower() == "bash" else "PowerShell"
    if match := _FILE_TITLE.match(title):
        return "NotebookEdit" if "notebook" in title.lower() else _OF_FILES[match.group(1).lower()]
    if call := _mcp(question, body):
        return f"mcp__{call[0]}__{call[1]}"
    return next((tool for tool, words in _CREATES if words.search(title) or words.search(question)), "")


def _mcp(question: str, body: Sequence[str]) -> tuple[str, str, str] | None:
    if match := _RUNS.search(question):
        return match.group(1), match.group(2), ""
    rows = [row for row in body if row]
    match = _CALL.match(rows[1]) if len(rows) > 1 and rows[0].strip().lower() == "tool use" else None
    return (match.group(1), match.group(2), (match.group(3) or "").strip("()")) if match else None


def subject_of(tool: str, question: str, body: Sequence[str]) -> str:
    """Return the command, path, address or host that a dialog names, "" where it names none."""
    rows = [row for row in body if row]
    if rows and _FILE_TITLE.match(rows[0]):
        return "".join(row.strip() for row in until(rows[1:], lambda row: bool(RULE.match(row))))
    if rows and _COMMAND_TITLE.match(rows[0]):
        return "\n".join(row.strip() for row in _framed(rows) or until(rows[1:], lambda row: indent(row) < 2))  # noqa: PLR2004 -- titles
    if tool.startswith("mcp__") and (call := _mcp(question, body)):
        return call[2]
    named = _NAMED.get(tool)
    if named is not None:
        found = next((match for row in (question, *rows) if (match := named.search(row))), None)
        return next((part for part in found.groups() if part), "") if found else ""
    start = next((n for n, row in enumerate(rows) if row.startswith("  $ ")), len(rows))
    return "\n".join(row.strip() for row in rows[start:]).removeprefix("$ ")


_NAMED: Final = {
    "WebFetch": re.compile(r"^\s*(?:url: *)?(https?://\S+)"),
    "Edit": re.compile(r"^\s*destination: *(\S.*)$", re.IGNORECASE),
    "Skill": re.compile(r'^\s*use skill "([^"]{1,200})"', re.IGNORECASE),
    "Network": re.compile(r"^\s*host: *(\S+)|network access to \"([^\"]{1,253})\"", re.IGNORECASE),
    "mcp__claude-in-chrome": re.compile(r"wants to (.{1,300})$", re.IGNORECASE),
}


def _framed(rows: Sequence[str]) -> Sequence[str]:
    """Return what stands between the rules that newer versions (2.1.330) draw around a command."""
    rules = [n for n, row in enumerate(rows) if RULE.match(row) and not indent(row)]
    return rows[rules[0] + 1 : rules[-1]] if rules else ()


def until(rows: Sequence[str], stop: Callable[[str], bool]) -> Sequence[str]:
    return rows[: next((n for n, row in enumerate(rows) if stop(row)), len(rows))]
