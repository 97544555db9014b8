"""Rules of the header (H) that are about the mail itself: who writes to whom, when, and about what."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from nurture.adapters.mail.linting.context import Context, Envelope, is_inside, organisational, same_organisation
from nurture.adapters.mail.linting.leftovers import SCORES, left_over, oddities, personal_in, shows_address
from nurture.adapters.mail.linting.mail import Field, Mail, addresses, domain_of, spelt_out
from nurture.adapters.mail.linting.rules import rule
from nurture.domain.named_lists import FREE_MAIL_DOMAINS

#: A line of a mail: at most, and better (RFC 5322 §2.1.1). An encoded word (RFC 2047 §2).
_LONGEST: Final = 998
_PREFERRED: Final = 78
_LONGEST_WORD: Final = 75
_LONGEST_SUBJECT: Final = 70
_PUNCTUAL: Final = timedelta(hours=1)

_ONCE: Final = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
_MESSAGE_ID: Final = re.compile(r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)@([A-Za-z0-9.-]+)>")
_ZONE: Final = re.compile(r"(?!-0000)[+-]\d{4}$")
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]*\?[^?\s]*\?[^?\s]*\?=")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]+")
_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
#: Fields made of our own names for things, of the mail's, or of words that others have chosen.
_OF_MACHINES: Final = frozenset([
    "list-id", "feedback-id", "precedence", "x-auto-response-suppress", "x-mailin-custom", "x-mailgun-variables", "x-mj-customid",
    "x-pm-metadata-mail", "x-smtpapi", "x-ses-message-tags", "x-msys-api",
])  # fmt: skip
_REPLY: Final = re.compile(r"(?:re|fwd?|aw|wg|tr|rv|sv)(?:\[\d+\])?\s*:", re.IGNORECASE)


@rule(
    "H1", "E", "one From, To, Subject, Date, Message-ID, MIME-Version and Content-Type each; at most one Reply-To", at_once=True
)
def _each_field_once(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    for name in _ONCE:
        if (count := len(mail.named(name))) != 1:
            yield f"there are {count} fields {name}; write exactly one"
    if (count := len(mail.named("Reply-To"))) > 1:
        yield f"there are {count} fields Reply-To; write one at most"


@rule("H2", "E", "Message-ID `<name@own domain>`, unique to this mail and the same on each try, not encoded", at_once=True)
def _message_id(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for value in mail.named("Message-ID")[:1]:
        found = _MESSAGE_ID.fullmatch(value)
        if found is None or "=?" in value:
            yield "the Message-ID is not written like <name@domain>; make it of letters and digits, and do not encode it"
        elif not same_organisation(found[2], mail.sender_domain):
            yield "the Message-ID is in another organisation's domain than From; use the sender's own"
        elif context.names_mail and not context.names_mail(found[1]):
            yield "the Message-ID is not this mail's own name; make it from the message's number, so that a second try has the same"


@rule("H3", "E", "Date with a numeric zone, within an hour of the sending", at_once=True)
def _date(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for value in mail.named("Date")[:1]:
        date = _moment(value)
        if date is None or not _ZONE.search(value):
            yield "the Date has no numeric zone, or is no date; write it like Mon, 02 Mar 2026 09:30:00 +0000"
        elif abs(date - context.at) >= _PUNCTUAL:
            yield "the Date is more than an hour from the sending; write the mail when it is sent, and set the machine's clock"


@lru_cache(maxsize=16)  # mails written together have one Date
def _moment(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return date if date.utcoffset() is not None else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


@rule("H4", "E", "From is no mailbox of a free provider")
def _own_domain(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if mail.sender_domain in FREE_MAIL_DOMAINS:
        yield f"From is a mailbox at {mail.sender_domain}, whose mail only its own servers may send; send from your own domain"


@rule("H4", "E", "From is one address, in a domain of ours; names are encoded in words of at most 75 characters", at_once=True)
def _sender(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    value = mail.first("From")
    if len(addresses(value)) != 1 or not mail.sender_domain:
        yield "From is not exactly one address; write one sender"
    elif mail.sender_domain not in context.sender_domains:
        yield f"From is in {mail.sender_domain}, which is not ours to send from; use the domain of sending.yaml"
    for name in ("From", "To", "Reply-To", "Subject"):
        yield from _encoded_words(name, mail.first(name))


def _encoded_words(name: str, value: str) -> Iterator[str]:
    if any(len(word) > _LONGEST_WORD for word in _ENCODED_WORD.findall(value)):
        yield f"{name} has an encoded word over {_LONGEST_WORD} characters; break it into several (RFC 2047 §2)"


@rule("H5", "E", "To holds the reader and nobody else", at_once=True)
def _only_the_reader(mail: Mail, envelope: Envelope, context: Context) -> Iterator[str]:
    told = [address.lower() for _, address in addresses(mail.first("To"))]
    reader = (context.address or next(iter(envelope.recipients), "")).lower()
    if len(told) != 1 or mail.named("Cc"):
        yield "To is not one address alone; write each reader a mail of their own"
    elif not _same_mailbox(told[0], reader):
        yield "To is somebody else than the mail goes to; write the reader's address"


def _same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are one, the domain of either in its ASCII form or not."""
    return one == other or (one.rpartition("@")[0] == other.rpartition("@")[0] and _ascii(one) == _ascii(other))


