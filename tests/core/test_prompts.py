"""What is read from a screen: each file in screens/ is <family>-<version>-<id of the catalogue>[-variant].txt."""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

import pytest

from batty_tmux.core.liveness import (
    compaction_notice,
    composer_of,
    context_notice,
    error_notice,
    limit_notice,
    retry_notice,
    shell_prompt,
    survey_shown,
)
from batty_tmux.core.prompts import Option, Prompt, busy, idle, keys, read
from tests.support.catalogue import MEANINGS, SCREENS, catalogue

DIALOGS = [name for name, shown in catalogue().items() if shown.kind]
QUIET = [name for name, shown in catalogue().items() if not shown.kind]
OF_AGENTS = [name for name in DIALOGS if not name.startswith("any") and catalogue()[name].caret is not None]
# one option's own words or number, and whether they may choose it
NAMED: list[tuple[str, str, tuple[str, ...] | None]] = [
    ("claude-2.1.286-C4", "Yes, I accept", None),
    ("claude-2.1.197-C5", "2", None),
    ("claude-2.1.332-C5", "3", None),
    ("claude-2.1.286-C6", "2", ("Down", "Enter")),
    ("claude-2.1.197-C7", "2", None),
    ("claude-2.1.332-C12-exit", "1", None),
    ("claude-2.1.197-C13", "blue", ("Down", "Enter")),
    ("claude-2.1.332-C13-several", "1", None),
    ("claude-2.1.332-C14-review", "submit answers", ("Enter",)),
    ("claude-2.1.286-C11", "1", None),
    ("claude-2.1.286-C15", "2", None),
    ("claude-2.1.286-C15", "switch to usage credits", None),
    ("claude-2.1.286-C15", "3", None),
    ("claude-2.1.286-C15-lower-priority", "1", None),
    ("claude-2.1.332-C19-api-key", "yes", None),
    ("claude-2.1.240-C20", "yes", None),
    ("claude-2.1.330-unheard-of", "1", None),
    ("codex-0.169.0-X1", "2", None),
    ("codex-0.169.0-X5", "4", None),
    ("codex-0.169.0-X9", "PostgreSQL", ("Down", "Enter")),
    ("codex-0.169.0-X11", "1", None),
    ("codex-0.169.0-X11-reached", "1", None),
    ("codex-0.169.0-X13", "1", None),
    ("codex-0.169.0-X15", "2", None),
    ("any-0-menu", "full", None),
]


def screen(name: str) -> tuple[str, str]:
    shown = catalogue()[name]
    return shown.text, shown.family


def asked(name: str) -> Prompt:
    prompt = read(*screen(name))
    assert prompt is not None
    return prompt


def test_every_row_of_the_catalogue_has_a_screen() -> None:
    """C1 to C32 and X1 to X22, and no file lies about unused."""
    assert {path.stem for path in SCREENS.iterdir()} == set(catalogue())
    wanted = {f"C{n}" for n in range(1, 33)} | {f"X{n}" for n in range(1, 23)}
    assert wanted - {shown.entry for shown in catalogue().values()} == set()


@pytest.mark.parametrize("name", DIALOGS)
def test_a_prompt_is_read_as_a_person_reads_it(name: str) -> None:
    """Kind, tool, subject, question, options and caret; and a dialog is neither work nor rest."""
    shown, prompt = catalogue()[name], asked(name)
    seen = (prompt.kind, prompt.tool, prompt.subject, prompt.question, prompt.place, prompt.whole)
    assert seen == (shown.kind, shown.tool, shown.subject, shown.question, shown.place, shown.whole)
    assert (tuple(option.label for option in prompt.options), prompt.caret) == (shown.options, shown.caret)
    assert not busy(*screen(name))
    assert not idle(*screen(name))


@pytest.mark.parametrize("name", DIALOGS)
def test_options_are_chosen_by_meaning(name: str) -> None:
    """Keys lead from where the caret is to the option that means it; what grants more, pays or installs has none."""
    prompt = asked(name)
    assert {m: keys(prompt, m) for m in MEANINGS} == {m: catalogue()[name].keys(m) for m in MEANINGS}


