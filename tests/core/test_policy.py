"""What is done about a prompt: denials over rules, rules over what is built in, a person for everything else."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from batty_tmux.core.deny import of_text
from batty_tmux.core.policy import Answer, Ask, Give, Policy, Refuse, Rule, decide, fault, on_screen, reason
from batty_tmux.core.prompts import Prompt, read
from batty_tmux.core.request import Request, of_tool

SCREENS = Path(__file__).parent / "screens"
WORKTREE = "/home/ann/shop.batty/phase-1-run-001"


def seen(name: str) -> Prompt:
    prompt = read((SCREENS / f"{name}.txt").read_text(), name.partition("-")[0])
    assert prompt is not None
    return prompt


def keyed(name: str, policy: Policy) -> tuple[tuple[str, ...], str]:
    """Return the keys that a screen gets, and the rule that chose them."""
    outcome = on_screen(seen(name), policy, WORKTREE)
    assert isinstance(outcome, Answer)
    return outcome.keys, outcome.give.rule


YES_TO_ALL = Policy(rules=(Rule("mine", r"(?s).*", "yes"),))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("claude-2.1.330-C1", ("Down", "Enter")),
        ("claude-2.1.197-C2", ("Enter",)),
        ("codex-0.169.0-X12", ("Enter",)),
        ("codex-0.159.2-X13", ("Down", "Enter")),
        ("claude-2.1.197-C7", ("Enter",)),
        ("claude-2.1.286-C15", ("Enter",)),
        ("claude-2.1.286-C15-caret-on-credits", ("Up", "Enter")),
    ],
)
def test_the_commonest_prompts_are_answered(name: str, keys: tuple[str, ...]) -> None:
    """Trust in its own worktree, no update, one edit in the worktree, waiting for a limit."""
    outcome = on_screen(seen(name), Policy(), WORKTREE)
    assert isinstance(outcome, Answer)
    assert (outcome.text, outcome.keys) == (None, keys)
    assert outcome.give.rule.startswith("built-in ")


@pytest.mark.parametrize(
    "name",
    [
        "claude-2.1.286-C4",
        "claude-2.1.197-C5",
        "claude-2.1.330-C5",
        "claude-2.1.286-C6",
        "claude-2.1.197-C7-outside",
        "claude-2.1.330-C7-outside",
        "claude-2.1.197-C7-own-settings",
        "claude-2.1.197-C13",
        "claude-2.1.330-unheard-of",
        "codex-0.169.0-X1",
        "codex-0.169.0-X3",
        "codex-0.169.0-X14",
        "any-0-y-n",
    ],
)
def test_everything_else_waits_for_a_person(name: str) -> None:
    """Without a rule of the user's, with a reason."""
    outcome = on_screen(seen(name), Policy(set="careful"), WORKTREE)
    assert isinstance(outcome, Ask)
    assert reason(outcome)


@pytest.mark.parametrize("worktree", ["", "/home/ann/shop.batty/phase-1-run-00", "/home/ann", "/elsewhere"])
@pytest.mark.parametrize("name", ["claude-2.1.330-C1", "claude-2.1.197-C2", "codex-0.169.0-X12"])
def test_only_its_own_worktree_is_trusted(name: str, worktree: str) -> None:
    """A trust dialog for any other folder, or while the worktree is not known, waits."""
    assert isinstance(on_screen(seen(name), Policy(), worktree), Ask)


def test_a_wrapped_path_is_still_the_worktree() -> None:
    """A narrow pane breaks the path over two rows."""
    text = (SCREENS / "claude-2.1.330-C1.txt").read_text().replace("shop.batty/phase", "shop.batty/\n phase")
    prompt = read(text, "claude")
    assert prompt is not None
    assert isinstance(on_screen(prompt, Policy(), WORKTREE), Answer)


@pytest.mark.parametrize("name", ["claude-2.1.330-unheard-of", "any-0-menu", "claude-2.1.286-C4", "codex-0.169.0-X14"])
def test_no_rule_answers_what_is_not_understood(name: str) -> None:
    """Unknown dialogs, the bypass warning and log-ins wait even for a rule that fits everything."""
    assert isinstance(on_screen(seen(name), YES_TO_ALL, WORKTREE), Ask)


