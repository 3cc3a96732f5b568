"""Another policy, tried on the prompts that the journal keeps: what it would decide otherwise, and what it lacks."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from batty_tmux.core.events import Answered, AnyEvent, Launching, Prompted
from batty_tmux.core.policy import Ask, Give, Outcome, Policy, Refuse, decide, reason, view_of
from batty_tmux.core.request import Request, of_record
from batty_tmux.core.wrappers import as_typed

_KEYS = re.compile(r"(?:(?:Up|Down|Enter|Escape|[a-z0-9])(?: |$))+")
_LEAST: Final = 2
"""Times that a person must have given the same answer before a rule is proposed."""


@dataclass(frozen=True)
class Decision:
    """One decision: "answer" with what, or who is asked instead, by which rule and why."""

    word: Literal["", "answer", "suggest", "ask", "refuse", "consult"]
    answer: str = ""
    rule: str = ""
    why: str = ""


@dataclass(frozen=True)
class Change:
    """A prompt that would be decided otherwise."""

    prompted: Prompted
    before: Decision
    after: Decision


@dataclass(frozen=True)
class Candidate:
    """A rule that would have spared a person `times` answers: `key` and `value` are its matcher."""

    times: int
    asked: str
    answer: str
    key: str
    value: str


@dataclass(frozen=True)
class Replay:
    """What a policy makes of all prompts: how many, what changes, what each way of deciding counts."""

    prompts: int = 0
    changes: tuple[Change, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()


def replay(events: Iterable[AnyEvent], policy: Policy, phase: str = "") -> Replay:
    """Decide each prompt of the journal anew, each in its own phase's worktree."""
    kept = tuple(events)
    answers = {(str(e.run), str(e.phase), e.key): e for e in kept if isinstance(e, Answered)}
    worktrees: dict[str, str] = {}
    changes: list[Change] = []
    counts: Counter[str] = Counter()
    spared: Counter[tuple[str, str, str, str]] = Counter()
    for event in kept:
        if isinstance(event, Launching):
            worktrees[str(event.phase)] = event.worktree
        if not isinstance(event, Prompted) or (phase and str(event.phase) != phase):
            continue
        request = of_record(event)
        worktree = worktrees.get(str(event.phase), "")
        outcome = decide(request, policy, worktree)
        given = answers.get((str(event.run), str(event.phase), event.key))
        before, after = _before(event, given), decision_of(outcome)
        counts[after.word] += 1
        if _differ(before, after):
            changes.append(Change(event, before, after))
        lacking = _candidate(request, given, outcome, policy, worktree)
        if lacking is not None and all(part.isprintable() for part in lacking[1:]):
            spared[lacking] += 1
    found = tuple(Candidate(times, *told) for told, times in spared.most_common(10) if times >= _LEAST)
    return Replay(sum(counts.values()), tuple(changes), dict(counts), found)


def decision_of(outcome: Outcome) -> Decision:
    """Return an outcome in the words of the journal."""
    match outcome:
        case Give(answer, rule, why):
            return Decision("answer", answer, rule, why)
        case Ask(_, rule, Give(answer), suggested):
            return Decision("suggest" if suggested else "ask", answer, rule, reason(outcome))
        case Ask(told, rule):
            return Decision("ask", "", rule, told)
        case Refuse(told, rule):
            return Decision("refuse", "", rule, told)


def _before(event: Prompted, given: Answered | None) -> Decision:
    """Return what was decided then. Old journals do not say it, but for the answers of the policy."""
    by_policy = given is not None and given.by == "policy"
    word = event.decision or ("answer" if by_policy else "ask")
    answer = given.answer if given is not None and by_policy else event.would
    rule = event.rule or (given.rule if given is not None and by_policy else "")
    return Decision("ask" if word == "consult" else word, answer, rule, event.reason)


def _differ(before: Decision, after: Decision) -> bool:
    """Tell decisions apart by what is done, not by which rule does it. Keys of a menu say no meaning."""
    if before.word != after.word:
        return True
    told = before.answer and not _KEYS.fullmatch(before.answer)
    return before.word == "answer" and bool(told) and before.answer != after.answer


# --- what a person answers again and again ------------------------------------------------------------------

_YES: Final = frozenset({"y", "yes", "yes once", "1"})
_NO: Final = frozenset({"n", "no"})


def _candidate(
    request: Request, given: Answered | None, outcome: Outcome, policy: Policy, worktree: str
) -> tuple[str, str, str, str] | None:
    """Return what was asked, a person's answer, and the matcher of a rule for it, where a rule may answer."""
    may = isinstance(outcome, Ask) and outcome.rule == "" and outcome.would is None
    if given is None or given.by != "person" or not may:
        return None
    answer = _meant(request, given.answer)
    if not answer:
        return None
    if not request.command:
        return (request.question, answer, "match", re.escape(request.question)) if request.question.strip() else None
    commands = view_of(request, policy, worktree).commands
    if len(commands) != 1 or len(request.readings) != 1:
        return None
    typed = as_typed(commands[0])
    return (request.command, answer, "command", typed[0]) if typed and not re.search(r"[*?\[]", typed[0]) else None


def _meant(request: Request, text: str) -> str:
    """Return a person's answer as a rule would have it, "" where that cannot be told."""
    told = text.strip().lower()
    if request.typed:
        return text.strip()
    if told.isdecimal() and len(told) < 3 and 0 < int(told) <= len(request.options):  # noqa: PLR2004 -- two digits
        told = request.options[int(told) - 1].strip().lower()
    if told in _YES:
        return "yes"
    return "no" if told in _NO or told.startswith("no,") else ""
