"""What is read from a screen: each file in screens/ is <family>-<version>-<id of the catalogue>[-variant].txt."""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw

from pathlib import Path

import pytest

from batty_tmux.core.prompts import Option, Prompt, busy, idle, keys, read

SCREENS = Path(__file__).parent / "screens"

# screen: kind of the prompt and, for a meaning, the keys that choose it
PROMPTS: dict[str, tuple[str, dict[str, tuple[str, ...] | None]]] = {
    "claude-2.1.330-C1": ("trust", {"trust": ("Down", "Enter"), "no": ("Enter",)}),
    "claude-2.1.197-C2": ("trust", {"trust": ("Enter",), "yes": ("Enter",), "no": ("Down", "Enter")}),
    "claude-1.0.60-C3": ("trust", {"trust": ("Enter",)}),
    "claude-2.1.286-C4": ("bypass", {"no": ("Enter",), "yes": None, "Yes, I accept": None}),
    "claude-2.1.197-C5": ("permission", {"yes": ("Enter",), "no": ("Down", "Down", "Enter"), "2": None}),
    "claude-2.1.330-C5": ("permission", {"yes": ("Enter",), "no": ("Down",) * 3 + ("Enter",), "2": None, "3": None}),
    "claude-2.1.330-C7-outside": ("edit", {"yes": ("Enter",), "2": None}),
    "claude-2.1.197-C5-push": ("permission", {"yes once": ("Enter",), "1": ("Enter",)}),
    "claude-2.1.286-C6": ("permission", {"yes": ("Enter",), "no": ("Down", "Enter"), "2": ("Down", "Enter")}),
    "claude-2.1.197-C7": ("edit", {"yes": ("Enter",), "no": ("Down", "Down", "Enter"), "2": None}),
    "claude-2.1.197-C7-outside": ("edit", {"yes": ("Enter",), "2": None}),
    "claude-2.1.197-C7-own-settings": ("edit", {"yes": ("Enter",), "2": None}),
    "claude-2.1.197-C13": ("question", {"blue": ("Down", "Enter"), "yes": None}),
    "claude-2.1.286-C15": ("limit", {"wait": ("Enter",), "2": None, "switch to usage credits": None, "3": None}),
    "claude-2.1.286-C15-caret-on-credits": ("limit", {"wait": ("Up", "Enter")}),
    "claude-2.1.330-unheard-of": ("unknown", {"yes": None, "no": None, "1": None}),
    "codex-0.169.0-X1": ("permission", {"yes": ("Enter",), "no": ("Down", "Down", "Enter"), "2": None}),
    "codex-0.169.0-X1-heredoc-cut": ("unknown", {"yes": None, "no": None}),
    "codex-0.169.0-X3": ("edit", {"yes": ("Enter",), "no": ("Down", "Down", "Enter"), "2": None}),
    "codex-0.169.0-X12": ("trust", {"trust": ("Enter",)}),
    "codex-0.147.0-X12": ("trust", {"trust": ("Enter",), "no": ("Down", "Enter")}),
    "codex-0.159.2-X13": ("update", {"skip": ("Down", "Enter"), "1": None, "yes": None}),
    "codex-0.169.0-X14": ("login", {"yes": None}),
    "any-0-y-n": ("confirm", {"yes": ("y", "Enter"), "no": ("n", "Enter")}),
    "any-0-menu": ("unknown", {"full": None}),
}

# screen: what the agent does, and nothing is asked
QUIET = {
    "claude-2.1.197-C23": "busy",
    "claude-2.1.286-C23-no-footer-hint": "busy",
    "claude-2.1.286-C24": "",
    "claude-2.1.197-C25": "idle",
    "claude-2.1.286-C26": "busy",
    "claude-2.1.197-C27": "idle",
    "claude-2.1.197-C27-typed-list": "",
    "claude-2.1.197-C30": "idle",
    "claude-2.1.197-C30-diff": "",
    "claude-2.1.197-C32": "busy",
    "codex-0.169.0-X17": "busy",
    "codex-0.153.4-X17-one-row": "busy",
    "codex-0.169.0-X18": "",
    "codex-0.169.0-X20": "idle",
    "codex-0.169.0-C30": "idle",
    "any-0-y-n-answered": "",
    "any-0-y-n-scrolled": "",
}


