"""Secrets that open nothing: made up while a test runs, so that no scanner stumbles over this repository."""

import random
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

from hypothesis import strategies as st

_HEX = digits + "abcdef"
_ANY = ascii_letters + digits
_URL_SAFE = _ANY + "-_"


@dataclass(frozen=True)
class Secret:
    """A value and where it stands: `value` must not be in what is written; the text around it may."""

    name: str
    before: str
    value: str
    after: str = ""

    @property
    def text(self) -> str:
        return self.before + self.value + self.after


def secrets(seed: int) -> list[Secret]:
    """Return one of each kind, others for each seed."""
    draw = _Draw(seed)
    return [*_tokens(draw), *_named(draw), *_placed(draw), *_keys(draw)]


any_secret = st.integers(0, 400).map(secrets).flatmap(st.sampled_from)


class _Draw:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, length: int, letters: str = _ANY) -> str:
        """Draw letters of an alphabet; with a digit, a capital and a small letter wherever it has them."""
        while True:
            text = "".join(self._random.choices(letters, k=length))
            kinds = (digits, ascii_lowercase, ascii_uppercase)
            if all(set(kind) & set(text) for kind in kinds if set(kind) & set(letters)):
                return text

    def raw(self, length: int) -> bytes:
        return self._random.randbytes(length)


def _tokens(draw: _Draw) -> list[Secret]:
    payload = urlsafe_b64encode(b'{"sub":"' + draw(24).encode() + b'"}').decode().rstrip("=")
    values = {
        "aws id": "AK" + "IA" + draw(16, ascii_uppercase + "234567"),
        "aws session id": "AS" + "IA" + draw(16, ascii_uppercase + "234567"),
        "github classic": "gh" + "p_" + draw(36),
        "github oauth": "gh" + "o_" + draw(36),
        "github server": "gh" + "s_" + draw(36),
        "github refresh": "gh" + "r_" + draw(76),
        "github fine-grained": "github" + "_pat_" + draw(22) + "_" + draw(59),
        "gitlab personal": "gl" + "pat-" + draw(20, _URL_SAFE),
        "gitlab runner": "gl" + "rt-" + draw(20, _URL_SAFE),
        "npm": "np" + "m_" + draw(36),
        "pypi": "py" + "pi-AgEIcHlwaS5vcmc" + draw(150, _URL_SAFE),
        "slack bot": "xo" + f"xb-{draw(12, digits)}-{draw(12, digits)}-{draw(24)}",
        "slack app": "xa" + f"pp-1-A{draw(10)}-{draw(13, digits)}-{draw(64, _HEX)}",
        "slack hook": "hooks.slack" + f".com/services/T{draw(9)}/B{draw(9)}/{draw(24)}",
        "stripe live": "sk" + "_live_" + draw(24),
        "stripe test": "sk" + "_test_" + draw(24),
        "stripe restricted": "rk" + "_live_" + draw(24),
        "stripe webhook": "wh" + "sec_" + draw(32),
        "twilio": "S" + "K" + draw(32, _HEX),
        "sendgrid": "S" + f"G.{draw(22, _URL_SAFE)}.{draw(42, _URL_SAFE)}A",
        "google api": "AI" + "za" + draw(35, _URL_SAFE),
        "google access": "ya" + "29." + draw(60, _URL_SAFE) + "Q",
        "google client": "GO" + "CSPX-" + draw(28, _URL_SAFE),
        "azure client": f"{draw(3)}8" + "Q~" + draw(34),
        "openai project": "sk" + f"-proj-{draw(48, _URL_SAFE)}T3BlbkFJ{draw(48)}",
        "openai": "sk" + "-" + draw(48),
        "anthropic": "sk" + f"-ant-api03-{draw(93, _URL_SAFE)}AA",
        "huggingface": "h" + "f_" + draw(34, ascii_letters),
        "groq": "gs" + "k_" + draw(52),
        "jwt": f"ey{'J'}hbGciOiJIUzI1NiJ9.{payload}.{draw(43, _URL_SAFE)}",
        "digitalocean": "do" + "p_v1_" + draw(64, _HEX),
        "databricks": "da" + "pi" + draw(32, _HEX),
        "shopify": "shp" + "at_" + draw(32, _HEX),
        "atlassian": "ATA" + "TT3" + draw(180, _URL_SAFE),
        "vault": "hv" + "s." + draw(24),
        "docker": "dck" + "r_pat_" + draw(27, _URL_SAFE),
        "linear": "lin" + "_api_" + draw(40),
        "rubygems": "rubygems" + "_" + draw(48, _HEX),
        "age": "AGE-SECRET" + "-KEY-1" + draw(58, ascii_uppercase + digits),
        "telegram": draw(10, digits) + ":A" + "A" + draw(33, _URL_SAFE),
        "mailchimp": draw(32, _HEX) + "-u" + "s12",
        "tailscale": "tsk" + f"ey-auth-{draw(12)}-{draw(24)}",
    }
    return [Secret(name, "", value) for name, value in values.items()]


