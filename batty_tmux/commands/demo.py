"""batty demo: the main job, for real, on a sample repository."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from batty_tmux.commands.wait import interactive
from batty_tmux.core.report import narrate, proof_lines
from batty_tmux.drive.account import account, write_page
from batty_tmux.drive.conflicts import entry_of
from batty_tmux.drive.demo import BREAKS_LATER, CONFLICT, failures, make_repository, settle
from batty_tmux.drive.evidence import evidence
from batty_tmux.drive.project import Project, program
from batty_tmux.drive.resume import look_after
from batty_tmux.drive.windows import session_id, session_of
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import alongside, pause, run, scrubbed
from batty_tmux.names import PhaseId

_PREFIX = "batty-demo-"
_PATIENCE = 300
"""Seconds that any one step of the demo may take, on a slow machine."""


@click.command()
@click.option("--in", "folder", type=click.Path(path_type=Path), help="Make the repository there.  [a new folder]")
@click.option("--drive", is_flag=True, hidden=True)
def command(folder: Path | None, drive: bool) -> int:
    """Run the main job on a sample repository, and prove what it did.

    Four phases by a scripted agent, three at once: two conflict, one breaks the gate only on top of another.
    On a terminal it is shown in tmux; ^B d leaves it, and it goes on.

    \b
    Example:
      batty demo
    """
    home = folder or Path(tempfile.mkdtemp(prefix=_PREFIX)) / "greetings"
    if drive or not interactive():
        return Demo(home).play()
    return _in_tmux(home)


def _in_tmux(home: Path) -> int:
    """Play the demo beside a tmux client on its session; then show what it said."""
    home.parent.mkdir(parents=True, exist_ok=True)
    log = home.parent / "demo.log"
    player = alongside((*program(), "demo", "--drive", "--in", str(home)), log)
    deadline = monotonic() + _PATIENCE
    while player.poll() is None and monotonic() < deadline and not _is_open(home):
        pause(0.1)
    if player.poll() is None and _is_open(home):
        project = Project.around(home)
        session = session_id(project, project.terminal)
        inside = bool(os.environ.get("TMUX"))
        verb = "switch-client" if inside else "attach-session"
        keep = {key: os.environ[key] for key in ("TMUX", "TMUX_PANE") if key in os.environ and inside}
        client = alongside(project.terminal.argv(verb, "-t", str(session)), None, env={**scrubbed(), **keep})
        client.wait()
    status = player.wait()
    sys.stdout.write(log.read_text())
    return status


def _is_open(home: Path) -> bool:
    if not (home / ".git").is_dir():
        return False
    try:
        project = Project.around(home)
    except BattyError:
        return False
    return session_id(project, project.terminal) is not None


@dataclass
class Demo:
    """Plays the person: starts the run, answers, reviews, settles, and looks at what came of it."""

    home: Path
    told: int = 0

    def play(self) -> int:
        click.echo(f"batty demo in {self.home}")
        make_repository(self.home)
        self.batty("work", "all", "--parallel", "3", "--detach")
        self.until(lambda s: s["phase-2"] == "asking", "phase-2 asks what no rule answers")
        self.batty("answer", "phase-2", "n")
        self.until(
            lambda s: all(s[p] == "reviewing" for p in ("phase-1", "phase-2", "phase-3")), "three wait for review"
        )
        for phase in ("phase-1", "phase-2", "phase-3"):
            self.batty("review", phase, "--merge")
        self.until(lambda s: s[CONFLICT] == "conflict" and s[BREAKS_LATER] == "red", "the queue has judged all three")
        self.batty("queue")
        self.batty("queue", "resolve", CONFLICT)
        settle(Path(entry_of(self.project(), PhaseId(CONFLICT), frozenset({"conflict"})).resolving))
        click.echo("  (a person edits greet.py there, and commits)")
        self.batty("queue", "resolve", CONFLICT)
        self.until(lambda s: s["phase-4"] == "reviewing", "phase-4 could start once phase-1 had landed")
        self.batty("review", "phase-4", "--merge")
        self.until(lambda s: s["phase-4"] == "landed" and s[CONFLICT] == "landed", "what can land has landed")
        return self.prove()

    def prove(self) -> int:
        project = self.project()
        proof = evidence(project)
        click.echo("")
        for line in proof_lines(proof):
            click.echo(line)
        states = {str(status.phase.id): str(status.state) for status in project.statuses()}
        wrong = failures(states, proof, self.home)
        for line in wrong:
            click.echo(f"✗ {line}")
        if not wrong:
            click.echo("\n✓ everything held: two phases in conflict, one red gate, nothing ungated on main")
        click.echo(f"↳ all of it as one page: {write_page(project, account(project)[0], None)}")
        session = session_id(project, project.terminal)
        if session is not None:
            batty = os.environ.get("BATTY_LAUNCHER", "batty")
            name = session_of(project, project.terminal)
            click.echo(f"↳ to look around, run: cd {shlex.quote(str(self.home))} && {batty} status && {batty} attach")
            click.echo(f"↳ to remove it, run: tmux kill-session -t '={name}'; rm -rf {self.leftovers}")
            project.terminal.run("detach-client", "-s", session)
        return 1 if wrong else 0

    @property
    def leftovers(self) -> str:
        """Everything the demo made: its own temporary folder, or the repository and its worktrees."""
        parent = self.home.parent
        made = (parent,) if parent.name.startswith(_PREFIX) else (self.home, Path(f"{self.home}.batty"))
        return shlex.join(map(str, made))

    def project(self) -> Project:
        return Project.around(self.home)

    def batty(self, *words: str) -> None:
        """Run a command as a person would type it, and show what it says."""
        click.echo(f"\n$ batty {' '.join(words)}")
        keep = {key: os.environ[key] for key in ("TMUX", "TMUX_PANE") if key in os.environ}
        done = run((*program(), "--repo", str(self.home), *words), cwd=self.home, env=keep, timeout=_PATIENCE)
        for line in (done.stderr + done.stdout).rstrip().splitlines():
            click.echo(f"  {line}")
        if done.status not in {0, 1}:
            done.check()

    def until(self, holds: Callable[[dict[str, str]], bool], what: str) -> None:
        """Narrate the journal until the phases' states are as wanted. Raises BattyError when time runs out."""
        deadline = monotonic() + _PATIENCE
        looks = 0
        while True:
            project = self.project()
            events = project.place.records.events
            for event in events[self.told :]:
                line = narrate(event)
                if line:
                    click.echo(f"    {line}")
            self.told = len(events)
            if holds({str(status.phase.id): str(status.state) for status in project.statuses()}):
                click.echo(f"✓ {what}")
                return
            if monotonic() > deadline:
                raise BattyError("demo-stuck", f"the demo waited too long until {what}", next="batty status")
            looks += 1
            if looks % 40 == 0:
                look_after(project)
            pause(0.25)
