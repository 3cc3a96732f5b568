"""What a supervisor agent says: any bytes whatever in, a Reply out. What is not plainly an answer is no answer."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import msgspec

from batty_tmux.core.prompts import Prompt, never_chosen, option_of
from batty_tmux.names import clean

MAX_REPLY: Final = 1024 * 1024
"""Bytes of a reply. What is longer is not read."""
MAX_ANSWER: Final = 2_000
"""Characters that are typed for it."""
_REASON: Final = 400

Cli = Literal["claude", "codex", "command"]


@dataclass(frozen=True)
class Reply:
    """What came of a call. `cost` is in dollars, where the agent tells it.

    An answer that may not be given is an "escalate" which still holds it: a person may take it.
    """

    outcome: Literal["answer", "escalate", "failed"]
    answer: str = ""
    confidence: float = 0.0
    reason: str = ""
    cost: float | None = None


def failed(reason: str, cost: float | None = None) -> Reply:
    return Reply("failed", reason=clean(reason, _REASON), cost=cost)


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spoken:
    """The object that an agent replied with, whatever it is; where `fault` is set, why there is none."""

    told: object = None
    fault: str = ""
    cost: float | None = None


def spoken(said: bytes, cli: Cli, last: bytes = b"") -> Spoken:
    """Read what an agent printed; `last` is what Codex wrote into the file for its last message.

    Total: it raises nothing, and takes time in proportion to what it is given, up to MAX_REPLY.
    """
    if len(said) > MAX_REPLY or len(last) > MAX_REPLY:
        return Spoken(fault=f"it said more than {MAX_REPLY} bytes")
    match cli:
        case "claude":
            return _of_claude(_json(said))
        case "codex":
            return _of_codex(said, last)
        case "command":
            return Spoken(_json(said))


def read(said: bytes, cli: Cli, last: bytes = b"") -> Reply:
    """Read the answer to a prompt, as `spoken` does."""
    heard = spoken(said, cli, last)
    return failed(heard.fault, heard.cost) if heard.fault else replace(_decision(heard.told), cost=heard.cost)


def _json(data: bytes) -> object:
    """Return what a text of JSON holds; None where it is none, and for null."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _of_claude(told: object) -> Spoken:
    """Read the one result of `--output-format json`, or the last one of a list of messages."""
    if isinstance(told, list):
        results = (part for part in reversed(told) if isinstance(part, dict) and part.get("type") == "result")
        told = next(results, None)
    if not isinstance(told, dict):
        return Spoken(fault="it did not print the JSON that it was asked for")
    cost = _dollars(told.get("total_cost_usd"))
    if told.get("is_error") not in (None, False) or told.get("subtype") not in (None, "success"):
        return Spoken(fault=_fault(told), cost=cost)
    inner = told.get("structured_output")
    if inner is None and isinstance(told.get("result"), str):
        inner = _json(told["result"].encode("utf-8", "surrogatepass"))
    return Spoken(inner, cost=cost)


def _fault(told: dict[str, Any]) -> str:
    words = (told.get("result"), *_list(told.get("errors")), told.get("subtype"))
    return next((word for word in words if isinstance(word, str) and word and word != "success"), "it failed")


def _list(told: object) -> list[Any]:
    return told if isinstance(told, list) else []


def _of_codex(said: bytes, last: bytes) -> Spoken:
    """Read the events of `codex exec --json`: its last message, unless its turn failed."""
    words = b""
    for event in _events_backwards(said):
        if event.get("type") in ("turn.failed", "error"):
            return Spoken(fault=_words_of(event))
        item = event.get("item")
        if isinstance(item, dict) and item.get("type") == "agent_message" and isinstance(item.get("text"), str):
            words = item["text"].encode("utf-8", "surrogatepass")
            break
    return Spoken(_json(last if last.strip() else words))


def _events_backwards(said: bytes) -> Iterator[dict[str, Any]]:
    for line in reversed(said.splitlines()):
        event = _json(line) if line.strip() else None
        if isinstance(event, dict):
            yield event


def _words_of(event: dict[str, Any]) -> str:
    error = event.get("error")
    words = error.get("message") if isinstance(error, dict) else event.get("message")
    return words if isinstance(words, str) and words else "its turn failed"


def _dollars(told: object) -> float | None:
    known = isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 1e6  # noqa: PLR2004 -- absurd
    return float(told) if known and isinstance(told, int | float) else None


def _decision(told: object) -> Reply:
    """Read the object that SCHEMA describes. More keys are let pass; a wrong type is no reply."""
    if not isinstance(told, dict):
        return failed("its reply is not the JSON object that it was asked for")
    decision, answer = told.get("decision"), told.get("answer")
    confidence, reason = told.get("confidence"), told.get("reason")
    if decision not in ("answer", "escalate"):
        return failed("its reply decides nothing")
    if not isinstance(answer, str) or not isinstance(reason, str):
        return failed("its reply has no answer and reason that are texts")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        return failed("its confidence is not a number from 0 to 1")
    if len(answer) > MAX_ANSWER:
        return failed(f"its answer is longer than {MAX_ANSWER} characters")
    outcome: Literal["answer", "escalate"] = "answer" if decision == "answer" else "escalate"
    return Reply(outcome, answer, float(confidence), clean(reason, _REASON))


# --- may it be given? ---------------------------------------------------------------------------------------

_OPENS: Final = re.compile(r"type something\.?|chat about this|other\b.{0,40}|none of the above.{0,60}", re.IGNORECASE)
"""Options behind which another thing is asked: whoever chooses them has to go on from there."""
_OBEYED: Final = re.compile(r"[/!#@&]")
"""What the composers of Claude and Codex obey at the beginning of a line, rather than take for words."""


def judge(reply: Reply, prompt: Prompt, confidence: float) -> Reply:
    """Let an answer be one only if it is sure enough, and one that may be given here; else a person decides.

    What is left of it is still no more than a proposal: the policy and its denials have their say after this.
    """
    if reply.outcome != "answer":
        return reply
    told = clean(reply.answer, 80)
    if not reply.confidence >= confidence:
        why = f"would answer {told!r}, and is only {reply.confidence:.2f} sure: {reply.reason}"
    elif as_answer(reply, prompt) is None:
        why = f"answers {told!r}, which cannot be given here: {reply.reason}"
    else:
        return reply
    return replace(reply, outcome="escalate", reason=clean(why, _REASON))


def as_answer(reply: Reply, prompt: Prompt) -> str | None:
    """Return what the policy is to check and the caller to give: an option's label or letter, or a line to type.

    None where the reply names no option, more than one, one behind which more is asked, or one that is never chosen
    for anybody (`prompts.never_chosen`); and where its words are no plain line.
    """
    words = reply.answer.strip()
    if reply.outcome != "answer" or not words:
        return None
    if prompt.caret is not None or prompt.kind == "confirm":
        return _option(words, prompt)
    return words if _is_plain_line(words, prompt) else None


def _option(words: str, prompt: Prompt) -> str | None:
    index = option_of(prompt, words)
    if index is None:
        return None
    option = prompt.options[index]
    if never_chosen(option.label) or _OPENS.fullmatch(option.label.strip()):
        return None
    told = option.label if prompt.caret is not None else option.key
    return told if option_of(prompt, told) == index else None


def _is_plain_line(words: str, prompt: Prompt) -> bool:
    shown = all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for c in words)
    obeyed = prompt.family != "any" and _OBEYED.match(words)
    return shown and not obeyed and not never_chosen(words)
