# ruff: noqa: RUF001 -- the carets are the ones that the agent draws
"""A scripted agent that looks and reports like Claude Code: it paints its dialogs, and runs the hooks it is given.

Started as `claude` with the command line that batty gives the real one. What it does at its nth start is a list of
steps in $STORY_AGENTS/<phase>/claude.json; what it was told and answered goes into files beside it.
"""

import json
import os
import re
import select
import subprocess
import sys
import termios
import tty
from pathlib import Path
from typing import Any

WIDTH = 100
RULE = "─" * WIDTH
FRAME = "╌" * WIDTH
FOOTER = "  ⏵⏵ accept edits on (shift+tab to cycle)"

BASH = """\
{rule}
 Bash command

 A step of the work

{frame}
 {command}
{frame}

 This command requires approval

 Do you want to proceed?
 ❯ 1. Yes
   2. Yes, and don't ask again for this in this project
   3. No

 Esc to cancel · Tab to amend"""

LIMIT = """\
{rule}
 You've hit your session limit · {words}

 What do you want to do?

 ❯ 1. Stop and wait for limit to reset
   2. Switch to usage credits
   3. Switch to Team plan

 Enter to confirm · Esc to cancel"""


class Agent:
    def __init__(self, here: Path, argv: list[str]) -> None:
        self.here = here
        self.rows = ["● I read the brief."]
        self.mute = False
        self.typed = ""
        self.settings: dict[str, Any] = json.loads(argv[argv.index("--settings") + 1]) if "--settings" in argv else {}
        named = [argv[argv.index(flag) + 1] for flag in ("--session-id", "--resume") if flag in argv]
        self.session = named[0] if named else ""
        self.note("sessions", f"{'resumed' if '--resume' in argv else 'begun'} {self.session}")

    def note(self, name: str, line: str) -> None:
        with (self.here / name).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    # -- what is seen

    def show(self, text: str) -> None:
        rows = [*self.rows[-12:], "", *text.split("\n")]
        sys.stdout.write("\x1b[2J\x1b[H" + "\r\n".join(rows))
        sys.stdout.flush()

    def compose(self) -> None:
        self.show(f"{RULE}\n❯ {self.typed}\n{RULE}\n{FOOTER}")

    def work(self, what: str = "Thinking") -> None:
        self.show(f"✻ {what}… (3s · ↓ 174 tokens)\n\n{RULE}\n❯ \n{RULE}\n{FOOTER}")

    # -- what is heard

    def key(self) -> str:
        data = os.read(0, 1)
        if data == b"\x1b" and select.select([0], [], [], 0.02)[0]:
            data += os.read(0, 2)
        return data.decode("utf-8", "replace")

    def hooks(self, event: str, **payload: object) -> list[str]:
        """Run the hooks of an event, and return what they print."""
        told = {"hook_event_name": event, "session_id": self.session, "cwd": str(Path.cwd()), **payload}
        said: list[str] = []
        if self.mute:
            return said
        for entry in self.settings.get("hooks", {}).get(event, []):
            if not re.fullmatch(entry.get("matcher") or ".*", str(payload.get("tool_name", ""))):
                continue
            for hook in entry["hooks"]:
                done = subprocess.run(
                    ["/bin/sh", "-c", hook["command"]],
                    input=json.dumps(told),
                    capture_output=True,
                    text=True,
                    timeout=hook.get("timeout", 60),
                    check=False,
                )
                said.append(done.stdout)
        return said

    def message(self) -> str:
        """Wait at the composer until something is sent."""
        self.compose()
        while (key := self.key()) != "\r":
            self.typed += key
            self.compose()
        text, self.typed = self.typed, ""
        self.note("messages", text)
        self.rows.append(f"❯ {text}")
        self.hooks("UserPromptSubmit", prompt=text)
        return text

    def menu(self, dialog: str) -> int:
        """Paint a menu and return the number that was chosen."""
        chosen, count = 1, len(re.findall(r"^ . \d\. ", dialog, re.MULTILINE))
        while True:
            rows = [
                re.sub(r"^ . (\d\. )", rf" {'❯' if f' {chosen}. ' in row[:6] else ' '} \1", row)
                for row in dialog.split("\n")
            ]
            self.show("\n".join(rows))
            key = self.key()
            if key in {"\r", "\n"}:
                return chosen
            if key == "\x1b":
                return count
            chosen = min(count, chosen + 1) if key == "\x1b[B" else max(1, chosen - 1) if key == "\x1b[A" else chosen

    # -- what it does

    def asks(self, command: str) -> None:
        """Ask for leave to run a command: by the hook, and where that says nothing, by a dialog."""
        self.work()
        given = {"command": command, "description": "A step of the work"}
        said = "".join(self.hooks("PermissionRequest", tool_name="Bash", tool_input=given))
        if said.strip():
            answer = json.loads(said)["hookSpecificOutput"]["decision"]["behavior"]
        else:
            answer = {1: "allow", 2: "allow always"}.get(
                self.menu(BASH.format(rule=RULE, frame=FRAME, command=command)), "deny"
            )
        self.note("answers", f"{'hook' if said.strip() else 'key'} {answer}: {command}")
        self.uses(command)

    def uses(self, command: str) -> None:
        self.rows.append(f"● Bash({command})")
        self.work()
        given = {"command": command}
        self.hooks(
            "PostToolUse", tool_name="Bash", tool_input=given, tool_response={"stdout": "", "interrupted": False}
        )

    def floods(self, text: bytes, size: int) -> None:
        """Print so many bytes, as fast as the terminal takes them."""
        os.set_blocking(1, True)
        block = text * (65536 // len(text) + 1)
        for _ in range(size // len(block) + 1):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()

    def limited(self, words: str) -> None:
        self.note("answers", f"limit {self.menu(LIMIT.format(rule=RULE, words=words))}")
        self.rows.append("✻ Cooked for 4s")
        self.hooks("Stop", last_assistant_message="")
        self.message()

    def finishes(self) -> None:
        """Do all tasks of the board, as a brief says."""
        board = os.environ["BATTY_BOARD"]
        claim = ["--dir", board, "--claim", os.environ["BATTY_PHASE"]]
        while True:
            self.work("Working")
            picked = subprocess.run(
                ["batty-tmux", "board", "pick", *claim, "--move", "in-progress", "--json"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            found = re.search(r'"id": *(\d+)', picked.stdout)
            if found is None:
                break
            name = f"{os.environ['BATTY_PHASE']}-{found[1]}.txt"
            Path(name).write_text("done\n", encoding="utf-8")
            moved = ["batty-tmux", "board", "move", found[1], "done", *claim]
            for words in (moved, ["git", "add", "--", name, board], ["git", "commit", "-q", "-m", f"Write {name}"]):
                subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.rows.append(f"● Write({name})")
        self.rest()

    def rest(self) -> None:
        self.rows.append("✻ Cooked for 34s")
        self.compose()
        self.hooks("Stop", last_assistant_message="All done.")

    def run(self, steps: list[dict[str, Any]]) -> None:
        self.mute = bool(steps) and steps[0]["do"] == "mute"
        self.hooks("SessionStart", source="startup")
        self.hooks("UserPromptSubmit", prompt="go")
        for step in steps:
            match step["do"]:
                case "ask":
                    self.asks(step["command"])
                case "use":
                    for _ in range(step.get("times", 1)):
                        self.uses(step["command"])
                case "hear":
                    self.message()
                case "run":
                    self.work()
                    subprocess.run(["/bin/sh", "-c", step["command"]], check=False, capture_output=True)
                case "rest":
                    self.rest()
                case "limit":
                    self.limited(step["words"])
                case "crash":
                    sys.exit(step.get("status", 1))
                case "paint":
                    self.rows = []
                    self.note("answers", f"dialog {self.menu(RULE + chr(10) + step['dialog'])}")
                case "wait":
                    self.note("waiting", "here")
                    os.read(os.open(self.here / "door", os.O_RDONLY), 1)
                case "mute":
                    self.mute = True
                case "flood":
                    self.floods(step["text"].encode("utf-8", "surrogateescape"), step["bytes"])
                case "finish":
                    self.finishes()
        while True:
            self.message()


def main() -> None:
    here = Path(os.environ["STORY_AGENTS"]) / os.environ["BATTY_PHASE"]
    with (here / "starts").open("a", encoding="utf-8") as file:
        file.write(os.environ["BATTY_BRIEF"] + "\n")
    starts = len((here / "starts").read_text().splitlines())
    scripts = json.loads((here / "claude.json").read_text())
    saved = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        Agent(here, sys.argv[1:]).run(scripts[min(starts, len(scripts)) - 1])
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)


main()