def _named(draw: _Draw) -> list[Secret]:
    aws = draw(40, _ANY + "/+")
    account = b64encode(draw.raw(64)).decode()
    return [
        Secret("aws secret", "aws_secret_access_key = ", aws),
        Secret("aws secret in the environment", "export AWS_SECRET_ACCESS_KEY=", aws),
        Secret("aws secret after its id", "AK" + "IA" + draw(16, ascii_uppercase) + ",", draw(40)),
        Secret("azure account", "AccountName=shop;Account" + "Key=", account, ";EndpointSuffix=core.windows.net"),
        Secret("shared access key", "Endpoint=sb://x/;SharedAccess" + "Key=", b64encode(draw.raw(32)).decode()),
        Secret("database", "Server=db;User Id=sa;Password=", draw(9) + "!", ";Encrypt=yes"),
        Secret("ini", "password = ", draw(9)),
        Secret("ini, only letters", "password = ", draw(12, ascii_lowercase)),
        Secret("yaml", "  password: ", draw(8) + "#"),
        Secret("json", '{"user": "bob", "password": "', draw(7) + "-!x", '"}'),
        Secret("json in a string", r"{\"api_key\": \"", draw(24), r"\"}"),
        Secret("python", "API_TOKEN = '", draw(24), "'"),
        Secret("python call", "connect(host, password='", draw(10), "')"),
        Secret("a phrase", 'passphrase = "', f"{draw(5)} {draw(6)} {draw(5)}", '"'),
        Secret("environment", "export DEPLOY_TOKEN=", draw(20)),
        Secret("environment, only letters", "export DEPLOY_TOKEN=", draw(20, ascii_lowercase)),
        Secret("environment, a key", "MAPS_KEY=", draw(24)),
        Secret("dotenv", "DATABASE_PASSWORD=", draw(8) + "&" + draw(3)),
        Secret("hex", "api_key: ", draw(32, _HEX)),
        Secret("hex, as long as a commit", "token = ", draw(40, _HEX)),
        Secret("hex in prose", "the secret is ", draw(32, _HEX), ", keep it"),
        Secret("base64 in prose", "use this token for now: ", draw(40), " until Monday"),
        Secret("npmrc", "//packages.example.org/:_auth" + "Token=", draw(36, _HEX)),
        Secret("query", "https://example.org/hook?token=", draw(24), "&user=bob"),
        Secret("option", "deploy --password ", draw(10), " --now"),
        Secret("option with =", "deploy --api-key=", draw(24)),
    ]


def _placed(draw: _Draw) -> list[Secret]:
    basic = b64encode(f"bob:{draw(10)}".encode()).decode()
    return [
        Secret("bearer", "Authorization: Bearer ", draw(32)),
        Secret("bearer in curl", "curl -H 'Authorization: Bearer ", draw(32), "' https://example.org"),
        Secret("basic", "Authorization: Basic ", basic),
        Secret("token scheme", '"authorization": "token ', draw(24, _HEX), '"'),
        Secret("cookie", "Set-Cookie: session=", draw(32), "; HttpOnly"),
        Secret("url", "https://bob:", draw(12), "@example.org/x.git"),
        Secret("url with a token alone", "https://", draw(32), "@example.org/x.git"),
        Secret("postgres", "postgres://app:", draw(8) + "@" + draw(3), "@db.example.org:5432/app"),
        Secret("redis", "redis://:", draw(16), "@cache:6379/0"),
        Secret("netrc", "machine example.org login bob password ", draw(12)),
        Secret("netrc, a row each", "machine example.org\n  login bob\n  password ", draw(12)),
        Secret("curl", "curl -u bob:", draw(12), " https://example.org"),
        Secret("mysql", "mysql -u root -p", draw(10), " shop"),
        Secret("sshpass", "sshpass -p ", draw(10), " ssh bob@example.org"),
        Secret("signed url", "https://x.blob.example.org/f?se=2027&sig=", draw(40), "%3D"),
    ]


def _keys(draw: _Draw) -> list[Secret]:
    rows = "\n".join([*(draw(64, _ANY + "+/") for _ in range(12)), draw(20) + "=="])
    first, last = ("-----" + f"{word} RSA PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))
    return [
        Secret("private key", f"{first}\n", rows, f"\n{last}\n"),
        Secret("private key in json", f'{{"private_key": "{first}\\n', rows.replace("\n", "\\n"), f'\\n{last}\\n"}}'),
        Secret("private key, cut below", f"$ cat key\n{first}\n", rows),
        Secret("private key, cut above", "", rows, f"\n{last}\n$ "),
    ]
