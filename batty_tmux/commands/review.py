"""batty review: the evidence, and the verdict."""

from pathlib import Path

import click

from batty_tmux.commands.naming import JUDGED
from batty_tmux.commands.show import say
from batty_tmux.core.packet_report import packet_markdown
from batty_tmux.core.review import Verdict, proved, refusal
from batty_tmux.drive.effects import prove
from batty_tmux.drive.fill import fill
from batty_tmux.drive.packets import packet
from batty_tmux.drive.project import Project, named_phase
from batty_tmux.drive.resume import look_after
from batty_tmux.drive.verdicts import give, tip_of
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId


@click.command()
@click.argument("phase", required=False, type=JUDGED)
@click.option("--merge", is_flag=True, help="Put it into the merge queue.")
@click.option("--rework", metavar="TEXT", help="Send it back to its executor with this.")
@click.option("--escalate", metavar="TEXT", help="Hold it, for this reason.")
@click.pass_obj
def command(repo: Path, phase: str | None, merge: bool, rework: str | None, escalate: str | None) -> None:
    """Read a phase's packet and give a verdict: merge, rework or escalate. Without a phase: the oldest that waits.

    \b
    Examples:
      batty review phase-2
      batty review phase-2 --merge
      batty review phase-2 --rework "the parser drops empty lines; add a test"
    """
    project = Project.around(repo)
    look_after(project)
    name = named_phase(phase) if phase else _oldest(project)
    project.phase(name)
    given = [word for word, told in (("merge", merge), ("rework", rework), ("escalate", escalate)) if told]
    if len(given) > 1:
        raise click.UsageError("Give one verdict.")
    if not given:
        shown = packet(project, project.status(name))
        click.echo(packet_markdown(shown), nl=False)
        refused = refusal(project.watch(name), "merge", shown.head, shown.dirty)
        others = f'batty review {name} --rework "..."   or --escalate "..."'
        first = f"{others}   ({refused[1]}, so --merge would be refused)" if refused else f"batty review {name} --merge"
        say(f"↳ next: {first}" if refused else f"↳ next: {first}   or {others}")
        return
    decide(project, name, given[0], rework or escalate or "")  # type: ignore[arg-type]


def decide(project: Project, phase: PhaseId, verdict: Verdict, feedback: str) -> None:
    if verdict == "merge":
        watch = project.watch(phase)
        head, dirty = tip_of(project, watch)
        if watch.state in {"held", "failed", "reviewing"} and not dirty and head and not proved(watch, head):
            say(f"{phase}: the gate runs on {head[:9]}, its last commit")
            prove(project, watch, head)
    give(project, phase, verdict, "human", feedback)
    if verdict == "merge":
        say(f"✓ {phase} is in the merge queue\n↳ to see it land, run: batty queue")
    elif verdict == "rework":
        say(f"✓ {phase} goes back to its executor")
    else:
        say(f"✓ {phase} is held: {feedback}")
        fill(project)


def _oldest(project: Project) -> PhaseId:
    waiting = sorted((s for s in project.statuses() if s.state == "reviewing"), key=lambda s: s.watch.since)
    if not waiting:
        raise BattyError("nothing-to-review", "no phase waits for a review", next="batty status")
    return waiting[0].phase.id
