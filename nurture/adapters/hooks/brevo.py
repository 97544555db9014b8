"""Brevo's transactional webhooks. They are not signed: a bearer token, or a header of its own, proves whose they are (Brevo,
"Secure webhook calls"). Brevo also publishes the addresses that it calls from.
"""

from typing import Final

from nurture.adapters.hooks.base import Adapter
from nurture.adapters.hooks.checks import shows_secret
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading

ADAPTER: Final = Adapter(
    shows_secret,
    "Transactional > Settings > Webhook: this address, authentication by token, which is the secret (or USER:PASSWORD); events: "
    "delivered, soft and hard bounce, invalid, deferred, blocked, error, complaint, unsubscribed",
    Reading(
        kind=("event",),
        words={
            "delivered": "delivered", "hard_bounce": "bounced", "soft_bounce": "bounced", "invalid_email": "bounced",
            "blocked": "bounced", "error": "bounced", "deferred": "deferred", "spam": "complained", "complaint": "complained",
            "unsubscribed": "unsubscribed", "unsubscribe": "unsubscribed", "request": "nothing", "sent": "nothing",
            "opened": "nothing", "unique_opened": "nothing", "click": "nothing", "proxy_open": "nothing",
            "unique_proxy_open": "nothing", "list_addition": "nothing",
        },
        id=("event", "message-id", "ts_epoch", "ts_event", "email"), at=("ts_epoch", "ts_event", "ts"), recipient=("email",),
        mail=("X-Mailin-custom", "tags", "tag", "message-id"), code=("reason",), detail=("reason",), fault=("event",),
        faults={
            "hard_bounce": Fault.ADDRESS, "invalid_email": Fault.ADDRESS, "soft_bounce": Fault.MAILBOX, "deferred": Fault.MAILBOX,
            "blocked": Fault.POLICY,
        },
    ),
)  # fmt: skip
