"""Has a director read what waits for its verdict, beside the supervisor's loop; carries its word out where it may.

Once for a commit. What it says is journaled before anything follows from it, and a verdict is given under the lock of
all verdicts and only while the phase still waits: killed at any moment, nothing is decided twice.
"""

from dataclasses import dataclass, field
from typing import Final

from batty_tmux.core import direct
from batty_tmux.core.direct import Opinion
from batty_tmux.core.events import AnyEvent, DirectorAsked, DirectorSaid
from batty_tmux.core.packet_report import packet_markdown
from batty_tmux.core.review import Verdict
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.consult import guide
from batty_tmux.drive.errand import Aside, Errand, Form, name_of, run
from batty_tmux.drive.fill import fill
from batty_tmux.drive.hooks import caller_environment
from batty_tmux.drive.packets import advised, packet
from batty_tmux.drive.post import Post
from batty_tmux.drive.project import Project
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.verdicts import give
from batty_tmux.drive.windows import session_id
from batty_tmux.host.difference import difference
from batty_tmux.host.process import Stop
from batty_tmux.names import Sha

FORM: Final = Form(direct.INSTRUCTIONS, direct.SCHEMA, direct.read, direct.failed)


@dataclass(frozen=True)
class Came:
    """What came of one reading."""

    asked: DirectorAsked
    opinion: Opinion
    seconds: float


@dataclass
class Director:
    """One reading at a time. `wake` becomes readable when it has ended."""

    post: Post
    aside: Aside[Came] = field(default_factory=Aside)
    passed: Sha = Sha("")
    """A commit that is not asked about, since the branch has left it."""
    settled: int = 0
    """The number of the reading whose word has been looked at."""

    @property
    def wake(self) -> int:
        return self.aside.wake

    def go(self) -> None:
        """Do what is due: end what nobody waits for, ask about what waits, carry out what was said."""
        watch = self.post.watch
        if self.aside.busy:
            if watch.directing is None:
                # a person was quicker
                self.aside.cancel()
            return
        lost = direct.lost(watch)
        if lost is not None:
            self.post.record(lost)
        elif watch.state != "reviewing":
            return
        elif watch.directed is not None:
            if watch.directed.number != self.settled:
                self._settle(watch.directed)
        elif watch.wanted is not None and self._wants(watch):
            self._ask(watch.wanted.head)

    def take(self) -> None:
        """Journal what was said."""
        came = self.aside.collect()
        if came is None:
            return
        opinion = came.opinion
        said = DirectorSaid(
            run=self.post.run,
            phase=self.post.phase,
            head=came.asked.head,
            number=came.asked.number,
            outcome=opinion.outcome,
            reasons=opinion.reasons,
            feedback=opinion.feedback,
            confidence=opinion.confidence,
            seconds=round(came.seconds, 3),
            cost=opinion.cost,
        )
        self.post.record(said)

    def close(self) -> None:
        self.aside.close()

    def _wants(self, watch: Watch) -> bool:
        if self.post.project.config.review.by != "director" or watch.wanted is None:
            return False
        return watch.wanted.head != self.passed and direct.is_to_be_asked(watch, self._events)

    @property
    def _events(self) -> list[AnyEvent]:
        return self.post.project.place.records.events

    def _ask(self, head: Sha) -> None:
        """Journal the call, then make it."""
        project = Project.around(self.post.project.place.home, self.post.project.base.name)
        shown = packet(project, project.status(self.post.phase))
        if shown.head != head:
            # a person is at work there
            self.passed = head
            return
        told = project.config.review.caller
        number = direct.next_number(self.post.watch, self._events)
        folder = self.post.folder / f"director-{number}"
        asked = DirectorAsked(
            run=self.post.run,
            phase=self.post.phase,
            head=head,
            number=number,
            agent=name_of(told),
            snapshot=str(folder / "prompt.md"),
        )
        words, home = guide(project), project.place.home
        environ = caller_environment(self.post.terminal, session_id(self.post.project, self.post.terminal))

        def work(stop: Stop) -> Came:
            diff = "\n".join(difference(home, shown.base, shown.head).lines)
            message = direct.compose(shown, packet_markdown(shown), diff, words)
            errand = Errand(head, number, message, FORM, told, folder, environ, _account)
            return Came(asked, *run(errand, redacted, stop))

        self.post.record(asked)
        self.aside.begin(work, lambda error: Came(asked, direct.failed(f"it could not be asked: {error}"), 0.0))

    def _settle(self, said: DirectorSaid) -> None:
        """Give the director's verdict where its word is one; else leave it as advice."""
        self.settled = said.number
        project = Project.around(self.post.project.place.home, self.post.project.base.name)
        shown = packet(project, project.status(self.post.phase))
        if shown.advice is None or advised(project, self.post.watch, shown) or said.outcome not in {"merge", "rework"}:
            return
        text = said.feedback if said.outcome == "rework" else ""
        verdict: Verdict = "rework" if said.outcome == "rework" else "merge"
        give(project, self.post.phase, verdict, "director", text, seen=said.head)
        self.post.refresh()
        fill(project)


def _account(opinion: Opinion) -> dict[str, object]:
    return {"confidence": opinion.confidence, "feedback": opinion.feedback}
