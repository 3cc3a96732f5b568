"""The first batty.toml and the first board of a repository, as texts."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
SIGNS = (*MAKEFILES, "package.json", "pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini", "Cargo.toml", "go.mod")
"""The files in a repository's top folder whose texts say how its tests are run."""

_TARGET = re.compile(r"^(test|check)[ \t]*:(?!=)", re.MULTILINE)
_PYTEST = re.compile(r"^\[(tool\.pytest\.ini_options|tool:pytest|pytest)\]|[\"']pytest\b", re.MULTILINE)
_PHASE = "phase-1"
_EXAMPLE = '"..."'
_EXAMPLES = {"policy.rule[].match": _EXAMPLE}
"""A rule has to be for something, whatever its keys are without it."""


@dataclass(frozen=True)
class Guess:
    """A gate: its command (empty: none found), what prepares a fresh worktree, what to keep, and why."""

    command: str = ""
    setup: str = ""
    keep: tuple[str, ...] = ()
    because: str = ""


def guess_gate(texts: Mapping[str, str], names: Iterable[str] = ()) -> Guess:
    """Guess how the tests are run from the texts of SIGNS and the names of what lies beside them."""
    there = frozenset(names)
    for name in MAKEFILES:
        target = _TARGET.search(texts.get(name, ""))
        if target:
            return Guess(f"make {target[1]}", because=f"{name} has a target {target[1]}")
    if "package.json" in texts and _has_test_script(texts["package.json"]):
        return _node(there)
    for name in ("pytest.ini", "pyproject.toml", "setup.cfg", "tox.ini"):
        if name in texts and (name == "pytest.ini" or _PYTEST.search(texts[name])):
            return Guess("python3 -m pytest", because=f"{name} speaks of pytest")
    if "Cargo.toml" in texts:
        return Guess("cargo test", keep=("target",), because="there is a Cargo.toml")
    if "go.mod" in texts:
        return Guess("go test ./...", because="there is a go.mod")
    return Guess()


def _has_test_script(text: str) -> bool:
    try:
        package = msgspec.json.decode(text.encode("utf-8", "replace"), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return False
    scripts = package.get("scripts")
    test = scripts.get("test") if isinstance(scripts, dict) else None
    # npm init writes a script that only fails
    return isinstance(test, str) and bool(test.strip()) and "no test specified" not in test


def _node(names: frozenset[str]) -> Guess:
    because, keep = "package.json has a script test", ("node_modules",)
    if "pnpm-lock.yaml" in names:
        return Guess("pnpm test", "pnpm install --frozen-lockfile", keep, because)
    if "yarn.lock" in names:
        return Guess("yarn test", "yarn install --immutable", keep, because)
    return Guess("npm test", "npm ci" if "package-lock.json" in names else "npm install", keep, because)


def settings_text(keys: Iterable[tuple[str, str, str]], gate: Guess) -> str:
    """Write a batty.toml from (key, default, meaning): every key a comment, but for what was guessed."""
    set_ = {"gate.command": gate.command, "gate.setup": gate.setup, "gate.keep": list(gate.keep)}
    rows = [
        "# Settings of batty. Every key stands here with its default: take the # away to change it.",
        "# batty reads this file from the tip of the base branch, so a change counts once it is committed.",
    ]
    section = ""
    for key, default, meaning in keys:
        table, name = key.rsplit(".", 1)
        if table != section:
            section = table
            rows += ["", _heading(table)]
        value = set_.get(key)
        rows.append(f"# {meaning}")
        rows += _remark(key, gate)
        rows.append(f"{name} = {_literal(value)}" if value else f"# {name} = {_EXAMPLES.get(key, default) or _EXAMPLE}")
    return "\n".join(rows) + "\n"


def _heading(table: str) -> str:
    """Tables that exist only when somebody names them stay comments."""
    if table.endswith("[]"):
        return f"# [[{table.removesuffix('[]')}]]"
    return f"# [{table}]" if "NAME" in table else f"[{table}]"


def _remark(key: str, gate: Guess) -> list[str]:
    if key != "gate.command":
        return []
    if gate.command:
        return [f"# Guessed, because {gate.because}."]
    return ["# How the tests are run could not be guessed here. Nothing lands until this is set."]


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def board_files(now: datetime) -> dict[str, str]:
    """Return a first board in kanban-md's format (config.yml version 11), by path inside kanban/."""
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        ".gitignore": "# What kanban-md keeps for itself while it works.\n.lock\nactivity.jsonl\n",
        f"{_PHASE}/config.yml": _CONFIG,
        f"{_PHASE}/PHASE.md": _GOAL,
        f"{_PHASE}/tasks/001-describe-the-first-change.md": _TASK.format(moment=moment),
    }


_CONFIG = """\
version: 11
board:
    name: phase-1
tasks_dir: tasks
statuses:
    - name: backlog
      show_duration: false
    - name: todo
    - name: in-progress
      require_claim: true
    - name: review
      require_claim: true
    - name: done
      show_duration: false
    - name: archived
      show_duration: false
priorities:
    - low
    - medium
    - high
    - critical
defaults:
    status: backlog
    priority: medium
    class: standard
claim_timeout: 1h
classes:
    - name: expedite
      wip_limit: 1
      bypass_column_wip: true
    - name: fixed-date
    - name: standard
    - name: intangible
tui:
    title_lines: 2
    age_thresholds:
        - after: 0s
          color: "242"
        - after: 1h
          color: "34"
        - after: 24h
          color: "226"
        - after: 72h
          color: "208"
        - after: 168h
          color: "196"
next_id: 2
"""

_GOAL = """\
---
title: Phase 1
depends_on: []
---

# Phase 1

**Goal:** say in two or three sentences what is true when this phase is finished. Its agent reads this first.

Each further phase is a folder beside this one. A phase that must wait names the others in `depends_on`.
"""

_TASK = """\
---
id: 1
title: Describe the first change
status: backlog
priority: medium
created: {moment}
updated: {moment}
class: standard
---

Replace this text: what has to change, where, and how one sees that it is done.
"""
