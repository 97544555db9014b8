"""SendGrid's event webhook, signed with ECDSA on P-256 over the time stamp and the body (Twilio SendGrid, "Event Webhook")."""

from base64 import b64decode
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from nurture.adapters.hooks.base import Access, Adapter, Post, not_theirs
from nurture.adapters.hooks.checks import header, is_fresh
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading
from nurture.errors import Unavailable

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"


def check(post: Post, access: Access) -> None:
    """The signature is that of one of the verification keys, which are the hook's secrets."""
    stamp = header(post, TIMESTAMP)
    try:
        signature = b64decode(header(post, SIGNATURE), validate=True)
    except ValueError:
        raise not_theirs("this is no base64", SIGNATURE) from None
    if not any(_fits(_public_key(secret), signature, stamp.encode() + post.body) for secret in access.secrets):
        raise not_theirs("the signature does not fit; compare the verification key with SendGrid's", SIGNATURE)
    is_fresh(stamp, post, access, TIMESTAMP)


def _public_key(secret: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode(secret))
    except ValueError:
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise Unavailable("the secret of this hook is no verification key; copy SendGrid's")
    return key


def _fits(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


ADAPTER: Final = Adapter(
    check,
    "Settings > Mail Settings > Event Webhook: post to this address; events: delivered, deferred, bounced, dropped, spam reports, "
    "unsubscribes; switch Signature Verification on. The secret is its verification key",
    Reading(
        kind=("event/reason",),
        words={
            "delivered": "delivered", "deferred": "deferred", "bounce": "bounced", "spamreport": "complained",
            "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed", "dropped": "bounced",
            "dropped/spam reporting address": "complained", "dropped/unsubscribed address": "unsubscribed",
            "processed": "nothing", "open": "nothing", "click": "nothing", "group_resubscribe": "nothing",
        },
        id=("sg_event_id",), at=("timestamp",), recipient=("email",), mail=("mail", "smtp-id"),
        code=("status", "reason", "response"), detail=("reason", "response"),
        fault=("event/reason", "event/type"),
        faults={
            "dropped/bounced address": Fault.ADDRESS, "dropped/invalid": Fault.ADDRESS, "dropped/spam content": Fault.MESSAGE,
            "dropped": Fault.POLICY, "bounce/blocked": Fault.POLICY, "bounce/bounce": Fault.ADDRESS, "deferred": Fault.MAILBOX,
        },
    ),
)  # fmt: skip
