"""DKIM signatures (RFC 6376), for where the relay does not sign; and the keys they are made with.

What of a mail is signed, and in which form, is dkimpy's business; the arithmetic is `cryptography`'s, which is four times as
fast and knows Ed25519 (RFC 8463) without a third library. dkimpy comes with `nurture[dkim]`, so it is imported inside functions.
"""

import os
from base64 import b64encode
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)  # fmt: skip

from nurture.domain.mail.marks import Dkim
from nurture.errors import SettingsError

KeyKind = Literal["rsa", "ed25519"]
_Key = RSAPrivateKey | Ed25519PrivateKey

#: What is signed, as far as a mail has it. From stands twice, so that nobody can put another one in front (RFC 6376 §8.15).
#: List-Unsubscribe and its Post must be signed for one-click to count (RFC 8058 §4).
SIGNED: Final = (
    b"from", b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"list-id",
    b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id", b"auto-submitted",
)  # fmt: skip

#: RFC 8301 §3.2: at least 1024 bits must be, and 2048 should.
_BITS: Final = 2048
_LEAST_BITS: Final = 1024

#: A text in a DNS record holds no more (RFC 1035 §3.3.14).
_LONGEST_TEXT: Final = 255

#: The signature itself, in pieces that leave no line over 78.
_PIECE: Final = 72

_NAME: Final = b"DKIM-Signature"


class Signer:
    """Signs mails with one key."""

    def __init__(self, policy: Dkim, key: _Key) -> None:
        self._policy = policy
        self._key = key
        self._algorithm = b"rsa-sha256" if isinstance(key, RSAPrivateKey) else b"ed25519-sha256"

    def signed(self, raw: bytes, at: datetime) -> bytes:
        """The mail with its signature before it, made at instant `at`."""
        import dkim
        from dkim.canonicalization import CanonicalizationPolicy

        form = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
        fields, body = dkim.rfc822_parse(raw)
        there = {name.lower() for name, _ in fields}
        signed = [name for name in SIGNED if name in there]
        tags = {
            b"v": b"1", b"a": self._algorithm, b"c": b"relaxed/relaxed", b"d": self._policy.domain.encode(),
            b"s": self._policy.selector.encode(), b"t": str(int(at.timestamp())).encode(), b"h": b" : ".join(signed),
            b"bh": b64encode(sha256(form.canonicalize_body(body)).digest()), b"b": b"",
        }  # fmt: skip
        value = dkim.fold(b"; ".join(b"=".join(tag) for tag in tags.items()), len(_NAME), b"\r\n")
        digest = sha256()
        dkim.hash_headers(digest, form, form.canonicalize_headers(fields), signed, (_NAME, b" " + value), tags)
        signature = b64encode(self._sign(digest.digest()))
        pieces = [signature[at : at + _PIECE] for at in range(0, len(signature), _PIECE)]
        return b"\r\n ".join([_NAME + b": " + value, *pieces]) + b"\r\n" + raw

    def _sign(self, digest: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)


@lru_cache(maxsize=8)
def signer_for(policy: Dkim, folder: Path) -> Signer:
    """The signer of a policy, whose key lies in a folder; raises SettingsError where it cannot be made."""
    try:
        import dkim  # noqa: F401 - whether it is there
    except ModuleNotFoundError:
        raise SettingsError(
            "mail is to be signed (dkim in sending.yaml), and the package for it is not installed; "
            "install it with `pip install 'nurture[dkim]'`, or let the relay sign and delete 'dkim'"
        ) from None
    return Signer(policy, read_key(folder / policy.key_file))


def read_key(path: Path) -> _Key:
    """A private key; raises SettingsError for a file that is none of use."""
    how = "`nurture keys dkim` makes one"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError:
        raise SettingsError(f"the key that signs mail cannot be read from {path}; {how}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(f"{path} holds no private key in PEM form without a password; {how}") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_BITS:
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise SettingsError(f"the key in {path} signs no mail: it must be RSA of {_LEAST_BITS} bits or more, or Ed25519; {how}")


def make_key(path: Path, kind: KeyKind) -> None:
    """A fresh private key in a file that only its owner may read; raises FileExistsError rather than replace one."""
    key: _Key = generate_private_key(65537, _BITS) if kind == "rsa" else Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def public_record(key: _Key) -> str:
    """What the DNS must say for mail signed with a key to be believed (RFC 6376 §3.6.1, RFC 8463 §4)."""
    if isinstance(key, RSAPrivateKey):
        kind, public = "rsa", key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, public = "ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={kind}; p={b64encode(public).decode()}"


def zone_line(selector: str, domain: str, record: str) -> str:
    """The record as a line of a zone file, in texts of legal length."""
    texts = (record[at : at + _LONGEST_TEXT] for at in range(0, len(record), _LONGEST_TEXT))
    return f"{selector}._domainkey.{domain}. IN TXT " + " ".join(f'"{text}"' for text in texts)
