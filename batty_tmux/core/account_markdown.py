"""An account as Markdown for a pull request.

Whatever an agent, a board or a person wrote stands in a code span: there a code host neither links a number, nor calls
a person by name, nor takes a tag for HTML.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from batty_tmux.core import account_words as words
from batty_tmux.core.account import Account
from batty_tmux.core.report import GLYPHS, ProvedLanding
from batty_tmux.core.timeline import KINDS, Lane

_TICKS = re.compile(r"`+")
_STROKES = re.compile(r"(\\*)\|")
_PROMPTS: Final = 50
_GATES: Final = 20


def code(text: str, limit: int = 160) -> str:
    """Return somebody's text as a code span that nothing in it can end; "" stays empty."""
    plain = words.shown(text, limit)
    if not plain:
        return ""
    longest = max((len(run) for run in _TICKS.findall(plain)), default=0)
    fence = "`" * (longest + 1)
    room = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{room}{plain}{room}{fence}"


def markdown(told: Account) -> str:
    """Return the account in the Markdown that code hosts share."""
    lines = [
        f"## batty: {code(told.project, 80)}, run {told.span.run}",
        "",
        f"**{words.verdict(told)}** {words.proof_sentence(told)}",
        "",
        f"From {words.utc(told.span.begin)} to {words.utc(told.span.end)}, {words.lasted(told.seconds)}; "
        f"{words.counted(len(told.gates), 'gate run')}, {words.counted(len(told.prompts), 'prompt')}.",
        "",
        *_phases(told),
        *_open(told.waiting),
        *_prompts(told),
        *_reds(told),
        *_landings([one for one in told.proof.landings if one.sha in told.landed_here]),
        "### Costs",
        "",
        *(f"- {line}" for line in words.cost_lines(told)),
    ]
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(map(_cell, row))} |" for row in rows),
        "",
    ]


def _cell(text: str) -> str:
    """Return a text in which no stroke ends the cell: a row is divided before code is looked for.

    A stroke behind a backslash cannot be escaped in a way that all hosts agree on, and is drawn by another sign.
    """
    return _STROKES.sub(lambda found: found[1] + "\N{DIVIDES}" if found[1] else "\\|", text)


def _phases(told: Account) -> list[str]:
    kinds = [kind for kind in KINDS if told.spent(kind)]
    heads = ["phase", "state", "title", *(words.KIND_WORDS[kind] for kind in kinds)]
    rows = (
        [
            code(lane.phase),
            f"{GLYPHS[lane.last.state]} {lane.last.state}{f' ({code(lane.host)})' if lane.host else ''}",
            code(lane.title, 100),
            *(words.lasted(lane.seconds(kind)) if lane.seconds(kind) else "" for kind in kinds),
        ]
        for lane in told.lanes
    )
    return _table(heads, rows)


def _open(waiting: Sequence[Lane]) -> list[str]:
    if not waiting:
        return []
    rows = [f"- {code(x.phase)} is {x.last.state}{': ' if x.last.why else ''}{code(x.last.why)}" for x in waiting]
    return ["### Needs somebody", "", *rows, ""]


def _prompts(told: Account) -> list[str]:
    """Tell by whom prompts were answered, and those which no rule answered one by one."""
    if not told.prompts:
        return []
    rules = ", ".join(f"{code(rule, 60)} {count}" for rule, count in words.by_rules(told.prompts)[:10])
    lines = ["### Prompts", "", f"By rules: {rules or 'none'}."]
    others = [one for one in told.prompts if one.by != "policy"]
    rows = (
        [
            code(one.phase),
            code(one.question),
            words.answered(one),
            code(one.answer or "Enter", 80) if one.by in {"person", "supervisor"} else "",
            words.lasted(one.waited(told.span.end)),
        ]
        for one in others[-_PROMPTS:]
    )
    table = _table(["phase", "asked", "answered by", "answer", "waited"], rows) if others else [""]
    more = [f"{len(others) - _PROMPTS} earlier ones are left out.", ""] if len(others) > _PROMPTS else []
    return [*lines, "", *table, *more] if others else [*lines, ""]


def _reds(told: Account) -> list[str]:
    bad = [one for one in told.gates if one.bad]
    if not bad:
        return []
    rows = (
        [
            code(one.phase),
            f"{words.gate_words(one)} on {words.PURPOSES[one.purpose]}, {code(one.commit[: words.SHORT])}",
            ", ".join(code(name, 80) for name in one.failed[:5]),
            words.lasted(one.seconds),
        ]
        for one in bad[-_GATES:]
    )
    return ["### Gates that did not pass", "", *_table(["phase", "what", "tests", "took"], rows)]


def _landings(landings: Sequence[ProvedLanding]) -> list[str]:
    if not landings:
        return []
    rows = (
        [
            code(one.phase),
            one.sha,
            code(one.tree[: words.SHORT]),
            f"✓ gate passed in {words.lasted(one.seconds)}" if one.sound else _unproved(one),
        ]
        for one in landings
    )
    return ["### Landed", "", *_table(["phase", "commit", "tree", "proof"], rows)]


def _unproved(one: ProvedLanding) -> str:
    missing = ((one.on_base, "not on the base"), (one.grew, "the base did not only grow"), (one.gated, "not gated"))
    return "✗ " + ", ".join(what for holds, what in missing if not holds)
