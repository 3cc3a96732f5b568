"""What hooks say becomes values, whatever it is; and the lines that answer them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batty_tmux.core import reports
from batty_tmux.core.reports import Option, Question, Report, allow, deny, of_claude, of_codex, settle

COMMON = {"session_id": "3f0c5d1e-aaaa-4bbb-8ccc-000000000001", "transcript_path": "/h/t.jsonl", "cwd": "/wt"}
ASKED = {
    "questions": [
        {
            "question": "Which colour?",
            "header": "Colour",
            "multiSelect": False,
            "options": [{"label": "Red", "description": "Loud"}, {"label": "Blue", "description": "Calm"}],
        },
        {"question": "Which sizes?", "header": "Size", "multiSelect": True, "options": [{"label": "Small"}]},
    ]
}


def claude(event: str, **more: object) -> Report:
    report = of_claude(COMMON | {"hook_event_name": event, "permission_mode": "default"} | more)
    assert report is not None
    return report


def codex(event: str, **more: object) -> Report:
    report = of_codex(COMMON | {"hook_event_name": event, "turn_id": "t", "model": "m"} | more)
    assert report is not None
    return report


@pytest.mark.parametrize(
    ("event", "more", "kind", "message", "stop_reason"),
    [
        ("SessionStart", {"source": "resume"}, "started", "resume", ""),
        ("SessionEnd", {"reason": "prompt_input_exit"}, "ended", "prompt_input_exit", ""),
        ("PreCompact", {"trigger": "auto"}, "compacting", "auto", ""),
        ("Stop", {"last_assistant_message": "Done."}, "turn-ended", "Done.", ""),
        ("StopFailure", {"error": "rate_limit", "last_assistant_message": "API"}, "failed", "API", "rate_limit"),
        ("Notification", {"notification_type": "idle_prompt", "message": "x"}, "notified", "idle_prompt", ""),
    ],
)
def test_events_of_claude(event: str, more: dict[str, object], kind: str, message: str, stop_reason: str) -> None:
    """Each event is one kind, with what it says about itself."""
    report = claude(event, **more)
    assert (report.kind, report.message, report.stop_reason) == (kind, message, stop_reason)
    assert (report.session, report.cwd, report.whole) == (COMMON["session_id"], "/wt", True)


def test_a_turn_may_end_and_work_go_on() -> None:
    """What still runs in the background is counted: such a turn's end is not idleness."""
    tasks = [{"id": number} for number in range(50)]
    assert claude("Stop", background_tasks=tasks, session_crons=[{}]).background == 51
    assert claude("Stop", background_tasks=[], session_crons=[]).background == 0
    assert claude("Stop", background_tasks="many").background == 0


def test_a_request_of_claude_says_what_would_be_run() -> None:
    """The command is the one that the shell gets; the reason is the agent's own words."""
    given = {"command": "git push &&\nrm x", "description": "Push"}
    report = claude("PermissionRequest", tool_name="Bash", tool_input=given, permission_suggestions=[{}])
    assert (report.kind, report.tool, report.command, report.message) == (
        "asks-permission",
        "Bash",
        "git push &&\nrm x",
        "Push",
    )


@pytest.mark.parametrize(
    ("tool", "given", "paths", "text"),
    [
        ("Write", {"file_path": "/etc/x", "content": "a\nb"}, ("/etc/x",), "a\nb"),
        ("Edit", {"file_path": "a.py", "old_string": "1", "new_string": "2", "replace_all": False}, ("a.py",), "2"),
        ("NotebookEdit", {"notebook_path": "n.ipynb", "new_source": "x"}, ("n.ipynb",), "x"),
        ("WebFetch", {"url": "https://example.com", "prompt": "what"}, (), "https://example.com\nwhat"),
        ("ExitPlanMode", {"plan": "# P", "planFilePath": "/p.md"}, (), "# P"),
        ("mcp__a__b", {"x": {"y": [1, "é"]}}, (), '{"x": {"y": [1, "é"]}}'),
    ],
)
def test_other_tools(tool: str, given: dict[str, object], paths: tuple[str, ...], text: str) -> None:
    """Files are told from words; of a tool that nobody knows everything is shown."""
    report = claude("PermissionRequest", tool_name=tool, tool_input=given)
    assert (report.kind, report.tool, report.command, report.paths, report.text) == (
        "asks-permission",
        tool,
        "",
        paths,
        text,
    )


def test_a_failed_tool_is_told() -> None:
    """Claude Code has an event for it, Codex an exit code in the result."""
    assert not claude("PostToolUse", tool_name="Bash", tool_input={"command": "x"}, tool_response={}).failed
    failed = claude("PostToolUseFailure", tool_name="Bash", tool_input={"command": "x"}, error="Exit code 7")
    assert (failed.kind, failed.failed, failed.message) == ("tool-used", True, "Exit code 7")
    for said, expected in (("Exit code: 0\nWall", False), ("Exit code: 2\nWall", True), ("text", False), (None, False)):
        used = codex("PostToolUse", tool_name="Bash", tool_input={"command": "x"}, tool_response=said)
        assert used.failed is expected


def test_a_patch_of_codex_names_its_files() -> None:
    """Each file that it adds, changes, moves or deletes; its text is the patch."""
    patch = (
        "*** Begin Patch\n*** Add File: /etc/a\n+*** Add File: quoted\n*** Update File: b c\n*** Move to: d\n"
        "*** Delete File: e\n*** End Patch"
    )
    report = codex("PermissionRequest", tool_name="apply_patch", tool_input={"command": patch})
    assert (report.tool, report.paths, report.command, report.text) == (
        "apply_patch",
        ("/etc/a", "b c", "d", "e"),
        "",
        patch,
    )


