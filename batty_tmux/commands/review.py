"""batty review: the evidence, and the verdict."""

import os
from pathlib import Path

import click
import msgspec

from batty_tmux.commands.attach import attach
from batty_tmux.commands.naming import JUDGED
from batty_tmux.commands.show import as_json, say
from batty_tmux.commands.wait import interactive
from batty_tmux.core.review import Verdict
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.reading import VERDICTS, Reading, decide, oldest, read
from batty_tmux.drive.resume import look_after
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, Sha

_SHORTEST = 7
_SHA = frozenset("0123456789abcdef")


@click.command()
@click.argument("phase", required=False, type=JUDGED)
@click.option("--merge", is_flag=True, help="Put it into the merge queue.")
@click.option("--rework", metavar="TEXT", help="Send it back to its executor with this.")
@click.option("--escalate", metavar="TEXT", help="Hold it, for this reason.")
@click.option("--at", metavar="COMMIT", help="Give the verdict only if the phase is still at this commit.")
@click.option("--plain", is_flag=True, help="Print the packet, on a terminal too.")
@click.option("--json", "wants_json", is_flag=True, help="Print the packet, or what was done, as JSON.")
@click.pass_obj
def command(
    repo: Path,
    phase: str | None,
    merge: bool,
    rework: str | None,
    escalate: str | None,
    at: str | None,
    plain: bool,
    wants_json: bool,
) -> None:
    """Read a phase's packet and give a verdict: merge, rework or escalate. Without a phase: the oldest that waits.

    On a terminal this opens a reader with packet, diff and log, and a key for each verdict. In a pipe it prints the
    packet as Markdown.

    \b
    Examples:
      batty review
      batty review phase-2 --merge
      batty review phase-2 --rework "the parser drops empty lines; add a test"
    """
    project = Project.around(repo)
    look_after(project)
    name = named_phase(phase) if phase else oldest(project)
    project.phase(name)
    told = {"merge": "" if merge else None, "rework": rework or None, "escalate": escalate or None}
    given = [(verdict, told[verdict]) for verdict in VERDICTS if told[verdict] is not None]
    if len(given) > 1:
        raise click.UsageError("Give one verdict.")
    if given:
        verdict, text = given[0]
        _give(project, name, verdict, text or "", _commit(at), wants_json=wants_json)
    elif not wants_json and not plain and interactive() and os.environ.get("TERM") not in {None, "", "dumb"}:
        _open(repo, name)
    else:
        _print(read(project, name), wants_json=wants_json)


def _commit(at: str | None) -> Sha | None:
    if at is None:
        return None
    if len(at) < _SHORTEST or not set(at.lower()) <= _SHA:
        raise click.UsageError(f"--at takes a commit's id, or its first {_SHORTEST} digits or more.")
    return Sha(at.lower())


def _give(project: Project, phase: PhaseId, verdict: Verdict, text: str, seen: Sha | None, *, wants_json: bool) -> None:
    done = decide(project, phase, verdict, text, say, seen=seen)
    if wants_json:
        given = project.watch(phase).reviewed
        as_json({"version": 1, "phase": phase, "verdict": verdict, "head": given.head if given else seen})
        return
    say(f"✓ {done}" + ("\n↳ to see it land, run: batty queue" if verdict == "merge" else ""))


def _print(shown: Reading, *, wants_json: bool) -> None:
    phase = shown.packet.phase
    if wants_json:
        as_json(as_row(shown))
        return
    click.echo(shown.markdown, nl=False)
    others = f'batty review {phase} --rework "..."   or --escalate "..."'
    refused = shown.refused.get("merge")
    if refused:
        say(f"↳ next: {others}   ({refused[1]}, so --merge would be refused)")
        return
    more = "   (it runs the gate first)" if shown.proves else ""
    say(f"↳ next: batty review {phase} --merge{more}   or {others}")


def as_row(shown: Reading) -> dict[str, object]:
    """Return a reading as programs read it: the packet, and which verdicts would be refused."""
    told = msgspec.to_builtins(shown.packet)
    told["tasks"] = [{"id": number, "status": state, "title": title} for number, state, title in shown.packet.tasks]
    advice = told.pop("advice")
    if advice is not None:
        advice = {key: advice.get(key) for key in ("outcome", "confidence", "reasons", "feedback", "head")}
        advice["decides"] = not shown.packet.told
        advice["why_not"] = shown.packet.told
    del told["told"]
    refused = {verdict: {"code": code, "reason": why} for verdict, (code, why) in shown.refused.items()}
    more = {"state": shown.state, "refused": refused, "runs_gate": shown.proves, "waiting": list(shown.waiting)}
    return {"version": 1, **told, "director": advice, **more}


def _open(repo: Path, phase: PhaseId) -> None:
    # what draws is imported where it is drawn
    from batty_tmux.screens.review import Reader  # noqa: PLC0415

    left = Reader(repo, phase).run_to_its_end()
    if left is None:
        raise BattyError("no-terminal", "the reader ended", next=f"batty review {phase} --plain")
    for line in left.said:
        say(line)
    if left.go is not None:
        attach(Project.around(repo), left.go)
