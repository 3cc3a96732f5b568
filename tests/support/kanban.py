"""Where the real kanban-md is, for the tests that hold our boards beside it."""

import os
import shutil
from pathlib import Path

import pytest

GET_IT = "go install github.com/antopolskiy/kanban-md@latest"


def kanban_md() -> str:
    """Return the program: BATTY_KANBAN_MD, else the one on the PATH.

    bin/test fetches it by Go's module proxy. Where that has no such module, nobody here can: then these tests
    are left out, and said to be; BATTY_REQUIRE_KANBAN_MD=1 makes that a failure.
    """
    named = os.environ.get("BATTY_KANBAN_MD", "")
    found = named if named and Path(named).is_file() else shutil.which("kanban-md")
    if found:
        return found
    if os.environ.get("BATTY_REQUIRE_KANBAN_MD"):
        pytest.fail(f"kanban-md is missing: {GET_IT}, or put its path into BATTY_KANBAN_MD")
    pytest.skip(f"kanban-md is not installed and could not be fetched here ({GET_IT})")
