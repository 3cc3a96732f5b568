"""The real Claude Code hears a notice: it talks to a server of this test's own, with no account and no network."""

import json
import os
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from batty_tmux.host.agents import claude
from batty_tmux.host.agents.launch import Launch
from batty_tmux.host.process import run
from batty_tmux.names import PhaseId, RunId

TOOL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}
CALL = {"type": "input_json_delta", "partial_json": json.dumps({"command": "git status", "description": "Look"})}
TEXT, WORDS = {"type": "text", "text": ""}, {"type": "text_delta", "text": "done"}


def answer(block: dict[str, Any], delta: dict[str, Any], stop: str) -> bytes:
    """Return one message as the model's server streams it."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


class Model(BaseHTTPRequestHandler):
    """Asks for one `git status`, and is done when it has seen what that said."""

    heard: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        pass

    def do_GET(self) -> None:
        self.say(b"{}", "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        told = json.dumps(asked.get("messages", ""), ensure_ascii=False)
        self.heard.append(told)
        calls = bool(asked.get("tools")) and "tool_result" not in told
        self.say(answer(TOOL, CALL, "tool_use") if calls else answer(TEXT, WORDS, "end_turn"), "text/event-stream")

    def say(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def model() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a model, and what it has heard."""
    heard: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Listening", (Model,), {"heard": heard}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_next_turn_hears_the_notice(tmp_path: Path, model: tuple[str, list[str]]) -> None:
    """Rule: after a tool call, and not before it, the model reads the notice; it is then marked as told."""
    program = os.environ.get("BATTY_TEST_CLAUDE") or shutil.which("claude")
    if not program:
        pytest.fail("needs the real claude: npm install -g @anthropic-ai/claude-code, or BATTY_TEST_CLAUDE")
    address, heard = model
    home, notice = tmp_path / "home", tmp_path / "it's here" / "radar.json"
    for folder in (home, notice.parent):
        folder.mkdir()
    # a tool that fails is another event
    run(("git", "init", "--quiet"), cwd=home).check()
    notice.write_text(claude.notice("would conflict with phase-3 in src/a.py"))
    given = Launch(Path("/b.md"), PhaseId("p"), tmp_path, tmp_path, RunId("001"), notice=notice)
    argv = claude.argv(given)
    settings = argv[argv.index("--settings") + 1]
    env = {"HOME": str(home), "ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": address, "DISABLE_AUTOUPDATER": "1"}
    words = (program, "--settings", settings, "-p", "go")
    done = run(words, cwd=home, env={**env, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}, timeout=60)
    assert done.ok, done.stdout + done.stderr
    before = [told for told in heard if "tool_result" not in told]
    after = [told for told in heard if "tool_result" in told]
    assert before
    assert not any("phase-3" in told for told in before)
    assert any("would conflict with phase-3 in src/a.py" in told for told in after)
    assert not notice.exists()
