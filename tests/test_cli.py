"""What scripts rely on: commands, exit codes, the shape of errors, and what goes to which stream."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from batty_tmux import cli
from batty_tmux.cli import BUG, COMMANDS, INTERNAL, INTERRUPTED, USAGE
from batty_tmux.errors import BattyError, CommandFailed, UsageError
from tests.support.made_up import secrets

REFUSAL = BattyError("some-code", "the branch x is gone", evidence=("line 1", "line 2"), next="batty log")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["batty", *arguments])
    return cli.main()


def ending(monkeypatch: pytest.MonkeyPatch, outcome: "BaseException | int | None") -> None:
    """Have `batty log` end in a given way."""

    @click.command()
    @click.option("--json", "json_", is_flag=True)
    def command(json_: bool) -> int | None:
        click.echo("the answer")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(import_module("batty_tmux.commands.log"), "command", command)


# --- help


@pytest.mark.parametrize("name", [*COMMANDS, *INTERNAL])
def test_every_command_has_a_module_and_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its help says how it is called."""
    command = import_module(f"batty_tmux.commands.{name}").command
    assert isinstance(command, click.Command)
    assert call(monkeypatch, name, "--help") == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"Usage: batty {name}")
    assert told.err == ""
    assert (command.help or "").strip()


def of_people(path: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """Yield a command and those below it, each with its help on a terminal of 80 columns."""
    context = click.Context(command, info_name=path, terminal_width=80)
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from of_people(f"{path} {name}", inner)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_is_one_screen_with_an_example(name: str) -> None:
    """Of 24 rows, for each command that people type, and those below it; the example names the command."""
    command = import_module(f"batty_tmux.commands.{name}").command
    for path, told in of_people(f"batty {name}", command):
        assert len(told.splitlines()) <= 24, path
        assert any(line.startswith(f"    {path}") for line in told.splitlines()), path


def test_every_module_of_a_command_is_offered() -> None:
    """And no name is offered twice."""
    folder = Path(str(import_module("batty_tmux.commands").__file__)).parent
    modules = {p.stem for p in folder.glob("*.py") if "\ndef command(" in p.read_text()}
    assert modules == set(COMMANDS) | set(INTERNAL)
    assert not set(COMMANDS) & set(INTERNAL)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each on a line with its first words, without importing any."""
    assert call(monkeypatch, option) == 0
    told = capsys.readouterr().out
    for name, words in {**COMMANDS, **INTERNAL}.items():
        assert any(line.split()[:2] == [name, words.split()[0]] for line in told.splitlines()), name


@pytest.mark.parametrize("name", ["queue", "board", "hook"])
def test_every_subcommand_has_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of what it does."""
    group = import_module(f"batty_tmux.commands.{name}").command
    assert isinstance(group, click.Group)
    assert group.commands
    for word, command in group.commands.items():
        assert call(monkeypatch, name, word, "--help") == 0
        assert (command.help or "").strip(), word
    capsys.readouterr()


# --- exit codes


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (None, 0),
        (0, 0),
        (1, 1),
        (REFUSAL, 1),
        (CommandFailed(("git", "fsck"), 1, "", "broken"), 1),
        (UsageError("no-phase", "no phase is called x"), USAGE),
        (click.UsageError("no"), USAGE),
        (click.BadParameter("no"), USAGE),
        (RuntimeError("a bug"), BUG),
        (AssertionError(), BUG),
        (KeyboardInterrupt(), INTERRUPTED),
        (click.exceptions.Abort(), INTERRUPTED),
        (click.exceptions.Exit(1), 1),
    ],
    ids=repr,
)
def test_how_a_command_ends_is_its_exit_status(
    outcome: "BaseException | int | None",
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """0 done, 1 refused, 2 usage, 3 a bug, 130 interrupted; and the answer it gave before stays on stdout alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ending(monkeypatch, outcome)
    assert call(monkeypatch, "log") == status
    assert capsys.readouterr().out == "the answer\n"


@pytest.mark.parametrize("arguments", [("nonsense",), ("log", "--nonsense"), ("-C", "/nonexistent", "log"), ("work",)])
def test_a_wrong_command_line_is_2_and_told_on_stderr(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was wrong."""
    assert call(monkeypatch, *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Error: " in told.err


@pytest.mark.parametrize(("typed", "meant"), [("wrok", "work"), ("stauts", "status"), ("que", "queue")])
def test_a_mistyped_command_names_the_nearest(
    typed: str, meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is near nothing names nothing."""
    assert call(monkeypatch, typed, "all") == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err
    assert call(monkeypatch, "zzzzzz") == 2
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("log", "--json", "--nonsense"), ("wrok", "--json"), ("work", "--json")])
def test_a_wrong_command_line_for_programs_has_the_shape_of_errors(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stdout, with status 2."""
    assert call(monkeypatch, *arguments) == 2
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert (set(error), error["code"], told.err) == ({"code", "message", "next"}, "usage", "")
    assert error["message"]
    assert error["next"].startswith("batty ")


def test_a_refusal_is_told_in_three_parts_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, the evidence, the next command last."""
    ending(monkeypatch, REFUSAL)
    call(monkeypatch, "log")
    assert capsys.readouterr().err.splitlines() == [
        "✗ the branch x is gone",
        "  line 1",
        "  line 2",
        "↳ next: batty log",
    ]


@pytest.mark.parametrize("refusal", [REFUSAL, UsageError("some-code", "the branch x is gone", next="batty log")])
def test_a_refusal_for_programs_has_a_shape(
    refusal: BattyError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stdout, as the answer that it is."""
    ending(monkeypatch, refusal)
    assert call(monkeypatch, "log", "--json") == refusal.exit_code
    told = capsys.readouterr()
    assert json.loads(told.out.removeprefix("the answer\n")) == {
        "error": {"code": "some-code", "message": "the branch x is gone", "next": "batty log"}
    }
    assert told.err == ""


def test_a_bug_leaves_a_log_that_can_be_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The traceback is in the file that stderr names, and not on the screen."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ending(monkeypatch, RuntimeError("something odd"))
    assert call(monkeypatch, "log") == 3
    told = capsys.readouterr().err
    (log,) = tmp_path.glob("batty-bug-*.log")
    assert str(log) in told
    assert "something odd" in told
    assert "Traceback" not in told
    assert "Traceback" in log.read_text()
    assert "argv batty log\n" in log.read_text()


def test_the_log_of_a_bug_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Neither of its words nor of the command line."""
    token = next(secret.value for secret in secrets(5) if secret.name == "github classic")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ending(monkeypatch, RuntimeError(f"git clone https://me:{token}@host failed"))
    (tmp_path / token).mkdir()
    assert call(monkeypatch, "-C", str(tmp_path / token), "log") == 3
    (log,) = tmp_path.glob("batty-bug-*.log")
    assert token not in log.read_text()
    assert log.read_text().count("[redacted:") >= 2
    assert "RuntimeError" in log.read_text()


# --- as a program


def batty(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "batty_tmux", *arguments]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    """Status 1, nothing on stdout, and a command to go on with."""
    done = batty("status", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("✗ ")
    assert done.stderr.splitlines()[-1].startswith("↳ next: ")


def test_outside_a_repository_it_says_so_to_programs(tmp_path: Path) -> None:
    """The same, in the shape of errors."""
    done = batty("status", "--json", folder=tmp_path)
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"code", "message", "next"}
    assert all(error.values())


def test_a_reader_that_leaves_is_no_bug(tmp_path: Path) -> None:
    """`batty ... | head -1`."""
    line = f"'{sys.executable}' -m batty_tmux --help | true; '{sys.executable}' -m batty_tmux --version"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("batty")
    assert done.stderr == ""


@pytest.mark.parametrize("words", [("--help",), ("config",)])
def test_writing_to_a_reader_that_has_left_is_a_success(words: tuple[str, ...], tmp_path: Path) -> None:
    """`batty log | head -1` in a script with pipefail: what was wanted was read."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=tmp_path, check=True, timeout=60)
    (tmp_path / "batty.toml").write_text("")
    for line in (["add", "batty.toml"], ["commit", "--quiet", "--message", "Start"]):
        subprocess.run(["git", *line], cwd=tmp_path, check=True, timeout=60)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        argv = [sys.executable, "-m", "batty_tmux", *words]
        done = subprocess.run(
            argv, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
