"""What an agent's own hooks report, as values, and the line that answers one. Total over any JSON."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "started",
    "turn-began",
    "asks-permission",
    "asks-question",
    "tool-used",
    "notified",
    "turn-ended",
    "failed",
    "compacting",
    "ended",
]

LONGEST: Final = 16_384
"""Characters of a command, or of a text, that are kept."""
_WORD: Final = 256
_MOST: Final = 32
"""Paths, questions, or options of one that are kept."""

_PLAN: Final = "ExitPlanMode"
_QUESTION: Final = "AskUserQuestion"
_PATHS: Final = ("file_path", "notebook_path", "path")
_TEXTS: Final = ("content", "new_string", "new_source", "plan", "url", "prompt", "query")
_PATCHED = re.compile(r"^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$", re.MULTILINE)
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_EXIT = re.compile(r"Exit code: (\d{1,4})\b")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Option:
    label: str
    description: str = ""


@dataclass(frozen=True)
class Question:
    question: str
    header: str
    options: tuple[Option, ...]
    multi: bool = False


@dataclass(frozen=True)
class Report:
    """One message of a hook.

    `command`, `paths` and `text` are of the tool: what would be run, which files, and the rest in words; relative
    paths are seen from `cwd`. `message` is the agent's last words, its reason for asking, why a session began or
    ended, or the kind of a notification. `stop_reason` says why a turn ended that did not end by itself.
    `background` counts what goes on after the end of a turn. `whole` is false where anything was cut off or
    replaced: then what is shown is not what would be done, and no rule may decide on it.
    """

    kind: Kind
    session: str = ""
    cwd: str = ""
    tool: str = ""
    command: str = ""
    paths: tuple[str, ...] = ()
    text: str = ""
    message: str = ""
    questions: tuple[Question, ...] = ()
    failed: bool = False
    stop_reason: str = ""
    background: int = 0
    whole: bool = True


def of_claude(payload: object) -> Report | None:
    """Read a message of Claude Code's hooks; None for an event that says nothing here, and for what is none."""
    return _read(payload, _CLAUDE)


def of_codex(payload: object) -> Report | None:
    """Read a message of Codex's hooks; None as above."""
    return _read(payload, _CODEX)


def allow(report: Report) -> str:
    """Return the line by which the hook that reported this lets the agent go on; "" where it cannot say so.

    A question is not settled by leave: Claude Code would go on as if it had been answered with nothing. For a plan
    it wants the input back, changed or not; what it leaves out is kept.
    """
    if report.kind != "asks-permission":
        return ""
    return _decision({"behavior": "allow", **({"updatedInput": {}} if report.tool == _PLAN else {})})


def deny(report: Report, reason: str) -> str:
    """Return the line that refuses, with a reason that the agent reads; "" where there is nothing to refuse."""
    if report.kind not in {"asks-permission", "asks-question"}:
        return ""
    return _decision({"behavior": "deny", "message": _Cut().text(reason, 2000)})


def settle(report: Report, answers: Mapping[str, str]) -> str:
    """Return the line that answers the agent's own questions, by their text; "" unless each has an answer.

    An answer is the label of an option, several with ", " between them where several may be chosen, or any words.
    """
    asked = [question.question for question in report.questions]
    if report.kind != "asks-question" or not report.whole or not asked or not all(answers.get(each) for each in asked):
        return ""
    told = [
        {
            "question": each.question,
            "header": each.header,
            "multiSelect": each.multi,
            "options": [{"label": option.label, "description": option.description} for option in each.options],
        }
        for each in report.questions
    ]
    chosen = {each: _Cut().text(answers[each], LONGEST) for each in asked}
    return _decision({"behavior": "allow", "updatedInput": {"questions": told, "answers": chosen}})


