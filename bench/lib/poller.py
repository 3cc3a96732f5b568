"""The usual way to watch panes: a forked `tmux capture-pane -p` of each every so often, then Enter by `send-keys`.

`--looks 2` waits until a dialog was seen twice in a row. Standard library only, and as light as this way can be: no
shell, posix_spawn, the dialog found by two substrings. When it is told to end it prints how many looks it had, and how
many it should have had.
"""

import argparse
import heapq
import os
import signal
import sys
import time

QUESTION, YES = b"Do you want to proceed?", "❯ 1. Yes".encode()  # noqa: RUF001 -- Claude Code's caret


class Poller:
    def __init__(self, socket: str, panes: list[str], every: float, looks: int) -> None:
        self.tmux = ("tmux", "-u", "-S", socket)
        self.panes, self.every, self.looks = panes, every, looks
        self.seen = dict.fromkeys(panes, 0)
        self.taken = 0

    def run(self) -> None:
        begun = time.monotonic()
        # evenly spread over the interval, as timers that were started at different times are
        due = [(begun + self.every * n / len(self.panes), pane) for n, pane in enumerate(self.panes)]
        while True:
            at, pane = heapq.heappop(due)
            time.sleep(max(0.0, at - time.monotonic()))
            self.look(pane)
            # what is late is not made up for
            heapq.heappush(due, (max(at + self.every, time.monotonic()), pane))

    def look(self, pane: str) -> None:
        self.taken += 1
        screen = self.ask("capture-pane", "-p", "-t", pane)
        asks = QUESTION in screen and YES in screen
        self.seen[pane] = self.seen[pane] + 1 if asks else 0
        if self.seen[pane] == self.looks:
            self.ask("send-keys", "-t", pane, "Enter")
            self.seen[pane] = 0

    def ask(self, *words: str) -> bytes:
        reader, writer = os.pipe()
        to_pipe = [(os.POSIX_SPAWN_DUP2, writer, 1)]
        pid = os.posix_spawnp("tmux", [*self.tmux, *words], os.environ, file_actions=to_pipe)
        os.close(writer)
        said = b""
        while data := os.read(reader, 65536):
            said += data
        os.close(reader)
        os.waitpid(pid, 0)
        return said


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--socket", required=True)
    parser.add_argument("--panes", required=True)
    parser.add_argument("--every", type=float, required=True)
    parser.add_argument("--looks", type=int, required=True)
    asked = parser.parse_args()
    poller = Poller(asked.socket, asked.panes.split(","), asked.every, asked.looks)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    begun = time.monotonic()
    try:
        poller.run()
    finally:
        wanted = (time.monotonic() - begun) / asked.every * len(poller.panes)
        print(poller.taken, round(wanted), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
