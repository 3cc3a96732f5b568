"""The real Claude Code and Codex are asked a question: by models of this test's own, with no account and no network.

The real programs are named by BATTY_TEST_CLAUDE and BATTY_TEST_CODEX, else found on PATH.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest

from batty_tmux.core.consult import INSTRUCTIONS, SCHEMA
from batty_tmux.core.consult_reply import Cli, Reply, read
from batty_tmux.host.agents import consult
from batty_tmux.host.agents.consult import Call
from batty_tmux.host.process import Done, run

DECISION = {"decision": "answer", "answer": "Blue", "confidence": 0.9, "reason": "the goal says so"}
MESSAGE = 'abc123\n\nWhich colour? it\'s "here"; $(touch x) `y`\n'
WORDS_OF_OTHERS = "NOBODY-TOLD-YOU-THIS"
PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}


def program(name: str) -> str:
    found = os.environ.get(f"BATTY_TEST_{name.upper()}") or shutil.which(name)
    if not found:
        pytest.fail(f"needs the real {name}: npm install -g {PACKAGES[name]}, or BATTY_TEST_{name.upper()}")
    return found


# -- the models

Says = Callable[[dict[str, Any]], tuple[int, bytes]]


@dataclass
class Model:
    """A server that says what a test wants, and remembers what it was asked."""

    says: Says
    heard: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def __enter__(self) -> Self:
        model = self

        class Answering(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                pass

            def do_GET(self) -> None:
                self.say(200, b"{}", "application/json")

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
                model.heard.append(asked)
                status, data = model.says(asked)
                self.say(status, data, "text/event-stream" if status == 200 else "application/json")

            def say(self, status: int, data: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def stream(events: list[dict[str, Any]]) -> bytes:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def of_claude(block: dict[str, Any], delta: dict[str, Any], stop: str, tokens: int = 1) -> bytes:
    usage = {"input_tokens": tokens, "output_tokens": tokens}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    return stream(
        [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage},
            {"type": "message_stop"},
        ]
    )


def decides(asked: dict[str, Any]) -> tuple[int, bytes]:
    """Claude's model uses the one tool that it has: that is how a schema is met."""
    name = next(tool["name"] for tool in asked["tools"] if "Structured" in tool["name"])
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    return 200, of_claude(block, {"type": "input_json_delta", "partial_json": json.dumps(DECISION)}, "tool_use")


def chats(_asked: dict[str, Any]) -> tuple[int, bytes]:
    return 200, of_claude({"type": "text", "text": ""}, {"type": "text_delta", "text": "Blue!"}, "end_turn", 5_000_000)


def refuses(_asked: dict[str, Any]) -> tuple[int, bytes]:
    error = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    return 401, json.dumps(error).encode()


def decides_for_codex(_asked: dict[str, Any]) -> tuple[int, bytes]:
    text = {"type": "output_text", "text": json.dumps(DECISION)}
    item = {"type": "message", "role": "assistant", "id": "m1", "content": [text]}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    details = {"input_tokens_details": None, "output_tokens_details": None}
    return 200, stream(
        [
            {"type": "response.created", "response": {"id": "r1"}},
            {"type": "response.output_item.done", "item": item},
            {"type": "response.completed", "response": {"id": "r1", "usage": usage | details}},
        ]
    )


# -- asking


@dataclass
class Asked:
    """One call of a real program, and what was around it."""

    done: Done
    reply: Reply
    argv: tuple[str, ...]
    home: Path
    stand: Path


def ask(cli: Cli, model: Model, folder: Path, *args: str, budget: str = "0.50", key: str = "none") -> Asked:
    home, call = folder / "home", Call(folder / "it's a call", INSTRUCTIONS, json.dumps(SCHEMA), budget=budget)
    dress(home)
    call.stand.mkdir(parents=True)
    for name, text in consult.files(cli, call).items():
        (call.folder / name).write_text(text)
    own = args if cli == "claude" else (*provider(model), *args)
    words = consult.argv(cli, Call(**(vars(call) | {"args": own})))
    environ = {
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_BASE_URL": model.address,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CODEX_HOME": str(home / ".codex"),
        "KEY_OF_THIS_TEST": "none",
    }
    env = consult.environment(cli, dict(os.environ)) | environ | {"HOME": str(home)}
    told = consult.told(cli, call, MESSAGE)
    done = run((program(cli), *words[1:]), cwd=call.stand, env=env, stdin=told, timeout=60)
    last = call.last.read_bytes() if call.last.exists() else b""
    return Asked(done, read(done.stdout.encode(), cli, last), words, home, call.stand)


