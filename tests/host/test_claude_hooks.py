"""The real Claude Code in a real pane reports by its hooks, and takes answers by them. No account, no network."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from batty_tmux.core import reports
from batty_tmux.drive.reports import issue
from batty_tmux.host.agents import claude
from batty_tmux.host.agents.launch import Launch
from batty_tmux.names import PhaseId, RunId
from tests.support.agent_pane import AgentPane, agent_pane, program
from tests.support.model_servers import Model, claude_model
from tests.support.server import eventually

KEY = "sk-none-abcdefghijklmnopqrstuvwxyz"
COMMAND = 'python3 -c \'open("made", "w")\''
RUN = {"tool": "Bash", "input": {"command": COMMAND, "description": "Make it"}}
DONE = {"text": "All is done."}
QUESTION = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [{"label": "Red", "description": "Loud"}, {"label": "Blue", "description": "Calm"}],
}
DIALOG = "Do you want to proceed?"


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[AgentPane]:
    with agent_pane(tmp_path) as pane:
        # what a person has settled once: the theme, the key, and that the folder is theirs
        settled = {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(pane.worktree): {"hasTrustDialogAccepted": True}},
        }
        (pane.home / ".claude.json").write_text(json.dumps(settled))
        yield pane


def start(pane: AgentPane, model: Model, session: str = "", *, resume: bool = False) -> None:
    given = Launch(
        Path("/brief.md"),
        PhaseId("p"),
        pane.worktree,
        pane.worktree,
        RunId("001"),
        resume=resume,
        session=session,
        report=issue(pane.desk.folder, claude.family),
    )
    argv = (program("claude", "@anthropic-ai/claude-code"), *claude.argv(given)[1:])
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", **claude.environment(given)}
    pane.start(argv, ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=model.address, **quiet)


def test_a_request_is_settled_without_a_key(pane: AgentPane) -> None:
    """Rule: the supervisor hears what the agent would run, allows it, and hears that it was run and the turn is over.

    Nothing of that is written into the user's own settings.
    """
    session = str(uuid4())
    with claude_model(RUN, DONE) as model:
        start(pane, model, session)
        began, _ = pane.hear("started")
        asked, reply = pane.hear("asks-permission")
        assert (began.session, began.cwd) == (session, str(pane.worktree))
        assert (asked.tool, asked.command, asked.message) == ("Bash", COMMAND, "Make it")
        assert asked.whole
        assert not (pane.worktree / "made").exists()
        assert reply is not None
        assert pane.desk.answer(reply, reports.allow(asked))
        used, _ = pane.hear("tool-used")
        ended, _ = pane.hear("turn-ended")
    assert (used.command, used.failed, ended.message) == (asked.command, False, "All is done.")
    assert (pane.worktree / "made").exists()
    assert [file.name for file in pane.home.glob(".claude/settings*")] == []
    assert pane.desk.dropped == {}


def test_the_dialog_stands_while_the_hook_waits(pane: AgentPane) -> None:
    """Rule: a supervisor that says nothing holds up nobody: a person's key settles it, and a later word is unheard."""
    with claude_model(RUN, DONE) as model:
        start(pane, model)
        asked, reply = pane.hear("asks-permission")
        pane.answer("1", DIALOG)
        pane.hear("turn-ended")
        assert reply is not None
        pane.desk.answer(reply, reports.deny(asked, "too late"))
        assert "too late" not in model.heard[-1]
    assert (pane.worktree / "made").exists()


def test_no_decision_leaves_it_to_the_screen(pane: AgentPane) -> None:
    """Rule: an empty answer ends the hook, and the dialog waits for a key."""
    with claude_model(RUN, DONE) as model:
        start(pane, model)
        _, reply = pane.hear("asks-permission")
        assert reply is not None
        assert pane.desk.answer(reply, "")
        pane.answer("1", DIALOG)
        pane.hear("turn-ended")


def test_a_refusal_tells_the_agent_why(pane: AgentPane) -> None:
    """Rule: a denied call is not run, and the model reads the reason."""
    with claude_model(RUN, DONE) as model:
        start(pane, model)
        asked, reply = pane.hear("asks-permission")
        assert reply is not None
        pane.desk.answer(reply, reports.deny(asked, "the policy says\nno"))
        pane.hear("turn-ended")
        assert any("the policy says\\nno" in told for told in model.heard)
    assert not (pane.worktree / "made").exists()


def test_a_question_is_answered_by_its_hook(pane: AgentPane) -> None:
    """Rule: the agent's own question comes whole, and its answer reaches the model without a key."""
    with claude_model({"tool": "AskUserQuestion", "input": {"questions": [QUESTION]}}, DONE) as model:
        start(pane, model)
        asked, reply = pane.hear("asks-question")
        (question,) = asked.questions
        assert (question.question, question.header, question.multi) == ("Which colour?", "Colour", False)
        assert question.options == (reports.Option("Red", "Loud"), reports.Option("Blue", "Calm"))
        assert reply is not None
        pane.desk.answer(reply, reports.settle(asked, {"Which colour?": "Blue"}))
        pane.hear("turn-ended")
        assert any('\\"Which colour?\\"=\\"Blue\\"' in told for told in model.heard)


def test_a_conversation_goes_on_after_a_kill(pane: AgentPane) -> None:
    """Rule: started again with its id, the agent knows what was said before it was killed."""
    session = str(uuid4())
    with claude_model(RUN, DONE) as model:
        start(pane, model, session)
        pane.hear("asks-permission")
        # it writes its conversation down a moment after it has shown it; one killed before cannot be resumed
        eventually(
            lambda: any("tool_use" in f.read_text() for f in pane.home.glob(f".claude/projects/*/{session}.jsonl"))
        )
        pane.kill()
        model.heard.clear()
        start(pane, model, session, resume=True)
        again, _ = pane.hear("started")
        assert (again.session, again.message) == (session, "resume")
        pane.hear("turn-began")
        pane.hear("asks-permission")
        assert any("from beginning to end" in told and "You were interrupted" in told for told in model.heard)