@pytest.mark.parametrize(("name", "words", "pressed"), NAMED)
def test_an_option_is_named_by_its_words_or_number(name: str, words: str, pressed: tuple[str, ...] | None) -> None:
    """A person may name it so; what spends money, installs, or grants more than this once is chosen for nobody."""
    assert keys(asked(name), words) == pressed


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_asked(name: str) -> None:
    """Work, rest, streaming text, quoted dialogs and answered ones are no prompts."""
    shown = screen(name)
    assert read(*shown) is None
    assert ("busy" if busy(*shown) else "idle" if idle(*shown) else "") == catalogue()[name].state
    assert not (busy(*shown) and idle(*shown))


@pytest.mark.parametrize("name", catalogue())
def test_notices_are_read_where_the_agent_gives_them(name: str) -> None:
    """A limit, a retry, a context that has run out, an error, a shell: their words, and nothing where there is none."""
    said = {
        "limit": limit_notice(*screen(name)),
        "retry": retry_notice(*screen(name)),
        "context": context_notice(*screen(name)),
        "compaction": compaction_notice(*screen(name)),
        "error": error_notice(*screen(name)),
        "shell": shell_prompt(*screen(name)),
    }
    assert {what: text for what, text in said.items() if text} == catalogue()[name].notices
    assert survey_shown(*screen(name)) == (catalogue()[name].entry == "C21")


@pytest.mark.parametrize("name", [name for name in QUIET if catalogue()[name].notices])
def test_a_notice_that_work_has_followed_is_none(name: str) -> None:
    """Once the agent goes on, what stopped it is history; so is what it only quotes."""
    text, family = screen(name)
    told = [limit_notice, retry_notice, error_notice, shell_prompt]
    after = f"{text}\n{'●' if family == 'claude' else '•'} I go on with the totals.\n"
    quoted = "\n".join(f"      {line}" for line in text.splitlines())
    assert [notice(shown, family) for notice in told for shown in (after, quoted)] == [""] * 8


def test_what_is_written_in_a_composer_is_known() -> None:
    """Nothing, a text, or that there is no composer at all."""
    written = [
        composer_of(*screen(name))
        for name in (
            "claude-2.1.197-C27",
            "claude-2.1.286-C27-written",
            "codex-0.169.0-X20",
            "codex-0.169.0-X20-written",
            "codex-0.169.0-X9-notes",
            "claude-2.1.332-C31",
        )
    ]
    assert written == ["", "Look at the totals too", "", "Look at the totals too\nand at the taxes", None, None]


@pytest.mark.parametrize("name", OF_AGENTS)
@pytest.mark.parametrize("below", ["● Done, it was answered.", "❯ ", "› Ask Codex to do anything", "$ ", "text"])
def test_live_text_below_a_dialog_makes_it_history(name: str, below: str) -> None:
    """Whatever dialog it is: with anything but key hints under it, it is quoted or was answered."""
    text, family = screen(name)
    assert read(f"{text.rstrip()}\n\n{below}\n", family) is None


@pytest.mark.parametrize("name", OF_AGENTS)
def test_an_indented_dialog_is_never_typed_into(name: str) -> None:
    """An agent's own text is indented; a dialog quoted at the very bottom of a half-painted screen gets no key."""
    text, family = screen(name)
    quoted = read("\n".join(f"    {line}" for line in text.splitlines()), family)
    assert quoted is None or quoted.kind == "unknown"


@pytest.mark.parametrize("name", DIALOGS)
@pytest.mark.parametrize("rows", range(1, 14))
def test_half_a_dialog_is_not_another_dialog(name: str, rows: int) -> None:
    """Cut from below, as a screen that is still being painted, it never has a shorter way to yes."""
    text, family = screen(name)
    prompt = read("\n".join(text.rstrip().splitlines()[:-rows]), family)
    if prompt is not None and prompt.caret is not None:
        chosen = keys(prompt, "yes")
        assert chosen in {None, keys(asked(name), "yes")}


def test_a_title_that_left_the_screen_is_told() -> None:
    """A permission whose beginning is not seen cannot be judged."""
    text, family = screen("claude-2.1.197-C5")
    rows = text.rstrip().splitlines()
    start = next(n for n, row in enumerate(rows) if "pytest" in row and row.startswith("   "))
    prompt = read("\n".join(rows[start:]), family)
    assert prompt is not None
    assert (prompt.kind, prompt.whole, asked("claude-2.1.197-C5").whole) == ("permission", False, True)


