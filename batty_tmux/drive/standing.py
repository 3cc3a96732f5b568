"""How an executor gets on: stalls and usage limits, noticed by every sense and journaled by name."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from batty_tmux.config_rules import span
from batty_tmux.core import limits, liveness, progress
from batty_tmux.core.events import Limited, LimitOver, Stalled, Stirred
from batty_tmux.core.progress import Stall, Track, Wait
from batty_tmux.core.supervise import Patience, is_to_be_told
from batty_tmux.drive.post import Post
from batty_tmux.drive.project import Project
from batty_tmux.host.clock import awake, local_zone, now, zone


def patience_of(project: Project) -> Patience:
    told = project.config.patience
    return Patience(nudges=told.nudges, relaunches=told.relaunches, resumes=told.limits == "resume")


@dataclass
class Standing:
    """The track of one executor. A supervisor that starts anew begins it anew: nothing was seen to stand still.

    Its times are of the machine's waking hours. Usage limits end by the clock on the wall, asleep or not.
    """

    post: Post
    track: Track = field(default_factory=lambda: Track(awake()))
    noticed: str = ""
    wait: Wait = field(init=False)

    def __post_init__(self) -> None:
        told = self.post.project.config.patience
        self.wait = Wait(
            busy=timedelta(seconds=span(told.stuck) or 0.0), idle=timedelta(seconds=span(told.idle) or 0.0)
        )

    @property
    def silent(self) -> float:
        """For how many seconds no sensor saw anything new."""
        return (awake() - self.track.moved).total_seconds()

    def began(self) -> None:
        """Forget what another start of the executor did."""
        self.track = Track(awake())

    def saw(self) -> None:
        self.track = progress.saw(self.track, awake())

    def did(self, act: str, *, refused: bool) -> None:
        self.track = progress.did(self.track, act, awake(), refused=refused)

    def moved_on(self) -> None:
        self.track = progress.moved_on(self.track, awake())

    def read(self, screen: str, *, busy: bool) -> None:
        """Take note of what the screen says of limits and of the context, outside of dialogs."""
        self.track = progress.filled(self.track, liveness.context_notice(screen, self.post.family) if not busy else "")
        notice = liveness.limit_notice(screen, self.post.family)
        fresh, self.noticed = notice != self.noticed, notice
        if notice and fresh and not busy and self.post.watch.limited is None:
            self.limit(notice)
        elif busy and not notice and self.post.watch.limited is not None:
            self._journal_limit_over()

    def limit(self, words: str) -> None:
        """Park the phase: the agent said in these words that it may not go on."""
        at = now()
        until = limits.until(words, at, local_zone(), zone) if patience_of(self.post.project).resumes else None
        if until is not None and self._was_over(until, at):
            # the notice of a limit that was waited for still stands on the screen
            return
        reason = _row_of(words)
        told = Limited(run=self.post.run, phase=self.post.phase, reason=_with_end(reason, until), until=until)
        if self.post.watch.limited is None or self.post.watch.limited.until != until:
            self.post.record(told)

    def check(self, *, idle: bool, undone: int) -> None:
        """Journal a stall that begins or ends."""
        self.track = progress.turned(self.track, awake(), idle=idle)
        watch = self.post.watch
        if watch.limited is not None or watch.prompt is not None:
            self.saw()
            return
        found = progress.stall(self.track, awake(), wait=self.wait, undone=undone)
        known = watch.stalled
        if found is not None and (known is None or known.code != found.code):
            self.post.record(self._stalled(found))
        elif found is None and known is not None:
            self.post.record(Stirred(run=self.post.run, phase=self.post.phase))

    def _stalled(self, found: Stall) -> Stalled:
        tells = self.post.project.config.policy.mode in {"act", "full"}
        nudge = tells and is_to_be_told(self.post.watch, found.code, patience_of(self.post.project))
        return Stalled(run=self.post.run, phase=self.post.phase, code=found.code, reason=found.reason, nudge=nudge)

    def _journal_limit_over(self) -> None:
        self.post.record(LimitOver(run=self.post.run, phase=self.post.phase, by="agent"))

    def _was_over(self, until: datetime, at: datetime) -> bool:
        """Tell whether an end that is a day away is the one that has just passed: a time of day comes again."""
        over = self.post.limit_ended
        return over is not None and at - over < timedelta(hours=1) and until - at > timedelta(hours=22)


def _row_of(words: str) -> str:
    """Return the row that speaks of the limit; a dialog has others, about what may be done."""
    rows = [" ".join(row.split()) for row in words.splitlines() if row.strip()]
    return next((row for row in rows if "limit" in row.lower()), rows[0] if rows else "a usage limit")[:160]


def _with_end(reason: str, until: datetime | None) -> str:
    if until is None:
        return reason
    return f"{reason}; goes on by itself at {until.astimezone(local_zone()):%a %H:%M}"
