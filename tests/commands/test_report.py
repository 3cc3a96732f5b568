"""`batty report`: where the page goes, what is printed, and an exit status that tells whether all of it is proved."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batty_tmux.commands.report import command
from batty_tmux.core.events import Answered, Event, GateFinished, Prompted, RunStarted
from batty_tmux.core.report import explain
from batty_tmux.drive import hooks
from batty_tmux.drive.evidence import evidence
from batty_tmux.errors import BattyError
from batty_tmux.names import PhaseId, RunId
from tests.support.desk import Desk
from tests.support.lander import RUN
from tests.support.repo import Repo

Reporter = Callable[..., Result]
SECRET = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """One phase has landed; another was asked something and is red."""
    monkeypatch.setattr(hooks, "detach", lambda *_args, **_more: None)
    made = Desk.make(tmp_path, "one", "two")
    made.land("one", {"one": "1"})
    made.launch("two", {"broken": "x"})
    who = {"run": RUN, "phase": PhaseId("two"), "key": "1-k"}
    asked = Prompted(**who, kind="confirm", question="Break it?", reason="no rule answers this")  # type: ignore[arg-type]
    made.lander.write(asked, Answered(**who, by="person", answer="y"))  # type: ignore[arg-type]
    made.approve("two")
    made.lander.land()
    return made


def report(folder: Path, *words: str) -> Result:
    """Run `batty report` with these words; a refusal is told on stderr, as the command line tells it."""
    result = CliRunner().invoke(command, words, obj=folder, standalone_mode=False)
    if isinstance(result.exception, BattyError):
        result.stderr_bytes = "\n".join(explain(result.exception)).encode()
        result.exit_code = result.exception.exit_code
    elif result.exception is not None:
        raise result.exception
    else:
        result.exit_code = result.return_value
    return result


def test_the_page_is_written_with_its_run_and_its_place_is_the_answer(desk: Desk) -> None:
    """Nothing else is on stdout; what it says in one line is told; a second report takes the first one's place."""
    for _ in range(2):
        said = report(desk.repo.folder)
        page = Path(said.stdout.strip())
        assert said.exit_code == 0
        assert said.stderr.startswith("1 of 2 phases landed; 1 waits for you. Everything that landed was gated")
        assert page == desk.repo.folder / ".git/batty/runs/001/report.html"
        assert [path.name for path in page.parent.iterdir() if "report" in path.name] == ["report.html"]
    text = page.read_text()
    assert "1 of 2 phases landed; 1 waits for you." in text
    assert "Break it?" in text
    assert "batty queue retry two --by agent" in text