@pytest.mark.parametrize("name", ["claude-2.1.197-C5-push", "claude-2.1.286-C6"])
def test_no_rule_overrides_a_denial(name: str) -> None:
    """A forced push and a delete outside the worktree wait, and say why."""
    outcome = on_screen(seen(name), YES_TO_ALL, WORKTREE)
    assert isinstance(outcome, Ask)
    assert outcome.reason.startswith("no rule may allow this")


def test_no_rule_buys() -> None:
    """A usage limit is only ever waited for, whatever a rule says."""
    spend = Policy(rules=(Rule("spend", "limit", "switch to usage credits"),))
    outcome = on_screen(seen("claude-2.1.286-C15"), spend, WORKTREE)
    assert isinstance(outcome, Answer)
    assert outcome.give.rule == "built-in wait-for-limit"


def test_a_rule_answers_before_what_is_built_in() -> None:
    """The first rule that matches wins; the answer is found among the options by meaning."""
    rules = (
        Rule("none", "nothing like it", "yes"),
        Rule("mine", r"create cart\.py", "no"),
        Rule("late", "cart", "yes"),
    )
    assert keyed("claude-2.1.197-C7", Policy(rules=rules)) == (("Down", "Down", "Enter"), "mine")
    allow = Policy(rules=(Rule("tests", r"pytest -q tests/", "yes"),))
    assert keyed("claude-2.1.197-C5", allow) == (("Enter",), "tests")


def test_a_rule_types_into_a_line() -> None:
    """Where there is no menu the answer is typed as it stands."""
    policy = Policy(rules=(Rule("go", r"migration\? \[y/N\]", "y"),))
    assert on_screen(seen("any-0-y-n"), policy) == Answer(
        "y", (), Give("y", "go", f"a rule of yours: match {policy.rules[0].match!r}")
    )


def test_a_rule_matches_across_a_wrap() -> None:
    """A pattern is searched in the rows as they are and in their words alone."""
    policy = Policy(rules=(Rule("long", "because it is longer than the pane", "yes"),))
    assert isinstance(on_screen(seen("claude-2.1.197-C5"), policy), Answer)


def test_a_rule_does_not_see_the_transcript() -> None:
    """What the agent wrote above the dialog is not part of the prompt."""
    policy = Policy(rules=(Rule("lured", "I will look at the tests first", "yes"),))
    assert isinstance(on_screen(seen("claude-2.1.197-C5"), policy), Ask)


@pytest.mark.parametrize(
    "match",
    [
        "Overwrite",
        r"Overwrite .*\? \[y/N\]",
        r"Overwrite .*\[y/N\]$",
        r"(?s)Overwrite .*\[y/N\]",
        r"\[y/N\] y",
        r"Overwrite a\.txt\?",
    ],
)
def test_a_rule_for_the_question_above_is_not_for_the_one_below(match: str) -> None:
    """It was answered; what stands below it is asked for the first time."""
    prompt = read("Overwrite a.txt? [y/N] y\nDelete the whole shop? [y/N] ", "any")
    assert prompt is not None
    assert isinstance(on_screen(prompt, Policy(rules=(Rule("old", match, "y"),))), Ask)
    again = read("Overwrite a.txt? [y/N] y\nOverwrite b.txt? [y/N] ", "any")
    assert again is not None
    wanted = "Overwrite" in match and "a\\." not in match
    assert isinstance(on_screen(again, Policy(rules=(Rule("old", match, "y"),))), Answer) == wanted


@pytest.mark.parametrize(
    ("screen", "match"),
    [
        ("3 files would change.\nGo on with the\nmigration? [y/N] ", r"Go on with the migration\?"),
        ("3 files would change.\nGo on? [y/N] ", r"(?s)3 files.*Go on"),
        ("3 files would change.\nGo on? [y/N] ", r"3 files would change\. Go on"),
    ],
)
def test_a_rule_may_begin_above_the_question_that_it_reaches(screen: str, match: str) -> None:
    """What a program says before it asks is part of what it asks, also where the row is too short for it."""
    prompt = read(screen, "any")
    assert prompt is not None
    assert on_screen(prompt, Policy(rules=(Rule("mine", match, "y"),))) == Answer(
        "y", (), Give("y", "mine", f"a rule of yours: match {match!r}")
    )
    above = Policy(rules=(Rule("above", "3 files would change", "y"),))
    assert isinstance(on_screen(prompt, above), Ask)


