"""Stories run the product as a person would."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.story import Story


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """A repository and a tmux server of its own; both are gone afterwards."""
    made = Story(tmp_path)
    # `peek` looks from this process
    for name in ("TMUX", "TMUX_PANE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMUX_TMPDIR", str(made.short))
    try:
        yield made
    finally:
        made.close()
