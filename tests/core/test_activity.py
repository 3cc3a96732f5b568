"""What an executor does, in a person's words: kinds of things, counts of them, and nothing of what is not known."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from batty_tmux.core.activity import (
    Activity,
    Kind,
    Tally,
    is_test,
    of_board,
    of_commits,
    of_screen,
    of_tool,
    summary,
    tally,
)
from batty_tmux.core.board import Phase, parse_phase
from batty_tmux.names import PhaseId

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q tests/core",
        "cd x && python -m pytest",
        "npm test",
        "npm run test:unit",
        "pnpm t",
        "cargo test --all",
        "go test ./...",
        "make check",
        "make -j4 test",
        "./gradlew clean test",
        ".venv/bin/pytest",
        "bin/test tests/core",
        "(tox -e py311)",
    ],
)
def test_runs_of_tests_are_known(command: str) -> None:
    """By the runner's name, wherever it stands in the line."""
    assert is_test(command)


@pytest.mark.parametrize(
    "command", ["ls tests", "cat pytest.ini", "git commit -m 'go testing'", "make", "echo contest"]
)
def test_other_commands_are_no_tests(command: str) -> None:
    """A word that looks like one is none."""
    assert not is_test(command)


@pytest.mark.parametrize(
    ("tool", "command", "paths", "kind", "what"),
    [
        ("Bash", "pytest -q", (), "test", "pytest -q"),
        ("Bash", "ls\nrm x", (), "command", "ls"),
        ("Write", "", ("src/a.py",), "edit", "src/a.py"),
        ("Read", "", ("src/a.py",), "tool", "Read src/a.py"),
        ("mcp__x__y", "", (), "tool", "mcp__x__y"),
    ],
)
def test_a_tool_is_told_by_what_it_did(tool: str, command: str, paths: tuple[str, ...], kind: Kind, what: str) -> None:
    """One line each."""
    assert of_tool(tool, command, paths, AT) == Activity(AT, kind, what)


def board(*statuses: str) -> Phase:
    texts = {
        f"tasks/{n:03d}-t.md": f"---\nid: {n}\ntitle: Task {n}\nstatus: {s}\npriority: low\n"
        "created: 2026-01-01T00:00:00Z\nupdated: 2026-01-01T00:00:00Z\n---\n"
        for n, s in enumerate(statuses, 1)
    }
    return parse_phase(PhaseId("p"), texts)


def test_cards_that_moved_are_told() -> None:
    """Those that did not are not, nor those that are new."""
    told = of_board(board("todo", "todo"), board("in-progress", "todo", "todo"), AT)
    assert told == [Activity(AT, "task", "#1 Task 1: in-progress", by="board")]
    assert of_board(None, board("todo"), AT) == []


def test_rows_of_the_screen_are_told_once() -> None:
    """Only those that were not there before, and only in the form in which the agent itself writes them."""
    before = "● Bash(ls)\n"
    after = "● Bash(ls)\n● Bash(pytest -q)\n● Update(src/a.py)\n  ● Bash(quoted)\nBash(x)\n"
    assert [(a.kind, a.what) for a in of_screen(before, after, "claude", AT)] == [
        ("test", "pytest -q"),
        ("edit", "src/a.py"),
    ]
    assert [(a.kind, a.what) for a in of_screen("", "• Ran go test ./...\n• Edited a.go (+1 -1)", "codex", AT)] == [
        ("test", "go test ./..."),
        ("edit", "a.go (+1 -1)"),
    ]
    assert of_screen("", after, "any", AT) == []


def test_a_summary_counts_in_words() -> None:
    """Files once each, failures of tests beside their runs, and nothing where nothing was done."""
    done = [
        *of_commits([("abcdef0123456", "Add it")], AT),
        of_tool("Edit", "", ("a.py",), AT),
        of_tool("Edit", "", ("a.py",), AT),
        of_tool("Bash", "pytest", (), AT),
        replace(of_tool("Bash", "pytest", (), AT), ok=False),
        of_tool("Bash", "ls", (), AT),
    ]
    counted = Tally()
    for one in done:
        counted = tally(counted, one)
    assert summary(counted) == "1 commit, 1 file changed, 2 test runs (1 failed), 1 other command"
    assert summary(Tally()) == ""
