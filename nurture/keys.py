"""Keys: what public and secret ones look like, how they are made, and where those of a developer's machine are kept."""

import json
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_serializer, model_validator

from nurture.errors import SettingsError

#: What the Standard Webhooks specification asks of a secret's length.
_WEBHOOK_KEY_BYTES: Final = range(24, 65)

_SECRET_PARAMETER: Final = re.compile("pass|secret|token|key", re.IGNORECASE)
#: Of so many random characters, sixteen or more of them, fewer different ones practically never come.
_DIFFERENT: Final = 8
_OF_EXAMPLES: Final = re.compile(
    "change.?me|replace.?me|your.?secret|my.?secret|secret.?key|password|passw0rd|example|default|insecure|qwerty|0123456789|abcdefgh",
    re.IGNORECASE,
)
_SECRET_KEY: Final = re.compile(r"sk_[A-Za-z0-9_-]{20,125}")
_ORIGIN: Final = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?")


#: A token that is shorter was cut off, or is none.
_SHORTEST_TOKEN: Final = 8

#: How a secret begins that signs hand-offs, by the Standard Webhooks specification.
FOR_WEBHOOKS: Final = "whsec_"

#: How a secret key begins, so that nobody mistakes it for one that may stand in a page.
FOR_SERVERS: Final = "sk_"


def is_weak(secret: str) -> bool:
    """Whether a secret is one that somebody typed to be rid of the question: few different characters, or words of examples."""
    return len({*secret}) < _DIFFERENT or _OF_EXAMPLES.search(secret) is not None


def new_write_key() -> str:
    """A fresh public key. Every page shows it: it tells sources apart and protects nothing."""
    return "wk_" + secrets.token_urlsafe(18)


def new_secret_key() -> str:
    """A fresh secret key, for a server: what it says of people is believed."""
    return FOR_SERVERS + secrets.token_urlsafe(30)


def new_webhook_secret() -> str:
    """A fresh secret that signs hand-offs."""
    return FOR_WEBHOOKS + b64encode(secrets.token_bytes(32)).decode()


def for_handoffs(secret: SecretStr) -> SecretStr:
    """What signs hand-offs, or a token that the other system gave out, as it is; raises ValueError for what can be neither."""
    said = secret.get_secret_value()
    if said.startswith(FOR_WEBHOOKS):
        try:
            key = b64decode(said.removeprefix(FOR_WEBHOOKS), validate=True)
        except ValueError:
            key = b""
        if len(key) not in _WEBHOOK_KEY_BYTES:
            raise ValueError("must be whsec_ and 24 to 64 random bytes in base64; `nurture keys new --handoff` makes one")
    elif len(said) < _SHORTEST_TOKEN or not (said.isascii() and said.isprintable()) or " " in said:
        raise ValueError(
            f"must be whsec_ and 24 to 64 random bytes in base64, or a token of {_SHORTEST_TOKEN} or more signs that the other system gave out"
        )
    return secret


def _for_browsers(key: str) -> str:
    if key.startswith(FOR_SERVERS):
        raise ValueError("is a secret key, and every page would show it; put it into NURTURE_SECRET_KEYS")
    return key


def unguessable(key: SecretStr) -> SecretStr:
    """A secret key as it is; raises ValueError for one that does not look like it."""
    if not _SECRET_KEY.fullmatch(key.get_secret_value()):
        raise ValueError("must be sk_ and 20 to 125 random letters, digits, - or _; `nurture keys new --secret` makes one")
    return key


def _as_browsers_write_it(origin: str) -> str:
    """An origin as browsers send it (RFC 6454 §6.2): in lower case, without the port that its scheme has anyway."""
    written = origin.strip().lower().removesuffix("/")
    if not _ORIGIN.fullmatch(written):
        raise ValueError("must be an origin such as https://www.example.com, without a path; foreign letters in their xn-- form")
    return re.sub(r"(?<=^http:)(.*):80$|(?<=^https:)(.*):443$", r"\1\2", written)


#: The length stands beside the pattern, not in it: repeated so often, `\w` with all its letters of Unicode compiles to 12 MB in 50 ms.
_PublicKey = Annotated[str, Field(min_length=8, max_length=128, pattern=r"^[\w.-]+$"), AfterValidator(_for_browsers)]


class WriteKey(BaseModel):
    """A public write key and the origins whose pages may use it: all, if none is named. A text alone is a key for all.

    `former` are keys that it takes the place of: pages in caches and apps on telephones show them for a while.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: _PublicKey
    former: tuple[_PublicKey, ...] = ()
    origins: frozenset[Annotated[str, AfterValidator(_as_browsers_write_it)]] | None = Field(None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _key_alone(cls, value: object) -> object:
        return {"key": value} if isinstance(value, str) else value

    @model_serializer
    def _as_given(self) -> str | dict[str, Any]:
        former = {"former": list(self.former)} if self.former else {}
        origins = {"origins": sorted(self.origins)} if self.origins is not None else {}
        return {"key": self.key, **former, **origins} if former or origins else self.key


def secrets_in(url: str) -> Iterator[str]:
    """What in a URL may never be printed, as it is written and as it is meant: its password, and passwords among its parameters."""
    parts = urlsplit(url)
    if parts.password:
        yield from {parts.password, unquote(parts.password)}
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if value and _SECRET_PARAMETER.search(name):
            yield from {value, unquote_plus(value)}


def without_secrets(url: str) -> str:
    """A URL as it may be shown: without whoever logs in, and without parameters."""
    scheme, _, rest = url.partition("://")
    # To the last @: a password may hold one, or a slash, by mistake.
    login, at, place = rest.rpartition("@")
    place, question, _ = place.partition("?")
    return f"{scheme}://{'[secret]@' if at and login else ''}{place}{'?…' if question else ''}"


def kept_keys(file: Path) -> dict[str, Any]:
    """The keys kept in `file`, made on the first call; of several processes that make them at once, one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"secret_key": secrets.token_urlsafe(32), "write_keys": {"website": new_write_key()}}))
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        kept: dict[str, Any] = json.loads(file.read_text())
        return {"secret_key": str(kept["secret_key"]), "write_keys": dict(kept["write_keys"])}
    except (ValueError, KeyError, TypeError, OSError):
        raise SettingsError(
            f"{file} cannot be read; put back a good copy, or delete it (links sent so far end to work)"
        ) from None
