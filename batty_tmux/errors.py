"""What can go wrong in a way that a person can mend. Anything else is a bug and keeps its traceback.

Expected outcomes of the work itself (a conflict, a red gate) are values, not exceptions: see core/.
"""


class BattyError(Exception):
    """A refusal or an expected failure, told to the user in three parts.

    `code` is stable and for programs ("no-repository"); `what` is one sentence that names the thing;
    `evidence` are lines that show it (paths, a log's tail); `next` is the command that goes on from here.
    """

    exit_code = 1

    def __init__(self, code: str, what: str, *, evidence: tuple[str, ...] = (), next: str = "") -> None:  # noqa: A002
        super().__init__(what)
        self.code = code
        self.what = what
        self.evidence = evidence
        self.next = next


class UsageError(BattyError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class CommandFailed(BattyError):
    """A program that batty started for its own purposes (git, tmux) did not do what it was asked to."""

    def __init__(self, argv: tuple[str, ...], exit_status: int | None, stdout: str, stderr: str) -> None:
        name = " ".join(argv[:3])
        ending = "ran out of time" if exit_status is None else f"ended with {exit_status}"
        tail = tuple((stderr.strip() or stdout.strip()).splitlines()[-12:])
        super().__init__("command-failed", f"`{name}` {ending}", evidence=tail, next="batty doctor")
        self.argv = argv
        self.exit_status = exit_status
        self.stdout = stdout
        self.stderr = stderr
