"""Stories run the product as a person would."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.story import Story


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A repository and a tmux server of its own; both are gone afterwards."""
    made = Story(tmp_path)
    try:
        yield made
    finally:
        made.close()
