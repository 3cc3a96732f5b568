"""Answers to an executor's prompts, and who may type them."""

from batty_tmux.core import prompts
from batty_tmux.core.events import Answered
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.supervise import Watch
from batty_tmux.drive import hosting
from batty_tmux.drive.executor import family_of
from batty_tmux.drive.keyboard import Outcome, choose, write
from batty_tmux.drive.project import Project
from batty_tmux.drive.redaction import SECRET
from batty_tmux.errors import BattyError
from batty_tmux.names import PaneId, RunId


def answer(project: Project, watch: Watch, text: str) -> Answered:
    """Type a person's answer into the executor's pane, with Enter. Raises BattyError when nothing is asked."""
    if watch.prompt is None or watch.launched is None:
        raise BattyError("nothing-asked", f"{watch.phase} asks nothing now", next="batty status")
    if watch.host:
        # the host journals it, and what it journals comes here
        hosting.answer(project, watch, text)
        return Answered(run=RunId(watch.run), phase=watch.phase, key=watch.prompt.key, by="person", answer=SECRET)
    pane = PaneId(watch.launched.pane)
    screen = project.terminal.capture(pane)
    if screen is None:
        raise BattyError("no-window", f"the window of {watch.phase} is gone", next="batty resume")
    family = family_of(project, watch.agent)
    seen = prompts.read(screen, family)
    if seen is None and family == "any":
        project.terminal.type_line(pane, text)
    else:
        _by_hand(project, watch, pane, seen, text)
    # what was asked for as a secret is nobody's to read later
    told = SECRET if watch.prompt.kind == "secret" else text
    event = Answered(run=RunId(watch.run), phase=watch.phase, key=watch.prompt.key, by="person", answer=told)
    project.place.records.append(event)
    return event


def _by_hand(project: Project, watch: Watch, pane: PaneId, seen: Prompt | None, text: str) -> None:
    """Choose the option that a person named by its number, its words or its meaning, else write the words."""
    family = family_of(project, watch.agent)
    keys = prompts.keys(seen, text) if seen is not None and seen.caret is not None else None
    if seen is not None and keys is not None:
        outcome = choose(project.terminal, pane, seen, keys)
    elif seen is not None and seen.kind == "unknown" and family != "any":
        outcome = Outcome.NOT_VERIFIED
    else:
        outcome = write(project.terminal, pane, family, text, seen)
    if outcome is Outcome.CHOSEN:
        return
    if outcome is Outcome.NOT_VERIFIED:
        labels = tuple(f"{option.key} {option.label}".strip() for option in seen.options) if seen else ()
        what = f"{text!r} chooses none of what {watch.phase} offers, or batty does not choose that for anybody"
        raise BattyError("no-option", what, evidence=labels, next=f"batty attach {watch.phase}")
    what = (
        f"{watch.phase} asks something else now"
        if outcome is Outcome.MOVED_ON
        else f"{watch.phase} still asks the same"
    )
    raise BattyError("not-taken", what, next=f"batty attach {watch.phase}")
