"""Anybody whose calls follow the Standard Webhooks specification 1.0, with the answers of sales in our own shape."""

from hmac import compare_digest
from typing import Final

from standardwebhooks import Webhook

from nurture.adapters.hooks.base import Access, Adapter, Post, malformed, not_theirs
from nurture.adapters.hooks.checks import header, is_fresh
from nurture.domain.answering import AnswerReading
from nurture.domain.mail.hook_reading import instant_of
from nurture.errors import Unavailable


def check(post: Post, access: Access) -> None:
    """One of the signatures is that of one of the secrets."""
    is_signed_by_webhook(post, access, "webhook", "the sender")


def is_signed_by_webhook(post: Post, access: Access, family: str, whose: str) -> None:
    """The same under headers of another name, such as Svix's own: `family` is how they begin, `whose` secret it is."""
    number, stamp = header(post, f"{family}-id"), header(post, f"{family}-timestamp")
    offered = header(post, f"{family}-signature").split()
    is_fresh(stamp, post, access, f"{family}-timestamp")
    right = [_signature(secret, number, stamp, post, whose) for secret in access.secrets]
    if not [each for each in right for shown in offered if compare_digest(each.encode(), shown.encode())]:
        raise not_theirs(f"the signature does not fit; compare the signing secret with {whose}'s", f"{family}-signature")


def _signature(secret: str, number: str, stamp: str, post: Post, whose: str) -> str:
    at = instant_of(stamp)
    try:
        text = post.body.decode()
    except UnicodeDecodeError:
        raise malformed("this is not UTF-8") from None
    try:
        return Webhook(secret).sign(number, at or post.at, text)
    except (ValueError, RuntimeError):
        raise Unavailable(f"the secret of this hook is none of {whose}'s, whsec_…; copy it") from None


ADAPTER: Final = Adapter(
    check,
    "Post JSON to this address, signed after the Standard Webhooks specification with the secret, whsec_…: "
    '{"data": {"person": {"email": …}, "answer": "accepted"}}, or rejected, won, lost; docs/sales.md says what else',
    answers=AnswerReading(
        answer=("data.answer",),
        words={"accepted": "accepted", "rejected": "rejected", "won": "won", "lost": "lost"},
        person=("data.person.id",), email=("data.person.email",), user_id=("data.person.user_id",), id=("header:webhook-id",),
        at=("data.at", "timestamp"), reason=("data.reason",), amount=("data.amount",), currency=("data.currency",),
    ),
)  # fmt: skip
