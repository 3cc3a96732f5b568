"""The words about supervision: what was asked and why it was answered so, what is stuck, what is waited for."""

from typing import Final

from batty_tmux.core.activity import Activity
from batty_tmux.core.events import (
    Answered,
    AnyEvent,
    Consulted,
    Consulting,
    DirectorAsked,
    DirectorSaid,
    HooksHeard,
    HooksSilent,
    Limited,
    LimitOver,
    Nudged,
    Paused,
    Prompted,
    PromptGone,
    Stalled,
    Stirred,
    Unpaused,
)
from batty_tmux.names import clean


def told(event: AnyEvent) -> str | None:
    """Return what happened, without the phase's name; None for what is of no interest."""
    return _of_prompts(event) or _of_the_director(event) or _of_the_agent(event)


def _of_prompts(event: AnyEvent) -> str | None:
    match event:
        case Prompted(decision="answer") | Prompted(reason=""):
            return f"asks: {event.wording}"
        case Prompted(decision="consult"):
            return f"asks, and the supervisor is asked: {event.wording}"
        case Prompted(reason=reason):
            return f"asks, and waits for you ({reason}): {event.wording}"
        case Answered(by=by, answer=answer, rule=rule, why=why):
            who = {"person": "you", "policy": f"policy, {rule}"}.get(by, f"the supervisor, {why or rule}")
            return f"answered by {who}: {answer or 'Enter'}"
        case PromptGone():
            return None
        case Consulting(agent=agent, number=number):
            return f"{agent} is asked (call {number})"
        case Consulted(outcome="answer", answer=answer, confidence=confidence, reason=reason):
            return f"it would answer {answer!r}, {round(100 * confidence)} % sure: {reason}"
        case Consulted(outcome=outcome, reason=reason):
            return f"it leaves it to you: {reason}" if outcome == "escalate" else f"it gave no answer: {reason}"
        case _:
            return None


def _of_the_director(event: AnyEvent) -> str | None:
    match event:
        case DirectorAsked(agent=agent):
            return f"{agent} reads it first, as its director"
        case DirectorSaid(outcome="failed" | "lost", reasons=reasons):
            return f"the director gave no verdict: {' '.join(reasons)}"
        case DirectorSaid(outcome=outcome, confidence=confidence, reasons=reasons):
            why = f": {' '.join(reasons)}" if reasons else ""
            return f"the director says {outcome}, {round(100 * confidence)} % sure{why}"
        case _:
            return None


def _of_the_agent(event: AnyEvent) -> str | None:
    match event:
        case Nudged(text=text, why=why):
            return f"told, since it is stuck ({why}): {text}" if why else f"told what is missing: {text}"
        case Paused(by=by):
            return "supervision is paused" if by == "person" else "you press keys there: nothing is typed for you"
        case Unpaused(by=by):
            return "supervision goes on" if by == "person" else "supervision goes on, since you press no more keys"
        case Limited(reason=reason):
            return f"may not go on: {reason}"
        case LimitOver(by=by):
            ends = {"clock": "the limit is over: it is told to go on", "agent": "it goes on after its limit"}
            return ends.get(by, "you let it go on after its limit")
        case Stalled(code=code, reason=reason):
            return f"does not get on ({code}): {reason}"
        case Stirred():
            return "gets on again"
        case HooksHeard():
            return "its hooks report"
        case HooksSilent():
            return "its hooks do not report: the screen is relied on"
        case _:
            return None


_VERBS: Final = {
    "task": "card",
    "commit": "commit",
    "test": "tests",
    "edit": "edits",
    "command": "runs",
    "tool": "uses",
}


def activity_line(done: Activity) -> str:
    """Return one thing that an executor did, in one line."""
    failed = "" if done.ok else "  (failed)"
    return f"  {done.at:%H:%M:%S} {_VERBS[done.kind]:<7}{clean(done.what, 160)}{failed}"
