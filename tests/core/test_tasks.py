"""Tasks: what kanban-md's files say, which one is next, and edits that touch nothing else."""

import string
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batty_tmux.core.board import (
    BoardConfig,
    Broken,
    ServiceClass,
    Task,
    claimed,
    moved,
    over_limit,
    parse_config,
    parse_task,
    pick,
    released,
)
from batty_tmux.core.frontmatter import UnreadableError, patched, rfc3339, scalar, split
from batty_tmux.errors import BattyError

NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
TASK = """---
# kept
id: 7
title: 'Say: yes'
status:   todo   # why
priority:
tags:
    - a
    - b
# about what follows
odd: |
  two
  lines

depends_on: [1, 2]
---

# Body\r
status: not this one
---
"""


def task(number: int = 1, status: str = "todo", title: str = "x", more: str = "") -> str:
    return f"---\nid: {number}\ntitle: {title}\nstatus: {status}\n{more}---\n"


def read(text: str) -> Task:
    found = parse_task(text, "tasks/001-x.md")
    assert isinstance(found, Task), found
    return found


def broken(text: str) -> Broken:
    found = parse_task(text, "tasks/001-x.md")
    assert isinstance(found, Broken), found
    return found


class TestTasks:
    def test_every_field(self) -> None:
        """All that kanban-md writes is read, with the times to the nanosecond."""
        more = (
            "priority: high\ncreated: 2026-11-23T01:01:30.131404867Z\nupdated: 2026-1-2 3:04:05\n"
            'assignee: bob\ntags:\n    - a\n    - b\ndue: "2026-12-01"\nestimate: 4h\nparent: 1\n'
            "depends_on:\n    - 1\nblocked: true\nblock_reason: why\nclaimed_by: ann\n"
            "claimed_at: 2026-11-23T02:01:30.5+01:00\nclass: expedite\n"
        )
        assert read(task(2, more=more) + "\n\nbody\n") == Task(
            id=2,
            title="x",
            status="todo",
            priority="high",
            tags=("a", "b"),
            depends_on=(1,),
            claimed_by="ann",
            claimed_at=datetime(2026, 11, 23, 1, 1, 30, 500_000, tzinfo=UTC),
            blocked=True,
            body="body\n",
            path="tasks/001-x.md",
            block_reason="why",
            assignee="bob",
            due=date(2026, 12, 1),
            estimate="4h",
            parent=1,
            service_class="expedite",
            created="2026-11-23T01:01:30.131404867Z",
            updated="2026-01-02T03:04:05Z",
            claimed_since="2026-11-23T02:01:30.5+01:00",
        )

    @pytest.mark.parametrize("title", ["yes", "012", "2026-01-01", "0x1f", "1.5", "on", "'null'", '"~"'])
    def test_a_title_is_a_string(self, title: str) -> None:
        """Words that YAML takes for something else stay the words they are."""
        assert read(task(title=title)).title == title.strip("'\"")

    @pytest.mark.parametrize(
        ("text", "line", "problem"),
        [
            ("", 1, "empty"),
            ("words\n", 1, "does not start"),
            ("\ufeff" + task(), 1, "byte order mark"),
            (task().replace("\n", "\r\n"), 1, "CRLF"),
            ("---\nid: 1\n", 1, "not closed"),
            ("---\nid: 1\ntitle: x\n---\n", 2, "status is missing"),
            (task(0), 2, "id is missing"),
            (task(title="~"), 3, "title is missing"),
            (task(title="[a]"), 3, "where one value belongs"),
            (task(more="due: soon\n"), 5, "not a date"),
            (task(more="started: 2026-13-01\n"), 5, "not a time"),
            (task(more="blocked: perhaps\n"), 5, "neither true nor false"),
            (task(more="depends_on:\n    - 1\n    - x\n"), 7, "not a whole number"),
            (task(more="tags: a\n"), 5, "not a list"),
            (task(more="id: 2\n"), 5, "twice"),
            (task(more="x: 'open\n"), 5, "not YAML"),
            (task(more="x: *nobody\n"), 5, "undefined alias"),
            (task(more="\tx: 1\n"), 5, "not YAML"),
            (task(more="x: \0\n"), 5, "U+0000"),
            (task(more="x: \udcff\n"), 5, "not UTF-8"),
            (task(more="x: " + "[" * 5000 + "\n"), 5, "nest"),
            (task(more="x: " + "- " * 5000 + "\n"), 5, "not YAML"),
            (task(more="x: " + "a" * 70_000 + "\n"), 2, "more than 65536 characters"),
            ("---\n- 1\n---\n", 2, "not a mapping"),
            ("---\n!!python/object/apply:os._exit [3]\n---\n", 2, "not a mapping"),
        ],
    )
    def test_broken_files_are_named_with_their_line(self, text: str, line: int, problem: str) -> None:
        """What cannot be read is a value that says where and why; nothing is constructed, nothing crashes."""
        found = broken(text)
        assert (found.path, found.line) == ("tasks/001-x.md", line)
        assert problem in found.problem

    def test_hostile_yaml_costs_nothing(self) -> None:
        """Aliases that would multiply to 2^60 values are never expanded; a title may be long."""
        bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
        assert read(task(title="t" * 5000, more=bomb)).title == "t" * 5000
        assert "where one value belongs" in broken(task(more=bomb + "tags: *a59\n")).problem
        assert "where one value belongs" in broken(task(more="tags: &a [*a]\n")).problem

    @settings(max_examples=150, deadline=None)
    @given(st.text(alphabet=st.characters(codec=None), max_size=60))
    def test_no_front_matter_crashes(self, noise: str) -> None:
        """Any text at all is a task or is broken."""
        assert isinstance(parse_task(f"---\nid: 1\n{noise}\n---\n", "p"), Task | Broken)
        assert isinstance(parse_task(noise, "p"), Task | Broken)
        assert isinstance(parse_config(noise, "p"), BoardConfig | Broken)

    def test_a_time_keeps_what_it_was(self) -> None:
        """Fractions lose their trailing zeros, and nothing but an offset of zero becomes Z."""
        assert rfc3339("2026-1-2T3:4:5.100+00:00") == "2026-01-02T03:04:05.1Z"
        assert rfc3339("0001-01-01T00:00:00+14:00") == "0001-01-01T00:00:00+14:00"
        assert rfc3339("2026-02-30") is None


