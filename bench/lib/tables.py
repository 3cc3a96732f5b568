"""The numbers as a reader sees them: bars first, then all that was measured."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from lib.results import Own, Results, Runs, Scale, Wall

OWN_BAR, WALL_BAR, RUNS_BAR, RADAR_BAR = 2.0, 1.3, 1.05, 1.0


@dataclass(frozen=True)
class Bar:
    """One line of the table of bars; `met` is None where there is none to meet."""

    measure: str
    seen: str
    bar: str
    met: bool | None


def bars(results: Results) -> Iterator[Bar]:
    for own in results.own:
        yield own_bar(own)
    for wall in results.walls:
        if (wall.way, wall.phases) == ("each", 8):
            seen = median(wall.seconds) / wall.gate
            name = f"8 ready green phases, gate of {wall.gate:g} s, 8 slots, each"
            yield Bar(name, f"{seen:.2f} gate times", f"{WALL_BAR} gate times", seen <= WALL_BAR)
    for runs in results.runs:
        if runs.slots == 1 and runs.rate in {0.05, 0.1, 0.2}:
            yield runs_bar(runs)
    for reuse in results.reuse:
        yield Bar(f"gate runs for {reuse.case}", str(reuse.gate_runs), "0", reuse.gate_runs == 0)
    for scale in results.scale:
        if scale.bar:
            yield scale_bar(scale)
    for radar in results.radar:
        seen = median(radar.batty)
        yield Bar(f"all pairs of {radar.phases} phases probed", f"{seen * 1000:.0f} ms", "1 s", seen <= RADAR_BAR)


def own_bar(own: Own) -> Bar:
    script, batty = own_script(own), own_batty(own)
    ratio = median(batty) / median(script)
    seen = f"{ratio:.2f} times ({median(batty) * 1000:.0f} ms against {median(script) * 1000:.0f} ms)"
    name = f"own time per landing, {own.phases} in one go, {own.setting}"
    if own.phases == 1:
        return Bar("own time of one landing alone, Python's start in it", seen, "none", None)
    return Bar(name, seen, f"{OWN_BAR} times", ratio <= OWN_BAR)


def runs_bar(runs: Runs) -> Bar:
    ratio = runs.searching / runs.bound
    name = f"searching gate runs over n·H(p), batch, n = {runs.entries}, p = {runs.rate:g}"
    if not runs.known:
        return Bar(f"{name}, rate not measured yet", f"{ratio:.3f} times", "none", None)
    return Bar(f"{name}, measured rate", f"{ratio:.3f} times", f"{RUNS_BAR} times", ratio <= RUNS_BAR)


def scale_bar(scale: Scale) -> Bar:
    seen = median(scale.seconds)
    return Bar(scale.measure, f"{seen * 1000:.1f} ms", f"{scale.bar * 1000:.0f} ms", seen <= scale.bar)


def own_script(own: Own) -> list[float]:
    return [seconds - own.script_gate for seconds in own.script]


def own_batty(own: Own) -> list[float]:
    return [seconds - gate for seconds, gate in zip(own.batty, own.gate, strict=True)]


# -- as Markdown


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: int = 0) -> str:
    """Write a table whose columns from `right` on hold numbers."""
    rule = ["---" if at < right else "---:" for at in range(len(head))]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in (head, rule, *rows))


def bars_table(results: Results) -> str:
    words = {True: "yes", False: "NO", None: ""}
    return table(
        ("measure", "seen", "bar", "met"), ((b.measure, b.seen, b.bar, words[b.met]) for b in bars(results)), right=9
    )


def report(results: Results) -> str:
    sections = {
        "Own time per landing": ("own", own_table(results)),
        "Many ready phases": ("walls", walls_table(results)),
        "Gate runs": ("runs", runs_table(results)),
        "Trees that have passed": ("reuse", table(("what lands", "gate runs"), _reuse_rows(results), 1)),
        "Large queues and journals": ("scale", scale_table(results)),
        "All pairs of phases": ("radar", radar_table(results)),
    }
    text = [
        "# The merge queue\n\nWritten by `bench/queue --write`, from queue.json beside it. Each part was measured by",
        " itself, its two\nsides in turns. The machine was shared: read the ratios.\n\n## Bars\n\n",
        bars_table(results),
    ]
    for title, (part, shown) in sections.items():
        if part in results.notes:
            text.append(f"\n## {title}\n\n{results.notes[part]}\n\n{WHAT[part]}\n{shown}")
    return "".join(text)


WHAT = {
    "own": """\
