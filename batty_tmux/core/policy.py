"""What may be done about a prompt: the user's rules, then a few built-in ones, and above both a list of denials.

Nothing here is asked of a model, and nothing is typed into a prompt that was not understood. What a denial or
a doubt stops goes to a person, with the reason.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from batty_tmux.core.prompts import Prompt, keys, never_chosen, option_of

MAX_TEXT: Final = 20_000
"""Characters of a prompt that rules see. A command that is longer is judged by a person."""


@dataclass(frozen=True)
class Rule:
    """One rule of the user's. `match` is searched in the whole prompt.

    `answer` is typed with Enter where the prompt is a line; in a menu it is an option's meaning ("yes", "no",
    "skip"), its words or its number.
    """

    name: str
    match: str
    answer: str


@dataclass(frozen=True)
class Policy:
    """What batty may do. `base` is the branch that nobody may push to or move."""

    mode: Literal["observe", "suggest", "act"] = "act"
    rules: tuple[Rule, ...] = ()
    base: str = "main"


@dataclass(frozen=True)
class Answer:
    """Type `text` and Enter, or press `keys` where `text` is None."""

    text: str | None
    keys: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class Suggest:
    """A person may take this answer or not."""

    answer: Answer


@dataclass(frozen=True)
class Ask:
    """A person answers. `would` is what would have been done in the mode act."""

    reason: str
    would: Answer | None = None


@dataclass(frozen=True)
class Refuse:
    """A rule asks for what batty never does; a person answers, and the rule wants mending."""

    reason: str


Outcome = Answer | Suggest | Ask | Refuse


def fault(rule: Rule) -> str | None:
    """Say what is wrong with a rule, for whoever loads the configuration; None when nothing is."""
    try:
        re.compile(rule.match)
    except re.error as error:
        return f"match is not a regular expression: {error}"
    return None if rule.match else "match is empty: it would answer every prompt"


def reason(outcome: Outcome) -> str:
    """Return why a person is needed, in one line."""
    match outcome:
        case Answer():
            return ""
        case Suggest(answer):
            return f"suggested by {answer.rule}: {shown(answer)}"
        case Ask(told, Answer() as would):
            return f"{told}: {would.rule} would answer {shown(would)}"
        case Ask(told) | Refuse(told):
            return told


def shown(answer: Answer) -> str:
    """Return what would be typed."""
    return repr(answer.text) if answer.text is not None else " ".join(answer.keys)


def decide(prompt: Prompt, policy: Policy, worktree: str = "") -> Outcome:
    """Return what to do. `worktree` is the phase's own, absolute; without it no dialog about a place is answered."""
    outcome = _doubt(prompt, policy) or _by_rule(prompt, policy) or _built_in(prompt, worktree)
    if not isinstance(outcome, Answer) or policy.mode == "act":
        return outcome
    return Suggest(outcome) if policy.mode == "suggest" else Ask("policy only observes", outcome)


# --- what no rule overrides ---------------------------------------------------------------------------------

_DOUBTS: Final = {
    "unknown": "a dialog that batty does not know",
    "secret": "asks for a secret",
    "bypass": "would switch off all permission checks",
    "login": "the agent wants to log in",
    "hooks": "hooks of the repository want to be trusted",
    "mcp": "a tool server of the repository wants to be started",
}

_OF_THE_AGENT: Final = frozenset({"trust", "update", "limit"})
"""Dialogs that no command of the agent's makes: their options may speak of installing, which `keys` never chooses."""


def _doubt(prompt: Prompt, policy: Policy) -> Ask | None:
    if prompt.kind in _DOUBTS:
        return Ask(_DOUBTS[prompt.kind])
    if not prompt.whole and prompt.kind in {"permission", "edit"}:
        return Ask("the beginning of what it asks for is not on the screen")
    if len(prompt.text) > MAX_TEXT:
        return Ask("its text is too long to judge")
    told = None if prompt.kind in _OF_THE_AGENT else denied(prompt.text, policy.base)
    return Ask(f"no rule may allow this: {told}") if told else None


# bounded repeats, so that a hostile text costs time in proportion to its length only
_DENIED: Final = tuple(
    (re.compile(words, re.IGNORECASE), told)
    for words, told in (
        (r"\bgit\b[^;&|]{0,300}\bpush\b[^;&|]{0,300}\s(?:--(?:force|mirror|delete)|-\w*[fd]|\+)", "a forced push"),
        (r"\bgit\b[^;&|]{0,300}\bupdate-ref\b", "moving refs by hand"),
        (r"\brm\b(?=[^;&|]{0,300}\s(?:-\w*r|--recursive))(?=[^;&|]{0,300}[\s\"'](?:/|~|\$|[^\s;&|]{0,200}\.\.))",
         "a recursive delete outside the worktree"),
        (r"\b(?:sudo|doas)\b", "another user's rights"),
        (r"\b(?:npm|pnpm)\b[^;&|]{0,200}\s(?:install|i|add)\s[^;&|]{0,200}(?:-g|--global)\b", "a global install"),
        (r"\b(?:npm|pnpm)\s+(?:-g|--global)\s", "a global install"),
        (r"\byarn\s+global\b", "a global install"),
    )
)  # fmt: skip
_BASE: Final = (
    (r"\bgit\b[^;&|]{0,300}\bpush\b[^;&|]{0,300}[\s:/]BASE(?![\w./-])", "a push to the base branch"),
    (
        r"\bgit\b[^;&|]{0,300}\bbranch\b[^;&|]{0,200}\s(?:-\w*[dDfmMcC]|--delete|--force|--move|--copy)\b[^;&|]{0,200}\sBASE(?![\w./-])",
        "moving or deleting the base branch",
    ),
    (r"\bgit\b[^;&|]{0,300}\b(?:checkout\s+-B|switch\s+-C)\s+BASE(?![\w./-])", "moving the base branch"),
)