class TestPick:
    def test_order(self) -> None:
        """Class, then due among fixed dates, then priority, then id."""
        tasks = [
            Task(1, "x", "todo", "low"),
            Task(2, "x", "todo", "critical"),
            Task(3, "x", "backlog", "critical"),
            Task(4, "x", "todo", "low", service_class="fixed-date", due=date(2026, 5, 1)),
            Task(5, "x", "todo", "high", service_class="fixed-date"),
            Task(6, "x", "todo", "low", service_class="fixed-date", due=date(2026, 4, 1)),
            Task(7, "x", "todo", "low", service_class="expedite"),
            Task(8, "x", "todo", "critical", service_class="intangible"),
            Task(9, "x", "todo", "odd", service_class="odd"),
        ]
        order = []
        while (found := pick(tasks, BoardConfig(), NOW)) is not None:
            order.append(found.id)
            tasks.remove(found)
        assert order == [7, 6, 4, 5, 2, 3, 1, 9, 8]

    @pytest.mark.parametrize(
        ("candidate", "picked"),
        [
            (Task(1, "x", "done"), False),
            (Task(1, "x", "elsewhere"), False),
            (Task(1, "x", "todo", blocked=True), False),
            (Task(1, "x", "todo", depends_on=(2,)), False),
            (Task(1, "x", "todo", depends_on=(3, 4, 99)), True),
            (Task(1, "x", "todo", claimed_by="ann"), False),
            (Task(1, "x", "todo", claimed_by="ann", claimed_at=NOW - timedelta(minutes=59)), False),
            (Task(1, "x", "todo", claimed_by="ann", claimed_at=NOW - timedelta(minutes=61)), True),
        ],
    )
    def test_what_is_passed_over(self, candidate: Task, picked: bool) -> None:
        """Finished, blocked, waiting and claimed tasks; a dependency done, archived or missing is met."""
        others = [Task(2, "x", "review", blocked=True), Task(3, "x", "done"), Task(4, "x", "archived")]
        assert (pick([candidate, *others], BoardConfig(), NOW) == candidate) is picked

    def test_filters(self) -> None:
        tasks = [Task(1, "x", "todo", tags=("a",)), Task(2, "x", "backlog", tags=("b",)), Task(3, "x", "done")]
        picks = [pick(tasks, BoardConfig(), NOW, status) for status in ("backlog", "done", "review")]
        assert picks == [tasks[1], tasks[2], None]
        assert pick(tasks, BoardConfig(), NOW, tags=("b", "z")) == tasks[1]

    def test_limits_on_work_in_progress(self) -> None:
        """A class's limit counts the whole board, a column's the column; a class may pass over columns."""
        config = BoardConfig(wip_limits=(("review", 1),))
        full = Task(1, "x", "review")
        assert "1/1" in (over_limit(Task(2, "x", "todo"), "review", [full], config) or "")
        assert over_limit(full, "review", [full], config) is None
        urgent = Task(3, "x", "todo", service_class="expedite")
        assert over_limit(urgent, "review", [full, urgent], config) is None
        other = Task(4, "x", "done", service_class="expedite")
        assert "board-wide" in (over_limit(urgent, "review", [other, urgent], config) or "")
        free = BoardConfig(classes=(ServiceClass("expedite"),))
        assert over_limit(urgent, "review", [other], free) is None


