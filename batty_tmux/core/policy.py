"""What may be done about a request: the user's rules, then a set of built-in ones, and above both a list of denials.

Nothing here is asked of a model, and nothing is answered that was not understood. What a denial or a doubt stops
goes to a person, with the reason. A decision is a meaning; keys or a hook's reply are made of it afterwards.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, Literal

from batty_tmux.core import deny
from batty_tmux.core.findings import Finding
from batty_tmux.core.places import Ground
from batty_tmux.core.prompts import Prompt, keys, never_chosen, option_of
from batty_tmux.core.request import MAX_TEXT, WRITES, Request, of_prompt
from batty_tmux.core.rule_sets import View, rules_of
from batty_tmux.core.shell import Line, parse
from batty_tmux.core.shell_words import Simple, shown
from batty_tmux.core.wrappers import as_typed

Mode = Literal["observe", "suggest", "act", "full"]


@dataclass(frozen=True)
class Rule:
    """One rule of the user's: all matchers that are given must fit.

    `match` is searched in the whole prompt, `tool` and `paths` are globs, `command` is a glob or a /regular
    expression/ that each command of the line must fit. `answer` is "yes", "no" or "ask"; in a menu also an option's
    words or number; where the prompt is a line, the text that is typed.
    """

    name: str
    match: str = ""
    answer: str = ""
    kind: str = ""
    tool: str = ""
    command: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """What batty may do. `base` is the branch that nobody may push to or move, `gate` the gate's command."""

    mode: Mode = "act"
    rules: tuple[Rule, ...] = ()
    base: str = "main"
    set: str = "standard"
    gate: str = ""


@dataclass(frozen=True)
class Give:
    """Answer this: "yes once", "no", "trust", "skip" or "wait"; an option's words; the text for a line."""

    answer: str
    rule: str
    why: str = ""


@dataclass(frozen=True)
class Ask:
    """A person answers. `would` is what would be done in the mode act; `suggested` that one key may accept it."""

    reason: str
    rule: str = ""
    would: Give | None = None
    suggested: bool = False


@dataclass(frozen=True)
class Refuse:
    """A rule asks for what batty never does; a person answers, and the rule wants mending."""

    reason: str
    rule: str = ""


Outcome = Give | Ask | Refuse


@dataclass(frozen=True)
class Answer:
    """A decision as keys: type `text` and Enter, or press `keys` where `text` is None."""

    text: str | None
    keys: tuple[str, ...]
    give: Give


def fault(rule: Rule) -> str | None:
    """Say what is wrong with a rule, for whoever loads the configuration; None when nothing is."""
    if not (rule.match or rule.kind or rule.tool or rule.command or rule.paths):
        return "names nothing that it is for: it would answer every prompt"
    for name, pattern in (("match", rule.match), ("command", _expression(rule.command))):
        try:
            re.compile(pattern)
        except re.error as error:
            return f"{name} is not a regular expression: {error}"
    return None


def reason(outcome: Outcome | Answer) -> str:
    """Return why a person is needed, in one line; "" when none is."""
    match outcome:
        case Ask(_, _, Give(answer, rule), True):
            return f"suggested by {rule}: {answer!r}"
        case Ask(told, _, Give(answer, rule)):
            return f"{told}: {rule} would answer {answer!r}"
        case Ask(told) | Refuse(told):
            return told
    return ""


_NOBODY: Final = Ask("no rule answers this")


# --- deciding -----------------------------------------------------------------------------------------------


def decide(request: Request, policy: Policy, worktree: str = "") -> Outcome:
    """Return what to do. `worktree` is the phase's own, absolute; without it nothing about a place is answered.

    Total, and bounded in time: whatever a screen, a hook or a journal says.
    """
    outcome = _decided(request, policy, worktree)
    if not isinstance(outcome, Give) or policy.mode in {"act", "full"}:
        return outcome
    suggested = policy.mode == "suggest"
    told = f"suggested by {outcome.rule}" if suggested else "policy only observes"
    return Ask(told, outcome.rule, outcome, suggested=suggested)


def on_screen(
    prompt: Prompt, policy: Policy, worktree: str = "", request: Request | None = None
) -> Answer | Ask | Refuse:
    """Decide about a prompt, and find the keys. A meaning that no option has is for a person.

    `request` is what it asks where that is known better than the screen shows it.
    """
    outcome = decide(request or of_prompt(prompt), policy, worktree)
    give = outcome.would if isinstance(outcome, Ask) else outcome
    pressed = _pressed(prompt, give) if isinstance(give, Give) else None
    if isinstance(pressed, (Ask, Refuse)):
        return pressed
    return pressed if isinstance(outcome, Give) and pressed is not None else _unanswered(outcome)


