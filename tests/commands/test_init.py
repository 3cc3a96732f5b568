"""`batty init` writes a first configuration and board, and never over anything."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batty_tmux.commands.init import command
from batty_tmux.config import describe, parse
from batty_tmux.config_tables import Agent, Config, Host, Policy
from batty_tmux.core.board import parse_board
from batty_tmux.core.starter import Guess, board_files, guess_gate, settings_text
from batty_tmux.drive.settings import settings, uncommitted
from batty_tmux.errors import BattyError
from batty_tmux.host.process import run
from batty_tmux.names import Base
from tests.support.repo import bare_repository

KEYS = [(key.key, key.default, key.meaning) for key in describe()]


def git(repo: Path, *words: str) -> str:
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    return run(("git", "-C", str(repo), *words), env=dates).check().stdout.strip()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = bare_repository(tmp_path, monkeypatch)
    git(folder, "commit", "-q", "--allow-empty", "-m", "start")
    return folder


def init(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(command, words, obj=folder, catch_exceptions=False)


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts}


def test_what_init_writes_counts_after_the_command_it_prints(repo: Path) -> None:
    (repo / "Makefile").write_text("test: all\n\ttrue\n")
    lines = init(repo).stdout.splitlines()
    assert {line.removeprefix("wrote ") for line in lines if line.startswith("wrote ")} == files(repo) - {"Makefile"}
    assert settings(repo, Base("main")).gate.command == ""
    run(("sh", "-c", lines[-1]), cwd=repo).check()
    assert settings(repo, Base("main")).gate.command == "make test"
    assert uncommitted(repo, Base("main")) == ()


def test_the_first_board_is_one_that_batty_reads_whole() -> None:
    board = parse_board(board_files(datetime(2026, 1, 1, tzinfo=UTC)))
    assert [(phase.id, phase.title, phase.depends_on, phase.broken) for phase in board.phases] == [
        ("phase-1", "Phase 1", (), ())
    ]
    assert [(task.id, task.status, task.created) for task in board.phases[0].tasks] == [
        (1, "backlog", "2026-01-01T00:00:00Z")
    ]
    assert board.phases[0].config.version == 11
    assert not board.refused


def test_the_written_file_is_valid_and_says_nothing_but_the_defaults() -> None:
    text = settings_text(KEYS, Guess())
    assert parse(text) == Config()
    assert all(f"# {meaning}" in text for _, _, meaning in KEYS)


def test_every_key_in_the_written_file_is_right_once_its_mark_is_taken_away() -> None:
    """What a reader takes the # from must be valid: each key under its own table, with its default."""
    text = settings_text(KEYS, Guess())
    bare = re.sub(r"^# (\[|[a-z]+ = )", r"\1", text, flags=re.MULTILINE).replace("agents.NAME", "agents.claude")
    tables = tomllib.loads(bare)
    assert {key: set(tables[key]) for key in ("run", "gate", "policy")} == {
        "run": {
            *("base", "parallel", "worktrees", "agent", "session", "layout"),
            *("setup", "provide", "cache", "links", "quota"),
        },
        "gate": {"command", "timeout", "setup", "keep", "files", "workers", "toolchain", "fetch"},
        "policy": {"mode", "set", "rule"},
    }
    rule = parse(bare).policy.rule[0]
    assert parse(bare) == Config(agents={"claude": Agent()}, policy=Policy(rule=(rule,)), hosts={"NAME": Host()})


def test_the_first_tables_order_is_that_of_the_contract() -> None:
    heads = [row for row in settings_text(KEYS, Guess()).splitlines() if row.lstrip("# ").startswith("[")]
    first = [
        "[run]",
        "# [agents.NAME]",
        "[gate]",
        "[review]",
        "[policy]",
        "# [[policy.rule]]",
        "[patience]",
        "[supervisor]",
        "[queue]",
        "[attention]",
        "# [hosts.NAME]",
    ]
    assert heads == first


