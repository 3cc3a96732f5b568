"""`batty board`: the words and forms of kanban-md, atomic picks, and refusals that say what to type next."""

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batty_tmux.commands.board import command
from batty_tmux.errors import BattyError
from batty_tmux.host.process import run

CONFIG = """version: 11
board:
    name: Phase one
tasks_dir: tasks
statuses: [backlog, todo, {name: in-progress, require_claim: true}, done, archived]
priorities: [low, high]
defaults: {status: backlog, priority: low, class: standard}
wip_limits: {in-progress: 2}
claim_timeout: 1h
classes: [{name: expedite}, {name: standard}]
next_id: 9
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    folder = tmp_path / "kanban"
    (folder / "tasks").mkdir(parents=True)
    (folder / "config.yml").write_text(CONFIG)
    return folder


def add(board: Path, number: int, status: str = "todo", more: str = "", title: str = "Do a thing") -> Path:
    file = board / "tasks" / f"{number:03}-x.md"
    head = f"id: {number}\ntitle: {title}\nstatus: {status}\npriority: low\ncreated: 2026-01-02T03:04:05Z\n{more}"
    file.write_text(f"---\n{head}---\n\nText.\n")
    return file


def call(board: Path, *words: str, env: dict[str, str] | None = None) -> Result:
    place = [] if env else ["--dir", str(board)]
    return CliRunner().invoke(command, [*words, *place], env={"KANBAN_OUTPUT": "", "BATTY_BOARD": ""} | (env or {}))


def refused(result: Result) -> BattyError:
    assert isinstance(result.exception, BattyError), result.output
    return result.exception


def stamped(ago: timedelta) -> str:
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_board_without_a_config_is_worked_through_by_the_defaults(board: Path) -> None:
    """A phase is launched without it; then its agent can take its tasks and finish them."""
    (board / "config.yml").unlink()
    file = add(board, 1)
    assert call(board, "pick", "--claim", "one", "--move", "in-progress").exit_code == 0
    assert call(board, "move", "1", "done", "--claim", "one").exit_code == 0
    assert "status: done" in file.read_text()
    assert "Do a thing" in call(board, "list").output


class TestShowing:
    """The expected texts are what kanban-md 0.37 prints for the same board."""

    def test_summary(self, board: Path) -> None:
        add(board, 1, "in-progress", "claimed_by: ann\n")
        add(board, 2, more="blocked: true\ndue: 2020-01-01\nclass: expedite\n")
        add(board, 3, "archived")
        assert call(board, "--compact").stdout == (
            "Phase one (2 tasks)\n  backlog: 0\n  todo: 1 (1 blocked, 1 overdue)\n  in-progress: 1/2\n  done: 0\n"
            "Priority: low=2 high=0\n"
        )
        assert call(board).stdout == (
            "Phase one\nTotal: 2 tasks\n\n"
            "STATUS            COUNT      WIP  BLOCKED  OVERDUE\n"
            "backlog               0 --              0        0\n"
            "todo                  1 --              1        1\n"
            "in-progress           1 1/2             0        0\n"
            "done                  0 --              0        0\n\n"
            "PRIORITY          COUNT\nlow                   2\nhigh                  0\n\n"
            "CLASS             COUNT\nexpedite              1\nstandard              1\n"
        )
        assert json.loads(call(board, "--json").stdout)["statuses"][2] == {
            "status": "in-progress",
            "count": 1,
            "wip_limit": 2,
            "blocked": 0,
            "overdue": 0,
        }

    def test_list(self, board: Path) -> None:
        add(board, 1, "in-progress", "claimed_by: ann\ntags: [a, b]\n")
        add(board, 10, more="due: 2026-02-03\n", title="A title of more than forty-eight characters, which is cut")
        add(board, 3, "archived")
        assert call(board, "list", "--compact").stdout == (
            "#1 [in-progress/low] Do a thing @ann (a, b)\n"
            "#10 [todo/low] A title of more than forty-eight characters, which is cut due:2026-02-03\n"
        )
        lines = call(board, "list").stdout.splitlines()
        wide = 50
        assert lines[0] == f"ID   STATUS        PRIORITY   {'TITLE':<{wide}} CLAIMED   TAGS   DUE"
        assert lines[1] == f"1    in-progress   low        {'Do a thing':<{wide}} @ann      a,b    --"
        assert lines[2].endswith("characters, ...   --        --     2026-02-03")
        assert call(board, "list", "--archived", "--compact").stdout == "#3 [archived/low] Do a thing\n"
        assert call(board, "list", "--status", "done,review").stderr == "No tasks found.\n"
        assert json.loads(call(board, "list", "--status", "done", "--json").stdout) == []

    def test_show(self, board: Path) -> None:
        add(board, 1, "done", "started: 2026-01-02T03:04:05Z\ncompleted: 2026-01-03T05:09:05Z\ntags: [a]\n")
        assert call(board, "show", "1").stdout == (
            "Task #1: Do a thing\n───────────────────\n"
            "  Status:      done\n  Priority:    low\n  Assignee:    --\n  Tags:        a\n  Due:         --\n"
            "  Estimate:    --\n  Created:     2026-01-02 03:04\n  Updated:     0001-01-01 00:00\n"
            "  Started:     2026-01-02 03:04\n  Completed:   2026-01-03 05:09\n  Lead time:   1d 2h\n"
            "  Cycle time:  1d 2h\n\nText.\n\n"
        )
        assert call(board, "show", "1", "--compact").stdout == (
            "#1 [done/low] Do a thing (a)\n"
            "  created:2026-01-02 updated:0001-01-01 started:2026-01-02 completed:2026-01-03\n  Text.\n  \n"
        )

    @pytest.mark.parametrize("words", [["list"], ["list", "--compact"], ["show", "1"], ["pick", "--claim", "a"]])
    def test_nothing_obeys_a_title(self, board: Path, words: list[str]) -> None:
        """Escape sequences and line breaks in a title do not reach the terminal; bad bytes in a body do no harm."""
        file = add(board, 1, title='"a\\e]0;x\\a\\nb\\u202e"')
        file.write_bytes(file.read_bytes() + b"\x1b[2J\xff\n")
        out = call(board, *words).stdout
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "a]0;x b" in out
        assert "\ufffd" in json.loads(call(board, "show", "1", "--json").stdout)["body"]

    def test_broken_files_are_warned_of(self, board: Path) -> None:
        """The others are listed; asking for the broken one tells its line."""
        add(board, 1)
        add(board, 2, title="[")
        result = call(board, "list", "--compact")
        assert result.stdout == "#1 [todo/low] Do a thing\n"
        assert "Warning: skipping malformed file tasks/002-x.md:3: not YAML" in result.stderr
        error = refused(call(board, "show", "2"))
        assert (error.code, "002-x.md:3:" in error.evidence[0]) == ("task-unreadable", True)
        (board / "config.yml").write_text(CONFIG.replace("11", "12"))
        error = refused(call(board, "list"))
        assert (error.code, "config.yml:1: version 12" in error.evidence[0]) == ("board-unreadable", True)


class TestWhichBoard:
    def test_dir_then_environment_then_upwards(self, board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        add(board, 1)
        deep = board.parent / "a" / "b"
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)
        one = "#1 [todo/low] Do a thing\n"
        assert call(board, "list", "--compact", env={"X": ""}).stdout == one
        monkeypatch.chdir(board / "tasks")
        assert call(board, "list", "--compact", env={"X": ""}).stdout == one
        monkeypatch.chdir("/")
        assert call(board, "list", "--compact", env={"BATTY_BOARD": str(board)}).stdout == one
        error = refused(call(board, "list", env={"X": ""}))
        assert (error.code, "--dir" in error.what) == ("board-not-found", True)
        assert "BATTY_BOARD" in refused(call(board, "list", env={"BATTY_BOARD": str(deep)})).what
        assert refused(call(deep, "list")).code == "board-not-found"
        outer = CliRunner().invoke(command, ["--dir", str(board), "--compact", "list"])
        assert outer.stdout == one

    def test_tasks_outside_are_not_read(self, board: Path, tmp_path: Path) -> None:
        """A tasks folder that is a link out of the board is refused."""
        (board / "tasks").rmdir()
        (tmp_path / "other").mkdir()
        (board / "tasks").symlink_to("../other")
        assert refused(call(board, "list")).code == "board-unreadable"


class TestPick:
    def test_pick_and_move(self, board: Path) -> None:
        """The task is claimed, moved, stamped and logged; its file keeps its mode and everything else."""
        file = add(board, 1)
        file.chmod(0o444)
        before = file.read_text()
        said = call(board, "pick", "--claim", "ann", "--status", "todo", "--move", "in-progress", "--no-body").stdout
        assert said == "Picked and moved task #1: Do a thing (todo -> in-progress, claimed by ann)\n"
        assert file.stat().st_mode & 0o777 == 0o444
        added = ("updated:", "started:", "claimed_by:", "claimed_at:")
        after = [line for line in file.read_text().splitlines() if not line.startswith(added)]
        assert after == before.replace("status: todo", "status: in-progress").splitlines()
        log = [json.loads(line) for line in (board / "activity.jsonl").read_text().splitlines()]
        assert [(entry["action"], entry["task_id"], entry["detail"]) for entry in log] == [
            ("claim", 1, "ann"),
            ("move", 1, "todo -> in-progress"),
        ]

    def test_pick_prints_the_task(self, board: Path) -> None:
        add(board, 1)
        lines = call(board, "pick", "--claim", "ann").stdout.splitlines()
        assert lines[:3] == ["Picked task #1: Do a thing (todo, claimed by ann)", "", "Task #1: Do a thing"]
        add(board, 2)
        shown = json.loads(call(board, "pick", "--claim", "ann", "--json").stdout)
        assert (shown["id"], shown["claimed_by"], shown["file"]) == (2, "ann", str(board / "tasks" / "002-x.md"))

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["--claim", "ann"], "nothing-to-pick"),
            (["--claim", "ann", "--status", "none"], "invalid-status"),
            (["--claim", "ann", "--move", "none"], "invalid-status"),
            (["--claim", "  "], "invalid-claim"),
            (["--claim", "a\nstatus: done"], "invalid-claim"),
            (["--claim", "x" * 101], "invalid-claim"),
        ],
    )
    def test_refusals(self, board: Path, words: list[str], code: str) -> None:
        """Each says what to type next, and changes nothing."""
        file = add(board, 1, more="claimed_by: bob\n")
        before = file.read_bytes()
        error = refused(call(board, "pick", *words))
        assert error.code == code
        assert error.next.startswith("batty board")
        assert file.read_bytes() == before

    def test_a_full_column_takes_no_more(self, board: Path) -> None:
        for number in (1, 2):
            add(board, number, "in-progress", "blocked: true\n")
        add(board, 3)
        error = refused(call(board, "pick", "--claim", "ann", "--move", "in-progress"))
        assert (error.code, "2/2" in error.what) == ("wip-limit-exceeded", True)

    def test_eight_at_once_get_eight_tasks(self, board: Path) -> None:
        """However many processes pick at the same moment, no task is handed out twice."""
        for number in range(1, 9):
            add(board, number)
        program = "from batty_tmux.commands.board import command; command()"

        def one(agent: int) -> int:
            argv = [sys.executable, "-c", program, "pick", "--claim", f"agent-{agent}", "--json", "--dir", str(board)]
            return int(json.loads(run(argv, timeout=60).check().stdout)["id"])

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(one, range(8))) == list(range(1, 9))
        claims = [task["claimed_by"] for task in json.loads(call(board, "list", "--json").stdout)]
        assert sorted(claims) == [f"agent-{agent}" for agent in range(8)]
        assert len((board / "activity.jsonl").read_text().splitlines()) == 8


class TestMove:
    def test_moves(self, board: Path) -> None:
        """By name, forwards and backwards; moving to where it is changes nothing."""
        file = add(board, 1)
        assert call(board, "move", "1", "--next", "--claim", "ann").stdout == "Moved task #1: todo -> in-progress\n"
        assert call(board, "move", "1", "--prev", "--claim", "ann").stdout == "Moved task #1: in-progress -> todo\n"
        before = file.read_bytes()
        assert call(board, "move", "1", "todo", "--claim", "ann").stdout == "Task #1 is already at todo\n"
        assert file.read_bytes() == before
        shown = json.loads(call(board, "move", "1", "done", "--claim", "ann", "--json").stdout)
        assert (shown["status"], shown["changed"], "completed" in shown) == ("done", True, True)

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["1", "done"], "task-claimed"),
            (["1", "done", "--claim", "bob"], "task-claimed"),
            (["2", "in-progress"], "claim-required"),
            (["2", "none"], "invalid-status"),
            (["4", "--prev"], "boundary-error"),
            (["3", "--next"], "boundary-error"),
            (["9", "done"], "task-not-found"),
            (["x", "done"], "invalid-task-id"),
            ([",", "done"], "invalid-task-id"),
            (["2"], "invalid-input"),
            (["2", "done", "--claim", "\x1b"], "invalid-claim"),
        ],
    )
    def test_refusals(self, board: Path, words: list[str], code: str) -> None:
        """A claim by another that has not expired holds; a status may ask for one."""
        add(board, 1, more=f"claimed_by: ann\nclaimed_at: {stamped(timedelta(minutes=30))}\n")
        add(board, 2)
        add(board, 3, "archived")
        add(board, 4, "backlog")
        before = {file: file.read_bytes() for file in (board / "tasks").iterdir()}
        error = refused(call(board, "move", *words))
        assert error.code == code
        assert error.next
        assert {file: file.read_bytes() for file in (board / "tasks").iterdir()} == before

    def test_an_expired_claim_is_cleared(self, board: Path) -> None:
        """kanban-md forgets a claim older than claim_timeout when another moves the task."""
        file = add(board, 1, more=f"claimed_by: ann\nclaimed_at: {stamped(timedelta(minutes=61))}\n")
        call(board, "move", "1", "done")
        assert "claimed_" not in file.read_text()
        add(board, 2, more=f"claimed_by: ann\nclaimed_at: {stamped(timedelta(minutes=61))}\n")
        shown = json.loads(call(board, "move", "2", "in-progress", "--claim", "bob", "--json").stdout)
        assert shown["claimed_by"] == "bob"

    def test_several(self, board: Path) -> None:
        """Each is tried; those that fail are named, and the status says that not all went."""
        numbers: Iterable[int] = (1, 2)
        for number in numbers:
            add(board, number)
        result = call(board, "move", "1,2,1,9", "done")
        assert (result.exit_code, result.stdout) == (1, "Completed 2/3 operations\n")
        assert result.stderr == "Error: task #9: task not found: #9\n"
        results = json.loads(call(board, "move", "1,2", "todo", "--json").stdout)
        assert results == [{"id": 1, "ok": True}, {"id": 2, "ok": True}]

    def test_a_blocked_task_is_moved_with_a_warning(self, board: Path) -> None:
        add(board, 1, more="blocked: true\nblock_reason: waits\n")
        result = call(board, "move", "1", "done")
        assert (result.stdout, result.stderr) == (
            "Moved task #1: todo -> done\n",
            "Warning: task #1 is blocked (waits)\n",
        )

    def test_of_two_with_one_id_the_file_decides(self, board: Path) -> None:
        """As for kanban-md, the file that is named after the id is the task."""
        add(board, 1, title="other").rename(board / "tasks" / "000-other.md")
        add(board, 1)
        call(board, "move", "1", "done")
        assert "status: done" in (board / "tasks" / "001-x.md").read_text()
        assert "status: todo" in (board / "tasks" / "000-other.md").read_text()
