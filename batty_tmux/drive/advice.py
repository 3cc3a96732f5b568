"""Asks a supervisor agent about prompts that no rule answers. What it says passes the same policy as any answer."""

from dataclasses import dataclass, field, replace

from batty_tmux.core import policy
from batty_tmux.core.consult import calls_of, refusal
from batty_tmux.core.consult_reply import as_answer
from batty_tmux.core.events import Consulted, Prompted
from batty_tmux.core.policy import Answer, Ask, Policy, Refuse, Rule
from batty_tmux.core.prompts import Prompt
from batty_tmux.core.request import Request
from batty_tmux.drive.consult import (
    Consultant,
    Order,
    consulted,
    consulting,
    question_of,
    snapshot_folder,
    terms_of,
)
from batty_tmux.drive.errand import name_of
from batty_tmux.drive.hooks import caller_environment
from batty_tmux.drive.post import Post
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.windows import session_id


@dataclass(frozen=True)
class Advised:
    """What came of a question: an answer that may be given, or why a person is to give it."""

    seen: Prompt
    outcome: Answer | Ask | Refuse
    why: str


@dataclass
class Advice:
    """One question at a time, beside the loop. `wake` becomes readable when it was answered."""

    consultant: Consultant = field(default_factory=lambda: Consultant(redacted))
    asked: Request | None = None

    @property
    def wake(self) -> int:
        return self.consultant.wake

    def wants(self, post: Post, key: str, seen: Prompt, outcome: Answer | Ask | Refuse) -> bool:
        """Tell whether it is to be asked: where no rule has spoken, be it to refuse or to leave it to a person."""
        if not isinstance(outcome, Ask) or outcome.rule or outcome.would is not None or self.consultant.busy:
            return False
        calls = calls_of(post.phase, post.run, post.project.place.records.events)
        return refusal(seen, key, calls, terms_of(post.project.config.supervisor)) is None

    def begin(self, post: Post, asked: Prompted, seen: Prompt, request: Request) -> None:
        """Journal the prompt and the call in one write, then make the call: at no time is it nobody's."""
        told = post.project.config.supervisor
        number = calls_of(post.phase, post.run, post.project.place.records.events).number
        paths = request.paths or ((request.command,) if request.command else ())
        order = Order(
            key=asked.key,
            number=number,
            prompt=seen,
            question=question_of(post.project, post.watch, seen, asked.reason, paths),
            told=told,
            folder=snapshot_folder(post.project, post.run, post.phase, number),
            environ=caller_environment(post.terminal, session_id(post.project, post.terminal)),
        )
        post.record(asked, consulting(post.run, post.phase, order))
        self.asked = request
        self.consultant.begin(order)

    def take(self, post: Post, judged_by: Policy) -> Advised | None:
        """Journal what was said, and return what the policy makes of it; None where nothing was asked."""
        came = self.consultant.collect()
        if came is None:
            return None
        post.record(consulted(post.run, post.phase, came))
        seen, reply = came.order.prompt, came.reply
        answer = as_answer(reply, seen)
        if answer is None:
            return Advised(seen, Ask(reply.reason), reply.reason)
        own = Rule(name=f"supervisor {name_of(came.order.told)}", match="(?s).+", answer=answer)
        outcome = policy.on_screen(seen, replace(judged_by, rules=(*judged_by.rules, own)), post.worktree, self.asked)
        return Advised(seen, outcome, reply.reason)

    def lost(self, post: Post) -> Consulted | None:
        """Return the end of a call that the journal began and nobody makes any more: batty was killed meanwhile."""
        open_ = post.watch.consulting
        if open_ is None or self.consultant.busy:
            return None
        reason = "batty was ended while it was asked"
        return Consulted(
            run=post.run, phase=post.phase, key=open_.key, number=open_.number, outcome="failed", reason=reason
        )

    def cancel(self) -> None:
        """Let the question be, for its prompt has gone."""
        if self.consultant.busy:
            self.consultant.cancel()

    def close(self) -> None:
        self.consultant.close()
