"""Meets an executor's prompts: read twice, decided, answered, and seen to be gone; once for each appearance."""

from dataclasses import dataclass, field, replace

from batty_tmux.core import policy, prompts
from batty_tmux.core.events import Answered, Prompted, PromptGone
from batty_tmux.core.policy import Answer, Ask, Refuse
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.replay import decision_of
from batty_tmux.core.request import Request, of_prompt
from batty_tmux.drive.advice import Advice
from batty_tmux.drive.bar import attention
from batty_tmux.drive.hands import Hands
from batty_tmux.drive.keyboard import Outcome, choose, digest, write
from batty_tmux.drive.policies import policy_of
from batty_tmux.drive.post import Post
from batty_tmux.drive.sight import Sight
from batty_tmux.drive.standing import Standing
from batty_tmux.host.clock import monotonic

STEADY = 0.04
"""Seconds between the two readings of a dialog before anything is said of it."""
STARTING = 0.7
"""The same for the dialogs of an agent's start: Claude Code 2.1.332 draws its first one anew within 0.15 s, with the
caret back on "No, exit" and the keys of before lost."""
_OF_THE_START = frozenset({"trust", "bypass", "login", "setup", "update", "hooks", "mcp"})
UNHEARD = 10.0
"""Seconds after an answer in which the prompt must have gone from the screen."""
_HINTED = 30.0
"""Seconds for which what a hook told of a tool is about the next dialog."""
_SETTLED = 2.0
"""Seconds in which a dialog must have gone that a hook answered; what still stands then is met on the screen."""
_JUST = 1.0
"""Seconds after a key of a person's in which nothing is typed for them: tmux tells keys by the second."""
_TOLD = frozenset({"permission", "edit"})
"""Kinds of dialogs that hooks tell of."""
TEXT = 4000
"""Characters of a prompt that the journal keeps."""


@dataclass
class Hint:
    """What a hook told of the permission that it asks for, where nobody answered by the hook."""

    request: Request
    at: float


