"""The real Claude Code hears a notice: it talks to a server of this test's own, with no account and no network."""

import os
import shutil
from pathlib import Path

import pytest

from batty_tmux.host.agents import claude
from batty_tmux.host.agents.launch import Launch
from batty_tmux.host.process import run
from batty_tmux.names import PhaseId, RunId
from tests.support.model_servers import claude_model

LOOK = {"tool": "Bash", "input": {"command": "git status", "description": "Look"}}


def test_the_next_turn_hears_the_notice(tmp_path: Path) -> None:
    """Rule: after a tool call, and not before it, the model reads the notice; it is then marked as told."""
    program = os.environ.get("BATTY_TEST_CLAUDE") or shutil.which("claude")
    if not program:
        pytest.fail("needs the real claude: npm install -g @anthropic-ai/claude-code, or BATTY_TEST_CLAUDE")
    home, notice = tmp_path / "home", tmp_path / "it's here" / "radar.json"
    for folder in (home, notice.parent):
        folder.mkdir()
    # a tool that fails is another event
    run(("git", "init", "--quiet"), cwd=home).check()
    notice.write_text(claude.notice("would conflict with phase-3 in src/a.py"))
    given = Launch(Path("/b.md"), PhaseId("p"), tmp_path, tmp_path, RunId("001"), notice=notice)
    argv = claude.argv(given)
    settings = argv[argv.index("--settings") + 1]
    quiet = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    words = (program, "--settings", settings, "-p", "go")
    with claude_model(LOOK, {"text": "done"}) as model:
        served = {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": model.address}
        done = run(words, cwd=home, env={"HOME": str(home), **served, **quiet}, timeout=60)
    assert done.ok, done.stdout + done.stderr
    before = [told for told in model.heard if "tool_result" not in told]
    after = [told for told in model.heard if "tool_result" in told]
    assert before
    assert not any("phase-3" in told for told in before)
    assert any("would conflict with phase-3 in src/a.py" in told for told in after)
    assert not notice.exists()
