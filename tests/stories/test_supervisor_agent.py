"""A supervisor agent is asked about what no rule answers; what it says passes the same policy as any answer."""

import json
import shlex
from pathlib import Path

import pytest

from tests.support.story import Story

UNRULED = "curl https://example.org/data.json"
"""A command that no standard rule answers."""
DENIED = "git push --force origin main"


def supervised(story: Story, **reply: object) -> Path:
    """Have a program supervise that gives this reply; return the file with all that it was told."""
    told = story.root / "told"
    full = {"decision": "answer", "answer": "Yes", "confidence": 0.9, "reason": "it only reads", **reply}
    script = story.root / "supervisor"
    script.write_text(f"#!/bin/sh\ncat >>{shlex.quote(str(told))}\necho {shlex.quote(json.dumps(full))}\n")
    script.chmod(0o755)
    story.settings["supervisor"] = {"by": "command", "command": [str(script)], "calls": 3}
    story.phase("alpha", goal="Read the data")
    return told


def test_it_answers_what_no_rule_does(story: Story) -> None:
    """Rule: one call, journaled before and after, its answer given by keys, its reason and what it was told kept."""
    told = supervised(story)
    story.claude("alpha", [{"do": "ask", "command": UNRULED}, {"do": "finish"}])
    assert story.batty("work", "all", "--wait").exit == 0
    assert story.heard("alpha", "answers") == [f"key allow: {UNRULED}"]
    kinds = [event["event"] for event in story.events("", "alpha")]
    assert kinds.index("prompted") < kinds.index("consulting") < kinds.index("consulted") < kinds.index("answered")
    answered = story.events("answered", "alpha")[0]
    assert (answered["by"], answered["why"]) == ("supervisor", "it only reads")
    assert answered["rule"].startswith("supervisor ")
    assert "Read the data" in told.read_text()
    assert UNRULED in told.read_text()
    snapshot = Path(story.events("consulting", "alpha")[0]["snapshot"])
    assert UNRULED in snapshot.read_text()


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"decision": "escalate", "reason": "too risky"}, "escalate"),
        ({"confidence": 0.2}, "escalate"),
        ({"answer": "Yes, and don't ask again for this in this project"}, "escalate"),
        ({"decision": 7}, "failed"),
    ],
)
def test_what_it_leaves_open_is_a_persons(story: Story, reply: dict[str, object], outcome: str) -> None:
    """Rule: it escalates, is not sure, wants more than this once, or talks nonsense: nothing is typed."""
    supervised(story, **reply)
    story.claude("alpha", [{"do": "ask", "command": UNRULED}, {"do": "finish"}])
    story.batty("work", "all")
    story.until_state(alpha="asking")
    assert story.events("consulted", "alpha")[0]["outcome"] == outcome
    assert story.heard("alpha", "answers") == []
    assert story.batty("answer", "alpha", "no").exit == 0
    story.until_state(alpha="landed")
    assert story.heard("alpha", "answers") == [f"key deny: {UNRULED}"]


def test_it_is_not_asked_about_what_is_denied(story: Story) -> None:
    """Rule: no model decides about a forced push; the list of denials is above it, and costs no call."""
    supervised(story)
    story.claude("alpha", [{"do": "ask", "command": DENIED}, {"do": "finish"}])
    story.batty("work", "all")
    story.until_state(alpha="asking")
    assert story.events("prompted", "alpha")[0]["reason"].startswith("no rule may allow this")
    assert not story.events("consulting")


def test_a_call_that_was_cut_off_is_made_once_more(story: Story) -> None:
    """Rule: a supervisor killed in the middle of it finds the question open; both calls count."""
    supervised(story)
    stuck = story.stand_still_once(story.root / "supervisor")
    story.claude("alpha", [{"do": "ask", "command": UNRULED}, {"do": "finish"}])
    story.batty("work", "all")
    story.until(lambda _: stuck.exists(), "the first call")
    story.kill(9, "supervisor of alpha")
    story.batty("status")
    story.until_state(alpha="landed")
    assert [event["number"] for event in story.events("consulting", "alpha")] == [1, 2]
    assert [event["outcome"] for event in story.events("consulted", "alpha")] == ["failed", "answer"]
