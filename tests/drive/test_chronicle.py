"""What executors did is kept with the run: redacted, within bounds, readable after any end."""

from datetime import UTC, datetime
from pathlib import Path

from batty_tmux.core.activity import Activity, of_commits, of_tool
from batty_tmux.drive.chronicle import FILE, Chronicle, told

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_was_done_is_told_kept_and_counted(tmp_path: Path) -> None:
    """A secret in a command is in neither."""
    shown: list[Activity] = []
    chronicle = Chronicle(tmp_path, lambda text: text.replace("hunter2", "[redacted]"), shown.append)
    chronicle.add([of_tool("Bash", "login hunter2", (), AT), *of_commits([("a" * 40, "Add it")], AT)])
    assert [one.what for one in shown] == ["login [redacted]", "aaaaaaaaa Add it"]
    assert "hunter2" not in (tmp_path / FILE).read_text()
    assert told(tmp_path) == "1 commit, 1 other command"


def test_a_torn_last_row_is_no_row(tmp_path: Path) -> None:
    """A supervisor may be killed in the middle of one; where nothing is kept there is nothing to tell."""
    assert told(tmp_path) == ""
    chronicle = Chronicle(tmp_path, str, lambda _: None)
    chronicle.add([of_tool("Bash", "ls", (), AT)])
    with (tmp_path / FILE).open("a") as file:
        file.write('{"at": "2026-01-01T00:00:00+00:00", "kind": "com')
    assert told(tmp_path) == "1 other command"


def test_the_file_has_a_bound(tmp_path: Path) -> None:
    """It is put aside at its size, and what was put aside before goes: never more than two of them."""
    chronicle = Chronicle(tmp_path, str, lambda _: None)
    (tmp_path / FILE).write_text("x" * (1 << 20))
    chronicle.add([of_tool("Bash", "ls", (), AT)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, f"{FILE}.1"]
    assert (tmp_path / FILE).stat().st_size < 1000
