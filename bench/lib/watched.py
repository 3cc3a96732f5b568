"""What was measured of supervision, and how a reader sees it: bars first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from lib.stage import Asked, Window
from lib.tables import Bar, table

HOOK, SCREEN, FAST, SLOW = "batty, by hook", "batty, by screen", "100 ms polls, two looks", "500 ms polls, one look"


@dataclass
class Way:
    """One way to watch the panes. CPU in percent of a core: while all spin, and while they ask too."""

    name: str
    asked: Asked
    spinning: Window
    asking: Window
    kept: float = 1.0
    """Of a poller: the share of its looks that it had time for."""


@dataclass
class Size:
    """All that was measured with so many panes. `baseline` is of panes that spin while nobody watches."""

    panes: int
    seconds: float = 0.0
    ways: list[Way] = field(default_factory=list)
    idle: Window | None = None
    baseline: Window | None = None
    memory: list[float] = field(default_factory=list)
    model_calls: int = 0
    hooked: bool = False
    heard: bool = False

    def way(self, name: str) -> Way | None:
        return next((way for way in self.ways if way.name == name), None)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not exceed; NaN where there is none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def bars(sizes: Sequence[Size]) -> Iterator[Bar]:
    for size in sizes:
        yield latency(size, HOOK, 50, 150)
        yield latency(size, SCREEN, 100, 200)
        if size.panes == 8:
            yield from own_time(size)
        largest = max(size.memory, default=float("nan"))
        seen = f"{median(size.memory):.1f} MB, largest {largest:.1f} MB" if size.memory else "not measured"
        yield Bar(f"memory per supervised phase, {size.panes} panes", seen, "30 MB", largest <= 30)
        name = f"model calls while nothing is asked of one, {size.panes} panes"
        yield Bar(name, str(size.model_calls), "0", size.model_calls == 0)
        wrong = sum(way.asked.hows["wrong"] + way.asked.strays for way in size.ways if way.name in {HOOK, SCREEN})
        missed = sum(way.asked.hows["nobody"] for way in size.ways if way.name in {HOOK, SCREEN})
        name = f"wrong or stray keys, and dialogs left unanswered, {size.panes} panes"
        yield Bar(name, f"{wrong}, {missed}", "0, 0", wrong + missed == 0)


def latency(size: Size, name: str, middle: float, high: float) -> Bar:
    way = size.way(name)
    label = f"prompt painted to answer received, {name}, {size.panes} panes spinning"
    wanted = f"p50 {middle:.0f} ms, p95 {high:.0f} ms"
    if way is None or not way.asked.milliseconds:
        return Bar(label, "nothing to measure" if way is None else "no answer", wanted, False)
    p50, p95 = (percentile(way.asked.milliseconds, share) for share in (0.5, 0.95))
    return Bar(label, f"p50 {p50:.0f} ms, p95 {p95:.0f} ms", wanted, p50 <= middle and p95 <= high)


def own_time(size: Size) -> Iterator[Bar]:
    if size.idle is not None:
        begun = f"{size.idle.started} new, {size.idle.faults} faults of children"
        quiet = size.idle.started == 0 and size.idle.faults == 0
        yield Bar("CPU, 8 idle panes", f"{size.idle.watching:.2f} %", "0.5 %", size.idle.watching <= 0.5)
        yield Bar("processes started, 8 idle panes", begun, "none", quiet)
    for name in (SCREEN, HOOK):
        way = size.way(name)
        if way is not None:
            seen = way.spinning.watching
            yield Bar(f"CPU, 8 spinning panes at 10 Hz, {name}", f"{seen:.2f} %", "2 %", seen <= 2)


def report(sizes: Sequence[Size], head: str) -> str:
    words = {True: "yes", False: "NO", None: ""}
    rows = ((bar.measure, bar.seen, bar.bar, words[bar.met]) for bar in bars(sizes))
    parts = [f"# Supervision\n\n{head}\n\n{WHAT}\n## Bars\n\n{table(('measure', 'seen', 'bar', 'met'), rows, 9)}"]
    parts += [f"\n## {size.panes} panes\n\n{ways_table(size)}\n{rest(size)}" for size in sizes]
    return "".join(parts)


WHAT = """\
`batty work all` on a tmux server of its own, 200x50, nobody attached. A scripted agent stands in for Claude Code: it
repaints its spinner ten times a second, and at random times, eight a second over all panes, paints a permission dialog
that a rule of the policy allows. Its spinner stops while its own dialog is up; all other panes go on. Milliseconds from
the dialog's last byte written to the answering key read by the agent; by hook from the dialog's first byte, when the
hook is started, to its answer. By screen, no hook has reported at all. The two pollers are the usual ways: a forked
`tmux capture-pane` of each pane every 100 ms, answered when two looks in a row show the dialog (ccmanager's cadence),
and every 500 ms, answered at once. They watch the same panes in the same run, after batty's supervisors have ended. CPU
in percent of one core, with children: of all that watches (supervisors, their connections, the panes' pipes; or the
poller), and of the tmux server. The machine was shared: read the ratios.
"""


def ways_table(size: Size) -> str:
    head = (
        "way",
        "prompts",
        "p50, ms",
        "p95",
        "max",
        "p50 to ours",
        "answered",
        "CPU spinning, %",
        "of tmux, %",
        "CPU asked, %",
        "of tmux, %",
        "looks kept",
    )
    ours = size.way(SCREEN)
    base = percentile(ours.asked.milliseconds, 0.5) if ours else float("nan")
    rows = []
    for way in size.ways:
        times = way.asked.milliseconds
        told = ", ".join(f"{count} {how}" for how, count in sorted(way.asked.hows.items()))
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        rows.append(
            (
                way.name,
                way.asked.hows.total(),
                f"{p50:.1f}",
                f"{p95:.1f}",
                f"{max(times, default=float('nan')):.1f}",
                f"{p50 / base:.2f}",
                told,
                f"{way.spinning.watching:.2f}",
                f"{way.spinning.server:.2f}",
                f"{way.asking.watching:.2f}",
                f"{way.asking.server:.2f}",
                "" if way.name in {HOOK, SCREEN} else f"{way.kept:.0%}",
            )
        )
    return table(head, rows, 1)


def rest(size: Size) -> str:
    lines = [f"All agents were there {size.seconds:.1f} s after `batty work all` was called."]
    if not size.hooked:
        lines.append("batty gave its agents no PermissionRequest hook: there is no row by hook.")
    elif not size.heard:
        lines.append("The journal does not say that the hooks of all phases were heard.")
    for way in size.ways:
        if way.name in {HOOK, SCREEN}:
            own, whole = way.spinning.supervisors, way.spinning.watching
            lines.append(f"Spinning, {way.name}: of {whole:.2f} % the supervisors themselves have {own:.2f} %.")
    if size.idle is not None:
        idle = size.idle
        lines.append(
            f"Idle, over {idle.seconds:.0f} s: {idle.watching:.2f} % for all that watches (the supervisors themselves "
            f"{idle.supervisors:.2f} %), tmux {idle.server:.2f} %, what else batty runs {idle.others:.2f} %; "
            f"{idle.started} processes came to be, {idle.faults} faults of children."
        )
    if size.baseline is not None:
        lines.append(
            f"All panes spinning and nobody watching: tmux {size.baseline.server:.2f} %, the agents themselves "
            f"{size.baseline.agents:.1f} %."
        )
    return "\n".join(f"- {line}" for line in lines) + "\n"
