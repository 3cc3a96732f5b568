"""The supervisor's end of the hooks: what comes in at the desk, in its order, and nothing that is not ours."""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from batty_tmux.core.reports import Report
from batty_tmux.drive import reports
from batty_tmux.drive.reports import Desk, issue
from batty_tmux.errors import BattyError
from batty_tmux.host.agents.launch import Channel
from tests.support.server import eventually

STOP = {"hook_event_name": "Stop", "session_id": "s", "cwd": "/wt", "last_assistant_message": "done"}
ASKS = {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "tool_input": {"command": "x"}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(tmp_path / "hooks")
    yield desk
    desk.close()


@pytest.fixture
def channel(desk: Desk) -> Channel:
    return issue(desk.folder, "claude")


def said(channel: Channel, payload: object, *, token: str = "") -> None:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    line = Channel(channel.folder, token or channel.token).hook()
    subprocess.run(("/bin/sh", "-c", line), input=data, check=True, timeout=20)


def asking(channel: Channel, payload: object = ASKS, *, token: str = "") -> subprocess.Popen[bytes]:
    line = Channel(channel.folder, token or channel.token).hook(wait=True)
    hook = subprocess.Popen(("/bin/sh", "-c", line), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert hook.stdin is not None
    # what is too long is not read to its end
    with suppress(BrokenPipeError):
        hook.stdin.write(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    with suppress(BrokenPipeError):
        hook.stdin.close()
    hook.stdin = None
    return hook


def heard(desk: Desk) -> list[tuple[Report, Path | None]]:
    with selectors.DefaultSelector() as selector:
        selector.register(desk.descriptor, selectors.EVENT_READ)
        assert selector.select(20), "the bell did not ring"
    return desk.collect()


def waiting(desk: Desk) -> int:
    """How many hooks have opened their FIFO: it is there a moment before."""
    return sum(reports._is_heard(str(reply)) for reply in desk.folder.glob("*.reply"))


def left(desk: Desk) -> set[str]:
    return {file.name for file in desk.folder.iterdir()} - {"bell", "listener", "agent", "report.sh"}


def test_reports_come_in_their_order(desk: Desk, channel: Channel) -> None:
    """Rule: as they were rung, whatever the numbers and times of their files; each once, and its file is gone."""
    for number in range(9):
        said(channel, STOP | {"last_assistant_message": str(number)})
    assert [report.message for report, reply in heard(desk) if reply is None] == [str(n) for n in range(9)]
    assert desk.collect() == []
    assert (left(desk), desk.dropped) == (set(), {})


def test_a_hook_that_waits_gets_its_answer(desk: Desk, channel: Channel) -> None:
    """Rule: the answer goes to the hook that asked, once, as one line; who asks afterwards is told it was unheard."""
    hook = asking(channel)
    ((report, reply),) = heard(desk)
    assert report.command == "x"
    assert reply is not None
    assert desk.answer(reply, "yes\nno")
    assert hook.communicate(timeout=20)[0] == b"yes no\n"
    assert not desk.answer(reply, "again")
    assert left(desk) == set()


def test_an_answer_nobody_waits_for(desk: Desk, channel: Channel) -> None:
    """Rule: a hook that its agent has ended is known to be deaf, and its FIFO goes."""
    hook = asking(channel)
    ((_, reply),) = heard(desk)
    hook.kill()
    hook.communicate(timeout=20)
    assert reply is not None
    assert not desk.answer(reply, "late")
    assert left(desk) == set()


def test_a_too_long_answer_is_none(desk: Desk, channel: Channel) -> None:
    """Rule: half an answer would be none: the hook ends with no decision, and the caller knows."""
    hook = asking(channel)
    ((_, reply),) = heard(desk)
    assert reply is not None
    assert not desk.answer(reply, "x" * 100_000)
    assert hook.communicate(timeout=20)[0] == b"\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not-json"),
        (b"\xff\xfe{", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b'{"hook_event_name": ' + b"9" * 9999 + b"}", "not-json"),
        (b'"' + b"x" * 50_000_000 + b'"', "too-large"),
        (b"[1, 2]", "not-known"),
        (b'{"hook_event_name": "Unheard"}', "not-known"),
    ],
    ids=["empty", "bytes", "deep", "number", "large", "list", "event"],
)
def test_what_is_no_message_is_dropped_and_its_hook_let_go(desk: Desk, channel: Channel, data: bytes, why: str) -> None:
    """Rule: it is counted by why, leaves nothing, and the agent that waits is not held up by it."""
    hook = asking(channel, data)
    assert heard(desk) == []
    assert hook.communicate(timeout=20)[0] == b"\n"
    assert (desk.dropped, left(desk)) == ({why: 1}, set())


def test_another_executors_hooks_are_not_heard(desk: Desk, channel: Channel) -> None:
    """Rule: only the token of the newest start counts; a hook of an earlier one is let go."""
    newest = issue(desk.folder, "claude")
    assert newest.token != channel.token
    for token in (channel.token, "", newest.token[:-1], newest.token + "0"):
        said(newest, STOP, token=token or "x")
    assert heard(desk) == []
    hook = asking(channel)
    assert heard(desk) == []
    assert hook.communicate(timeout=20)[0] == b"\n"
    assert desk.dropped == {"not-ours": 5}
    said(newest, STOP)
    assert len(heard(desk)) == 1