def test_what_is_asked_about_is_named() -> None:
    """Command and path are taken from the dialog, the question from above the options, with all of the block's text."""
    command, edit = asked("claude-2.1.197-C5-push"), asked("claude-2.1.197-C7")
    assert command.subject.splitlines()[0] == "git push --force origin phase-1"
    assert (edit.subject, edit.question) == ("src/cart.py", "Do you want to create cart.py?")
    assert asked("claude-2.1.330-C5").subject == "git commit -q -m 'first step' && make -k check"
    assert asked("codex-0.169.0-X1").subject == "pytest -q"
    assert "I will look at the tests first" not in edit.text
    assert edit.text.splitlines()[0] == " Create file"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Overwrite config? (y/n)", "confirm"),
        ("Are you sure you want to continue connecting (yes/no/[fingerprint])? ", "confirm"),
        ("Continue?", "confirm"),
        ("Press ENTER to go on", "continue"),
        ("Which port should it use? ", "question"),
        ("Enter a number [1-3]: ", "choice"),
        ("[sudo] password for ann: ", "secret"),
        ("Enter passphrase for key '/home/ann/.ssh/id': ", "secret"),
    ],
)
def test_lines_that_ask(line: str, kind: str) -> None:
    """Any program's question on the last line is seen."""
    prompt = read(f"Some output.\n{line}\n\n", "any")
    assert prompt is not None
    assert (prompt.kind, prompt.caret) == (kind, None)


@pytest.mark.parametrize("line", ["+ Continue? [y/N]", "   12 + Continue? (y/n)", "> Proceed?", "● Continue?"])
def test_a_marked_question_is_for_a_person(line: str) -> None:
    """A program's own mark, or a line of a diff: unseen it would block for ever, answered it might be wrong."""
    seen = read(f"Some output.\n{line}\n", "any")
    assert seen is not None
    assert seen.kind == "unknown"
    assert read(f"Some output.\n{line}\n", "claude") is None


@pytest.mark.parametrize("line", ["Copied 3 files.", "# What now?", "- and who are you?"])
def test_lines_that_do_not_ask(line: str) -> None:
    """Statements, and quoted lines that only end in a question mark, are no prompts."""
    assert read(f"Some output.\n{line}\n", "any") is None


def test_a_list_typed_into_the_composer_of_codex_is_no_menu() -> None:
    """Under the composer of Codex stands its status row."""
    typed = (
        "\n› 1. Yes, the first\n  2. No, not the second\n\n  gpt · /home/ann/shop\n  ← for agents · ? for shortcuts\n"
    )
    assert read(typed, "codex") is None


@pytest.mark.parametrize("family", ["claude", "codex", "any"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n" * 500,
        "x" * 1_000_000,
        "❯ 1. a\n" * 100_000,
        "\x1b[2J\udcff\x00 1. Yes\n",
        "1. a\n2. b",
        (" " * 2_000 + "x\n") * 200,
        ("│ " * 1_000 + "\n") * 200,
        ("enter · " * 250 + "x\n") * 200,
        ("─" * 2_000 + "\n") * 200,
        "a" * 199 + "\n" + "yes, " * 1_000_000,
    ],
)
@pytest.mark.timeout(10)
def test_hostile_screens_are_read_in_bounded_time(family: str, text: str) -> None:
    """No screen makes the reader fail or hang, and none of these asks anything."""
    assert read(text, family) is None
    assert not busy(text, family)
    assert not idle(text, family)
    told = [limit_notice, retry_notice, context_notice, compaction_notice, error_notice, shell_prompt]
    assert [notice(text, family) for notice in told] == [""] * 6
    assert not survey_shown(text, family)


def test_two_options_of_one_meaning_are_none() -> None:
    """Where the words do not decide, nothing is chosen."""
    twins = Prompt("permission", "?", (Option("1", "Yes"), Option("2", "Allow"), Option("3", "No")), "", 0)
    assert keys(twins, "yes") is None
    assert keys(twins, "no") == ("Down", "Down", "Enter")


def test_a_list_typed_into_the_composer_of_claude_is_no_menu() -> None:
    """Also where its status row is switched off: the composer has rules right above and below."""
    rule = "─" * 80
    assert read(f"● Done.\n\n{rule}\n❯ 1. Yes, the first\n  2. No, not the second\n{rule}\n", "claude") is None