def provider(model: Model) -> tuple[str, ...]:
    table = f'{{name="here",base_url="{model.address}/v1",wire_api="responses",env_key="KEY_OF_THIS_TEST"}}'
    return ("-c", f"model_providers.here={table}", "-c", 'model_provider="here"', "-m", "m1")


def dress(home: Path) -> None:
    """Make a home of a user's with hooks, servers and words of their own, each of which leaves a trace."""
    for folder in (home / ".claude", home / ".codex"):
        folder.mkdir(parents=True)
    trace = {"type": "command", "command": f"touch '{home}/hook-ran'"}
    hooks = {event: [{"hooks": [trace]}] for event in ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd")}
    (home / ".claude" / "settings.json").write_text(json.dumps({"hooks": hooks}))
    (home / ".claude" / "CLAUDE.md").write_text(WORDS_OF_OTHERS)
    server = {"mcpServers": {"mine": {"command": "touch", "args": [str(home / "server-ran")]}}}
    (home / ".claude.json").write_text(json.dumps(server))
    (home / ".codex" / "config.toml").write_text(
        f"notify = ['touch', '{home}/hook-ran']\n[mcp_servers.mine]\ncommand = 'touch'\nargs = ['{home}/server-ran']\n"
    )


def traces(asked: Asked) -> list[str]:
    """Name what ran of the user's, and what was left behind in the folder that must stay empty."""
    ran = [name for name in ("hook-ran", "server-ran") if (asked.home / name).exists()]
    return [*ran, *(path.name for path in asked.stand.iterdir())]


def tools(heard: dict[str, Any]) -> list[str]:
    return [str(tool.get("name", tool.get("type"))) for tool in heard["tools"]]


def test_claude_decides(tmp_path: Path) -> None:
    """The model hears instructions and question alone, and has no tool but the one that takes its decision."""
    with Model(decides) as model:
        asked = ask("claude", model, tmp_path)
    assert asked.done.ok, asked.done.stdout + asked.done.stderr
    assert (asked.reply.outcome, asked.reply.answer, asked.reply.confidence) == ("answer", "Blue", 0.9)
    assert asked.reply.cost is not None
    (heard,) = model.heard
    told = [str(block.get("text")) for message in heard["messages"] for block in blocks(message)]
    assert MESSAGE.strip() in {text.strip() for text in told}
    assert any(INSTRUCTIONS.strip() in str(block.get("text")) for block in heard["system"])
    assert [name for name in tools(heard) if name != "DeferredToolPlaceholder"] == ["StructuredOutput"]
    assert WORDS_OF_OTHERS not in json.dumps(heard)
    assert traces(asked) == []


def blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"text": content}] if isinstance(content, str) else content


def test_claude_keeps_no_conversation(tmp_path: Path) -> None:
    """Nothing of the question is left in the user's home."""
    with Model(decides) as model:
        asked = ask("claude", model, tmp_path)
    assert not [
        path for path in asked.home.rglob("*") if path.is_file() and "colour" in path.read_text("utf-8", "replace")
    ]


def test_claude_is_held_to_the_budget(tmp_path: Path) -> None:
    """A model that talks and talks is not asked again once the dollars are spent."""
    with Model(chats) as model:
        asked = ask("claude", model, tmp_path, budget="0.01")
    assert not asked.done.ok
    assert asked.reply.outcome == "failed"
    assert asked.reply.cost is not None
    assert asked.reply.cost > 0.01
    assert "budget" in asked.reply.reason
    assert len(model.heard) == 1


def test_claude_says_that_it_is_not_logged_in(tmp_path: Path) -> None:
    """In words that a person can act on, and without asking anything."""
    with Model(decides) as model:
        asked = ask("claude", model, tmp_path, key="")
    assert not asked.done.ok
    assert asked.reply.outcome == "failed"
    assert "/login" in asked.reply.reason
    assert model.heard == []


