"""The doors to the disk: what is journaled, logged by a gate, or handed to an agent holds no secret."""

import os
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
from batty_tmux.drive.command_log import settle_left
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.place import Place
from batty_tmux.drive.records import EXACT, Records, encode
from batty_tmux.host import leaks
from batty_tmux.host.lock import exclusive
from batty_tmux.host.process import run, run_measured
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
    """What a gate says while it runs is in `test_scribe`."""

    def test_a_gates_log_holds_no_secret_and_is_finished_when_its_verdict_is_there(self, repo: Repo) -> None:
        finished = gated(repo, f"echo one; echo token {TOKEN}; echo two; false")
        assert Path(finished.log).read_text() == "one\ntoken [redacted:github-token]\ntwo\n"
        assert finished.verdict == "fail"
        assert stat.S_IMODE(Path(finished.log).stat().st_mode) == 0o400

    def test_nothing_is_left_beside_it(self, repo: Repo) -> None:
        finished = gated(repo, f"echo {TOKEN}")
        assert [path.name for path in Path(finished.log).parent.iterdir()] == ["gate-1.log"]

    def test_what_was_left_is_redacted_and_finished_before_the_next_gate(self, repo: Repo) -> None:
        """By a scribe that was killed, or by a batty that redacted when a gate had ended."""
        left = Path(gated(repo, "true").log).with_name("gate-7.log")
        left.write_bytes(b"\xff" + f"{TOKEN}\n".encode() * 2 + b"[redacted:jwt]\n\x80")
        gated(repo, "true")
        assert left.read_bytes() == b"\xff" + b"[redacted:github-token]\n" * 2 + b"[redacted:jwt]\n\x80"
        assert stat.S_IMODE(left.stat().st_mode) == 0o400
        assert sorted(path.name for path in left.parent.iterdir()) == ["gate-1.log", "gate-3.log", "gate-7.log"]

    def test_a_log_that_is_still_written_is_left_alone(self, tmp_path: Path) -> None:
        """Whoever writes has its lock."""
        log = tmp_path / "gate-1.log"
        log.write_text("one\n")
        with exclusive(log):
            settle_left(tmp_path)
            assert stat.S_IMODE(log.stat().st_mode) != 0o400
        settle_left(tmp_path)
        assert stat.S_IMODE(log.stat().st_mode) == 0o400


class TestLander:
    def test_what_a_detached_one_prints_holds_no_secret(self, tmp_path: Path) -> None:
        """Its words, those of its refusals, and a bug's; a key by rows that are printed one by one."""
        key = next(secret.text for secret in secrets(5) if "BEGIN RSA" in secret.text).strip()
        told = (
            "import sys, click; from batty_tmux.drive.lander_log import keep_secrets_out\n"
            "def bug(): raise RuntimeError(sys.argv[1])\n"
            "keep_secrets_out()\n"
            "click.echo(f'git said {sys.argv[1]}', err=True); print('out', sys.argv[1])\n"
            "[click.echo(row, err=True) for row in sys.argv[2].split(chr(10))]\n"
            "print('no end', sys.argv[1], '\\udcff', end='')\n"
            "bug()\n"
        )
        with (tmp_path / "log").open("wb") as log:
            run_measured((sys.executable, "-c", told, TOKEN, key), cwd=tmp_path, env=os.environ, log=log, timeout=60)
        text = (tmp_path / "log").read_text()
        assert text.count("[redacted:github-token]") == 4
        assert "[redacted:private-key]" in text
        assert not [row for row in (TOKEN, *key.split("\n")[1:-1]) if row in text]
        assert "Traceback" in text

    def test_what_starts_one_has_its_words_redacted(self, repo: Repo) -> None:
        """A refusal of its, in lander.log: the hook's way, and without tmux."""
        repo.commit("broken", {"batty.toml": f'[gate]\ncommand = 1\n"{TOKEN}" = 1\n'})
        place = Place.around(repo.folder)
        log = place.state / "lander.log"
        run((sys.executable, "-P", "-m", "batty_tmux", "--repo", str(repo.folder), "hook", "land")).check()
        eventually(lambda: log.exists() and "redacted:github-token" in log.read_text())
        assert TOKEN not in log.read_text()
