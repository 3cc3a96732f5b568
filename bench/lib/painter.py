"""A scripted agent with Claude Code's look, to be found as `claude` on the PATH: it draws, asks, and stamps times.

Started as `painter.py FOLDER <Claude Code's own words>`. It obeys JSON lines from the FIFO FOLDER/<phase>.do and
writes JSON lines to FOLDER/<phase>.said: once who it is, then one for each dialog, with times of time.monotonic_ns().
Standard library only. `rest` draws nothing at all; `spin` repaints one row ten times a second; `ask` shows so many
dialogs of a Bash command, at times that a seed decides, and spins between them. Its spinner stops while one is up, and
a dialog's PermissionRequest hooks run beside it; which of the two answers is said.
"""

# ruff: noqa: RUF001 -- the caret is the one that Claude Code draws

import json
import os
import random
import re
import selectors
import signal
import subprocess
import sys
import termios
import time
import tty
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FRAME = 0.1
PATIENCE = 15.0
"""Seconds after which a dialog that nobody answers is given up."""
GLYPHS = "·✢✳✶✻✽"
COMMAND = "make -k check-{number}"
VERSION = "2.1.330 (Claude Code)"
_MENU = (
    "Yes",
    "Yes, and don't ask again for {command} commands in {cwd}",
    "Yes, and switch to auto mode · auto mode handles these prompts for you",
    "No",
)
_KEYS = re.compile(rb"\x1b\[[0-9;]*[~A-Za-z]|\x1bO[A-D]|.", re.DOTALL)


class Screen:
    """An inline program's part of a terminal: rows that stay, and live rows below them that are drawn anew."""

    def __init__(self) -> None:
        self.live: list[str] = []

    @property
    def width(self) -> int:
        return os.get_terminal_size(1).columns

    def draw(self, live: list[str], kept: list[str] | None = None) -> None:
        """Replace the live rows in one write; `kept` goes into the transcript above them."""
        top = f"\r\x1b[{len(self.live) - 1}A" if len(self.live) > 1 else "\r"
        self.live = [row[: self.width - 1] for row in live]
        rows = "\r\n".join([*(kept or []), *self.live])
        write(f"{top}\x1b[J{rows}")

    def redraw_row(self, at: int, row: str) -> None:
        """Repaint one live row where it is."""
        self.live[at] = row[: self.width - 1]
        up = len(self.live) - 1 - at
        write(f"\x1b[{up}A\r{self.live[at]}\x1b[K\x1b[{up}B")


def write(text: str) -> None:
    rest = memoryview(text.encode())
    while rest:
        rest = rest[os.write(1, rest) :]


class Hook:
    """One hook command at work, and what it has printed."""

    def __init__(self, event: str, command: str, timeout: float, told: dict[str, Any]) -> None:
        self.event, self.out, self.end = event, b"", time.monotonic() + timeout
        pipe = subprocess.PIPE
        # the real one's hooks have no controlling terminal either
        self.process = subprocess.Popen(
            ("sh", "-c", command), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True
        )
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(told).encode())
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it reads nothing

    def allows(self) -> bool:
        try:
            told = json.loads(self.out)["hookSpecificOutput"]["decision"]["behavior"]
        except (ValueError, KeyError, TypeError):
            return False
        return bool(told == "allow")

    def finish(self, *, now: bool = False) -> None:
        if now and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