2,000 files, 5 commits a phase, 4 files in each; the base has moved since the phases began. The gate is `true`, with
one slot, which is there already. All phases land in one `batty land`; everything but the gates' own seconds, divided by
the number of phases. Beside it an sh script: `git rebase main` in the phase's worktree, the gate there, `git merge
--ff-only` in the checkout of main (`git update-ref` where there is none). Milliseconds for each landing.
""",
    "walls": """\
The same repository, a gate that sleeps. From the start of `batty land` to its end, in gate times; the last column is
what the core needs in the model, where only gates take time. Medians, and the worst of all rounds.
""",
    "runs": """\
The real core in memory, bursts of 64 entries, each bad with chance p. A known rate is that of a queue that has seen 60
outcomes at it; a new queue begins at one in ten. Confirming runs gate a red tree once more, controls the ground that it
stands on. Halves gates the whole batch, then each half of a red one by itself; it confirms nothing. Serial needs 64
searching runs. Means over all rounds, the same draws for all.
""",
    "reuse": """\
Real git. The phase's own gate passes in a slot; then the phase is claimed, and landed by `batty land`.
""",
    "scale": """\
One process, no I/O; milliseconds of processor time, since other work shared the machine. Medians, and the slowest.
""",
    "radar": """\
As `bench/radar` measures it; its own table is in radar.md.
""",
}


def own_table(results: Results) -> str:
    head = ("main", "phases", "script", "worst", "batty", "worst", "ratio", "script, each round", "batty, each round")
    rows = []
    for own in results.own:
        script, batty = own_script(own), own_batty(own)
        ratio = f"{median(batty) / median(script):.2f}"
        cells = (*_middle_and_worst(script), *_middle_and_worst(batty), ratio, _ms(script), _ms(batty))
        rows.append((own.setting, own.phases, *cells))
    return table(head, rows, 1)


def walls_table(results: Results) -> str:
    head = ("way", "slots", "phases", "gate, s", "gate times", "worst", "model")
    rows = [(w.way, w.slots, w.phases, f"{w.gate:g}", *_gate_times(w), w.model) for w in results.walls]
    return table(head, rows, 1)


def _gate_times(wall: Wall) -> tuple[str, str]:
    return f"{median(wall.seconds) / wall.gate:.2f}", f"{max(wall.seconds) / wall.gate:.2f}"


def runs_table(results: Results) -> str:
    head = (
        "p",
        "rate",
        "slots",
        "rounds",
        "n·H(p)",
        "searching",
        "ratio",
        "confirming",
        "control",
        "halves",
        "gate times",
    )
    rows = [
        (
            f"{r.rate:g}",
            "known" if r.known else "new",
            r.slots,
            r.rounds,
            f"{r.bound:.2f}",
            f"{r.searching:.2f}",
            f"{r.searching / r.bound:.3f}",
            f"{r.confirming:.2f}",
            f"{r.control:.2f}",
            f"{r.halves:.2f}",
            f"{r.gate_times:.2f}",
        )
        for r in results.runs
    ]
    return table(head, rows)


def _reuse_rows(results: Results) -> list[tuple[str, int]]:
    return [(reuse.case, reuse.gate_runs) for reuse in results.reuse]


def scale_table(results: Results) -> str:
    rows = [(s.measure, *_middle_and_worst(s.seconds, digits=1)) for s in results.scale]
    return table(("measure", "ms", "slowest, ms"), rows, 1)


def radar_table(results: Results) -> str:
    head = ("phases", "pairs", "batty, ms", "slowest, ms", "loop in sh, ms", "slowest, ms")
    rows = [(r.phases, r.pairs, *_middle_and_worst(r.batty), *_middle_and_worst(r.loop)) for r in results.radar]
    return table(head, rows)


def _middle_and_worst(seconds: Sequence[float], digits: int = 0) -> tuple[str, str]:
    return f"{median(seconds) * 1000:.{digits}f}", f"{max(seconds) * 1000:.{digits}f}"


def _ms(seconds: Sequence[float]) -> str:
    return " ".join(f"{each * 1000:.0f}" for each in seconds)