def test_a_rule_for_a_dialog_may_match_anywhere_in_it() -> None:
    """The command that is asked about stands above the question and its options."""
    prompt = seen("claude-2.1.197-C5")
    first = next(row.strip() for row in prompt.text.splitlines() if "pytest" in row)
    policy = Policy(rules=(Rule("tests", re.escape(first), "yes"),))
    assert "pytest" not in prompt.question
    assert keyed("claude-2.1.197-C5", policy) == (("Enter",), "tests")


def test_a_rule_for_a_lasting_grant_is_refused() -> None:
    """A rule that names "don't ask again" wants mending, and is told so."""
    outcome = on_screen(seen("claude-2.1.197-C5"), Policy(rules=(Rule("lazy", "pytest", "2"),)))
    assert isinstance(outcome, Refuse)
    assert "lazy" in outcome.reason


def test_a_rule_without_an_option_asks() -> None:
    """A rule whose answer no option means leaves the prompt to a person."""
    outcome = on_screen(seen("claude-2.1.197-C5"), Policy(rules=(Rule("odd", "pytest", "perhaps"),)))
    assert outcome == Ask("odd answers 'perhaps', and no option means that", "odd")


def test_modes() -> None:
    """Observe types nothing and says what it would do; suggest offers it; act does it."""
    prompt = seen("claude-2.1.197-C7")
    act = on_screen(prompt, Policy(), WORKTREE)
    assert isinstance(act, Answer)
    rule = "built-in edit-in-worktree"
    suggested = on_screen(prompt, Policy(mode="suggest"), WORKTREE)
    assert suggested == Ask(f"suggested by {rule}", rule, act.give, suggested=True)
    assert reason(suggested) == f"suggested by {rule}: 'yes once'"
    observed = on_screen(prompt, Policy(mode="observe"), WORKTREE)
    assert observed == Ask("policy only observes", rule, act.give)
    assert reason(observed) == f"policy only observes: {rule} would answer 'yes once'"


def test_a_cut_command_is_not_judged() -> None:
    """Half a command may look harmless."""
    cut = replace(seen("claude-2.1.197-C5"), whole=False)
    assert isinstance(on_screen(cut, YES_TO_ALL, WORKTREE), Ask)


@pytest.mark.parametrize("kind", ["secret", "permission"])
@pytest.mark.timeout(10)
def test_long_text_is_left_to_a_person_in_bounded_time(kind: str) -> None:
    """Past 20,000 characters nothing is decided; searching for denials takes time in proportion to the length."""
    long = Prompt(kind, "?", (), "git push rm -r " * 2_000, None)
    assert isinstance(on_screen(long, YES_TO_ALL), Ask)
    assert of_text("git rm -r npm push branch " * 800, "main") == ""


@pytest.mark.parametrize(
    "command",
    [
        "git push --force origin x",
        "git push -f",
        "git -C /r push origin +x",
        "git push --force-with-lease",
        "git push origin main",
        "git push origin HEAD:main",
        "git push origin HEAD:refs/heads/main",
        "git push origin :x --delete",
        "git pu\n   sh --force origin x",
        "git push \\\n   --force",
        "git update-ref refs/heads/main HEAD",
        "git branch -D main",
        "git branch -f main HEAD",
        "git branch --delete main",
        "git checkout -B main",
        "git switch -C main",
        "rm -rf /var/lib/x",
        "rm -r -f ../x",
        "rm -fr ~/x",
        'rm -rf "$HOME"',
        "rm --recursive --force build/../../x",
        "cd x && sudo make install",
        "npm install -g typescript",
        "npm -g i typescript",
        "pnpm add --global x",
        "yarn global add x",
    ],
)
def test_of_text(command: str) -> None:
    """What no rule may allow, in the forms that it is usually written in."""
    assert of_text(f"Bash command\n\n   {command}\n", "main")


