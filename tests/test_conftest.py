"""What a test inherits from whoever runs it: nothing that would lead it to somebody's real work."""

import os
import sys
from pathlib import Path

from batty_tmux.host.process import run
from tests.conftest import IDENTITY, MISLEADING, TOOLS

LEAKS = {
    "TMUX": "/somewhere,1,0",
    "GIT_DIR": "/nowhere",
    "GIT_INDEX_FILE": "/nowhere",
    "CLAUDECODE": "1",
    "BATTY_PHASE": "phase-9",
    "XDG_CONFIG_HOME": "/nowhere",
}


def test_nothing_of_the_developers_reaches_a_test() -> None:
    """Only the tools that bin/test names stay; HOME knows an identity, and no tmux server can be found."""
    left = {name for name in os.environ if name.startswith(MISLEADING) and not name.startswith(TOOLS)}
    assert left == {"TMUX_TMPDIR"}
    assert Path(os.environ["HOME"], ".gitconfig").read_text() == IDENTITY
    assert run(("tmux", "list-sessions")).status == 1, "a tmux server of somebody"


def test_the_guard_holds_where_everything_leaks() -> None:
    """The test above, run by somebody inside of tmux, of a git hook, of an agent and of a phase."""
    name = f"{__file__}::test_nothing_of_the_developers_reaches_a_test"
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", name)
    done = run(argv, cwd=Path(__file__).parents[1], env=LEAKS)
    assert done.ok, done.stdout
