"""Whatever an agent prints or its hooks send: supervision goes on, bounded, and nothing of it gets out of its pane."""

import os
from pathlib import Path

import pytest

from tests.support.server import eventually
from tests.support.story import Story

YES = "pytest -q"
ASK = {"do": "ask", "command": YES}

FLOODS = {
    "lines": "all work and no play\n",
    "one row of a million columns": "x" * 997,
    "escape sequences": "\x1b]0;#(touch pwned)\x07\x1b[31m\x1b]52;c;cHduZWQ=\x07\x1b[6n"
    "\x1bP+q544e\x1b\\\x1b[?1049h\x1b[2J",
    "no UTF-8": "\udcff\udcfe\udc80 \udce2\udc82",
}


def memory(pid: int) -> int:
    """Return a process's resident size in KiB."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS:"))


def supervisor(story: Story) -> int:
    pane = story.events("launched", "alpha")[-1]["orchestrator"]
    return int(story.tmux("display-message", "-p", "-t", pane, "#{pane_pid}"))


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_survived(story: Story, name: str) -> None:
    """Rule: what comes after it is seen and answered; the supervisor's memory stays where it was."""
    story.phase("alpha")
    size = 100_000_000 if name == "lines" else 5_000_000
    flood = {"do": "flood", "text": FLOODS[name], "bytes": size}
    story.claude("alpha", [ASK, {"do": "wait"}, flood, ASK, {"do": "finish"}])
    story.batty("work", "all")
    story.until_waiting("alpha")
    before = memory(supervisor(story))
    with story.attached() as person:
        story.open_door("alpha")
        eventually(lambda: len(story.heard("alpha", "answers")) == 2, "the second answer", 90)
        assert memory(supervisor(story)) < before + 20_000
        assert "pwned" not in person.screen.title
    story.until_state(alpha="landed")
    assert not list(story.root.rglob("pwned"))


def test_messages_that_are_none_change_nothing(story: Story) -> None:
    """Rule: no JSON, a stranger's token, 50 MB, a flood of rings: thrown away, and what is real is heard."""
    story.phase("alpha")
    story.claude("alpha", [ASK, {"do": "wait"}, ASK, {"do": "finish"}])
    story.batty("work", "all")
    story.until_waiting("alpha")
    reports = story.repo / ".git" / "batty" / "runs" / "001" / "alpha" / "reports"
    token = (reports / "agent").read_text().splitlines()[1]
    denied = b'{"hook_event_name":"Stop","session_id":"x"}'
    for number, text in enumerate(
        (b"no json", b"wrong\n" + denied, token.encode() + b"\n" + b"[" * 100_000), 900_000_000
    ):
        (reports / f"{number}.report").write_bytes(text)
        ring(reports, f"{number}\n".encode())
    script = reports / "report.sh"
    huge = story.root / "huge"
    with huge.open("wb") as file:
        file.truncate(50_000_000)
    done = story.run("sh", "-c", f'sh "$1" "$2" "$3" <"{huge}"', "sh", str(script), str(reports), token)
    assert (done.status, done.stdout) == (0, "")
    for _ in range(200):
        ring(reports, b"../../../etc/passwd\n\xff\xfe" + b"7" * 50 + b"\n")
    story.open_door("alpha")
    story.until_state(alpha="landed")
    assert story.heard("alpha", "answers")[1] == f"hook allow: {YES}"
    assert not list(reports.glob("*.report"))


def ring(folder: Path, data: bytes) -> None:
    descriptor = os.open(folder / "bell", os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(descriptor, data)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def test_a_supervisor_that_stands_still_holds_up_no_agent(story: Story) -> None:
    """Rule: nobody reads the FIFO of the pane and nobody hears its hooks; the agent works on, and is met afterwards."""
    story.phase("alpha")
    flood = {"do": "flood", "text": FLOODS["lines"], "bytes": 2_000_000}
    story.claude("alpha", [ASK, {"do": "wait"}, flood, {"do": "use", "command": "ls"}, ASK, {"do": "finish"}])
    story.batty("work", "all")
    story.until_waiting("alpha")
    pid = supervisor(story)
    os.kill(pid, 9)
    eventually(lambda: not story.running(str(pid)), "the end of the supervisor")
    story.open_door("alpha")
    pane = story.events("launched", "alpha")[-1]["pane"]
    eventually(lambda: "Do you want to proceed?" in story.tmux("capture-pane", "-p", "-t", pane), "its dialog", 45)
    story.batty("status")
    story.until_state(alpha="landed")
    assert story.heard("alpha", "answers")[1] == f"key allow: {YES}"
