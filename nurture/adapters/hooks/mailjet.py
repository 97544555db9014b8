"""Mailjet's event callbacks, alone or in groups. They are not signed: Basic authentication proves whose they are (Mailjet, "Event API")."""

from typing import Final

from nurture.adapters.hooks.base import Adapter
from nurture.adapters.hooks.checks import shows_secret
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading

ADAPTER: Final = Adapter(
    shows_secret,
    "Account > Event notifications: this address, with USER:PASSWORD@ before the host as the secret says, for sent, bounce, blocked, "
    "spam and unsub; group events",
    Reading(
        kind=("event/error",),
        words={
            "sent": "delivered", "bounce": "bounced", "bounce/greylisted": "deferred", "blocked": "bounced", "spam": "complained",
            "blocked/spam reporter": "complained", "blocked/greylisted": "deferred", "unsub": "unsubscribed", "open": "nothing",
            "click": "nothing",
        },
        id=("event", "MessageID", "Message_GUID", "time", "email"), at=("time",), recipient=("email",),
        mail=("CustomID", "Payload"), code=("smtp_reply", "comment"), detail=("comment", "error", "smtp_reply"),
        fault=("error", "hard_bounce"),
        faults={
            "user unknown": Fault.ADDRESS, "mailbox inactive": Fault.ADDRESS, "invalid domain": Fault.ADDRESS,
            "no mail host": Fault.ADDRESS, "typofix": Fault.ADDRESS, "preblocked": Fault.ADDRESS, "quota exceeded": Fault.MAILBOX,
            "greylisted": Fault.MAILBOX, "connection issue": Fault.MAILBOX, "system issue": Fault.MAILBOX,
            "blacklisted": Fault.POLICY, "relay/access denied": Fault.POLICY, "sender blocked": Fault.POLICY,
            "policy issue": Fault.POLICY, "content blocked": Fault.MESSAGE, "bad or empty template": Fault.MESSAGE,
            "error in template language": Fault.MESSAGE, "duplicate in campaign": Fault.MESSAGE, "true": Fault.ADDRESS,
            "false": Fault.MAILBOX,
        },
    ),
)  # fmt: skip
