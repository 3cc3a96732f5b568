"""The real Codex in a real pane reports by hooks that nobody had to trust, and only by ours. No account, no network."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.core import reports
from batty_tmux.drive.reports import issue
from batty_tmux.host.agents import codex
from batty_tmux.host.agents.launch import Launch
from batty_tmux.names import PhaseId, RunId
from tests.support.agent_pane import AgentPane, agent_pane, program
from tests.support.model_servers import Model, codex_model
from tests.support.server import eventually

DONE = {"text": "All is done."}
DIALOG = "Would you like to run the following command?"
REVIEW = "Hooks need review"


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[AgentPane]:
    with agent_pane(tmp_path) as pane:
        (pane.home / ".codex").mkdir()
        # what a person has settled once: that the folder is theirs
        settings(pane).write_text(f'[projects.{json.dumps(str(pane.worktree))}]\ntrust_level = "trusted"\n')
        yield pane


def settings(pane: AgentPane) -> Path:
    return pane.home / ".codex/config.toml"


def escalated(file: Path) -> dict[str, object]:
    """A command that Codex must ask about: it is to be run outside the sandbox."""
    given = {"cmd": f"touch '{file}'", "sandbox_permissions": "require_escalated", "justification": "May I?"}
    return {"tool": "exec_command", "input": given}


def start(pane: AgentPane, model: Model, session: str = "", *, resume: bool = False) -> None:
    provider = f'model_providers.own={{name="own",base_url="{model.address}/v1",wire_api="responses"}}'
    given = Launch(
        Path("/brief.md"),
        PhaseId("p"),
        pane.worktree,
        pane.worktree,
        RunId("001"),
        args=("-c", provider, "-c", 'model_provider="own"'),
        resume=resume,
        session=session,
        report=issue(pane.desk.folder, codex.family),
    )
    pane.start((program("codex", "@openai/codex"), *codex.argv(given)[1:]))


def test_its_hooks_need_no_trust_of_a_person(pane: AgentPane, tmp_path: Path) -> None:
    """Rule: the first start reports and is answered with no dialog before it, and the user's settings hold no hooks."""
    made = tmp_path / "made"
    with codex_model(escalated(made), DONE) as model:
        start(pane, model)
        began, _ = pane.hear("started")
        asked, reply = pane.hear("asks-permission")
        assert (asked.tool, asked.command, asked.message) == ("Bash", f"touch '{made}'", "May I?")
        assert (asked.cwd, asked.session, asked.whole) == (str(pane.worktree), began.session, True)
        assert not made.exists()
        assert reply is not None
        assert pane.desk.answer(reply, reports.allow(asked))
        used, _ = pane.hear("tool-used")
        ended, _ = pane.hear("turn-ended")
    assert (used.command, ended.message) == (asked.command, "All is done.")
    assert made.exists()
    assert "hooks" not in tomllib.loads(settings(pane).read_text())
    assert pane.desk.dropped == {}


def test_no_decision_brings_the_dialog(pane: AgentPane, tmp_path: Path) -> None:
    """Rule: the dialog comes only after the hook's answer, so an empty one leaves it to the screen at once."""
    made = tmp_path / "made"
    with codex_model(escalated(made), DONE) as model:
        start(pane, model)
        _, reply = pane.hear("asks-permission")
        assert reply is not None
        assert DIALOG not in pane.screen()
        assert pane.desk.answer(reply, "")
        pane.answer("y", DIALOG)
        pane.hear("turn-ended")
    assert made.exists()


def test_a_refusal_tells_the_agent_why(pane: AgentPane, tmp_path: Path) -> None:
    """Rule: a denied command is not run, and the model reads the reason."""
    made = tmp_path / "made"
    with codex_model(escalated(made), DONE) as model:
        start(pane, model)
        asked, reply = pane.hear("asks-permission")
        assert reply is not None
        pane.desk.answer(reply, reports.deny(asked, "the policy says no"))
        pane.hear("turn-ended")
        assert any("the policy says no" in told for told in model.heard)
    assert not made.exists()


def test_hooks_of_the_worktree_stay_untrusted(pane: AgentPane, tmp_path: Path) -> None:
    """Rule: trust in our hooks is none in those that the worktree brings: Codex asks, and runs only ours."""
    theirs = tmp_path / "theirs"
    (pane.worktree / ".codex").mkdir()
    hook = f'[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = "command"\ncommand = {json.dumps(f"touch {theirs}")}\n'
    (pane.worktree / ".codex/config.toml").write_text(hook)
    with codex_model(DONE) as model:
        start(pane, model)
        shown = pane.see(REVIEW)
        assert "1 hook is new or changed" in shown
        pane.see("3. Continue without trusting")
        pane.press("Down")
        pane.press("Down")
        pane.see("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} 3.")
        pane.press("Enter")
        pane.hear("turn-ended")
    assert not theirs.exists()


def test_the_users_own_trust_holds(pane: AgentPane, tmp_path: Path) -> None:
    """Rule: a hook of the user's own, trusted in their settings, runs beside ours; our trust replaces none."""
    users, line = tmp_path / "users", f"touch {tmp_path / 'users'}"
    digest = codex._digest("Stop", line)
    hook = f'[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = "command"\ntimeout = 3\ncommand = {json.dumps(line)}\n'
    trust = f"[hooks.state.{json.dumps(f'{settings(pane)}:stop:0:0')}]\ntrusted_hash = {json.dumps(digest)}\n"
    settings(pane).write_text(settings(pane).read_text() + hook + trust)
    with codex_model(DONE) as model:
        start(pane, model)
        pane.hear("turn-ended")
        eventually(users.exists, "the user's own hook")


def test_a_conversation_goes_on_after_a_kill(pane: AgentPane, tmp_path: Path) -> None:
    """Rule: started again with the id that it reported, the agent knows what was said before it was killed."""
    with codex_model(escalated(tmp_path / "made"), DONE) as model:
        start(pane, model)
        began, _ = pane.hear("started")
        pane.hear("asks-permission")
        pane.kill()
        model.heard.clear()
        start(pane, model, began.session, resume=True)
        again, _ = pane.hear("started")
        assert (again.session, again.message) == (began.session, "resume")
        pane.hear("asks-permission")
        assert any("from beginning to end" in told and "You were interrupted" in told for told in model.heard)