@pytest.mark.parametrize(
    "command",
    [
        "git push origin batty/phase-1-run-001",
        "git push origin main-page",
        "git branch -D old",
        "git commit -m 'main'",
        "rm -rf build",
        "rm -f /tmp/x.log",
        "npm install",
        "npm run build",
        "pytest -q",
        "git add -A && git commit -m 'pushed the button'",
    ],
)
def test_not_of_text(command: str) -> None:
    """Ordinary work is left to the rules."""
    assert of_text(f"Bash command\n\n   {command}\n", "main") == ""


def test_faults_of_rules_are_told() -> None:
    """Whoever loads the configuration can refuse a rule by name."""
    assert fault(Rule("a", "Continue\\?", "y")) is None
    assert fault(Rule("a", answer="yes", command="(pytest) *")) is None
    assert "match is not a regular expression" in (fault(Rule("a", "(", "y")) or "")
    assert "command is not a regular expression" in (fault(Rule("a", answer="y", command="/(/")) or "")
    assert fault(Rule("a", "", "y"))


# --- rules over kind, tool, command and paths ---------------------------------------------------------------


def asks(command: str, *, tool: str = "Bash") -> Request:
    return of_tool(tool, {"command": command})


def decided(request: Request, *rules: Rule, **more: Any) -> str:
    """Return the name of the rule that answers, or of the one that leaves it to a person, in brackets."""
    outcome = decide(request, Policy(rules=rules, **({"set": "careful"} | more)), WORKTREE)
    return outcome.rule if isinstance(outcome, Give) else f"[{outcome.rule}]"


PYTEST = Rule("tests", answer="yes", command="pytest *")


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("pytest", "tests"),
        ("pytest -q tests/", "tests"),
        ("timeout 60 pytest -q", "tests"),
        ("bash -c 'pytest -q'", "tests"),
        ("uv run pytest -q", "tests"),
        ("pytest -q 2>/dev/null", "tests"),
        ("pytest a && pytest b", "tests"),
        ("pytestify", "[]"),
        ("pytest > log.txt", "[]"),
        ("pytest && rm x", "[]"),
        ("pytest | tee log", "[]"),
        ("pytest $(rm x)", "[]"),
        ("echo pytest x", "[]"),
        ("'pytest -q'", "[]"),
        ("PATH=/x pytest", "[unparsed]"),
        ("pytest (", "[unparsed]"),
        ("pytest && rm -rf /x", "[deny]"),
    ],
)
def test_a_rule_for_a_command_fits_each_command_of_the_line(command: str, rule: str) -> None:
    """`pytest && rm x` is not `pytest *`, however it is written; wrappers do not hide what runs."""
    assert decided(asks(command), PYTEST) == rule


def test_a_rule_for_a_command_may_be_a_regular_expression_or_name_a_wrapper() -> None:
    """Between slashes; a glob may also be for the words as they were written."""
    rule = Rule("logs", answer="yes", command="/git (log|diff)( .*)?/")
    assert [decided(asks(line), rule) for line in ("git log -3", "git diff", "git push")] == ["logs", "logs", "[]"]
    assert decided(asks("timeout 5 pytest"), Rule("timed", answer="yes", command="timeout *")) == "timed"


def test_all_that_a_rule_names_must_fit() -> None:
    """Kind, tool, command, paths and text are read together; paths are seen from the worktree."""
    edit = of_tool("Edit", {"file_path": f"{WORKTREE}/docs/a.md", "new_string": "x"})
    docs = Rule("docs", answer="no", paths=("docs/*",))
    assert decided(edit, docs) == "docs"
    assert decided(edit, replace(docs, kind="edit", tool="Edit", match="a.md")) == "docs"
    for other in (
        {"kind": "permission"},
        {"tool": "Write"},
        {"paths": ("src/*",)},
        {"match": "b.md"},
        {"command": "*"},
    ):
        assert decided(edit, replace(docs, **other)) == "built-in edit-in-worktree"


