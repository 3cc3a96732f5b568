"""The command lines of agents, held against the agents' own parsers; no account, no network.

The real programs are named by BATTY_TEST_CLAUDE and BATTY_TEST_CODEX, else found on PATH.
"""

import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest

from batty_tmux.errors import BattyError
from batty_tmux.host.agents import claude, codex
from batty_tmux.host.agents.adapter import BUILT_IN, adapter_of, executable
from batty_tmux.host.agents.command import CommandAdapter
from batty_tmux.host.agents.launch import Channel, Launch
from batty_tmux.host.process import Done, run
from batty_tmux.names import PhaseId, RunId

SENTINEL = "--batty-sentinel"
HOSTILE = "it's; $(touch x) `y` {run} #{z}\n--flag"
SESSION = "3f0c5d1e-aaaa-4bbb-8ccc-000000000001"
CHANNEL = Channel(Path('/git/it\'s "here" \\ é/hooks'), "0123456789abcdef")


def launch(**changes: object) -> Launch:
    known: dict[str, object] = {
        "brief": Path("/runs/001/a (b)/brief.md"),
        "phase": PhaseId("phase-1"),
        "board": Path("/wt/kanban/phase-1"),
        "worktree": Path("/wt"),
        "run": RunId("001"),
    }
    return Launch(**(known | changes))  # type: ignore[arg-type]  # each test names the fields it changes


def program(name: str, package: str) -> str:
    found = os.environ.get(f"BATTY_TEST_{name.upper()}") or shutil.which(name)
    if not found:
        pytest.fail(f"needs the real {name}: npm install -g {package}, or name it in BATTY_TEST_{name.upper()}")
    return found


@pytest.fixture
def real_claude() -> str:
    return program("claude", "@anthropic-ai/claude-code")


@pytest.fixture
def real_codex() -> str:
    return program("codex", "@openai/codex")


def said(argv: tuple[str, ...], home: Path) -> Done:
    """Run without a terminal, in an empty home: whatever passes the parser still cannot start work."""
    home.mkdir(exist_ok=True)
    nothing = {"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": "", "CODEX_HOME": str(home)}
    return run(argv, cwd=home, env={"HOME": str(home), **nothing}, timeout=60)


def complaint_of_claude(argv: tuple[str, ...], real: str, home: Path) -> str:
    """Return what Claude Code's parser says to these words, "" when it takes them all.

    It names the first option that it does not know and stops there. An unknown one of ours is put last, so that
    everything before it was taken, with its values, when that one is named.
    """
    end = argv.index("--")
    done = said((real, *argv[1:end], SENTINEL, *argv[end:]), home)
    assert not done.ok
    return "" if f"unknown option '{SENTINEL}'" in done.stderr else done.stderr


def complaint_of_codex(argv: tuple[str, ...], real: str, home: Path) -> str:
    """Return what Codex's parser and its strict reading of settings say, "" when they take everything.

    Both come before it looks for a terminal, and there is none.
    """
    end = argv.index("--")
    done = said((real, *argv[1:end], "--strict-config", *argv[end:]), home)
    assert not done.ok
    return "" if "stdin is not a terminal" in done.stderr else done.stderr


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("session", ["", SESSION])
@pytest.mark.parametrize(
    "args", [(), ("--model", "opus"), ("--permission-mode", "plan"), ("--allowedTools", "Bash(make *)")]
)
def test_claude_takes_the_command_line(
    resume: bool, session: str, args: tuple[str, ...], real_claude: str, tmp_path: Path
) -> None:
    """Every option and its value, with the user's own behind them."""
    given = launch(resume=resume, session=session, args=args, report=CHANNEL)
    assert complaint_of_claude(claude.argv(given), real_claude, tmp_path / "home") == ""


def test_claude_knows_the_flags(real_claude: str, tmp_path: Path) -> None:
    """Each flag is in its help too: nothing rests on options that are not documented."""
    shown = said((real_claude, "--help"), tmp_path / "home").check().stdout
    starts = [launch(resume=resume, session=session) for resume in (False, True) for session in ("", SESSION)]
    words = {word for start in starts for word in claude.argv(start)}
    flags = [word for word in words if word.startswith("--") and word != "--"]
    assert flags
    assert [flag for flag in flags if f"{flag} " not in shown] == []


