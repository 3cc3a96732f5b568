"""An executor asks: a rule answers, or a person does; nobody answers twice."""

from tests.support.server import eventually
from tests.support.story import Story

QUESTION = "Overwrite shop.txt? [y/N]"


def test_a_rule_answers_each_question_once(story: Story) -> None:
    """Rule: each appearance of a prompt gets one answer, also when the same question comes twice in a row."""
    story.policy("act", (r"Overwrite .*\? \[y/N\]", "y"))
    story.phase("alpha")
    story.executor("alpha").asks(QUESTION).asks(QUESTION).commits("a.txt", "text").asks("Overwrite b? [y/N]")
    said = story.batty("work", "all", "--wait")
    assert said.exit == 0, said.err
    assert story.answers("alpha") == ["y", "y", "y"]
    assert len(story.events("answered")) == 3


def test_a_question_without_a_rule_waits_for_a_person(story: Story) -> None:
    """Rule: it is shown as asking, with the question; `batty answer` and a line typed below it answer it, once."""
    story.phase("alpha")
    story.executor("alpha").asks(QUESTION).asks("Which colour?").commits("a.txt", "text")
    waiting = story.background("work", "all", "--wait")
    seen = story.until_state(alpha="asking")
    assert QUESTION in seen.says("alpha")
    assert seen.of("alpha")["next"] == "batty answer alpha"
    shown = story.batty("answer", "alpha")
    assert QUESTION in shown.out
    assert story.batty("answer", "alpha", "n").exit == 0

    story.until(lambda seen: seen.states["alpha"] == "asking" and "Which colour?" in seen.says("alpha"))
    below = story.events("launched", "alpha")[-1]["orchestrator"]
    story.tmux("send-keys", "-t", below, "-l", "blue; #(touch pwned)")
    story.tmux("send-keys", "-t", below, "Enter")
    assert waiting.result().exit == 0
    assert story.answers("alpha") == ["n", "blue; #(touch pwned)"]
    assert [event["by"] for event in story.events("answered")] == ["person", "person"]
    refused = story.batty("answer", "alpha", "again")
    assert refused.exit == 1


def test_a_policy_that_only_observes_types_nothing(story: Story) -> None:
    """Rule: in observe mode a rule that fits is told, and a person answers."""
    story.policy("observe", (r"Overwrite", "y"))
    story.phase("alpha")
    story.executor("alpha").asks(QUESTION).commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="asking")
    below = story.events("launched", "alpha")[-1]["orchestrator"]
    eventually(lambda: "would answer 'y'" in story.tmux("capture-pane", "-p", "-J", "-t", below), "what it would do")
    assert story.answers("alpha") == []
    story.batty("answer", "alpha", "n")
    story.until_state(alpha="landed")
    assert story.answers("alpha") == ["n"]


def test_an_answer_that_was_not_taken_is_not_given_again(story: Story) -> None:
    """Rule: a prompt that is still there long after its answer is a person's; the policy does not type twice."""
    story.policy("act", (r"Overwrite", "y"))
    story.phase("alpha")
    # takes two lines, and shows nothing of them
    deaf = "stty -echo; printf 'Overwrite a? [y/N] '; head -c 4 >/dev/null; stty echo; echo"
    story.executor("alpha").runs(deaf).commits("a.txt", "text")
    story.batty("work", "all")
    seen = story.until_state(alpha="asking")
    assert "Overwrite a?" in seen.says("alpha")
    assert [event["by"] for event in story.events("answered")] == ["policy"]
    assert story.events("prompted")[-1]["reason"] == "it was answered, and still asks"
    story.batty("answer", "alpha", "y")
    story.until_state(alpha="landed")