@dataclass
class Prompter:
    """`once` is a dialog that was read one time, and when; `answered` is when the last answer was given.

    `anew` asks for a reading of a screen that says nothing new. `untold` is when a dialog was last met of which a
    hook should have told and had not, `last` the digest of the one last met. The hints are what hooks told of
    permissions: of the last that was left to its dialog, and of the last that was given.
    """

    post: Post
    sight: Sight
    hands: Hands
    standing: Standing
    advice: Advice = field(default_factory=Advice)
    answered: float = field(default_factory=monotonic)
    once: tuple[str, float] | None = None
    anew: bool = True
    untold: float = float("-inf")
    last: str = ""
    hint: Hint | None = None
    answered_by_hook: Hint | None = None

    def look(self, screen: str, *, news: bool) -> None:
        """Take in a screen that was captured just now."""
        if self.post.watch.answered:
            self.sight.look_again(max(STEADY, UNHEARD - (monotonic() - self.answered)))
        if not (news or self.anew or self.once is not None or self._is_unheard()):
            return
        self.anew = False
        lost = self.advice.lost(self.post)
        if lost is not None:
            self.post.record(lost)
            self.reconsider()
        seen = prompts.read(screen, self.post.family)
        self._take_leave(seen)
        if seen is None or self.post.watch.prompt is not None:
            self.once = None
        elif self._is_settled(seen):
            self.anew = True
            self.sight.look_again(_SETTLED)
        else:
            self._greet(seen)

    def reconsider(self) -> None:
        """Decide anew about a prompt that was left to a person while supervision was paused."""
        known = self.post.watch.prompt
        if known is not None and not self.post.watch.answered:
            self.post.record(PromptGone(run=self.post.run, phase=self.post.phase, key=known.key))
        self.once, self.anew = None, True
        self.sight.look_again(0.0)

    def began(self) -> None:
        """Forget what another executor was asked."""
        self.once = self.hint = self.answered_by_hook = None
        self.untold, self.last = float("-inf"), ""

    def take_advice(self) -> None:
        """Give the answer of the supervisor agent, if its prompt is still there and the policy lets it pass."""
        told = self.advice.take(self.post, policy_of(self.post.project))
        prompt = self.post.watch.prompt
        if told is None or prompt is None or self.post.watch.answered:
            return
        if isinstance(told.outcome, Answer) and not self.is_at_hand():
            self._give(told.seen, prompt.key, told.outcome, by="supervisor", why=told.why)
        else:
            attention(self.post.project)

    def close(self) -> None:
        self.advice.close()

    def is_at_hand(self) -> bool:
        """Tell whether a person has this pane to themselves, or has just pressed a key in it."""
        pane = self.post.pane
        if self.post.watch.paused is None and pane is not None:
            self.hands.look(self.post.terminal, pane)
        return self.post.watch.paused is not None or self.hands.quiet() < _JUST

    # -- one appearance of a prompt

    def _is_settled(self, seen: Prompt) -> bool:
        """Tell whether this dialog is one that a hook has just answered: it will go by itself."""
        given = self.answered_by_hook
        if given is None or monotonic() - given.at > _SETTLED:
            return False
        return seen.kind in _TOLD and _fits(of_prompt(seen), given.request)

    def _take_leave(self, seen: Prompt | None) -> None:
        """Journal that a prompt has gone, or that it was answered and still asks: then it is a person's."""
        known = self.post.watch.prompt
        if known is None:
            return
        same = seen is not None and digest(seen) == known.key.rpartition("-")[2]
        if same and not self._is_unheard():
            return
        self.advice.cancel()
        self.post.record(PromptGone(run=self.post.run, phase=self.post.phase, key=known.key))
        if same and seen is not None:
            self._meet(seen, "it was answered, and still asks")

    def _greet(self, seen: Prompt) -> None:
        """Meet a prompt at the second reading: one that is still being painted is another by then."""
        at, name = monotonic(), digest(seen)
        steady = STARTING if seen.kind in _OF_THE_START else STEADY
        if self.once is None or self.once[0] != name:
            self.once = (name, at)
        if at - self.once[1] >= steady:
            self.once = None
            self._meet(seen, "")
        else:
            self.sight.look_again(self.once[1] + steady - at)

    def _meet(self, seen: Prompt, doubt: str) -> None:
        """Journal a prompt with what was decided, and do that. With a doubt it is a person's."""
        if seen.kind in _TOLD and not self._is_told(seen):
            self.untold = monotonic()
        self.last = digest(seen)
        request = self._request(seen)
        if self.is_at_hand():
            doubt = doubt or "you are at it: supervision is paused"
        decided = policy.on_screen(seen, policy_of(self.post.project), self.post.worktree, request)
        outcome: Answer | Ask | Refuse = Ask(doubt) if doubt else decided
        key = f"{self.post.prompts + 1}-{self.last}"
        consults = not doubt and self.advice.wants(self.post, key, seen, outcome)
        asked = self._prompted(key, seen, request, outcome, consults=consults)
        if isinstance(outcome, Answer):
            self._give(seen, key, outcome, asked)
        elif consults:
            self.advice.begin(self.post, asked, seen, request)
        else:
            self.post.record(asked)
            attention(self.post.project)

    def _give(
        self,
        seen: Prompt,
        key: str,
        answer: Answer,
        asked: Prompted | None = None,
        *,
        by: str = "policy",
        why: str = "",
    ) -> None:
        """Journal an answer, then type it. A supervisor that dies in between leaves the prompt to a person."""
        told = answer.text if answer.text is not None else answer.give.answer
        given = Answered(
            run=self.post.run,
            phase=self.post.phase,
            key=key,
            by="supervisor" if by == "supervisor" else "policy",
            answer=told,
            rule=answer.give.rule,
            why=why or answer.give.why,
        )
        self.post.record(*((asked,) if asked is not None else ()), given)
        pane = self.post.pane
        if pane is None:
            return
        if answer.text is not None:
            outcome = write(self.post.terminal, pane, self.post.family, answer.text, seen)
        else:
            outcome = choose(self.post.terminal, pane, seen, answer.keys, since=monotonic() - STEADY)
        self._look_after(seen, key, outcome)

    def _look_after(self, seen: Prompt, key: str, outcome: Outcome) -> None:
        """Leave to a person what did not take its answer; a limit that was waited for parks the phase."""
        if seen.kind == "limit" and outcome is Outcome.CHOSEN:
            self.standing.limit(seen.text)
        if outcome in {Outcome.NOT_VERIFIED, Outcome.STILL_THERE} and self._still_asks(seen):
            self.post.record(PromptGone(run=self.post.run, phase=self.post.phase, key=key))
            self._meet(seen, f"the answer was not taken ({outcome})")
        self.sight.look_again(0.0)

    def _still_asks(self, seen: Prompt) -> bool:
        pane = self.post.pane
        now = prompts.read(self.post.terminal.capture(pane) or "", self.post.family) if pane is not None else None
        return now is not None and digest(now) == digest(seen)

    # -- what is known of it

    def _is_told(self, seen: Prompt) -> bool:
        """Tell whether a hook told of this dialog before it was met, or told of it when it was met for the first time.

        A hint need not fit for that: a screen may show less of a request than a hook tells.
        """
        given = self.answered_by_hook
        if self.hint is not None or digest(seen) == self.last:
            return True
        return given is not None and _fits(of_prompt(seen), given.request)

    def _request(self, seen: Prompt) -> Request:
        """Return what is asked: as the screen shows it, or exactly, where a hook told it before."""
        shown = of_prompt(seen)
        if seen.kind not in _TOLD:
            return shown
        hint, self.hint = self.hint, None
        if hint is None or monotonic() - hint.at > _HINTED:
            return shown
        told = hint.request
        return replace(told, options=shown.options, menu=True, text=shown.text) if _fits(shown, told) else shown

    def _prompted(
        self, key: str, seen: Prompt, request: Request, outcome: Answer | Ask | Refuse, *, consults: bool
    ) -> Prompted:
        decided = decision_of(outcome.give if isinstance(outcome, Answer) else outcome)
        answers = decided.word == "answer"
        return Prompted(
            run=self.post.run,
            phase=self.post.phase,
            key=key,
            kind=seen.kind,
            question=seen.question[:TEXT],
            text=seen.text[:TEXT],
            reason="" if answers else decided.why,
            rule=decided.rule,
            would="" if answers else decided.answer,
            decision="consult" if consults else decided.word,
            family=self.post.family,
            tool=request.tool,
            subject=(request.command or " ".join(request.paths))[:TEXT],
            options=request.options,
            menu=request.menu,
            whole=request.whole,
        )

    def _is_unheard(self) -> bool:
        """Tell whether a prompt was answered so long ago that the answer cannot have been taken."""
        return self.post.watch.answered and monotonic() - self.answered > UNHEARD


def _fits(shown: Request, told: Request) -> bool:
    """Tell whether a dialog is about what a hook told: the same command or paths, wherever the rows are broken.

    No part of it will do: a harmless command may hold the text of another.
    """
    seen, said = ("".join((each.command or " ".join(each.paths)).split()) for each in (shown, told))
    return bool(seen) and seen == said
