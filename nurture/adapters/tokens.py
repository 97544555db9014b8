"""Signed links. What a link may do is inside its token, so a changed token does nothing and there is no open redirect.

A token is `base64url(payload).base64url(MAC)`. The MAC is HMAC-BLAKE2b with 128 bits, keyed per purpose, so a token for one
purpose is worthless for another. Nothing in a token is secret, and none carries an address or a name.
"""

import struct
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from nurture.errors import InvalidToken

_DIGEST = partial(blake2b, digest_size=16)
_PAIR = struct.Struct(">qq")


class Click(NamedTuple):
    """A link in message `message` to person `person` that leads to `target`."""

    message: int
    person: int
    target: str


class MailLink(NamedTuple):
    """A link that stands for message `message` to person `person`: its open pixel, its unsubscribe link."""

    message: int
    person: int


class Download(NamedTuple):
    """The right to fetch `asset` until `expires`, given to a form submission or to a person.

    `route` sends the download the way its form's event went, so that it is absorbed after it. `message` is the mail that
    brought the link, if one did.
    """

    asset: str
    submission: str | None
    person: int | None
    route: int
    expires: datetime
    message: int | None = None


class Tokens:
    """Makes and reads every token. Reading raises InvalidToken for anything that was not made here."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def _signer(self, purpose: str) -> Signer:
        return Signer(self._secret, salt=f"nurture.{purpose}", digest_method=_DIGEST, key_derivation="hmac")

    def _sign(self, purpose: str, payload: bytes) -> str:
        return self._signer(purpose).sign(base64_encode(payload)).decode()

    def _read(self, purpose: str, token: str) -> bytes:
        try:
            return base64_decode(self._signer(purpose).unsign(token))
        except (BadData, ValueError):
            raise InvalidToken from None

    def _sign_pair(self, purpose: str, link: MailLink) -> str:
        return self._sign(purpose, _PAIR.pack(link.message, link.person))

    def _read_pair(self, purpose: str, token: str) -> MailLink:
        return MailLink(*_PAIR.unpack(self._read(purpose, token)))

    def click(self, click: Click) -> str:
        return self._sign("click", _PAIR.pack(click.message, click.person) + click.target.encode())

    def read_click(self, token: str) -> Click:
        payload = self._read("click", token)
        message, person = _PAIR.unpack_from(payload)
        return Click(message, person, payload[_PAIR.size :].decode())

    def open(self, link: MailLink) -> str:
        return self._sign_pair("open", link)

    def read_open(self, token: str) -> MailLink:
        return self._read_pair("open", token)

    def unsubscribe(self, link: MailLink) -> str:
        """45 characters, so that the List-Unsubscribe header fits on one line; never expires (RFC 8058 §2)."""
        return self._sign_pair("unsubscribe", link)

    def read_unsubscribe(self, token: str) -> MailLink:
        return self._read_pair("unsubscribe", token)

    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret, salt="nurture.download",
            signer_kwargs={"digest_method": _DIGEST, "key_derivation": "hmac"},
        )  # fmt: skip

    def download(self, grant: Download) -> str:
        mail = [] if grant.message is None else [grant.message]
        payload = [grant.asset, grant.submission, grant.person, grant.route, int(grant.expires.timestamp()), *mail]
        return str(self._serializer().dumps(payload))

    def read_download(self, token: str) -> Download:
        """The grant, expired or not; the caller compares `expires` with its clock."""
        try:
            asset, submission, person, route, expires, *mail = self._serializer().loads(token)
        except (BadData, ValueError):
            raise InvalidToken from None
        return Download(asset, submission, person, route, datetime.fromtimestamp(expires, UTC), *mail)

    def mac(self, purpose: str, number: int) -> str:
        """A short keyed name for a number that shows nothing of it: the local part of a Message-ID."""
        return self.hashed(purpose, str(number))

    def hashed(self, purpose: str, text: str) -> str:
        """A keyed hash of a text, 22 characters: equal for equal texts, and of no use to whoever has not the key."""
        return self._signer(purpose).get_signature(text.encode()).decode()
