"""The documents of the checkout against the code: what they say exists does, and is as they say.

They are no part of the installed package, so these tests read them from the checkout: that of BATTY_CHECKOUT, else
the one that holds the tests.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import get_args

import click
import pytest

from batty_tmux.cli import COMMANDS, INTERNAL, batty
from batty_tmux.config import FILE, describe, parse
from batty_tmux.core.board import cycle, parse_board, unknown_dependencies
from batty_tmux.core.checks import MIN_GIT, MIN_PYTHON, MIN_TMUX
from batty_tmux.core.status import State
from batty_tmux.host.files import read_tree, share

CHECKOUT = Path(os.environ.get("BATTY_CHECKOUT") or Path(__file__).resolve().parents[1])
BOARDS = CHECKOUT / "kanban"
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("planning/**/*.md"), *CHECKOUT.glob("docs/**/*.md")])
LINKING = [*DOCUMENTS, *sorted(BOARDS.glob("*/PHASE.md"))]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_TEST = re.compile(r"^ *def (test_\w+)", re.MULTILINE)
_TABLES = "|".join(sorted({key.key.split(".")[0] for key in describe()}))
_SETTING = re.compile(rf"((?:{_TABLES})\.[a-z]+(?:\.[a-z]+)?)(?: = .*)?", re.DOTALL)
_OURS = {"batty", "batty-tmux", "bin/batty"}


def text_of(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def prose(text: str) -> str:
    return _FENCE.sub("", text)


def inline(text: str) -> list[str]:
    """Return the words in backquotes, also those that a line break divides."""
    return [" ".join(found.split()) for found in _CODE.findall(prose(text))]


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one."""
    after = text.partition(f"\n## {heading}\n")[2]
    assert after, f"no heading {heading}"
    return after.partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables in a text, without headings and lines."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = {at for at, row in enumerate(cells) if all(set(cell) <= {"-", ":"} and cell for cell in row)}
    return [row for at, row in enumerate(cells) if at not in rules and at + 1 not in rules]


