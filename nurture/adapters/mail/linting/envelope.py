"""Rules of the envelope (V): what the mail server is told, and what must not stand in the mail because it stands there."""

from collections.abc import Iterator

from nurture.adapters.mail.linting.context import Context, Envelope, same_organisation
from nurture.adapters.mail.linting.mail import Mail, domain_of
from nurture.adapters.mail.linting.rules import rule


@rule("V1", "E", "MAIL FROM is the signed address of this mail (VERP), in a domain of the same organisation as From's")
def _return_address(mail: Mail, envelope: Envelope, context: Context) -> Iterator[str]:
    if not same_organisation(domain_of(envelope.mail_from), mail.sender_domain):
        yield "bounces go to another organisation's domain than From's; let both addresses be in one domain"
    elif context.signed_return and context.names_mail and not context.names_mail(envelope.mail_from.rpartition("@")[0]):
        yield "MAIL FROM does not name this mail; make it with Tokens.mail_name, so that a bounce tells what it belongs to"


@rule("V2", "E", "exactly one recipient")
def _one_recipient(_mail: Mail, envelope: Envelope, _context: Context) -> Iterator[str]:
    if len(envelope.recipients) != 1:
        yield f"the envelope has {len(envelope.recipients)} recipients; send each reader a mail of their own"


@rule("V3", "W", "where the server offers DSN: ENVID, RET=HDRS, NOTIFY=FAILURE,DELAY")
def _delivery_reports(_mail: Mail, envelope: Envelope, _context: Context) -> Iterator[str]:
    if "DSN" not in envelope.offers:
        return
    asked = {parameter.upper() for parameter in envelope.parameters}
    if not any(parameter.startswith("ENVID=") for parameter in asked):
        yield "a bounce will not say which mail it is about; give ENVID=<name of the mail> with MAIL FROM"
    if "RET=HDRS" not in asked:
        yield "a bounce may carry the whole mail back; give RET=HDRS with MAIL FROM"
    if not asked & {"NOTIFY=FAILURE,DELAY", "NOTIFY=DELAY,FAILURE"}:
        yield "the server is not told which reports are wanted; give NOTIFY=FAILURE,DELAY with RCPT TO"


@rule("V4", "W", "SMTPUTF8 exactly when an address needs it")
def _smtputf8(_mail: Mail, envelope: Envelope, _context: Context) -> Iterator[str]:
    needed = not "".join((envelope.mail_from, *envelope.recipients)).isascii()
    asked = "SMTPUTF8" in {parameter.upper() for parameter in envelope.parameters}
    if asked and not needed:
        yield "SMTPUTF8 is asked for and both addresses are ASCII; leave it out, many servers refuse it"
    elif needed and not asked:
        yield "an address holds characters outside ASCII; ask for SMTPUTF8, or write its domain in its ASCII form"


@rule("V5", "E", "no Return-Path, no Bcc", at_once=True)
def _fields_of_the_envelope(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    for name in ("Return-Path", "Bcc"):
        if mail.named(name):
            yield f"the mail has a field {name}; remove it, only servers write the one and nobody may read the other"
