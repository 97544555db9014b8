"""Rules of the header (H) that are about the stream of mails: how to leave it, how providers count it, and who signs for it."""

import re
from collections.abc import Iterator
from typing import Final

from nurture.adapters.mail.linting.context import Context, Envelope, same_organisation, split_url
from nurture.adapters.mail.linting.leftovers import personal_in, shows_address
from nurture.adapters.mail.linting.mail import Mail
from nurture.adapters.mail.linting.rules import rule

_URI: Final = re.compile(r"<([^<>]*)>")
_LIST_ID: Final = re.compile(r"(?:[^<>]*\s)?<([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)>")
_SENDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{5,15}")
_FEEDBACK_FIELDS: Final = 4

#: What a signature must cover (RFC 6376 §5.4, RFC 8058 §4, Gmail's Feedback Loop), where the mail has it.
_SIGNED: Final = (
    "from", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id", "content-type",
    "mime-version",
)  # fmt: skip
_SHORTEST_KEY: Final = 1024
_GOOD_KEY: Final = 2048


@rule(
    "H6",
    "E",
    "List-Unsubscribe begins with an https address that ends this reader's mail, whole, on one line, unencoded",
    at_once=True,
)
def _unsubscribe(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    fields = [each for each in mail.fields if each.name.lower() == "list-unsubscribe"]
    if len(fields) != 1:
        yield f"there are {len(fields)} fields List-Unsubscribe; write exactly one"
        return
    value, folded = fields[0].value, fields[0].folded
    urls = _URI.findall(value)
    if "=?" in value:
        yield "List-Unsubscribe is encoded, which no provider reads; write it as it is"
    elif not urls or not value.startswith(("<https://", *(["<http://"] if context.rehearses else []))):
        yield "List-Unsubscribe does not begin with <https://; set NURTURE_PUBLIC_URL to an https address"
    elif any(re.search(r"\s", url) for url in _URI.findall(folded)):
        yield "List-Unsubscribe breaks inside an address; fold it between addresses only"
    elif context.unsubscribes and context.unsubscribes(urls[0]):
        return  # a signed token and nothing more
    elif fact := personal_in("?".join(split_url(urls[0])[2:]), context):
        yield f"the unsubscribe link shows the reader's {fact}; let it hold a signed token alone"
    elif context.unsubscribes:
        yield "the unsubscribe link does not end this reader's mail; make its token for this mail"


@rule("H6", "W", "List-Unsubscribe offers a mailto, too, where somebody reads that mailbox", at_once=True)
def _unsubscribe_by_mail(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    if context.unsubscribe_mailbox and "<mailto:" not in mail.first("List-Unsubscribe"):
        yield "List-Unsubscribe has no mailto: for programs that cannot post; add the mailbox's address after the link"


@rule("H7", "E", "List-Unsubscribe-Post is exactly `List-Unsubscribe=One-Click`", at_once=True)
def _one_click(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if mail.named("List-Unsubscribe-Post") != ["List-Unsubscribe=One-Click"]:
        yield "List-Unsubscribe-Post is not List-Unsubscribe=One-Click; write exactly that, once (RFC 8058 §3.1)"


@rule("H8", "E", "where we sign: DKIM verifies, is aligned, of a good algorithm and key, without l=, over all fields that matter")
def _signature(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    signatures = [_tags(value) for value in mail.named("DKIM-Signature")]
    if context.signs and not signatures:
        yield "the mail is not signed; look at the DKIM key of the sender's domain"
    for tags in signatures:
        yield from _faults_of_signature(tags, mail)
    if signatures and context.dkim_key:
        yield from _verified(mail, context)


def _tags(value: str) -> dict[str, str]:
    """The tags of a signature (RFC 6376 §3.2), without white space."""
    pairs = (tag.partition("=") for tag in value.split(";"))
    return {name.strip(): re.sub(r"\s+", "", content) for name, equals, content in pairs if equals}


def _faults_of_signature(tags: dict[str, str], mail: Mail) -> Iterator[str]:
    if not same_organisation(tags.get("d", ""), mail.sender_domain):
        yield "DKIM signs for another organisation's domain than From's; sign with d= of the sender's domain"
    if tags.get("a") not in {"rsa-sha256", "ed25519-sha256"}:
        yield "DKIM signs with an algorithm that is refused; use rsa-sha256 or ed25519-sha256 (RFC 8301)"
    if "l" in tags:
        yield "DKIM signs a part of the body only; leave l= out, else anybody may add to it"
    covered = set(tags.get("h", "").lower().split(":"))
    missing = [name for name in _SIGNED if name not in covered and (name == "from" or mail.named(name))]
    if missing:
        yield f"DKIM does not cover {', '.join(missing)}; add them to h="


def _verified(mail: Mail, context: Context) -> Iterator[str]:
    try:
        import dkim
    except ImportError:
        return  # an extra: without it nothing of ours signs
    try:
        signed = dkim.DKIM(mail.raw, minkey=1)
        good = signed.verify(dnsfunc=lambda name, timeout=5: context.dkim_key and context.dkim_key(name))  # noqa: ARG005 - the library's
    except Exception:  # noqa: BLE001 - whatever the library cannot read does not verify
        good = False
        signed = None
    if not good or signed is None:
        yield "the DKIM signature does not verify; see that the key published is the one that signs, and sign last"
    elif signed.keysize < _SHORTEST_KEY and mail.first("DKIM-Signature").find("rsa") >= 0:
        yield f"the DKIM key has {signed.keysize} bits; make one of {_GOOD_KEY}"


@rule("H8", "W", "a DKIM key of 2048 bits")
def _key_size(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    if context.dkim_key is None:
        return
    for tags in map(_tags, mail.named("DKIM-Signature")):
        name = f"{tags.get('s', '')}._domainkey.{tags.get('d', '')}."
        bits = _rsa_bits(context.dkim_key(name.encode("latin-1", "replace")) or b"")
        if bits is not None and _SHORTEST_KEY <= bits < _GOOD_KEY:
            yield f"the DKIM key has {bits} bits; make one of {_GOOD_KEY}"


def _rsa_bits(record: bytes) -> int | None:
    """The size of the RSA key that a DNS record holds; None for another key, or none at all."""
    from base64 import b64decode

    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    tags = _tags(record.decode("latin-1"))
    if tags.get("k", "rsa") != "rsa":
        return None
    try:
        key = load_der_public_key(b64decode(tags.get("p", "")))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None


@rule("H9", "W", "a List-Id of the sequence", at_once=True)
def _list_id(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    values = mail.named("List-Id")
    found = _LIST_ID.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        yield "there is no List-Id like <sequence.example.com>; write one, mail programs sort by it"
    elif context.sequence and found[1].partition(".")[0] != context.sequence:
        yield "the List-Id is not of the sequence that the mail belongs to; begin it with the sequence's name"


@rule("H10", "W", "one Feedback-ID of four fields, the last 5 to 15 characters, without personal data", at_once=True)
def _feedback_id(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    values = mail.named("Feedback-ID")
    if len(values) != 1:
        yield f"there are {len(values)} fields Feedback-ID; write one, Gmail counts complaints by it"
        return
    fields = values[0].split(":")
    if len(fields) != _FEEDBACK_FIELDS or not _SENDER_ID.fullmatch(fields[-1]):
        yield "Feedback-ID is not like a:b:c:sender with a sender of 5 to 15 letters; write it so"
    if shows_address(values[0], context):
        yield "Feedback-ID shows the reader's address; name the step, the e-mail and the sequence only"


@rule("H11", "W", "Auto-Submitted and X-Auto-Response-Suppress as the sequence says", at_once=True)
def _automatic(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    if context.automatic:
        if mail.named("Auto-Submitted") != ["auto-generated"]:
            yield "the mail does not say that a process wrote it; add Auto-Submitted: auto-generated (RFC 3834)"
        if not mail.named("X-Auto-Response-Suppress"):
            yield "Exchange servers will answer with absence notes; add X-Auto-Response-Suppress: OOF, AutoReply"
    elif mail.named("Auto-Submitted") or mail.named("X-Auto-Response-Suppress"):
        yield "the sequence wants absence notes, and the mail tells servers to send none; leave both fields out"
