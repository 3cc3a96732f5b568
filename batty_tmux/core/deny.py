"""What no rule may allow, whatever the mode: found in commands as a shell would run them, in paths, and in plain text.

This guards against accidents. It is no sandbox: a program that a command starts does what it does.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from batty_tmux.core import deny_git
from batty_tmux.core.findings import Finding, flagged, operands, values
from batty_tmux.core.places import Ground, Where
from batty_tmux.core.shell import Line
from batty_tmux.core.shell_words import Simple, Word
from batty_tmux.core.wrappers import SHELLS


def findings(line: Line, ground: Ground, base: str) -> tuple[Finding, ...]:
    """Return what is found in a line, denials first."""
    found = [each for simple in line.commands for each in _of_command(simple, ground, base)]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: not each.denied))


def _of_command(simple: Simple, ground: Ground, base: str) -> Iterator[Finding]:
    yield from _written(simple, ground)
    yield from _secrets(simple, ground)
    yield from _piped(simple)
    told = _NAMES.get(simple.name) or next((told for words, told in _LIKE if words.fullmatch(simple.name)), "")
    if told:
        yield Finding(told)
    if simple.name == "git":
        yield from deny_git.findings(simple, ground, base)
    for check in _CHECKS.get(simple.name, ()):
        yield from check(simple)


# --- files that are written ---------------------------------------------------------------------------------


def _written(simple: Simple, ground: Ground) -> Iterator[Finding]:
    removes = simple.name in _REMOVING
    for word in (*simple.writes, *_targets(simple)):
        places = ground.of(word, simple)
        if (
            removes
            and word.pattern
            and any(ground.where(_parent(word.text), f or ".") == "outside" for f in simple.folders)
        ):
            places |= {"outside"}
        yield from _by_place(word, places, removes=removes)
    if simple.more and simple.name in {*_ALL, *_LAST, *_AFTER_FIRST, "sed", "dd"}:
        yield Finding(f"which files {simple.name} gets is not fixed", denied=False)


def _by_place(word: Word, places: set[Where], *, removes: bool) -> Iterator[Finding]:
    if "outside" in places:
        yield Finding(f"{'a delete' if removes else 'writing'} outside the worktree: {word.text[:80]}")
    if "git" in places:
        yield Finding(f"changing git's own files: {word.text[:80]}")
    if "root" in places and removes:
        yield Finding("deleting the worktree itself")
    if "unknown" in places:
        yield Finding(f"which file it writes is not fixed: {word.text[:80]}", denied=False)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


_REMOVING: Final = frozenset({"rm", "rmdir", "unlink", "shred", "mv"})
_ALL: Final = {"rm": "", "rmdir": "", "unlink": "", "shred": "ns", "tee": "", "touch": "dtr", "mkdir": "m"} | {
    "truncate": "sr",
    "mkfifo": "m",
    "mv": "St",
    "gzip": "S",
    "gunzip": "S",
    "xz": "",
    "bzip2": "",
    "patch": "pidB",
    "split": "bln",
    "trash": "",
}
"""Commands that write or remove each operand, with their letters that take a value."""
_LAST: Final = {"cp": "St", "ln": "St", "install": "gmoSt", "rsync": "efB", "scp": "cFiJloPS"}
"""Those that write the last operand."""
_AFTER_FIRST: Final = frozenset({"chmod", "chown", "chgrp", "setfacl", "chattr"})
_OUTPUTS: Final = {"wget": ("-O", "-P", "--output-document", "--directory-prefix"), "tar": ("-C", "--directory")} | {
    "unzip": ("-d",),
    "curl": ("-o", "--output", "--output-dir"),
    "pip": ("-t", "--target", "--prefix"),
    "tree": ("-o",),
    "git": ("--output", "--output-directory"),
}
_WITHOUT_OUTPUT: Final = frozenset({"grep", "egrep", "fgrep", "rg", "ps", "ssh", "set", "find", "ls", "mount", "awk"})
"""Programs whose -o is something else."""


def _targets(simple: Simple) -> Iterator[Word]:
    """Yield the words that name what a command writes or removes."""
    name = simple.name
    if name in _ALL:
        yield from operands(simple, _ALL[name])
    elif name in _LAST:
        found = operands(simple, _LAST[name])
        into = list(values(simple, "-t", "--target-directory"))
        yield from into or found[-1:]
    elif name in _AFTER_FIRST:
        yield from operands(simple)[0 if flagged(simple, "", "--reference") else 1 :]
    elif name in {"sed", "perl", "ruby"} and _in_place(simple):
        scripted = any(re.match(r"-[A-Za-z]*[ef]|--(?:expression|file)", text) for text in simple.texts)
        yield from operands(simple, "efl")[0 if scripted else 1 :]
    elif name == "dd":
        yield from (Word(w.text[3:], w.certain, w.pattern) for w in simple.arguments if w.text.startswith("of="))
    elif name == "find":
        yield from _found(simple)
    elif name == "git" and simple.texts[:2] == ("worktree", "add"):
        yield from operands(simple, "bB", {"--reason"})[2:3]
    if name in _OUTPUTS:
        yield from values(simple, *_OUTPUTS[name])
    elif name not in _WITHOUT_OUTPUT:
        yield from values(simple, "--output")
        yield from (word for at, word in enumerate(simple.arguments) if at and simple.texts[at - 1] == "-o")


def _in_place(simple: Simple) -> bool:
    letters = r"-[nErsz]*i.*|--in-place.*" if simple.name == "sed" else r"-[pnlaw0]*i.*"
    return any(re.fullmatch(letters, text) for text in simple.texts)


def _found(simple: Simple) -> Iterator[Word]:
    texts = simple.texts
    yield from values(simple, "-fprint", "-fprint0", "-fprintf", "-fls")
    if "-delete" in texts:
        first = next((n for n, text in enumerate(texts) if text.startswith(("-", "(", "!"))), len(texts))
        yield from (Word(f"{word.text}/_", word.certain) for word in simple.arguments[:first])


# --- secrets ------------------------------------------------------------------------------------------------

_SECRET = re.compile(
    r"(?:^|[/=@:~])(?:\.ssh|\.aws|\.gnupg|\.kube|\.azure|\.netrc|\.git-credentials|\.pgpass|\.password-store|"
    r"\.config/(?:gh|gcloud|op|hub)|\.docker/config\.json|\.claude/\.credentials[^/]*|\.claude\.json|"
    r"\.codex/auth[^/]*|\.local/share/keyrings|keychains?|id_(?:rsa|dsa|ecdsa|ed25519)|master\.key|shadow|sudoers)"
    r"(?:$|[/*?.:,])|^/proc/[^/]+/environ",
    re.IGNORECASE,
)
_SECRET_OUTSIDE = re.compile(
    r"(?:^|[/=@:])(?:\.env(?:\.\w+)?|\.npmrc|\.pypirc|credentials|[^/]+\.(?:pem|key|p12|kdbx))$", re.IGNORECASE
)
_NETWORK: Final = frozenset(
    {"curl", "wget", "nc", "ncat", "netcat", "socat", "ssh", "scp", "telnet", "ftp", "http", "xh", "mail"}
)
_DUMPS: Final = frozenset({"env", "printenv", "set", "export", "declare", "typeset"})


def secret(path: str, ground: Ground, folder: str = ".") -> bool:
    """Tell whether a path leads to credentials, by its name."""
    if _SECRET.search(path):
        return True
    return bool(_SECRET_OUTSIDE.search(path)) and ground.where(path, folder) == "outside"


def _secrets(simple: Simple, ground: Ground) -> Iterator[Finding]:
    for word in (*simple.words, *simple.reads):
        if not re.search(r"\s", word.text) and any(secret(word.text, ground, f or ".") for f in simple.folders):
            yield Finding(f"reading credentials: {word.text[:80]}")
    texts = " ".join((simple.name, *simple.texts))
    if _TOKENS.match(texts):
        yield Finding(f"reading credentials: {texts[:80]}")
    runs = {name for word in simple.words for name in word.runs}
    if simple.name in _NETWORK and _DUMPS & {*simple.after, *runs}:
        yield Finding("sending the environment away")


_TOKENS = re.compile(
    r"gh auth (?:token|status\b.*(?:-t\b|--show-token))|aws (?:configure (?:get|export-cred)|sts get-session-token)|"
    r"gcloud auth (?:\S+ )?print-|security (?:find|dump|export)|secret-tool (?:lookup|search)|pass (?:show|-c|ls)|"
    r"op (?:read|item|get)|vault (?:read|kv|print)|kubectl config view.*--raw|npm token|az account get-access-token|"
    r"heroku auth:token|docker-credential|gpg\b.*--export-secret",
    re.IGNORECASE,
)  # fmt: skip


# --- programs -----------------------------------------------------------------------------------------------


def _piped(simple: Simple) -> Iterator[Finding]:
    runs = {name for word in simple.words for name in word.runs}
    if (simple.name in SHELLS or simple.name in {"eval", "source", "."}) and _NETWORK & runs:
        yield Finding("running what was just downloaded")
    interpreter = simple.name in SHELLS or re.fullmatch(
        r"python[\d.]*|perl|ruby|node|php|deno|bun|osascript", simple.name
    )
    bare = not [word for word in operands(simple) if word.text != "-"] or "-s" in simple.texts
    if interpreter and bare and _NETWORK & {*simple.after}:
        yield Finding("running what was just downloaded")


_ROOT, _POWER, _DISK, _TIMED, _GLOBAL = (
    "another user's rights",
    "shutting the machine down",
    "changing disks",
    "changing what runs by the clock",
    "a global install",
)
_NAMES: Final = (
    dict.fromkeys(("sudo", "doas", "su", "pkexec", "runuser", "gosu", "visudo", "passwd", "useradd", "usermod"), _ROOT)
    | dict.fromkeys(("shutdown", "reboot", "halt", "poweroff", "telinit"), _POWER)
    | dict.fromkeys(("fdisk", "sfdisk", "parted", "wipefs", "mkswap", "cryptsetup", "mount", "umount"), _DISK)
    | dict.fromkeys(("at", "batch", "launchctl", "anacron"), _TIMED)
)
_LIKE: Final = ((re.compile(r"mkfs(?:\..+)?|(?:new|mke2)fs.*"), _DISK),)


def _first(simple: Simple) -> str:
    return next((word.text for word in operands(simple)), "")


def _system(simple: Simple) -> Iterator[Finding]:
    verbs = "poweroff reboot halt kexec suspend hibernate hybrid-sleep rescue emergency isolate soft-reboot".split()
    if _first(simple) in verbs or (simple.name == "init" and _first(simple) in {"0", "1", "6"}):
        yield Finding(_POWER)


def _crontab(simple: Simple) -> Iterator[Finding]:
    if simple.texts != ("-l",):
        yield Finding(_TIMED)


def _diskutil(simple: Simple) -> Iterator[Finding]:
    if _first(simple).lower() not in {"list", "info"}:
        yield Finding(_DISK)


def _kill(simple: Simple) -> Iterator[Finding]:
    targets = [text for text in simple.texts if re.fullmatch(r"-?\d+", text)]
    if targets and (targets[-1] in {"1", "-1"} and (len(simple.texts) > 1 or targets[-1] == "1")):
        yield Finding("killing all processes")


def _kill_by_name(simple: Simple) -> Iterator[Finding]:
    if any(re.search(r"tmux|batty|^\.?\*?$|^\.\*", word.text) for word in operands(simple)) or flagged(simple, "u"):
        yield Finding("killing batty or its terminal")


def _tmux(simple: Simple) -> Iterator[Finding]:
    own = any(text.startswith(("-L", "-S")) for text in simple.texts[:2])
    if not own and any(re.match(r"kill-s[a-z]*", word.text) for word in operands(simple, "fTc")):
        yield Finding("killing batty or its terminal")


def _in_our_place(simple: Simple) -> Iterator[Finding]:
    """An agent keeps its board; it gives no verdicts, answers no prompts and lands nothing."""
    named = [word.text for word in operands(simple, "C", {"--repo"})]
    deciding = {
        "review",
        "answer",
        "land",
        "work",
        "stop",
        "resume",
        "clean",
        "unload",
        "supervise",
        "executor",
        "hook",
    }
    steering = named[:1] == ["queue"] and len(named) > 1 and named[1] != "explain"
    if steering or (named and named[0] in deciding):
        yield Finding("deciding in your place")


def _npm(simple: Simple) -> Iterator[Finding]:
    texts = simple.texts
    located = "global" in [word.text for word in values(simple, "--location")]
    if located or flagged(simple, "g") or "--global" in texts or texts[:1] in (("link",), ("global",)):
        yield Finding(_GLOBAL)


def _pip(simple: Simple) -> Iterator[Finding]:
    texts = simple.texts[simple.texts.index("pip") + 1 :] if "pip" in simple.texts[:3] else simple.texts
    if simple.name.startswith("python") and not ("-m" in simple.texts[:3] and "pip" in simple.texts[:3]):
        return
    if (
        texts
        and texts[0] in {"install", "uninstall"}
        and {"--user", "--break-system-packages", "--system"} & set(texts)
    ):
        yield Finding(_GLOBAL)


def _verbs(told: str, *verbs: str) -> Callable[[Simple], Iterator[Finding]]:
    """Make a check for a program that may be asked, and not be told these."""

    def check(simple: Simple) -> Iterator[Finding]:
        named = [word.text for word in operands(simple)]
        if any(named[: len(verb.split())] == verb.split() for verb in verbs):
            yield Finding(told)

    return check


def _pacman(simple: Simple) -> Iterator[Finding]:
    if any(re.match(r"-[SRU]", text) and not re.match(r"-S[sil]", text) for text in simple.texts):
        yield Finding(_GLOBAL)


_SYSTEM_PACKAGES: Final = _verbs(
    _GLOBAL, *"install reinstall remove uninstall purge upgrade update dist-upgrade full-upgrade autoremove add del "
    "tap link cask erase groupinstall refresh".split()
)  # fmt: skip
_CHECKS: Final[dict[str, tuple[Callable[[Simple], Iterator[Finding]], ...]]] = {
    **dict.fromkeys(("systemctl", "init", "loginctl"), (_system,)),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun"), (_npm,)),
    **dict.fromkeys(("pip", "pip3", "python", "python3"), (_pip,)),
    "uv": (_pip, _verbs(_GLOBAL, "tool install", "tool upgrade", "tool uninstall", "python install", "self update")),
    **dict.fromkeys(
        "apt apt-get aptitude dnf yum zypper apk brew port snap flatpak winget choco".split(), (_SYSTEM_PACKAGES,)
    ),
    **dict.fromkeys(("pkill", "killall"), (_kill_by_name,)),
    **dict.fromkeys(("batty", "batty-tmux"), (_in_our_place,)),
    "pacman": (_pacman,),
    "dpkg": (_verbs(_GLOBAL, "install"),),
    "gem": (_verbs(_GLOBAL, "install", "uninstall", "update"),),
    "cargo": (_verbs(_GLOBAL, "install", "uninstall"),),
    "go": (_verbs(_GLOBAL, "install"),),
    "pipx": (_verbs(_GLOBAL, "install", "uninstall", "inject", "upgrade"),),
    "dotnet": (_verbs(_GLOBAL, "tool install"),),
    "rustup": (_verbs(_GLOBAL, "install", "default", "toolchain", "update", "self"),),
    "crontab": (_crontab,),
    "diskutil": (_diskutil,),
    "kill": (_kill,),
    "tmux": (_tmux,),
}


# --- paths and plain text -----------------------------------------------------------------------------------


def of_path(path: str, ground: Ground, *, writes: bool) -> str:
    """Return why no rule may allow a file to be read, or written, "" when one may."""
    if secret(path, ground):
        return f"reading credentials: {path[:80]}"
    where = ground.where(path)
    if writes and where in {"outside", "git"}:
        told = "writing outside the worktree" if where == "outside" else "changing git's own files"
        return f"{told}: {path[:80]}"
    return ""


# bounded repeats, so that a hostile text costs time in proportion to its length only
_DENIED: Final = tuple(
    (re.compile(words, re.IGNORECASE), told)
    for words, told in (
        (r"\bgit\b[^;&|]{0,300}\bpush\b[^;&|]{0,300}\s(?:--(?:force|mirror|delete)|-\w*[fd]|\+)", "a forced push"),
        (r"\bgit\b[^;&|]{0,300}\bupdate-ref\b", "moving refs by hand"),
        (r"\brm\b(?=[^;&|]{0,300}\s(?:-\w*r|--recursive))(?=[^;&|]{0,300}[\s\"'](?:/|~|\$|[^\s;&|]{0,200}\.\.))",
         "a delete outside the worktree"),
        (r"\b(?:sudo|doas)\b", _ROOT),
        (r"\b(?:npm|pnpm)\b[^;&|]{0,200}\s(?:install|i|add)\s[^;&|]{0,200}(?:-g|--global)\b", _GLOBAL),
        (r"\b(?:npm|pnpm)\s+(?:-g|--global)\s", _GLOBAL),
        (r"\byarn\s+global\b", _GLOBAL),
    )
)  # fmt: skip
_BASE: Final = (
    (r"\bgit\b[^;&|]{0,300}\bpush\b[^;&|]{0,300}[\s:/]BASE(?![\w./-])", "a push to the base branch"),
    (
        r"\bgit\b[^;&|]{0,300}\bbranch\b[^;&|]{0,200}\s(?:-\w*[dDfmMcC]|--delete|--force|--move|--copy)\b[^;&|]{0,200}\sBASE(?![\w./-])",
        "moving or deleting the base branch",
    ),
    (r"\bgit\b[^;&|]{0,300}\b(?:checkout\s+-B|switch\s+-C)\s+BASE(?![\w./-])", "moving the base branch"),
)


def of_text(text: str, base: str) -> str:
    """Return what in a text that is no command no rule may allow, "" when nothing is seen.

    A net for plain cases: words are searched, nothing is parsed. Rows are joined both with and without a space, since
    a long command wraps in the middle of a word.
    """
    joined = re.sub(r"\\\n", " ", text)
    forms = (" ".join(joined.split()), re.sub(r"(?<=\S)\n *(?=\S)", "", joined))
    of_base = [(re.compile(words.replace("BASE", re.escape(base))), told) for words, told in _BASE if base]
    return next((told for words, told in (*_DENIED, *of_base) if any(words.search(form) for form in forms)), "")