def commands(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each command line of batty in a document, and whether it stands in a block, to be typed as it is."""
    text = path.read_text(encoding="utf-8")
    for language, block in _FENCE.findall(text):
        yield from ((line, True) for line in block.splitlines() if language == "sh")
    yield from ((code, False) for code in inline(text))


def words_of(line: str) -> list[list[str]]:
    """Return the calls of batty in a command line, without the program's name."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    calls, rest = [], words
    while rest:
        call = list(takewhile(lambda word: word not in {"&&", "||", "|", ";"}, rest))
        rest = rest[len(call) + 1 :]
        if call and call[0] in _OURS:
            calls.append(call[1:])
    return calls


CALLS = sorted({(name_of(p), shlex.join(c), t) for p in DOCUMENTS for line, t in commands(p) for c in words_of(line)})


def check_call(words: list[str], *, whole: bool) -> None:
    """Parse the words as batty would, without running anything. N stands for a number."""
    command: click.Command = batty
    rest = ["1" if word == "N" else word for word in words]
    parent = click.Context(batty, info_name="batty")
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(parent, rest[0])
        assert found is not None, f"no command {rest[0]!r} in {words}"
        command, rest = found, rest[1:]
    if isinstance(command, click.Group) and not rest:
        return
    try:
        command.make_context(command.name or "batty", rest, parent)
    except click.exceptions.Exit:
        # --help and --version end there
        return
    except click.UsageError as wrong:
        # in a sentence, a command is often named without what it works on
        if whole or not isinstance(wrong, click.MissingParameter):
            raise AssertionError(f"batty {shlex.join(words)}: {wrong.format_message()}") from wrong


def test_there_is_something_to_look_at() -> None:
    """An empty list would pass everything below."""
    assert {"README.md", "CLAUDE.md", "planning/architecture.md"} <= {name_of(path) for path in DOCUMENTS}
    assert len(CALLS) > 40
    assert sum(typed for _, _, typed in CALLS) > 10


@pytest.mark.parametrize("document", sorted({document for document, _, _ in CALLS}))
def test_every_command_of_batty_can_be_typed(document: str) -> None:
    """Commands, options, arguments and values exist, as click sees them."""
    for line, typed in ((line, typed) for name, line, typed in CALLS if name == document):
        check_call(shlex.split(line), whole=typed)


@pytest.mark.parametrize(
    "words", ["wrok all", "work all --paralel 3", "queue resolve", "review --merge --no", "land x"]
)
def test_the_check_of_commands_can_tell(words: str) -> None:
    """It fails for a wrong command, a wrong option, a missing and a superfluous argument."""
    with pytest.raises(AssertionError):
        check_call(words.split(), whole=True)


def test_the_readme_names_every_command() -> None:
    """A user finds each verb there."""
    told = {line.split()[0] for document, line, _ in CALLS if document == "README.md" and line}
    assert set(COMMANDS) <= told


def test_the_guide_is_short_and_has_its_second_name() -> None:
    """CLAUDE.md is a router; agents that look for AGENTS.md find the same file."""
    assert len(text_of("CLAUDE.md").splitlines()) <= 100
    assert (CHECKOUT / "AGENTS.md").is_symlink()
    assert (CHECKOUT / "AGENTS.md").readlink() == Path("CLAUDE.md")


def test_the_guides_map_is_of_this_place() -> None:
    """Every file and folder in its tables is there, from the root or from the package."""
    named = [
        word for word in inline(text_of("CLAUDE.md")) if re.fullmatch(r"[\w.-]*/[\w./-]*|[\w-]+\.(?:py|md|tmux)", word)
    ]
    missing = [name for name in named if not any((top / name).exists() for top in (CHECKOUT, CHECKOUT / "batty_tmux"))]
    assert len(named) > 30
    assert missing == []


@pytest.mark.parametrize("path", LINKING, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    """A relative link names a file, or a heading in one."""
    for target in _LINK.findall(prose(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        if anchor:
            assert anchor in {slug(heading) for heading in _HEADING.findall(there.read_text(encoding="utf-8"))}, target


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_pictures_are_there_and_say_what_they_show(path: Path) -> None:
    """For a reader who cannot see them, and in a clone without a network."""
    pictures = _IMAGE.findall(path.read_text(encoding="utf-8"))
    assert [target for words, target in pictures if not words or not (path.parent / target).is_file()] == []


def test_no_picture_lies_about() -> None:
    """Each is in a page: one that the bench no longer draws would go out of date unseen."""
    shown = {(page.parent / file).resolve() for page in DOCUMENTS for _, file in _IMAGE.findall(page.read_text())}
    assert shown == {path.resolve() for path in CHECKOUT.glob("docs/images/*")}
    assert shown


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_settings_that_are_named_exist(path: Path) -> None:
    """`queue.slots` is a key of batty.toml, and so is every other word of that form."""
    known = {key.key.replace("[]", "") for key in describe()}
    named = {found[1] for code in inline(path.read_text(encoding="utf-8")) if (found := _SETTING.fullmatch(code))}
    assert named - known == set()


def test_the_check_of_settings_can_tell() -> None:
    """It sees settings, also with a value."""
    assert all(_SETTING.fullmatch(code) for code in ("queue.slotz", 'queue.gate = "each"', "policy.rule.match"))


def test_the_page_of_the_queue_has_the_numbers_that_were_measured() -> None:
    """Gate runs of bursts with a known rate and one slot, as the bench keeps them."""
    kept = json.loads(text_of("bench/results/queue.json"))["runs"]
    wanted = {
        f"{run['rate']:g}": [f"{run[name]:.1f}" for name in ("bound", "searching", "confirming", "control", "halves")]
        for run in kept
        if run["known"] and run["slots"] == 1
    }
    told = rows(section(text_of("docs/queue.md"), "each, batch, slots"))
    assert len(told) == 3
    assert [row[1:6] for row in told] == [wanted[row[0]] for row in told]


def slug(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def test_our_own_boards_can_be_read_and_ordered() -> None:
    """No file is broken, no phase waits for one that is not there, none for itself."""
    board = parse_board(read_tree(BOARDS))
    assert {f"phase-{number}" for number in range(1, 6)} <= {phase.id for phase in board.phases}
    assert board.refused == ()
    assert [(phase.id, broken) for phase in board.phases for broken in phase.broken] == []
    assert unknown_dependencies(board.phases) == ()
    assert cycle(board.phases) is None


@pytest.mark.parametrize("folder", sorted(path.parent for path in BOARDS.glob("*/config.yml")), ids=name_of)
def test_our_own_boards_are_whole(folder: Path) -> None:
    """kanban-md's newest version of the format, tasks numbered once, next_id beyond them; a goal and a title."""
    phase = next(p for p in parse_board(read_tree(BOARDS)).phases if p.id == folder.name)
    config = (folder / "config.yml").read_text()
    numbers = [task.id for task in phase.tasks]
    assert config.startswith(f"version: 11\nboard:\n    name: {phase.id}\n")
    assert len(numbers) == len(set(numbers)) > 0
    assert config.endswith(f"\nnext_id: {max(numbers) + 1}\n")
    assert {task.status for task in phase.tasks} <= set(phase.config.names)
    assert all(Path(task.path).name.startswith(f"{task.id:03d}-") for task in phase.tasks)
    assert phase.title != phase.id
    assert "**Finished when**" in phase.goal


def test_kanban_mds_own_files_are_not_committed() -> None:
    """Its lock and its log change with every move, and would conflict at every landing."""
    assert {".lock", "activity.jsonl"} <= set((BOARDS / ".gitignore").read_text().split())


def test_our_own_settings_are_valid_and_gate_by_a_file_that_is_there() -> None:
    """What batty works on this repository with: its gate is a program of the checkout."""
    config = parse(text_of(FILE))
    assert os.access(CHECKOUT / config.gate.command.split()[0], os.X_OK)
    assert config.review.by == "human"


def test_the_glossary_has_exactly_the_states() -> None:
    """In the order in which a phase passes through them, as core/status.py lists them."""
    table = rows(section(text_of("planning/glossary.md"), "States"))
    assert [row[0] for row in table] == list(get_args(State))


def test_the_index_names_every_page_and_the_readme_names_the_index() -> None:
    """Nobody has to find one by its file; tests/test_reference.py holds what the reference says to the code."""
    named = set(_LINK.findall(text_of("docs/README.md")))
    pages = {path.relative_to(CHECKOUT / "docs").as_posix() for path in CHECKOUT.glob("docs/**/*.md")}
    assert pages - {"README.md"} <= named
    assert "docs/README.md" in _LINK.findall(text_of("README.md"))


def test_tests_that_a_page_names_exist() -> None:
    """A page that says which test holds a rule names one that is there."""
    there = {name for path in CHECKOUT.glob("tests/**/test_*.py") for name in _TEST.findall(path.read_text())}
    named = {code for page in DOCUMENTS for code in inline(page.read_text()) if re.fullmatch(r"test_\w+", code)}
    assert len(named) > 20
    assert named <= there


def bare(cell: str) -> str:
    return cell.strip("`")


def test_every_option_of_the_plugin_is_told_with_its_default() -> None:
    """The defaults are those of tmux/scripts/common.sh, and of menu.sh for what only the menu reads."""
    tmux = share() / "tmux"
    common, menu = ((tmux / "scripts" / name).read_text() for name in ("common.sh", "menu.sh"))
    options = plugin_rows("Options")
    told = {bare(row[0]): row[1] for row in options}
    kinds = re.findall(r"[a-z]+", re.findall(r"^kinds='(.*)'$", common, re.MULTILINE)[0])
    keys = dict(re.findall(r"^ +(menu|pause|unpause|\*)\) default=(\S+) ;;$", common, re.MULTILINE))
    expected = {"@batty-key": keys["menu"], "@batty-key-NAME": keys["*"]}
    expected |= {f"@batty-key-{kind}": keys[kind] for kind in ("pause", "unpause")}
    expected |= {
        f"@batty-{name}": re.findall(rf"wanted_{name}=\${{field:-(\w+)}}", common)[0] for name in ("status", "mouse")
    }
    expected |= {"@batty-parallel": re.findall(r"parallel=(\d+) ;;", menu)[0], "@batty-command": "empty"}
    assert {option: bare(default) for option, default in told.items()} == expected
    assert set(re.findall(r"@batty-[a-z]+", common + menu)) == {"@batty-key", *(o for o in expected if "key" not in o)}
    named = next(row[2] for row in options if bare(row[0]) == "@batty-key-NAME")
    assert set(re.findall(r"`(\w+)`", named)) == set(kinds) - {"menu", "pause", "unpause"}
    for placeholder in ("placeholder", "window_placeholder"):
        text = re.findall(rf"^{placeholder}='(.*)'$", common, re.MULTILINE)[0]
        assert text in inline(text_of(PLUGIN))


def test_the_keys_of_the_menu_are_told() -> None:
    """Every entry of the main menu, with the command that does the same."""
    menu = (share() / "tmux" / "scripts" / "menu.sh").read_text()
    main = menu.partition("\nmain_menu() {\n    is_set_up")[2].partition("\n}\n")[0].partition("look_around")[2]
    keys = re.findall(r"""["'] ([A-Za-z]) "\$\((?:does|opens)""", main)
    assert len(keys) > 12
    told = {bare(row[0]): row for row in plugin_rows("Keys")}
    assert set(told) == set(keys)
    commands = {word for row in told.values() for word in re.findall(r"`batty (\w+)", row[2])}
    assert commands <= {*COMMANDS, *INTERNAL}
    assert all("`batty " in row[2] for row in told.values())


PLUGIN = "docs/tmux.md"


def plugin_rows(heading: str) -> list[list[str]]:
    return rows(section(text_of(PLUGIN), heading))


def test_the_readme_asks_for_the_versions_that_doctor_asks_for() -> None:
    """One number in two places."""
    told = {row[0]: row[1] for row in rows(section(text_of("README.md"), "What it needs"))}
    for name, least in (("Python", MIN_PYTHON), ("tmux", MIN_TMUX), ("git", MIN_GIT)):
        assert told[name] == ".".join(map(str, least))


@pytest.mark.parametrize("path", sorted(CHECKOUT.glob("planning/decisions/*.md")), ids=lambda path: path.stem[:4])
def test_a_decision_says_why_what_and_what_it_cost(path: Path) -> None:
    """One page each, numbered."""
    text = path.read_text(encoding="utf-8")
    assert _HEADING.findall(text)[1:] == ["Context", "Decision", "What we gave up"]
    assert text.startswith(f"# {path.stem[:4]} ")
    assert len(text.splitlines()) <= 60
