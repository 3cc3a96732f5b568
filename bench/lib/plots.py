"""The two pictures of docs/queue.md, from the numbers that are kept. Readable on white and on black."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
from lib.landing import WAYS, gate_times
from lib.results import Results, Runs
from lib.runs import ENTRIES, halves_expected
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from batty_tmux.core.prefix_search import fewest_runs

GREY = "#808080"
RED, BLUE, GREEN = "#d9534f", "#3b8ede", "#3aa655"
COLOURS = {"serial": RED, "each": BLUE, "batch": GREEN}
MARKS = {"serial": "o", "each": "s", "batch": "^"}
STYLE = {
    "svg.hashsalt": "batty",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "axes.grid": True,
}


def draw(results: Results, folder: Path) -> None:
    """Write what there are numbers for. The same numbers give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        if results.walls:
            save(landing_time(results), folder / "queue-landing-time.svg")
        if results.runs:
            save(gate_runs(results), folder / "queue-gate-runs.svg")


def save(figure: Figure, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})
    # matplotlib leaves blanks at the ends of lines
    file.write_text("".join(f"{line.rstrip()}\n" for line in file.read_text().splitlines()))


def axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4))
    return figure, figure.add_subplot()


def landing_time(results: Results) -> Figure:
    """Draw the time until k green phases have landed: points measured, lines by the model."""
    figure, plot = axes()
    names = {"serial": "one after another", "each": "each, 8 slots", "batch": "batch, 1 slot"}
    most = max(wall.phases for wall in results.walls)
    for way, mode, slots in WAYS:
        counts = range(1, most + 1)
        model = [gate_times(count, mode, slots) for count in counts]
        plot.step(counts, model, where="mid", color=COLOURS[way], linewidth=1.5)
        seen = [(w.phases, median(w.seconds) / w.gate) for w in results.walls if w.way == way]
        plot.plot(*columns(seen), MARKS[way], color=COLOURS[way], fillstyle="none", markersize=8, label=names[way])
    plot.set_xlabel("phases that are ready, all green (k)")
    plot.set_ylabel("until all have landed, in gate times")
    plot.set_ylim(bottom=0)
    plot.legend(title="points: measured; lines: the model")
    return figure


def gate_runs(results: Results) -> Figure:
    """Draw how many runs a burst of 64 takes against the chance that an entry is bad."""
    figure, plot = axes()
    own = sorted((r for r in results.runs if r.known and r.slots == 1), key=lambda r: r.rate)
    fine = [number / 200 for number in range(1, 1 + round(own[-1].rate * 200))]
    plot.axhline(ENTRIES, color=RED, linewidth=1.5, label="one after another")
    plot.plot(fine, [halves_expected(ENTRIES, p) for p in fine], color="#c08a1e", label="bisecting halves")
    plot.plot(*columns((r.rate, everything(r)) for r in own), "o--", color=GREEN, markersize=4, label=ALL)
    plot.plot(*columns((r.rate, r.searching) for r in own), "o-", color=BLUE, markersize=4, label="batch: searching")
    plot.plot(fine, [fewest_runs(ENTRIES, p) for p in fine], ":", color=GREY, linewidth=2, label="n·H(p): the fewest")
    plot.set_xlabel(f"chance p that an entry is bad (n = {ENTRIES}, one slot)")
    plot.set_ylabel("gate runs")
    plot.set_ylim(bottom=0)
    plot.legend(loc="upper left", fontsize=9)
    return figure


ALL = "batch: with confirming runs and controls"


def everything(runs: Runs) -> float:
    return runs.searching + runs.confirming + runs.control


def columns(points: Iterable[tuple[float, float]]) -> tuple[Sequence[float], Sequence[float]]:
    pairs = list(points)
    return [x for x, _ in pairs], [y for _, y in pairs]
