"""Phases and boards: which folders are phases, what their files say, and what is broken in them."""

import itertools
from datetime import timedelta

import pytest

from batty_tmux.core.board import (
    Board,
    BoardConfig,
    Broken,
    Phase,
    Status,
    cycle,
    parse_board,
    parse_config,
    parse_phase,
    unknown_dependencies,
)
from batty_tmux.names import PhaseId

CONFIG = "version: 11\nboard: {name: p}\ntasks_dir: tasks\nstatuses: [a, b, archived]\npriorities: [low]\n"
CONFIG += "defaults: {status: a, priority: low}\nnext_id: 1\n"


def task(number: int = 1, status: str = "todo", title: str = "x", more: str = "") -> str:
    return f"---\nid: {number}\ntitle: {title}\nstatus: {status}\n{more}---\n"


class TestConfig:
    def test_old_boards_get_what_migrations_give(self) -> None:
        """A board of version 1 has an archive, the usual classes and an hour for a claim."""
        config = parse_config(CONFIG.replace("11", "1").replace(", archived", ""), "config.yml")
        assert isinstance(config, BoardConfig)
        assert (config.names, config.done) == (("a", "b", "archived"), "b")
        assert (config.claim_timeout, config.default_class) == (timedelta(hours=1), "standard")
        assert config.classes == BoardConfig().classes

    def test_statuses_are_words_or_mappings(self) -> None:
        text = CONFIG.replace("[a, b,", "[a, {name: b, require_claim: true},") + "claim_timeout: 1h30m\n"
        config = parse_config(text, "config.yml")
        assert isinstance(config, BoardConfig)
        assert config.statuses == (Status("a"), Status("b", require_claim=True), Status("archived"))
        assert config.claim_timeout == timedelta(minutes=90)
        assert config.classes == ()

    @pytest.mark.parametrize(
        ("old", "new", "line", "problem"),
        [
            ("version: 11", "version: 12", 1, "version 12 is newer"),
            ("version: 11\n", "", 1, "version is missing"),
            ("{name: p}", "{}", 2, "board.name"),
            ("dir: tasks", "dir: ../..", 3, "leads out"),
            ("dir: tasks", "dir: /etc", 3, "leads out"),
            ("[a, b, archived]", "[a, a]", 4, "twice"),
            ("[a, b, archived]", "[a]", 4, "fewer"),
            ("[low]", "[]", 5, "no priorities"),
            ("status: a", "status: z", 6, "none of the statuses"),
            ("next_id: 1", "claim_timeout: soon", 7, "not a duration"),
            ("next_id: 1", "wip_limits: {z: 1}", 7, "unknown status"),
        ],
    )
    def test_refusals_name_the_line(self, old: str, new: str, line: int, problem: str) -> None:
        """What kanban-md would not load is refused, and a board never leads out of its folder."""
        found = parse_config(CONFIG.replace(old, new), "config.yml")
        assert isinstance(found, Broken)
        assert found.line == line
        assert problem in found.problem

    def test_what_ends_a_task(self) -> None:
        """The archive and the status before it; the last status of a board without an archive."""
        assert [name for name in BoardConfig().names if BoardConfig().is_terminal(name)] == ["done", "archived"]
        own = BoardConfig(statuses=(Status("a"), Status("b")))
        assert (own.is_terminal("b"), own.is_terminal("a"), own.is_terminal("archived")) == (True, False, True)


