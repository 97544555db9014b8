"""Amazon SES by way of Amazon SNS (AWS, "Contents of event data that Amazon SES publishes to Amazon SNS")."""

import json
from collections.abc import Iterator
from typing import Any, Final

from nurture.adapters.hooks.base import Adapter, malformed
from nurture.adapters.hooks.sns import answer, check
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import Reading


def unfold(document: Any, _reading: Reading) -> Iterator[Any]:
    """What SES says in a notification, once for each recipient: `one` is the recipient, `part` what is said of all of them."""
    if document["Type"] != "Notification":
        return
    try:
        told = json.loads(str(document.get("Message")))
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise malformed("SES sends JSON here; is the topic used for something else?", "Message")
    kind = str(told.get("eventType") or told.get("notificationType") or "")
    part = told.get(kind[:1].lower() + kind[1:])
    part = part if isinstance(part, dict) else {}
    named = ("bouncedRecipients", "complainedRecipients", "delayedRecipients", "recipients")
    mail = told.get("mail")
    everybody = mail.get("destination") if isinstance(mail, dict) else None
    recipients = next((part[name] for name in named if part.get(name)), everybody)
    for each in recipients if isinstance(recipients, list) else [None]:
        yield {**told, "part": part, "one": each if isinstance(each, dict) else {"emailAddress": each}}


ADAPTER: Final = Adapter(
    check,
    "A configuration set with an event destination to an SNS topic (bounces, complaints, deliveries, delivery delays, rejects), which "
    "the mails name in X-SES-CONFIGURATION-SET; subscribe this address to the topic by HTTPS, without raw message delivery. The "
    "subscription is confirmed by itself",
    Reading(
        kind=(
            "eventType/part.bounceType/part.bounceSubType", "notificationType/part.bounceType/part.bounceSubType",
            "eventType/part.complaintFeedbackType", "notificationType/part.complaintFeedbackType",
        ),
        words={
            "bounce": "bounced", "bounce/permanent/unsubscribedrecipient": "unsubscribed", "complaint": "complained",
            "complaint/not-spam": "nothing", "delivery": "delivered", "deliverydelay": "deferred", "reject": "bounced",
            "send": "nothing", "open": "nothing", "click": "nothing", "rendering failure": "nothing", "subscription": "nothing",
            "amazonsnssubscriptionsucceeded": "nothing",
        },
        id=("eventType", "notificationType", "mail.messageId", "part.feedbackId", "part.timestamp", "one.emailAddress"),
        at=("part.timestamp",), recipient=("one.emailAddress",), mail=("mail.tags", "mail.headers", "mail.commonHeaders.messageId"),
        code=("one.status", "one.diagnosticCode"), detail=("one.diagnosticCode", "reject.reason", "part.delayType"),
        fault=("eventType/part.bounceType/part.bounceSubType", "notificationType/part.bounceType/part.bounceSubType", "part.delayType"),
        faults={
            "bounce/permanent": Fault.ADDRESS, "bounce/transient": Fault.MAILBOX, "bounce/transient/messagetoolarge": Fault.MESSAGE,
            "bounce/transient/contentrejected": Fault.MESSAGE, "bounce/transient/attachmentrejected": Fault.MESSAGE,
            "bounce/permanent/contentrejected": Fault.MESSAGE, "reject": Fault.MESSAGE,
            "internalfailure": Fault.UNKNOWN, "spamdetected": Fault.POLICY, "ipfailure": Fault.POLICY, "deliverydelay": Fault.MAILBOX,
            "general": Fault.MAILBOX, "mailboxfull": Fault.MAILBOX, "recipientservererror": Fault.MAILBOX,
            "transientcommunicationfailure": Fault.MAILBOX,
        },
    ),
    unfold,
    answer,
)  # fmt: skip
