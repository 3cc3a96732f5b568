"""An account as one HTML page that needs nothing else: no script, no network, no file beside it.

The template places, and nothing more. Whatever it places is made visible here and escaped by Jinja.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from batty_tmux.core import account_words as words
from batty_tmux.core.account import Account, GateTold
from batty_tmux.core.asked import Asked
from batty_tmux.core.report import GLYPHS
from batty_tmux.core.timeline import KINDS, Interval, Kind, Lane, Stretch, place

_PIECES: Final = 6000
_FINEST: Final = (100, 400)
"""Pieces of all lanes, and of one, that can be told apart: what is narrower belongs to what comes after it."""
_SPANS: Final = 3000
_OF_ONE: Final = (30, 200)
"""Spans that are written out, of all phases and of one."""
_PROMPTS: Final = 600
_GATES: Final = 400
_HISTORY: Final = 100
_LABELS: Final = 8
"""Times below the picture; a narrow screen shows every other one."""
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

_SHAPES: Final[dict[Kind, tuple[int, int]]] = {
    "working": (5, 18),
    "gating": (5, 18),
    "waiting": (1, 26),
    "queued": (9, 10),
    "limited": (9, 10),
    "idle": (13, 2),
    "over": (13, 2),
}
"""Top and height of a piece in a lane of 28: what needs a person stands out, what rests is thin."""
_ALOUD: Final = 12
_ASKS: Final = frozenset({"asking", "reviewing"})


@dataclass(frozen=True)
class Piece:
    """A rectangle of a lane; `x` and `width` in percent."""

    look: str
    x: str
    width: str
    top: int
    height: int
    title: str


@dataclass(frozen=True)
class Mark:
    """A sign on a lane."""

    x: str
    glyph: str
    look: str
    title: str


@dataclass(frozen=True)
class Label:
    x: str
    text: str
    anchor: str
    every_other: bool


@dataclass(frozen=True)
class When:
    """A time as programs read it, as the reader's clock shows it, and as a clock in UTC does where that differs."""

    iso: str
    local: str
    utc: str


@dataclass(frozen=True)
class Row:
    """One phase of the picture. `told` is what it shows, in words, for who does not see it."""

    lane: Lane
    glyph: str
    look: str
    state: str
    pieces: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    told: str
    spans: tuple[tuple[When, Interval], ...]
    left_out: int
    landed_as: str
    activity: str


def page(told: Account, template: str, style: str) -> str:
    """Render the page. Takes some 30 ms for ten phases."""
    # most commands need no template
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    def only_visible(value: object) -> object:
        return words.visible(value) if type(value) is str else value

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=only_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"shown": words.shown, "lasted": words.lasted}
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # ours, with nobody's words in it; and it must stay to the letter, since its digest is what allows it
    css = Markup(style)  # noqa: S704
    return environment.from_string(template).render(**_told(told), style=css, digest=digest)


def _told(told: Account) -> dict[str, object]:
    """Return everything that the template names."""
    prompts = _chosen(told.prompts, _PROMPTS)
    runs = _runs(told.gates)
    return {
        "told": told,
        "title": f"{words.shown(told.project, 80)}, run {told.span.run}",
        "verdict": words.verdict(told),
        "proof": words.proof_sentence(told),
        "sound": all(one.sound for one in told.proof.landings if one.sha in told.landed_here),
        "landings": [one for one in told.proof.landings if one.sha in told.landed_here],
        "elsewhere": sum(1 for one in told.proof.landings if one.sha not in told.landed_here),
        "begin": _when(told, told.span.begin),
        "end": _when(told, told.span.end),
        "made": _when(told, told.made),
        "day": f"{told.span.begin.astimezone(told.zone):%d %B %Y}".lstrip("0"),
        "zone": words.offset(told.span.begin, told.zone),
        "rows": _rows(told),
        "labels": _labels(told),
        "cuts": [_cut(told, stretch) for stretch in told.axis if stretch.cut],
        "kinds": [(kind, words.KIND_WORDS[kind], told.spent(kind)) for kind in KINDS if told.spent(kind)],
        "whole": sum(told.spent(kind) for kind in KINDS) or 1.0,
        "kind_words": words.KIND_WORDS,
        "shares": _shares(told),
        "waiting": told.waiting if told.span.newest else (),
        "prompts": [(one, _when(told, one.at), words.answered(one), one.waited(told.span.end)) for one in prompts],
        "prompts_left_out": len(told.prompts) - len(prompts),
        "by_rules": words.by_rules(told.prompts)[:20],
        "by": [(words.BY_WORDS[by], n) for by in words.BY_WORDS if (n := _count(told.prompts, by))],
        "runs": [(one, _when(told, one.begin), words.PURPOSES[one.purpose], words.gate_words(one)) for one in runs],
        "runs_left_out": len(told.gates) - len(runs),
        "history": _history(told),
        "costs": words.cost_lines(told),
        "short": words.SHORT,
        "log_row": words.row,
        "counted": words.counted,
        "utc": words.utc,
    }


