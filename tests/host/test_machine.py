"""What the machine can carry, and the name of its environment."""

import os
import sys
from pathlib import Path
from time import process_time

import pytest

from batty_tmux.host.machine import cores, fingerprint, memory

GIB = 1 << 30


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_the_real_machine_has_at_least_one_core() -> None:
    """And no more than its scheduler lets this process use."""
    assert 1 <= cores() <= (os.cpu_count() or 1)
    if sys.platform == "linux":
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        try:
            assert cores() == 1
        finally:
            os.sched_setaffinity(0, allowed)


def test_the_real_machine_says_what_is_available() -> None:
    """In bytes: some, and less than there is; where there is no /proc, nothing is said."""
    available = memory()
    assert (available is None) == (not Path("/proc/meminfo").exists())
    if available is not None:
        assert 1 << 20 < available <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "150000 100000"},
        {
            "proc/self/cgroup": "0::/a/b",
            "sys/fs/cgroup/a/cpu.max": "100000 100000",
            "sys/fs/cgroup/a/b/cpu.max": "max 1",
        },
        {"proc/self/cgroup": "0::/of/the/host", "sys/fs/cgroup/cpu.max": "50000 100000"},
        {"proc/self/cgroup": "0::/../../else", "sys/fs/cgroup/cpu.max": "100000 100000"},
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/a\n0::/",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
        },
        {
            "proc/self/cgroup": "4:cpuacct,cpu:/a",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    ],
)
def test_a_cpu_quota_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Of the group and of all above it, version 1 and 2, rounded down to whole cores."""
    many = set(range(64))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: many, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cores(system(tmp_path, files)) == 1


@pytest.mark.parametrize("quota", ["max 100000", "", "nonsense", "0 0", "-1 100000"])
def test_no_quota_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str) -> None:
    """What cannot be read limits nothing."""
    many = set(range(64))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: many, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    files = {"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": quota}
    assert cores(system(tmp_path, files)) == 64


def test_a_groups_memory_limits_what_is_available(tmp_path: Path) -> None:
    """What it holds of files can be given back; a limit as large as the address space is none."""
    root = system(tmp_path, {"proc/meminfo": f"MemTotal: 1 kB\nMemAvailable: {8 * GIB // 1024} kB"})
    assert memory(root) == 8 * GIB
    system(
        root, {"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/memory.max": "max", "sys/fs/cgroup/a/memory.current": "1"}
    )
    assert memory(root) == 8 * GIB
    system(
        root,
        {
            "sys/fs/cgroup/a/memory.max": str(4 * GIB),
            "sys/fs/cgroup/a/memory.current": str(3 * GIB),
            "sys/fs/cgroup/a/memory.stat": f"active_file 7\ninactive_file {GIB}",
        },
    )
    assert memory(root) == 2 * GIB
    one = {"memory.limit_in_bytes": str(2 * GIB), "memory.usage_in_bytes": str(GIB)}
    system(root, {"proc/self/cgroup": "9:memory:/b", **{f"sys/fs/cgroup/memory/b/{k}": v for k, v in one.items()}})
    assert memory(root) == GIB
    system(root, {"sys/fs/cgroup/memory/b/memory.limit_in_bytes": "9223372036854771712"})
    assert memory(root) == 8 * GIB


# --- the environment's name


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_same_environment_has_the_same_name(tmp_path: Path) -> None:
    """Sixteen hexadecimal digits, whatever the words are."""
    program(tmp_path / "bin/tool")
    name = fingerprint(["tool", "-x", "tool"], f"{tmp_path}/bin")
    assert name == fingerprint(["tool", "--other", "", "a\0b", "x" * 5000], f"{tmp_path}/bin")
    assert len(name) == 16
    assert int(name, 16) >= 0


def test_a_program_that_changes_gives_another_name(tmp_path: Path) -> None:
    """Its content's size, its time, where it leads, and which one is found first."""
    tool = program(tmp_path / "bin/tool")
    path = f"{tmp_path}/bin:{tmp_path}/later"
    names = [fingerprint(["tool"], path), fingerprint(["tool"], f"{path}:/x"), fingerprint([], path)]
    program(tmp_path / "later/tool", "another")
    assert fingerprint(["tool"], path) == names[0]
    os.utime(tool, ns=(1, 1))
    names.append(fingerprint(["tool"], path))
    tool.write_text("longer than it was")
    os.utime(tool, ns=(1, 1))
    names.append(fingerprint(["tool"], path))
    tool.rename(tmp_path / "elsewhere")
    tool.symlink_to(tmp_path / "elsewhere")
    names.append(fingerprint(["tool"], path))
    tool.unlink()
    names.append(fingerprint(["tool"], path))
    assert len(set(names)) == len(names)


def test_what_belongs_to_the_tree_is_not_in_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path leads into whatever folder this process is in; the tree has a name of its own."""
    monkeypatch.chdir(tmp_path)
    before = fingerprint(["./gate", "ci/test", "gate", "plain"], ".::ci")
    program(tmp_path / "gate")
    program(tmp_path / "ci/test")
    (tmp_path / "plain").write_text("no program")
    assert fingerprint(["./gate", "ci/test", "gate", "plain"], ".::ci") == before
    assert fingerprint(["plain"], str(tmp_path)) == fingerprint([], str(tmp_path))
    assert fingerprint([str(tmp_path / "gate")], "") != fingerprint([], "")


def test_the_name_is_cheap(tmp_path: Path) -> None:
    """It is made for each gate: no program is run for it. The best of a few, since others work here too."""
    path = ":".join(str(tmp_path / str(n)) for n in range(20))
    times = []
    for _ in range(20):
        begun = process_time()
        fingerprint([f"word-{n}" for n in range(10)], path)
        times.append(process_time() - begun)
    assert min(times) < 0.005