def denied(text: str, base: str) -> str | None:
    """Return what in a text no rule may allow, None when nothing is seen.

    Words are searched, no shell is parsed: this is a net for plain cases, not a sandbox. Rows are joined both
    with and without a space, since a long command wraps in the middle of a word.
    """
    joined = re.sub(r"\\\n", " ", text)
    forms = (" ".join(joined.split()), re.sub(r"(?<=\S)\n *(?=\S)", "", joined))
    of_base = [(re.compile(words.replace("BASE", re.escape(base))), told) for words, told in _BASE if base]
    return next((told for words, told in (*_DENIED, *of_base) if any(words.search(form) for form in forms)), None)


# --- the user's rules ---------------------------------------------------------------------------------------


def _by_rule(prompt: Prompt, policy: Policy) -> Outcome | None:
    if prompt.kind == "limit":
        return None
    text = _own_text(prompt)[:MAX_TEXT]
    forms = (text, " ".join(text.split()))
    asked = len(" ".join(prompt.question.split())) if prompt.caret is None else MAX_TEXT
    rule = next((rule for rule in policy.rules if any(_fits(rule, form, asked) for form in forms)), None)
    return _applied(rule, prompt) if rule else None


_ASKED = re.compile(
    r"\?|[\[(]\s*y(?:es)?\s*/\s*no?\b|\bpress (?:enter|return|any key|space)\b"
    r"|\b(?:password|passphrase|token|secret|pin|choose|choice|select|pick|option|enter)\b[^?]*[:>]",
    re.IGNORECASE,
)


def _own_text(prompt: Prompt) -> str:
    """Return the text without the line questions above this one, which the screen still shows with their answers.

    A pattern with .* would else begin in one of those and end in this.
    """
    rows = prompt.text.split("\n")
    if prompt.caret is not None:
        return prompt.text
    earlier = [number for number, row in enumerate(rows[:-1], 1) if _ASKED.search(row)]
    return "\n".join(rows[max(earlier, default=0) :])


def _fits(rule: Rule, form: str, asked: int) -> bool:
    """Tell whether a rule matches what is asked. On a line prompt the match must reach into the question itself.

    What stands above a line may be the question before it, with its answer: a rule for that one is not for this.
    """
    return any(match.end() > len(form) - asked for match in re.finditer(rule.match, form))


def _applied(rule: Rule, prompt: Prompt) -> Outcome:
    if prompt.caret is None:
        return Answer(rule.answer, (), rule.name)
    pressed = keys(prompt, rule.answer)
    if pressed is not None:
        return Answer(None, pressed, rule.name)
    index = option_of(prompt, rule.answer)
    if index is not None and never_chosen(prompt.options[index].label):
        return Refuse(f"{rule.name} wants {prompt.options[index].label!r}, which batty never chooses")
    return Ask(f"{rule.name} answers {rule.answer!r}, and no option means that")


# --- built-in rules -----------------------------------------------------------------------------------------


def _built_in(prompt: Prompt, worktree: str) -> Outcome:
    for name, kind, families, meaning, holds in _BUILT_IN:
        if prompt.kind == kind and prompt.family in families and holds(prompt, worktree):
            pressed = keys(prompt, meaning)
            if pressed is not None:
                return Answer(None, pressed, name)
    return Ask("no rule answers this")


def _always(_prompt: Prompt, _worktree: str) -> bool:
    return True


def _names_worktree(prompt: Prompt, worktree: str) -> bool:
    """Tell whether some rows of the dialog are the worktree's path and nothing else; a long path wraps."""
    rows = [row.strip() for row in prompt.text.split("\n")]
    runs = (
        "".join(rows[start:end])
        for start in range(len(rows))
        for end in range(start + 1, min(start + 6, len(rows) + 1))
    )
    return bool(worktree) and worktree in runs


def _edits_worktree(prompt: Prompt, worktree: str) -> bool:
    """Tell whether the file that a dialog names is the one it asks about, and an ordinary one of the worktree's."""
    path = PurePosixPath(prompt.subject)
    if not prompt.subject or not worktree or prompt.subject.startswith("~"):
        return False
    if path.is_absolute():
        if not path.is_relative_to(worktree):
            return False
        path = path.relative_to(worktree)
    return (
        ".." not in path.parts and not _GUARDED.intersection(path.parts) and prompt.question.endswith(f" {path.name}?")
    )


_GUARDED: Final = frozenset({".git", ".claude", ".codex", ".husky", ".mcp.json", ".envrc"})
"""Files that make an agent, git or a shell run something later."""

_Holds = Callable[[Prompt, str], bool]
_BUILT_IN: Final[tuple[tuple[str, str, frozenset[str], str, _Holds], ...]] = (
    ("built-in trust-worktree", "trust", frozenset({"claude", "codex"}), "trust", _names_worktree),
    ("built-in skip-update", "update", frozenset({"codex"}), "skip", _always),
    ("built-in edit-in-worktree", "edit", frozenset({"claude"}), "yes once", _edits_worktree),
    ("built-in wait-for-limit", "limit", frozenset({"claude"}), "wait", _always),
)
