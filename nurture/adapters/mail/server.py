"""A mail server as a URL names it."""

from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from nurture.errors import SettingsError

_PORTS: Final = {"smtp": 25, "smtps": 465}
_SUBMISSION: Final = 587

#: What may stand behind the question mark, and how many at most where it is a number.
_NUMBERS: Final = {"connections": 200, "mails_per_connection": 100_000}

Starttls = Literal["offered", "required", "off"]


class Server(NamedTuple):
    """A mail server, and how it is to be used by one worker process."""

    host: str
    port: int
    tls: bool
    starttls: Starttls
    user: str | None
    password: str
    connections: int = 8
    mails_per_connection: int = 100

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"  # an exception that quotes it would show the password


def parse_url(url: str, setting: str = "NURTURE_SMTP_URL") -> Server:
    """`smtp://[user:password@]host[:port][?starttls=required|off&connections=8&mails_per_connection=100]` or `smtps://…`.

    A password is never sent in the clear unless `starttls=off` says that it may. Raises SettingsError, which names the setting
    and never shows the secret.
    """
    wrong = f"{setting} is no mail server; write smtp://user:password@host:587 or smtps://user:password@host"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(wrong) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise SettingsError(wrong)
    options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    _check(options, setting)
    return Server(
        parts.hostname,
        port or (_SUBMISSION if parts.username and parts.scheme == "smtp" else _PORTS[parts.scheme]),
        parts.scheme == "smtps",
        _starttls(options.get("starttls", "required" if parts.username is not None else "offered"), setting),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password or ""),
        **{name: int(options[name]) for name in _NUMBERS if name in options},
    )


def _check(options: dict[str, str], setting: str) -> None:
    unknown = sorted(options.keys() - _NUMBERS.keys() - {"starttls"})
    if unknown:
        known = "starttls=required or off, " + " and ".join(f"{name}=NUMBER" for name in _NUMBERS)
        raise SettingsError(f"{setting} has the option {unknown[0]!r}; there are {known}")
    for name, most in _NUMBERS.items():
        given = options.get(name, "1")
        if not (given.isascii() and given.isdigit() and 1 <= int(given) <= most):
            raise SettingsError(f"{setting}: {name} is a number from 1 to {most}")


def _starttls(given: str, setting: str) -> Starttls:
    match given:
        case "required" | "off" | "offered":
            return given
    raise SettingsError(f"{setting}: starttls is 'required', 'offered' or 'off'")