def test_codex_decides(tmp_path: Path) -> None:
    """The model hears instructions and question, must meet the schema, and has nothing that runs or reads anything."""
    with Model(decides_for_codex) as model:
        asked = ask("codex", model, tmp_path, "--strict-config")
    assert asked.done.ok, asked.done.stdout + asked.done.stderr
    assert asked.reply == Reply("answer", "Blue", 0.9, "the goal says so")
    (heard,) = model.heard
    assert heard["text"]["format"]["schema"] == SCHEMA
    assert heard["text"]["format"]["strict"] is True
    # what asks a person is answered by nobody here
    assert set(tools(heard)) <= {"request_user_input"}
    texts = [str(part.get("text")) for item in heard["input"] for part in item["content"]]
    assert INSTRUCTIONS.strip() in {text.strip() for text in texts}
    assert MESSAGE.strip() in {text.strip() for text in texts}
    assert sum(map(len, texts)) < len(INSTRUCTIONS) + len(MESSAGE) + 200
    assert traces(asked) == []


def test_codex_leaves_its_events_where_it_leaves_no_message(tmp_path: Path) -> None:
    """Either of the two is enough."""
    with Model(decides_for_codex) as model:
        asked = ask("codex", model, tmp_path)
    assert read(asked.done.stdout.encode(), "codex").answer == "Blue"


def test_codex_says_that_it_is_not_let_in(tmp_path: Path) -> None:
    """In words that a person can act on."""
    with Model(refuses) as model:
        asked = ask("codex", model, tmp_path)
    assert not asked.done.ok
    assert asked.reply.outcome == "failed"
    assert "401" in asked.reply.reason or "x-api-key" in asked.reply.reason


@pytest.mark.parametrize(
    ("cli", "args", "complaint"),
    [
        ("claude", ("--no-such-flag",), "unknown option '--no-such-flag'"),
        ("codex", ("--full-auto",), "unexpected argument '--full-auto'"),
        ("codex", ("--strict-config", "-c", "features.no_such_tool=false"), "no_such_tool"),
        ("codex", ("--strict-config", "-c", "no_such_setting=1"), "no_such_setting"),
    ],
)
def test_the_check_can_fail(cli: Cli, args: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    """A flag or a setting that does not exist is found: those of the calls above do."""
    with Model(decides) as model:
        asked = ask(cli, model, tmp_path, *args)
    assert not asked.done.ok
    assert complaint in asked.done.stderr
    assert model.heard == []


@pytest.mark.parametrize("cli", ["claude", "codex", "command"])
def test_the_question_is_not_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    """`ps` shows it to everybody; and it may be longer than a command line can be."""
    call = Call(tmp_path, INSTRUCTIONS, json.dumps(SCHEMA), ("judge",), "big", ("--mine",), "0.50")
    words = consult.argv(cli, call)
    assert MESSAGE not in " ".join(words)
    assert consult.told(cli, call, MESSAGE).endswith(MESSAGE)
    assert words[0] == ("judge" if cli == "command" else cli)
    assert "--mine" in words
    assert (INSTRUCTIONS in consult.told(cli, call, MESSAGE)) == (cli == "command")


def test_model_and_budget_are_given_where_they_are_set(tmp_path: Path) -> None:
    """Else the agent's own choice holds."""
    bare, full = Call(tmp_path, "i", "{}"), Call(tmp_path, "i", "{}", model="opus", budget="2")
    assert not {"--model", "--max-budget-usd"} & set(consult.argv("claude", bare))
    assert " ".join(consult.argv("claude", full)).endswith("--max-budget-usd 2 --model opus")
    assert consult.argv("codex", full)[-3:] == ("-m", "opus", "-")
    assert "-m" not in consult.argv("codex", bare)


def test_nothing_is_bypassed() -> None:
    """No way round a check is on any command line."""
    call = Call(Path("/c"), "", "{}", ("x",), "m", (), "1")
    words = " ".join((*consult.argv("claude", call), *consult.argv("codex", call)))
    assert not any(word in words for word in ("dangerous", "bypass", "full-auto", "danger-full-access", "--yolo"))


def test_a_command_line_is_shown_short(tmp_path: Path) -> None:
    """The texts that are the same each time, and the folder that is gone, are named."""
    call = Call(tmp_path, INSTRUCTIONS, json.dumps(SCHEMA))
    assert "INSTRUCTIONS" in consult.shown(consult.argv("claude", call), call)
    shown = " ".join(consult.shown(consult.argv("codex", call), call))
    assert "--output-schema FOLDER/schema.json -o FOLDER/last.json" in shown
    assert str(tmp_path) not in shown
