"""The real Claude Code and Codex work through a phase under batty: no account, no network, models of the test's own."""

import json
import os
import shlex
from pathlib import Path

from tests.support.agent_pane import program
from tests.support.model_servers import claude_model, codex_model
from tests.support.story import Story

KEY = "sk-none-abcdefghijklmnopqrstuvwxyz"
BOARD = "--dir kanban/alpha --claim alpha"
MADE = 'python3 -c \'open("made", "w").write("yes")\''
"""What no standard rule answers: a rule of the user's does."""


def bash(command: str) -> dict[str, object]:
    return {"tool": "Bash", "input": {"command": command, "description": "Work"}}


def test_a_phase_from_the_trust_dialog_to_main(story: Story) -> None:
    """Rule: its worktree is trusted by keys, its command allowed by the hook, its end of turn heard; then it lands."""
    settled = {"hasCompletedOnboarding": True, "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []}}
    (story.root / "home" / ".claude.json").write_text(json.dumps(settled))
    folder = Path(program("claude", "@anthropic-ai/claude-code")).parent
    story.env |= {
        "PATH": f"{folder}{os.pathsep}{story.env['PATH']}",
        "DISABLE_TELEMETRY": "1",
        "ANTHROPIC_API_KEY": KEY,
    }
    story.settings["run"]["agent"] = "claude"
    story.policy("act", (r"made", "yes"))
    story.phase("alpha")
    steps = (
        bash(f"batty-tmux board pick {BOARD} --move in-progress"),
        bash(MADE),
        bash("git add made"),
        bash("git commit -q -m 'Make it'"),
        bash(f"batty-tmux board move 1 done {BOARD}"),
        {"text": "All is done."},
    )
    with claude_model(*steps) as model:
        story.env["ANTHROPIC_BASE_URL"] = model.address
        said = story.batty("work", "all", "--wait")
        assert said.exit == 0, story.told() + story.screen("alpha")
    assert story.landed_text("made") == "yes"
    answered = {event["rule"]: event for event in story.events("answered", "alpha")}
    assert {event["by"] for event in answered.values()} == {"policy"}
    trusted = [e for e in story.events("prompted", "alpha") if e["kind"] == "trust"]
    assert [e["decision"] for e in trusted] == ["answer"]
    allowed = [e for e in story.events("prompted", "alpha") if e.get("subject") == MADE]
    assert [(e["via"], e["rule"]) for e in allowed] == [("hook", "rule 1")]
    assert story.events("hooks-heard", "alpha")
    # the user's own settings hold nothing of batty's
    assert not (story.root / "home" / ".claude" / "settings.json").exists()


def shell(command: str, **more: str) -> dict[str, object]:
    return {"tool": "exec_command", "input": {"cmd": command, **more}}


def test_codex_does_the_same(story: Story) -> None:
    """Rule: its folder is trusted by keys, what it wants outside its sandbox is allowed by its hook; then it lands."""
    folder = Path(program("codex", "@openai/codex")).parent
    story.env["PATH"] = f"{folder}{os.pathsep}{story.env['PATH']}"
    # it runs commands in a login shell, which begins with a PATH of its own
    (story.root / "home" / ".profile").write_text(f"PATH={shlex.quote(story.env['PATH'])}\n")
    story.settings["run"]["agent"] = "codex"
    story.policy("act", (r"made", "yes"))
    story.phase("alpha")
    outside = {"sandbox_permissions": "require_escalated", "justification": "May I?"}
    steps = (
        shell(f"batty-tmux board pick {BOARD} --move in-progress", **outside),
        shell(MADE, **outside),
        shell("git add made", **outside),
        shell("git commit -q -m 'Make it'", **outside),
        shell(f"batty-tmux board move 1 done {BOARD}", **outside),
        {"text": "All is done."},
    )
    with codex_model(*steps) as model:
        provider = f'model_providers.own={{name="own",base_url="{model.address}/v1",wire_api="responses"}}'
        story.settings["agents.codex"] = {"args": ["-c", provider, "-c", 'model_provider="own"']}
        said = story.batty("work", "all", "--wait")
        assert said.exit == 0, story.told() + story.screen("alpha")
    assert story.landed_text("made") == "yes"
    allowed = [e for e in story.events("prompted", "alpha") if e.get("subject") == MADE]
    assert [(e["via"], e["rule"]) for e in allowed] == [("hook", "rule 1")]
    assert story.events("hooks-heard", "alpha")
    assert {event["by"] for event in story.events("answered", "alpha")} == {"policy"}