def test_a_tool_of_a_server_is_allowed_by_its_name() -> None:
    """No built-in rule knows such a tool; the name is a glob."""
    request = of_tool("mcp__github__get_issue", {"number": 3})
    assert decided(request, set="trusting") == "[]"
    assert decided(request, Rule("github", answer="yes", tool="mcp__github__*")) == "github"


def test_a_rule_may_leave_something_to_a_person() -> None:
    """ "ask" is an answer, and comes before what is built in."""
    rule = Rule("mine", answer="ask", command="git commit *")
    assert decided(asks("git commit -m x"), set="standard") == "standard: commit"
    assert decided(asks("git commit -m x"), rule, set="standard") == "[mine]"


def test_a_tool_is_allowed_or_not() -> None:
    """A hook can say yes or no for a tool, and nothing else."""
    assert decided(asks("pytest"), Rule("odd", answer="perhaps", command="pytest")) == "[odd]"
    outcome = decide(asks("pytest"), Policy(rules=(Rule("never", answer="n", command="pytest"),)), WORKTREE)
    assert isinstance(outcome, Give)
    assert outcome.answer == "no"


def test_no_is_said_also_to_what_is_not_certain() -> None:
    """What cannot be parsed is never allowed; forbidding it needs no certainty."""
    assert decided(asks("pytest ("), Rule("no", "pytest", "no")) == "no"
    assert decided(asks("pytest ("), Rule("yes", "pytest", "yes")) == "[unparsed]"


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (asks("docker build ."), "full"),
        (of_tool("Edit", {"file_path": f"{WORKTREE}/.envrc"}), "full"),
        (of_tool("mcp__x__y", {}), "full"),
        (asks("docker build ("), "[unparsed]"),
        (asks("docker build . && git push --force"), "[deny]"),
        (of_tool("Edit", {"file_path": "/etc/passwd"}), "[deny]"),
        (of_tool("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}), "[never]"),
        (Request("unknown", text="?"), "[never]"),
        (Request("secret", text="Password:"), "[never]"),
        (Request("hooks", text="?", menu=True), "[never]"),
        (Request("mcp", text="?", menu=True), "[never]"),
        (Request("login", text="?", menu=True), "[never]"),
        (Request("question", text="Which colour?", menu=True), "[]"),
        (Request("plan", text="Proceed?", menu=True), "[]"),
        (Request("confirm", text="Overwrite? [y/N]"), "[]"),
    ],
)
def test_full_allows_what_is_not_denied_and_nothing_that_was_not_understood(request_: Request, rule: str) -> None:
    """It is a word that somebody wrote; it answers permissions and edits, and still no dialog of other kinds."""
    assert decided(request_, mode="full") == rule


def test_a_command_whose_rows_may_be_wrapped_is_read_in_all_ways() -> None:
    """On a screen a break may be the pane's: only what is allowed in every reading is answered."""
    harmless = Request("permission", "Bash", "pytest -q\ntests/core", menu=True, wrapped=True, family="claude")
    assert decided(harmless, set="standard") == "[]"
    assert decided(replace(harmless, wrapped=False, command="pytest -q tests/core"), set="standard").startswith(
        "standard"
    )
    hidden = replace(harmless, command="git pu\nsh origin +x")
    assert decided(hidden, Rule("all", ".", "yes")) == "[deny]"
    long = replace(harmless, command="\n".join(["ls"] * 9))
    assert decided(long, set="standard") == "[unparsed]"
    assert decided(replace(long, wrapped=False), set="standard") == "standard: look-only command"


@given(
    strategies.text(max_size=80), strategies.sampled_from(["permission", "edit", "confirm", "question", "plan", "x"])
)
@settings(max_examples=300, deadline=None)
def test_every_text_is_decided(text: str, kind: str) -> None:
    """Total: a screen, a hook and a journal may hold anything."""
    for request in (
        Request(kind, "Bash", text, (text,), text, text, (text,), menu=True, wrapped=True),
        Request(kind, text=text, question=text),
        of_tool(text, {text: text, "command": text, "file_path": text}),
    ):
        for mode in ("act", "full"):
            outcome = decide(request, Policy(mode=mode, set="trusting", rules=(Rule("r", ".", "yes"),)), WORKTREE)
            assert isinstance(outcome, (Give, Ask, Refuse))
