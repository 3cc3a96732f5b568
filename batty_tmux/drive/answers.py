"""Answers to an executor's prompts: who may type them, and what makes two prompts the same."""

import hashlib

from batty_tmux.core import prompts
from batty_tmux.core.events import Answered
from batty_tmux.core.policy import Policy, Rule
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.executor import family_of
from batty_tmux.drive.project import Project
from batty_tmux.drive.redaction import SECRET
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic
from batty_tmux.host.process import pause
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId, RunId

_CARET = 2.0
"""Seconds that an agent may take to repaint its menu after a key."""
_LOOK = 0.03


def answer(project: Project, watch: Watch, text: str) -> Answered:
    """Type a person's answer into the executor's pane, with Enter. Raises BattyError when nothing is asked."""
    if watch.prompt is None or watch.launched is None:
        raise BattyError("nothing-asked", f"{watch.phase} asks nothing now", next="batty status")
    pane = PaneId(watch.launched.pane)
    screen = project.terminal.capture(pane)
    if screen is None:
        raise BattyError("no-window", f"the window of {watch.phase} is gone", next="batty resume")
    seen = prompts.read(screen, family_of(project, watch.agent))
    if seen is not None and seen.caret is not None:
        _choose_by_hand(project, watch, pane, seen, text)
    else:
        project.terminal.type_line(pane, text)
    # what was asked for as a secret is nobody's to read later
    told = SECRET if watch.prompt.kind == "secret" else text
    event = Answered(run=RunId(watch.run), phase=watch.phase, key=watch.prompt.key, by="person", answer=told)
    project.place.records.append(event)
    return event


def _choose_by_hand(project: Project, watch: Watch, pane: PaneId, seen: Prompt, text: str) -> None:
    """Choose the option that a person named by its number, its words or its meaning."""
    keys = prompts.keys(seen, text)
    if keys is None or not choose(project.terminal, pane, seen, keys):
        labels = tuple(f"{option.key} {option.label}".strip() for option in seen.options)
        what = f"{text!r} chooses none of what {watch.phase} offers, or batty does not choose that for anybody"
        raise BattyError("no-option", what, evidence=labels, next=f"batty attach {watch.phase}")


def choose(terminal: Terminal, pane: PaneId, seen: Prompt, keys: tuple[str, ...]) -> bool:
    """Move a menu's caret, see that it has come to stand where it should, and only then press Enter.

    False, and no Enter, when it has not: on some dialogs Enter on another row quits, installs or pays.
    """
    *moves, last = keys
    if seen.caret is None or last != "Enter":
        return terminal.keys(pane, *keys).ok
    target = seen.caret + moves.count("Down") - moves.count("Up")
    if moves:
        terminal.keys(pane, *moves)
    deadline = monotonic() + _CARET
    while True:
        now = prompts.read(terminal.capture(pane) or "", seen.family)
        if now is not None and now.caret == target and digest(now) == digest(seen):
            return terminal.keys(pane, "Enter").ok
        if monotonic() > deadline:
            return False
        pause(_LOOK)


def digest(prompt: Prompt) -> str:
    """Identify a prompt by what it says; where its caret is does not make it another one."""
    # a line that is asked again looks as it did before; what tells the two apart is the answered one above it.
    # Without blanks, since a window of another width breaks the text elsewhere
    above = "".join(prompt.text.split()) if prompt.caret is None else ""
    options = (option.label for option in prompt.options)
    told = "\0".join((prompt.kind, prompt.question, prompt.subject, above, *options))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def policy_of(project: Project) -> Policy:
    told = project.config.policy
    rules = tuple(Rule(rule.name or f"rule {n}", rule.match, rule.answer) for n, rule in enumerate(told.rule, 1))
    return Policy(told.mode, rules, project.base)
