"""What is judged, made of a screen's prompt, of a tool's input and of the journal."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies

from batty_tmux.core.events import Prompted
from batty_tmux.core.prompts import Option, Prompt
from batty_tmux.core.request import Request, of_prompt, of_record, of_tool
from batty_tmux.names import PhaseId

OPTIONS = (Option("1", "Yes"), Option("2", "No"))
PERMISSION = Prompt("permission", "Do you want to proceed?", OPTIONS, "all\nof it", 0, "claude", "git\nstatus")


def test_a_screen_and_its_record_are_one_request() -> None:
    """What was journaled is judged as it was on the screen."""
    request = of_prompt(PERMISSION)
    record = Prompted(
        phase=PhaseId("one"), key="1-x", kind="permission", question=PERMISSION.question, text=PERMISSION.text,
        family="claude", subject=PERMISSION.subject, options=("Yes", "No"), menu=True,
    )  # fmt: skip
    assert (request.tool, request.command, request.wrapped, request.typed) == ("Bash", "git\nstatus", True, False)
    assert of_record(record) == request
    assert not of_record(Prompted(phase=PhaseId("one"), key="1", kind="permission", question="", via="hook")).wrapped


def test_an_edit_names_its_file_and_a_line_is_typed() -> None:
    """By the kind of the dialog, where it names no tool; what names nothing stays text."""
    edit = of_prompt(replace(PERMISSION, kind="edit", subject="src/a.py"))
    assert (edit.tool, edit.paths, edit.command) == ("Edit", ("src/a.py",), "")
    assert of_prompt(replace(PERMISSION, tool="mcp__a__b", subject="x")).command == ""
    line = of_prompt(Prompt("confirm", "Go on? [y/N]", (), "Go on? [y/N]", None))
    assert (line.typed, line.tool) == (True, "")


@pytest.mark.parametrize(
    ("tool", "given_", "expected"),
    [
        ("Bash", {"command": "ls"}, ("permission", "ls", ())),
        ("Edit", {"file_path": "a", "new_string": "sudo"}, ("edit", "", ("a",))),
        ("MultiEdit", {"file_path": "a"}, ("edit", "", ("a",))),
        ("NotebookEdit", {"notebook_path": "a"}, ("edit", "", ("a",))),
        ("Read", {"file_path": "a"}, ("permission", "", ("a",))),
        ("Grep", {"pattern": "x", "path": "src"}, ("permission", "", ("src",))),
        ("WebFetch", {"url": "https://example.org"}, ("permission", "", ())),
        ("ExitPlanMode", {"plan": "x"}, ("plan", "", ())),
        ("mcp__sh__run", {"cmd": "ls"}, ("permission", "ls", ())),
        ("shell", {"command": ["bash", "-lc", "ls -la"]}, ("permission", "bash -lc 'ls -la'", ())),
        ("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}, ("bypass", "ls", ())),
    ],
)
def test_a_tool_tells_what_it_would_do(tool: str, given_: dict[str, object], expected: tuple[object, ...]) -> None:
    """Command or files, by the names that agents give them."""
    request = of_tool(tool, given_)
    assert (request.kind, request.command, request.paths) == expected
    assert request.whole
    assert request.text.startswith(tool)


@pytest.mark.parametrize("value", [3, {"a": 1}, [1, 2], True, ["a", None]])
@pytest.mark.parametrize("key", ["command", "file_path"])
def test_a_value_of_a_wrong_kind_is_for_a_person(key: str, value: object) -> None:
    """Nobody knows what the agent would make of it."""
    assert not of_tool("Bash", {"command": "ls", key: value}).whole


def test_one_question_is_told_with_its_options() -> None:
    """Several at once are not answered by one answer."""
    colours = {"question": "Which?", "options": [{"label": "Red"}, {"label": "Blue"}, "odd"]}
    request = of_tool("AskUserQuestion", {"questions": [colours]})
    assert (request.kind, request.question, request.options, request.menu) == (
        "question",
        "Which?",
        ("Red", "Blue"),
        True,
    )
    assert not of_tool("AskUserQuestion", {"questions": [colours, colours]}).menu


def test_rows_are_joined_in_all_ways() -> None:
    """A break may be a line's end, a blank or nothing; of too many rows there is no reading."""
    request = Request("permission", "Bash", "a\nb", wrapped=True)
    assert request.readings == ("a\nb", "a b", "ab")
    assert len(replace(request, command="a\nb\nc\nd").readings) == 27
    assert replace(request, command="a\nb\nc\nd\ne").readings == ()
    assert replace(request, wrapped=False).readings == ("a\nb",)


VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=20),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(max_size=8), inner),
    max_leaves=20,
)
KEYS = strategies.sampled_from(["command", "file_path", "questions", "path", "dangerously", "x"])


@given(strategies.text(max_size=20), strategies.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=200, deadline=None)
def test_every_input_makes_a_request(tool: str, given_: dict[str, object]) -> None:
    """Total over whatever a hook is told."""
    request = of_tool(tool, given_)
    assert len(request.text) <= 20_001
    assert request.readings or not request.command
