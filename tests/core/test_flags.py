"""What a reviewer is told to look at twice, and why."""

import pytest

from batty_tmux.core.flags import Places, flags
from batty_tmux.core.gate_files import definition

GATE = definition("make test", "", ())
PLACES = Places("kanban/phase-2", "kanban")


def kinds(*paths: str, places: Places = PLACES) -> dict[str, str]:
    found = flags(paths, places, GATE)
    assert all(flag.why for flag in found)
    return {flag.path: flag.kind for flag in found}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("batty.toml", "settings"),
        ("Makefile", "gate"),
        ("sub/Makefile", "gate"),
        (".github/workflows/ci.yml", "ci"),
        (".pre-commit-config.yaml", "ci"),
        (".gitattributes", "git"),
        ("CLAUDE.md", "agents"),
        ("sub/.claude/settings.json", "agents"),
        ("kanban/phase-3/tasks/001-x.md", "board"),
        ("kanban/phase-2/PHASE.md", "board"),
        ("kanban/phase-2/config.yml", "board"),
    ],
)
def test_what_changes_the_rules_is_flagged(path: str, kind: str) -> None:
    """Each by its kind, whatever else was changed; the gravest where several fit."""
    assert kinds("src/a.py", path) == {path: kind}


@pytest.mark.parametrize("path", ["src/a.py", "kanban/phase-2/tasks/001-x.md", "sub/batty.toml", "docs/github.md"])
def test_ordinary_work_is_not(path: str) -> None:
    """Its own cards move; names that only look alike are nobody's rules."""
    assert kinds(path) == {}


def test_the_patterns_of_phase_md_say_where_work_belongs() -> None:
    """All else is elsewhere, but for its own board; what changes the rules keeps that flag."""
    places = Places("kanban/phase-2", "kanban", paths=("src/", "*.md"), texts=("mentions deploy",))
    told = kinds("src/x/a.py", "docs/b.md", "deploy/c.yml", "kanban/phase-2/tasks/1.md", "Makefile", places=places)
    assert told == {"deploy/c.yml": "elsewhere", "Makefile": "gate"}


def test_without_patterns_goal_and_tasks_tell() -> None:
    """A word of a folder or of a name is enough, in any case and spelling; an extension is no word of a place."""
    places = Places("kanban/phase-2", "kanban", texts=("The ParseLine function in Lexer, with tests; see notes.yml",))
    told = kinds("lexer/x.py", "tests/test_y.py", "src/parse_line.py", "deploy/prod.yml", places=places)
    assert told == {"deploy/prod.yml": "elsewhere"}


def test_a_goal_that_speaks_of_no_file_tells_nothing() -> None:
    """Else all would be flagged, and a flag would say nothing."""
    assert kinds("a/b.py", "c/d.py", places=Places("kanban/phase-2", "kanban", texts=("Make it faster",))) == {}
