"""What happens between an executor and whoever supervises it: prompts, answers, pauses, limits."""

from datetime import datetime
from typing import Literal

from batty_tmux.core.event import PhaseEvent


class Prompted(PhaseEvent, frozen=True, kw_only=True, tag="prompted"):
    """A prompt appeared, and this is what was decided. `key` identifies this appearance of it.

    `kind` to `menu` are what the policy judged, kept so that another policy can be tried on it: `subject` is the
    command or path, `options` the labels of a menu. `rule` decided; `would` is its answer where none was typed, and
    `reason` why not.
    """

    key: str
    kind: str
    question: str
    text: str = ""
    reason: str = ""
    rule: str = ""
    would: str = ""
    decision: Literal["", "answer", "suggest", "ask", "refuse", "consult"] = ""
    via: Literal["screen", "hook"] = "screen"
    family: str = ""
    tool: str = ""
    subject: str = ""
    options: tuple[str, ...] = ()
    menu: bool = False
    whole: bool = True

    @property
    def wording(self) -> str:
        """The question in one line, with what it is about: "Do you want to proceed?" alone tells nobody anything."""
        about = self.subject.strip().partition("\n")[0]
        if not about or about in self.question:
            return self.question
        return f"{self.question} {self.tool}: {about}" if self.tool else f"{self.question} {about}"


class Answered(PhaseEvent, frozen=True, kw_only=True, tag="answered"):
    """`rule` is the policy's that gave or let pass the answer; `why` the supervisor agent's reason."""

    key: str
    by: Literal["policy", "supervisor", "person"]
    answer: str
    rule: str = ""
    why: str = ""


class PromptGone(PhaseEvent, frozen=True, kw_only=True, tag="prompt-gone"):
    key: str


class Consulting(PhaseEvent, frozen=True, kw_only=True, tag="consulting"):
    """A supervisor agent is asked about the prompt `key`; `number` counts the phase's calls from 1.

    `snapshot` is the file with all that it is told.
    """

    key: str
    number: int
    agent: str
    snapshot: str = ""


class Consulted(PhaseEvent, frozen=True, kw_only=True, tag="consulted"):
    """What it said. `confidence` from 0 to 1, `cost` in dollars where the agent tells it, `seconds` on the clock."""

    key: str
    number: int
    outcome: Literal["answer", "escalate", "failed"]
    answer: str = ""
    confidence: float = 0.0
    reason: str = ""
    seconds: float = 0.0
    cost: float | None = None


class Nudged(PhaseEvent, frozen=True, kw_only=True, tag="nudged"):
    """`why` is "" where the contract was not met, else the code of what the phase is stuck in."""

    text: str
    why: str = ""


class Paused(PhaseEvent, frozen=True, kw_only=True, tag="paused"):
    """Supervision types nothing: a person paused it, or pressed keys in the executor's pane."""

    by: Literal["person", "keys"]


class Unpaused(PhaseEvent, frozen=True, kw_only=True, tag="unpaused"):
    by: Literal["person", "quiet"]


class Limited(PhaseEvent, frozen=True, kw_only=True, tag="limited"):
    """The agent has used up what it may use. `until` is when it may go on, None where it does not say."""

    reason: str
    until: datetime | None = None


class LimitOver(PhaseEvent, frozen=True, kw_only=True, tag="limit-over"):
    by: Literal["clock", "agent", "person"]


class Stalled(PhaseEvent, frozen=True, kw_only=True, tag="stalled"):
    """No progress: nothing moves, the same is done again and again, the context is full, or all is refused.

    `nudge` says that the executor is to be told; else a person is waited for.
    """

    code: Literal["silent", "loop", "context", "denials"]
    reason: str
    nudge: bool = False


class Stirred(PhaseEvent, frozen=True, kw_only=True, tag="stirred"):
    """It makes progress again."""


class HooksHeard(PhaseEvent, frozen=True, kw_only=True, tag="hooks-heard"):
    """The agent's hooks report; `attempt` is the executor's, `session` the conversation that they tell of."""

    attempt: int
    session: str = ""


class HooksSilent(PhaseEvent, frozen=True, kw_only=True, tag="hooks-silent"):
    """The agent's hooks should have reported by now: the screen is relied on."""

    attempt: int
