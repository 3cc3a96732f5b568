"""The doors to the disk: what is journaled, logged by a gate, or handed to an agent holds no secret."""

import os
import signal
import stat
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec.structs import fields

from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    GateFinished,
    Inspected,
    PhaseHeld,
    Prompted,
    Reviewed,
)
from batty_tmux.drive import redaction
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.gate_log import settle, settle_left
from batty_tmux.drive.place import Place
from batty_tmux.drive.records import EXACT, Records, encode
from batty_tmux.host import leaks
from batty_tmux.host.lock import exclusive
from batty_tmux.host.process import alongside
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.made_up import secrets
from tests.support.repo import Repo
from tests.support.server import eventually

TOKEN = next(secret.value for secret in secrets(5) if secret.name == "github classic")
UNKNOWN = "Zk3" + "qP9vXw2LmT7cRb4Ny8Dh" + "J5"
DOPPLER = "dp.pt." + "5ounvrs5p5znnkezzvl5pdzwl8xeqf6qk28m4v63w3o"
PHASE = PhaseId("phase-1")


@pytest.fixture(autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are compiled once for all of these tests: each has a HOME of its own, in which they never were."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


class TestRules:
    def test_others_rules_see_what_core_does_not_know(self) -> None:
        """They are kept by those whose work it is, and know hundreds of kinds."""
        assert redaction.redacted(f"key {DOPPLER} given") == "key [redacted:doppler-api-token] given"

    def test_a_run_that_is_of_no_kind_is_left(self) -> None:
        """The rules were asked, and it is nothing that they know."""
        assert redaction.redacted(f"set-widget {UNKNOWN}") == f"set-widget {UNKNOWN}"

    def test_where_they_cannot_be_asked_such_a_run_is_marked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A library that is not there must not open the door."""
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        assert leaks.found("x", 60) is None
        assert redaction.redacted(f"set-widget {UNKNOWN}") == "set-widget [redacted:unknown]"

    def test_places_are_right_beside_letters_of_many_bytes(self) -> None:
        said = redaction.redacted(f"žluťoučký \ud800 😀 {DOPPLER} 😀 {DOPPLER} !")
        mark = "[redacted:doppler-api-token]"
        assert ascii(said) == ascii(f"žluťoučký \ud800 😀 {mark} 😀 {mark} !")

    def test_nothing_is_started_for_an_ordinary_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(leaks, "found", lambda text, _: pytest.fail(f"asked about {text}"))
        assert redaction.redacted("uv run pytest tests/core -q") == "uv run pytest tests/core -q"


class TestJournal:
    def test_no_text_of_an_event_holds_a_secret(self, tmp_path: Path) -> None:
        """Questions, answers, reasons, feedback, evidence."""
        records = Records.at(tmp_path)
        records.append(
            Prompted(
                phase=PHASE, key="k", kind="command", question=TOKEN, text=TOKEN, reason=TOKEN, options=(TOKEN, "2")
            ),
            Answered(phase=PHASE, key="k", by="person", answer=TOKEN, why=f"because of {TOKEN}"),
            PhaseHeld(phase=PHASE, state="held", code="x", reason=TOKEN, evidence=("a", TOKEN)),
            Reviewed(phase=PHASE, verdict="rework", by="human", head=Sha("a" * 40), feedback=f"remove {TOKEN}"),
            Inspected(phase=PHASE, head=Sha("a"), tree=Sha("b"), commits=1, undone=(TOKEN,), broken=(TOKEN,)),
        )
        assert TOKEN not in (tmp_path / "journal.jsonl").read_text()
        assert records.unreadable == 0
        assert next(event for event in records.events if isinstance(event, Prompted)).options[1] == "2"

    def test_ids_and_paths_stay_to_the_letter(self) -> None:
        """What git, tmux and the disk are asked for must be what they gave."""
        event = GateFinished(
            phase=PHASE, purpose="queue", commit=Sha("a" * 40), tree=Sha("b" * 40), gate="9f86d081884c7d65",
            log=f"/home/u/{TOKEN}/gate-1.log", verdict="fail", failed=("test_a", f"test_b[{TOKEN}]"),
        )  # fmt: skip
        record = encode(event)
        assert record["log"] == event.log
        assert (record["commit"], record["tree"], record["gate"]) == (event.commit, event.tree, event.gate)
        assert record["failed"] == ["test_a", "test_b[[redacted:github-token]]"]

    def test_every_field_of_every_event_is_one_or_the_other(self) -> None:
        """An exact name is never somebody's words; shas and names of ours are never redacted."""
        ours = {Sha, PhaseId, RunId, Branch}
        for kind in get_args(AnyEvent):
            for field in fields(kind):
                assert field.type not in ours or field.name in EXACT, (kind, field.name)
        words = {"question", "text", "reason", "answer", "why", "would", "feedback", "evidence", "failed", "subject"}
        assert not EXACT & words

    def test_an_event_is_read_as_it_was_written(self) -> None:
        event = Answered(phase=PHASE, key="k", by="policy", answer="1")
        assert msgspec.convert(encode(event) | {"at": event.at}, Answered) == event


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", {"a": "a\n"})


def gated(repo: Repo, command: str) -> GateFinished:
    subject = Subject(PHASE, repo.tip("main"), repo.tree("main"), "queue", RunId("001"), os.environ)
    spec = GateSpec(command, 60, "", ())
    return run_gate(Place.around(repo.folder), spec, subject, repo.folder.parent / "slots")


class TestGateLogs:
    def test_a_gates_log_holds_no_secret_when_its_verdict_is_there(self, repo: Repo) -> None:
        finished = gated(repo, f"echo one; echo token {TOKEN}; echo two; false")
        assert Path(finished.log).read_text() == "one\ntoken [redacted:github-token]\ntwo\n"
        assert finished.verdict == "fail"
        assert stat.S_IMODE(Path(finished.log).stat().st_mode) == 0o400

    def test_nothing_is_left_beside_it(self, repo: Repo) -> None:
        finished = gated(repo, f"echo {TOKEN}")
        assert [path.name for path in Path(finished.log).parent.iterdir()] == ["gate-1.log"]

    def test_bytes_that_are_no_text_stay(self, tmp_path: Path) -> None:
        log = tmp_path / "gate-1.log"
        log.write_bytes(b"\xff\xfe" + TOKEN.encode() + b"\r\n\x00\x80")
        settle(log)
        assert log.read_bytes() == b"\xff\xfe[redacted:github-token]\r\n\x00\x80"

    def test_a_long_log_is_redacted_in_pieces(self, tmp_path: Path) -> None:
        log = tmp_path / "gate-1.log"
        row = "compiling something of no interest\n"
        log.write_text(row * 40_000 + f"{TOKEN}\n" + row * 40_000 + f"{TOKEN}")
        settle(log)
        assert log.read_text() == row * 40_000 + "[redacted:github-token]\n" + row * 40_000 + "[redacted:github-token]"

    def test_what_a_killed_batty_left_is_redacted_before_the_next_gate(self, repo: Repo) -> None:
        first = Path(gated(repo, "true").log)
        left = first.with_name("gate-7.log")
        left.write_text(f"{TOKEN}\n")
        gated(repo, "true")
        assert left.read_text() == "[redacted:github-token]\n"

    def test_a_log_that_is_still_written_is_left_alone(self, tmp_path: Path) -> None:
        """By the gate itself, which has the lock, though nobody else of its time lives."""
        log = tmp_path / "gate-1.log"
        log.write_text(f"{TOKEN}\n")
        with exclusive(log):
            settle_left(tmp_path)
            assert TOKEN in log.read_text()
        settle_left(tmp_path)
        assert TOKEN not in log.read_text()

    def test_a_gate_that_outlives_its_batty_keeps_its_log(self, repo: Repo, tmp_path: Path) -> None:
        go = tmp_path / "go"
        told = (
            "import os, sys; from pathlib import Path\n"
            "from tests.drive.test_redaction import gated; from tests.support.repo import Repo\n"
            f"gated(Repo(Path({str(repo.folder)!r}), 1), sys.argv[1])\n"
        )
        command = f"echo {TOKEN}; until [ -e {go} ]; do sleep 0.05; done; echo late {TOKEN}"
        child = alongside((sys.executable, "-c", told, command), tmp_path / "out")
        log = repo.folder / ".git" / "batty" / "runs" / "001" / PHASE / "gate-1.log"
        eventually(lambda: log.exists() and TOKEN in log.read_text())
        child.send_signal(signal.SIGKILL)
        child.wait()
        settle_left(log.parent)
        assert TOKEN in log.read_text()
        go.touch()
        eventually(lambda: "late" in log.read_text())

        def settled() -> bool:
            settle_left(log.parent)
            return TOKEN not in log.read_text()

        eventually(settled)
        assert log.read_text() == "[redacted:github-token]\nlate [redacted:github-token]\n"