def _unanswered(outcome: Outcome) -> Ask | Refuse:
    return Ask("no keys are known for this answer", outcome.rule) if isinstance(outcome, Give) else outcome


def _pressed(prompt: Prompt, give: Give) -> Answer | Ask | Refuse:
    if prompt.caret is None:
        return Answer(give.answer, (), give)
    found = keys(prompt, give.answer)
    if found is not None:
        return Answer(None, found, give)
    index = option_of(prompt, give.answer)
    if index is not None and never_chosen(prompt.options[index].label):
        return Refuse(f"{give.rule} wants {prompt.options[index].label!r}, which batty never chooses", give.rule)
    return Ask(f"{give.rule} answers {give.answer!r}, and no option means that", give.rule)


def _decided(request: Request, policy: Policy, worktree: str) -> Outcome:
    doubt = _doubt(request)
    if doubt is not None:
        return doubt
    view = view_of(request, policy, worktree)
    found = _findings(view, policy.base)
    denied = next((each for each in found if each.denied), None)
    if denied is not None:
        return Ask(f"no rule may allow this: {denied.told}", "deny")
    outcome = _by_rule(view, policy) or _built_in(view, policy)
    free = outcome == _NOBODY or (isinstance(outcome, Give) and outcome.answer != "no")
    if free and found:
        return Ask(f"what it would do is not certain: {found[0].told}", "unparsed")
    return outcome


def view_of(request: Request, policy: Policy, worktree: str = "") -> View:
    """Return a request as rules see it, with what the parser makes of its command."""
    lines = tuple(parse(reading) for reading in request.readings)
    return View(request, lines, Ground(worktree, request.folder), _gate(policy.gate) if lines else frozenset())


@lru_cache(maxsize=8)
def _gate(command: str) -> frozenset[str]:
    line = parse(command) if command else Line()
    return frozenset(shown(simple.words) for simple in line.commands) if not line.doubts else frozenset()


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


def _doubt(request: Request) -> Ask | None:
    if request.kind in _DOUBTS:
        return Ask(_DOUBTS[request.kind], "never")
    if not request.whole and request.kind in {"permission", "edit"}:
        return Ask("not all of what it asks for is seen", "unparsed")
    if len(request.text) > MAX_TEXT or len(request.command) > MAX_TEXT:
        return Ask("its text is too long to judge", "unparsed")
    if request.command and not request.readings:
        return Ask("the rows of its command cannot be told from its lines", "unparsed")
    if request.tool == "Bash" and not request.command.strip():
        return Ask("it names no command", "unparsed")
    return None


def _findings(view: View, base: str) -> tuple[Finding, ...]:
    """Return what is denied and what is not certain about a request, denials first."""
    request = view.request
    if request.kind in _OF_THE_AGENT:
        return ()
    found = [each for line in view.lines for each in deny.findings(line, view.ground, base)]
    doubts = [Finding(told, denied=False) for line in view.lines for told in line.doubts]
    writes = request.tool in WRITES or request.kind == "edit"
    told = [deny.of_path(path, view.ground, writes=writes) for path in request.paths]
    if not request.paths and (doubts or not request.command):
        told.append(deny.of_text(request.command or request.text, base))
    denied = [Finding(words) for words in told if words]
    return tuple(sorted((*denied, *found, *doubts), key=lambda each: not each.denied))


# --- the user's rules ---------------------------------------------------------------------------------------

_MEANINGS: Final = {"y": "yes once", "yes": "yes once", "yes once": "yes once", "n": "no", "no": "no"}


def _by_rule(view: View, policy: Policy) -> Outcome | None:
    if view.request.kind == "limit":
        return None
    rule = next((rule for rule in policy.rules if _fits(rule, view)), None)
    return _applied(rule, view.request) if rule else None


def _applied(rule: Rule, request: Request) -> Outcome:
    why = f"a rule of yours: {', '.join(matchers(rule))}"
    if rule.answer.strip().lower() == "ask":
        return Ask(f"{rule.name} leaves it to you", rule.name)
    if request.typed:
        return Give(rule.answer, rule.name, why)
    meaning = _MEANINGS.get(rule.answer.strip().lower(), rule.answer)
    if not request.menu and meaning not in {"yes once", "no"}:
        return Ask(f"{rule.name} answers {rule.answer!r}, and only yes or no can be said", rule.name)
    label = next((label for label in request.options if label.lower() == meaning.lower()), "")
    if never_chosen(label):
        return Refuse(f"{rule.name} wants {label!r}, which batty never chooses", rule.name)
    return Give(meaning, rule.name, why)


