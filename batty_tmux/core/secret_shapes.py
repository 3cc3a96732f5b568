"""The shapes of secrets that say themselves what they are: a telling beginning, an alphabet, a length.

Each is found by one pattern without nesting, and looked for only where its telling letters are in the text.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log2
from typing import Final

WORD: Final = "A-Za-z0-9_"
_URL_SAFE: Final = "A-Za-z0-9_\\-"
_BASE64: Final = "A-Za-z0-9+/="
_HEX: Final = "0-9a-f"
ANY: Final = 1 << 40
"""No bound."""
_MIXED_LENGTH: Final = 8
_MANY_TURNS: Final = 0.4
_SOME_TURNS: Final = 0.3
_SCATTERED: Final = 3
_SLASHES: Final = 3


@dataclass(frozen=True)
class Span:
    """A value in the text, and what to call it."""

    start: int
    end: int
    mark: str


@dataclass(frozen=True)
class Shape:
    """Tokens that begin with what `told` describes, followed by `least` to `most` characters of `alphabet`.

    `needles` are what such a text must hold (one of them); `mixed` asks for digits and letters, where words of
    ordinary text can begin the same way. The patterns are made when they are needed: most never are.
    """

    mark: str
    needles: tuple[str, ...]
    told: str
    alphabet: str
    least: int
    most: int
    mixed: bool

    @cached_property
    def start(self) -> re.Pattern[str]:
        return re.compile(f"(?<![{WORD}])(?:{self.told})")

    @cached_property
    def run(self) -> re.Pattern[str]:
        return re.compile(f"[{self.alphabet}]*")


def _shape(
    mark: str, needles: str, told: str, alphabet: str, least: int, most: int = ANY, *, mixed: bool = False
) -> Shape:
    return Shape(mark, tuple(needles.split()), told, alphabet, least, most, mixed)


SHAPES: Final = (
    # a JWT and what is made like one: a first part that is JSON, more parts after dots
    _shape("jwt", "eyJ", "eyJ(?=[A-Za-z0-9_-]{8})", f"{_URL_SAFE}.", 40, mixed=True),
    _shape("aws-key", "AKIA ASIA ABIA ACCA", "A(?:KIA|SIA|BIA|CCA)(?=[A-Z0-9]{6})", "A-Z0-9", 16, 16),
    _shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", "gh[pousr]_", f"{_URL_SAFE}.", 30, mixed=True),
    _shape("github-token", "github_pat_", "github_pat_", WORD, 36, mixed=True),
    _shape("gitlab-token", "gl", "gl(?:pat|dt|rt|rtr|ptt|ft|imt|agent|soat|cbt|ffct|oas)-", f"{_URL_SAFE}.", 18),
    _shape("npm-token", "npm_", "npm_", "A-Za-z0-9", 36, 36),
    _shape("pypi-token", "pypi-AgE", "pypi-AgE", _URL_SAFE, 40),
    _shape("slack-token", "xox xapp-", "xox[abeoprs](?:\\.xox[abp])?-|xapp-(?=[0-9])", "A-Za-z0-9\\-", 10, mixed=True),
    _shape("slack-hook", "hooks.slack.com", "hooks\\.slack\\.com/(?:services|workflows|triggers)/", "A-Za-z0-9/_", 20),
    _shape("stripe-key", "_live_ _test_", "(?:sk|rk|pk)_(?:live|test)_", "A-Za-z0-9", 10),
    _shape("stripe-key", "whsec_", "whsec_", _BASE64, 24),
    _shape("twilio-key", "SK", "SK(?=[0-9a-f]{6})", _HEX, 32, 32),
    _shape("sendgrid-key", "SG.", "SG\\.", f"{_URL_SAFE}.", 40, 80, mixed=True),
    _shape("google-key", "AIza", "AIza", _URL_SAFE, 35, 35),
    _shape("google-token", "ya29. GOCSPX- 1//0", "ya29\\.|GOCSPX-|1//0", f"{_URL_SAFE}.", 20, mixed=True),
    _shape("azure-secret", "Q~", "[A-Za-z0-9_~.]{3}[0-9]Q~", f"{_URL_SAFE}.~", 31, 34),
    _shape("anthropic-key", "sk-ant-", "sk-ant-", _URL_SAFE, 20),
    _shape("openai-key", "sk-", "sk-(?:proj|svcacct|admin|None|or-v1)-|sk-(?!ant-)", _URL_SAFE, 20, mixed=True),
    _shape("huggingface-token", "hf_", "hf_", "A-Za-z0-9", 30, 40),
    _shape("api-key", "gsk_ xai- pplx- r8_ csk-", "gsk_|xai-|pplx-|r8_|csk-", "A-Za-z0-9", 30, mixed=True),
    _shape("digitalocean-token", "_v1_", "do[opr]_v1_", _HEX, 64, 64),
    _shape("databricks-token", "dapi", "dapi(?=[0-9a-f]{6})", f"{_HEX}\\-", 32, 34),
    _shape("shopify-token", "shp", "shp(?:at|ca|pa|ss)_", "A-Za-z0-9", 32, 32),
    _shape("atlassian-token", "ATATT3 ATCTT3 ATBB", "AT(?:ATT3|CTT3|BB)", f"{_URL_SAFE}=", 24, mixed=True),
    _shape("vault-token", "hvs. hvb. hvr.", "hv[sbr]\\.", _URL_SAFE, 20, mixed=True),
    _shape("docker-token", "dckr_", "dckr_(?:pat|oat)_", _URL_SAFE, 20),
    _shape("linear-key", "lin_", "lin_(?:api|oauth)_", "A-Za-z0-9", 30),
    _shape("notion-token", "ntn_", "ntn_", "A-Za-z0-9", 40, mixed=True),
    _shape("rubygems-key", "rubygems_", "rubygems_", _HEX, 48, 48),
    _shape("age-key", "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1", "A-Z0-9", 40, 60),
    _shape("grafana-token", "glsa_ glc_", "gl(?:sa|c)_", f"{WORD}+/=", 32, mixed=True),
    _shape("sentry-token", "sntry", "sntry[su]_", f"{_BASE64}_\\-", 40),
    _shape("tailscale-key", "tskey-", "tskey-", "A-Za-z0-9\\-", 16),
    _shape("postman-key", "PMAK-", "PMAK-", f"{_HEX}\\-", 40),
    _shape("newrelic-key", "NRAK-", "NRAK-", "A-Z0-9", 27, 27),
    _shape("telegram-token", ":AA", "[0-9]{8,10}:AA", _URL_SAFE, 32, 35),
    _shape("square-token", "sq0 EAAA", "sq0[a-z]{3}-|EAAA(?=[A-Za-z0-9_-]{8})", _URL_SAFE, 22, mixed=True),
    _shape("figma-token", "figd_", "figd_", _URL_SAFE, 38),
    _shape("supabase-key", "sbp_ sb_secret_", "sbp_|sb_secret_", _URL_SAFE, 20, mixed=True),
    _shape("planetscale-token", "pscale_", "pscale_(?:tkn|pw|oauth)_", f"{_URL_SAFE}.", 32),
    _shape("fly-token", "fm2_", "fm2_", f"{_BASE64}_\\-", 40),
    _shape("dynatrace-token", "dt0c01.", "dt0c01\\.", "A-Z0-9.", 60),
    _shape("mailgun-key", "key-", "key-(?=[0-9a-f]{32})", _HEX, 32, 32),
    _shape("mailchimp-key", "-us", "[0-9a-f]{32}-us(?=[0-9])", "0-9", 1, 2),
    _shape("discord-token", "M N O", "[MNO][A-Za-z0-9_-]{23,27}\\.(?=[A-Za-z0-9_-]{6}\\.)", f"{_URL_SAFE}.", 34, 50),
)


def entropy(text: str) -> float:
    """Return the bits that a character of this text carries, by Shannon's measure."""
    total = len(text)
    return -sum(n / total * log2(n / total) for n in Counter(text).values()) if total else 0.0


