"""Mailgun's webhooks, signed with HMAC-SHA256 over a time stamp and a token (Mailgun, "Securing Webhooks").

The signature does not cover the body, so its token may come again only with the same body.
"""

import hmac
from typing import Any, Final

from nurture.adapters.hooks.base import Access, Adapter, Post, malformed, not_theirs
from nurture.adapters.hooks.checks import is_fresh, stamp_at
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading


def check(post: Post, access: Access) -> str:
    """The signature is that of the token and the time stamp; the token."""
    stamp, token = stamp_at(post, "signature.timestamp"), stamp_at(post, "signature.token")
    shown = stamp_at(post, "signature.signature")
    right = [hmac.new(secret.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest() for secret in access.secrets]
    if not [each for each in right if hmac.compare_digest(each.encode(), shown.encode())]:
        raise not_theirs("the signature does not fit; compare the signing key with Mailgun's", "signature.signature")
    is_fresh(stamp, post, access, "signature.timestamp")
    return token


def unfold(document: Any, _reading: Reading) -> list[Any]:
    """The one event of a post."""
    data = document.get("event-data")
    if not isinstance(data, dict):
        raise malformed("there is no event", "event-data")
    return [data]


ADAPTER: Final = Adapter(
    check,
    "Sending > Webhooks: this address for delivered, permanent failure, temporary failure, spam complaints and unsubscribes. The "
    "secret is the HTTP webhook signing key",
    Reading(
        kind=("event/severity/reason",),
        words={
            "delivered": "delivered", "failed": "bounced", "failed/temporary": "deferred", "rejected": "bounced",
            "failed/permanent/suppress-complaint": "complained", "failed/permanent/suppress-unsubscribe": "unsubscribed",
            "complained": "complained", "unsubscribed": "unsubscribed", "accepted": "nothing", "opened": "nothing", "clicked": "nothing",
        },
        id=("id", "timestamp"), at=("timestamp",), recipient=("recipient",),
        mail=("user-variables", "message.headers.message-id"),
        code=("delivery-status.enhanced-code", "delivery-status.message", "delivery-status.description"),
        detail=("delivery-status.message", "delivery-status.description", "reject.reason"),
        fault=("reason", "event/severity"),
        faults={
            "suppress-bounce": Fault.ADDRESS, "bounce": Fault.ADDRESS, "delayed-bounce": Fault.ADDRESS, "rejected": Fault.MESSAGE, "old": Fault.MAILBOX,
            "espblock": Fault.POLICY, "greylisted": Fault.MAILBOX, "failed/temporary": Fault.MAILBOX,
        },
    ),
    unfold,
)  # fmt: skip