@pytest.mark.parametrize("args", [("--no-such-flag",), ("--permission-mode", "lenient")])
def test_the_check_of_claude_can_fail(args: tuple[str, ...], real_claude: str, tmp_path: Path) -> None:
    """A flag or a value that does not exist is found."""
    assert args[-1] in complaint_of_claude(claude.argv(launch(args=args)), real_claude, tmp_path / "home")


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("session", ["", SESSION])
@pytest.mark.parametrize("args", [(), ("--model", "gpt-5"), ("-s", "read-only", "-a", "never"), ("-i", "a.png")])
def test_codex_takes_the_command_line(
    resume: bool, session: str, args: tuple[str, ...], real_codex: str, tmp_path: Path
) -> None:
    """Every option and every setting, with the user's own behind them."""
    given = launch(resume=resume, session=session, args=args, report=CHANNEL)
    assert complaint_of_codex(codex.argv(given), real_codex, tmp_path / "home") == ""


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("--full-auto",), "unexpected argument '--full-auto'"),
        (("-c", "check_for_updates=false"), "unknown configuration field `check_for_updates`"),
        (("-c", "sandbox_mode=lenient"), "unknown variant `lenient`"),
    ],
)
def test_the_check_of_codex_can_fail(args: tuple[str, ...], complaint: str, real_codex: str, tmp_path: Path) -> None:
    """A flag, a setting or a value that does not exist is found."""
    assert complaint in complaint_of_codex(codex.argv(launch(args=args)), real_codex, tmp_path / "home")


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("resume", [False, True])
def test_the_first_prompt_is_one_word_at_the_end(name: str, resume: bool) -> None:
    """It names the brief, starts with a letter, and stands behind "--", where no option can swallow it."""
    *_, dashes, prompt = BUILT_IN[name].argv(launch(resume=resume))
    assert dashes == "--"
    assert "/runs/001/a (b)/brief.md" in prompt
    assert prompt[0].isalpha()


@pytest.mark.parametrize("name", BUILT_IN)
def test_nothing_is_bypassed_by_default(name: str) -> None:
    """Permission checks are the agent's and the policy's to make; only the user's args may switch them off.

    Nor is trust in hooks given away: what is trusted is named by its digest.
    """
    words = " ".join(BUILT_IN[name].argv(launch(report=CHANNEL)))
    assert not any(
        word in words for word in ("dangerous", "bypass", "full-auto", "danger-full-access", "never", "--yolo")
    )


def test_a_command_keeps_its_words() -> None:
    """Values stay inside the word that names them, whatever they hold; braces are doubled to be literal."""
    adapter = CommandAdapter()
    given = launch(
        phase=HOSTILE,
        command=("my agent", "--task={brief}", "{phase}", "{run}{{x}}", "{board}:{worktree}"),
        args=("{a",),
    )
    assert adapter.argv(given) == (
        "my agent",
        "--task=/runs/001/a (b)/brief.md",
        HOSTILE,
        "001{x}",
        "/wt/kanban/phase-1:/wt",
        "{a",
    )


@pytest.mark.parametrize("word", ["{brif}", "{}", "{brief", "brief}", "{brief.name}", "{brief!r}", "{0}"])
def test_an_unknown_placeholder_is_refused_by_name(word: str) -> None:
    """Nothing but the five names; format expressions are not evaluated."""
    with pytest.raises(BattyError) as refusal:
        CommandAdapter().argv(launch(command=("agent", word)))
    assert refusal.value.code == "unknown-placeholder"
    assert refusal.value.next
    assert "the nearest is {brief}" in refusal.value.what or word != "{brif}"


def test_agents_are_chosen_by_name() -> None:
    """A configured command wins; its program says whose prompts to expect."""
    assert adapter_of("claude") is claude
    assert adapter_of("codex") is codex
    assert adapter_of("claude", ("/opt/bin/codex", "x")).family == "codex"
    assert adapter_of("mine", ("/opt/bin/claude",)).family == "claude"
    assert adapter_of("mine", ("python3", "claude")).family == "any"


def test_an_unknown_agent_is_refused_with_the_nearest() -> None:
    """The message ends in a command to type, and cannot be made to hold escapes."""
    with pytest.raises(BattyError) as refusal:
        adapter_of("cluade")
    assert (refusal.value.code, refusal.value.next) == ("unknown-agent", "batty work all --agent claude")
    with pytest.raises(BattyError) as hostile:
        adapter_of("\x1b[2J#(x)")
    assert "\x1b" not in hostile.value.what
    assert hostile.value.next == "batty doctor"


def test_the_program_is_found_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor learns which file would be started, or that there is none."""
    tool = tmp_path / "my-agent"
    tool.write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert executable(("my-agent", "x")) is None
    tool.chmod(0o755)
    assert executable(("my-agent", "x")) == tool
    assert executable(()) is None


# -- what an agent hears while it works


def hook_of(argv: tuple[str, ...]) -> str:
    """Return the line of shell that Claude Code is told to run after each of its tool calls."""
    settings = json.loads(argv[argv.index("--settings") + 1])
    (entry,) = settings["hooks"]["PostToolUse"]
    (hook,) = entry["hooks"]
    assert (hook["type"], "matcher" in entry) == ("command", False)
    return str(hook["command"])


@pytest.mark.parametrize("folder", ["plain", "it's #(x) $HOME", '"; touch pwned; "', "new\nline", "-n"])
def test_a_notice_reaches_claude_code_once(folder: str, tmp_path: Path) -> None:
    """The hook prints the file's JSON once, whatever the folder is called, and nothing before and after."""
    file = tmp_path / folder / "radar.json"
    file.parent.mkdir()
    hook = ("/bin/sh", "-c", hook_of(claude.argv(launch(notice=file))))
    words = 'would conflict with phase-2 in it\'s "a"\\b\n%s'
    file.write_text(claude.notice(words))
    printed = run(hook, cwd=tmp_path, stdin="{}").check()
    assert json.loads(printed.stdout) == {
        "hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": words}
    }
    again = run(hook, cwd=tmp_path, stdin="{}").check()
    assert (again.stdout, again.stderr) == ("", "")
    file.write_text(claude.notice("other"))
    assert "other" in run(hook, cwd=tmp_path).check().stdout
    assert not (tmp_path / "pwned").exists()


