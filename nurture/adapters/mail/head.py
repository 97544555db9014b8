"""The header of a mail, and who its envelope says it comes from.

Both name the mail by a signed name whose letters may change case on the way, so that whatever comes back tells which mail it
speaks of: a bounce in the address it is sent to (VERP), a reply in what it refers to, a provider's report in a field of its own.
"""

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from nurture.adapters.mail import headers
from nurture.adapters.mail.person import full_name
from nurture.adapters.mail.provider_marks import provider_field
from nurture.domain.definitions import Definitions
from nurture.domain.mail.sending import SendingPolicy
from nurture.ports import Letter

#: Before the mail's name in the address that bounces go to: some servers refuse a local part that begins with a digit.
BOUNCES: Final = "b-"


def head_of(
    letter: Letter, definitions: Definitions, name: str, *, subject: str, unsubscribe: str, language: str, at: datetime
) -> list[str]:
    """The header of the mail called `name`, except what describes the body: the same on each try, but for its date.

    Raises ValueError for a value that no header can hold.
    """
    policy = definitions.sending
    sender = policy.sender
    domain = headers.domain_of(sender.email)
    return [
        headers.address_field("From", sender.name, sender.email),
        headers.address_field("To", full_name(letter.facts), letter.address),
        *([headers.address_field("Reply-To", "", sender.reply_to)] if sender.reply_to else []),
        headers.text_field("Subject", subject),
        headers.field("Date", _date(at.replace(microsecond=0))),
        headers.field("Message-ID", f"<{name}@{domain}>"),
        headers.field("List-Id", f"<{letter.sequence}.{domain}>"),
        headers.addresses_field("List-Unsubscribe", [unsubscribe, *_by_mail(policy, name)]),
        headers.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        headers.field("Feedback-ID", f"{letter.step}:{letter.template}:{letter.sequence}:{feedback_sender(domain)}"),
        *_to_machines(letter, definitions),
        headers.field("Content-Language", language),
        *(provider_field(provider, name) for provider in policy.providers),
    ]


@lru_cache(maxsize=16)  # mails of one second have one
def _date(at: datetime) -> str:
    return format_datetime(at)


def envelope_sender(policy: SendingPolicy, name: str) -> str:
    """Where bounces of the mail called `name` go: an address of its own, or the sender's where no domain takes them."""
    if policy.bounce_domain is None:
        return headers.wire_address(policy.sender.email)
    return f"{BOUNCES}{name}@{policy.bounce_domain}"


def feedback_sender(domain: str) -> str:
    """The sender's name in Feedback-ID: 5 to 15 characters, the same for all mail of a domain."""
    return "".join(character for character in domain if character.isalnum())[:15].ljust(5, "0")


def _by_mail(policy: SendingPolicy, name: str) -> list[str]:
    """How to unsubscribe by mail (RFC 2369 §3.2): the name in the subject says who."""
    if policy.unsubscribe_mailto is None:
        return []
    return [f"mailto:{quote(headers.wire_address(policy.unsubscribe_mailto), safe='@+')}?subject={name}"]


def _to_machines(letter: Letter, definitions: Definitions) -> list[str]:
    """That no machine is to answer (RFC 3834 §5), unless the sequence welcomes what machines say, as a letter by hand would."""
    sequence = definitions.sequences.get(letter.sequence)
    if sequence is not None and sequence.auto_replies:
        return []
    # Not "All": that would also hold back the bounces of Exchange servers.
    return [
        headers.field("Auto-Submitted", "auto-generated"),
        headers.field("X-Auto-Response-Suppress", "OOF, AutoReply"),
    ]
