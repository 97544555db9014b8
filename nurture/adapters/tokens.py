"""Signed links. What a link may do is inside its token, so a changed token does nothing and there is no open redirect.

A token is `base64url(payload).base64url(MAC)`. The MAC is HMAC-BLAKE2b with 128 bits, keyed per purpose, so a token for one
purpose is worthless for another. Nothing in a token is secret, and none carries an address or a name.
"""

import re
import struct
from base64 import b32decode, b32encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from hmac import HMAC, compare_digest
from typing import Final, NamedTuple

from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import SigningAlgorithm

from nurture.errors import InvalidToken

_DIGEST = partial(blake2b, digest_size=16)
_PAIR = struct.Struct(">qq")
_NUMBER = struct.Struct(">q")
_CONFIRMATION = struct.Struct(">qqqq")
_MAC_BYTES: Final = 16

#: What a mail is called wherever servers may change its case: in Message-ID and in the address that bounces go to.
_MAIL_NAME: Final = re.compile(r"(?<![a-z0-9])[a-z2-7]{52}(?![a-z0-9])", re.IGNORECASE)


class Click(NamedTuple):
    """A link in message `message` to person `person` that leads to `target`."""

    message: int
    person: int
    target: str


class MailLink(NamedTuple):
    """A link that stands for message `message` to person `person`: its open pixel, its unsubscribe link."""

    message: int
    person: int


class StepOpened(NamedTuple):
    """The picture in every mail of a step: who asks for it is nobody in particular."""

    sequence: str
    step: str


class ReaderOpened(NamedTuple):
    """The picture in every mail to a person: which mail it was is not told."""

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


class Confirmation(NamedTuple):
    """The right to confirm, until `expires`, that whoever reads message `message` agrees to `purpose`.

    `address` is the mark of the address that the mail went to (`domain.consent.address_mark`).
    """

    message: int
    person: int
    address: int
    expires: datetime
    purpose: str


class _KeyedOnce(SigningAlgorithm):
    """HMAC (RFC 2104) whose padded keys are hashed once, not for every signature."""

    def __init__(self) -> None:
        self._keyed: dict[bytes, HMAC] = {}

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        if key not in self._keyed:
            self._keyed[key] = HMAC(key, digestmod=_DIGEST)
        mac = self._keyed[key].copy()
        mac.update(value)
        return mac.digest()