class TestPhases:
    def test_a_phase(self) -> None:
        """Tasks in order of id, done and total without the archive, the first one at work."""
        files = {
            "PHASE.md": "# The goal\n\nWords.\n",
            "tasks/010-j.md": task(10, "in-progress"),
            "tasks/002-b.md": task(2, "done"),
            "tasks/003-c.md": task(3, "archived"),
            "tasks/deeper/004-d.md": "not a task",
            "tasks/notes.txt": "not a task",
        }
        phase = parse_phase(PhaseId("phase-1"), files)
        assert [found.id for found in phase.tasks] == [2, 3, 10]
        assert (phase.title, phase.done, phase.total, phase.finished) == ("The goal", 1, 2, False)
        assert phase.current is not None
        assert phase.current.id == 10
        assert phase.goal == "# The goal\n\nWords."

    def test_finished(self) -> None:
        """All done or archived, at least one task, and every file readable."""
        over = {"tasks/001-a.md": task(1, "done"), "tasks/002-b.md": task(2, "archived")}
        assert parse_phase(PhaseId("p"), over).finished
        assert not parse_phase(PhaseId("p"), {"config.yml": CONFIG}).finished
        half = parse_phase(PhaseId("p"), over | {"tasks/003-c.md": task(3, "done", title="[")})
        assert not half.finished
        assert (half.done, half.broken[0].path, half.broken[0].line) == (1, "tasks/003-c.md", 3)
        assert not parse_phase(PhaseId("p"), over | {"config.yml": "version: 99\n"}).finished

    def test_a_task_in_no_column_is_broken(self) -> None:
        """Nobody would pick it, so the phase would never end: its line is told. The archive is always there."""
        files = {"config.yml": CONFIG.replace(", archived", "").replace("11", "1"), "tasks/001-a.md": task(1, "b")}
        assert parse_phase(PhaseId("p"), files | {"tasks/002-b.md": task(2, "archived")}).broken == ()
        phase = parse_phase(PhaseId("p"), files | {"tasks/002-b.md": task(2, "tood")})
        assert phase.broken == (Broken("tasks/002-b.md", 4, "the board has no status 'tood'"),)
        assert not phase.finished

    def test_the_last_column_ends_a_task_whatever_its_name(self) -> None:
        files = {"config.yml": CONFIG, "tasks/001-a.md": task(1, "b")}
        phase = parse_phase(PhaseId("p"), files)
        assert (phase.done, phase.finished) == (1, True)

    def test_title_and_dependencies_in_front_matter(self) -> None:
        """Front matter comes before headings; names there are kept whether or not such a phase exists."""
        for written in ("[phase-1, nowhere]", "phase-1, nowhere", "\n    - phase-1\n    - nowhere"):
            text = f"---\ntitle: 'Own: title'\ndepends_on: {written}\n---\n# Other\n**Depends on:** phase-3\n"
            phase = parse_phase(PhaseId("phase-2"), {"PHASE.md": text}, (PhaseId("phase-1"), PhaseId("phase-3")))
            assert (phase.title, phase.depends_on) == ("Own: title", ("phase-1", "nowhere"))

    @pytest.mark.parametrize(
        ("line", "names"),
        [
            ("**Depends on:** phase-1, phase-2.5.", ("phase-1", "phase-2.5")),
            ("- **depends on**: (phase-1) and phase-99", ("phase-1",)),
            ("**Depends on:** Phase 1 (the core)", ()),
            ("**Depends on:** phase-10", ()),
            ("**Depends on:** phase-3", ()),
            ("Depends on phase-1", ()),
        ],
    )
    def test_dependencies_in_prose(self, line: str, names: tuple[str, ...]) -> None:
        """In a sentence only the exact names of other existing phases count."""
        known = (PhaseId("phase-1"), PhaseId("phase-2.5"), PhaseId("phase-3"))
        assert parse_phase(PhaseId("phase-3"), {"PHASE.md": f"# x\n{line}\n"}, known).depends_on == names

    @pytest.mark.parametrize(
        ("head", "line"),
        [("title: x\ndepends_on: ['../up']", 3), ("title: [", 2), ("title: x\ndepends_on: {a: b}", 3), ("- x", 2)],
    )
    def test_a_bad_phase_file_is_named(self, head: str, line: int) -> None:
        """Its line is told, and what else it says is kept."""
        phase = parse_phase(PhaseId("p"), {"PHASE.md": f"---\n{head}\n---\n# Goal\n", "tasks/001-a.md": task()})
        assert [(bad.path, bad.line) for bad in phase.broken] == [("PHASE.md", line)]
        assert (phase.title, phase.goal, len(phase.tasks)) == ("Goal", "# Goal", 1)


class TestBoard:
    def test_phases_in_natural_order_and_refused_names(self) -> None:
        """Folders with a config.yml or tasks are phases; a board at the top is not one."""
        files = dict.fromkeys(["config.yml", "tasks/001-x.md", "README.md", "notes/a.md"], "x")
        files |= dict.fromkeys(["phase-10/config.yml", "phase-2/config.yml", "phase-2.5/config.yml"], CONFIG)
        files |= {"a b/config.yml": CONFIG, "..up/tasks/001-x.md": task(), "#(x)/config.yml": CONFIG}
        board = parse_board(files)
        assert [phase.id for phase in board.phases] == ["phase-2", "phase-2.5", "phase-10"]
        assert [(bad.path, bad.line) for bad in board.refused] == [("#(x)", 0), ("..up", 0), ("a b", 0)]
        assert board.phase("phase-10") == board.phases[2]
        assert parse_board({}) == Board()

    def test_cycles_and_unknown_names(self) -> None:
        """A cycle is named as a chain; a diamond is none, however many ways lead through it."""
        waits = {"a": ("b",), "b": ("c",), "c": ("a", "gone"), "d": ("a",)}
        phases = [Phase(PhaseId(name), name, depends_on=tuple(map(PhaseId, on))) for name, on in waits.items()]
        found = cycle(phases)
        assert found is not None
        assert set(found) == {"a", "b", "c"}
        assert all(after in waits[before] for before, after in itertools.pairwise((*found, found[0])))
        assert unknown_dependencies(phases) == (("c", "gone"),)
        itself = Phase(PhaseId("a"), "a", depends_on=(PhaseId("a"),))
        assert cycle([itself]) == ("a",)

    def test_many_ways_are_no_cycle(self) -> None:
        layers = [
            Phase(PhaseId(f"l{n}{side}"), "", depends_on=(PhaseId(f"l{n - 1}a"), PhaseId(f"l{n - 1}b")))
            for n in range(60)
            for side in "ab"
        ]
        assert cycle(layers) is None