def matchers(rule: Rule) -> list[str]:
    """Return what a rule is for, in words."""
    given = {"match": rule.match, "kind": rule.kind, "tool": rule.tool, "command": rule.command}
    return [f"{key} {value!r}" for key, value in given.items() if value] + [f"paths {', '.join(rule.paths)}"] * bool(
        rule.paths
    )


def _fits(rule: Rule, view: View) -> bool:
    """Tell whether all that a rule names fits. A rule that names nothing fits nothing."""
    request = view.request
    return (
        fault(rule) is None
        and (not rule.kind or rule.kind == request.kind)
        and (not rule.tool or fnmatchcase(request.tool, rule.tool))
        and (not rule.command or _fits_commands(rule.command, view))
        and (not rule.paths or _fits_paths(rule.paths, view))
        and (not rule.match or _fits_text(rule.match, request))
    )


def _fits_commands(pattern: str, view: View) -> bool:
    """Tell whether each command fits, in each way to read it. One that writes a file by > is another command."""
    every = all(_fits_command(pattern, simple) for simple in view.commands if simple.words or simple.writes)
    return every and bool(view.lines) and all(line.commands for line in view.lines)


def _fits_command(pattern: str, simple: Simple) -> bool:
    if any(word.text != "/dev/null" for word in simple.writes):
        return False
    expression = _expression(pattern)
    for typed in as_typed(simple):
        if re.fullmatch(expression, typed) if expression else _fits_glob(pattern, typed):
            return True
    return False


def _expression(pattern: str) -> str:
    """Return what stands between slashes: a regular expression; "" where the pattern is a glob."""
    return pattern[1:-1] if len(pattern) > 2 and pattern[0] == pattern[-1] == "/" else ""  # noqa: PLR2004 -- two slashes


def _fits_glob(pattern: str, typed: str) -> bool:
    """Match a glob; "pytest *" is also `pytest` alone."""
    return fnmatchcase(typed, pattern) or (pattern.endswith(" *") and typed == pattern[:-2])


def _fits_paths(patterns: Iterable[str], view: View) -> bool:
    globs = tuple(patterns)
    paths = [_seen_from_worktree(path, view.ground) for path in view.request.paths]
    return bool(paths) and all(any(fnmatchcase(path, glob) for glob in globs) for path in paths)


def _seen_from_worktree(path: str, ground: Ground) -> str:
    full = posixpath.normpath(posixpath.join(ground.folder or ground.worktree, path))
    root = posixpath.normpath(ground.worktree) if ground.worktree else ""
    return full.removeprefix(f"{root}/") if root else full


_ASKED = re.compile(
    r"\?|[\[(]\s*y(?:es)?\s*/\s*no?\b|\bpress (?:enter|return|any key|space)\b"
    r"|\b(?:password|passphrase|token|secret|pin|choose|choice|select|pick|option|enter)\b[^?]*[:>]",
    re.IGNORECASE,
)


def _fits_text(match: str, request: Request) -> bool:
    """Tell whether a pattern is found in what is asked. On a line prompt it must reach into the question itself.

    What stands above a line may be the question before it, with its answer: a rule for that one is not for this.
    """
    text = _own_text(request)[:MAX_TEXT]
    asked = len(" ".join(request.question.split())) if request.typed else MAX_TEXT + 1
    forms = (text, " ".join(text.split()))
    return any(found.end() > len(form) - asked for form in forms for found in re.finditer(match, form))


def _own_text(request: Request) -> str:
    """Return the text without the line questions above this one, which the screen still shows with their answers.

    A pattern with .* would else begin in one of those and end in this.
    """
    if not request.typed:
        return request.text
    rows = request.text.split("\n")
    earlier = [number for number, row in enumerate(rows[:-1], 1) if _ASKED.search(row)]
    return "\n".join(rows[max(earlier, default=0) :])


# --- built-in rules -----------------------------------------------------------------------------------------


def _built_in(view: View, policy: Policy) -> Outcome:
    request = view.request
    for rule in rules_of(policy.set):
        if request.kind in rule.kinds and rule.holds(view):
            return Give(rule.answer, rule.name, rule.told)
    if policy.mode == "full" and request.kind in {"permission", "edit"}:
        return Give("yes once", "full", "policy.mode is full")
    return _NOBODY
