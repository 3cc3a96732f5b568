"""A review packet in words: the Markdown that is kept with the run, piped, and shown by the reader."""

from collections.abc import Iterator, Sequence
from typing import Final

from batty_tmux.core.attention import typeable
from batty_tmux.core.events import DirectorSaid, GateFinished
from batty_tmux.core.paint import plain
from batty_tmux.core.review import Packet, Settled
from batty_tmux.names import clean

_SHORT: Final = 9
_WIDE: Final = 300
_BY: Final = (
    ("policy", "Prompts answered by policy"),
    ("supervisor", "Prompts answered by the supervisor agent"),
    ("person", "Prompts answered by you"),
)


def packet_markdown(packet: Packet) -> str:
    """Write a review packet as Markdown: what to look at twice first, then goal, tasks, commits, files, gate, prompts.

    No text of anybody's begins a line of its own at the left margin: none can forge a heading or a finding.
    """
    lines = [
        f"# Review of {packet.phase}: {clean(packet.title)}",
        "",
        *([prose(packet.goal), ""] if packet.goal.strip() else []),
        "## Evidence",
        "",
        f"- branch `{typeable(packet.branch)}` at `{packet.head}`, on base `{packet.base[:_SHORT]}`",
        f"- worktree `{typeable(packet.worktree)}`",
        f"- gate `{clean(packet.gate_command)}`: {gate_line(packet.gate)}",
        f"- {size(packet)}",
        *([f"- its agent: {clean(packet.activity)}"] if packet.activity else []),
        *_advice(packet.advice, packet.told),
        *_flags(packet),
        "",
        "## Tasks",
        "",
        *(f"- [{'x' if state == 'done' else ' '}] #{number} {clean(title)}" for number, state, title in packet.tasks),
        "",
        "## Commits",
        "",
        *(f"- `{c.sha[:_SHORT]}` {clean(c.subject)} ({clean(c.author)})" for c in packet.commits),
        "",
        "## Files",
        "",
        *(f"- `{clean(f.path)}` {_lines(f.added, f.removed)}" for f in packet.files),
    ]
    if packet.dirty:
        lines += ["", "## Not committed", "", *(f"- `{clean(path)}`" for path in packet.dirty)]
    lines += _prompts(packet.answers)
    if packet.summary.strip():
        lines += [
            "",
            "## Summary by the executor",
            "",
            *(f"> {line}".rstrip() for line in prose(packet.summary).split("\n")),
        ]
    if packet.log:
        lines += ["", "## End of the gate's log", "", *(f"    {plain(line)[:_WIDE]}".rstrip() for line in packet.log)]
    return "\n".join(lines) + "\n"


def prose(text: str) -> str:
    """Return somebody's text of several lines, each without what a terminal would obey."""
    return "\n".join(typeable(line.expandtabs(4)) for line in text.strip().splitlines())


def _quoted(text: str) -> Iterator[str]:
    """Yield a text that the executor wrote so that none of it can pass for a part of the packet."""
    return (f"> {line}".rstrip() for line in prose(text).split("\n"))


def size(packet: Packet) -> str:
    """Return how much it is, in one line."""
    commits, files = len(packet.commits), len(packet.files)
    return f"{commits} commit{'s' * (commits != 1)}, {files} file{'s' * (files != 1)}, {packet.lines} lines"


def gate_line(gate: GateFinished | None) -> str:
    if gate is None:
        return "has not run"
    return f"{gate.verdict} on `{gate.commit[:_SHORT]}` in {gate.seconds:.1f} s, log `{typeable(gate.log)}`"


def _advice(advice: DirectorSaid | None, told: str) -> list[str]:
    if advice is None:
        return []
    lines = ["", "## The director", "", f"- {advice_line(advice)}{f'; {clean(told, _WIDE)}' if told else ''}"]
    lines += [f"- because {clean(reason, _WIDE)}" for reason in advice.reasons]
    return [*lines, f"- it would tell the executor: {clean(advice.feedback, _WIDE)}"] if advice.feedback else lines


def advice_line(advice: DirectorSaid) -> str:
    """Return what the director said, in one line, without its reasons."""
    if advice.outcome in {"failed", "lost"}:
        return "gave no verdict"
    return f"says {advice.outcome}, {round(100 * advice.confidence)} % sure"


def _flags(packet: Packet) -> Iterator[str]:
    """Yield what to look at twice, and who else is at the same paths."""
    if packet.flags:
        yield from ("", "## Look twice", "")
        yield from (f"- `{clean(flag.path)}` {flag.kind}: {clean(flag.why, _WIDE)}" for flag in packet.flags)
    if packet.collisions:
        yield from ("", "## Would conflict with", "")
        yield from (f"- {clean(c.phase or 'the base')}: {_paths(c.paths)}" for c in packet.collisions)
    if packet.shared:
        yield from ("", "## Also changed by", "")
        yield from (f"- {clean(one.phase)}: {_paths(one.paths)}" for one in packet.shared)


def _prompts(answers: Sequence[Settled]) -> Iterator[str]:
    for by, heading in _BY:
        these = [one for one in answers if one.by == by]
        if these:
            yield from ("", f"## {heading}", "")
        for one in these:
            why = f" ({clean(one.why, _WIDE)})" if one.why else ""
            yield f"- {clean(one.question, 200)} → {clean(one.answer) or 'Enter'}{why}"


def _paths(paths: Sequence[str]) -> str:
    return ", ".join(f"`{clean(path)}`" for path in paths) or "no history in common"


def _lines(added: int, removed: int) -> str:
    return "binary" if added < 0 else f"+{added} -{removed}"