def screen(name: str) -> tuple[str, str]:
    return (SCREENS / f"{name}.txt").read_text(), name.partition("-")[0]


def asked(name: str) -> Prompt:
    prompt = read(*screen(name))
    assert prompt is not None
    return prompt


def test_every_screen_is_expected_to_say_something() -> None:
    """No fixture lies about unused."""
    assert {path.stem for path in SCREENS.iterdir()} == PROMPTS.keys() | QUIET.keys()


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_read_with_its_kind(name: str) -> None:
    """A dialog at the bottom of the screen is a prompt, and neither work nor rest."""
    prompt = asked(name)
    assert prompt.kind == PROMPTS[name][0]
    assert not busy(*screen(name))
    assert not idle(*screen(name))


@pytest.mark.parametrize("name", PROMPTS)
def test_options_are_chosen_by_meaning(name: str) -> None:
    """Keys lead from where the caret is to the option that means it; what grants more, pays or installs has none."""
    prompt = asked(name)
    assert {meaning: keys(prompt, meaning) for meaning in PROMPTS[name][1]} == PROMPTS[name][1]


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_asked(name: str) -> None:
    """Work, rest, streaming text, quoted dialogs and answered ones are no prompts."""
    shown = screen(name)
    assert read(*shown) is None
    assert ("busy" if busy(*shown) else "", "idle" if idle(*shown) else "") == (
        QUIET[name] if QUIET[name] == "busy" else "",
        QUIET[name] if QUIET[name] == "idle" else "",
    )


@pytest.mark.parametrize("name", [name for name in PROMPTS if not name.startswith("any")])
@pytest.mark.parametrize("below", ["● Done, it was answered.", "❯ ", "› Ask Codex to do anything", "$ ", "text"])
def test_live_text_below_a_dialog_makes_it_history(name: str, below: str) -> None:
    """Whatever dialog it is: with anything but key hints under it, it is quoted or was answered."""
    text, family = screen(name)
    assert read(f"{text.rstrip()}\n\n{below}\n", family) is None


@pytest.mark.parametrize("name", [name for name in PROMPTS if not name.startswith("any")])
def test_an_indented_dialog_is_never_typed_into(name: str) -> None:
    """An agent's own text is indented; a dialog quoted at the very bottom of a half-painted screen gets no key."""
    text, family = screen(name)
    quoted = read("\n".join(f"    {line}" for line in text.splitlines()), family)
    assert quoted is None or quoted.kind == "unknown"


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("rows", range(1, 14))
def test_half_a_dialog_is_not_another_dialog(name: str, rows: int) -> None:
    """Cut from below, as a screen that is still being painted, it never has a shorter way to yes."""
    text, family = screen(name)
    prompt = read("\n".join(text.rstrip().splitlines()[:-rows]), family)
    if prompt is not None and prompt.caret is not None:
        chosen = keys(prompt, "yes")
        assert chosen in {None, PROMPTS[name][1].get("yes"), keys(asked(name), "yes")}


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
    "text", ["", "\n" * 500, "x" * 1_000_000, "❯ 1. a\n" * 20_000, "\x1b[2J\udcff\x00 1. Yes\n", "1. a\n2. b"]
)
@pytest.mark.timeout(10)
def test_hostile_screens_are_read_in_bounded_time(family: str, text: str) -> None:
    """No screen makes the reader fail or hang, and none of these asks anything."""
    assert read(text, family) is None
    assert not busy(text, family)
    assert not idle(text, family)


def test_two_options_of_one_meaning_are_none() -> None:
    """Where the words do not decide, nothing is chosen."""
    twins = Prompt("permission", "?", (Option("1", "Yes"), Option("2", "Allow"), Option("3", "No")), "", 0)
    assert keys(twins, "yes") is None
    assert keys(twins, "no") == ("Down", "Down", "Enter")


def test_a_list_typed_into_the_composer_of_claude_is_no_menu() -> None:
    """Also where its status row is switched off: the composer has rules right above and below."""
    rule = "─" * 80
    assert read(f"● Done.\n\n{rule}\n❯ 1. Yes, the first\n  2. No, not the second\n{rule}\n", "claude") is None