def test_the_page_goes_where_it_is_wanted(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a file by its name, from the folder in which one stands, or to stdout."""
    monkeypatch.chdir(tmp_path)
    assert report(desk.repo.folder, "-o", "told.html").stdout.strip() == str(tmp_path / "told.html")
    printed = report(desk.repo.folder, "--output", "-").stdout
    assert printed.startswith("<!doctype html>")
    assert printed.endswith("</html>\n")


@pytest.mark.parametrize("where", ["", "none/there.html", "fifo"])
def test_what_is_no_file_is_refused(desk: Desk, tmp_path: Path, where: str) -> None:
    """A folder, a file in no folder, a pipe: refused with the command that works, and nothing is touched."""
    os.mkfifo(tmp_path / "fifo")
    said = report(desk.repo.folder, "-o", str(tmp_path / where))
    assert said.exit_code == 1
    assert "↳ next: batty report -o report.html" in said.stderr
    assert (tmp_path / "fifo").is_fifo()


def test_markdown_is_for_a_pull_request(desk: Desk) -> None:
    """What landed with its proof, what people answered, which gates did not pass."""
    said = report(desk.repo.folder, "--markdown").stdout
    assert "| `two` | `Break it?` | a person | `y` |" in said
    assert f"| `one` | {desk.repo.tip('main')} |" in said
    assert said.count("failed with 1 on its candidate") == 2


def test_for_programs_the_proof_stays_as_it_was_and_the_account_is_added(desk: Desk) -> None:
    """The keys of before, with the same values; beside them all prompts, gate runs and intervals."""
    said = json.loads(report(desk.repo.folder, "--json").stdout)
    assert [row["phase"] for row in said["landings"]] == ["one"]
    assert {"base", "tip", "history", "landings", "held"} <= set(said)
    assert said["held"][0]["state"] == "red"
    assert [(row["question"], row["by"], row["answer"]) for row in said["prompts"]] == [("Break it?", "person", "y")]
    assert [row["ending"] for row in said["gates"] if row["phase"] == "two"].count("fail") == 2
    by_phase = {row["phase"]: row for row in said["phases"]}
    assert (by_phase["one"]["state"], by_phase["two"]["state"]) == ("landed", "red")
    assert by_phase["two"]["intervals"][-1]["state"] == "red"
    assert by_phase["two"]["next"] == "batty queue retry two --by agent"


def test_the_proof_alone_is_printed_as_text(desk: Desk) -> None:
    """As the demo ends with it."""
    said = report(desk.repo.folder, "--proof").stdout
    assert "landed, each gated as the very tree it is" in said
    assert "  two is red: the gate ended with 1" in said


@pytest.mark.parametrize("words", [(), ("--markdown",), ("--proof",), ("--json",)])
def test_a_landing_without_its_gate_run_ends_with_one(desk: Desk, words: tuple[str, ...]) -> None:
    """Whatever is printed: what landed and cannot be proved is a fault, and the page says so at its top."""
    journal = desk.repo.folder / ".git/batty/journal.jsonl"
    kept = [line for line in journal.read_text().splitlines() if '"gate-finished"' not in line]
    journal.write_text("\n".join(kept) + "\n")
    said = report(desk.repo.folder, *words)
    assert said.exit_code == 1
    assert "cannot be proved" in said.stderr
    if not words:
        assert "1 of 1 landing cannot be proved." in Path(said.stdout.strip()).read_text()


def test_two_answers_at_once_are_refused(desk: Desk) -> None:
    """As a mistake in typing."""
    for words in (("--json", "--markdown"), ("--proof", "-o", "x"), ("--markdown", "--open")):
        assert report(desk.repo.folder, *words).exit_code == 2


def test_without_a_run_there_is_a_proof_and_no_page(tmp_path: Path) -> None:
    """Who only wants the proof, for programs too, needs no run."""
    repo = Repo.make(tmp_path / "shop", {"batty.toml": "[gate]\ncommand = 'true'\n"})
    assert report(repo.folder, "--proof").exit_code == 0
    assert json.loads(report(repo.folder, "--json").stdout)["landings"] == []
    said = report(repo.folder)
    assert said.exit_code == 1
    assert "↳ next: batty work all" in said.stderr


def test_an_older_run_can_be_told_and_one_that_never_was_cannot(desk: Desk) -> None:
    """Each has its own page; the newest is what is meant without a name."""
    desk.lander.write(RunStarted(run=RunId("002"), base="main", parallel=1))
    newest = json.loads(report(desk.repo.folder, "--json").stdout)
    older = json.loads(report(desk.repo.folder, "--json", "--run", "001").stdout)
    assert (newest["run"], [row["phase"] for row in newest["prompts"]]) == ("002", [])
    assert (older["run"], [row["phase"] for row in older["prompts"]]) == ("001", ["two"])
    assert report(desk.repo.folder, "--run", "001").stdout.strip().endswith("runs/001/report.html")
    missing = report(desk.repo.folder, "--run", "../../x")
    assert missing.exit_code == 2
    assert "the newest is 002" in missing.stderr


def test_the_browser_is_opened_when_it_is_asked_for(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that $BROWSER names, with the page; where there is none, the page is there all the same."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" >{seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    report(desk.repo.folder)
    assert not seen.exists()
    assert report(desk.repo.folder, "--open").exit_code == 0
    assert seen.read_text() == (desk.repo.folder / ".git/batty/runs/001/report.html").as_uri()


def test_no_secret_of_a_board_a_commit_or_an_unfinished_gate_is_in_it(tmp_path: Path) -> None:
    """The journal and settled logs have none; a board, a subject and a log that is being written are anybody's."""
    desk = Desk.make(tmp_path, "one", files={"kanban/one/PHASE.md": f"---\ntitle: use {SECRET}\n---\n"})
    desk.repo.commit(f"with {SECRET}", {"x": "x"})
    desk.launch("one", {"one": "1"})
    log = desk.repo.folder / ".git/batty/runs/001/one/gate-1.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"token {SECRET}\nthe last row\n")
    given = {"run": RUN, "phase": PhaseId("one"), "purpose": "phase", "commit": "c", "tree": "t", "gate": "g"}
    finished: Event = GateFinished(**given, log=str(log), verdict="fail", seconds=1.0)  # type: ignore[arg-type]
    desk.lander.write(finished)  # type: ignore[arg-type]
    for words in (("-o", "-"), ("--markdown",)):
        said = report(desk.repo.folder, *words).stdout
        assert SECRET not in said
        assert "[redacted:" in said
    assert "the last row" in report(desk.repo.folder, "-o", "-").stdout
    assert evidence(desk.project).sound