class TestEdits:
    def test_a_move_changes_its_own_lines_only(self) -> None:
        """Comments, spacing, unknown keys, line ends and the body stay; new keys go to kanban-md's places."""
        wanted = TASK.replace("status:   todo ", "status:   in-progress ").replace(
            "priority:\n", "priority:\nupdated: 2026-01-02T03:04:05.6Z\n"
        )
        assert moved(TASK, "in-progress", NOW) == wanted

    def test_stamps(self) -> None:
        """Started once, on leaving the first status; completed at the end, and dropped on coming back."""
        begun = moved(task(status="backlog"), "todo", NOW)
        assert read(begun).started == "2026-01-02T03:04:05.6Z"
        later = NOW + timedelta(days=1)
        over = read(moved(begun, "done", later))
        assert (over.started, over.completed) == ("2026-01-02T03:04:05.6Z", "2026-01-03T03:04:05.6Z")
        again = read(moved(moved(begun, "done", later), "review", later))
        assert (again.started, again.completed, again.updated) == (begun and over.started, "", over.updated)
        straight = read(moved(task(), "archived", NOW))
        assert straight.started == straight.completed == "2026-01-02T03:04:05.6Z"

    def test_a_claim_and_its_release(self) -> None:
        """Releasing takes away exactly the lines that the claim added."""
        held = claimed(TASK, "ann: #1", NOW)
        assert (read(held).claimed_by, read(held).claimed_at) == ("ann: #1", NOW)
        assert released(held).replace("updated: 2026-01-02T03:04:05.6Z\n", "") == TASK
        assert released(TASK) == TASK

    @pytest.mark.parametrize(
        "head",
        [
            "{id: 1, title: x, status: todo}",
            "id: 1\ntitle: &a todo\nstatus: *a",
            "id: 1\n? title\n: x\nstatus: &a todo\nlast: *a",
        ],
    )
    def test_what_cannot_be_edited_by_line_is_refused(self, head: str) -> None:
        """Braces and aliases: rather an error than a change to another value."""
        with pytest.raises(BattyError) as refusal:
            moved(f"---\n{head}\n---\nbody\n", "done", NOW)
        assert refusal.value.code == "task-unreadable"
        with pytest.raises(BattyError):
            claimed("no task", "ann", NOW)

    @pytest.mark.parametrize(
        "written", ["'todo'", '"todo"', "|\n  todo", ">-\n  todo", "todo # c", "!!str todo", "&a todo"]
    )
    def test_every_way_to_write_a_value(self, written: str) -> None:
        text = f"---\nid: 1\nstatus: {written}\ntitle: x\n---\n\nbody"
        before, after = read(text), read(moved(text, "in-progress", NOW))
        assert (after.status, after.title, after.body) == ("in-progress", "x", before.body)

    @pytest.mark.parametrize("end", ["---\n", "---"])
    def test_the_last_line_of_the_block(self, end: str) -> None:
        """A key is added behind it and taken away again, whether or not the file ends there."""
        text = f"---\nid: 1\ntitle: x\nstatus: todo\n{end}"
        assert read(claimed(text, "a", NOW)).claimed_by == "a"
        assert patched(claimed(text, "a", NOW), {"updated": None, "claimed_by": None, "claimed_at": None}, ()) == text

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.text(alphabet=string.printable + "\u2028\x85é\U0001f600", max_size=40),
        st.text(alphabet=string.printable + "\u2028é\U0001f600", max_size=20),
        st.sampled_from(["backlog", "in-progress", "done", "archived", "null", "yes", "7", "a: b", "#", "'"]),
    )
    def test_nothing_else_changes(self, noise: str, agent: str, status: str) -> None:
        """Every line that an edit does not name is there afterwards, in its order; or the edit is refused."""
        text = f"---\nid: 1\ntitle: x\nodd: {noise}\nstatus: backlog\ntags: [a]\n---\n{noise}\n"
        if isinstance(parse_task(text, "p"), Broken):
            return
        try:
            result = claimed(moved(text, status, NOW), agent, NOW)
        except BattyError:
            return
        assert (read(result).status, read(result).claimed_by) == (status, agent)
        assert read(result).body == read(text).body
        added = ("status:", "updated:", "started:", "completed:", "claimed_by:", "claimed_at:")
        kept = [line for line in split(result).head.split("\n") if not line.startswith(added)]
        assert kept == [line for line in split(text).head.split("\n") if not line.startswith(added)]

    @pytest.mark.parametrize(
        "value", ["yes", "null", "", "~", "12", "0x1", "a: b", "- a", "#", "*a", "é", "\x01", "x\ty"]
    )
    def test_a_value_is_written_so_that_it_is_read_back(self, value: str) -> None:
        assert read(task(more=f"estimate: {scalar(value)}\n")).estimate == value

    def test_a_patch_is_verified(self) -> None:
        """A value that YAML would fold is refused, not written."""
        with pytest.raises(UnreadableError):
            patched(TASK, {"status": "a\x85b"}, ())
