"""The first board that `batty init` writes, in the hands of the real kanban-md.

Where kanban-md comes from, and what happens without it: tests/support/kanban.py.
"""

from datetime import UTC, datetime
from pathlib import Path

from batty_tmux.core.board import parse_phase
from batty_tmux.core.starter import board_files
from batty_tmux.host.process import run
from batty_tmux.names import PhaseId
from tests.support.kanban import kanban_md


def test_kanban_md_reads_picks_and_adds_to_the_first_board(tmp_path: Path) -> None:
    """It migrates older boards by writing them anew; ours is at its version and stays as it is when only read."""
    program = kanban_md()
    for name, text in board_files(datetime(2026, 1, 1, tzinfo=UTC)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    board = tmp_path / "phase-1"

    def call(*words: str) -> str:
        argv = (program, *words, "--dir", str(board))
        return run(argv, cwd=tmp_path, env={"HOME": str(tmp_path), "NO_COLOR": "1"}).check().stdout

    assert "Describe the first change" in call("show", "1")
    assert (board / "config.yml").read_text() == board_files(datetime(2026, 1, 1, tzinfo=UTC))["phase-1/config.yml"]
    call("pick", "--claim", "me", "--status", "backlog", "--move", "in-progress")
    call("create", "Second")
    texts = {str(path.relative_to(board)): path.read_text() for path in board.rglob("*.*") if path.is_file()}
    phase = parse_phase(PhaseId("phase-1"), texts)
    assert [(task.id, task.status, task.claimed_by) for task in phase.tasks] == [
        (1, "in-progress", "me"),
        (2, "backlog", ""),
    ]
