"""What a mail that came back tells of one of ours: a bounce, a complaint, a machine's answer, or its reader's.

Which mail it speaks of is known by its signed name alone (`Tokens.mail_name`): in the address that it came to, in what it refers
to, or in the header that it returns. A name that was not made here names nothing, so nobody can harm anybody else with a forged
report.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr, parsedate_to_datetime
from hashlib import blake2b
from typing import Final

from nurture.adapters.mail.incoming.parts import Parts, TooManyParts, take_apart
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.mail.answers import Answer, is_reply, told_by_answer
from nurture.domain.mail.bounces import RecipientReport, speaks_of_a_bounce, told_by_report, told_in_words
from nurture.domain.mail.feedback import Feedback
from nurture.domain.mail.incoming import Told, Unread, without_addresses

#: What is heard from a mail, however it came to us, is told by this source, so that twice is once.
SOURCE: Final = "mailbox"

#: A mail's own date counts if it is not older than this; clocks of strangers are not to be believed further.
_OLDEST: Final = timedelta(days=30)

#: An address that bounces of ours go to, whether its name is true or not.
_FOR_BOUNCES: Final = re.compile(r"\bb-[a-z2-7]{52}@", re.IGNORECASE)

#: How servers call themselves, in the local part of an address, or beside it.
_DAEMONS: Final = re.compile(
    r"(?:mailer|mail|smtp|m)[-_. ]?daemon|postmaster|mail[-_. ]?delivery[-_. ]?(?:sub|report)?.{0,10}system|system administrator",
    re.IGNORECASE,
)

#: What readers may complain of (RFC 5965 §3.5). A virus found in a mail is no reader's word, and `not-spam` is the opposite.
_COMPLAINTS: Final = frozenset({"abuse", "fraud"})
_FAREWELLS: Final = frozenset({"opt-out", "opt-out-list"})

#: Microsoft's reports of complaints have a form of their own: the mail, with this field added for the recipient.
_JMRP: Final = re.compile(r"^x-hmxmroriginalrecipient:", re.IGNORECASE | re.MULTILINE)


class MailReader:
    """Reads what servers and readers mail back."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def read(self, raw: bytes, at: datetime) -> list[Feedback] | Unread:
        """What a mail tells that arrived at instant `at`, or why it tells nothing. Never raises, whatever the bytes are."""
        try:
            parts = take_apart(raw)
        except (TooManyParts, RecursionError):
            return Unread("it has more parts within parts than any server writes")
        except Exception as error:  # noqa: BLE001 - a stranger's bytes may find any hole of the parser; no mail may block those behind it
            return Unread(f"it cannot be taken apart ({type(error).__name__})")
        told = self._told(parts)
        link = self._mail_spoken_of(parts, answered=isinstance(told, Told) and told.kind == "replied")
        ours = link is not None or any(_FOR_BOUNCES.search(each) for each in parts.received_for)
        if isinstance(told, Unread):
            return told._replace(ours=told.ours and ours)
        if link is None:
            return Unread("it names no mail of ours", ours=ours and told.kind != "replied")
        return [_feedback(told, parts, link, at)]

    def _told(self, parts: Parts) -> Told | Unread:
        if parts.recipients:
            return told_by_report([_report(each) for each in parts.recipients], parts.text)
        if parts.complaint:
            return _complaint(parts.complaint.get("feedback-type", ""))
        if _JMRP.search(parts.returned):
            return Told("complained", detail="reported as junk")
        if parts.disposition and not _thrown_away(parts):
            return Told("auto_replied", detail="the reader's program reports what became of it")
        subject = parts.header.get("subject", "")
        if not _by_a_server(parts) and any(self._tokens.mails_named(subject)):
            return Told("unsubscribed", detail="by a mail to the address of List-Unsubscribe")
        sender = parseaddr(parts.header.get("from", ""))[1]
        answer = told_by_answer(Answer(parts.header, subject, sender, parts.text[:2_000]))
        if not _by_a_server(parts):
            return answer
        told = told_in_words(subject, parts.text)
        return answer if isinstance(told, Unread) and answer.kind == "replied" else told  # a postmaster may be a person

    def _mail_spoken_of(self, parts: Parts, *, answered: bool) -> MailLink | None:
        """The mail of ours that is named, first where names are least likely to be of another mail.

        A mail's own Message-ID and Return-Path are not looked at: they are ours on a mail of ours, which answers nothing.
        """
        for text in _places(parts, answered=answered):
            found = list(self._tokens.mails_named(text))
            if found:
                return found[-1]  # References ends with the mail that is answered
        return None


