"""Tell a person once of each new thing that waits for them: counts, the user's hook, a bell, a notification."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from batty_tmux.core.attention import Waiting, news, notice, waiting
from batty_tmux.core.report import counts, summary
from batty_tmux.drive.hooks import ATTENTION
from batty_tmux.drive.project import Project
from batty_tmux.drive.windows import session_id
from batty_tmux.host import notices
from batty_tmux.host.clock import now
from batty_tmux.host.lock import exclusive
from batty_tmux.host.quoting import line
from batty_tmux.names import PaneId, SessionId, slug

SUMMARY, COUNT, TOLD, NEWEST = "@batty_summary", "@batty_waiting", "@batty_told", "@batty_newest"
"""Options of the session: the counts by state, how many wait, the keys of what was told, and what came last."""
ELSEWHERE = "@batty_elsewhere"
"""Option of the server: how much waits in all of batty's sessions."""
_COUNTED = ("working", "asking", "queued", "landed", "total")
"""Of these there is an option each, such as `@batty_working`, for whoever makes a segment of their own."""


def refresh(project: Project) -> None:
    """Bring the counts in the status line up to date, and tell of what waits since the last look.

    Supervisors and lander all do this. What was told stands in the session, so neither another of them nor one
    that was started again tells it a second time; what waits no longer is forgotten.
    """
    session = session_id(project, project.terminal)
    if session is None:
        return
    with exclusive(project.place.state / "attention.lock"):
        statuses = project.statuses()
        found = waiting(statuses, now(), project.queue())
        shown = _shown(project, session)
        new = news(found, shown[TOLD].split())
        wanted = {
            SUMMARY: summary(statuses),
            COUNT: str(len(found)) if found else "",
            TOLD: " ".join(one.key for one in found),
            **{f"@batty_{name}": str(number) for name, number in counts(statuses).items()},
        }
        lines = [
            line("set-option", "-t", session, "--", name, value)
            for name, value in wanted.items()
            if value != shown[name]
        ]
        if lines:
            project.terminal.source(lines)
        _tell_elsewhere(project)
    if new:
        _announce(project, new, len(found))
        # last, without the lock and by a process of its own: a hook of the user's may wait for something, or call batty
        apart = replace(project.terminal, control=None)
        for one in new:
            newest = line("set-option", "-t", session, "--", NEWEST, f"{one.name} {one.state}")
            apart.source([newest, line("set-hook", "-R", "-t", session, ATTENTION)])


def _tell_elsewhere(project: Project) -> None:
    """Count what waits in all sessions of batty's, for the status line of those that are none: there a person lives."""
    told = project.terminal.run("list-sessions", "-F", f"#{{{COUNT}}}").stdout.split()
    total = sum(int(word) for word in told if word.isdecimal())
    wanted = str(total) if total else ""
    if project.terminal.run("show-options", "-gqv", ELSEWHERE).stdout.strip() != wanted:
        project.terminal.source([line("set-option", "-g", "--", ELSEWHERE, wanted)])


def _shown(project: Project, session: SessionId) -> dict[str, str]:
    names = (SUMMARY, COUNT, TOLD, *(f"@batty_{name}" for name in _COUNTED))
    template = "\t".join(f"#{{{name}}}" for name in names)
    fields = project.terminal.run("display-message", "-p", "-t", session, template).stdout.removesuffix("\n")
    return dict(zip(names, (*fields.split("\t"), *[""] * len(names)), strict=False))


def _announce(project: Project, new: Sequence[Waiting], count: int) -> None:
    wanted = project.config.attention
    if wanted.bell:
        for one in new:
            _ring(project, one)
    text = notice(slug(project.place.name), new[0], count)
    if wanted.desktop == "osc":
        for screen in notices.screens(project.terminal):
            if not notices.notify_screen(screen, text):
                _say_once(f"the terminal {screen.tty} ({screen.name}) cannot be notified")
    elif wanted.desktop == "notify-send" and (problem := notices.notify_send(text)):
        _say_once(f"no notification on the desktop: {problem}")


def _ring(project: Project, one: Waiting) -> None:
    """Ring in the phase's lower pane, whoever notices that it waits: so its window is the one that tmux flags."""
    launched = project.watch(one.phase).launched if one.phase is not None else None
    if launched is not None and project.terminal.identity() == launched.server:
        notices.ring(project.terminal, PaneId(launched.orchestrator))


@cache
def _say_once(problem: str) -> None:
    """Say what could not be done where the user reads what batty does; the same thing is not said again."""
    print(f"! {problem}", flush=True)  # noqa: T201 -- the orchestrator's pane, or the lander's log