class Painter:
    def __init__(self, folder: Path, words: list[str]) -> None:
        self.phase = os.environ["BATTY_PHASE"]
        self.said = (folder / f"{self.phase}.said").open("a", buffering=1)
        self.orders = os.open(folder / f"{self.phase}.do", os.O_RDWR | os.O_NONBLOCK)
        settings = option(words, "--settings") or "{}"
        text = settings if settings.lstrip().startswith("{") else Path(settings).read_text()
        self.hooks: dict[str, Any] = json.loads(text).get("hooks", {})
        self.session = option(words, "--session-id") or str(uuid.uuid4())
        self.cwd = str(Path.cwd())
        self.first = words[-1] if words else ""
        self.reports = False
        self.screen, self.spins, self.frame, self.began = Screen(), False, 0, time.monotonic()
        self.running: dict[int, Hook] = {}
        self.asking: Asking | None = None
        self.going = True
        self.selector = selectors.DefaultSelector()
        self.selector.register(0, selectors.EVENT_READ)
        self.selector.register(self.orders, selectors.EVENT_READ)

    def tell(self, **what: object) -> None:
        self.said.write(json.dumps(what) + "\n")

    # -- the loop

    def run(self) -> None:
        self.tell(pid=os.getpid(), parent=os.getppid(), pane=os.environ.get("TMUX_PANE"), hooks=sorted(self.hooks))
        self.screen.draw(self.working(), kept=[f"❯ {self.first}"[: self.screen.width - 1], ""])
        frame = time.monotonic() + FRAME
        while self.going:
            now = time.monotonic()
            drawing = self.spins and not (self.asking and self.asking.up)
            due = [frame] if drawing else []
            if self.asking:
                due.append(self.asking.due)
            due += [hook.end for hook in self.running.values()]
            for key, _ in self.selector.select(max(0.0, min(due) - now) if due else None):
                self.serve(key.fd)
            now = time.monotonic()
            if self.asking and now >= self.asking.due:
                self.asking.on_time()
            for descriptor, hook in list(self.running.items()):
                if now >= hook.end:
                    self.end_hook(descriptor, now=True)
            if drawing and now >= frame:
                frame = max(frame + FRAME, now)
                self.spin()
            elif not drawing:
                frame = now + FRAME

    def serve(self, descriptor: int) -> None:
        if descriptor == 0:
            self.keys(os.read(0, 65536))
        elif descriptor == self.orders:
            for line in os.read(self.orders, 65536).splitlines():
                self.obey(json.loads(line))
        elif descriptor in self.running:
            hook, data = self.running[descriptor], os.read(descriptor, 65536)
            hook.out += data
            if not data:
                self.end_hook(descriptor)

    def keys(self, data: bytes) -> None:
        stamp = time.monotonic_ns()
        if not data:
            self.going = False
        elif self.asking and self.asking.up:
            for key in _KEYS.findall(data):
                self.asking.on_key(key, stamp)
        else:
            self.tell(stray=data.decode("utf-8", "replace"), at=stamp)

    def obey(self, order: dict[str, Any]) -> None:
        what = order["do"]
        if what == "quit":
            self.going = False
        elif what == "mute":
            self.reports = False
        elif what == "hooks":
            self.reports = True
            self.call("SessionStart", "startup", source="startup")
            self.call("UserPromptSubmit", "", prompt=self.first)
        elif what == "ask":
            self.asking, self.spins = Asking(self, order), True
        elif what == "end":
            self.spins = False
            self.screen.draw(self.resting(), kept=[f"✻ Worked for {self.seconds()}s", ""])
            self.call("Stop", "", stop_hook_active=False, last_assistant_message="Done.")
        else:
            self.spins = what == "spin"
        self.tell(obeyed=what)

    # -- what it looks like

    def spin(self) -> None:
        self.frame += 1
        self.screen.redraw_row(0, self.spinner())

    def seconds(self) -> int:
        return int(time.monotonic() - self.began)

    def spinner(self) -> str:
        return (
            f"{GLYPHS[self.frame % len(GLYPHS)]} Checking… ({self.seconds()}s · ↓ {self.frame / 40:.1f}k tokens "
            "· esc to interrupt)"
        )

    def working(self) -> list[str]:
        return [self.spinner(), "", *self.resting()]

    def resting(self) -> list[str]:
        rule = "─" * (self.screen.width - 1)
        return [rule, "❯ ", rule, "  ⏵⏵ accept edits on (shift+tab to cycle)"]

    def dialog(self, command: str, caret: int) -> list[str]:
        wide = self.screen.width - 1
        rows = [
            f"● Bash({command})",
            "  ⎿  Waiting…",
            "",
            "─" * wide,
            " Bash command",
            ' Tip: auto mode handles these prompts for you — choose "switch to auto mode" below',
            "",
            " Check the work",
            "",
            "╌" * wide,
            f" {command}",
            "╌" * wide,
            "",
            " This command requires approval",
            "",
            " Do you want to proceed?",
        ]
        names = {"command": "make", "cwd": self.cwd}
        for number, label in enumerate(_MENU):
            mark = "❯" if number == caret else " "
            rows.append(f" {mark} {number + 1}. {label.format(**names)}")
        return [*rows, "", " Esc to cancel · Tab to amend"]

    # -- hooks

    def call(self, event: str, subject: str, **more: object) -> None:
        """Start every command that the settings have for an event; nothing waits for them."""
        told = {
            "session_id": self.session,
            "transcript_path": "",
            "cwd": self.cwd,
            "permission_mode": "acceptEdits",
            "hook_event_name": event,
            **more,
        }
        for command, timeout in commands(self.hooks, event, subject):
            hook = Hook(event, command, timeout, told)
            assert hook.process.stdout is not None
            descriptor = hook.process.stdout.fileno()
            self.running[descriptor] = hook
            self.selector.register(descriptor, selectors.EVENT_READ)

    def end_hook(self, descriptor: int, *, now: bool = False) -> None:
        stamp = time.monotonic_ns()
        hook = self.running.pop(descriptor)
        self.selector.unregister(descriptor)
        if self.asking and self.asking.up and hook.event == "PermissionRequest" and not now and hook.allows():
            self.asking.settled("hook", stamp)
        hook.finish(now=now)

    def forget_requests(self) -> None:
        """End the hooks of a dialog that was answered by a key, as the real one does."""
        for descriptor, hook in list(self.running.items()):
            if hook.event == "PermissionRequest":
                self.end_hook(descriptor, now=True)


