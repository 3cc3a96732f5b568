"""Text of kanban/* -> Task, Phase, Board. A phase is a folder of kanban/ that is a kanban-md board.

Nothing that cannot be read disappears: it is named as `Broken`, and the phase it belongs to is not finished.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from batty_tmux.core import frontmatter
from batty_tmux.core.board_config import ARCHIVED, BoardConfig, Broken, ServiceClass, Status, parse_config
from batty_tmux.core.frontmatter import Fields, UnreadableError
from batty_tmux.core.tasks import Task, claimed, moved, over_limit, overdue, parse_task, pick, released
from batty_tmux.names import PhaseId, clean, natural, phase_id

__all__ = [
    "ARCHIVED",
    "Board",
    "BoardConfig",
    "Broken",
    "Phase",
    "ServiceClass",
    "Status",
    "Task",
    "claimed",
    "cycle",
    "moved",
    "over_limit",
    "overdue",
    "parse_board",
    "parse_config",
    "parse_phase",
    "parse_task",
    "pick",
    "released",
    "unknown_dependencies",
]

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_DEPENDS = re.compile(r"^[ \t>*+-]*\*\*Depends on(?::\*\*|\*\*[ \t]*:)(.*)$", re.MULTILINE | re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Phase:
    """One board. Paths of its tasks and of what is broken are relative to the phase's folder."""

    id: PhaseId
    title: str
    goal: str = ""
    depends_on: tuple[PhaseId, ...] = ()
    tasks: tuple[Task, ...] = ()
    broken: tuple[Broken, ...] = ()
    config: BoardConfig = BoardConfig()
    agent: str = ""
    paths: tuple[str, ...] = ()
    """Where its work belongs, as patterns of `gate_files`; () where PHASE.md does not say."""

    @property
    def done(self) -> int:
        """How many tasks are done; archived ones are not counted here nor in `total`."""
        return sum(task.status == self.config.done != ARCHIVED for task in self.tasks)

    @property
    def total(self) -> int:
        return sum(task.status != ARCHIVED for task in self.tasks)

    @property
    def finished(self) -> bool:
        """Whether there are tasks, all of them done or archived, and every file could be read."""
        over = all(self.config.is_terminal(task.status) for task in self.tasks)
        return bool(self.tasks) and over and not self.broken

    @property
    def current(self) -> Task | None:
        """The first task at work."""
        return next((task for task in self.tasks if task.status == self.config.working), None)


@dataclass(frozen=True)
class Board:
    """All phases, in natural order; `refused` are folders whose names cannot be a phase's."""

    phases: tuple[Phase, ...] = ()
    refused: tuple[Broken, ...] = ()

    def phase(self, name: str) -> Phase | None:
        return next((phase for phase in self.phases if phase.id == name), None)


class _Charter(NamedTuple):
    """What PHASE.md says. `depends_on` is None where only its prose can tell."""

    title: str
    goal: str
    depends_on: tuple[PhaseId, ...] | None
    broken: tuple[Broken, ...]
    agent: str = ""
    paths: tuple[str, ...] = ()


def parse_phase(
    id: PhaseId,  # noqa: A002 - the field's own name
    files: Mapping[str, str],
    known: Iterable[PhaseId] = (),
) -> Phase:
    """Read a phase from its files, whose paths are relative to its folder.

    `known` are the phases that exist: only their names count in a `**Depends on:**` line, which is prose.
    """
    broken: list[Broken] = []
    config = BoardConfig()
    if "config.yml" in files:
        read = parse_config(files["config.yml"], "config.yml")
        if isinstance(read, Broken):
            broken.append(read)
        else:
            config = read
    read_tasks = [parse_task(files[path], path) for path in sorted(files) if _is_task(path, config.tasks_dir)]
    tasks = sorted((task for task in read_tasks if isinstance(task, Task)), key=lambda task: task.id)
    broken.extend(task for task in read_tasks if isinstance(task, Broken))
    broken.extend(_nowhere(task, files[task.path]) for task in tasks if task.status not in {*config.names, ARCHIVED})
    charter = _charter(files.get("PHASE.md", ""), id)
    named = charter.depends_on
    depends_on = _named_in_prose(charter.goal, id, known) if named is None else named
    found = (*charter.broken, *broken)
    told = (charter.agent, charter.paths)
    return Phase(id, charter.title, charter.goal, depends_on, tuple(tasks), found, config, *told)


