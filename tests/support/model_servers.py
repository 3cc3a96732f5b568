"""Model servers of a test's own, on loopback: real agents work against them with no account and no network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Json = dict[str, Any]


@dataclass
class Model:
    """What a model says, one step after each result that it hears in its turn, and what it has heard."""

    steps: list[Json]
    address: str = ""
    heard: list[str] = field(default_factory=list)


class _Server(BaseHTTPRequestHandler):
    model: Model

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        pass

    def do_GET(self) -> None:
        self.say(b'{"models": [], "data": []}', "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        events = self.events(asked)
        told = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self.say(told.encode(), "text/event-stream")

    def events(self, asked: Json) -> list[Json]:
        raise NotImplementedError

    def say(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Claude(_Server):
    def events(self, asked: Json) -> list[Json]:
        messages = asked.get("messages", [])
        self.model.heard.append(json.dumps(messages, ensure_ascii=False))
        results = 0
        for message in reversed(messages):
            content = message.get("content")
            if message.get("role") == "user":
                if not isinstance(content, list) or not any(part.get("type") == "tool_result" for part in content):
                    break
                results += 1
        # what is asked without tools is a title, or how the user feels
        step = _step(self.model.steps, results) if asked.get("tools") else {"text": "title"}
        return _claude_message(step, len(self.model.heard))


class _Codex(_Server):
    def events(self, asked: Json) -> list[Json]:
        items = asked.get("input", [])
        told = json.dumps(items, ensure_ascii=False)
        self.model.heard.append(told)
        results = 0
        for item in reversed(items):
            if item.get("type") == "message" and item.get("role") == "user":
                break
            results += item.get("type") == "custom_tool_call_output"
        step = {"text": "title"} if "task title" in told else _step(self.model.steps, results)
        return _codex_response(step, len(self.model.heard))


def _step(steps: list[Json], number: int) -> Json:
    return steps[min(number, len(steps) - 1)]


def _claude_message(step: Json, number: int) -> list[Json]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": usage,
    }
    if "text" in step:
        block: Json = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": step["text"]}
    else:
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": step["tool"], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(step["input"])}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn" if "text" in step else "tool_use"},
            "usage": usage,
        },
        {"type": "message_stop"},
    ]


def _codex_response(step: Json, number: int) -> list[Json]:
    if "text" in step:
        item: Json = {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": step["text"]}],
        }
    else:
        # its one tool runs JavaScript, in which the others are functions
        code = f"const said = await tools.{step['tool']}({json.dumps(step['input'])}); text(JSON.stringify(said));"
        item = {"type": "custom_tool_call", "name": "exec", "call_id": f"call_{number}", "input": code}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": f"resp_{number}"}
    return [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": response | {"usage": usage}},
    ]


@contextmanager
def _serving(kind: type[_Server], steps: list[Json]) -> Iterator[Model]:
    model = Model(steps)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Serving", (kind,), {"model": model}))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    model.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def claude_model(*steps: Json) -> Any:
    """Serve a model to Claude Code while the context lasts. A step is {"tool":, "input":} or {"text":}."""
    return _serving(_Claude, list(steps))


def codex_model(*steps: Json) -> Any:
    """Serve a model to Codex, with the same steps; its tools are `exec_command` and `apply_patch`."""
    return _serving(_Codex, list(steps))