class Asking:
    """So many dialogs, one after another; `due` is when the next thing happens by itself."""

    def __init__(self, painter: Painter, order: dict[str, Any]) -> None:
        self.painter, self.case, self.rounds = painter, order["case"], order["rounds"]
        self.chance = random.Random(f"{order['seed']} {painter.phase}")
        self.least, self.most = order["least"], order["most"]
        self.round, self.up, self.caret, self.pressed = 0, False, 0, b""
        self.began = self.painted = 0
        self.command = ""
        self._next()

    def _next(self) -> None:
        self.up = False
        self.due = time.monotonic() + self.chance.uniform(self.least, self.most)

    def on_time(self) -> None:
        if self.up:
            self.settled("nobody", time.monotonic_ns())
        else:
            self._show()

    def _show(self) -> None:
        self.round += 1
        self.up, self.caret, self.pressed = True, 0, b""
        self.command = COMMAND.format(number=f"{self.case}-{self.round}")
        rows = self.painter.dialog(self.command, self.caret)
        self.began = time.monotonic_ns()
        if self.painter.reports:
            self.painter.call("PermissionRequest", "Bash", **self._tool())
        self.painter.screen.draw(rows)
        self.painted = time.monotonic_ns()
        self.due = time.monotonic() + PATIENCE

    def _tool(self) -> dict[str, object]:
        return {"tool_name": "Bash", "tool_input": {"command": self.command, "description": "Check the work"}}

    def on_key(self, key: bytes, stamp: int) -> None:
        if not self.up:
            self.painter.tell(stray=key.decode("utf-8", "replace"), at=stamp)
            return
        self.pressed += key
        if key in {b"\x1b[A", b"\x1bOA", b"\x1b[B", b"\x1bOB"}:
            step = -1 if key.endswith(b"A") else 1
            self.caret = (self.caret + step) % len(_MENU)
            self.painter.screen.draw(self.painter.dialog(self.command, self.caret))
        elif key in {b"\r", b"\n"}:
            self.settled("key" if self.caret == 0 else "wrong", stamp)
        else:
            self.settled("wrong", stamp)

    def settled(self, how: str, stamp: int) -> None:
        """Write down how this dialog ended, take it away, and go on."""
        painter = self.painter
        self.up = False
        times = {"began": self.began, "painted": self.painted, "answered": stamp}
        outcome = {"key": "Done", "hook": "Done"}.get(how, "Refused")
        painter.screen.draw(painter.working(), kept=[f"● Bash({self.command})", f"  ⎿  {outcome}", ""])
        painter.tell(case=self.case, round=self.round, how=how, keys=self.pressed.decode("utf-8", "replace"), **times)
        painter.forget_requests()
        if painter.reports and outcome == "Done":
            painter.call("PostToolUse", "Bash", **self._tool(), tool_response={"stdout": "", "stderr": ""})
        self._next()
        if self.round == self.rounds:
            painter.asking = None
            painter.tell(finished=self.case)


def commands(hooks: dict[str, Any], event: str, subject: str) -> Iterator[tuple[str, float]]:
    """Yield the commands of an event that match what it is about, with their time-outs in seconds."""
    for entry in hooks.get(event, []):
        matcher = entry.get("matcher") or "*"
        if matcher == "*" or re.fullmatch(matcher, subject):
            for hook in entry.get("hooks", []):
                if hook.get("type") == "command":
                    yield hook["command"], float(hook.get("timeout", 600))


def option(words: list[str], name: str) -> str | None:
    return next((words[n + 1] for n, word in enumerate(words[:-1]) if word == name), None)


def raw(run: Callable[[], None]) -> None:
    """Run with the terminal in raw mode and pastes marked, as the real one has it."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    write("\x1b[?2004h\x1b[?25l")
    try:
        run()
    finally:
        write("\x1b[?2004l\x1b[?25h\r\n")
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def main(words: list[str]) -> int:
    folder, own = Path(words[0]), words[1:]
    if own[:1] in (["--version"], ["-v"]):
        print(VERSION)
        return 0
    if "-p" in own or "--print" in own:
        # a call of the model: none may be made while nothing is asked
        with (folder / "model-calls").open("a") as calls:
            calls.write(json.dumps(own) + "\n")
        return 1
    raw(Painter(folder, own).run)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