def _nowhere(task: Task, text: str) -> Broken:
    """Name a task whose status is no column of its board: nobody would ever pick it, and the phase never ends."""
    lines = enumerate(text.splitlines(), 1)
    line = next((number for number, words in lines if words.startswith("status:")), 1)
    return Broken(task.path, line, f"the board has no status {clean(task.status, 40)!r}")


def parse_board(files: Mapping[str, str]) -> Board:
    """Read all phases from the files of kanban/, whose paths are relative to it."""
    folders: dict[str, dict[str, str]] = {}
    for path, text in files.items():
        folder, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(folder, {})[rest] = text
    boards = {name: inside for name, inside in folders.items() if _is_board(inside)}
    known = {name: identity for name in boards if (identity := phase_id(name)) is not None}
    problem = "this folder's name cannot be a phase's: use A-Z a-z 0-9 . _ - and start with a letter or digit"
    phases = (parse_phase(known[name], boards[name], known.values()) for name in sorted(known, key=natural))
    refused = (Broken(name, 0, problem) for name in sorted(boards) if name not in known)
    return Board(tuple(phases), tuple(refused))


def cycle(phases: Iterable[Phase]) -> tuple[PhaseId, ...] | None:
    """Return phases that wait for each other, each for the next and the last for the first; else None."""
    try:
        TopologicalSorter({phase.id: phase.depends_on for phase in phases}).prepare()
    except CycleError as error:
        # named once at both ends, and from what is waited for to what waits
        return tuple(reversed(error.args[1][1:]))
    return None


def unknown_dependencies(phases: Iterable[Phase]) -> tuple[tuple[PhaseId, PhaseId], ...]:
    """Return each phase that names a dependency which does not exist, with that name."""
    everything = tuple(phases)
    known = {phase.id for phase in everything}
    return tuple((phase.id, name) for phase in everything for name in phase.depends_on if name not in known)


def _is_board(files: Mapping[str, str]) -> bool:
    return "config.yml" in files or any(path.startswith("tasks/") for path in files)


def _is_task(path: str, folder: str) -> bool:
    parent, _, name = path.rpartition("/")
    return parent == "/".join(part for part in folder.split("/") if part not in {"", "."}) and name.endswith(".md")


def _charter(text: str, phase: PhaseId) -> _Charter:
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not plain.startswith(frontmatter.OPENING):
        return _Charter(_heading(plain) or phase, plain.strip(), None, ())
    goal = plain
    try:
        parts = frontmatter.split(plain)
        goal = parts.body
        fields = frontmatter.fields(parts.head, 1)
        title = fields.string("title").strip() or _heading(goal) or phase
        depends_on = _depends_on(fields)
        agent = fields.string("agent").strip()
        paths = tuple(path.strip() for path in fields.strings("paths") if path.strip())
    except UnreadableError as error:
        broken = Broken("PHASE.md", error.line, error.problem)
        return _Charter(_heading(goal) or phase, goal.strip(), None, (broken,))
    return _Charter(title, goal.strip(), depends_on, (), agent, paths)


def _heading(text: str) -> str:
    match = _HEADING.search(text)
    return match[1] if match else ""


def _depends_on(fields: Fields) -> tuple[PhaseId, ...] | None:
    if "depends_on" not in fields:
        return None
    try:
        names = fields.strings("depends_on")
    except UnreadableError:
        names = tuple(fields.string("depends_on").split(","))
    found = []
    for name in (name.strip() for name in names if name.strip()):
        identity = phase_id(name)
        if identity is None:
            raise UnreadableError(fields.line("depends_on"), f"{name[:40]!r} cannot be the name of a phase")
        found.append(identity)
    return tuple(dict.fromkeys(found))


def _named_in_prose(text: str, phase: PhaseId, known: Iterable[PhaseId]) -> tuple[PhaseId, ...]:
    line = _DEPENDS.search(text)
    if line is None:
        return ()
    words = {word.rstrip(".-") for word in _WORD.findall(line[1])} | set(_WORD.findall(line[1]))
    return tuple(sorted((name for name in set(known) if name in words and name != phase), key=natural))