def _when(told: Account, at: datetime) -> When:
    several = told.span.begin.astimezone(told.zone).date() != told.span.end.astimezone(told.zone).date()
    local = words.clock(at, told.zone, day=several)
    there = f"{at:%H:%M:%S} UTC" if words.offset(at, told.zone) != "UTC" else ""
    return When(words.utc(at), local, there)


def _count(prompts: Iterable[Asked], by: str) -> int:
    return sum(1 for one in prompts if one.by == by)


def _chosen(prompts: Sequence[Asked], most: int) -> list[Asked]:
    """Return the prompts that are written out: those that a rule answered give way first, then the oldest."""
    if len(prompts) <= most:
        return list(prompts)
    ranked = sorted(range(len(prompts)), key=lambda at: (prompts[at].by != "policy", at), reverse=True)
    return [prompts[at] for at in sorted(ranked[:most])]


def _runs(runs: Sequence[GateTold]) -> list[GateTold]:
    ranked = sorted(range(len(runs)), key=lambda at: (runs[at].bad, at), reverse=True)
    return [runs[at] for at in sorted(ranked[:_GATES])]


# --- the picture --------------------------------------------------------------------------------------------


def _rows(told: Account) -> list[Row]:
    landings = {one.phase: one.sha for one in told.proof.landings if one.sha in told.landed_here}
    prompts: dict[str, list[Asked]] = {}
    for one in told.prompts:
        if one.by != "policy":
            prompts.setdefault(one.phase, []).append(one)
    return [_row(told, lane, landings.get(lane.phase, ""), prompts.get(lane.phase, [])) for lane in told.lanes]