@pytest.mark.parametrize(
    ("texts", "names", "command_"),
    [
        ({"Makefile": "all:\ntest : x\n"}, (), "make test"),
        ({"Makefile": "check:\n"}, (), "make check"),
        ({"Makefile": "test := 1\ntests:\n"}, (), ""),
        ({"package.json": '{"scripts": {"test": "vitest"}}'}, ("package-lock.json",), "npm test"),
        ({"package.json": '{"scripts": {"test": "vitest"}}'}, ("pnpm-lock.yaml",), "pnpm test"),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, (), ""),
        ({"package.json": '{"scripts": {"test": 3}}'}, (), ""),
        ({"package.json": '{"scripts": [' + "[" * 100_000}, (), ""),
        ({"package.json": "\ud800"}, (), ""),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, (), "python3 -m pytest"),
        ({"pyproject.toml": '[project.optional-dependencies]\ndev = ["pytest>=8"]'}, (), "python3 -m pytest"),
        ({"pyproject.toml": "[project]\n"}, (), ""),
        ({"setup.cfg": "[tool:pytest]\n"}, (), "python3 -m pytest"),
        ({"Cargo.toml": ""}, (), "cargo test"),
        ({"go.mod": ""}, (), "go test ./..."),
        ({"Makefile": "test:\n", "Cargo.toml": ""}, (), "make test"),
        ({}, (), ""),
    ],
)
def test_the_gate_is_guessed_from_what_is_there(texts: dict[str, str], names: tuple[str, ...], command_: str) -> None:
    gate = guess_gate(texts, names)
    assert gate.command == command_
    assert bool(gate.because) == bool(command_)
    config = parse(settings_text(KEYS, gate))
    assert (config.gate.command, config.gate.setup, config.gate.keep) == (gate.command, gate.setup, gate.keep)


def test_without_a_guess_the_file_says_that_a_gate_is_to_be_set(repo: Path) -> None:
    assert "set [gate] command" in init(repo).stdout
    assert "Nothing lands until this is set" in (repo / "batty.toml").read_text()


def test_boards_that_exist_stay_as_they_are(repo: Path) -> None:
    (repo / "kanban/mine").mkdir(parents=True)
    (repo / "kanban/mine/PHASE.md").write_text("mine\n")
    result = init(repo)
    assert files(repo) == {"batty.toml", "kanban/mine/PHASE.md"}
    assert "exists already" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("git add batty.toml && ")


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_nothing_is_written_when_there_is_a_batty_toml(repo: Path, kind: str) -> None:
    if kind == "file":
        (repo / "batty.toml").write_text("mine\n")
    else:
        (repo / "batty.toml").symlink_to(repo.parent / "elsewhere")
    with pytest.raises(BattyError) as caught:
        init(repo)
    assert (caught.value.code, bool(caught.value.next)) == ("exists", True)
    assert not (repo / "kanban").exists()
    assert not (repo.parent / "elsewhere").exists()


def test_it_writes_to_the_top_of_the_checkout_from_any_folder_in_it(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "deep").mkdir()
    monkeypatch.chdir(repo / "deep")
    CliRunner().invoke(command, [], catch_exceptions=False)
    assert (repo / "batty.toml").is_file()
    assert not list((repo / "deep").iterdir())


@pytest.mark.parametrize(("name", "code"), [("none", "no-repository"), ("empty", "no-commits")])
def test_it_refuses_where_no_work_could_start(repo: Path, name: str, code: str) -> None:
    folder = repo.parent / name
    folder.mkdir()
    if name == "empty":
        git(folder, "init", "-q", "-b", "main")
    with pytest.raises(BattyError) as caught:
        init(folder)
    assert (caught.value.code, bool(caught.value.next)) == (code, True)
    assert files(folder) == set()


def test_ignored_boards_are_committed_by_force_because_nothing_else_would(repo: Path) -> None:
    (repo / ".gitignore").write_text("kanban/\n")
    line = init(repo).stdout.splitlines()[-1]
    run(("sh", "-c", line), cwd=repo).check()
    assert "kanban/phase-1/PHASE.md" in git(repo, "ls-tree", "-r", "--name-only", "main")


def test_json_tells_the_same(repo: Path) -> None:
    told = json.loads(init(repo, "--json").stdout)
    assert set(told["wrote"]) == files(repo)
    assert told["next"].startswith("git add batty.toml kanban && git commit")
