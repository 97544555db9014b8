"""Messages of Amazon SNS, signed by a certificate of Amazon's (AWS, "Verifying the signatures of Amazon SNS messages").

Whoever can name the certificate can sign, so it is taken from Amazon's own hosts only, and only from where SNS keeps them.
"""

import re
from base64 import b64decode
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from nurture.adapters.hooks.base import Access, HookRefused, Post, Visit, malformed, not_theirs
from nurture.adapters.hooks.checks import is_fresh
from nurture.errors import Unavailable

_HOST: Final = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]+\.pem")
_KEPT: Final = 16
_HASHES: Final = {"1": SHA1, "2": SHA256}

#: What is signed of each kind of message, in this order, where it is there.
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SUBSCRIPTION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {
    "Notification": _NOTIFICATION, "SubscriptionConfirmation": _SUBSCRIPTION, "UnsubscribeConfirmation": _SUBSCRIPTION,
}  # fmt: skip


def check(post: Post, access: Access) -> None:
    """One of the topics says so, and Amazon has signed it."""
    told = post.document
    if not isinstance(told, dict) or str(told.get("Type")) not in _SIGNED:
        raise malformed("this is no message of Amazon SNS; switch raw message delivery off", "Type")
    if told.get("TopicArn") not in access.hook.topics:
        raise HookRefused(403, "topic", "this topic is none of those that config/hooks.yaml names", "TopicArn")
    url = str(told.get("SigningCertURL"))
    if not (is_amazons(url) and _CERTIFICATE.fullmatch(urlsplit(url).path) and not urlsplit(url).query):
        raise not_theirs("this is no place where Amazon SNS keeps its certificates", "SigningCertURL")
    hashed = _HASHES.get(str(told.get("SignatureVersion")))
    if hashed is None:
        raise not_theirs("this version is not known; 1 and 2 are", "SignatureVersion")
    try:
        signature = b64decode(str(told.get("Signature")), validate=True)
        _key(access.certificate(url), post.at).verify(signature, _signed(told), PKCS1v15(), hashed())
    except (InvalidSignature, ValueError):
        raise not_theirs("the signature does not fit", "Signature") from None
    is_fresh(str(told["Timestamp"]) if "Timestamp" in told else None, post, access, "Timestamp")


def certificates(visit: Visit) -> Visit:
    """Fetches certificates, each once: Amazon gives a new one a new address. What is none is not kept; raises Unavailable."""

    @lru_cache(_KEPT)
    def fetched(url: str) -> bytes:
        found = visit(url)
        try:
            x509.load_pem_x509_certificate(found)
        except ValueError:
            raise Unavailable("Amazon answers with something that is no certificate; it is tried again") from None
        return found

    return fetched


def is_amazons(url: str) -> bool:
    """Whether an address lies on a host of Amazon SNS, reached by https at its usual port."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(_HOST.fullmatch(parts.netloc))
    except ValueError:
        return False


def _key(certificate: bytes, at: datetime) -> RSAPublicKey:
    found = x509.load_pem_x509_certificate(certificate)
    key = found.public_key()
    if not (isinstance(key, RSAPublicKey) and found.not_valid_before_utc <= at <= found.not_valid_after_utc):
        raise not_theirs("the certificate is not valid now", "SigningCertURL")
    return key


def _signed(told: dict[str, Any]) -> bytes:
    return "".join(f"{name}\n{told[name]}\n" for name in _SIGNED[told["Type"]] if told.get(name) is not None).encode()


def answer(post: Post, access: Access) -> None:
    """Say yes to the subscription of a topic that is wanted; Amazon asks once."""
    told = post.document
    if told["Type"] != "SubscriptionConfirmation":
        return
    url = str(told.get("SubscribeURL"))
    asked = parse_qs(urlsplit(url).query)
    if not is_amazons(url) or asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [told["TopicArn"]]:
        raise not_theirs("this is no place where Amazon SNS takes confirmations", "SubscribeURL")
    access.visit(url)
