"""Short words for stories of the merge queue, told with the model."""

from typing import Any

from batty_tmux.core.events import Ejected, VerdictWord
from batty_tmux.names import Sha
from tests.support.model import ROOT, Model, commit, red_with, tree_of


def queue_of(*heads: str, bad: str = "", **world: Any) -> Model:
    """Return a queue in which all that can be done before the first gate ends has been done."""
    model = Model(red_with(bad), **world)
    model.enqueue(*heads)
    return model.rest()


def at_gate(model: Model) -> list[str]:
    """Return what each running gate has before it, as the heads on the root."""
    return sorted(tree.partition("+")[2].replace("+", "") for tree in model.running)


def tree(heads: str) -> Sha:
    return tree_of(commit(ROOT, *heads))


def end(model: Model, heads: str, said: VerdictWord | None = None) -> Model:
    model.finish(tree(heads), said)
    return model.rest()


def ejections(model: Model) -> list[tuple[str, str]]:
    return [(str(event.phase), event.verdict) for event in model.events if isinstance(event, Ejected)]