def mixed(text: str) -> bool:
    """Tell whether a run looks drawn rather than written: digits and letters, and many different ones."""
    digits = sum(c.isdigit() for c in text)
    return 0 < digits < len(text) and len(set(text)) >= min(_MIXED_LENGTH, len(text) // 2)


def drawn_tail(text: str) -> bool:
    """Tell whether a few letters at the start of a row may be the rest of a token rather than a word."""
    return any(c.isdigit() or c in "=+/" for c in text) or (text[1:] != text[1:].lower() and not text.isupper())


def scattered(text: str) -> bool:
    """Tell whether a run has digits in several places among its letters."""
    places = sum(b.isdigit() and not a.isdigit() and a not in "_./-" for a, b in pairwise(text))
    return places >= _SCATTERED


def looks_drawn(text: str) -> bool:
    """Tell whether a run of base64 or url-safe characters is random: capitals, small letters and digits, in turns.

    Names made of words change from one kind to the other at the words' ends only, and paths have many slashes; a
    random run changes at most places, and its digits are scattered.
    """
    kinds = [1 if c.isdigit() else 2 if c.isupper() else 3 if c.islower() else 0 for c in text]
    turns = sum(a != b for a, b in pairwise(kinds)) / len(text)
    return (
        {1, 2, 3} <= set(kinds)
        and text.count("/") <= _SLASHES
        and (turns >= _MANY_TURNS or (turns >= _SOME_TURNS and scattered(text)))
        and entropy(text) >= min(4.0, log2(len(text)) - 0.75)
    )
