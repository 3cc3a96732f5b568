"""A lander that shares its base may be killed at any point: whoever comes next lands the same, once."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from batty_tmux.host.process import run
from tests.support.failpoints import SHARED_FAILPOINTS
from tests.support.lander import Lander
from tests.support.shared import Hub, faults


def killed(lander: Lander, point: str, folder: Path) -> bool:
    """Run a lander that dies there; tell whether it came to that."""
    folder.mkdir(exist_ok=True)
    words = ("-P", "-m", "tests.support.failpoints", str(lander.repo.folder), point, "1", "7", str(folder))
    run((sys.executable, *words), cwd=lander.repo.folder)
    return (folder / "hit").exists()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(4))
def test_wherever_it_dies_the_next_one_lands_the_same_once(tmp_path: Path, share: int) -> None:
    """Also where the git that it had started goes on alone, or wakes long after another lander has gone on."""
    for number, point in enumerate(SHARED_FAILPOINTS[share::4]):
        hub = Hub.make(tmp_path / str(number) / "hub.git")
        one, two = hub.clone("one"), hub.clone("two")
        one.repo.write("mine", "uncommitted\n")
        one.approve("phase-1", {"c": "x\n"})
        one.approve("phase-2", {"b": "new\n"})
        two.approve("phase-3", {"d": "x\n"})
        folder = tmp_path / str(number) / "died"
        assert killed(one, point, folder), point
        for lock in ("HEAD.lock", "ORIG_HEAD.lock", "refs/heads/main.lock"):
            # a git that is killed leaves them: a person removes them, as git says, and nothing waits for that
            (one.repo.folder / ".git" / lock).unlink(missing_ok=True)
        two.land()
        one.land()
        if point.endswith(":orphan"):
            with suppress(ProcessLookupError):
                os.killpg(int((folder / "orphan").read_text()), signal.SIGCONT)
        one.land()
        assert (one.states, two.states) == ({"phase-1": "landed", "phase-2": "landed"}, {"phase-3": "landed"}), point
        assert sorted(hub.history()[2:]) == ["work of phase-1", "work of phase-2", "work of phase-3"], point
        assert faults(hub, one, two) == [], point
        assert one.repo.tip("main") == hub.tip(), point
        assert one.repo.git("status", "--porcelain") == "?? mine", point
        assert (one.queue.frozen, one.queue.following) == (None, None), point
