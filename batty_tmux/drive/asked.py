"""What a phase asks a person, as it can be shown and answered, and whether it is still the same."""

from dataclasses import dataclass, field

from batty_tmux.core import prompts
from batty_tmux.core.attention import Waiting, waiting
from batty_tmux.core.events import Prompted
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.answers import answer
from batty_tmux.drive.executor import family_of
from batty_tmux.drive.keyboard import digest
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import now
from batty_tmux.names import PaneId, PhaseId


@dataclass(frozen=True)
class Asked:
    """`options` are the labels that are offered, and `words` what answers with each of them.

    `seen` identifies what the screen showed when it was asked, "" where nothing could be read from it.
    """

    prompt: Prompted
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    seen: str = field(default="", compare=False)

    def means(self, text: str) -> str:
        """Return what a person's line answers with: the number of an option stands for the option."""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0  # noqa: PLR2004
        return self.words[number - 1] if 0 < number <= len(self.words) else text


def questions(project: Project) -> tuple[Waiting, ...]:
    """List the phases that ask something, oldest first."""
    return tuple(one for one in waiting(project.statuses(), now()) if one.state == "asking")


def asked(project: Project, phase: PhaseId) -> Asked:
    """Read what a phase asks. Raises BattyError `nothing-asked`."""
    watch = project.watch(phase)
    prompt = watch.prompt
    if prompt is None:
        raise BattyError("nothing-asked", f"{phase} asks nothing now", next="batty status")
    seen = _seen(project, watch)
    if seen is None:
        return Asked(prompt, prompt.options, prompt.options)
    # a menu's options are chosen by their words; what is answered by typing has a letter for each
    words = tuple(option.label if seen.caret is not None else option.key for option in seen.options)
    return Asked(prompt, tuple(option.label for option in seen.options), words, digest(seen))


def settle(project: Project, phase: PhaseId, shown: Asked, text: str) -> bool:
    """Type an answer to what a person was shown. False, and nothing typed, when something else is asked by now."""
    project.place.records.refresh()
    watch = project.watch(phase)
    if watch.prompt is None or watch.answered or watch.prompt.key != shown.prompt.key:
        return False
    seen = _seen(project, watch)
    if shown.seen and (seen is None or digest(seen) != shown.seen):
        return False
    answer(project, watch, text)
    return True


def _seen(project: Project, watch: Watch) -> prompts.Prompt | None:
    if watch.launched is None or watch.host or project.terminal.identity() != watch.launched.server:
        return None
    screen = project.terminal.capture(PaneId(watch.launched.pane))
    return prompts.read(screen, family_of(project, watch.agent)) if screen else None
