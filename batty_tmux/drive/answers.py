"""Answers to an executor's prompts: who may type them, and what makes two prompts the same."""

import hashlib

from batty_tmux.core.events import Answered
from batty_tmux.core.policy import Policy, Rule
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.names import PaneId, RunId


def answer(project: Project, watch: Watch, text: str) -> Answered:
    """Type a person's answer into the executor's pane, with Enter. Raises BattyError when nothing is asked."""
    if watch.prompt is None or watch.launched is None:
        raise BattyError("nothing-asked", f"{watch.phase} asks nothing now", next=f"batty attach {watch.phase}")
    if not project.terminal.type_line(PaneId(watch.launched.pane), text).ok:
        raise BattyError("no-window", f"the window of {watch.phase} is gone", next="batty resume")
    event = Answered(run=RunId(watch.run), phase=watch.phase, key=watch.prompt.key, by="person", answer=text)
    project.place.records.append(event)
    return event


def digest(prompt: Prompt) -> str:
    """Identify a prompt by what it says; where its caret is does not make it another one."""
    told = "\0".join((prompt.kind, prompt.question, *(option.label for option in prompt.options)))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def policy_of(project: Project) -> Policy:
    told = project.config.policy
    rules = tuple(Rule(rule.name or f"rule {n}", rule.match, rule.answer) for n, rule in enumerate(told.rule, 1))
    return Policy(told.mode, rules)
