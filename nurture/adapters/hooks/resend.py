"""Resend's webhooks, signed by Svix: Standard Webhooks with headers of Svix's own names (Resend, "Verify Webhooks Requests")."""

from hmac import compare_digest
from typing import Final

from standardwebhooks import Webhook

from nurture.adapters.hooks.base import Access, Adapter, Post, malformed, not_theirs
from nurture.adapters.hooks.checks import header, is_fresh
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hook_reading import instant_of
from nurture.domain.mail.hooks import Reading
from nurture.errors import Unavailable


def check(post: Post, access: Access) -> None:
    """One of the signatures is that of one of the secrets."""
    number, stamp = header(post, "svix-id"), header(post, "svix-timestamp")
    offered = header(post, "svix-signature").split()
    is_fresh(stamp, post, access, "svix-timestamp")
    right = [_signature(secret, number, stamp, post) for secret in access.secrets]
    if not [each for each in right for shown in offered if compare_digest(each.encode(), shown.encode())]:
        raise not_theirs("the signature does not fit; compare the signing secret with Resend's", "svix-signature")


def _signature(secret: str, number: str, stamp: str, post: Post) -> str:
    at = instant_of(stamp)
    try:
        text = post.body.decode()
    except UnicodeDecodeError:
        raise malformed("this is not UTF-8") from None
    try:
        return Webhook(secret).sign(number, at or post.at, text)
    except (ValueError, RuntimeError):
        raise Unavailable("the secret of this hook is none of Resend's, whsec_…; copy it") from None


ADAPTER: Final = Adapter(
    check,
    "Webhooks > Add: this address; events: email.delivered, bounced, complained, delivery_delayed, failed, suppressed. The secret is "
    "its signing secret, whsec_…",
    Reading(
        kind=("type",),
        words={
            "email.delivered": "delivered", "email.delivery_delayed": "deferred", "email.bounced": "bounced",
            "email.complained": "complained", "email.failed": "bounced", "email.suppressed": "bounced", "email.sent": "nothing",
            "email.scheduled": "nothing", "email.opened": "nothing", "email.clicked": "nothing", "email.received": "nothing", "suppression.added": "nothing",
            "suppression.removed": "nothing",
        },
        id=("header:svix-id",), at=("created_at",), recipient=("data.to.0",), mail=("data.tags", "data.headers", "data.message_id"),
        code=("data.bounce.diagnosticCode.*", "data.bounce.message"),
        detail=("data.bounce.message", "data.failed.reason", "data.suppressed.message"), fault=("data.bounce.type/data.bounce.subType", "type"),
        faults={
            "permanent": Fault.ADDRESS, "transient": Fault.MAILBOX, "transient/messagetoolarge": Fault.MESSAGE,
            "transient/contentrejected": Fault.MESSAGE, "transient/attachmentrejected": Fault.MESSAGE,
            "email.suppressed": Fault.ADDRESS, "email.failed": Fault.MESSAGE, "email.delivery_delayed": Fault.MAILBOX,
        },
    ),
)  # fmt: skip