def _part(whole: int, bounds: tuple[int, int], parts: int) -> int:
    """Return what one of so many parts may have of the whole, within its bounds."""
    return max(bounds[0], min(bounds[1], whole // max(1, parts)))


def _row(told: Account, lane: Lane, landed_as: str, prompts: Sequence[Asked]) -> Row:
    state = lane.last.state
    finest = _part(_PIECES, _FINEST, len(told.lanes))
    kept = _longest(lane.intervals, _part(_SPANS, _OF_ONE, len(told.lanes)))
    return Row(
        lane=lane,
        glyph=GLYPHS[state],
        look=_look(lane.last),
        state=f"{state} on {lane.host}" if lane.host else state,
        pieces=tuple(_pieces(lane, told.axis, finest)),
        marks=tuple(_marks(told, lane, prompts, 4 / finest)),
        told=_in_words(lane),
        spans=tuple((_when(told, one.begin), one) for one in kept),
        left_out=len(lane.intervals) - len(kept),
        landed_as=landed_as,
        activity=told.activity.get(lane.phase, ""),
    )


def _longest(spans: Sequence[Interval], most: int) -> list[Interval]:
    """Return the longest spans, in their order."""
    ranked = sorted(range(len(spans)), key=lambda at: spans[at].seconds, reverse=True)
    return [spans[at] for at in sorted(ranked[:most])]


def _look(one: Interval) -> str:
    """Return the class that a state is drawn by: what waits for a person is asked, or stands still."""
    if one.kind == "waiting":
        return "asks" if one.state in _ASKS else "stands"
    return "skipped" if one.state == "skipped" else one.kind


def _pieces(lane: Lane, axis: Sequence[Stretch], finest: int) -> Iterable[Piece]:
    at = 0.0
    for number, one in enumerate(lane.intervals, 1):
        end = place(axis, one.end)
        if end - at < 1 / finest and number < len(lane.intervals):
            continue
        top, height = _SHAPES[one.kind]
        told = f"{one.state}, {words.lasted(one.seconds)}{': ' if one.why else ''}{words.shown(one.why, 100)}"
        yield Piece(_look(one), _percent(at), _percent(max(end - at, 0.0)), top, height, told)
        at = end


def _marks(told: Account, lane: Lane, prompts: Sequence[Asked], apart: float) -> Iterable[Mark]:
    """Yield a sign for each prompt that no rule answered, and for the landing; none so near that they hide another."""
    before = -1.0
    for one in prompts:
        at = place(told.axis, one.at)
        if at - before < apart:
            continue
        before = at
        question = words.shown(one.question, 120)
        yield Mark(_percent(at), "?", "ask", f"asks: {question} Answered by: {words.BY_WORDS[one.by]}")
    for span in lane.intervals:
        if span.state == "landed" and span.begin > told.span.begin:
            yield Mark(_percent(min(place(told.axis, span.begin), 0.985)), "✓", "land", "landed")


def _in_words(lane: Lane) -> str:
    """Return a lane as it is read aloud: each state in turn, or, where they are many, what the time was spent on."""
    if len(lane.intervals) <= _ALOUD:
        spans = [f"{one.state} {words.lasted(one.seconds)}" for one in lane.intervals if one.seconds]
        return f"{lane.phase}: {', then '.join(spans) or lane.last.state}"
    sums = [f"{words.KIND_WORDS[kind]} {words.lasted(lane.seconds(kind))}" for kind in KINDS if lane.seconds(kind)]
    return f"{lane.phase}: {', '.join(sums)}; in the end {lane.last.state}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _shares(told: Account) -> list[tuple[str, str, str]]:
    """Return the pieces of the bar that sums up where the time went."""
    whole = sum(told.spent(kind) for kind in KINDS) or 1.0
    found: list[tuple[str, str, str]] = []
    at = 0.0
    for kind in KINDS:
        share = told.spent(kind) / whole
        if share:
            found.append(("asks" if kind == "waiting" else kind, _percent(at), _percent(share)))
        at += share
    return found


def _cut(told: Account, stretch: Stretch) -> tuple[str, str, str]:
    length = words.lasted((stretch.end - stretch.begin).total_seconds())
    begin = _when(told, stretch.begin).local
    return _percent(stretch.left), _percent(stretch.right - stretch.left), f"{length} from {begin} drawn shorter"


def _labels(told: Account) -> list[Label]:
    """Return the times below the picture: round ones, none near another."""
    drawn = [stretch for stretch in told.axis if not stretch.cut]
    whole = sum((stretch.end - stretch.begin).total_seconds() for stretch in drawn)
    step = next((each for each in _STEPS if whole / each <= _LABELS), _STEPS[-1] * max(1, int(whole / 604800)))
    days = told.span.end - told.span.begin > timedelta(days=1)
    form = "%d %b %H:%M" if days else "%H:%M:%S" if step < 60 else "%H:%M"  # noqa: PLR2004 -- a minute
    labels: list[Label] = []
    before = -1.0
    for stretch in drawn:
        for at in _round_times(told, stretch, step):
            x = stretch.place(at)
            if x - before < 1 / (_LABELS + 1) or not 0.03 <= x <= 0.97:  # noqa: PLR2004 -- room for half a label
                continue
            before = x
            labels.append(Label(_percent(x), f"{at.astimezone(told.zone):{form}}", "middle", len(labels) % 2 == 1))
    return labels


def _round_times(told: Account, stretch: Stretch, step: int) -> Iterable[datetime]:
    away = int((told.span.begin.astimezone(told.zone).utcoffset() or timedelta()).total_seconds())
    first = -(-(int(stretch.begin.timestamp()) + away) // step) * step - away
    last = int(stretch.end.timestamp())
    return (datetime.fromtimestamp(at, stretch.begin.tzinfo) for at in range(first, last + 1, step))


def _history(told: Account) -> list[tuple[str, str, str]]:
    """Return (commit, subject, the phase that landed with it) down to what the run began on, the newest first."""
    landed = {one.sha: one.phase for one in told.proof.landings}
    first = next((one.base for one in told.proof.landings if one.sha in told.landed_here), None)
    rows = []
    for sha, subject in told.proof.history[:_HISTORY]:
        rows.append((str(sha), subject, str(landed.get(sha, ""))))
        if sha == first:
            break
    return rows
