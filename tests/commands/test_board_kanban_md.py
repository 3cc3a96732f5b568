"""batty's boards against the real kanban-md: each reads what the other wrote, and both say the same.

Where kanban-md comes from, and what happens without it: tests/support/kanban.py.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from batty_tmux.commands.board import command
from batty_tmux.core.board import Broken, Task, parse_config, parse_task
from batty_tmux.core.board_report import task_object
from batty_tmux.host.process import run
from tests.support.kanban import kanban_md

Kanban = Callable[..., str]


@pytest.fixture
def kanban(tmp_path: Path) -> Kanban:
    """Return the real program, bound to a new board in tmp_path/board; it answers with its standard output."""
    named = kanban_md()

    def call(*words: str, status: int = 0) -> str:
        argv = [named, *words, "--dir", str(tmp_path / "board")]
        done = run(argv, cwd=tmp_path, env={"HOME": str(tmp_path), "NO_COLOR": "1"})
        assert done.status == status, done.stderr
        return done.stdout

    call("init", "--name", "Phase one")
    return call


def ours(board: Path, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(command, [*words, "--dir", str(board)], env={"KANBAN_OUTPUT": "", "BATTY_BOARD": ""})
    assert done.exit_code == status, done.output
    return done.stdout


def fill(kanban: Kanban) -> None:
    kanban("create", "First: yes", "--body", "Do it.\n\n- a", "--tags", "a,b", "--priority", "high")
    kanban("create", "yes", "--depends-on", "1", "--due", "2020-12-01", "--estimate", "4h", "--assignee", "bob")
    kanban("create", "012", "--parent", "1", "--class", "fixed-date", "--due", "2030-01-01")
    kanban("create", "sooner", "--class", "fixed-date", "--due", "2029-01-01", "--priority", "low")
    kanban("create", "a word # and a 'quote' \"two\"", "--class", "intangible", "--priority", "critical")
    kanban("create", "blocked one", "--priority", "critical")
    kanban("edit", "6", "--block", "waits for Ann")


def test_its_files_are_read_with_equal_values(kanban: Kanban, tmp_path: Path) -> None:
    """Every field of every task that kanban-md writes has the value that kanban-md prints."""
    fill(kanban)
    kanban("pick", "--claim", "ann", "--move", "in-progress")
    for shown in json.loads(kanban("list", "--json")):
        task = parse_task(Path(shown["file"]).read_text(), "p")
        assert isinstance(task, Task)
        assert task_object(task, shown["file"]) == shown
    config = parse_config((tmp_path / "board" / "config.yml").read_text(), "config.yml")
    assert not isinstance(config, Broken)
    assert config.names == ("backlog", "todo", "in-progress", "review", "done", "archived")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("yes", "title"),
        ("012", "title"),
        ("2024-01-01", "title"),
        ("0x1f", "title"),
        ("null", "assignee"),
        ("~", "assignee"),
        ("'null'", "assignee"),
        ("1.50", "title"),
        ("[a]", "title"),
        ("yes", "blocked"),
        ("Yes", "blocked"),
        ("on", "blocked"),
        ("'yes'", "blocked"),
        ("1", "blocked"),
        ("010", "parent"),
        ("08", "parent"),
        ("0o17", "parent"),
        ("0x1f", "parent"),
        ("1_0", "parent"),
        ("2.0", "parent"),
        ("'3'", "parent"),
        ("9223372036854775808", "parent"),
        ("[1, 2.0, ~]", "depends_on"),
        ("1", "depends_on"),
        ("a", "tags"),
        ("[a, 1, yes, ~]", "tags"),
        ("2024-01-01", "due"),
        ("2024-1-1", "due"),
        ("2024-02-30", "due"),
        ("2024-01-02", "started"),
        ("2024-1-2 3:04:05.10", "started"),
        ("2024-01-02T03:04:05.123456789+02:00", "started"),
        ("'2024-01-02T03:04:05Z'", "started"),
        ("'2024-01-02'", "started"),
        ("2024-01-02T03:04:05", "started"),
        ("soon", "started"),
        ("|\n  two\n  lines", "estimate"),
        ("&a x\nclass: *a", "estimate"),
        ("x\nestimate: y", "estimate"),
        ("'a\tb'", "estimate"),
        ("!!str 5", "estimate"),
        ("!!int '5'", "estimate"),
        ("!odd 5", "estimate"),
        ("*nobody", "estimate"),
        ("a: b", "estimate"),
        ("\u2028x", "estimate"),
        ("\x07", "estimate"),
    ],
)
def test_values_are_taken_as_its_decoder_takes_them(kanban: Kanban, tmp_path: Path, key: str, value: str) -> None:
    """What kanban-md refuses is broken for batty too; what it reads, batty reads the same."""
    pairs = {"id": "1", "title": "x", "status": "todo"} | {key: value}
    text = "---\n" + "".join(f"{name}: {written}\n" for name, written in pairs.items()) + "---\nbody\n"
    file = tmp_path / "board" / "tasks" / "001-x.md"
    file.write_text(text)
    listed = json.loads(kanban("list", "--json"))
    task = parse_task(text, "tasks/001-x.md")
    assert listed == ([task_object(task, str(file))] if isinstance(task, Task) else [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\n---\n",
        "---\nid: 1\n---",
        "no front matter\n",
        "\ufeff---\nid: 1\ntitle: x\nstatus: todo\n---\n",
        "---\r\nid: 1\r\ntitle: x\r\nstatus: todo\r\n---\r\n",
        "---\nid: 1\ntitle: x\nstatus: todo\n",
        "---\nid: 1\ntitle: x\nstatus: todo\n---",
        "---\nid: 1\ntitle: x\nstatus: todo\n---\n\n\n  body",
    ],
)
def test_fences_are_found_where_it_finds_them(kanban: Kanban, tmp_path: Path, text: str) -> None:
    """A file is a task for batty if and only if it is one for kanban-md."""
    file = tmp_path / "board" / "tasks" / "001-x.md"
    file.write_bytes(text.encode())
    task = parse_task(text, "tasks/001-x.md")
    assert json.loads(kanban("list", "--json")) == ([task_object(task, str(file))] if isinstance(task, Task) else [])


@pytest.mark.parametrize("form", ["--json", "--compact", "--table"])
@pytest.mark.parametrize("words", [["list"], ["board"], ["show", "1"], ["show", "3"], ["list", "--status", "todo"]])
def test_both_print_the_same(kanban: Kanban, tmp_path: Path, words: list[str], form: str) -> None:
    """For the same board the same output: JSON by value, text to the letter."""
    fill(kanban)
    kanban("move", "1", "in-progress", "--claim", "ann")
    kanban("move", "3", "done")
    theirs = kanban(*words, form)
    mine = ours(tmp_path / "board", *([] if words == ["board"] else words), form)
    assert (json.loads(mine) == json.loads(theirs)) if form == "--json" else (mine == theirs)


def test_picks_follow_its_order(kanban: Kanban, tmp_path: Path) -> None:
    """On a copy of the same board both hand out the same tasks in the same order, and then nothing."""
    fill(kanban)
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "board", copy)
    theirs = [json.loads(kanban("pick", "--claim", f"a{n}", "--json"))["id"] for n in range(4)]
    mine = [json.loads(ours(copy, "pick", "--claim", f"a{n}", "--json"))["id"] for n in range(4)]
    assert mine == theirs == [4, 3, 1, 5]
    kanban("pick", "--claim", "late", status=1)
    ours(copy, "pick", "--claim", "late", status=1)


def test_its_commands_go_on_from_ours(kanban: Kanban, tmp_path: Path) -> None:
    """kanban-md reads, refuses and moves what batty picked, claimed and moved, and repairs nothing."""
    fill(kanban)
    board = tmp_path / "board"
    said = ours(board, "pick", "--claim", "ann: 1 #", "--move", "in-progress", "--no-body")
    assert said == "Picked and moved task #4: sooner (backlog -> in-progress, claimed by ann: 1 #)\n"
    shown = json.loads(kanban("show", "4", "--json"))
    assert (shown["status"], shown["claimed_by"]) == ("in-progress", "ann: 1 #")
    assert shown["started"] == shown["claimed_at"] == shown["updated"]
    kanban("move", "4", "done", status=1)
    assert ours(board, "move", "4", "done", "--claim", "ann: 1 #") == "Moved task #4: in-progress -> done\n"
    assert json.loads(kanban("show", "4", "--json"))["completed"]
    assert kanban("move", "4", "review", "--claim", "ann: 1 #") == "Moved task #4: done -> review\n"
    assert "completed" not in json.loads(ours(board, "show", "4", "--json"))
    actions = [entry["action"] for entry in json.loads(kanban("log", "--json"))][-4:]
    assert actions == ["claim", "move", "move", "move"]


def test_ours_go_on_from_its_commands(kanban: Kanban, tmp_path: Path) -> None:
    """Files that kanban-md made read-only are moved; its claims count; its limits hold."""
    fill(kanban)
    board = tmp_path / "board"
    kanban("pick", "--claim", "ann", "--move", "in-progress")
    file = next((board / "tasks").glob("004-*"))
    assert file.stat().st_mode & 0o777 == 0o444
    done = CliRunner().invoke(command, ["move", "4", "done", "--dir", str(board)])
    assert getattr(done.exception, "code", None) == "task-claimed"
    ours(board, "move", "4", "done", "--claim", "ann")
    assert json.loads(kanban("show", "4", "--json"))["status"] == "done"
    kanban("edit", "1", "--class", "expedite")
    kanban("edit", "2", "--class", "expedite", status=0)
    kanban("move", "1", "todo", status=1)
    done = CliRunner().invoke(command, ["move", "1", "todo", "--dir", str(board)])
    assert getattr(done.exception, "code", None) == "wip-limit-exceeded"


@pytest.mark.parametrize("version", range(1, 13))
def test_configurations_of_all_versions(kanban: Kanban, tmp_path: Path, version: int) -> None:
    """Versions 1 to 11 are read as kanban-md migrates them; 12 is refused by both."""
    text = (
        f"version: {version}\nboard: {{name: old}}\ntasks_dir: tasks\nstatuses: [open, wip, closed]\n"
        "priorities: [low, high]\ndefaults: {status: open, priority: low}\nnext_id: 1\ntui: {title_lines: 2}\n"
    )
    file = tmp_path / "board" / "config.yml"
    file.write_text(text)
    before = parse_config(text, "config.yml")
    kanban("list", status=0 if version <= 11 else 1)
    after = parse_config(file.read_text(), "config.yml")
    if isinstance(before, Broken):
        assert version == 12
        assert before.line == 1
        assert "12" in before.problem
    else:
        assert not isinstance(after, Broken)
        assert (before.statuses, before.classes) == (after.statuses, after.classes)
        assert (before.claim_timeout, before.default_class) == (after.claim_timeout, after.default_class)
