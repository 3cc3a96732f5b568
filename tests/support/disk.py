"""A small file system of a test's own, that can run full."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batty_tmux.host.process import run


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount so many bytes of memory on a new folder. Skips the test where that may not be done, as only root may."""
    folder.mkdir()
    mounted = run(("mount", "-t", "tmpfs", "-o", f"size={size}", "batty-test", str(folder)))
    if not mounted.ok:
        pytest.skip(f"filling a disk needs one to be mounted, which only root may: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        run(("umount", "--lazy", str(folder))).check()
