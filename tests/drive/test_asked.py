"""What a person's line means where options were shown with numbers."""

import pytest

from batty_tmux.core.events import Prompted
from batty_tmux.drive.asked import Asked
from batty_tmux.names import PhaseId

PROMPT = Prompted(phase=PhaseId("phase-1"), key="1-k", kind="permission", question="Go?")
MENU = Asked(PROMPT, ("Yes", "No, and tell it"), ("Yes", "No, and tell it"))
LETTERS = Asked(PROMPT, ("yes", "no"), ("y", "n"))


@pytest.mark.parametrize(
    ("shown", "line", "means"),
    [
        (MENU, "2", "No, and tell it"),
        (LETTERS, "2", "n"),
        (LETTERS, "y", "y"),
        (MENU, "0", "0"),
        (MENU, "3", "3"),
        (MENU, "٢", "٢"),
        (MENU, "9" * 5000, "9" * 5000),
        (Asked(PROMPT), "1", "1"),
    ],
)
def test_a_number_stands_for_the_option_that_has_it(shown: Asked, line: str, means: str) -> None:
    """Any other line is what it is; the executor, or the check of the options, judges it."""
    assert shown.means(line) == means