def test_before_any_start_nothing_is_ours(desk: Desk) -> None:
    """Rule: without a token in the folder an empty one does not fit."""
    (desk.folder / "1.report").write_bytes(b"\n" + json.dumps(STOP).encode())
    os.write(desk.descriptor, b"1\n")
    assert desk.collect() == []
    assert desk.dropped == {"not-ours": 1}


def test_noise_at_the_bell(desk: Desk, channel: Channel) -> None:
    """Rule: what is no number opens no file, however long; messages after it are heard."""
    secret = desk.folder.parent / "secret.report"
    secret.write_text(f"{channel.token}\n{json.dumps(STOP)}")
    for noise in (b"../secret\n", b"\n", b"1/../../secret\n", b"\x00\n", b"9" * 5000 + b"\n", b"77\n"):
        os.write(desk.descriptor, noise)
    said(channel, STOP)
    found = []
    while _rings(desk):
        found += desk.collect()
    assert [report.kind for report, _ in found] == ["turn-ended"]
    assert secret.exists()
    assert desk.dropped["gone"] == 1


def _rings(desk: Desk) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(desk.descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_file_that_is_none(desk: Desk, channel: Channel, kind: str, tmp_path: Path) -> None:
    """Rule: neither a link to elsewhere nor a pipe is read, and neither holds up the desk."""
    path = desk.folder / "5.report"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(f"{channel.token}\n{json.dumps(STOP)}")
    if kind == "link":
        path.symlink_to(elsewhere)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    os.write(desk.descriptor, b"5\n")
    assert desk.collect() == []
    assert elsewhere.exists()


def test_one_look_takes_a_bounded_number(desk: Desk, channel: Channel) -> None:
    """Rule: of a heap of messages some are taken, and the bell rings for the rest: others get their turn."""
    data = f"{channel.token}\n{json.dumps(STOP)}"
    for number in range(1000, 1200):
        (desk.folder / f"{number}.report").write_text(data)
        os.write(desk.descriptor, f"{number}\n".encode())
    first = desk.collect()
    assert 0 < len(first) < 60
    rest = 0
    while _rings(desk):
        rest += len(desk.collect())
    assert len(first) + rest == 200


def test_a_new_listener_begins_anew(desk: Desk, channel: Channel) -> None:
    """Rule: what was said to an earlier supervisor is not acted on, and who waits for it is let go at once."""
    said(channel, STOP)
    hook = asking(channel)
    eventually(lambda: waiting(desk) == 1, "the hook that waits")
    again = Desk.open(desk.folder)
    assert hook.communicate(timeout=20)[0] == b"\n"
    assert (again.collect(), left(desk)) == ([], set())
    said(channel, STOP)
    assert len(heard(again)) == 1
    again.close()


def test_after_the_end_hooks_do_nothing(tmp_path: Path) -> None:
    """Rule: a desk that is closed lets go who waits, and later hooks write nothing."""
    desk = Desk.open(tmp_path / "hooks")
    channel = issue(desk.folder, "claude")
    hook = asking(channel)
    ((_, reply),) = heard(desk)
    assert reply is not None
    desk.close()
    assert hook.communicate(timeout=20)[0] == b"\n"
    said(channel, STOP)
    assert left(desk) == set()


def test_what_killed_hooks_leave_is_cleared_away(desk: Desk, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: a message that never rang and a FIFO at which nobody waits go after a while; one that waits stays."""
    old = desk.folder / "7.report"
    old.touch()
    os.utime(old, (time.time() - 3600,) * 2)
    (desk.folder / "8.report").touch()
    os.mkfifo(desk.folder / "9.reply")
    os.utime(desk.folder / "9.reply", (time.time() - 100,) * 2)
    hook = asking(channel)
    ((_, reply),) = heard(desk)
    monkeypatch.setattr(reports, "monotonic", lambda: 10.0**9)
    assert desk.collect() == []
    assert reply is not None
    assert left(desk) == {"8.report", reply.name}
    assert desk.answer(reply, "")
    hook.communicate(timeout=20)


def test_a_hook_outlives_no_agent_for_long(desk: Desk, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: one whose agent was killed is let go when that is known, and after a while in any case."""
    first, second = asking(channel), asking(channel)
    eventually(lambda: waiting(desk) == 2, "two that wait")
    os.utime(desk.folder / f"{first.pid}.reply", (time.time() - 3600,) * 2)
    monkeypatch.setattr(reports, "monotonic", lambda: 10.0**9)
    desk.collect()
    assert first.communicate(timeout=20)[0] == b"\n"
    assert second.poll() is None
    desk.release()
    assert second.communicate(timeout=20)[0] == b"\n"


def test_the_folder_is_the_users_alone(tmp_path: Path) -> None:
    """Rule: nobody else may look in; a link or a file in its place is refused by name."""
    made = tmp_path / "made"
    made.mkdir(mode=0o777)
    desk = Desk.open(made)
    issue(made, "codex")
    assert made.stat().st_mode & 0o777 == 0o700
    assert (made / "bell").stat().st_mode & 0o777 == 0o600
    desk.close()
    (tmp_path / "link").symlink_to(made)
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(BattyError) as refusal:
            Desk.open(tmp_path / name)
        assert refusal.value.code == "hooks-folder"


def test_each_family_is_read_its_own_way(desk: Desk) -> None:
    """Rule: whose messages they are is said at the start, not by the messages."""
    for family, kinds in (("claude", []), ("codex", ["turn-ended"]), ("any", [])):
        said(issue(desk.folder, family), {"hook_event_name": "Interrupt"})
        assert [report.kind for report, _ in heard(desk)] == kinds
