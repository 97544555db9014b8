"""Resend's webhooks, signed by Svix: Standard Webhooks with headers of Svix's own names (Resend, "Verify Webhooks Requests")."""

from typing import Final

from nurture.adapters.hooks.base import Access, Adapter, Post
from nurture.adapters.hooks.standard import is_signed_by_webhook
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading


def check(post: Post, access: Access) -> None:
    """One of the signatures is that of one of the secrets."""
    is_signed_by_webhook(post, access, "svix", "Resend")


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
