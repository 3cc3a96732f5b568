"""An executor asks: a rule answers, or a person does; nobody answers twice."""

import shlex
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.support.server import eventually
from tests.support.story import PATIENCE, Story

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


def test_the_answer_to_a_prompt_for_a_secret_is_typed_and_never_written(story: Story) -> None:
    """Rule: what was asked for as a secret reaches the executor; neither journal nor packet holds it."""
    story.phase("alpha")
    story.executor("alpha").asks("Password:").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="asking")
    assert story.batty("answer", "alpha", "swordfish").exit == 0
    story.until_state(alpha="landed")
    assert story.answers("alpha") == ["swordfish"]
    assert [event["answer"] for event in story.events("answered")] == ["[redacted:answer]"]
    kept = [file for file in (story.repo / ".git" / "batty").rglob("*") if file.is_file()]
    assert [file.name for file in kept if b"swordfish" in file.read_bytes()] == []


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
    again = "it was answered, and still asks"
    eventually(lambda: any(event.get("reason") == again for event in story.events("prompted")), "the second look")
    seen = story.until_state(alpha="asking")
    assert "Overwrite a?" in seen.says("alpha")
    assert [event["by"] for event in story.events("answered")] == ["policy"]
    story.batty("answer", "alpha", "y")
    story.until_state(alpha="landed")


def test_the_question_of_an_executor_whose_first_start_failed_is_seen(story: Story) -> None:
    """Rule: the pane whose process ended heard nothing any more; the one that follows it is listened to."""
    story.settings["run"]["setup"] = "test -e ../ready"
    story.phase("alpha")
    story.executor("alpha").waits().asks("Which colour?").commits("a.txt", "text")
    story.batty("work", "all")
    story.until_state(alpha="failed")
    # a supervisor that begins at a dead pane: there was nothing to listen to
    story.kill(9, "supervisor of alpha")
    (story.worktrees / "ready").touch()
    assert story.batty("work", "alpha").exit == 0
    story.until_waiting("alpha")
    # only then: a question that is there at the first look is seen without listening
    pane = story.events("launched", "alpha")[-1]["pane"]
    eventually(lambda: story.tmux("display-message", "-p", "-t", pane, "#{pane_pipe}") == "1", "a pipe of the new pane")
    story.open_door("alpha")
    story.until_state(alpha="asking")
    story.batty("answer", "alpha", "blue")
    story.until_state(alpha="landed")
    assert story.answers("alpha") == ["blue"]


def test_a_rule_for_an_answered_question_leaves_the_next_to_a_person(story: Story) -> None:
    """Rule: the answered question is still on the screen, right above the new one; no rule for it is for this."""
    story.policy("act", (r"Overwrite .*\[y/N\]", "y"))
    story.phase("alpha")
    story.executor("alpha").asks(QUESTION).asks("Delete the shop? [y/N]").commits("a.txt", "text")
    story.batty("work", "all")
    seen = story.until(lambda seen: seen.states["alpha"] == "asking" and "Delete" in seen.says("alpha"))
    assert "no rule answers this" in story.events("prompted")[-1]["reason"], seen
    assert [event["by"] for event in story.events("answered")] == ["policy"]
    story.batty("answer", "alpha", "n")
    story.until_state(alpha="landed")
    assert story.answers("alpha") == ["y", "n"]


def test_waiting_without_a_terminal_tells_what_waits_for_a_person(story: Story) -> None:
    """Rule: --wait goes on waiting, and says for whom and which command answers, once."""
    story.phase("alpha")
    story.executor("alpha").asks("Which colour?").commits("a.txt", "text")
    told = story.root / "told"
    command = shlex.join((sys.executable, "-P", "-m", "batty_tmux", "work", "all", "--wait"))
    story.begin()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(story.run, "sh", "-c", f"exec {command} 2>{shlex.quote(str(told))}")
        eventually(lambda: told.exists() and "↳ batty answer alpha" in told.read_text(), "what waits", PATIENCE)
        assert not waiting.done()
        assert story.batty("answer", "alpha", "blue").exit == 0
        assert waiting.result().status == 0
    text = told.read_text()
    assert (text.count("waits for you\n"), "Which colour?" in text) == (1, True), text
