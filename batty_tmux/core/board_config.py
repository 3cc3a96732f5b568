"""A board's columns and rules: what kanban-md keeps in config.yml, seen at its version 11.

Which status ends a task, which one asks for a claim and how long a claim lasts are read from here; older
versions get the defaults that kanban-md's own migrations give them.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from batty_tmux.core import frontmatter
from batty_tmux.core.frontmatter import Fields, UnreadableError

ARCHIVED = "archived"
NEWEST_VERSION = 11
_CLASSES_SINCE = 3
_ARCHIVE_SINCE = 6
_FEWEST_STATUSES = 2
_SPAN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Broken:
    """A file that cannot be read as what it should be; `line` counts from 1, and is 0 for a folder."""

    path: str
    line: int
    problem: str


@dataclass(frozen=True)
class Status:
    """A column of the board."""

    name: str
    require_claim: bool = False


@dataclass(frozen=True)
class ServiceClass:
    """A class of service; earlier ones are picked first."""

    name: str
    wip_limit: int = 0
    bypass_column_wip: bool = False


@dataclass(frozen=True)
class BoardConfig:
    """A board's config.yml. The defaults are those of `kanban-md init`; `claim_timeout` None means never."""

    name: str = ""
    version: int = NEWEST_VERSION
    tasks_dir: str = "tasks"
    statuses: tuple[Status, ...] = (
        Status("backlog"),
        Status("todo"),
        Status("in-progress", require_claim=True),
        Status("review", require_claim=True),
        Status("done"),
        Status(ARCHIVED),
    )
    priorities: tuple[str, ...] = ("low", "medium", "high", "critical")
    default_status: str = "backlog"
    default_priority: str = "medium"
    default_class: str = "standard"
    wip_limits: tuple[tuple[str, int], ...] = ()
    claim_timeout: timedelta | None = timedelta(hours=1)
    classes: tuple[ServiceClass, ...] = (
        ServiceClass("expedite", 1, bypass_column_wip=True),
        ServiceClass("fixed-date"),
        ServiceClass("standard"),
        ServiceClass("intangible"),
    )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(status.name for status in self.statuses)

    @property
    def columns(self) -> tuple[str, ...]:
        """The statuses that a board shows: all but the archive."""
        return tuple(name for name in self.names if name != ARCHIVED)

    @property
    def done(self) -> str:
        """The status that ends a task: the last column."""
        return self.columns[-1] if self.names[-1] == ARCHIVED and len(self.names) > 1 else self.names[-1]

    @property
    def working(self) -> str | None:
        """The status of a task at work: in-progress, or the first column that asks for a claim."""
        if "in-progress" in self.names:
            return "in-progress"
        return next((s.name for s in self.statuses if s.require_claim and not self.is_terminal(s.name)), None)

    def is_terminal(self, status: str) -> bool:
        return status in {ARCHIVED, self.done}

    def requires_claim(self, status: str) -> bool:
        return any(known.require_claim for known in self.statuses if known.name == status)

    def wip_limit(self, status: str) -> int:
        """Return how many tasks the column may hold, 0 for any number."""
        return dict(self.wip_limits).get(status, 0)


def parse_config(text: str, path: str) -> BoardConfig | Broken:
    """Read config.yml of any version up to 11, with the defaults that kanban-md's own migrations give it."""
    try:
        return _config(frontmatter.fields(text))
    except UnreadableError as error:
        return Broken(path, error.line, error.problem)


def _config(fields: Fields) -> BoardConfig:
    version = _version(fields)
    defaults = fields.section("defaults")
    config = BoardConfig(
        name=fields.section("board").string("name"),
        version=version,
        tasks_dir=fields.string("tasks_dir"),
        statuses=_statuses(fields, version),
        priorities=fields.strings("priorities"),
        default_status=defaults.string("status"),
        default_priority=defaults.string("priority"),
        default_class=defaults.string("class") or ("standard" if version < _CLASSES_SINCE else ""),
        wip_limits=_wip_limits(fields),
        claim_timeout=_claim_timeout(fields, version),
        classes=_classes(fields, version),
    )
    _check(config, fields)
    return config


