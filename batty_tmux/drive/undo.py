"""Take back what a phase landed: by a revert that is gated and landed like any other claim."""

from dataclasses import dataclass

from batty_tmux.core.events import BaseMoved, Enqueued, Landed, Landing
from batty_tmux.core.queue_state import GIVEN_UP
from batty_tmux.drive.candidate import apart
from batty_tmux.drive.checkout import holder
from batty_tmux.drive.hooks import summon_lander
from batty_tmux.drive.project import Project
from batty_tmux.drive.verdicts import enqueue
from batty_tmux.drive.windows import session_id
from batty_tmux.errors import BattyError
from batty_tmux.host.lock import exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.names import PhaseId, Sha

_WAIT = 30
"""Seconds to wait for a lander that is at work before a person is told so."""


@dataclass(frozen=True)
class Undoing:
    """What was done: a claim that is on its way, or a base that is where it was before.

    `brings_back`: what was taken back had itself taken the phase's work back.
    """

    landed: Landed
    brings_back: bool
    claim: Enqueued | None
    base: Sha


def take_back(project: Project, phase: PhaseId) -> Undoing:
    """Claim a commit that takes back what the phase landed last; taking back an undoing brings the work back.

    Raises BattyError where later work on the same lines stands on it.
    """
    landed = _last(project, phase)
    _refuse_if_moving(project, phase)
    git = project.place.git
    tip = project.queue().tip
    back = _is_undone(project, phase)
    revert = _revert(git, tip, landed, "Bring back" if back else "Take back")
    event = enqueue(project, project.watch(phase), revert, undoes=landed.candidate)
    return Undoing(landed, back, event, tip)


def move_back(project: Project, phase: PhaseId) -> Undoing:
    """Put the base back to where it was before the phase landed, where that takes nothing from anybody.

    Raises BattyError where the base is checked out, something else landed with it or since, or another branch,
    tag or worktree holds it.
    """
    if project.base.remote:
        what = f"{project.base} is shared: who has fetched it has what landed, so it is never moved back"
        raise BattyError("shared-base", what, next=f"batty queue undo {phase}")
    with exclusive(project.place.landing_lock, timeout=_WAIT):
        project.place.records.refresh()
        landed = _last(project, phase)
        _refuse_if_moving(project, phase)
        landing = _landing_of(project, landed)
        built_on = _built_on(project, landed)
        if built_on:
            what = f"the base cannot be moved back: {built_on}"
            raise BattyError("built-on", what, next=f"batty queue undo {phase}")
        if landing is None or (landing.phases or (phase,)) != (phase,):
            what = f"{phase} did not land alone, so moving the base back would undo others too"
            raise BattyError("landed-together", what, next=f"batty queue undo {phase}")
        back = _is_undone(project, phase)
        project.place.records.append(BaseMoved(old=landed.candidate, new=landed.base, known=f"undo of {phase}"))
        ref = project.base.ref
        moved = project.place.git.move_refs([(ref, landed.base, landed.candidate)], f"batty: undo {phase}")
        if not moved.ok:
            project.place.records.append(BaseMoved(old=landed.base, new=landed.candidate, known="the undo was refused"))
            raise BattyError("moved", f"{project.base} moved meanwhile", next=f"batty queue undo {phase}")
    summon_lander(project, session_id(project, project.terminal))
    return Undoing(landed, back, None, landed.base)


def _last(project: Project, phase: PhaseId) -> Landed:
    """Return the phase's newest landing that the base still holds."""
    git, ref = project.place.git, project.base.ref
    landed = [e.landed for e in project.queue().entries if e.phase == phase and e.landed is not None]
    newest_first = sorted(landed, key=lambda event: event.seq, reverse=True)
    found = next((event for event in newest_first if git.is_ancestor(event.candidate, ref)), None)
    if found is None:
        what = f"{project.base} holds nothing that {phase} landed, so there is nothing to take back"
        raise BattyError("not-landed", what, next="batty status")
    return found


def _is_undone(project: Project, phase: PhaseId) -> bool:
    return project.undone(phase, project.queue()) is not None


def _refuse_if_moving(project: Project, phase: PhaseId) -> None:
    """Raise BattyError while newer work of the phase, or its undoing, is on its way to the base."""
    queue = project.queue()
    if queue.undoing(phase) is not None:
        raise BattyError("being-undone", f"{phase} is being undone already", next=f"batty queue explain {phase}")
    entry, watch = queue.of(phase), project.watch(phase)
    if entry is not None and entry.state not in {"landed", *GIVEN_UP}:
        what = f"newer work of {phase} is in the merge queue ({entry.state}); settle or skip that first"
        raise BattyError("newer-work", what, next=f"batty queue explain {phase}")
    if watch.state not in {"idle", "closed"}:
        what = f"{phase} was launched again and is {watch.state}; its work would be lost from sight"
        raise BattyError("newer-work", what, next="batty status")


def _revert(git: Git, tip: Sha, landed: Landed, verb: str) -> Sha:
    """Write the commit: the three-way merge of the base now with the base before, from what was landed."""
    if landed.candidate == landed.base:
        raise BattyError("nothing-landed", "the base held all of it before it landed", next="batty log")
    who = git.say("var", "GIT_COMMITTER_IDENT")
    before = git.write_commit(_raw(git.tree(landed.base), landed.candidate, who, "stand-in\n"))
    with apart(git, tip) as merging:
        merged = merging.merge_tree(tip, before)
    if merged.conflicts:
        what = f"later work stands on what {landed.phase} landed, in the same lines"
        words = f"git revert --no-commit {landed.base[:9]}..{landed.candidate[:9]}"
        raise BattyError("undo-conflict", what, evidence=merged.conflicts, next=words)
    if merged.tree == git.tree(tip):
        raise BattyError("nothing-to-undo", f"nothing of what {landed.phase} landed is left", next="batty log")
    text = f"{verb} {landed.phase}\n\nThis reverts {landed.base[:12]}..{landed.candidate[:12]}.\n"
    return git.write_commit(_raw(merged.tree, tip, who, text))


def _raw(tree: Sha, parent: Sha, who: str, message: str) -> bytes:
    head = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n"
    return (head + message).encode("utf-8", "surrogateescape")


def _landing_of(project: Project, landed: Landed) -> Landing | None:
    events = project.place.records.events
    return next((e for e in reversed(events) if isinstance(e, Landing) and e.candidate == landed.candidate), None)


def _built_on(project: Project, landed: Landed) -> str:
    """Say who else has the landed commit; nothing where only the base and batty's own refs do."""
    git = project.place.git
    if project.queue().tip != landed.candidate:
        return f"{project.base} has other commits on top"
    kept_by = holder(git, project.base.name)
    if kept_by is not None:
        return f"{kept_by.folder} has {project.base} checked out"
    watch = project.watch(PhaseId(landed.phase))
    own = {project.base.ref, f"refs/heads/{watch.launching.branch}" if watch.launching else ""}
    refs = git.say("for-each-ref", "--format=%(refname)", f"--contains={landed.candidate}").splitlines()
    others = [ref for ref in refs if ref not in own and not ref.startswith("refs/batty/")]
    if others:
        return f"{others[0]} holds it"
    trees = (tree for tree in git.worktrees() if tree.branch is None and not tree.path.name.startswith("gate-"))
    on_it = next((tree for tree in trees if git.is_ancestor(landed.candidate, tree.head)), None)
    return f"the worktree {on_it.path} stands on it" if on_it is not None else ""
