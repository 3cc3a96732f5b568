"""`batty policy` and its commands: the rules in order, one prompt tried, and all that were."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batty_tmux.commands.policy import command
from batty_tmux.core.events import Answered, Prompted
from batty_tmux.names import PhaseId
from tests.support.desk import Desk
from tests.support.lander import RUN

RULES = """
[policy]
set = "careful"
[[policy.rule]]
name = "overwrite"
match = "Overwrite .*\\\\? \\\\[y/N\\\\]"
answer = "n"
[[policy.rule]]
name = "never"
command = "git stash *"
answer = "ask"
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One phase, launched; the checkout's batty.toml has rules that are not committed."""
    made = Desk.make(tmp_path, "one", gate="bin/check")
    made.launch("one", {"a.txt": "x"})
    settings = made.repo.folder / "batty.toml"
    settings.write_text(settings.read_text() + RULES)
    return made


def policy(desk: Desk, *words: str) -> Result:
    return CliRunner().invoke(command, words, obj=desk.repo.folder, catch_exceptions=False)


def test_the_rules_are_shown_in_order(desk: Desk) -> None:
    """Mode, set and built-in rules of what is committed; the user's own stand first."""
    said = policy(desk).stdout
    assert said.startswith("mode act   set standard\n")
    assert "standard: commit" in said
    assert "overwrite" not in said
    desk.repo.git("commit", "--quiet", "--all", "--message", "Rules")
    told = policy(desk).stdout
    assert told.index("overwrite") < told.index("never") < told.index("built-in trust-worktree")
    assert "standard: commit" not in told


@pytest.mark.parametrize(
    ("words", "exit_", "says"),
    [
        (
            ("bin/check && git status", "--set", "standard"),
            0,
            ["answer 'yes once' by standard: tests and checks", "why:"],
        ),
        (("git status",), 1, ["ask a person\n", "no rule answers this", "  git status"]),
        (("git stash drop", "--set", "trusting"), 1, ["ask a person by never"]),
        (("cd / && rm -rf x",), 1, ["ask a person by deny", "a delete outside the worktree", "  rm -rf x in /\n"]),
        (("ls $(", "--set", "trusting"), 1, ["ask a person by unparsed", "not certain:"]),
        (("Overwrite shop.txt? [y/N]",), 0, ["answer 'n' by overwrite"]),
        (("Overwrite shop.txt? [y/N]", "--mode", "suggest"), 1, ["suggest 'n' by overwrite"]),
        (("Go on?", "--kind", "confirm"), 1, ["no rule answers this"]),
        (("", "--tool", "Edit", "--path", "src/a.py"), 0, ["built-in edit-in-worktree"]),
        (("", "--tool", "Read", "--path", "/home/ann/.ssh/id_rsa"), 1, ["reading credentials"]),
        (("x", "--path", "/etc/x"), 1, ["writing outside the worktree"]),
        (("ls \x1b[2J", "--set", "trusting"), 1, ["odd character"]),
    ],
)
def test_one_prompt_is_tried(desk: Desk, words: tuple[str, ...], exit_: int, says: list[str]) -> None:
    """With the checkout's rules: which one decides, the answer, why, and what the parser sees; 0 for an answer."""
    said = policy(desk, "test", *words)
    assert (said.exit_code, [told for told in says if told not in said.stdout]) == (exit_, [])
    assert "\x1b" not in said.stdout


def test_a_path_is_judged_from_the_phase_that_is_named(desk: Desk) -> None:
    """Its own worktree; without one, the checkout stands for it."""
    inside = f"ls {desk.repo.folder.parent}/shop.batty/one-run-001/kanban"
    assert policy(desk, "test", inside, "--set", "standard", "--phase", "one").exit_code == 0
    assert policy(desk, "test", inside, "--set", "standard").exit_code == 1


def ask(desk: Desk, number: int, command_: str, by: str = "", answer: str = "yes") -> None:
    key = f"{number}-x"
    told = Prompted(
        run=RUN, phase=PhaseId("one"), key=key, kind="permission", question="Do you want to proceed?", tool="Bash",
        subject=command_, menu=True, options=("Yes", "No"), family="claude", via="hook",
        decision="answer" if by == "policy" else "ask",
    )  # fmt: skip
    desk.lander.write(told)
    if by == "policy":
        desk.lander.write(Answered(run=RUN, phase=PhaseId("one"), key=key, by="policy", answer=answer, rule="old"))
    elif by == "person":
        desk.lander.write(Answered(run=RUN, phase=PhaseId("one"), key=key, by="person", answer=answer))


def test_another_policy_is_tried_on_the_journal(desk: Desk) -> None:
    """Only what would be decided otherwise is printed, with counts; the journal stays as it is."""
    ask(desk, 1, "git status", by="person")
    ask(desk, 2, "git commit -m x", by="policy", answer="yes once")
    ask(desk, 3, "git push --force", by="person", answer="no")
    before = len(desk.project.place.records.events)
    said = policy(desk, "replay", "--set", "standard").stdout
    assert "one: git status\n  then: ask a person\n  now:  answer 'yes once' by standard: look-only command" in said
    assert "git push" not in said
    assert "git commit" not in said
    assert said.splitlines()[-1] == "3 prompts: 2 answer, 1 ask; 1 decided otherwise"
    careful = policy(desk, "replay").stdout
    assert "one: git commit -m x\n  then: answer 'yes once' by old\n  now:  ask a person" in careful
    assert policy(desk, "replay", "two").stdout == "no prompt is in the journal\n"
    assert len(desk.project.place.records.events) == before


def test_rules_are_proposed_for_what_a_person_answers_again_and_again(desk: Desk) -> None:
    """By the number of answers; not where a rule could not allow it, nor where it is answered already."""
    for number, answer in enumerate(("yes", "1", "y"), 1):
        ask(desk, number, "docker compose up", by="person", answer=answer)
    for number in (4, 5):
        ask(desk, number, "git push --force", by="person")
    ask(desk, 6, "docker ps", by="person")
    said = policy(desk, "replay").stdout
    assert "you answered 'docker compose up' with 'yes' 3 times; a rule would be\n  [[policy.rule]]\n" in said
    assert '  command = "docker compose up"\n  answer = "yes"\n' in said
    assert "push" not in said
    assert "docker ps" not in said


def test_a_file_that_is_no_configuration_is_refused(desk: Desk, tmp_path: Path) -> None:
    """With its line and key, as everywhere."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[policy]\nset = 'bold'\n")
    said = CliRunner().invoke(command, ["replay", "--config", str(wrong)], obj=desk.repo.folder)
    assert "policy.set" in str(said.exception)
