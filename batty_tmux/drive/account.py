"""Gathers what `batty report` tells of a run: the journal's folds, git's proof, the ends of the gates' logs."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from batty_tmux.core.account import Account, GateTold, gates
from batty_tmux.core.account_words import utc
from batty_tmux.core.asked import asked, costs
from batty_tmux.core.events import AnyEvent, Landed
from batty_tmux.core.page import page
from batty_tmux.core.redact import doubtful, drawn, marked, redact
from batty_tmux.core.report import Proof
from batty_tmux.core.timeline import KINDS, Lane, Span, lanes, scale, span
from batty_tmux.drive.chronicle import told as activity_of
from batty_tmux.drive.evidence import evidence
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError, UsageError
from batty_tmux.host.clock import local_zone, now
from batty_tmux.host.files import share, tail, write_atomically
from batty_tmux.names import RunId

_ROWS_OF_A_RED: Final = 60
_ROWS_OF_A_GREEN: Final = 12
_WIDEST: Final = 400
_LOGS: Final = 300_000
"""Characters of logs in one report; what ended badly has them first."""


def account(project: Project, run: str = "") -> tuple[Account, Proof]:
    """Return the account of a run, "" for the newest, and the proof of everything that ever landed.

    Raises BattyError `no-run` where none was begun, and UsageError where none has that name.
    """
    events = project.place.records.events
    wanted = run or project.run.id
    if not wanted:
        raise BattyError("no-run", "nothing has been run yet, so there is nothing to report", next="batty work all")
    statuses = project.statuses()
    moving = any(status.is_awaited or status.waits_for_a_person for status in statuses)
    made = now()
    told = span(events, RunId(wanted), made, moving=moving)
    if told is None:
        raise UsageError("no-run", f"there is no run {wanted}; the newest is {project.run.id}", next="batty report")
    rows = tuple(_plain(lane) for lane in lanes(statuses, events, told))
    proof = evidence(project, statuses)
    during = _during(events, told)
    prompts = asked(during)
    return Account(
        project=project.place.name,
        agent=project.run.agent or project.config.run.agent,
        parallel=project.run.parallel,
        span=told,
        made=made,
        zone=local_zone(),
        lanes=rows,
        axis=scale(told, rows),
        prompts=prompts,
        gates=_with_logs(project.place.state, gates(during)),
        proof=replace(proof, history=tuple((sha, redact(subject)) for sha, subject in proof.history)),
        landed_here=frozenset(event.candidate for event in during if isinstance(event, Landed)),
        costs=costs(prompts),
        activity={lane.phase: activity_of(_folder(project, told, lane)) for lane in rows},
    ), proof


def _folder(project: Project, told: Span, lane: Lane) -> Path:
    return project.place.state / "runs" / told.run / lane.phase


def _plain(lane: Lane) -> Lane:
    """Return the lane without secrets: the journal has none, and a board is anybody's."""
    return replace(lane, title=redact(lane.title))


def _during(events: list[AnyEvent], told: Span) -> list[AnyEvent]:
    if told.newest:
        return [event for event in events if event.at >= told.begin]
    return [event for event in events if told.begin <= event.at <= told.end]


def _with_logs(state: Path, runs: tuple[GateTold, ...]) -> tuple[GateTold, ...]:
    """Return the gate runs with the ends of their logs. Reds have their room before greens, newer before older."""
    room = _LOGS
    read: dict[str, GateTold] = {}
    for one in sorted(runs, key=lambda run: (not run.bad, -run.begin.timestamp())):
        rows = _rows(state, Path(one.log), _ROWS_OF_A_RED if one.bad else _ROWS_OF_A_GREEN) if room > 0 else ()
        room -= sum(map(len, rows))
        read[one.log] = replace(one, tail=rows)
    return tuple(read[one.log] for one in runs)


def _rows(state: Path, log: Path, count: int) -> tuple[str, ...]:
    """Return the last rows of a log. One that can still be written may hold what was not redacted: see command_log."""
    if not log.is_relative_to(state) or not log.is_file():
        return ()
    rows = tuple(row[:_WIDEST] for row in tail(log, count))
    if not log.stat().st_mode & stat.S_IWUSR:
        return rows
    plain = redact("\n".join(rows))
    return tuple((marked(plain, drawn(plain)) if doubtful(plain) else plain).splitlines())


def write_page(project: Project, told: Account, file: str | None) -> Path | str:
    """Write the page with its run, or to a file; return where. For "-" return the page itself.

    Raises BattyError where there is something at that path that is no file.
    """
    folder = share() / "pages"
    text = page(told, (folder / "report.html.j2").read_text(), (folder / "report.css").read_text())
    if file == "-":
        return text
    there = Path(file).absolute() if file else project.place.run_folder(told.span.run) / "report.html"
    if there.exists() and not there.is_file():
        raise BattyError("not-a-file", f"{there} is no file", next="batty report -o report.html")
    if not there.parent.is_dir():
        raise BattyError("no-folder", f"there is no folder {there.parent}", next="batty report -o report.html")
    write_atomically(there, text)
    return there


def for_programs(told: Account) -> dict[str, object]:
    """Return the account as plain values: what `batty report --json` adds to the proof."""
    now_ = told.span.end
    return {
        "version": 1,
        "run": told.span.run,
        "begin": utc(told.span.begin),
        "end": utc(told.span.end),
        "going": told.span.going,
        "seconds": told.seconds,
        "spent": {kind: round(told.spent(kind), 3) for kind in KINDS},
        "phases": [
            {
                "phase": lane.phase,
                "title": lane.title,
                "host": lane.host,
                "state": lane.last.state,
                "says": lane.last.why,
                "next": lane.next,
                "spent": {kind: round(lane.seconds(kind), 3) for kind in KINDS},
                "intervals": [
                    {"state": x.state, "kind": x.kind, "begin": utc(x.begin), "end": utc(x.end), "why": x.why}
                    for x in lane.intervals
                ],
            }
            for lane in told.lanes
        ],
        "prompts": [{**msgspec.to_builtins(one), "waited": round(one.waited(now_), 3)} for one in told.prompts],
        "gates": [msgspec.to_builtins(replace(one, tail=())) | {"bad": one.bad} for one in told.gates],
        "costs": msgspec.to_builtins(told.costs),
    }