def _decision(decision: dict[str, object]) -> str:
    return json.dumps({"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}})


class _Cut:
    """Reads fields of any type within bounds, and remembers whether one was not kept as it is."""

    def __init__(self) -> None:
        self.whole = True

    def text(self, value: object, limit: int = _WORD) -> str:
        if not isinstance(value, str):
            self.whole = self.whole and value is None
            return ""
        kept = _UNSTORABLE.sub(_REPLACEMENT, value[:limit])
        self.whole = self.whole and kept == value
        return kept

    def items(self, value: object) -> list[object]:
        if not isinstance(value, list):
            self.whole = self.whole and value is None
            return []
        self.whole = self.whole and len(value) <= _MOST
        return value[:_MOST]

    def fields(self, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            self.whole = self.whole and value is None
            return {}
        return value


_Reader = Callable[[dict[str, object], _Cut], Report]


def _read(payload: object, readers: Mapping[str, _Reader]) -> Report | None:
    if not isinstance(payload, dict):
        return None
    event = payload.get("hook_event_name")
    reader = readers.get(event) if isinstance(event, str) else None
    return None if reader is None else reader(payload, _Cut())


def _report(kind: Kind, payload: dict[str, object], cut: _Cut, **more: object) -> Report:
    session = payload.get("session_id")
    known = session if isinstance(session, str) and _SESSION.fullmatch(session) else ""
    cwd = cut.text(payload.get("cwd"), LONGEST)
    return Report(kind, known, cwd, whole=cut.whole, **more)  # type: ignore[arg-type]  # each reader names fields


def _said(kind: Kind, field: str, *, failed: bool = False) -> _Reader:
    def reader(payload: dict[str, object], cut: _Cut) -> Report:
        return _report(kind, payload, cut, message=cut.text(payload.get(field), LONGEST), failed=failed)

    return reader


def _prompted(payload: dict[str, object], cut: _Cut) -> Report:
    return _report("turn-began", payload, cut, text=cut.text(payload.get("prompt"), LONGEST))


def _notified(payload: dict[str, object], cut: _Cut) -> Report:
    kind, words = cut.text(payload.get("notification_type")), cut.text(payload.get("message"), LONGEST)
    return _report("notified", payload, cut, message=kind, text=words)


def _turn_ended(payload: dict[str, object], cut: _Cut) -> Report:
    # counted even beyond what is kept
    background = sum(len(v) for v in map(payload.get, ("background_tasks", "session_crons")) if isinstance(v, list))
    words = cut.text(payload.get("last_assistant_message"), LONGEST)
    return _report("turn-ended", payload, cut, message=words, background=background)


def _interrupted(payload: dict[str, object], cut: _Cut) -> Report:
    return _report("turn-ended", payload, cut, stop_reason="interrupted")


def _turn_failed(payload: dict[str, object], cut: _Cut) -> Report:
    words = cut.text(payload.get("last_assistant_message"), LONGEST)
    reason = cut.text(payload.get("error"))
    return _report("failed", payload, cut, message=words, stop_reason=reason, failed=True)


def _asked(payload: dict[str, object], cut: _Cut) -> Report:
    """A question of the agent's own comes as a request for leave to ask it."""
    if payload.get("tool_name") == _QUESTION:
        given = cut.fields(payload.get("tool_input"))
        questions = tuple(_question(each, cut) for each in cut.items(given.get("questions")))
        return _report("asks-question", payload, cut, tool=_QUESTION, questions=questions)
    why = cut.text(cut.fields(payload.get("tool_input")).get("description"), LONGEST)
    return _with_tool("asks-permission", payload, cut, message=why)


def _used(payload: dict[str, object], cut: _Cut) -> Report:
    # Codex reports what a tool said as text
    said = payload.get("tool_response")
    status = _EXIT.match(said[:_WORD]) if isinstance(said, str) else None
    return _with_tool("tool-used", payload, cut, failed=status is not None and int(status[1]) != 0)


def _use_failed(payload: dict[str, object], cut: _Cut) -> Report:
    return _with_tool("tool-used", payload, cut, failed=True, message=cut.text(payload.get("error"), LONGEST))


def _with_tool(kind: Kind, payload: dict[str, object], cut: _Cut, **more: object) -> Report:
    tool, given = cut.text(payload.get("tool_name")), cut.fields(payload.get("tool_input"))
    if tool == "apply_patch":
        patch = cut.text(given.get("command"), LONGEST)
        patched = tuple(map(str, cut.items(_PATCHED.findall(patch))))
        return _report(kind, payload, cut, tool=tool, paths=patched, text=patch, **more)
    command = cut.text(given.get("command"), LONGEST)
    paths = tuple(cut.text(given[name], LONGEST) for name in _PATHS if name in given)
    return _report(kind, payload, cut, tool=tool, command=command, paths=paths, text=_words(given, cut), **more)


def _words(given: dict[str, object], cut: _Cut) -> str:
    """Return what else a tool was given: of one that is known, its words; of any other, all of it as JSON."""
    known = [cut.text(given[name], LONGEST) for name in _TEXTS if isinstance(given.get(name), str)]
    strange = {key: value for key, value in given.items() if key not in {*_TEXTS, *_PATHS, "command", "description"}}
    if known or "command" in given or not strange:
        return "\n".join(known)
    try:
        return cut.text(json.dumps(strange, ensure_ascii=False), LONGEST)
    except RecursionError:
        cut.whole = False
        return ""


def _question(value: object, cut: _Cut) -> Question:
    given = cut.fields(value)
    return Question(
        question=cut.text(given.get("question"), LONGEST),
        header=cut.text(given.get("header")),
        options=tuple(_option(each, cut) for each in cut.items(given.get("options"))),
        multi=given.get("multiSelect") is True,
    )


def _option(value: object, cut: _Cut) -> Option:
    given = cut.fields(value)
    return Option(cut.text(given.get("label"), LONGEST), cut.text(given.get("description"), LONGEST))


_BOTH: Final[dict[str, _Reader]] = {
    "SessionStart": _said("started", "source"),
    "UserPromptSubmit": _prompted,
    "PermissionRequest": _asked,
    "PostToolUse": _used,
    "Stop": _turn_ended,
    "PreCompact": _said("compacting", "trigger"),
    "SessionEnd": _said("ended", "reason"),
}
_CLAUDE: Final[dict[str, _Reader]] = {
    **_BOTH,
    "PostToolUseFailure": _use_failed,
    "Notification": _notified,
    "StopFailure": _turn_failed,
}
_CODEX: Final[dict[str, _Reader]] = {**_BOTH, "Interrupt": _interrupted}