def _places(parts: Parts, *, answered: bool) -> Iterator[str]:
    header = parts.header
    yield from parts.received_for
    yield from (header.get(name, "") for name in ("in-reply-to", "references", "subject"))
    if answered:  # whatever a person quotes or attaches is not what they answer
        return
    yield from (parts.about_mail.get(name, "") for name in ("original-envelope-id", "x-original-message-id"))
    yield from (each.get("original-recipient", "") for each in parts.recipients)
    yield from (parts.complaint.get(name, "") for name in ("original-mail-from", "original-envelope-id"))
    yield parts.returned
    if _by_a_server(parts) or parts.recipients or parts.complaint:
        yield parts.text


def _by_a_server(parts: Parts) -> bool:
    """Whether a mail is a server's about a mail, though it is no report in form."""
    header = parts.header
    if "x-failed-recipients" in header or "report-type=delivery-status" in header.get("content-type", "").lower():
        return True
    name, address = parseaddr(header.get("from", ""))
    returns_to = header.get("return-path", "").strip(" <>").partition("@")[0]
    if any(_DAEMONS.fullmatch(each.strip()) for each in (name, address.partition("@")[0], returns_to)) or _thrown_away(parts):
        return True
    subject = header.get("subject", "")
    if header.get("return-path", "").strip() == "<>" and speaks_of_a_bounce(subject):
        return True
    answers = is_reply(subject) or "in-reply-to" in header or "references" in header
    return not answers and speaks_of_a_bounce(subject, parts.text.strip() or "-")


def _thrown_away(parts: Parts) -> bool:
    """Whether a mailbox rejected a mail in the form of a receipt (RFC 8098 §3.2.6), as Sieve does (RFC 5429 §2.2)."""
    return "automatic-action" in parts.disposition.lower() and "deleted" in parts.disposition.lower()


def _report(fields: dict[str, str]) -> RecipientReport:
    return RecipientReport(fields.get("action", ""), fields.get("status", ""), fields.get("diagnostic-code", ""))


def _complaint(kind: str) -> Told | Unread:
    kind = kind.strip().lower()
    if kind in _COMPLAINTS:
        return Told("complained", detail=f"reported as {kind}")
    if kind in _FAREWELLS:
        return Told("unsubscribed", detail=f"reported as {kind}")
    return Unread(f"it is a report of another kind ({without_addresses(kind)[:40] or 'none is named'})", ours=True)


def _feedback(told: Told, parts: Parts, link: MailLink, at: datetime) -> Feedback:
    named = [address for each in parts.recipients for name in ("final-recipient", "original-recipient")
             if (address := each.get(name, "").rpartition(";")[2].strip())]  # fmt: skip
    named += [parts.header.get("x-failed-recipients", "")]
    detail = without_addresses(told.detail, named) if told.detail else None
    return Feedback(
        told.kind, SOURCE, _id(told, parts, link), _date(parts, at), message=link.message, person=link.person,
        fault=told.fault, code=told.code, detail=detail or None,
    )  # fmt: skip


def _id(told: Told, parts: Parts, link: MailLink) -> str:
    """The same for each copy of a mail, by whatever way it comes; another for another mail, also under the same Message-ID."""
    header = parts.header
    own = header.get("message-id") or "\n".join([header.get("date", ""), header.get("subject", ""), parts.text])
    said = f"{own}\n{told.kind} {told.code} {link.message} {link.person}"
    return blake2b(said.encode(), digest_size=16).hexdigest()


def _date(parts: Parts, at: datetime) -> datetime:
    try:
        date = parsedate_to_datetime(parts.header.get("date", ""))
        date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return at
    return date if at - _OLDEST < date <= at else at
