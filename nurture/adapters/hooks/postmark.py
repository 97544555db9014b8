"""Postmark's webhooks. They are not signed: Basic authentication or a header of its own proves whose they are (Postmark, "Webhooks")."""

from typing import Final

from nurture.adapters.hooks.base import Adapter
from nurture.adapters.hooks.checks import shows_secret
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading

ADAPTER: Final = Adapter(
    shows_secret,
    "Message stream > Webhooks: this address; events: delivery, bounce, spam complaint, subscription change. Set Basic "
    "authentication to the secret, USER:PASSWORD, or a custom header of the name in `header`",
    Reading(
        kind=("RecordType/Type", "RecordType/SuppressSending/SuppressionReason"),
        words={
            "delivery": "delivered", "bounce": "bounced", "bounce/transient": "deferred", "bounce/autoresponder": "auto_replied",
            "bounce/challengeverification": "auto_replied", "bounce/unsubscribe": "unsubscribed", "bounce/subscribe": "nothing",
            "bounce/addresschange": "auto_replied", "bounce/openrelaytest": "nothing", "bounce/spamcomplaint": "complained",
            "spamcomplaint": "complained", "subscriptionchange/true/manualsuppression": "unsubscribed",
            "subscriptionchange": "nothing", "open": "nothing", "click": "nothing",
        },
        id=("RecordType", "ID", "MessageID", "BouncedAt", "DeliveredAt", "ChangedAt", "Recipient"),
        at=("BouncedAt", "DeliveredAt", "ChangedAt"), recipient=("Email", "Recipient"), mail=("Metadata",),
        code=("Details", "Description"), detail=("Details", "Description"),
        fault=("Type",),
        faults={
            "hardbounce": Fault.ADDRESS, "bademailaddress": Fault.ADDRESS, "manuallydeactivated": Fault.ADDRESS,
            "transient": Fault.MAILBOX, "softbounce": Fault.MAILBOX, "dnserror": Fault.MAILBOX, "spamnotification": Fault.POLICY,
            "blocked": Fault.POLICY, "dmarcpolicy": Fault.POLICY, "smtpapierror": Fault.MESSAGE, "virusnotification": Fault.MESSAGE,
            "templaterenderingfailed": Fault.MESSAGE,
        },
    ),
)  # fmt: skip