def test_claude_takes_the_hook(real_claude: str, tmp_path: Path) -> None:
    """Its parser takes the settings with the hook in them."""
    given = launch(notice=tmp_path / "radar.json")
    assert complaint_of_claude(claude.argv(given), real_claude, tmp_path / "home") == ""


@pytest.mark.parametrize("name", BUILT_IN)
def test_without_a_notice_there_is_no_hook(name: str) -> None:
    """And an agent that reads none is not written any."""
    assert "PostToolUse" not in " ".join(BUILT_IN[name].argv(launch()))
    assert bool(BUILT_IN[name].notice("x")) == (name == "claude")
    assert CommandAdapter("claude").notice("x") == ""


# -- which conversation, and where its hooks report


def test_claude_is_told_its_conversation() -> None:
    """A first start takes the id that it is given, a later one goes on with it, and without an id with the last."""

    def flags(**changes: object) -> list[str]:
        chosen = {"--session-id", "--resume", "--continue", SESSION}
        return [word for word in claude.argv(launch(**changes)) if word in chosen]

    assert flags() == []
    assert flags(session=SESSION) == ["--session-id", SESSION]
    assert flags(session=SESSION, resume=True) == ["--resume", SESSION]
    assert flags(resume=True) == ["--continue"]


def test_codex_goes_on_with_its_conversation() -> None:
    """Its id is its own choice, so a first start names none."""
    assert codex.argv(launch(session=SESSION))[:2] == ("codex", "--no-daemon")
    assert codex.argv(launch(session=SESSION, resume=True))[:3] == ("codex", "resume", SESSION)
    assert codex.argv(launch(resume=True))[:3] == ("codex", "resume", "--last")
    assert (claude.names_its_session, codex.names_its_session) == (True, False)


def test_claude_reports_beside_the_notice(tmp_path: Path) -> None:
    """What is told and what is reported are two hooks of one event; only a request for leave waits for an answer."""
    argv = claude.argv(launch(notice=tmp_path / "radar.json", report=CHANNEL))
    hooks = json.loads(argv[argv.index("--settings") + 1])["hooks"]
    lines = {
        event: [hook["command"] for entry in entries for hook in entry["hooks"]] for event, entries in hooks.items()
    }
    assert [len(told) for event, told in lines.items() if event != "PostToolUse"] == [1] * (len(lines) - 1)
    assert lines["PostToolUse"][0].endswith("fi")
    assert lines["PostToolUse"][1] == CHANNEL.hook()
    assert [event for event, told in lines.items() if told[-1] == CHANNEL.hook(wait=True)] == ["PermissionRequest"]
    assert {"SessionStart", "UserPromptSubmit", "Notification", "Stop", "StopFailure", "SessionEnd"} <= set(lines)


def test_codex_trusts_its_own_hooks_by_name() -> None:
    """Each hook of the command line has its digest beside it, and no other has."""
    settings = [word for word in codex.argv(launch(report=CHANNEL)) if word.startswith("hooks.")]
    hooks = {name: value for name, _, value in (word.partition("=") for word in settings)}
    trusted = tomllib.loads(f"state = {hooks.pop('hooks.state')}")["state"]
    assert set(trusted) == {codex._place(name.removeprefix("hooks.")) for name in hooks}
    for name, value in hooks.items():
        (entry,) = tomllib.loads(f"hook = {value}")["hook"]
        (hook,) = entry["hooks"]
        event = name.removeprefix("hooks.")
        assert hook["command"] == CHANNEL.hook(wait=event == "PermissionRequest")
        assert trusted[codex._place(event)]["trusted_hash"] == codex._digest(event, hook["command"])


def test_codex_without_words_for_its_hooks_has_none() -> None:
    """A folder whose name no setting can hold is no reason not to start."""
    argv = codex.argv(launch(report=Channel(Path("/a\udcff"), "t")))
    assert not any(word.startswith("hooks.") for word in argv)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_token_is_not_in_the_environment(name: str) -> None:
    """What the agent starts would inherit it, and speak for the agent."""
    given = launch(report=CHANNEL)
    assert BUILT_IN[name].reports
    assert CHANNEL.token in " ".join(BUILT_IN[name].argv(given))
    assert CHANNEL.token not in " ".join(BUILT_IN[name].environment(given).values())
    assert not CommandAdapter().reports