class _Signer(Signer):
    """Derives its keys once: a mail has a dozen links, and each is signed."""

    def __init__(self, purpose: str, secrets: Sequence[str]) -> None:
        super().__init__(secrets, salt=f"nurture.{purpose}", digest_method=_DIGEST, key_derivation="hmac", algorithm=_KeyedOnce())
        self._derived: dict[str | bytes | None, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        if secret_key not in self._derived:
            self._derived[secret_key] = super().derive_key(secret_key)
        return self._derived[secret_key]


class Tokens:
    """Makes and reads every token. Reading raises InvalidToken for anything that was not made here.

    What `former` keys have signed is read, too, where it must never expire: who replaces a key that leaked risks no more by it than
    that somebody is not mailed any more.
    """

    def __init__(self, secret: str, former: Sequence[str] = ()) -> None:
        self._secret = secret
        self._former = tuple(former)
        self._naming = [_Signer("mail name", [each]) for each in (secret, *former)]
        self._named = lru_cache(maxsize=16)(self._name)  # asked for as a mail is written, and again as it is looked at
        self._signers: dict[tuple[str, tuple[str, ...]], Signer] = {}

    def _signer(self, purpose: str, former: tuple[str, ...] = ()) -> Signer:
        if (purpose, former) not in self._signers:
            self._signers[purpose, former] = _Signer(purpose, [*former, self._secret])
        return self._signers[purpose, former]

    def _sign(self, purpose: str, payload: bytes) -> str:
        return self._signer(purpose).sign(base64_encode(payload)).decode()

    def _read(self, purpose: str, token: str, former: tuple[str, ...] = ()) -> bytes:
        try:
            return base64_decode(self._signer(purpose, former).unsign(token))
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

    def open_of_step(self, step: StepOpened) -> str:
        return self._sign("open step", "/".join(step).encode())

    def open_by(self, reader: ReaderOpened) -> str:
        return self._sign("open reader", _NUMBER.pack(reader.person))

    def read_open(self, token: str) -> MailLink | StepOpened | ReaderOpened:
        """What a picture stands for, by the purpose that it was signed for."""
        with suppress(InvalidToken):
            return StepOpened(*self._read("open step", token).decode().split("/"))
        with suppress(InvalidToken):
            return ReaderOpened(*_NUMBER.unpack(self._read("open reader", token)))
        return self._read_pair("open", token)

    def unsubscribe(self, link: MailLink) -> str:
        """45 characters, so that the List-Unsubscribe header fits on one line; never expires (RFC 8058 §2)."""
        return self._sign_pair("unsubscribe", link)

    def read_unsubscribe(self, token: str) -> MailLink:
        return MailLink(*_PAIR.unpack(self._read("unsubscribe", token, self._former)))

    def preferences(self, link: MailLink) -> str:
        """Never expires either: it is a way out, and what it opens can be taken back."""
        return self._sign_pair("preferences", link)

    def read_preferences(self, token: str) -> MailLink:
        return MailLink(*_PAIR.unpack(self._read("preferences", token, self._former)))

    def confirmation(self, asked: Confirmation) -> str:
        payload = _CONFIRMATION.pack(asked.message, asked.person, asked.address, int(asked.expires.timestamp()))
        return self._sign("confirm", payload + asked.purpose.encode())

    def read_confirmation(self, token: str) -> Confirmation:
        """What may be confirmed, expired or not; the caller compares `expires` with its clock."""
        payload = self._read("confirm", token)
        message, person, address, expires = _CONFIRMATION.unpack_from(payload)
        purpose = payload[_CONFIRMATION.size :].decode()
        return Confirmation(message, person, address, datetime.fromtimestamp(expires, UTC), purpose)

    def mail_name(self, link: MailLink) -> str:
        """What a mail is called in its Message-ID and its envelope sender: 52 letters and digits, whose case means nothing."""
        return self._named(link)

    def names(self, text: str, link: MailLink) -> bool:
        """Whether a text holds what a mail is called, whatever stands around it."""
        return self.mail_name(link) in map(str.lower, _MAIL_NAME.findall(text))

    def _name(self, link: MailLink) -> str:
        payload = _PAIR.pack(link.message, link.person)
        return b32encode(payload + self._mac_of_name(payload)).decode().rstrip("=").lower()

    def mails_named(self, text: str) -> Iterator[MailLink]:
        """The mails that a text names, whatever stands around the names; what was not made here is passed over."""
        for found in _MAIL_NAME.finditer(text):
            raw = b32decode(found[0].upper() + "====")
            payload, mac = raw[: _PAIR.size], raw[_PAIR.size :]
            if any(compare_digest(mac, each) for each in self._macs_of_name(payload)):
                yield MailLink(*_PAIR.unpack(payload))

    def _mac_of_name(self, payload: bytes) -> bytes:
        return next(self._macs_of_name(payload))

    def _macs_of_name(self, payload: bytes) -> Iterator[bytes]:
        """By the key in force, then by former ones: bounces and replies come days after their mail."""
        for signer in self._naming:
            yield base64_decode(signer.get_signature(payload))[:_MAC_BYTES]

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

    def is_hash_of(self, purpose: str, text: str, shown: str) -> bool:
        """Whether `shown` is the keyed hash of a text, made with the key or a former one."""
        return self._signer(purpose, self._former).verify_signature(text.encode("utf-8", "surrogatepass"), shown.encode())
