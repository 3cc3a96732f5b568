"""What goes to a worker, and what comes back: values, as bytes of a kind that both sides check.

Nothing of the sender's environment is in it. Programs and paths of the receiver decide, within what is sent.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from batty_tmux.drive.pristine import Job, Result
from batty_tmux.drive.toolchain import Tools
from batty_tmux.names import Sha

TOPIC: Final = "batty-gates"
"""Where a worker says that it has begun."""
CANDIDATE: Final = "refs/batty/candidate"
BASE: Final = "refs/batty/base"
"""What the two commits are called in a bundle."""
MOST: Final = 8 << 20
"""Bytes of a log that come back: its end, where it has more."""

Rows = tuple[tuple[str, ...], ...]


class Wanted(msgspec.Struct, frozen=True):
    """What a worker must be. `facts` are what the sender's own tools are."""

    tools: Tools
    facts: Rows


class Sent(msgspec.Struct, frozen=True):
    """A job for a worker.

    `repo` names the mirror, `format` its kind of objects. `branch` is the base and `tip` where that is, since gates ask
    what differs from it. `fetch` is where `ref` and `branch` are fetched from, "" where a bundle comes along.
    """

    id: str
    job: Job
    wanted: Wanted
    repo: str
    format: str
    branch: str
    tip: Sha
    fetch: str = ""
    ref: str = ""


class Fit(msgspec.Struct, frozen=True, tag="fit"):
    """Its tools are the same."""


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """It has run nothing, and says what differs."""

    differs: tuple[str, ...]


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """What the bundle stands on is not in its mirror; these commits are, with all below them."""

    have: tuple[Sha, ...] = ()


class Faulted(msgspec.Struct, frozen=True, tag="faulted"):
    """Something was wrong with the worker, and nothing is known of the code."""

    what: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """`log` is compressed; `cut` bytes of it are missing at its beginning."""

    result: Result
    log: bytes
    cut: int = 0


Answer = Fit | Unfit | Absent | Faulted | Done


class Reply(msgspec.Struct, frozen=True):
    """An answer, and whose it is."""

    host: str
    address: str
    answer: Answer


sent: msgspec.msgpack.Decoder[Sent] = msgspec.msgpack.Decoder(Sent)
wanted: msgspec.msgpack.Decoder[Wanted] = msgspec.msgpack.Decoder(Wanted)
replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
fitnesses: msgspec.msgpack.Decoder[Fit | Unfit] = msgspec.msgpack.Decoder(Fit | Unfit)
encode = msgspec.msgpack.Encoder().encode


def rows(facts: Sequence[Sequence[str]]) -> Rows:
    """Return facts as they can be sent: a byte that is no text is written out."""
    return tuple(tuple(part.encode("utf-8", "backslashreplace").decode() for part in row) for row in facts)


def packed(log: Path) -> tuple[bytes, int]:
    """Return the end of a log, compressed, and how many bytes are missing before it."""
    size = log.stat().st_size
    with log.open("rb") as file:
        file.seek(max(0, size - MOST))
        return zlib.compress(file.read(MOST), 1), max(0, size - MOST)


def unpacked(done: Done) -> bytes:
    """Return the log, with a row that says so where its beginning is missing. Whatever was sent, it has an end."""
    try:
        text = zlib.decompressobj().decompress(done.log, MOST)
    except zlib.error:
        text = b"batty: what the worker sent as its log cannot be read\n"
    gap = f"batty: the first {done.cut} bytes are not here: only the end came back\n".encode() if done.cut else b""
    return gap + text
