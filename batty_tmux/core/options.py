"""A prompt, and which keys choose one of its options: by the meaning of the words, never by a number alone."""

import re
from dataclasses import dataclass
from typing import Final

from batty_tmux.core.menu import Option


@dataclass(frozen=True)
class Prompt:
    """One thing a screen asks, and all of its text that is seen.

    `kind`: permission, edit, trust, bypass, question, submit, plan, limit, update, setup, login, hooks, mcp, confirm,
    continue, secret, choice or unknown. `caret` indexes `options`; None for prompts that are answered by typing.
    `subject` is the command, path, address or host that is asked about, and `tool` by which tool, where the dialog
    names them: tools are called as Claude Code calls them (Bash, Edit, Write, WebFetch, mcp__server__tool), whoever
    asks; `Network` and `Terminal` are a host's connection and keys for a running program.
    `whole` is False when its beginning may be off the screen: what it would allow cannot be judged then.
    `place` is the row that tells which of several questions this is, "" where there is only one. `boxes` says that
    options are ticked: no single key answers.
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
    place: str = ""
    boxes: bool = False


_ASKS_LEAVE: Final = frozenset({"permission", "edit", "confirm"})
_ANY: Final = "any kind"

_WEAK: Final = "cancel"
"""A no, but only where nothing looks like a better one."""
_DECLINES: Final = ("no", "deny", "reject", "decline")

# a meaning: for which kinds, and the words of a whole label; what stands first is taken first, so that a dialog
# that offers to deny and to cancel is denied
_MEANINGS: Final[dict[str, tuple[tuple[frozenset[str] | str, str], ...]]] = {
    "yes once": (
        (_ASKS_LEAVE, r"yes|yes, proceed|yes, just this once|yes, allow once|allow|allow once|approve|approve once"),
        (_ASKS_LEAVE, r"yes, run it"),
        (frozenset({"trust"}), r"yes, i trust this folder|trust and continue|yes, continue|yes, proceed"),
        (frozenset({"plan"}), r"yes, manually approve edits|yes, implement this plan"),
        (frozenset({"submit"}), r"submit answers"),
        (frozenset({"question"}), r"yes"),
    ),
    "no": (
        (_ANY, r"no(?: \(recommended\))?|no, exit|no, quit|no, thanks|deny|reject|decline|quit"),
        (_ANY, r"no, and tell \w+ what to do differently|no, continue without permissions|no, stay in plan mode"),
        (_ANY, r"no, keep planning|no, disable external imports|no, start implementing now"),
        (_ANY, r"no, ask me to approve edits and commands"),
        (frozenset({"mcp"}), r"continue without using this mcp server"),
        (frozenset({"hooks"}), r"continue without trusting(?: \(hooks won't run\))?"),
        (frozenset({"limit"}), r"keep current model"),
        (_ANY, _WEAK),
    ),
    "trust": ((frozenset({"trust"}), r"yes, i trust this folder|trust and continue|yes, continue|yes, proceed"),),
    "skip": (
        (_ANY, r"skip|not now|maybe later|no,? thanks|keep current model|no, maybe later.{0,40}"),
        (frozenset({"update"}), r"no"),
    ),
    "wait": (
        (frozenset({"limit"}), r"stop and wait(?: for (?:the )?limit to reset)?|wait for (?:the )?(?:limit )?reset"),
    ),
    "submit": ((frozenset({"submit"}), r"submit answers"),),
}
_SYNONYMS: Final = {"y": "yes once", "yes": "yes once", "n": "no"}
_NEVER = re.compile(
    r"don'?t ask (?:me )?again|do not ask (?:me )?again|never (?:ask|show) again|always|all (?:edits|actions|future)"
    r"|(?:for|during) (?:this|the) (?:session|conversation|turn)|this session|these files|from now on"
    r"|in (?:the )?future|accept(?:ing)? edits|auto[- ]?mode|auto-?approve|bypass|i accept|without asking|trust all"
    r"|credits?\b|upgrade|\bbuy|\bpay|purchas|extra usage|subscri|billing|lower priority|switch to|update now|install"
    r"|\b(?:team|pro|max|plus|business|enterprise) plan\b",
    re.IGNORECASE,
)
_MONEY = re.compile(r"credits?\b|upgrade|\bbuy|\bpay|purchas|extra usage|subscri|billing", re.IGNORECASE)
_SHORTCUT = re.compile(r"\s*\((?:[a-z]|esc|enter|tab|f\d{1,2}|(?:(?:shift|ctrl|alt)\+\w+ ?){1,2})\)$", re.IGNORECASE)
_TICK = re.compile(r" [✔✓]$")


def keys(prompt: Prompt, meaning: str) -> tuple[str, ...] | None:
    """Return tmux's names of the keys that choose the one option with this meaning; None where there is no such.

    `meaning` is "yes once", "no", "trust", "skip", "wait" or "submit", or an option's own words or number. Options
    that grant more than this once, spend money or install are never chosen. The caller checks, before Enter, that
    the caret has come to stand where it should, and afterwards that the prompt is gone.
    """
    index = option_of(prompt, meaning)
    if index is None or prompt.kind == "unknown" or prompt.boxes or _refused(prompt, prompt.options[index]):
        return None
    if prompt.caret is None:
        return (prompt.options[index].key, "Enter") if prompt.kind == "confirm" else None
    steps = index - prompt.caret
    return ("Down" if steps > 0 else "Up",) * abs(steps) + ("Enter",)


def option_of(prompt: Prompt, meaning: str) -> int | None:
    """Return which option a meaning, a label or a number means; None when it is none or more than one."""
    wanted = _label(meaning)
    labels = [_label(option.label) for option in prompt.options]
    name = _SYNONYMS.get(wanted, wanted)
    for kinds, words in _MEANINGS.get(name, ()):
        found = [n for n, label in enumerate(labels) if re.fullmatch(words, label)]
        if found and (kinds == _ANY or prompt.kind in kinds):
            return None if words == _WEAK and any(map(_declines, labels)) else _only(prompt, found)
    # a bare yes that the kind does not know as an answer to it stays a person's, in the option's own words
    own = [n for n, label in enumerate(labels) if wanted in (label, prompt.options[n].key)]
    return None if name in _MEANINGS else _only(prompt, own)


def _declines(label: str) -> bool:
    return label.startswith(_DECLINES)


def _only(prompt: Prompt, found: list[int]) -> int | None:
    return found[0] if len(found) == 1 and not prompt.options[found[0]].cut else None


def never_chosen(label: str) -> bool:
    """Tell whether an option grants more than this once, spends money or installs something."""
    return bool(_NEVER.search(label))


def whole_label(option: Option) -> Option:
    """Return the option with the rest of its label, where no description can stand below it."""
    if not option.wrapped:
        return option
    return Option(option.key, f"{option.label} {option.more}", cut=option.cut)


def _refused(prompt: Prompt, option: Option) -> bool:
    """Tell whether nobody's words choose this. What an agent's own question offers grants nothing by itself."""
    if prompt.kind == "question":
        return bool(_MONEY.search(option.label))
    return never_chosen(option.label) or bool(_MONEY.search(option.more))


def _label(text: str) -> str:
    return _SHORTCUT.sub("", _TICK.sub("", " ".join(text.replace("\u2019", "'").lower().split())))