def _ascii(address: str) -> str:
    try:
        return domain_of(address).encode("idna").decode()
    except UnicodeError:
        return domain_of(address)


@rule("H5", "W", "To shows the reader's name where it is known", at_once=True)
def _name_of_the_reader(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    shown = [name for name, _ in addresses(mail.first("To"))]
    if context.name and shown and not any(spelt_out(name).strip() for name in shown):
        yield "To shows no name although it is known; write it before the address"


@rule("H12", "E", "no bare CR or LF, no 8-bit bytes, no line over 998, no empty nor broken field", at_once=True)
def _lines(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    lines = [*map(len, mail.raw.splitlines())]
    if sum(lines) + len(b"\r\n") * len(lines) != len(mail.raw):
        yield "a line ends with a bare CR or LF; end each with CRLF (RFC 5322 §2.3)"
    if not mail.raw.isascii():
        yield "the mail holds 8-bit bytes; encode the parts as quoted-printable or base64 and the fields as RFC 2047 says"
    if max(lines, default=0) > _LONGEST:
        yield f"a line has over {_LONGEST} octets; fold it or encode the part"
    for each in mail.fields:
        if not _FIELD_NAME.fullmatch(each.name):
            yield "the header holds a line that is no field; let no value bring a line break into it"
        elif not each.value:
            yield f"the field {each.name[:40]} is empty; leave it out"


@rule("H12", "W", "no line of the header over 78, unless nothing in it can be folded", at_once=True)
def _long_lines(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    for line in mail.head.split(b"\r\n"):
        if len(line) > _PREFERRED and b" " in line.split(b": ", 1)[-1].strip() and not re.match(rb"[\w-]+:\s*<\S+>,?$", line):
            name = line.partition(b":")[0].decode("latin-1")[:40]
            yield f"a line of {name} is over {_PREFERRED} characters; fold it at a space"


@rule("H13", "E", "no field shows personal data, a score or the name of a machine inside", at_once=True)
def _nothing_of_ours(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for each in mail.fields:
        name = each.name.lower()
        if name in _OF_MACHINES:  # their words are ours; a reader may well be called by one of them
            fact = "address" if shows_address(each.value, context) else None
        elif name.startswith("x-"):
            fact = personal_in(each.value, context)
            yield from _inside_told(each, context)
        else:
            continue
        if fact:
            yield f"{each.name[:40]} shows the reader's {fact}; remove it, headers travel through many hands"


def _inside_told(field: Field, context: Context) -> Iterator[str]:
    if SCORES & {*re.split(r"[^a-z]+", f"{field.name} {field.value}".lower())}:
        yield f"{field.name[:40]} shows a score; remove it, readers can see headers"
    if any(is_inside(host.lower()) or host.lower() in context.internal_hosts for host in _HOST.findall(field.value)):
        yield f"{field.name[:40]} shows the name of a machine inside; remove it"


@rule("H14", "E", "a Subject that says something, with nothing of the template left in it", at_once=True)
def _subject(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for value in mail.named("Subject")[:1]:
        subject = spelt_out(value)
        if not subject.strip():
            yield "the subject is empty; write one"
        if re.search(r"[\r\n]", subject):
            yield "the subject holds a line break; write it on one line"
        if rest := left_over(subject, oddities([subject]), context):
            yield f"the subject shows {rest!r}; give the value a default in the template"


@rule("H14", "W", "a Subject ≤ 70 characters, no false Re: or Fwd:, not all capitals, one exclamation mark at most", at_once=True)
def _loud_subject(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    subject = spelt_out(mail.first("Subject"))
    if len(subject) > _LONGEST_SUBJECT:
        yield f"the subject has {len(subject)} characters; telephones show some 40, keep it under {_LONGEST_SUBJECT}"
    if _REPLY.match(subject) and not mail.named("In-Reply-To"):
        yield "the subject plays the answer to a mail; leave Re: and Fwd: to real ones"
    if subject.isupper() and len(subject.split()) > 1:
        yield "the subject is all in capitals; write it as a sentence"
    if subject.count("!") > 1:
        yield "the subject has several exclamation marks; keep one at most"


@rule("H15", "W", "In-Reply-To and References only for mails really sent to this reader")
def _threads(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    named = re.findall(r"<[^<>\s]+>", " ".join([*mail.named("In-Reply-To"), *mail.named("References")]))
    if any(each not in context.threads for each in named) or (not named and mail.named("In-Reply-To")):
        yield "the mail plays the answer to one that this reader never got; leave In-Reply-To and References out"


def unaligned(host: str, mail: Mail) -> bool:
    """Whether a host belongs to another organisation than the sender; hosts without one, like localhost, are not judged."""
    return bool(organisational(host)) and not same_organisation(host, mail.sender_domain)
