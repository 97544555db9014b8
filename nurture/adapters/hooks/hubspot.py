"""HubSpot: the action "Send a webhook" of its workflows, and subscriptions of an app to contacts.

Signed in X-HubSpot-Signature-v3 with HMAC-SHA256 over method, address, body and time stamp (HubSpot, "Validating requests").
"""

import hmac
from base64 import b64encode
from typing import Final
from urllib.parse import unquote

from nurture.adapters.hooks.base import Access, Adapter, Post, not_theirs
from nurture.adapters.hooks.checks import header, is_fresh
from nurture.domain.answering import AnswerReading

_SIGNATURE: Final = "x-hubspot-signature-v3"
_STAMP: Final = "x-hubspot-request-timestamp"


def check(post: Post, access: Access) -> None:
    """The signature is that of the app's client secret."""
    stamp, shown = header(post, _STAMP), header(post, _SIGNATURE)
    text = b"".join((b"POST", unquote(access.url).encode(), post.body, stamp.encode()))
    right = [b64encode(hmac.digest(secret.encode(), text, "sha256")) for secret in access.secrets]
    if not [each for each in right if hmac.compare_digest(each, shown.encode())]:
        raise not_theirs(
            "the signature does not fit; compare the secret with the app's client secret, and NURTURE_PUBLIC_URL with what HubSpot calls",
            _SIGNATURE,
        )
    is_fresh(stamp, post, access, _STAMP)


ADAPTER: Final = Adapter(
    check,
    "Workflows > Send a webhook: POST to this address, with a request signature by your app's id; as body choose email, and dealstage "
    "or hs_lead_status, amount, closed_lost_reason. The secret is the app's client secret",
    answers=AnswerReading(
        answer=(
            "subscriptionType/propertyName/propertyValue", "objectTypeId/propertyName/propertyValue", "dealstage", "hs_lead_status",
            "answer",
        ),
        words={
            "contact.propertychange/lifecyclestage/opportunity": "accepted", "contact.propertychange/lifecyclestage/customer": "won",
            "contact.propertychange/hs_lead_status/open_deal": "accepted",
            "contact.propertychange/hs_lead_status/unqualified": "rejected", "contact.propertychange": "nothing",
            "0-1/lifecyclestage/opportunity": "accepted", "0-1/lifecyclestage/customer": "won",
            "0-1/hs_lead_status/open_deal": "accepted", "0-1/hs_lead_status/unqualified": "rejected", "0-1": "nothing",
            "closedwon": "won", "closedlost": "lost", "open_deal": "accepted", "unqualified": "rejected",
            "accepted": "accepted", "rejected": "rejected", "won": "won", "lost": "lost",
        },
        person=("nurture_id",), email=("email",), user_id=("objectId",), prefix="hubspot:", id=("eventId", "hs_object_id", "dealstage"),
        at=("occurredAt", "closedate"), reason=("closed_lost_reason", "reason"), amount=("amount",),
        currency=("deal_currency_code",),
    ),
)  # fmt: skip
