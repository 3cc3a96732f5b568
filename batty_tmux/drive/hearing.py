"""Hears an agent's hooks: what it does, what it asks for, and whether they report at all.

A permission that the policy gives is given by the hook's own reply, without a key. Everything else is left to the
dialog that the agent then paints, with what the hook told of it kept in mind.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from batty_tmux.core import policy, reports, sensors
from batty_tmux.core.activity import of_tool as activity_of
from batty_tmux.core.events import Answered, HooksHeard, HooksSilent, Prompted, PromptGone
from batty_tmux.core.policy import Give
from batty_tmux.core.progress import is_refusal
from batty_tmux.core.reports import Report
from batty_tmux.core.request import Request, of_tool
from batty_tmux.core.sensors import Signs
from batty_tmux.drive.chronicle import Chronicle
from batty_tmux.drive.executor import folder_of_reports
from batty_tmux.drive.policies import policy_of
from batty_tmux.drive.prompting import TEXT, Hint, Prompter
from batty_tmux.drive.reports import Desk
from batty_tmux.drive.standing import Standing
from batty_tmux.host.clock import monotonic, now

_LIMITS: Final = frozenset({"rate_limit", "billing_error"})
"""Why a turn failed, in Claude Code's words, where it was for a limit."""
_PATCH: Final = "apply_patch"


@dataclass
class Hearing:
    """`turn` is what was last reported of the agent's turn. `asked` is when it last reported that it asks."""

    prompter: Prompter
    standing: Standing
    chronicle: Chronicle
    desk: Desk = field(init=False)
    turn: Literal["", "on", "over"] = ""
    asked: float = float("-inf")
    lively: float | None = None

    def __post_init__(self) -> None:
        post = self.prompter.post
        self.desk = Desk.open(folder_of_reports(post.project, post.phase, post.run))

    def began(self) -> None:
        """Forget what another executor reported."""
        self.turn, self.asked, self.lively = "", float("-inf"), None

    def close(self) -> None:
        self.desk.close()

    def hear(self) -> None:
        """Take in what has come, and answer those that wait."""
        # which executor it is of
        self.prompter.post.refresh()
        for report, reply in self.desk.collect():
            self._take_note(report)
            line = self._reply(report) if report.kind == "asks-permission" else ""
            if reply is not None:
                self._answer(reply, line)

    def check(self, signs: Signs) -> None:
        """Say so, once, when hooks should have reported and have not: the screen is relied on from then on."""
        post, at = self.prompter.post, monotonic()
        if signs.busy or signs.rest or signs.prompt in {"permission", "edit"}:
            self.lively = at if self.lively is None else self.lively
        late = post.watch.hooks == "awaited" and self.lively is not None and at - self.lively > sensors.FIRST_REPORT
        if late or (post.watch.hooks == "heard" and self._is_unsaid(at)):
            post.record(HooksSilent(run=post.run, phase=post.phase, attempt=post.watch.attempt))
            self.turn = ""
            self.prompter.untold = float("-inf")

    def _is_unsaid(self, at: float) -> bool:
        """Tell whether a dialog was met on the screen, and its hook had not told of it and has not since."""
        met = self.prompter.untold
        return at - met > sensors.DIALOG_REPORT and self.asked < met

    def _answer(self, reply: Path, line: str) -> None:
        if not self.desk.answer(reply, line) and line:
            # its dialog will be met on the screen, and answered there
            self.prompter.answered_by_hook = None

    # -- what it does

    def _take_note(self, report: Report) -> None:
        post = self.prompter.post
        if post.watch.hooks != "heard":
            heard = HooksHeard(run=post.run, phase=post.phase, attempt=post.watch.attempt, session=report.session)
            post.record(heard)
        self.standing.saw()
        match report.kind:
            case "turn-began" | "compacting" | "started":
                self.turn = "on"
            case "tool-used":
                self.turn = "on"
                self._used(report)
            case "asks-permission" | "asks-question":
                self.asked = monotonic()
                self.prompter.sight.look_again(0.0)
            case "turn-ended":
                self.turn = "on" if report.background else "over"
            case "failed":
                self.turn = "over"
                if report.stop_reason in _LIMITS and report.message:
                    self.standing.limit(report.message)
            case _:
                pass

    def _used(self, report: Report) -> None:
        done = activity_of(report.tool, report.command, report.paths, now(), ok=not report.failed)
        self.chronicle.add([done])
        what = "\0".join((report.tool, report.command, *report.paths, report.text))
        name = f"{done.kind} {done.what}"[:80]
        refused = report.failed and is_refusal(report.message)
        act = f"{name} ({sha256(what.encode('utf-8', 'replace')).hexdigest()[:6]})"
        self.standing.did(act, refused=refused)

    # -- what it asks for

    def _reply(self, report: Report) -> str:
        """Decide about a permission; return the line that gives or refuses it, "" where the dialog is to be shown."""
        post = self.prompter.post
        request = _request(report, post.family)
        rules = policy_of(post.project)
        outcome = policy.decide(request, rules, post.worktree)
        line = ""
        if isinstance(outcome, Give) and not self.prompter.is_at_hand():
            yes = outcome.answer != "no"
            line = reports.allow(report) if yes else reports.deny(report, f"{outcome.rule}: {outcome.why}".strip(": "))
            if not yes:
                self.standing.did(f"{report.tool} {report.command or ' '.join(report.paths)}"[:80], refused=True)
        if not line or not isinstance(outcome, Give):
            self.prompter.hint = Hint(request, monotonic())
            return ""
        self._journal(request, outcome)
        self.prompter.answered_by_hook = Hint(request, monotonic())
        return line

    def _journal(self, request: Request, outcome: Give) -> None:
        """Journal the request and its answer, before it is given."""
        post = self.prompter.post
        about = f"{request.command}\0{' '.join(request.paths)}\0{request.text}"
        key = f"{post.prompts + 1}-hook-{sha256(about.encode('utf-8', 'replace')).hexdigest()[:12]}"
        who = {"run": post.run, "phase": post.phase, "key": key}
        asked = Prompted(
            run=post.run,
            phase=post.phase,
            key=key,
            kind=request.kind,
            question=_question(request)[:TEXT],
            text=request.text[:TEXT],
            rule=outcome.rule,
            decision="answer",
            via="hook",
            family=post.family,
            tool=request.tool,
            subject=(request.command or " ".join(request.paths))[:TEXT],
            whole=request.whole,
        )
        given = Answered(**who, by="policy", answer=outcome.answer, rule=outcome.rule, why=outcome.why)  # type: ignore[arg-type]  # msgspec reads them as fields
        post.record(asked, given, PromptGone(**who))  # type: ignore[arg-type]  # as above


def _question(request: Request) -> str:
    """Return what a hook asks, in one line."""
    about = (request.command or " ".join(request.paths)).partition("\n")[0]
    return f"{request.tool}: {about}" if about else request.question


def _request(report: Report, family: str) -> Request:
    """Return what a hook asks for as the policy judges it."""
    paths = tuple(report.paths)
    if report.tool == _PATCH:
        base = Request(kind="edit", tool="Edit", paths=paths, text=report.text, family=family)
        return replace(
            base, question=f"edit {', '.join(paths)}?", whole=report.whole and bool(paths), folder=report.cwd
        )
    given: dict[str, object] = {"command": report.command} if report.command else {}
    if paths:
        given["file_path"] = paths[0]
    if report.text:
        given["text"] = report.text
    made = of_tool(report.tool, given, family, report.cwd)
    return replace(made, paths=paths if made.paths else (), whole=made.whole and report.whole)
