"""The words of an account, for a page and for a pull request alike: lengths, times, who answered, why a gate ran."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Final

from batty_tmux.core.account import Account, Ending, GateTold
from batty_tmux.core.asked import Asked, By
from batty_tmux.core.events import Purpose
from batty_tmux.core.failures import ESCAPE
from batty_tmux.core.timeline import Kind

KIND_WORDS: Final[Mapping[Kind, str]] = {
    "working": "agents at work",
    "gating": "gates",
    "waiting": "waiting for you",
    "queued": "in the queue",
    "limited": "at a usage limit",
    "idle": "not begun",
    "over": "over",
}
BY_WORDS: Final[Mapping[By, str]] = {
    "policy": "a rule",
    "supervisor": "the supervisor agent",
    "person": "a person",
    "pane": "in its pane, or gone by itself",
    "open": "nobody yet",
}
PURPOSES: Final[Mapping[Purpose, str]] = {
    "phase": "its own tip",
    "queue": "its candidate",
    "control": "without it, as a control",
    "try": "to try it",
}
ENDINGS: Final[Mapping[Ending, str]] = {
    "pass": "passed",
    "fail": "failed",
    "timeout": "ran out of time",
    "infra": "could not run",
    "stopped": "stopped",
    "unfinished": "no end known",
}

_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Scripts and emoji are wrong without them, and they turn nothing round."""
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86400
_FEW: Final = 10
SHORT: Final = 9
"""Characters of a commit's or a tree's name that are shown."""


def visible(text: str) -> str:
    """Return a row without what a reader does not see: controls, what turns the text round, half characters."""
    plain = ESCAPE.sub("", text) if "\x1b" in text else text
    return "".join(c for c in plain if c in _JOINERS or unicodedata.category(c) not in _DROPPED)


def shown(text: str, limit: int = 300) -> str:
    """Return somebody's text as one line to be shown, "…" at its end where it was longer."""
    cut = text[: 4 * limit]
    plain = visible(" ".join(ESCAPE.sub("", cut).split()))
    return plain if len(plain) <= limit and len(cut) == len(text) else plain[: limit - 1] + "…"


def row(text: str) -> str:
    """Return one row of a log to be shown: its blanks stay."""
    return visible(text.expandtabs(8))


def lasted(seconds: float) -> str:
    """Return a length of time in its two largest units, as a person would say it."""
    if seconds < _FEW:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes} min" if not rest or minutes >= _FEW else f"{minutes} min {rest} s"
    if whole < _DAY:
        return _pair(whole, _HOUR, "h", _MINUTE, "min")
    return _pair(whole, _DAY, "d", _HOUR, "h")


def _pair(whole: int, size: int, unit: str, small: int, below: str) -> str:
    first, rest = divmod(whole, size)
    second = rest // small
    return f"{first} {unit} {second} {below}" if second else f"{first} {unit}"


def utc(at: datetime) -> str:
    """Return a time as programs read it."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def clock(at: datetime, zone: tzinfo, *, day: bool) -> str:
    """Return a time as the reader's clock shows it, with the day where the run has several."""
    return f"{at.astimezone(zone):{'%d %b %H:%M:%S' if day else '%H:%M:%S'}}"


def offset(at: datetime, zone: tzinfo) -> str:
    """Return how far the reader's clock is from UTC: "UTC", or "UTC+02:00"."""
    text = f"{at.astimezone(zone):%z}"
    return "UTC" if not text.strip("+-0") else f"UTC{text[:3]}:{text[3:5]}"


def dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 0.01 else f"${amount:.4f}"  # noqa: PLR2004 -- a cent


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def verdict(told: Account) -> str:
    """Return the whole run in one sentence."""
    landed, total = len(told.landed), len(told.lanes)
    head = f"{landed} of {counted(total, 'phase')} landed"
    if not told.span.newest:
        return f"{head}. Another run came after this one."
    if told.waiting:
        verb = "waits" if len(told.waiting) == 1 else "wait"
        return f"{head}; {len(told.waiting)} {verb} for you."
    return f"{head}; " + ("the rest goes on by itself." if told.span.going else "nothing waits for you.")


def proof_sentence(told: Account) -> str:
    """Say whether what landed in this run is proved."""
    here = [landing for landing in told.proof.landings if landing.sha in told.landed_here]
    bad = sum(1 for landing in here if not landing.sound)
    if not here:
        return "Nothing landed in this run."
    if bad:
        return f"{bad} of {counted(len(here), 'landing')} cannot be proved."
    return "Everything that landed was gated as exactly the tree that it is, and is on the base."


def answered(one: Asked) -> str:
    """Say who settled a prompt, with the rule's name where a rule did."""
    return f"rule: {one.rule}" if one.by == "policy" and one.rule else BY_WORDS[one.by]


def by_rules(prompts: Iterable[Asked]) -> list[tuple[str, int]]:
    """Return how often each rule answered, the most used first."""
    return Counter(one.rule or "no name" for one in prompts if one.by == "policy").most_common()


def cost_lines(told: Account) -> list[str]:
    """Say what the agents say of their costs, and of which nothing is known."""
    costs = told.costs
    silent = "What executors cost is not known: they do not tell it."
    if not costs.calls:
        return ["The supervisor agent was not asked.", silent]
    money = "" if costs.dollars is None else f", {dollars(costs.dollars)}"
    gap = f"; {counted(costs.untold, 'call')} of them say nothing of their cost" if costs.untold else ""
    return [f"The supervisor agent: {counted(costs.calls, 'call')}, {lasted(costs.seconds)}{money}{gap}.", silent]


def gate_words(one: GateTold) -> str:
    """Say what came of a gate run, in few words."""
    status = f" with {one.status}" if one.ending == "fail" and one.status is not None else ""
    return f"{ENDINGS[one.ending]}{status}{f' at {shown(one.host, 80)}' if one.host else ''}"
