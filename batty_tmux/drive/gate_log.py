"""What a gate says, without the secrets in it.

A gate writes into its log by itself: through a pipe of ours it would end with us, and a gate must live on. So its log
is redacted when it has ended, before its verdict is journaled, and is then read-only. A log that can still be
written was left by a batty that was killed: the next gate of the phase, or `batty resume`, does it then. Until
then it is readable by its owner alone.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from batty_tmux.core.redact import doubtful, drawn, marked, redact
from batty_tmux.drive.redaction import redacted
from batty_tmux.host.lock import attempt

_BLOCK = 1 << 20
_QUESTIONS = 4
"""How often the rules are asked about one log; after that, what is doubtful is marked."""
_DONE = 0o400


def settle(log: Path) -> None:
    """Redact a log that nobody writes any more. It may be done twice, and may be cut off at any time.

    Where there is no room for the redacted text, the log is emptied and says so: a verdict needs no log, and a
    secret must not stay.
    """
    new = log.with_name(f".{log.name}.{os.getpid()}")
    try:
        if _rewrite(log, new):
            new.chmod(_DONE)
            new.replace(log)
        else:
            log.chmod(_DONE)
    except FileNotFoundError:
        return
    except OSError as problem:
        with suppress(OSError):
            os.truncate(log, 0)
            log.write_text(f"batty: the log held secrets and was emptied, since it could not be rewritten: {problem}\n")
            log.chmod(_DONE)
    finally:
        new.unlink(missing_ok=True)


def settle_left(folder: Path) -> None:
    """Settle the logs in a phase's folder that a killed batty left and whose gates have ended."""
    for log in folder.glob("gate-*.log"):
        facts = log.stat()
        # one that is empty was just made, and whoever made it is about to take its lock
        if facts.st_size and facts.st_mode & stat.S_IWUSR:
            with attempt(log) as held:
                if held is not None:
                    settle(log)


def _rewrite(log: Path, new: Path) -> bool:
    """Write the redacted log beside it; False, and nothing written, where it holds no secret."""
    with log.open("rb") as file:
        if all(plain == block for block, plain in _blocks(file.fileno())):
            return False
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as out:  # noqa: PTH123 -- a descriptor, not a path
            out.writelines(plain for _, plain in _blocks(file.fileno()))
            out.flush()
            os.fsync(descriptor)
    return True


def _blocks(descriptor: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the log in pieces of whole rows, each with its redacted text."""
    questions = _QUESTIONS
    at = 0
    while block := os.pread(descriptor, _BLOCK, at):
        end = block.rfind(b"\n") + 1
        block = block[: end or len(block)]
        at += len(block)
        text = block.decode("utf-8", "surrogateescape")
        plain = redact(text)
        if doubtful(plain):
            plain = redacted(plain) if questions > 0 else marked(plain, drawn(plain))
            questions -= 1
        yield block, block if plain == text else plain.encode("utf-8", "surrogateescape")
