"""What our own mails are held against, and the last look at each before it goes out."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from nurture.adapters.mail.headers import domain_of, wire_address
from nurture.adapters.mail.linting.context import Context, Envelope
from nurture.adapters.mail.linting.linter import lint_at_once
from nurture.adapters.mail.linting.mail import Shown
from nurture.adapters.mail.person import full_name
from nurture.adapters.tokens import MailLink, ReaderOpened, StepOpened, Tokens
from nurture.domain.definitions import Definitions
from nurture.domain.mail.tracking import OPEN_TRACKING
from nurture.errors import InvalidToken, TemplateError
from nurture.ports import Letter, Written

_Value = TypeVar("_Value")


def context_of(letter: Letter, language: str, definitions: Definitions, public_url: str, tokens: Tokens, at: datetime) -> Context:
    """What the mail for a letter, written in `language` at `at`, is held against."""
    link, policy = MailLink(letter.message, letter.person), definitions.sending
    sequence = definitions.sequences.get(letter.sequence)
    unsubscribe, click, picture = (f"{public_url}/{what}/" for what in "uco")
    return Context(
        at=at,
        public_url=public_url,
        sender_domains=frozenset([domain_of(policy.sender.email)]),
        sender_name=policy.sender.name,
        organisation=policy.organisation,
        language=language,
        facts=letter.facts,
        address=wire_address(letter.address),
        name=full_name(letter.facts),
        sequence=letter.sequence,
        automatic=sequence is None or not sequence.auto_replies,
        names_mail=lambda text: tokens.names(text, link),
        signed_return=policy.bounce_domain is not None,
        unsubscribe_mailbox=policy.unsubscribe_mailto is not None,
        unsubscribes=lambda url: _read(tokens.read_unsubscribe, unsubscribe, url) == link,
        preferences=f"{public_url}/preferences/{tokens.preferences(link)}",
        clicked=lambda url: _target(tokens, link, click, url),
        opens=policy.tracking.opens,
        names_reader=lambda url: _opened(tokens, picture, url) not in {None, StepOpened(letter.sequence, letter.step)},
        consent=letter.facts.get(OPEN_TRACKING) is True,
    )


def ensure_sound(written: Written, letter: Letter, file: str, context: Context, shown: Shown) -> Written:
    """A mail written from `file`, as it is; raises TemplateError with everything that must keep it from going out."""
    found = lint_at_once(written.raw, Envelope(written.mail_from, (letter.address,)), context, shown)
    if found:
        raise TemplateError(f"{file}: " + ". ".join(f"{finding.id}: {finding.text}" for finding in found))
    return written


def _read(reader: Callable[[str], _Value], lead: str, url: str) -> _Value | None:
    """What a URL's token says; None where it is none of ours."""
    try:
        return reader(url.removeprefix(lead)) if url.startswith(lead) else None
    except InvalidToken:
        return None


def _target(tokens: Tokens, link: MailLink, lead: str, url: str) -> str | None:
    """Where a URL that counts clicks leads, if it counts this reader's."""
    click = _read(tokens.read_click, lead, url)
    return click.target if click is not None and click[:2] == link else None


def _opened(tokens: Tokens, lead: str, url: str) -> MailLink | StepOpened | ReaderOpened | None:
    """What a picture counts when it is fetched."""
    return _read(lambda token: tokens.read_open(token.removesuffix(".gif")), lead, url)