def _version(fields: Fields) -> int:
    version = fields.integer("version") or 0
    if version > NEWEST_VERSION:
        problem = f"version {version} is newer than {NEWEST_VERSION}, the newest that batty reads"
        raise UnreadableError(fields.line("version"), problem)
    if version < 1:
        raise UnreadableError(fields.line("version"), "version is missing")
    return version


def _statuses(fields: Fields, version: int) -> tuple[Status, ...]:
    found = []
    for node, name in ((node, node.value) for node in fields.sequence("statuses")):
        if isinstance(name, str):
            found.append(Status(name))
        else:
            inner = fields.inside(node)
            found.append(Status(inner.string("name"), inner.flag("require_claim")))
    if version < _ARCHIVE_SINCE and all(status.name != ARCHIVED for status in found):
        found.append(Status(ARCHIVED))
    return tuple(found)


def _classes(fields: Fields, version: int) -> tuple[ServiceClass, ...]:
    found = []
    for inner in map(fields.inside, fields.sequence("classes")):
        limit = inner.integer("wip_limit") or 0
        found.append(ServiceClass(inner.string("name"), limit, inner.flag("bypass_column_wip")))
    return BoardConfig().classes if version < _CLASSES_SINCE and not found else tuple(found)


def _wip_limits(fields: Fields) -> tuple[tuple[str, int], ...]:
    limits = fields.section("wip_limits")
    return tuple((name, limits.integer(name) or 0) for name in limits.nodes)


def _claim_timeout(fields: Fields, version: int) -> timedelta | None:
    written = fields.string("claim_timeout") or ("1h" if version < _CLASSES_SINCE else "")
    if not written:
        return None
    spans = _SPAN.findall(written)
    if written.lstrip("+-") not in {"0", "".join(number + unit for number, unit in spans)}:
        problem = f"claim_timeout {written[:40]!r} is not a duration such as 1h30m"
        raise UnreadableError(fields.line("claim_timeout"), problem)
    try:
        length = timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in spans))
    except OverflowError:
        return None
    # a timeout of nothing or less means, to kanban-md, that claims do not expire
    return None if written.startswith("-") or not length else length


def _check(config: BoardConfig, fields: Fields) -> None:
    """Refuse what kanban-md refuses to load, and a tasks folder outside the board."""
    names, classes = config.names, [known.name for known in config.classes]
    parts = config.tasks_dir.split("/")
    problems = (
        ("board", not config.name, "board.name is missing"),
        ("tasks_dir", not config.tasks_dir, "tasks_dir is missing"),
        ("tasks_dir", ".." in parts or parts[0] == "", "tasks_dir leads out of the board"),
        ("statuses", len(names) < _FEWEST_STATUSES, "fewer than two statuses"),
        ("statuses", len(set(names)) < len(names), "a status is there twice"),
        ("priorities", not config.priorities, "no priorities"),
        ("priorities", len(set(config.priorities)) < len(config.priorities), "a priority is there twice"),
        ("defaults", config.default_status not in names, "the default status is none of the statuses"),
        ("defaults", config.default_priority not in config.priorities, "the default priority is unknown"),
        ("classes", "" in classes or len(set(classes)) < len(classes), "a class has no name, or is there twice"),
        ("defaults", bool(classes) and config.default_class not in {"", *classes}, "the default class is unknown"),
        ("wip_limits", any(name not in names for name, _ in config.wip_limits), "wip_limits: unknown status"),
        ("wip_limits", any(limit < 0 for _, limit in config.wip_limits), "a limit is below zero"),
        ("classes", any(known.wip_limit < 0 for known in config.classes), "a limit is below zero"),
    )
    for key, wrong, problem in problems:
        if wrong:
            raise UnreadableError(fields.line(key), problem)
