"""The policy as batty.toml says it, and where a phase's commands run."""

from pathlib import Path

from batty_tmux.config import parse
from batty_tmux.config_tables import Config
from batty_tmux.core.events import Launching
from batty_tmux.core.policy import Policy, Rule
from batty_tmux.drive.project import SETTINGS, Project
from batty_tmux.errors import BattyError

_MOST = 1024 * 1024


def policy_of(project: Project) -> Policy:
    """Return the policy that is in force: that of the base's tip."""
    return of_config(project.config, project.base.name)


def of_config(config: Config, base: str) -> Policy:
    """Return the policy of a configuration. Rules without a name are called by their number."""
    told = config.policy
    rules = tuple(
        Rule(rule.name or f"rule {n}", rule.match, rule.answer, rule.kind, rule.tool, rule.command, rule.paths)
        for n, rule in enumerate(told.rule, 1)
    )
    return Policy(told.mode, rules, base, told.set, config.gate.command)


def changed_policy(project: Project, file: Path | None) -> Policy:
    """Return the policy of a file, else of the checkout's batty.toml, which may not be committed yet.

    Raises ConfigError, or BattyError when the file cannot be read.
    """
    path = file or project.place.home / SETTINGS
    try:
        if file is None and not path.exists():
            return policy_of(project)
        with path.open(encoding="utf-8") as opened:
            text = opened.read(_MOST)
    except (OSError, ValueError) as problem:
        raise BattyError("no-file", f"{path} cannot be read: {problem}", next="batty policy") from problem
    return of_config(parse(text, str(path)), project.base.name)


def worktree_of(project: Project, phase: str) -> str:
    """Return where a phase was launched last; where it never was, the checkout stands for its worktree."""
    events = project.place.records.events
    launched = [e.worktree for e in events if isinstance(e, Launching) and str(e.phase) == phase]
    return launched[-1] if launched else str(project.place.home)
