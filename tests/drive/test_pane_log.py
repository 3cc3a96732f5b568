"""The log of a pane: a person can read what happened, and nobody can read a secret in it."""

import os
import signal
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batty_tmux.drive.pane_log import LIMIT, PaneLog
from batty_tmux.host.process import alongside
from tests.support.made_up import secrets
from tests.support.server import eventually

NOW = datetime(2026, 11, 25, 19, 4, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> PaneLog:
    return PaneLog(tmp_path / "phase-1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "phase-1" / "pane.log"


def rows(file: Path) -> list[str]:
    """What the log says, without the times."""
    return [row[21:] for row in file.read_text().splitlines()]


def test_only_what_is_new_on_a_screen_is_written(log: PaneLog, file: Path) -> None:
    log.saw("$ make\ncc a.c\n", NOW)
    log.saw("$ make\ncc a.c\ncc b.c\n", NOW + timedelta(seconds=1))
    log.saw("cc a.c\ncc b.c\ncc c.c\n", NOW + timedelta(seconds=2))
    assert rows(file) == ["$ make", "cc a.c", "cc b.c", "cc c.c"]


def test_a_row_that_comes_again_after_it_was_gone_is_new(log: PaneLog, file: Path) -> None:
    for screen in ("passed", "cleared", "passed"):
        log.saw(screen, NOW)
    assert rows(file) == ["passed", "cleared", "passed"]


def test_a_spinner_costs_nothing(log: PaneLog, file: Path) -> None:
    """Rows that differ in their digits, bars and glyphs only: a minute of them adds no byte."""
    glyphs = "✻✢✶✽·⠋⠙⠹⠸|/-\\◐◓"
    for n in range(600):
        bar = "█" * (n % 10) + "░" * (10 - n % 10)
        log.saw(f"Reading the files\n{glyphs[n % len(glyphs)]} Thinking… ({n}s · ↑ {n * 7} tokens) {bar}", NOW)
        if n == 0:
            size = file.stat().st_size
    assert file.stat().st_size == size


def test_a_second_has_its_time_once(log: PaneLog, file: Path) -> None:
    log.saw("one\ntwo", NOW)
    log.saw("three", NOW + timedelta(milliseconds=300))
    log.saw("four", NOW + timedelta(seconds=1))
    times = [row[:19] for row in file.read_text().splitlines()]
    assert times == ["2026-11-25 19:04:00", " " * 19, " " * 19, "2026-11-25 19:04:01"]


def test_no_secret_is_in_it(log: PaneLog, file: Path) -> None:
    """Of any kind that core knows, and no run that looks like one."""
    unknown = "Zk3" + "qP9vXw2LmT7cRb4Ny8Dh" + "J5"
    for secret in secrets(3):
        log.saw(f"$ \n{secret.text}\n$ set-widget {unknown}\n", NOW)
    said = file.read_text()
    assert "[redacted:" in said
    assert unknown not in said
    assert [secret.name for secret in secrets(3) if any(row in said for row in secret.value.split("\n"))] == []


def test_nothing_in_it_moves_a_terminal(log: PaneLog, file: Path) -> None:
    log.saw("\x1b[31mred\x1b[0m \x07bell\x1b]0;title\x07\r\u202eback\x00 \ud800lone\x9b31m", NOW)
    said = file.read_text()
    assert all(c == "\n" or c.isprintable() for c in said)
    assert "red" in said


def test_it_is_for_its_owner_alone(log: PaneLog, file: Path, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        PaneLog(tmp_path / "phase-1").saw("x", NOW)
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_it_has_a_bound_and_keeps_what_came_last(log: PaneLog, file: Path) -> None:
    """Two files of a MiB, whatever is shown: the older one goes."""
    words = [f"{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyzabcd'[n // 100 % 10]}" for n in range(1000)]
    for n in range(400):
        log.saw("\n".join(f"{words[n]} {word} " + "lorem ipsum " * 10 for word in words[:100]), NOW)
    files = sorted(path.name for path in file.parent.iterdir())
    assert files == ["pane.log", "pane.log.1"]
    assert all((file.parent / name).stat().st_size <= LIMIT for name in files)
    assert file.read_text().rstrip().endswith("lorem ipsum")
    assert f"{words[399]} {words[99]}" in file.read_text()


def test_a_row_that_was_cut_off_gets_its_end(log: PaneLog, file: Path) -> None:
    file.write_text("2026-11-25 19:03:59  half a r")
    log.saw("whole", NOW)
    assert rows(file) == ["half a r", "whole"]


def test_it_is_whole_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    """Every row that is there ends, and the next supervisor writes on."""
    told = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from batty_tmux.drive.pane_log import PaneLog\n"
        "log = PaneLog(Path(sys.argv[1]))\n"
        "for n in range(10**9): log.saw('\\n'.join(f'{chr(97 + n % 26)}{chr(97 + r % 26)} ' * 20 for r in range(26)),"
        " datetime.now(UTC))\n"
    )
    file = tmp_path / "phase-1" / "pane.log"
    for _ in range(3):
        more = 20_000 + (file.stat().st_size if file.exists() else 0)
        child = alongside((sys.executable, "-c", told, str(file.parent)), tmp_path / "out")
        eventually(lambda more=more: file.exists() and file.stat().st_size > more)  # type: ignore[misc]
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert file.read_bytes().endswith(b"\n")
        assert len({len(row) for row in rows(file)}) == 1
    PaneLog(file.parent).saw("onwards", NOW)
    assert rows(file)[-1] == "onwards"


@pytest.mark.parametrize(
    "screen",
    ["x" * 1_000_000, "row\n" * 100_000, "\ud800" * 200_000, "\n" * 1_000_000, "\x1b[" * 500_000, "token=" * 200_000],
    ids=["a million columns", "100,000 rows", "surrogates", "empty rows", "escapes", "names"],
)
def test_a_hostile_screen_is_taken_in_its_stride(log: PaneLog, file: Path, screen: str) -> None:
    """It is taken in whole, little is written of it, and the next screen is logged as ever."""
    log.saw(screen, NOW)
    log.saw("after", NOW)
    assert rows(file)[-1] == "after"
    assert file.stat().st_size < 100_000


@settings(max_examples=60)
@given(screens=st.lists(st.text(st.characters()), max_size=4))
def test_any_screen_can_be_logged(tmp_path_factory: pytest.TempPathFactory, screens: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    log = PaneLog(folder)
    for screen in screens:
        log.saw(screen, NOW)
    file = folder / "pane.log"
    assert not file.exists() or file.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("obstacle", ["folder", "link", "pipe"])
def test_what_is_in_its_place_is_neither_followed_nor_waited_for(tmp_path: Path, obstacle: str) -> None:
    """A log that cannot be written stops nothing."""
    folder, outside = tmp_path / "phase-1", tmp_path / "outside"
    log = PaneLog(folder)
    file = folder / "pane.log"
    outside.write_text("")
    if obstacle == "folder":
        file.mkdir()
    elif obstacle == "link":
        file.symlink_to(outside)
    else:
        os.mkfifo(file)
    log.saw("x", NOW)
    assert outside.read_text() == ""
