"""SparkPost's event webhooks, in batches. They are not signed: Basic authentication, or a bearer token, proves whose they are
(SparkPost, "Webhooks" and "Bounce Classification Codes").
"""

from collections.abc import Iterator
from typing import Any, Final

from nurture.adapters.hooks.base import Adapter
from nurture.adapters.hooks.checks import shows_secret
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hook_reading import items_of
from nurture.domain.mail.hooks import Reading


def unfold(document: Any, reading: Reading) -> Iterator[Any]:
    """The events, each out of its wrappings, `{"msys": {CLASS: …}}`; an empty one is a test of the address."""
    for each in items_of(document, reading):
        wrapped = each.get("msys") if isinstance(each, dict) else each
        if isinstance(wrapped, dict):
            yield from wrapped.values()
        else:
            yield wrapped


ADAPTER: Final = Adapter(
    shows_secret,
    "Configuration > Webhooks: this address, Basic authentication by the secret, USER:PASSWORD (or OAuth, whose token it is then); "
    "events: delivery, bounce, out of band, delay, policy rejection, generation failure, spam complaint, link and list unsubscribe",
    Reading(
        kind=("type/bounce_class",),
        words={
            "delivery": "delivered", "delay": "deferred", "spam_complaint": "complained", "list_unsubscribe": "unsubscribed",
            "link_unsubscribe": "unsubscribed", "policy_rejection": "bounced", "generation_failure": "bounced",
            "generation_rejection": "bounced", "bounce": "bounced", "bounce/60": "auto_replied", "bounce/80": "nothing",
            "bounce/90": "unsubscribed", "bounce/100": "auto_replied", "out_of_band": "bounced", "out_of_band/60": "auto_replied",
            "out_of_band/80": "nothing", "out_of_band/90": "unsubscribed", "out_of_band/100": "auto_replied",
            "injection": "nothing", "sms_status": "nothing", "open": "nothing", "initial_open": "nothing", "click": "nothing",
            "amp_open": "nothing", "amp_initial_open": "nothing", "amp_click": "nothing",
        },
        id=("event_id",), at=("timestamp",), recipient=("raw_rcpt_to", "rcpt_to"), mail=("rcpt_meta",),
        code=("raw_reason", "reason"), detail=("raw_reason", "reason"), fault=("bounce_class", "type"),
        faults={
            "10": Fault.ADDRESS, "30": Fault.ADDRESS, "20": Fault.MAILBOX, "21": Fault.MAILBOX, "22": Fault.MAILBOX,
            "24": Fault.MAILBOX, "70": Fault.MAILBOX, "23": Fault.MESSAGE, "53": Fault.MESSAGE, "25": Fault.POLICY,
            "50": Fault.POLICY, "51": Fault.POLICY, "52": Fault.POLICY, "54": Fault.POLICY, "policy_rejection": Fault.POLICY,
            "generation_failure": Fault.MESSAGE, "generation_rejection": Fault.POLICY, "delay": Fault.MAILBOX,
        },
    ),
    unfold,
)  # fmt: skip