def test_a_question_comes_whole() -> None:
    """A question of the agent's own is none of leave, though it comes as one."""
    report = claude("PermissionRequest", tool_name="AskUserQuestion", tool_input=ASKED)
    assert (report.kind, report.whole) == ("asks-question", True)
    assert report.questions == (
        Question("Which colour?", "Colour", (Option("Red", "Loud"), Option("Blue", "Calm"))),
        Question("Which sizes?", "Size", (Option("Small"),), multi=True),
    )


def test_an_interruption_ends_a_turn() -> None:
    """Codex says so; it is no end by itself."""
    report = codex("Interrupt")
    assert (report.kind, report.stop_reason) == ("turn-ended", "interrupted")


@pytest.mark.parametrize("payload", [None, [], "x", 1, {}, {"hook_event_name": ["Stop"]}, {"hook_event_name": "Other"}])
def test_what_is_no_event_is_none(payload: object) -> None:
    """Nothing is read into a message that is not one."""
    assert of_claude(payload) is None
    assert of_codex(payload) is None
    assert of_codex({"hook_event_name": "StopFailure"}) is None


def test_what_was_cut_is_not_whole() -> None:
    """A command that is longer than what is kept, or that cannot be kept as it is, is marked: no rule may decide."""
    for command in ("x" * (reports.LONGEST + 1), "a\ud800b", "a\0b", 7, ["x"]):
        report = claude("PermissionRequest", tool_name="Bash", tool_input={"command": command})
        assert (report.whole, len(report.command) <= reports.LONGEST) == (False, True)
        report.command.encode()
    many = {"questions": ASKED["questions"] * 20}
    assert not claude("PermissionRequest", tool_name="AskUserQuestion", tool_input=many).whole


@pytest.mark.parametrize("session", ["--yolo", "-c", "a b", "../x", "x" * 65, 7, None, "\n"])
def test_a_session_is_a_word(session: object) -> None:
    """It becomes a word of a command line: what could be an option or anything else is none."""
    assert claude("SessionStart", session_id=session).session == ""


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
EVENTS = sorted({*reports._CLAUDE, *reports._CODEX})
FIELDS = ("session_id", "tool_name", "tool_response", "prompt", "error", "message", "background_tasks", "cwd", "reason")


@given(
    st.sampled_from(EVENTS),
    st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.sampled_from(["Bash", "apply_patch", "AskUserQuestion", "ExitPlanMode", "other"]),
    JSON | st.dictionaries(st.sampled_from(["command", "file_path", "questions", "plan", "x"]), JSON),
)
def test_any_json_is_read(event: str, more: dict[str, Any], tool: str, given: Any) -> None:
    """Never an exception; what comes out can be stored, and answered with one line of JSON or with nothing."""
    for read in (of_claude, of_codex):
        report = read({"tool_name": tool, "tool_input": given, "hook_event_name": event} | more)
        if report is None:
            continue
        repr(report).encode()
        told = {question.question: "x" for question in report.questions}
        for line in (allow(report), deny(report, "no\nno"), settle(report, told)):
            assert "\n" not in line
            assert not line or json.loads(line)["hookSpecificOutput"]["hookEventName"] == "PermissionRequest"


def test_a_deep_input_is_read() -> None:
    """A tool's input may be as deep as a parser takes it."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    report = of_claude({"hook_event_name": "PostToolUse", "tool_name": "mcp", "tool_input": {"x": deep}})
    assert report is not None
    assert (report.text, report.whole) == ("", False)


def decision(line: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line)["hookSpecificOutput"]["decision"]
    return told


def test_leave_is_given() -> None:
    """For a plan Claude Code wants its input back, or it ignores the leave."""
    bash = claude("PermissionRequest", tool_name="Bash", tool_input={"command": "x"})
    plan = claude("PermissionRequest", tool_name="ExitPlanMode", tool_input={"plan": "x"})
    assert decision(allow(bash)) == {"behavior": "allow"}
    assert decision(allow(plan)) == {"behavior": "allow", "updatedInput": {}}


def test_leave_does_not_answer_a_question() -> None:
    """It would count as answered with nothing. Nor is there leave for what asks for none."""
    question = claude("PermissionRequest", tool_name="AskUserQuestion", tool_input=ASKED)
    assert allow(question) == ""
    assert allow(claude("Stop")) == deny(claude("Stop"), "x") == ""


def test_a_refusal_has_a_reason() -> None:
    """One line, within bounds, whatever the reason holds."""
    bash = codex("PermissionRequest", tool_name="Bash", tool_input={"command": "x"})
    told = decision(deny(bash, "no\n\ud800" + "x" * 9999))
    assert (told["behavior"], len(told["message"]), told["message"][:3]) == ("deny", 2000, "no\n")


def test_questions_are_answered_together() -> None:
    """Each by its text, beside the questions as they were asked; not one alone, and none that was cut."""
    report = claude("PermissionRequest", tool_name="AskUserQuestion", tool_input=ASKED)
    answers = {"Which colour?": "Blue", "Which sizes?": "Small", "Other?": "no"}
    told = decision(settle(report, answers))
    assert told["behavior"] == "allow"
    assert told["updatedInput"]["answers"] == {"Which colour?": "Blue", "Which sizes?": "Small"}
    assert told["updatedInput"]["questions"][0] == ASKED["questions"][0]
    assert settle(report, {"Which colour?": "Blue"}) == ""
    assert settle(report, {**answers, "Which sizes?": ""}) == ""
    assert settle(claude("PermissionRequest", tool_name="Bash", tool_input={}), answers) == ""
